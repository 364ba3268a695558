//! The embedded cluster, through its port and over HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "tests fail by panicking and say what they skip"
)]

mod fidelity;
mod hostile;
mod kubectl;
mod port;
mod simulate;
mod state;
