//! Fetches and pushes against git's own servers: `git http-backend` behind a small web server of the tests, `git upload-pack`
//! and `git receive-pack` on this machine, and OpenSSH's server where it is installed.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests fail by panicking and say what they skip"
)]

#[path = "../../../transport/tests/it/certificates.rs"]
mod certificates;
mod fetch;
mod hostile;
mod login;
mod push;
mod repository;
mod server;
mod signatures;
mod ssh;
mod sshd;
