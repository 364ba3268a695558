//! Runs the crate as its users do, and against what the real programs wrote.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "tests read files")]
mod advisories;
mod differential;
mod fleets;
mod hostile;
mod kustomize;
mod remotes;
