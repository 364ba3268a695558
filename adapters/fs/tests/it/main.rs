//! Runs the crate as its users do, and against what the real programs wrote.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "tests read files")]
mod folder;
mod store;
