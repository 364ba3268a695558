//! When to try again.

use crate::Retries;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::time::{Duration, SystemTime};

/// The longest time that a server's word is taken for.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Reads `Retry-After`, in seconds or as a date.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).unwrap_or_default(),
    };
    Some(wait.min(LONGEST))
}

/// Returns whether a status may be another one the next time.
pub(crate) fn may_pass(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

impl Retries {
    /// Returns how long to wait after an attempt, counted from 0, or `None` to give up.
    pub(crate) fn wait(&self, attempt: u32, asked: Option<Duration>) -> Option<Duration> {
        if attempt.saturating_add(1) >= self.attempts || asked.is_some_and(|asked| asked > self.longest) {
            return None;
        }
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(attempt.min(16))).min(self.longest);
        // A little off, so that many who were refused together don't come back together.
        let noise =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.subsec_nanos());
        Some(asked.unwrap_or_default().max(doubled.mul_f64(0.75 + f64::from(noise % 1_000) / 4_000.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end() {
        let retries =
            Retries { attempts: 3, first: Duration::from_millis(100), longest: Duration::from_secs(1) };
        assert!(retries.wait(0, None) <= Some(Duration::from_millis(100)));
        assert!(retries.wait(1, None) >= Some(Duration::from_millis(150)));
        assert_eq!(retries.wait(2, None), None);
        assert_eq!(retries.wait(0, Some(Duration::from_secs(1))), Some(Duration::from_secs(1)));
        assert_eq!(retries.wait(0, Some(Duration::from_secs(2))), None, "longer than one waits");
        assert_eq!(Retries::none().wait(0, None), None);
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read("Thu, 01 Jan 1970 00:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("99999999999"), Some(LONGEST));
        assert_eq!(read("soon"), None);
    }
}
