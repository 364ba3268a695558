//! Releases of Helm's charts: what a HelmRelease asks for, done as Helm does it, over the ports of this workspace.

mod chart;
mod cluster;
pub(crate) mod reconcile;
mod secrets;
mod wait;

pub use cluster::ReleaseCluster;
pub use secrets::{ReleaseClock, ReleaseSecrets};
pub use wait::{Waiting, WaitingStrategy};
