//! Times as the API writes them.

use std::time::Duration;

use jiff::Timestamp;

/// Writes a time since the Unix epoch as RFC 3339 in whole seconds: `2026-01-02T03:04:05Z`.
#[must_use]
pub fn rfc3339(time: Duration) -> String {
    i64::try_from(time.as_secs())
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .unwrap_or(Timestamp::MAX)
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

/// Writes a time since the Unix epoch as RFC 3339 with nanoseconds.
#[must_use]
pub fn rfc3339_nano(time: Duration) -> String {
    let start = rfc3339(time);
    format!("{}.{:09}Z", start.trim_end_matches('Z'), time.subsec_nanos())
}

/// Reads RFC 3339; `None` where it is none, or lies before 1970.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<Duration> {
    let time: Timestamp = text.parse().ok()?;
    let seconds = u64::try_from(time.as_second()).ok()?;
    let nanos = u32::try_from(time.subsec_nanosecond()).ok()?;
    Some(Duration::new(seconds, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back() {
        let time = Duration::from_secs(1_767_323_045);
        assert_eq!(rfc3339(time), "2026-01-02T03:04:05Z");
        assert_eq!(parse_rfc3339("2026-01-02T03:04:05Z"), Some(time));
        assert_eq!(rfc3339_nano(time + Duration::from_nanos(7)), "2026-01-02T03:04:05.000000007Z");
        assert_eq!(parse_rfc3339("yesterday"), None);
    }
}
