//! Kustomization: a path of a source, built and applied.

mod build;
pub(crate) mod decrypt;
mod generate;
pub(crate) mod reconcile;
mod remotes;
mod variables;
mod warnings;

pub use build::{BuildError, Built, build, build_decrypted};
pub use generate::{Generated, generate, is_manifest, near_directory};
pub use variables::substitute;
