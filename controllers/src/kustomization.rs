//! Kustomization: a path of a source, built and applied.

mod build;
mod generate;
pub(crate) mod reconcile;
mod variables;

pub use build::{BuildError, Built, build};
pub use generate::{Generated, generate, is_manifest, near_directory};
pub use variables::substitute;
