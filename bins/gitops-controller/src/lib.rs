//! The reference controller as a library: the loop that drives the reconcilers, and the world of real adapters, for
//! binaries to embed.

mod any_cluster;
mod configs;
mod drift;
mod folders;
mod made;
mod manager;
mod metrics;
mod real_world;
mod serve;
mod webhooks;

pub use any_cluster::{AnyCluster, AnyWatch};
pub use folders::{FoldersOrGit, Instead, fingerprint, read_folder};
pub use manager::{Manager, ManagerOptions, Progress};
pub use metrics::{CONTENT_TYPE, Metrics};
pub use real_world::{MemoryStore, RealWorld, Store, SystemClock};
pub use serve::{plain, serve};
pub use webhooks::serve_webhooks;
