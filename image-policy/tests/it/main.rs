//! Runs the crate against what Flux answered, and against rules that hold for any input.
#![allow(clippy::unwrap_used, reason = "tests")]

mod bad_input;
mod commit_template;
mod image_policy;
mod minimal_edits;
mod setters;
