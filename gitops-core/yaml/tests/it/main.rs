//! Runs the crate as its users do, and against what Go's libraries wrote.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::unwrap_used, reason = "tests read files")]

mod editing;
mod helm_encoding;
mod hostile;
mod printing;
mod properties;
mod reading;
mod refusals;
