//! The reference controller as a library: the loop that drives the reconcilers, for binaries to embed.

mod manager;

pub use manager::{Manager, ManagerOptions, Progress};
