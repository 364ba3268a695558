//! The adapter request by request against a service in this process, and against a real API server.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]
mod bad_input;
mod login;
mod requests;
mod server;
mod servers;
