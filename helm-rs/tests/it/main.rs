//! Runs the crate as its users do, and against what the real programs wrote.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests read files, and a panic is a failed test"
)]

mod chart;
mod charts;
mod differential;
mod files;
mod hostile;
mod json;
mod kept_texts;
mod manifests;
mod release;
mod reports;
mod repository_index;
mod sprig;
mod values;
