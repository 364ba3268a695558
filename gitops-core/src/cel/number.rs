//! Arithmetic that says where it overflows, and the order of values.

use super::expression::Operator;
use super::value::Value;
use std::cmp::Ordering;

pub(super) const NO_OVERLOAD: &str = "no such overload";

/// Orders values that have an order; `None` for numbers that are none, an error for what has no order.
pub(super) fn order(a: &Value<'_>, b: &Value<'_>) -> Result<Option<Ordering>, String> {
    use Value as V;
    Ok(match (a, b) {
        (V::Bool(a), V::Bool(b)) => Some(a.cmp(b)),
        (V::Text(a), V::Text(b)) => Some(a.cmp(b)),
        (V::Bytes(a), V::Bytes(b)) => Some(a.cmp(b)),
        (V::Time(a), V::Time(b)) => Some(a.cmp(b)),
        (V::Duration(a), V::Duration(b)) => Some(a.cmp(b)),
        _ => match numbers(a, b) {
            Some(order) => order,
            None => return Err(NO_OVERLOAD.to_owned()),
        },
    })
}

/// Orders two numbers of any types; `None` where one is no number.
#[allow(clippy::cast_precision_loss, reason = "numbers that differ less are compared as integers")]
pub(super) fn numbers(a: &Value<'_>, b: &Value<'_>) -> Option<Option<Ordering>> {
    let whole = |value: &Value<'_>| match value {
        Value::Int(value) => Some(i128::from(*value)),
        Value::Uint(value) => Some(i128::from(*value)),
        _ => None,
    };
    let double = |value: &Value<'_>| match value {
        Value::Double(value) => Some(*value),
        _ => whole(value).map(|value| value as f64),
    };
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => Some(Some(a.cmp(&b))),
        _ => Some(double(a)?.partial_cmp(&double(b)?)),
    }
}

pub(super) fn arithmetic<'a>(operator: Operator, a: &Value<'a>, b: &Value<'a>) -> Result<Value<'a>, String> {
    use Operator as O;
    use Value as V;
    let overflow = |what: &str| format!("{what} overflow");
    let zero = || match operator {
        O::Divide => "division by zero".to_owned(),
        _ => "modulus by zero".to_owned(),
    };
    match (a, b) {
        (V::Int(a), V::Int(b)) => {
            if *b == 0 && matches!(operator, O::Divide | O::Remainder) {
                return Err(zero());
            }
            let result = match operator {
                O::Add => a.checked_add(*b),
                O::Subtract => a.checked_sub(*b),
                O::Multiply => a.checked_mul(*b),
                O::Divide => a.checked_div(*b),
                O::Remainder => a.checked_rem(*b),
                _ => return Err(NO_OVERLOAD.to_owned()),
            };
            result.map(V::Int).ok_or_else(|| overflow("integer"))
        }
        (V::Uint(a), V::Uint(b)) => {
            if *b == 0 && matches!(operator, O::Divide | O::Remainder) {
                return Err(zero());
            }
            let result = match operator {
                O::Add => a.checked_add(*b),
                O::Subtract => a.checked_sub(*b),
                O::Multiply => a.checked_mul(*b),
                O::Divide => a.checked_div(*b),
                O::Remainder => a.checked_rem(*b),
                _ => return Err(NO_OVERLOAD.to_owned()),
            };
            result.map(V::Uint).ok_or_else(|| overflow("unsigned integer"))
        }
        (V::Double(a), V::Double(b)) => Ok(V::Double(match operator {
            O::Add => a + b,
            O::Subtract => a - b,
            O::Multiply => a * b,
            O::Divide => a / b,
            _ => return Err(NO_OVERLOAD.to_owned()),
        })),
        (V::Text(a), V::Text(b)) if operator == O::Add => Ok(V::text(format!("{a}{b}"))),
        (V::Bytes(a), V::Bytes(b)) if operator == O::Add => {
            Ok(V::Bytes(a.iter().chain(b.iter()).copied().collect()))
        }
        (V::List(_) | V::Items(_), V::List(_) | V::Items(_)) if operator == O::Add => {
            let (a, b) = (a.items().unwrap_or_default(), b.items().unwrap_or_default());
            Ok(V::List(a.iter().chain(b.iter()).cloned().collect()))
        }
        (V::Time(time), V::Duration(length)) | (V::Duration(length), V::Time(time)) if operator == O::Add => {
            super::time::checked(time + i128::from(*length))
        }
        (V::Time(time), V::Duration(length)) if operator == O::Subtract => {
            super::time::checked(time - i128::from(*length))
        }
        (V::Time(a), V::Time(b)) if operator == O::Subtract => {
            i64::try_from(a - b).map(V::Duration).map_err(|_| overflow("duration"))
        }
        (V::Duration(a), V::Duration(b)) => {
            let result = match operator {
                O::Add => a.checked_add(*b),
                O::Subtract => a.checked_sub(*b),
                _ => return Err(NO_OVERLOAD.to_owned()),
            };
            result.map(V::Duration).ok_or_else(|| overflow("duration"))
        }
        _ => Err(NO_OVERLOAD.to_owned()),
    }
}
