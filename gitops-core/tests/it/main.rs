//! Runs the crate as its users do, and against what the real programs wrote.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::unwrap_used, reason = "tests read files")]
#[cfg(feature = "testing")]
mod apply;
mod artifact;
mod cel;
#[cfg(feature = "testing")]
mod converge;
mod definitions;
mod envsubst;
#[cfg(feature = "testing")]
mod faults;
mod inventory;
mod kstatus;
mod sourceignore;
mod sources;
mod trees;
#[cfg(feature = "testing")]
mod wait;
