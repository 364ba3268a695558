//! The pure layer that the GitOps engines share: objects, schemas, merging, trees, ports.

pub mod api;
pub mod apply;
pub mod artifact;
pub mod cel;
pub mod digest;
pub mod git_location;
pub mod health;
pub mod merge;
pub mod object;
pub mod ports;
pub mod revision;
pub mod schema;
pub mod substitute;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tree;

pub use gitops_yaml::{did_you_mean, edit_distance};
