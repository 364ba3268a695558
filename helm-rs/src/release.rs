//! Releases: charts that were rendered and applied, and how they change.

mod name;

pub use name::check_name;
