//! Functions that stand alone: sizes, conversions, sets and base64.

use super::eval::Run;
use super::number::NO_OVERLOAD;
use super::value::Value;
use super::{methods, strings, time};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

/// Returns the type that a name stands for.
pub(super) fn type_named(name: &str) -> Option<&'static str> {
    const TYPES: [&str; 10] =
        ["bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type"];
    TYPES.into_iter().find(|known| *known == name)
}

pub(super) fn call<'a>(
    run: &mut Run<'_, 'a>,
    name: &str,
    arguments: &[Value<'a>],
) -> Result<Value<'a>, String> {
    run.spend(arguments.iter().map(|argument| argument.len() / 16).sum())?;
    match (name, arguments) {
        ("size", [value]) => size(value),
        ("type", [value]) => Ok(Value::Type(value.type_name())),
        ("dyn", [value]) => Ok(value.clone()),
        ("matches", [text, Value::Text(pattern)]) => {
            methods::call(run, text, "matches", &[Value::Text(pattern.clone())])
        }
        ("bool", [value]) => bool(value),
        ("int", [value]) => int(value),
        ("uint", [value]) => uint(value),
        ("double", [value]) => double(value),
        ("string", [value]) => string(value),
        ("bytes", [value]) => match value {
            Value::Text(text) => Ok(Value::Bytes(text.as_bytes().into())),
            Value::Bytes(_) => Ok(value.clone()),
            _ => Err(NO_OVERLOAD.to_owned()),
        },
        ("timestamp", [value]) => match value {
            Value::Time(_) => Ok(value.clone()),
            Value::Text(text) => time::read(text),
            Value::Int(seconds) => time::checked(i128::from(*seconds) * 1_000_000_000),
            _ => Err(NO_OVERLOAD.to_owned()),
        },
        ("duration", [value]) => match value {
            Value::Duration(_) => Ok(value.clone()),
            Value::Text(text) => time::duration(text),
            Value::Int(nanoseconds) => Ok(Value::Duration(*nanoseconds)),
            _ => Err(NO_OVERLOAD.to_owned()),
        },
        ("optional.of", [value]) => Ok(Value::some(value.clone())),
        ("optional.ofNonZeroValue", [value]) => {
            Ok(if value.is_zero() { Value::NONE } else { Value::some(value.clone()) })
        }
        ("optional.none", []) => Ok(Value::NONE),
        ("strings.quote", [Value::Text(text)]) => Ok(Value::text(strings::quote(text))),
        ("base64.encode", [Value::Bytes(bytes)]) => Ok(Value::text(STANDARD.encode(bytes))),
        ("base64.decode", [Value::Text(text)]) => STANDARD
            .decode(text.as_bytes())
            .or_else(|_| STANDARD_NO_PAD.decode(text.as_bytes()))
            .map(|bytes| Value::Bytes(bytes.into()))
            .map_err(|_| "illegal base64 data".to_owned()),
        ("sets.contains", [all, some]) => subset(run, some, all).map(Value::Bool),
        ("sets.equivalent", [a, b]) => Ok(Value::Bool(subset(run, a, b)? && subset(run, b, a)?)),
        ("sets.intersects", [a, b]) => {
            let items = a.items().ok_or(NO_OVERLOAD)?;
            for item in items.iter() {
                if run.contains(b, item)? {
                    return Ok(Value::Bool(true));
                }
            }
            Ok(Value::Bool(false))
        }
        _ => Err(methods::unknown(name)),
    }
}

fn subset<'a>(run: &mut Run<'_, 'a>, some: &Value<'a>, all: &Value<'a>) -> Result<bool, String> {
    let items = some.items().ok_or(NO_OVERLOAD)?;
    for item in items.iter() {
        if !run.contains(all, item)? {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn size<'a>(value: &Value<'a>) -> Result<Value<'a>, String> {
    let size = match value {
        Value::Text(text) => text.chars().count(),
        Value::Bytes(_) | Value::List(_) | Value::Items(_) | Value::Map(_) | Value::Fields(_) => value.len(),
        _ => return Err(NO_OVERLOAD.to_owned()),
    };
    Ok(Value::Int(i64::try_from(size).unwrap_or(i64::MAX)))
}

fn conversion(from: &str, to: &str) -> String {
    format!("type conversion error from '{from}' to '{to}'")
}

fn bool<'a>(value: &Value<'a>) -> Result<Value<'a>, String> {
    match value {
        Value::Bool(_) => Ok(value.clone()),
        Value::Text(text) => match text.as_ref() {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(Value::Bool(false)),
            _ => Err(conversion("string", "bool")),
        },
        _ => Err(NO_OVERLOAD.to_owned()),
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the range is checked")]
fn int<'a>(value: &Value<'a>) -> Result<Value<'a>, String> {
    match value {
        Value::Int(_) => Ok(value.clone()),
        Value::Uint(value) => {
            i64::try_from(*value).map(Value::Int).map_err(|_| "integer overflow".to_owned())
        }
        Value::Double(value) if value.is_finite() && value.abs() < 9_223_372_036_854_775_808.0 => {
            Ok(Value::Int(*value as i64))
        }
        Value::Double(_) => Err("integer overflow".to_owned()),
        Value::Text(text) => text.parse().map(Value::Int).map_err(|_| conversion("string", "int")),
        Value::Time(time) => i64::try_from(time.div_euclid(1_000_000_000))
            .map(Value::Int)
            .map_err(|_| "integer overflow".to_owned()),
        Value::Duration(length) => Ok(Value::Int(*length)),
        _ => Err(NO_OVERLOAD.to_owned()),
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
fn uint<'a>(value: &Value<'a>) -> Result<Value<'a>, String> {
    let overflow = || "unsigned integer overflow".to_owned();
    match value {
        Value::Uint(_) => Ok(value.clone()),
        Value::Int(value) => u64::try_from(*value).map(Value::Uint).map_err(|_| overflow()),
        Value::Double(value) if (0.0..18_446_744_073_709_551_616.0).contains(value) => {
            Ok(Value::Uint(*value as u64))
        }
        Value::Double(_) => Err(overflow()),
        Value::Text(text) => text.parse().map(Value::Uint).map_err(|_| conversion("string", "uint")),
        _ => Err(NO_OVERLOAD.to_owned()),
    }
}

#[allow(clippy::cast_precision_loss, reason = "the nearest is meant")]
fn double<'a>(value: &Value<'a>) -> Result<Value<'a>, String> {
    match value {
        Value::Double(_) => Ok(value.clone()),
        Value::Int(value) => Ok(Value::Double(*value as f64)),
        Value::Uint(value) => Ok(Value::Double(*value as f64)),
        Value::Text(text) => text.parse().map(Value::Double).map_err(|_| conversion("string", "double")),
        _ => Err(NO_OVERLOAD.to_owned()),
    }
}

pub(super) fn string<'a>(value: &Value<'a>) -> Result<Value<'a>, String> {
    Ok(Value::text(match value {
        Value::Text(_) => return Ok(value.clone()),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Double(value) => gitops_yaml::go_float(*value),
        Value::Bytes(bytes) => String::from_utf8(bytes.to_vec())
            .map_err(|_| "invalid UTF-8 in bytes, cannot convert to string")?,
        Value::Time(time) => time::shown(*time),
        Value::Duration(length) => time::duration_shown(*length),
        _ => return Err(NO_OVERLOAD.to_owned()),
    }))
}
