//! Dates and durations. The time of day, and the local zone, come from the render's world.

use super::{Result, int, pure, text};
use crate::function::{CallContext, CallError, Function, Functions, Signature, Type};
use crate::printf::duration;
use crate::time::{
    Moment, TIME, Zone, in_units, load_zone, parse_duration, read, round_duration, truncate_duration,
};
use crate::value::{IntKind, Value};

const DURATION: Type = Type::Object("time.Duration");
const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3_600 * SECOND;

pub(super) fn add(functions: &mut Functions) {
    functions.insert(
        "now",
        Function::new(Signature::new(&[], Type::Object(TIME)), |context, _| {
            Ok(now(context)?.with_monotonic().into_value())
        }),
    );
    format(functions);
    read_and_move(functions);
    spans(functions);
    helm_durations(functions);
}

fn now(context: &dyn CallContext) -> Result<Moment> {
    let world = context.world();
    let now = world.now().map_err(|refused| CallError::new(refused.to_string()))?;
    let seconds = i64::try_from(now.div_euclid(i128::from(SECOND))).unwrap_or(0);
    Ok(Moment::from_nanoseconds(now, Zone::local(world, seconds)))
}

/// The moment that a value is: a time, or an integer's seconds since the epoch. Anything else is now.
fn moment(context: &dyn CallContext, value: &Value) -> Result<Moment> {
    match value {
        Value::Int(seconds, IntKind::Int | IntKind::Int32 | IntKind::Int64) => {
            Ok(Moment::new(*seconds, 0, Zone::local(context.world(), *seconds)))
        }
        other => Moment::of(other).map_or_else(|| now(context), |moment| Ok(moment.clone())),
    }
}

fn in_zone(context: &dyn CallContext, layout: &str, date: &Value, zone: &str) -> Result {
    let moment = moment(context, date)?;
    let zone = load_zone(zone, context.world(), moment.seconds()).unwrap_or(Zone::Utc);
    Ok(moment.in_zone(zone).format(layout).into())
}

fn format(functions: &mut Functions) {
    const HTML: &str = "2006-01-02";
    functions.insert(
        "date",
        Function::new(Signature::new(&[Type::String, Type::Any], Type::String), |context, args| {
            in_zone(context, &text(&args[0]), &args[1], "Local")
        }),
    );
    for name in ["dateInZone", "date_in_zone"] {
        let signature = Signature::new(&[Type::String, Type::Any, Type::String], Type::String);
        functions.insert(
            name,
            Function::new(signature, |context, args| {
                in_zone(context, &text(&args[0]), &args[1], &text(&args[2]))
            }),
        );
    }
    functions.insert(
        "htmlDate",
        Function::new(Signature::new(&[Type::Any], Type::String), |context, args| {
            in_zone(context, HTML, &args[0], "Local")
        }),
    );
    functions.insert(
        "htmlDateInZone",
        Function::new(Signature::new(&[Type::Any, Type::String], Type::String), |context, args| {
            in_zone(context, HTML, &args[0], &text(&args[1]))
        }),
    );
    functions.insert(
        "unixEpoch",
        pure(&[Type::Object(TIME)], Type::String, |args| {
            Ok(Moment::of(&args[0]).map_or(0, Moment::seconds).to_string().into())
        }),
    );
}

fn read_and_move(functions: &mut Functions) {
    const READ: &[Type] = &[Type::String, Type::String];
    const MOVE: &[Type] = &[Type::String, Type::Object(TIME)];
    functions.insert(
        "toDate",
        Function::new(Signature::new(READ, Type::Object(TIME)), |context, args| {
            let read = read(&text(&args[0]), &text(&args[1]), context.world());
            Ok(read.unwrap_or_else(|_| Moment::zero()).into_value())
        }),
    );
    functions.insert(
        "mustToDate",
        Function::new(Signature::new(READ, Type::Object(TIME)), |context, args| {
            Ok(read(&text(&args[0]), &text(&args[1]), context.world())?.into_value())
        }),
    );
    for (name, must) in
        [("dateModify", false), ("date_modify", false), ("mustDateModify", true), ("must_date_modify", true)]
    {
        functions.insert(
            name,
            Function::new(Signature::new(MOVE, Type::Object(TIME)), move |_, args| {
                match (parse_duration(&text(&args[0])), Moment::of(&args[1])) {
                    (Ok(duration), Some(moment)) => Ok(moment.add(duration).into_value()),
                    (Err(error), _) if must => Err(CallError::new(error)),
                    _ => Ok(args[1].clone()),
                }
            }),
        );
    }
}

fn spans(functions: &mut Functions) {
    functions.insert(
        "ago",
        Function::new(Signature::new(&[Type::Any], Type::String), |context, args| {
            let since = match &args[0] {
                // Go's switch has no int32 here.
                Value::Int(_, IntKind::Int32) => 0,
                other => now(context)?.since(&moment(context, other)?),
            };
            Ok(duration(round_duration(since, SECOND)).into())
        }),
    );
    functions.insert(
        "duration",
        pure(&[Type::Any], Type::String, |args| {
            let seconds = match &args[0] {
                Value::Int(seconds, IntKind::Int64) => *seconds,
                Value::String(text) => decimal(text),
                _ => 0,
            };
            Ok(duration(seconds.wrapping_mul(SECOND)).into())
        }),
    );
    functions.insert(
        "durationRound",
        Function::new(Signature::new(&[Type::Any], Type::String), |context, args| {
            let duration = match &args[0] {
                Value::Int(nanoseconds, IntKind::Int64) => *nanoseconds,
                Value::String(text) => parse_duration(text).unwrap_or(0),
                other => match Moment::of(other) {
                    Some(moment) => now(context)?.since(moment),
                    None => 0,
                },
            };
            Ok(largest_unit(duration.unsigned_abs()).into())
        }),
    );
}

/// A number of Go's `ParseInt`; what has digits but too many is the nearest there is.
fn decimal(text: &str) -> i64 {
    text.parse().unwrap_or_else(|_| {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        match (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()), text.starts_with('-')) {
            (false, _) => 0,
            (true, true) => i64::MIN,
            (true, false) => i64::MAX,
        }
    })
}

/// The largest unit of which there is more than one, counted and cut.
fn largest_unit(nanoseconds: u64) -> String {
    let hour = HOUR.unsigned_abs();
    let units = [
        (hour * 24 * 365, "y"),
        (hour * 24 * 30, "mo"),
        (hour * 24, "d"),
        (hour, "h"),
        (hour / 60, "m"),
        (hour / 3_600, "s"),
    ];
    let unit = units.into_iter().find(|(unit, _)| nanoseconds > *unit);
    unit.map_or_else(|| "0s".to_owned(), |(unit, name)| format!("{}{name}", nanoseconds / unit))
}

fn helm_durations(functions: &mut Functions) {
    functions.insert(
        "mustToDuration",
        pure(&[Type::Any], DURATION, |args| Ok(Value::Int(to_duration(&args[0])?, IntKind::Duration))),
    );
    functions.insert("durationSeconds", in_floats(SECOND, 1.0));
    functions.insert("durationMinutes", in_floats(SECOND * 60, 1.0));
    functions.insert("durationHours", in_floats(HOUR, 1.0));
    // Helm divides the hours, which can differ in the last digit from dividing by a day.
    functions.insert("durationDays", in_floats(HOUR, 24.0));
    functions.insert(
        "durationWeeks",
        pure(&[Type::Any], Type::Float, |args| {
            Ok(Value::Float(in_units(to_duration(&args[0]).unwrap_or(0), HOUR) / 24.0 / 7.0))
        }),
    );
    for (name, unit) in
        [("durationMilliseconds", 1_000_000), ("durationMicroseconds", 1_000), ("durationNanoseconds", 1)]
    {
        functions.insert(
            name,
            Function::new(Signature::new(&[Type::Any], Type::Int64), move |_, args| {
                Ok(Value::int64(to_duration(&args[0]).unwrap_or(0) / unit))
            }),
        );
    }
    for (name, round) in [
        ("durationRoundTo", round_duration as fn(i64, i64) -> i64),
        ("durationTruncateTo", truncate_duration),
    ] {
        functions.insert(
            name,
            Function::new(Signature::new(&[Type::Any, Type::Any], DURATION), move |_, args| {
                let rounded = match (to_duration(&args[0]), to_duration(&args[1])) {
                    (Err(_), _) => 0,
                    (Ok(duration), Err(_)) => duration,
                    (Ok(duration), Ok(multiple)) => round(duration, multiple),
                };
                Ok(Value::Int(rounded, IntKind::Duration))
            }),
        );
    }
}

fn in_floats(unit: i64, divisor: f64) -> Function {
    Function::new(Signature::new(&[Type::Any], Type::Float), move |_, args| {
        Ok(Value::Float(in_units(to_duration(&args[0]).unwrap_or(0), unit) / divisor))
    })
}

/// A duration of whatever means one: a duration, its text, or a number of seconds, as text too.
fn to_duration(value: &Value) -> Result<i64> {
    match value {
        Value::Int(nanoseconds, IntKind::Duration) => Ok(*nanoseconds),
        Value::Int(..) => {
            let seconds = int(value);
            seconds.checked_mul(SECOND).ok_or_else(|| format!("duration seconds overflow: {seconds}").into())
        }
        Value::Uint(seconds, _) => i64::try_from(*seconds)
            .ok()
            .and_then(|seconds| seconds.checked_mul(SECOND))
            .ok_or_else(|| format!("duration seconds overflow: {seconds}").into()),
        Value::Float(seconds) => from_seconds(*seconds),
        Value::String(written) => {
            let trimmed = written.trim();
            if trimmed.is_empty() {
                return Err("empty duration".into());
            }
            if let Ok(duration) = parse_duration(trimmed) {
                return Ok(duration);
            }
            match super::cast::go_float(trimmed) {
                Some(seconds) => from_seconds(seconds),
                None => Err(format!("could not parse duration {}", crate::quote::quote(written)).into()),
            }
        }
        Value::Missing | Value::Nil => Err("invalid duration".into()),
        other => Err(format!("unsupported duration type {}", other.type_name()).into()),
    }
}

#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "the range is checked, as Go does it"
)]
fn from_seconds(seconds: f64) -> Result<i64> {
    let shown = || crate::printf::plain(&Value::Float(seconds));
    if !seconds.is_finite() {
        return Err(format!("invalid duration seconds: {}", shown()).into());
    }
    let (most, least) = (i64::MAX as f64 / SECOND as f64, i64::MIN as f64 / SECOND as f64);
    if seconds > most || seconds < least {
        return Err(format!("duration seconds overflow: {}", shown()).into());
    }
    Ok((seconds * SECOND as f64) as i64)
}
