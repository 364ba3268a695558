//! The command line, run as its users run it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod artifact;
mod build_remote;
mod cluster;
mod create;
mod dependency;
mod fleet;
mod flux_commands;
mod image;
mod install;
mod kustomize_edit;
#[cfg(unix)]
mod local_cluster;
mod migrate;
mod remote;
#[path = "../../../../adapters/transport/tests/it/server.rs"]
mod server;
mod up;
