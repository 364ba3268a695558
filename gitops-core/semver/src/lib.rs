//! Versions and ranges with the rules of Masterminds/semver v3, which Helm and Flux use.
//!
//! These are not the rules of Cargo or npm: `1.2` is a version, a comma and a blank both mean "and", `>1.2` excludes
//! all of `1.2.x`, and a pre-release lies in a range only where the range names one.

mod constraint;
mod grammar;
mod version;

pub use constraint::{Constraint, ConstraintError};
pub use version::{Version, VersionError};
