//! Chart repositories and webhooks that behave, that misbehave, and a real server.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]
mod notify;
mod repository;
#[path = "../../../transport/tests/it/server.rs"]
mod server;
