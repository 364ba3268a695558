//! The reference controller as a library: the loop that drives the reconcilers, and the world of real adapters, for
//! binaries to embed.

mod any_cluster;
mod drift;
mod folders;
mod manager;
mod real_world;

pub use any_cluster::{AnyCluster, AnyWatch};
pub use folders::FoldersOrGit;
pub use manager::{Manager, ManagerOptions, Progress};
pub use real_world::{MemoryStore, RealWorld, SystemClock};
