//! Releases of Helm's charts: what a HelmRelease asks for, done as Helm does it, over the ports of this workspace.

mod cluster;
mod secrets;
mod wait;

pub use cluster::ReleaseCluster;
pub use secrets::{ReleaseClock, ReleaseSecrets};
pub use wait::{Waiting, WaitingStrategy};
