//! The command line, run as its users run it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod artifact;
mod bootstrap;
mod build_remote;
mod charts;
mod cluster;
mod create;
mod dependency;
mod fleet;
mod fleet_cache;
mod fleet_fetch;
mod flux_commands;
#[path = "../../../../adapters/git/tests/it/server.rs"]
#[allow(dead_code, reason = "shared with tests that ask more of it")]
mod git_server;
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
