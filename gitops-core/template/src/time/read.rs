//! Reads a time by a layout, as Go's `ParseInLocation` with the caller's zone.

use super::civil::{Date, MONTHS, WEEKDAYS, days_before, days_in, days_of, is_leap};
use super::duration::quote;
use super::layout::{Cut, Offset, OffsetUnit, Padding, Part, cut};
use super::moment::{Moment, unzoned};
use super::zone::Zone;
use crate::world::World;

/// Why a part can't be read.
enum Failure {
    /// The text has not the part's form.
    Form,
    /// This is out of range.
    Range(&'static str),
}

type Step<T = ()> = Result<T, Failure>;

/// What was read so far.
#[derive(Default)]
struct Read {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanoseconds: u32,
    noon: Option<Noon>,
    utc: bool,
    offset: Option<i32>,
    zone_name: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Noon {
    Before,
    After,
}

/// Reads a time; the zone is the world's where the text names none.
pub(crate) fn read(layout: &str, text: &str, world: &dyn World) -> Result<Moment, String> {
    let refuse = |element: &str, value: &[u8]| {
        format!(
            "parsing time {} as {}: cannot parse {} as {}",
            quote(text.as_bytes()),
            quote(layout.as_bytes()),
            quote(value),
            quote(element.as_bytes())
        )
    };
    let said = |what: &str| format!("parsing time {}: {what}", quote(text.as_bytes()));
    let mut read = Read::default();
    let (mut rest, mut value) = (layout, text.as_bytes());
    loop {
        let Cut { before, part, written, after } = cut(rest);
        value = skip(value, before.as_bytes()).map_err(|value| refuse(before, value))?;
        let Some(part) = part else {
            if !value.is_empty() {
                return Err(said(&format!("extra text: {}", quote(value))));
            }
            break;
        };
        rest = after;
        let held = value;
        match read.part(part, &mut value, rest) {
            Ok(()) => {}
            Err(Failure::Form) => return Err(refuse(written, held)),
            Err(Failure::Range(what)) => return Err(said(&format!("{what} out of range"))),
        }
    }
    read.moment(world).map_err(said)
}

/// Removes plain text from the start; runs of blanks are equal.
fn skip<'v>(mut value: &'v [u8], mut plain: &[u8]) -> Result<&'v [u8], &'v [u8]> {
    let without_blanks = |text: &mut &[u8]| {
        while let Some(after) = text.strip_prefix(b" ") {
            *text = after;
        }
    };
    while let Some((&wanted, after)) = plain.split_first() {
        if wanted == b' ' {
            if value.first().is_some_and(|first| *first != b' ') {
                return Err(value);
            }
            without_blanks(&mut plain);
            while let Some(after) = value.strip_prefix(b" ") {
                value = after;
            }
            continue;
        }
        match value.split_first() {
            Some((&first, rest)) if first == wanted => value = rest,
            _ => return Err(value),
        }
        plain = after;
    }
    Ok(value)
}

impl Read {
    fn part(&mut self, part: Part, value: &mut &[u8], layout: &str) -> Step {
        match part {
            Part::ShortYear => {
                let year = signed(take(value, 2)?)?;
                self.year = year + if year >= 69 { 1_900 } else { 2_000 };
            }
            Part::LongYear => {
                if !digit(value, 0) {
                    return Err(Failure::Form);
                }
                self.year = signed(take(value, 4)?)?;
            }
            Part::ShortMonth => self.month = Some(name(value, &MONTHS, Some(3))? + 1),
            Part::LongMonth => self.month = Some(name(value, &MONTHS, None)? + 1),
            Part::Month { padded } => {
                self.month = Some(in_range(number(value, padded)?, 1..=12, "month")?);
            }
            Part::ShortWeekday => drop(name(value, &WEEKDAYS, Some(3))?),
            Part::LongWeekday => drop(name(value, &WEEKDAYS, None)?),
            Part::Day(padding) => {
                if padding == Padding::Space {
                    *value = value.strip_prefix(b" ").unwrap_or(value);
                }
                self.day = Some(number(value, padding == Padding::Zero)?);
            }
            Part::YearDay(padding) => {
                for _ in 0..2 {
                    if padding == Padding::Space {
                        *value = value.strip_prefix(b" ").unwrap_or(value);
                    }
                }
                self.year_day = Some(three_digits(value, padding == Padding::Zero)?);
            }
            Part::Hour24 => self.hour = in_range(number(value, false)?, 0..=23, "hour")?,
            Part::Hour12 { padded } => self.hour = in_range(number(value, padded)?, 0..=12, "hour")?,
            Part::Minute { padded } => self.minute = in_range(number(value, padded)?, 0..=59, "minute")?,
            Part::Second { padded } => {
                self.second = in_range(number(value, padded)?, 0..=59, "second")?;
                // A fraction may follow, even where the layout has none.
                if is_separator(value)
                    && digit(value, 1)
                    && !matches!(cut(layout).part, Some(Part::Fraction(_)))
                {
                    self.fraction(value)?;
                }
            }
            Part::UpperNoon => self.noon(take(value, 2)?, b"AM", b"PM")?,
            Part::LowerNoon => self.noon(take(value, 2)?, b"am", b"pm")?,
            Part::Offset(offset) => self.offset(value, offset)?,
            Part::ZoneName => self.zone_name(value)?,
            Part::Fraction(fraction) if fraction.trimmed => {
                if is_separator(value) && digit(value, 1) {
                    self.fraction(value)?;
                }
            }
            Part::Fraction(fraction) => {
                let taken = take(value, 1 + fraction.digits)?;
                if !is_separator(taken) || !taken[1..].iter().all(u8::is_ascii_digit) {
                    return Err(Failure::Form);
                }
                self.nanoseconds = nanoseconds(&taken[1..]);
            }
        }
        Ok(())
    }

    /// Reads a separator and as many digits as follow.
    fn fraction(&mut self, value: &mut &[u8]) -> Step {
        let digits = value[1..].iter().take_while(|b| b.is_ascii_digit()).count();
        let taken = take(value, 1 + digits)?;
        self.nanoseconds = nanoseconds(&taken[1..]);
        Ok(())
    }

    fn noon(&mut self, text: &[u8], before: &[u8], after: &[u8]) -> Step {
        self.noon = Some(match text {
            text if text == before => Noon::Before,
            text if text == after => Noon::After,
            _ => return Err(Failure::Form),
        });
        Ok(())
    }

    fn offset(&mut self, value: &mut &[u8], offset: Offset) -> Step {
        if offset.z
            && let Some(after) = value.strip_prefix(b"Z")
        {
            *value = after;
            self.utc = true;
            return Ok(());
        }
        let (length, colons): (usize, &[usize]) = match (offset.unit, offset.colon) {
            (OffsetUnit::Hours, _) => (3, &[]),
            (OffsetUnit::Minutes, false) => (5, &[]),
            (OffsetUnit::Minutes, true) => (6, &[3]),
            (OffsetUnit::Seconds, false) => (7, &[]),
            (OffsetUnit::Seconds, true) => (9, &[3, 6]),
        };
        let text = take(value, length)?;
        if colons.iter().any(|at| text[*at] != b':') {
            return Err(Failure::Form);
        }
        let step = if offset.colon { 3 } else { 2 };
        let mut failed = false;
        let mut pair = |index: usize| -> i32 {
            let at = 1 + index * step;
            match text.get(at..at + 2) {
                Some([a @ b'0'..=b'9', b @ b'0'..=b'9']) if !failed => {
                    i32::from(a - b'0') * 10 + i32::from(b - b'0')
                }
                Some(_) => {
                    failed = true;
                    0
                }
                None => 0,
            }
        };
        let (hours, minutes, seconds) = (pair(0), pair(1), pair(2));
        // What is out of range is said before what has no form, and of several the last.
        let ranges = [
            (hours, 24, "time zone offset hour"),
            (minutes, 60, "time zone offset minute"),
            (seconds, 60, "time zone offset second"),
        ];
        if let Some((_, _, what)) = ranges.into_iter().rev().find(|(found, most, _)| found > most) {
            return Err(Failure::Range(what));
        }
        if failed {
            return Err(Failure::Form);
        }
        let east = (hours * 60 + minutes) * 60 + seconds;
        self.offset = Some(match text[0] {
            b'+' => east,
            b'-' => -east,
            _ => return Err(Failure::Form),
        });
        Ok(())
    }

    fn zone_name(&mut self, value: &mut &[u8]) -> Step {
        if let Some(after) = value.strip_prefix(b"UTC") {
            *value = after;
            self.utc = true;
            return Ok(());
        }
        let length = zone_name_length(value).ok_or(Failure::Form)?;
        let name = take(value, length)?;
        self.zone_name = Some(String::from_utf8_lossy(name).into_owned());
        Ok(())
    }

    fn moment(mut self, world: &dyn World) -> Result<Moment, &'static str> {
        match self.noon {
            Some(Noon::After) if self.hour < 12 => self.hour += 12,
            Some(Noon::Before) if self.hour == 12 => self.hour = 0,
            _ => {}
        }
        let (month, day) = self.month_and_day()?;
        if day < 1 || day > days_in(month, self.year) {
            return Err("day out of range");
        }
        let days = days_of(Date { year: self.year, month, day });
        let clock = days * 86_400 + self.hour * 3_600 + self.minute * 60 + self.second;
        let at = |seconds: i64, zone: Zone| Ok(Moment::new(seconds, self.nanoseconds, zone));
        if self.utc {
            return at(clock, Zone::Utc);
        }
        if let Some(offset) = self.offset {
            let seconds = clock - i64::from(offset);
            let (local, name) = world.local_zone(seconds);
            let written = self.zone_name.unwrap_or_default();
            if local == offset && (written.is_empty() || written == name) {
                return at(seconds, Zone::Fixed(local, name));
            }
            return at(seconds, Zone::Fixed(offset, written));
        }
        let (local, name) = world.local_zone(clock);
        if let Some(written) = self.zone_name {
            if written == name {
                return at(clock - i64::from(local), Zone::Fixed(local, name));
            }
            let hours = written.strip_prefix("GMT").and_then(|hours| hours.parse::<i32>().ok()).unwrap_or(0);
            return at(clock, Zone::Fixed(hours * 3_600, written));
        }
        let seconds = unzoned(&Zone::Fixed(local, name), clock);
        at(seconds, Zone::local(world, seconds))
    }

    fn month_and_day(&self) -> Result<(i64, i64), &'static str> {
        let Some(mut year_day) = self.year_day else {
            return Ok((self.month.unwrap_or(1), self.day.unwrap_or(1)));
        };
        let leap_day = is_leap(self.year) && year_day == 60;
        if is_leap(self.year) && year_day > 60 {
            year_day -= 1;
        }
        if !(1..=365).contains(&year_day) {
            return Err("day-of-year out of range");
        }
        let (month, day) = if leap_day {
            (2, 29)
        } else {
            let mut month = (year_day - 1) / 31 + 1;
            if days_before(month + 1) < year_day {
                month += 1;
            }
            (month, year_day - days_before(month))
        };
        if self.month.is_some_and(|found| found != month) {
            return Err("day-of-year does not match month");
        }
        if self.day.is_some_and(|found| found != day) {
            return Err("day-of-year does not match day");
        }
        Ok((month, day))
    }
}

fn take<'v>(value: &mut &'v [u8], count: usize) -> Step<&'v [u8]> {
    let (taken, rest) = value.split_at_checked(count).ok_or(Failure::Form)?;
    *value = rest;
    Ok(taken)
}

fn digit(value: &[u8], at: usize) -> bool {
    value.get(at).is_some_and(u8::is_ascii_digit)
}

fn is_separator(value: &[u8]) -> bool {
    matches!(value.first(), Some(b'.' | b','))
}

/// A number that may have a sign, as Go's internal reader of years takes it.
fn signed(text: &[u8]) -> Step<i64> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Failure::Form)
}

fn in_range(number: i64, range: std::ops::RangeInclusive<i64>, what: &'static str) -> Step<i64> {
    if range.contains(&number) { Ok(number) } else { Err(Failure::Range(what)) }
}

/// One or two digits; two where `fixed`.
fn number(value: &mut &[u8], fixed: bool) -> Step<i64> {
    match (digit(value, 0), digit(value, 1)) {
        (false, _) => Err(Failure::Form),
        (true, true) => signed(take(value, 2)?),
        (true, false) if fixed => Err(Failure::Form),
        (true, false) => signed(take(value, 1)?),
    }
}

/// One to three digits; three where `fixed`.
fn three_digits(value: &mut &[u8], fixed: bool) -> Step<i64> {
    let digits = value.iter().take(3).take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 || (fixed && digits != 3) {
        return Err(Failure::Form);
    }
    signed(take(value, digits)?)
}

/// One of the names, in any case, or of as many of their letters; returns which.
fn name(value: &mut &[u8], names: &[&str], letters: Option<usize>) -> Step<i64> {
    for (index, name) in names.iter().enumerate() {
        let name = letters.map_or(*name, |letters| &name[..letters]);
        if value.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes())) {
            *value = &value[name.len()..];
            return i64::try_from(index).map_err(|_| Failure::Form);
        }
    }
    Err(Failure::Form)
}

/// The nanoseconds of a fraction's digits; what is finer is cut off.
fn nanoseconds(digits: &[u8]) -> u32 {
    (0..9).fold(0, |sum, at| sum * 10 + digits.get(at).map_or(0, |digit| u32::from(digit - b'0')))
}

/// How long the zone's name is that stands here, if one does.
fn zone_name_length(value: &[u8]) -> Option<usize> {
    if value.len() < 3 {
        return None;
    }
    if value.starts_with(b"ChST") || value.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(after) = value.strip_prefix(b"GMT") {
        return Some(3 + signed_offset_length(after));
    }
    if matches!(value[0], b'+' | b'-') {
        return Some(signed_offset_length(value)).filter(|length| *length > 0);
    }
    match value.iter().take(6).take_while(|b| b.is_ascii_uppercase()).count() {
        3 => Some(3),
        4 if value[3] == b'T' || value.starts_with(b"WITA") => Some(4),
        5 if value[4] == b'T' => Some(5),
        _ => None,
    }
}

/// The length of `+3` or `-04`, of at most 23 hours.
fn signed_offset_length(value: &[u8]) -> usize {
    let Some((b'+' | b'-', digits)) = value.split_first() else { return 0 };
    let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    let hours = std::str::from_utf8(&digits[..count]).ok().and_then(|text| text.parse::<u64>().ok());
    match hours {
        Some(hours) if hours <= 23 => 1 + count,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Hermetic;

    #[track_caller]
    fn check(layout: &str, text: &str, wanted: &str) {
        let found = match read(layout, text, &Hermetic) {
            Ok(moment) => moment.format("2006-01-02T15:04:05.999999999 -0700 MST"),
            Err(error) => error,
        };
        assert_eq!(found, wanted);
    }

    #[test]
    fn times_are_read_by_their_layout() {
        check("2006-01-02", "2017-12-31", "2017-12-31T00:00:00 +0000 UTC");
        check("Jan _2 15:04:05 2006", "feb  3 4:05:06.75 2021", "2021-02-03T04:05:06.75 +0000 UTC");
        check("2006-01-02T15:04:05Z07:00", "2020-02-29T12:00:00+02:00", "2020-02-29T12:00:00 +0200 +0200");
        check("3:04PM MST", "12:30AM CEST", "0000-01-01T00:30:00 +0000 CEST");
        check("2006 002", "2024 060", "2024-02-29T00:00:00 +0000 UTC");
        check("06 1", "70 3", "1970-03-01T00:00:00 +0000 UTC");
    }

    #[test]
    fn refusals_are_worded_as_in_go() {
        check("2006-01-02", "2017-13-31", "parsing time \"2017-13-31\": month out of range");
        check("2006-01-02", "2017-02-29", "parsing time \"2017-02-29\": day out of range");
        check("2006", "20", "parsing time \"20\" as \"2006\": cannot parse \"20\" as \"2006\"");
        check("2006", "2006x", "parsing time \"2006x\": extra text: \"x\"");
        check("a 1", "b 1", "parsing time \"b 1\" as \"a 1\": cannot parse \"b 1\" as \"a \"");
    }
}
