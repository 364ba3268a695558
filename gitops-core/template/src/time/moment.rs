//! One moment, with the methods that templates can call on Go's `time.Time`.

use super::civil::{Date, WEEKDAYS, date_of, days_of};
use super::duration::{round_duration, truncate_duration};
use super::layout::{self, Clock};
use super::zone::Zone;
use crate::function::{CallError, Function, Signature, Type};
use crate::value::{IntKind, Object, Value};
use std::any::Any;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

/// Go's name of the type.
pub(crate) const TIME: &str = "time.Time";

const NANOS: i128 = 1_000_000_000;
const DAY: i64 = 86_400;
/// The start of the year 1, which Go's zero time is.
const ZERO: i64 = -62_135_596_800;

/// A moment in a zone.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    /// Seconds since the Unix epoch.
    seconds: i64,
    nanoseconds: u32,
    zone: Zone,
    /// Whether Go would hold a reading of the monotonic clock beside it, and print it.
    monotonic: bool,
}

impl Moment {
    /// Go's zero time.
    pub(crate) fn zero() -> Self {
        Self::new(ZERO, 0, Zone::Utc)
    }

    pub(crate) fn new(seconds: i64, nanoseconds: u32, zone: Zone) -> Self {
        Self { seconds, nanoseconds, zone, monotonic: false }
    }

    /// Makes the moment of a count of nanoseconds since the Unix epoch.
    pub(crate) fn from_nanoseconds(nanoseconds: i128, zone: Zone) -> Self {
        let seconds = nanoseconds.div_euclid(NANOS);
        let rest = u32::try_from(nanoseconds.rem_euclid(NANOS)).unwrap_or(0);
        let bound = if seconds < 0 { i64::MIN } else { i64::MAX };
        Self::new(i64::try_from(seconds).unwrap_or(bound), rest, zone)
    }

    /// Marks the moment as read from a clock.
    pub(crate) fn with_monotonic(self) -> Self {
        Self { monotonic: true, ..self }
    }

    pub(crate) fn in_zone(&self, zone: Zone) -> Self {
        Self { zone, monotonic: false, ..self.clone() }
    }

    pub(crate) fn seconds(&self) -> i64 {
        self.seconds
    }

    pub(super) fn nanoseconds(&self) -> u32 {
        self.nanoseconds
    }

    fn total(&self) -> i128 {
        i128::from(self.seconds) * NANOS + i128::from(self.nanoseconds)
    }

    pub(crate) fn add(&self, nanoseconds: i64) -> Self {
        let moved = Self::from_nanoseconds(self.total() + i128::from(nanoseconds), self.zone.clone());
        Self { monotonic: self.monotonic, ..moved }
    }

    /// Returns the nanoseconds from another moment to this one; beyond 64 bits the nearest there is.
    pub(crate) fn since(&self, other: &Self) -> i64 {
        let difference = self.total() - other.total();
        i64::try_from(difference).unwrap_or(if difference < 0 { i64::MIN } else { i64::MAX })
    }

    pub(crate) fn format(&self, layout: &str) -> String {
        layout::format(self, layout)
    }

    pub(super) fn clock(&self) -> Clock {
        let (offset, zone) = self.zone.at(self.seconds);
        let local = self.seconds.saturating_add(offset.into());
        let (days, second_of_day) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        let date = date_of(days);
        Clock {
            date,
            // 1970-01-01 was a Thursday.
            weekday: usize::try_from((days.rem_euclid(7) + 4) % 7).unwrap_or(0),
            year_day: days - days_of(Date { month: 1, day: 1, ..date }) + 1,
            hour: second_of_day / 3_600,
            minute: second_of_day / 60 % 60,
            second: second_of_day % 60,
            offset,
            zone,
        }
    }

    /// Moves by calendar units; what passes a month's end runs into the next, as in Go's `AddDate`.
    fn add_date(&self, years: i64, months: i64, days: i64) -> Self {
        let clock = self.clock();
        let Date { year, month, day } = clock.date;
        let date = Date {
            year: year.saturating_add(years),
            month: month.saturating_add(months),
            day: day.saturating_add(days),
        };
        let time = clock.hour * 3_600 + clock.minute * 60 + clock.second;
        let local = days_of(date).saturating_mul(DAY).saturating_add(time);
        Self::new(unzoned(&self.zone, local), self.nanoseconds, self.zone.clone())
    }

    pub(crate) fn into_value(self) -> Value {
        Value::Object(Arc::new(self))
    }

    /// Returns the moment that a value is.
    pub(crate) fn of(value: &Value) -> Option<&Self> {
        match value {
            Value::Object(object) => object.as_any().downcast_ref(),
            _ => None,
        }
    }
}

/// Turns what a zone's clock shows, in seconds, into seconds since the epoch.
pub(super) fn unzoned(zone: &Zone, local: i64) -> i64 {
    let first = local.saturating_sub(zone.at(local).0.into());
    // The offset of the clock's own time may be that of another season.
    local.saturating_sub(zone.at(first).0.into())
}

impl Object for Moment {
    fn type_name(&self) -> Cow<'static, str> {
        Cow::Borrowed(TIME)
    }

    fn method(&self, name: &str) -> Option<Arc<Function>> {
        let clock = self.clock();
        let integer = |value: i64| constant(Type::Int, Value::int(value));
        let long =
            |value: i128| constant(Type::Int64, Value::int64(i64::try_from(value).unwrap_or(i64::MIN)));
        let moment = |moment: Self| constant(Type::Object(TIME), moment.into_value());
        let own = self.clone();
        Some(Arc::new(match name {
            "Year" => integer(clock.date.year),
            "Month" => constant(Type::Object("time.Month"), Value::Int(clock.date.month, IntKind::Month)),
            "Day" => integer(clock.date.day),
            "Hour" => integer(clock.hour),
            "Minute" => integer(clock.minute),
            "Second" => integer(clock.second),
            "Nanosecond" => integer(self.nanoseconds.into()),
            "YearDay" => integer(clock.year_day),
            "Weekday" => {
                constant(Type::Object(Weekday::NAME), Value::Object(Arc::new(Weekday(clock.weekday))))
            }
            "Unix" => long(self.seconds.into()),
            "UnixMilli" => long(self.total().div_euclid(1_000_000)),
            "UnixMicro" => long(self.total().div_euclid(1_000)),
            "UnixNano" => long(self.total()),
            "IsZero" => constant(Type::Bool, Value::Bool(self.seconds == ZERO && self.nanoseconds == 0)),
            "String" => constant(Type::String, self.text().unwrap_or_default().into()),
            "UTC" => moment(self.in_zone(Zone::Utc)),
            "Local" => Function::new(Signature::new(&[], Type::Object(TIME)), move |context, _| {
                Ok(own.in_zone(Zone::local(context.world(), own.seconds)).into_value())
            }),
            "Format" => Function::new(Signature::new(&[Type::String], Type::String), move |_, args| {
                Ok(own.format(args[0].as_str().unwrap_or_default()).into())
            }),
            "Add" => with_duration(own, Self::add),
            "Round" => with_duration(own, |own, unit| own.rounded(unit, round_duration)),
            "Truncate" => with_duration(own, |own, unit| own.rounded(unit, truncate_duration)),
            "AddDate" => {
                let signature = Signature::new(&[Type::Int, Type::Int, Type::Int], Type::Object(TIME));
                Function::new(signature, move |_, args| {
                    let number = |i: usize| match args.get(i) {
                        Some(Value::Int(value, _)) => *value,
                        _ => 0,
                    };
                    Ok(own.add_date(number(0), number(1), number(2)).into_value())
                })
            }
            "Sub" => with_moment(own, Type::Object("time.Duration"), |own, other| {
                Value::Int(own.since(other), IntKind::Duration)
            }),
            "Before" => compare(own, Ordering::is_lt),
            "After" => compare(own, Ordering::is_gt),
            "Equal" => compare(own, Ordering::is_eq),
            "Compare" => with_moment(own, Type::Int, |own, other| {
                Value::int(i64::from(own.total().cmp(&other.total()) as i8))
            }),
            _ => return None,
        }))
    }

    fn text(&self) -> Option<String> {
        let mut text = self.format("2006-01-02 15:04:05.999999999 -0700 MST");
        if self.monotonic {
            text.push_str(" m=+0.000000000");
        }
        Some(text)
    }

    fn json(&self) -> Option<Value> {
        Some(self.format("2006-01-02T15:04:05.999999999Z07:00").into())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Moment {
    /// Rounds the time since Go's zero time.
    fn rounded(&self, unit: i64, round: fn(i64, i64) -> i64) -> Self {
        let plain = Self { monotonic: false, ..self.clone() };
        if unit <= 0 {
            return plain;
        }
        let since_zero = self.total() - i128::from(ZERO) * NANOS;
        let rest = i64::try_from(since_zero.rem_euclid(unit.into())).unwrap_or(0);
        plain.add(round(rest, unit).saturating_sub(rest))
    }
}

fn constant(result: Type, value: Value) -> Function {
    Function::new(Signature::new(&[], result), move |_, _| Ok(value.clone()))
}

fn with_moment(own: Moment, result: Type, answer: fn(&Moment, &Moment) -> Value) -> Function {
    Function::new(Signature::new(&[Type::Object(TIME)], result), move |_, args| match Moment::of(&args[0]) {
        Some(other) => Ok(answer(&own, other)),
        None => Err(wrong_type(TIME, &args[0])),
    })
}

fn compare(own: Moment, holds: fn(Ordering) -> bool) -> Function {
    Function::new(Signature::new(&[Type::Object(TIME)], Type::Bool), move |_, args| {
        match Moment::of(&args[0]) {
            Some(other) => Ok(Value::Bool(holds(own.total().cmp(&other.total())))),
            None => Err(wrong_type(TIME, &args[0])),
        }
    })
}

fn with_duration(own: Moment, answer: fn(&Moment, i64) -> Moment) -> Function {
    Function::new(Signature::new(&[Type::Any], Type::Object(TIME)), move |_, args| match &args[0] {
        Value::Int(duration, IntKind::Duration) => Ok(answer(&own, *duration).into_value()),
        other => Err(wrong_type("time.Duration", other)),
    })
}

fn wrong_type(wanted: &str, got: &Value) -> CallError {
    CallError::new(format!("wrong type for value; expected {wanted}; got {}", got.type_name()))
}

/// Returns a method of Go's `time.Duration`.
pub(crate) fn duration_method(duration: i64, name: &str) -> Option<Function> {
    let second = 1_000_000_000;
    let result = Type::Object("time.Duration");
    let unary = |body: fn(i64, i64) -> i64| {
        Function::new(Signature::new(&[Type::Any], result), move |_, args| match &args[0] {
            Value::Int(unit, IntKind::Duration) => Ok(Value::Int(body(duration, *unit), IntKind::Duration)),
            other => Err(wrong_type("time.Duration", other)),
        })
    };
    Some(match name {
        "String" => constant(Type::String, crate::printf::duration(duration).into()),
        "Nanoseconds" => constant(Type::Int64, Value::int64(duration)),
        "Microseconds" => constant(Type::Int64, Value::int64(duration / 1_000)),
        "Milliseconds" => constant(Type::Int64, Value::int64(duration / 1_000_000)),
        "Seconds" => constant(Type::Float, Value::Float(in_units(duration, second))),
        "Minutes" => constant(Type::Float, Value::Float(in_units(duration, 60 * second))),
        "Hours" => constant(Type::Float, Value::Float(in_units(duration, 3_600 * second))),
        "Abs" => constant(result, Value::Int(duration.saturating_abs(), IntKind::Duration)),
        "Round" => unary(round_duration),
        "Truncate" => unary(truncate_duration),
        _ => return None,
    })
}

/// Go's division: whole units and the rest apart, so that little is lost.
#[allow(clippy::cast_precision_loss, reason = "Go's conversion")]
pub(crate) fn in_units(duration: i64, unit: i64) -> f64 {
    (duration / unit) as f64 + (duration % unit) as f64 / unit as f64
}

/// Go's `time.Weekday`, which prints as its name.
#[derive(Debug)]
struct Weekday(usize);

impl Weekday {
    const NAME: &'static str = "time.Weekday";
}

impl Object for Weekday {
    fn type_name(&self) -> Cow<'static, str> {
        Cow::Borrowed(Self::NAME)
    }

    fn method(&self, name: &str) -> Option<Arc<Function>> {
        (name == "String").then(|| Arc::new(constant(Type::String, WEEKDAYS[self.0 % 7].into())))
    }

    fn plain(&self) -> Option<Value> {
        i64::try_from(self.0).ok().map(Value::int)
    }

    fn text(&self) -> Option<String> {
        Some(WEEKDAYS[self.0 % 7].to_owned())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
