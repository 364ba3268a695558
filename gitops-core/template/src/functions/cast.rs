//! Turns anything into a number, as spf13/cast does beneath sprig: what can't be turned is zero.

use crate::number::{parse_float, parse_int};
use crate::value::{IntKind, Value};

/// Returns an `int64`.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "Go's conversions wrap and saturate"
)]
pub(super) fn to_int64(value: &Value) -> i64 {
    match value {
        // cast knows plain integers and time.Month, but not time.Duration.
        Value::Int(_, IntKind::Duration) => 0,
        Value::Int(value, _) => *value,
        Value::Uint(value, _) => *value as i64,
        Value::Float(value) => float_to_int(*value),
        Value::Bool(value) => i64::from(*value),
        Value::String(text) => parse_int(trim_zero_decimal(text)).unwrap_or(0),
        _ => 0,
    }
}

/// Go's conversion on amd64: what does not fit is the smallest integer.
#[allow(clippy::cast_possible_truncation, reason = "the range is checked")]
pub(super) fn float_to_int(value: f64) -> i64 {
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value) {
        value as i64
    } else {
        i64::MIN
    }
}

/// Returns a `float64`.
#[allow(clippy::cast_precision_loss, reason = "Go's conversion")]
pub(super) fn to_float64(value: &Value) -> f64 {
    match value {
        Value::Int(_, IntKind::Duration) => 0.0,
        Value::Int(value, _) => *value as f64,
        Value::Uint(value, _) => *value as f64,
        Value::Float(value) => *value,
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::String(text) => go_float(text).unwrap_or(0.0),
        _ => 0.0,
    }
}

/// Go's `strconv.ParseFloat`, which also knows infinities and NaN by name.
pub(super) fn go_float(text: &str) -> Option<f64> {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text).to_ascii_lowercase();
    match body.as_str() {
        "inf" | "infinity" => Some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }),
        "nan" if body.len() == text.len() => Some(f64::NAN),
        _ => parse_float(text),
    }
}

/// `1.00` is `1` to cast.
fn trim_zero_decimal(text: &str) -> &str {
    let zeros = text.trim_end_matches('0');
    match zeros.strip_suffix('.') {
        Some(whole) if zeros.len() < text.len() => whole,
        _ => text,
    }
}
