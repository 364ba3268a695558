//! Registries that behave, that misbehave, and a real one.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]
#[path = "../../../transport/tests/it/certificates.rs"]
mod certificates;
mod credentials;
mod hostile;
mod real;
mod registry;
#[path = "../../../transport/tests/it/server.rs"]
mod server;
mod tls;
