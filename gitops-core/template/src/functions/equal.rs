//! Go's `reflect.DeepEqual` over template values.

use crate::value::{MAX_DEPTH, Value};

/// How many parts are compared: values that hold one thing often could have more than there is time for.
const MOST: usize = 2_000_000;

/// Returns whether both values have one type and one content. Values of more parts than anyone writes are not equal.
pub(crate) fn deep_equal(a: &Value, b: &Value) -> bool {
    within(a, b, MAX_DEPTH, &mut { MOST })
}

fn within(a: &Value, b: &Value, depth: usize, budget: &mut usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return true };
    let Some(left) = budget.checked_sub(1) else { return false };
    *budget = left;
    match (a, b) {
        (Value::Missing | Value::Nil, Value::Missing | Value::Nil) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a, x), Value::Int(b, y)) => a == b && x == y,
        (Value::Uint(a, x), Value::Uint(b, y)) => a == b && x == y,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Complex(a, x), Value::Complex(b, y)) => a == b && x == y,
        (Value::String(a), Value::String(b)) => a == b,
        (Value::RawString(a), Value::RawString(b)) | (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            a.element() == b.element()
                && a.len() == b.len()
                && a.iter().zip(b.iter()).all(|(a, b)| within(a, b, depth, budget))
        }
        (Value::Map(a), Value::Map(b)) => {
            if a.is_same(b) {
                return true;
            }
            let (left, right) = (a.entries(), b.entries());
            a.element() == b.element()
                && left.len() == right.len()
                && left.iter().zip(&right).all(|((k, a), (l, b))| k == l && within(a, b, depth, budget))
        }
        (Value::Object(a), Value::Object(b)) => match (a.plain(), b.plain()) {
            (Some(x), Some(y)) => a.type_name() == b.type_name() && within(&x, &y, depth, budget),
            _ => std::sync::Arc::ptr_eq(a, b),
        },
        _ => false,
    }
}
