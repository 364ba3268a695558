//! Whether versions lie in ranges, as Helm asks it: what can't be read lies nowhere.

use gitops_semver::{Constraint, Version};

pub(crate) fn is_version(text: &str) -> bool {
    Version::parse(text).is_ok()
}

/// Returns whether a version lies in a range, as Helm asks it: what can't be read lies nowhere.
#[must_use]
pub fn is_in_range(range: &str, version: &str) -> bool {
    let (Ok(version), Ok(range)) = (Version::parse(version), Constraint::parse(range)) else { return false };
    range.check(&version)
}
