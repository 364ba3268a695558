//! Dates and times as plain scalars, read by the four layouts that go-yaml accepts and printed as RFC 3339.

use std::fmt;

/// A point in time, to the nanosecond, with the offset that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp {
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    nanosecond: u32,
    offset_minutes: i32,
}

/// Returns whether a text starts as every date does: four digits and a dash.
pub(crate) fn looks_like_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() > 5 && bytes[4] == b'-' && bytes[..4].iter().all(u8::is_ascii_digit)
}

impl Timestamp {
    /// Reads `2006-1-2`, `2006-1-2 15:4:5.9` (in UTC), `2006-1-2T15:4:5.9Z` and the same with `t` or an offset.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if !looks_like_timestamp(text) {
            return None;
        }
        let mut rest = Cursor(text.as_bytes());
        let mut time = Self {
            year: rest.exactly_four()?,
            month: rest.after(b'-')?.number()?,
            day: rest.after(b'-')?.number()?,
            hour: 0,
            minute: 0,
            second: 0,
            nanosecond: 0,
            offset_minutes: 0,
        };
        if !rest.0.is_empty() {
            let zoned = match rest.0[0] {
                b'T' | b't' => {
                    rest.0 = &rest.0[1..];
                    true
                }
                b' ' => {
                    rest.0 = rest.0.trim_ascii_start_spaces();
                    false
                }
                _ => return None,
            };
            time.hour = rest.number()?;
            time.minute = rest.after(b':')?.number()?;
            time.second = rest.after(b':')?.number()?;
            time.nanosecond = rest.fraction();
            if zoned {
                time.offset_minutes = rest.zone()?;
            }
            if !rest.0.is_empty() {
                return None;
            }
        }
        time.is_valid().then_some(time)
    }

    fn is_valid(self) -> bool {
        let leap =
            self.year.is_multiple_of(4) && !self.year.is_multiple_of(100) || self.year.is_multiple_of(400);
        let days = match self.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return false,
        };
        (1..=days).contains(&self.day) && self.hour < 24 && self.minute < 60 && self.second < 60
    }

    /// Returns whether Go can print the time as JSON, which wants an offset below a day.
    pub(crate) fn fits_json(self) -> bool {
        self.offset_minutes.abs() < 24 * 60
    }
}

/// Prints RFC 3339 with as many digits of the second as are needed, as Go's `time.RFC3339Nano`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second, nanosecond, offset_minutes } = *self;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if nanosecond != 0 {
            let digits = format!("{nanosecond:09}");
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        if offset_minutes == 0 {
            return f.write_str("Z");
        }
        let sign = if offset_minutes < 0 { '-' } else { '+' };
        write!(f, "{sign}{:02}:{:02}", offset_minutes.abs() / 60, offset_minutes.abs() % 60)
    }
}

/// The text that is not read yet.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn after(&mut self, byte: u8) -> Option<&mut Self> {
        self.0 = self.0.strip_prefix(&[byte])?;
        Some(self)
    }

    fn exactly_four(&mut self) -> Option<u32> {
        let (digits, rest) = self.0.split_at_checked(4)?;
        self.0 = rest;
        Some(decimal(digits))
    }

    /// One or two digits.
    fn number(&mut self) -> Option<u32> {
        let length = self.0.iter().take(2).take_while(|byte| byte.is_ascii_digit()).count();
        if length == 0 {
            return None;
        }
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(decimal(digits))
    }

    /// The fraction of a second in nanoseconds, 0 where there is none. Go takes a comma too.
    fn fraction(&mut self) -> u32 {
        if !matches!(self.0, [b'.' | b',', b'0'..=b'9', ..]) {
            return 0;
        }
        let length = self.0[1..].iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0[1..].split_at(length);
        self.0 = rest;
        decimal(digits) * 10u32.pow(9 - u32::try_from(length).unwrap_or(9))
    }

    /// `Z`, `+07:00` or `-07:00`, in minutes. Go lets an offset have 24 hours and 60 minutes.
    fn zone(&mut self) -> Option<i32> {
        if let Some(rest) = self.0.strip_prefix(b"Z") {
            self.0 = rest;
            return Some(0);
        }
        let [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2, rest @ ..] = self.0 else { return None };
        if ![h1, h2, m1, m2].into_iter().all(u8::is_ascii_digit) {
            return None;
        }
        let (hours, minutes) = (decimal(&[*h1, *h2]), decimal(&[*m1, *m2]));
        if hours > 24 || minutes > 60 {
            return None;
        }
        self.0 = rest;
        let offset = i32::try_from(hours * 60 + minutes).ok()?;
        Some(if *sign == b'-' { -offset } else { offset })
    }
}

trait TrimSpaces {
    fn trim_ascii_start_spaces(&self) -> &Self;
}

impl TrimSpaces for [u8] {
    fn trim_ascii_start_spaces(&self) -> &Self {
        let spaces = self.iter().take_while(|&&byte| byte == b' ').count();
        &self[spaces..]
    }
}

/// Reads at most nine digits.
fn decimal(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: Option<&str>) {
        assert_eq!(Timestamp::parse(text).map(|time| time.to_string()).as_deref(), wanted, "{text}");
    }

    #[test]
    fn reads_the_four_layouts() {
        check("2001-1-2", Some("2001-01-02T00:00:00Z"));
        check("2001-12-14 21:59:43.10", Some("2001-12-14T21:59:43.1Z"));
        check("2001-12-14t21:59:43.10-05:00", Some("2001-12-14T21:59:43.1-05:00"));
        check("2001-12-14T2:5:4Z", Some("2001-12-14T02:05:04Z"));
    }

    #[test]
    fn refuses_what_go_refuses() {
        for text in
            ["2001-13-01", "2001-02-29", "2001-1-2 1:2", "2001-1-2 1:2:3 -5", "2001-1-2T1:2:3", "12-1-2"]
        {
            check(text, None);
        }
        check("2000-02-29", Some("2000-02-29T00:00:00Z"));
    }
}
