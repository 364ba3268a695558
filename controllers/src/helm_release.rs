//! Releases of Helm's charts: what a HelmRelease asks for, done as Helm does it, over the ports of this workspace.

mod act;
mod chart;
mod cluster;
mod decide;
mod drift;
pub(crate) mod finish;
mod lookups;
mod names;
pub(crate) mod reconcile;
mod secrets;
mod unfollowed;
mod values;
mod wait;

pub use cluster::ReleaseCluster;
pub use names::ReleaseNames;
pub use secrets::{ReleaseClock, ReleaseSecrets};
pub use values::{Form, ReleaseValues, config_digest};
pub use wait::{Waiting, WaitingStrategy};
