//! The pure layer that the GitOps engines share: objects, schemas, merging, trees, ports.

mod near_miss;
pub mod tree;

pub use near_miss::{did_you_mean, edit_distance};
