//! Times and durations: read, shown and taken apart. Zones are UTC or offsets.

use super::methods::unknown;
use super::value::Value;
use crate::api::GoDuration;

const SECOND: i128 = 1_000_000_000;
/// 0001-01-01 and 9999-12-31, as cel-go bounds times.
const FIRST: i128 = -62_135_596_800 * SECOND;
const LAST: i128 = 253_402_300_800 * SECOND - 1;

pub(super) fn checked<'a>(time: i128) -> Result<Value<'a>, String> {
    if (FIRST..=LAST).contains(&time) { Ok(Value::Time(time)) } else { Err("timestamp overflow".to_owned()) }
}

/// Days since 1970 of a day of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a day since 1970.
fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// Reads RFC 3339.
pub(super) fn read<'a>(text: &str) -> Result<Value<'a>, String> {
    let wrong = || format!("invalid timestamp: parsing time {text:?} as RFC 3339");
    let digits = |from: usize, to: usize| -> Option<i64> {
        let part = text.get(from..to)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
    };
    let bytes = text.as_bytes();
    let is = |at: usize, byte: u8| bytes.get(at) == Some(&byte);
    let shape = is(4, b'-') && is(7, b'-') && is(10, b'T') && is(13, b':') && is(16, b':');
    let parts = [(0, 4), (5, 7), (8, 10), (11, 13), (14, 16), (17, 19)].map(|(from, to)| digits(from, to));
    let [Some(year), Some(month), Some(day), Some(hour), Some(minute), Some(second)] = parts else {
        return Err(wrong());
    };
    let known = days(year, month, day);
    if !shape
        || !(1..=12).contains(&month)
        || date(known) != (year, month, day)
        || hour > 23
        || minute > 59
        || second > 59
    {
        return Err(wrong());
    }
    let mut rest = text.get(19..).unwrap_or_default();
    let mut nanoseconds = 0_i128;
    if let Some(fraction) = rest.strip_prefix('.') {
        let count = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if count == 0 {
            return Err(wrong());
        }
        let mut scale = SECOND;
        for digit in fraction.bytes().take(count.min(9)) {
            scale /= 10;
            nanoseconds += i128::from(digit - b'0') * scale;
        }
        rest = &fraction[count..];
    }
    let offset = offset(rest).ok_or_else(wrong)?;
    let seconds = known * 86_400 + hour * 3_600 + minute * 60 + second - offset;
    checked(i128::from(seconds) * SECOND + nanoseconds)
}

/// Seconds east of UTC: `Z`, `+02:00`.
fn offset(text: &str) -> Option<i64> {
    if text == "Z" || text == "z" {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = text.strip_prefix(['+', '-'])?.split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

pub(super) fn shown(time: i128) -> String {
    let seconds = i64::try_from(time.div_euclid(SECOND)).unwrap_or(0);
    let (year, month, day) = date(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    let fraction = format!("{:09}", time.rem_euclid(SECOND));
    let fraction = fraction.trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}{dot}{fraction}Z",
        of_day / 3_600,
        of_day / 60 % 60,
        of_day % 60
    )
}

pub(super) fn duration<'a>(text: &str) -> Result<Value<'a>, String> {
    let wrong = || format!("time: invalid duration {text:?}");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let length: GoDuration = digits.parse().map_err(|_| wrong())?;
    let nanoseconds = i64::try_from(length.0.as_nanos()).map_err(|_| wrong())?;
    Ok(Value::Duration(sign * nanoseconds))
}

#[allow(clippy::cast_precision_loss, reason = "shown as a float of seconds")]
pub(super) fn duration_shown(length: i64) -> String {
    format!("{}s", length as f64 / 1e9)
}

/// Takes a part of a time, in a zone.
pub(super) fn part<'a>(time: i128, name: &str, zone: &str) -> Result<Value<'a>, String> {
    let shift = match zone {
        "UTC" | "" => 0,
        _ => {
            let signed = if zone.starts_with(['+', '-']) { zone.to_owned() } else { format!("+{zone}") };
            offset(&signed).ok_or_else(|| format!("unknown time zone {zone}: use UTC or an offset"))?
        }
    };
    let local = time + i128::from(shift) * SECOND;
    let seconds = i64::try_from(local.div_euclid(SECOND)).unwrap_or(0);
    let day_number = seconds.div_euclid(86_400);
    let of_day = seconds.rem_euclid(86_400);
    let (year, month, day) = date(day_number);
    Ok(Value::Int(match name {
        "getFullYear" => year,
        "getMonth" => month - 1,
        "getDate" => day,
        "getDayOfMonth" => day - 1,
        "getDayOfWeek" => (day_number + 4).rem_euclid(7),
        "getDayOfYear" => day_number - days(year, 1, 1),
        "getHours" => of_day / 3_600,
        "getMinutes" => of_day / 60 % 60,
        "getSeconds" => of_day % 60,
        "getMilliseconds" => i64::try_from(local.rem_euclid(SECOND) / 1_000_000).unwrap_or(0),
        _ => return Err(unknown(name)),
    }))
}
