//! Durations in nanoseconds, as Go reads and rounds them: `1h2m3.5s`.

use std::fmt::Write as _;

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The largest magnitude, that of the smallest duration.
const LIMIT: u64 = 1 << 63;

fn write(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a string");
}

/// Reads a duration as Go's `ParseDuration` does.
pub(crate) fn parse_duration(text: &str) -> Result<i64, String> {
    let refuse = |what: &str| Err(format!("time: {what} {}", quote(text.as_bytes())));
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return refuse("invalid duration");
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let Some(whole) = leading_integer(&rest[..digits]) else { return refuse("invalid duration") };
        rest = &rest[digits..];
        let mut fraction = "";
        if let Some(after) = rest.strip_prefix('.') {
            let length = after.bytes().take_while(u8::is_ascii_digit).count();
            (fraction, rest) = after.split_at(length);
        }
        if digits == 0 && fraction.is_empty() {
            return refuse("invalid duration");
        }
        let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
        let (unit, after) = rest.split_at(end);
        rest = after;
        if unit.is_empty() {
            return refuse("missing unit in duration");
        }
        let Some((_, unit)) = UNITS.into_iter().find(|(name, _)| *name == unit) else {
            return refuse(&format!("unknown unit {} in duration", quote(unit.as_bytes())));
        };
        let value = whole.checked_mul(unit).and_then(|value| value.checked_add(scaled(fraction, unit)));
        match value.filter(|value| *value <= LIMIT).and_then(|value| total.checked_add(value)) {
            Some(sum) if sum <= LIMIT => total = sum,
            _ => return refuse("invalid duration"),
        }
    }
    match (negative, i64::try_from(total)) {
        (true, _) => Ok(0_i64.wrapping_sub_unsigned(total)),
        (false, Ok(total)) => Ok(total),
        (false, Err(_)) => refuse("invalid duration"),
    }
}

fn leading_integer(digits: &str) -> Option<u64> {
    if digits.is_empty() {
        return Some(0);
    }
    digits.parse().ok().filter(|value| *value <= LIMIT)
}

/// The nanoseconds of a fraction of a unit, in floats as Go computes them.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a fraction of a unit is small and not negative"
)]
fn scaled(fraction: &str, unit: u64) -> u64 {
    let (mut value, mut scale) = (0_u64, 1.0_f64);
    for digit in fraction.bytes() {
        let next = value.checked_mul(10).and_then(|value| value.checked_add(u64::from(digit - b'0')));
        match next.filter(|next| *next <= LIMIT) {
            Some(next) if value <= (LIMIT - 1) / 10 => (value, scale) = (next, scale * 10.0),
            _ => break,
        }
    }
    (value as f64 * (unit as f64 / scale)) as u64
}

/// Rounds half away from zero to a multiple, as Go's `Round`.
pub(crate) fn round_duration(duration: i64, multiple: i64) -> i64 {
    if multiple <= 0 {
        return duration;
    }
    let rest = duration % multiple;
    let truncated = duration - rest;
    if rest.unsigned_abs().saturating_mul(2) < multiple.unsigned_abs() {
        return truncated;
    }
    if duration < 0 { truncated.saturating_sub(multiple) } else { truncated.saturating_add(multiple) }
}

/// Rounds towards zero to a multiple, as Go's `Truncate`.
pub(crate) fn truncate_duration(duration: i64, multiple: i64) -> i64 {
    if multiple <= 0 { duration } else { duration - duration % multiple }
}

/// Quotes as Go's `time` does in its refusals: other bytes than printable ASCII as `\x`.
pub(super) fn quote(text: &[u8]) -> String {
    let mut out = String::from("\"");
    for &byte in text {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b' '..=b'\x7f' => out.push(char::from(byte)),
            byte => write(&mut out, format_args!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        for text in
            ["0s", "1ns", "1.5µs", "2.001ms", "1m0s", "1h0m0.5s", "-26h3m0s", "2562047h47m16.854775807s"]
        {
            assert_eq!(crate::printf::duration(parse_duration(text).expect("a duration")), text);
        }
        assert_eq!(parse_duration("-.5h"), Ok(-1_800_000_000_000));
        assert_eq!(parse_duration("-9223372036854775808ns"), Ok(i64::MIN));
        assert_eq!(
            parse_duration("9223372036854775808ns"),
            Err("time: invalid duration \"9223372036854775808ns\"".into())
        );
        assert_eq!(parse_duration("1"), Err("time: missing unit in duration \"1\"".into()));
        assert_eq!(parse_duration("1d"), Err("time: unknown unit \"d\" in duration \"1d\"".into()));
        assert_eq!(parse_duration("ü"), Err("time: invalid duration \"\\xc3\\xbc\"".into()));
    }

    #[test]
    fn halves_are_rounded_away_from_zero() {
        assert_eq!((round_duration(15, 10), round_duration(-15, 10), round_duration(14, 10)), (20, -20, 10));
        assert_eq!((truncate_duration(-19, 10), truncate_duration(19, 0)), (-10, 19));
    }
}
