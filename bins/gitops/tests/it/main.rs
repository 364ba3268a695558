//! The command line, run as its users run it.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests say what they skip")]

mod artifact;
mod bootstrap;
#[cfg(unix)]
mod bootstrap_provider;
#[cfg(unix)]
mod bootstrap_ssh;
mod build_remote;
mod charts;
mod cluster;
mod completion;
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
#[cfg(unix)]
#[path = "../../../../adapters/git/tests/it/sshd.rs"]
#[allow(
    dead_code,
    clippy::print_stderr,
    reason = "shared with tests that ask more of it; says what is skipped"
)]
mod sshd;
mod unread;
mod up;
