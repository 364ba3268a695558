//! Go's layouts: the reference time written as one wants all times written.

use super::civil::{Date, MONTHS, WEEKDAYS};
use super::moment::Moment;
use std::fmt::Write as _;

/// What a part of a layout stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    LongMonth,
    ShortMonth,
    /// Of two digits where `padded`.
    Month {
        padded: bool,
    },
    LongWeekday,
    ShortWeekday,
    Day(Padding),
    /// Never [`Padding::None`].
    YearDay(Padding),
    Hour24,
    Hour12 {
        padded: bool,
    },
    Minute {
        padded: bool,
    },
    Second {
        padded: bool,
    },
    LongYear,
    ShortYear,
    UpperNoon,
    LowerNoon,
    ZoneName,
    Offset(Offset),
    Fraction(Fraction),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Padding {
    None,
    Space,
    Zero,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offset {
    /// Whether UTC is written `Z`.
    pub(super) z: bool,
    pub(super) colon: bool,
    pub(super) unit: OffsetUnit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OffsetUnit {
    Hours,
    Minutes,
    Seconds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fraction {
    pub(super) digits: usize,
    pub(super) separator: char,
    /// Whether zeros at the end are left out.
    pub(super) trimmed: bool,
}

/// A layout's first part, with the text before and after it.
pub(super) struct Cut<'l> {
    pub(super) before: &'l str,
    pub(super) part: Option<Part>,
    /// The part as it is written in the layout.
    pub(super) written: &'l str,
    pub(super) after: &'l str,
}

/// Cuts a layout at its first part.
pub(super) fn cut(layout: &str) -> Cut<'_> {
    for at in 0..layout.len() {
        // Only ASCII starts a part, so that a place within a character never does.
        let Some(rest) = layout.get(at..) else { continue };
        if let Some((part, length, skipped)) = part_at(rest) {
            let (before, rest) = layout.split_at(at + skipped);
            let (written, after) = rest.split_at(length);
            return Cut { before, part: Some(part), written, after };
        }
    }
    Cut { before: layout, part: None, written: "", after: "" }
}

/// Returns the part that stands here, its length, and how much before it is plain text.
fn part_at(text: &str) -> Option<(Part, usize, usize)> {
    let bytes = text.as_bytes();
    let next = bytes.get(1).copied();
    let (part, length) = match bytes.first()? {
        b'J' if text.starts_with("January") => (Part::LongMonth, 7),
        b'J' if text.starts_with("Jan") && !lower_at(bytes, 3) => (Part::ShortMonth, 3),
        b'M' if text.starts_with("Monday") => (Part::LongWeekday, 6),
        b'M' if text.starts_with("Mon") && !lower_at(bytes, 3) => (Part::ShortWeekday, 3),
        b'M' if text.starts_with("MST") => (Part::ZoneName, 3),
        b'0' => match next {
            Some(b'1') => (Part::Month { padded: true }, 2),
            Some(b'2') => (Part::Day(Padding::Zero), 2),
            Some(b'3') => (Part::Hour12 { padded: true }, 2),
            Some(b'4') => (Part::Minute { padded: true }, 2),
            Some(b'5') => (Part::Second { padded: true }, 2),
            Some(b'6') => (Part::ShortYear, 2),
            _ if text.starts_with("002") => (Part::YearDay(Padding::Zero), 3),
            _ => return None,
        },
        b'1' if next == Some(b'5') => (Part::Hour24, 2),
        b'1' => (Part::Month { padded: false }, 1),
        b'2' if text.starts_with("2006") => (Part::LongYear, 4),
        b'2' => (Part::Day(Padding::None), 1),
        // The underscore before a year is plain text.
        b'_' if text.starts_with("_2006") => return Some((Part::LongYear, 4, 1)),
        b'_' if text.starts_with("_2") => (Part::Day(Padding::Space), 2),
        b'_' if text.starts_with("__2") => (Part::YearDay(Padding::Space), 3),
        b'3' => (Part::Hour12 { padded: false }, 1),
        b'4' => (Part::Minute { padded: false }, 1),
        b'5' => (Part::Second { padded: false }, 1),
        b'P' if next == Some(b'M') => (Part::UpperNoon, 2),
        b'p' if next == Some(b'm') => (Part::LowerNoon, 2),
        b'-' | b'Z' => offset(text)?,
        b'.' | b',' => fraction(text)?,
        _ => return None,
    };
    Some((part, length, 0))
}

fn lower_at(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_some_and(u8::is_ascii_lowercase)
}

fn offset(text: &str) -> Option<(Part, usize)> {
    const FORMS: [(&str, bool, OffsetUnit); 5] = [
        ("070000", false, OffsetUnit::Seconds),
        ("07:00:00", true, OffsetUnit::Seconds),
        ("0700", false, OffsetUnit::Minutes),
        ("07:00", true, OffsetUnit::Minutes),
        ("07", false, OffsetUnit::Hours),
    ];
    let (form, colon, unit) = FORMS.into_iter().find(|(form, ..)| text[1..].starts_with(form))?;
    Some((Part::Offset(Offset { z: text.starts_with('Z'), colon, unit }), form.len() + 1))
}

fn fraction(text: &str) -> Option<(Part, usize)> {
    let bytes = text.as_bytes();
    let digit = *bytes.get(1).filter(|digit| matches!(digit, b'0' | b'9'))?;
    let digits = bytes[1..].iter().take_while(|b| **b == digit).count();
    if bytes.get(1 + digits).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let separator = char::from(bytes[0]);
    Some((Part::Fraction(Fraction { digits, separator, trimmed: digit == b'9' }), 1 + digits))
}

/// Writes a moment in a layout, as Go's `Format`.
pub(super) fn format(moment: &Moment, layout: &str) -> String {
    let clock = moment.clock();
    let mut out = String::with_capacity(layout.len() + 10);
    let mut rest = layout;
    loop {
        let Cut { before, part, after, .. } = cut(rest);
        out.push_str(before);
        let Some(part) = part else { return out };
        rest = after;
        append(&mut out, part, &clock, moment.nanoseconds());
    }
}

/// A moment in its zone, cut into what calendars and clocks show.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    pub(super) date: Date,
    /// 0 is Sunday.
    pub(super) weekday: usize,
    /// From 1.
    pub(super) year_day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    /// Seconds east of UTC.
    pub(super) offset: i32,
    pub(super) zone: String,
}

fn append(out: &mut String, part: Part, clock: &Clock, nanoseconds: u32) {
    let Date { year, month, day } = clock.date;
    let month_name = MONTHS[usize::try_from(month - 1).unwrap_or(0) % 12];
    let weekday_name = WEEKDAYS[clock.weekday % 7];
    let hour12 = if clock.hour % 12 == 0 { 12 } else { clock.hour % 12 };
    match part {
        Part::LongMonth => out.push_str(month_name),
        Part::ShortMonth => out.push_str(&month_name[..3]),
        Part::Month { padded } => number(out, month, padded),
        Part::LongWeekday => out.push_str(weekday_name),
        Part::ShortWeekday => out.push_str(&weekday_name[..3]),
        Part::Day(Padding::Space) => write(out, format_args!("{day:2}")),
        Part::Day(padding) => number(out, day, padding == Padding::Zero),
        Part::YearDay(Padding::Zero) => write(out, format_args!("{:03}", clock.year_day)),
        Part::YearDay(_) => write(out, format_args!("{:3}", clock.year_day)),
        Part::Hour24 => number(out, clock.hour, true),
        Part::Hour12 { padded } => number(out, hour12, padded),
        Part::Minute { padded } => number(out, clock.minute, padded),
        Part::Second { padded } => number(out, clock.second, padded),
        Part::LongYear if year < 0 => write(out, format_args!("-{:04}", year.unsigned_abs())),
        Part::LongYear => write(out, format_args!("{year:04}")),
        Part::ShortYear => write(out, format_args!("{:02}", year.unsigned_abs() % 100)),
        Part::UpperNoon => out.push_str(if clock.hour >= 12 { "PM" } else { "AM" }),
        Part::LowerNoon => out.push_str(if clock.hour >= 12 { "pm" } else { "am" }),
        Part::ZoneName if !clock.zone.is_empty() => out.push_str(&clock.zone),
        Part::ZoneName => {
            append_offset(out, clock.offset, Offset { z: false, colon: false, unit: OffsetUnit::Minutes });
        }
        Part::Offset(offset) if offset.z && clock.offset == 0 => out.push('Z'),
        Part::Offset(offset) => append_offset(out, clock.offset, offset),
        Part::Fraction(fraction) => append_fraction(out, nanoseconds, fraction),
    }
}

fn number(out: &mut String, value: i64, padded: bool) {
    if padded {
        write(out, format_args!("{value:02}"));
    } else {
        write(out, format_args!("{value}"));
    }
}

fn append_offset(out: &mut String, seconds: i32, offset: Offset) {
    // Go takes the sign of the minutes: half a minute west is `+00`.
    let minutes = seconds / 60;
    out.push(if minutes < 0 { '-' } else { '+' });
    let (minutes, magnitude) = (minutes.unsigned_abs(), seconds.unsigned_abs());
    write(out, format_args!("{:02}", minutes / 60));
    if offset.colon {
        out.push(':');
    }
    if offset.unit != OffsetUnit::Hours {
        write(out, format_args!("{:02}", minutes % 60));
    }
    if offset.unit == OffsetUnit::Seconds {
        if offset.colon {
            out.push(':');
        }
        write(out, format_args!("{:02}", magnitude % 60));
    }
}

fn append_fraction(out: &mut String, nanoseconds: u32, fraction: Fraction) {
    if fraction.trimmed && nanoseconds == 0 {
        return;
    }
    let digits = format!("{nanoseconds:09}");
    let digits = &digits[..fraction.digits.min(9)];
    let digits = if fraction.trimmed { digits.trim_end_matches('0') } else { digits };
    if !digits.is_empty() {
        out.push(fraction.separator);
        out.push_str(digits);
    }
}

fn write(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a string");
}
