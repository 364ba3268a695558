//! Which of a repository's tags a range of versions means.

use gitops_regex::GoRegex;
use gitops_semver::{Constraint, Version};

/// The media type of a chart in a registry.
pub(crate) const CHART_LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// Returns the tag with the highest version in a range, among those that a regular expression matches, as OCIRepository picks
/// it: tags that are no version of three numbers are passed over. The tags of charts, which the layer's media type tells, have
/// `_` where their versions have `+`.
///
/// ```
/// use gitops_controllers::source::highest_tag;
/// let tags = ["6.0.0", "6.1.0-rc.1", "6.0.1", "latest"];
/// assert_eq!(highest_tag(&tags, "6.x", None, None), Ok("6.0.1"));
/// assert_eq!(highest_tag(&tags, ">=6.0.0-0", Some("rc"), None), Ok("6.1.0-rc.1"));
/// assert_eq!(highest_tag(&tags, "7.x", None, None).unwrap_err(), "no match found for semver: 7.x");
/// ```
///
/// # Errors
/// In Flux's words, where the range or the expression can't be read, or no tag fits.
pub fn highest_tag<'t, T: AsRef<str>>(
    tags: &'t [T],
    range: &str,
    filter: Option<&str>,
    media_type: Option<&str>,
) -> Result<&'t str, String> {
    let constraint =
        Constraint::parse(range).map_err(|why| format!("semver '{range}' parse error: {why}"))?;
    let filter = match filter {
        Some(pattern) => Some(
            GoRegex::new(pattern).map_err(|why| format!("filter '{pattern}' can not be compiled: {why}"))?,
        ),
        None => None,
    };
    let version = |tag: &str| match media_type {
        Some(CHART_LAYER) => Version::parse_tag(&tag.replace('_', "+")).ok(),
        _ => Version::parse_tag(tag).ok(),
    };
    let tags = tags.iter().map(AsRef::as_ref);
    let fitting = tags.filter(|tag| filter.as_ref().is_none_or(|filter| filter.is_match(tag)));
    let versions = fitting.filter_map(|tag| Some((version(tag)?, tag)));
    let found = versions.filter(|(version, _)| constraint.check(version)).max_by(|a, b| a.0.cmp(&b.0));
    found.map(|(_, tag)| tag).ok_or_else(|| format!("no match found for semver: {range}"))
}

/// Returns the tag of the chart version that a range means, as Helm picks it from a registry: the version itself where it is a
/// tag, else the highest one in the range; all ranges where it is empty. Tags have `_` where versions have `+`.
///
/// # Errors
/// Where the range can't be read, or no tag fits.
pub fn chart_tag<T: AsRef<str>>(tags: &[T], range: &str) -> Result<String, String> {
    let wanted = range.trim_start_matches('v').replace('+', "_");
    let is_exact = |tag: &&str| *tag == range.replace('+', "_") || *tag == wanted;
    if let Some(exact) = tags.iter().map(AsRef::as_ref).find(is_exact) {
        return Ok(exact.to_owned());
    }
    let text = if range.is_empty() { "*" } else { range };
    let constraint =
        Constraint::parse(text).map_err(|why| format!("invalid version range '{text}': {why}"))?;
    let versions = tags.iter().map(AsRef::as_ref).filter_map(|tag| {
        let version = Version::parse_strict(&tag.replace('_', "+")).ok()?;
        Some((version, tag))
    });
    let found = versions.filter(|(version, _)| constraint.check(version)).max_by(|a, b| a.0.cmp(&b.0));
    found
        .map(|(_, tag)| tag.to_owned())
        .ok_or_else(|| format!("could not locate a version matching provided version string {range}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_are_found_by_version_and_range() {
        let tags = ["1.0.0", "1.1.0_build.1", "2.0.0-rc.1", "latest", "1.10.0"];
        let found = |range: &str| chart_tag(&tags, range);
        assert_eq!(found("").as_deref(), Ok("1.10.0"));
        assert_eq!(found("1.1.0+build.1").as_deref(), Ok("1.1.0_build.1"));
        assert_eq!(found("2.0.0-rc.1").as_deref(), Ok("2.0.0-rc.1"));
        assert_eq!(found("v1.0.0").as_deref(), Ok("1.0.0"));
        assert_eq!(found("~1.1.0").as_deref(), Ok("1.1.0_build.1"));
        assert!(found("3.x").is_err() && found("no range").is_err());
    }

    #[test]
    fn what_is_no_version_or_expression_is_told() {
        let tags: [&str; 1] = ["1.0"];
        assert_eq!(highest_tag(&tags, "*", None, None).unwrap_err(), "no match found for semver: *");
        let built = ["1.0.0", "1.0.1_a"];
        assert_eq!(highest_tag(&built, "1.x", None, Some(CHART_LAYER)), Ok("1.0.1_a"));
        assert_eq!(highest_tag(&built, "1.x", None, None), Ok("1.0.0"));
        assert!(highest_tag(&tags, ">>1", None, None).unwrap_err().starts_with("semver '>>1' parse error: "));
        assert!(
            highest_tag(&tags, "*", Some("("), None)
                .unwrap_err()
                .starts_with("filter '(' can not be compiled")
        );
    }
}
