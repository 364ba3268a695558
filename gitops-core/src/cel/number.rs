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
    match (a, b) {
        (V::Int(a), V::Int(b)) => whole(operator, (*a).into(), (*b).into(), "integer").map(V::Int),
        (V::Uint(a), V::Uint(b)) => {
            whole(operator, (*a).into(), (*b).into(), "unsigned integer").map(V::Uint)
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

/// Computes with whole numbers that must fit a type again.
fn whole<T: TryFrom<i128>>(operator: Operator, a: i128, b: i128, name: &str) -> Result<T, String> {
    let fits = |value: i128| T::try_from(value).ok();
    let result = match operator {
        Operator::Divide if b == 0 => return Err("division by zero".to_owned()),
        Operator::Remainder if b == 0 => return Err("modulus by zero".to_owned()),
        Operator::Add => a.checked_add(b).and_then(fits),
        Operator::Subtract => a.checked_sub(b).and_then(fits),
        Operator::Multiply => a.checked_mul(b).and_then(fits),
        Operator::Divide => a.checked_div(b).and_then(fits),
        // As in cel-go, a remainder overflows where its quotient does.
        Operator::Remainder => a.checked_div(b).and_then(fits).and(a.checked_rem(b)).and_then(fits),
        _ => return Err(NO_OVERLOAD.to_owned()),
    };
    result.ok_or_else(|| format!("{name} overflow"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_overflow_where_their_type_ends() {
        let int = |operator, a: i64, b: i64| whole::<i64>(operator, a.into(), b.into(), "integer");
        let uint = |operator, a: u64, b: u64| whole::<u64>(operator, a.into(), b.into(), "unsigned integer");
        assert_eq!(int(Operator::Multiply, -3, 4), Ok(-12));
        assert_eq!(int(Operator::Remainder, -7, 4), Ok(-3));
        for operator in [Operator::Divide, Operator::Remainder] {
            assert_eq!(int(operator, i64::MIN, -1), Err("integer overflow".to_owned()));
        }
        assert_eq!(int(Operator::Add, i64::MAX, 1), Err("integer overflow".to_owned()));
        assert_eq!(uint(Operator::Subtract, 1, 2), Err("unsigned integer overflow".to_owned()));
        assert_eq!(uint(Operator::Multiply, u64::MAX, u64::MAX), Err("unsigned integer overflow".to_owned()));
        assert_eq!(uint(Operator::Remainder, 1, 0), Err("modulus by zero".to_owned()));
    }
}
