//! `eq` and the orders: Go compares values of one kind, and integers whatever their sign.

use crate::function::CallError;
use crate::printf;
use crate::value::Value;
use std::borrow::Cow;

/// What kinds Go compares; integers of all sizes are one kind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Complex,
    Int,
    Float,
    String,
    Uint,
}

fn kind(value: &Value) -> Option<Kind> {
    Some(match value {
        Value::Bool(_) => Kind::Bool,
        Value::Complex(..) => Kind::Complex,
        Value::Int(..) => Kind::Int,
        Value::Float(_) => Kind::Float,
        Value::String(_) | Value::RawString(_) => Kind::String,
        Value::Uint(..) => Kind::Uint,
        _ => return None,
    })
}

/// An object that is a plain value beneath, such as a named string.
pub(super) fn basic(value: &Value) -> Cow<'_, Value> {
    match value {
        Value::Object(object) => match object.plain() {
            Some(plain) if kind(&plain).is_some() => Cow::Owned(plain),
            _ => Cow::Borrowed(value),
        },
        _ => Cow::Borrowed(value),
    }
}

fn incompatible(one: &Value, other: &Value) -> CallError {
    format!("incompatible types for comparison: {} and {}", one.type_name(), other.type_name()).into()
}

/// Returns whether the first equals any of the others.
pub(super) fn eq(args: &[Value]) -> Result<bool, CallError> {
    let (first, others) = args.split_first().ok_or("missing argument for comparison")?;
    if others.is_empty() {
        return Err("missing argument for comparison".into());
    }
    for other in others {
        if equal(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[allow(clippy::float_cmp, reason = "Go compares floats bit by bit too")]
fn equal(one: &Value, other: &Value) -> Result<bool, CallError> {
    Ok(match (&*basic(one), &*basic(other)) {
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Complex(a, b), Value::Complex(c, d)) => a == c && b == d,
        (Value::Int(a, _), Value::Int(b, _)) => a == b,
        (Value::Uint(a, _), Value::Uint(b, _)) => a == b,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Int(int, _), Value::Uint(uint, _)) | (Value::Uint(uint, _), Value::Int(int, _)) => {
            u64::try_from(*int) == Ok(*uint)
        }
        (a, b) if is_nil(a) || is_nil(b) => {
            // A nil slice equals nil, and another nil slice, but nothing of another kind is compared with it.
            if kind(a).is_some() || kind(b).is_some() {
                return if a.is_nil() || b.is_nil() { Ok(false) } else { Err(incompatible(one, other)) };
            }
            is_nil(a) == is_nil(b)
        }
        (a, b) => match (kind(a), kind(b)) {
            (Some(Kind::String), Some(Kind::String)) => a.as_string_bytes() == b.as_string_bytes(),
            (None, None) => return same(one, other),
            _ => return Err(incompatible(one, other)),
        },
    })
}

/// Whether Go calls the value nil.
fn is_nil(value: &Value) -> bool {
    value.is_nil() || matches!(value, Value::List(list) if list.is_nil())
}

/// Compares values that are neither nil nor of a kind that Go orders.
fn same(one: &Value, other: &Value) -> Result<bool, CallError> {
    let shown = |value: &Value| {
        printf::into_string(printf::sprintf(b"%s", std::slice::from_ref(value), printf::ERROR_LIMIT))
    };
    if one.kind_name() != other.kind_name() {
        let (a, b) = (one.type_name(), other.type_name());
        return Err(
            format!("non-comparable types {}: {a}, {b}: {}", shown(one), printf::display(other)).into()
        );
    }
    match (one, other) {
        (Value::Object(a), Value::Object(b)) if !matches!(other.kind_name(), "map" | "slice") => {
            let same_text = || a.text().is_some() && a.text() == b.text();
            Ok(std::sync::Arc::ptr_eq(a, b) || a.type_name() == b.type_name() && same_text())
        }
        _ => Err(format!("non-comparable type {}: {}", shown(other), other.type_name()).into()),
    }
}

/// Returns whether the first is less than the second.
#[allow(clippy::cast_sign_loss, reason = "the sign was looked at")]
pub(super) fn lt(args: &[Value]) -> Result<bool, CallError> {
    let (one, other) = (basic(&args[0]), basic(&args[1]));
    let (Some(a), Some(b)) = (kind(&one), kind(&other)) else {
        return Err("invalid type for comparison".into());
    };
    Ok(match (&*one, &*other) {
        (Value::Bool(_), Value::Bool(_)) | (Value::Complex(..), Value::Complex(..)) => {
            return Err("invalid type for comparison".into());
        }
        (Value::Int(a, _), Value::Int(b, _)) => a < b,
        (Value::Uint(a, _), Value::Uint(b, _)) => a < b,
        (Value::Float(a), Value::Float(b)) => a < b,
        (Value::Int(int, _), Value::Uint(uint, _)) => *int < 0 || (*int as u64) < *uint,
        (Value::Uint(uint, _), Value::Int(int, _)) => *int >= 0 && *uint < *int as u64,
        (one, other) if a == b => one.as_string_bytes() < other.as_string_bytes(),
        _ => return Err(incompatible(&args[0], &args[1])),
    })
}

/// Returns whether the first is less than or equal to the second.
pub(super) fn le(args: &[Value]) -> Result<bool, CallError> {
    Ok(lt(args)? || eq(args)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::UintKind;

    #[test]
    fn integers_compare_whatever_their_sign() {
        let (minus, large) = (Value::int(-1), Value::Uint(u64::MAX, UintKind::Uint64));
        assert!(!eq(&[minus.clone(), large.clone()]).unwrap());
        assert!(lt(&[minus.clone(), large.clone()]).unwrap());
        assert!(!lt(&[large, minus]).unwrap());
        assert!(eq(&[Value::int(3), Value::Uint(3, UintKind::Uint8)]).unwrap());
    }

    #[test]
    fn what_cannot_be_compared_is_named() {
        let refused = |args: &[Value]| eq(args).unwrap_err().to_string();
        assert_eq!(
            refused(&[Value::int(1), Value::Float(1.0)]),
            "incompatible types for comparison: int and float64"
        );
        assert_eq!(
            refused(&[Value::list(vec![]), Value::list(vec![Value::int(1)])]),
            "non-comparable type [%!s(int=1)]: []interface {}"
        );
        assert!(!eq(&[Value::Nil, Value::list(vec![])]).unwrap());
    }
}
