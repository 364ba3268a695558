//! Go's `reflect.DeepEqual` over template values.

use super::Result;
use crate::function::CallContext;
use crate::value::{MAX_DEPTH, Value};
use std::collections::HashSet;

/// How many parts are compared before pairs of lists and maps are remembered: values that hold one thing often are then
/// compared once.
const UNREMEMBERED: usize = 10_000;

/// Returns whether both values have one type and one content.
///
/// # Errors
/// When the limit of steps is reached.
pub(crate) fn deep_equal(context: &mut dyn CallContext, a: &Value, b: &Value) -> Result<bool> {
    Comparison { context, parts: 0, seen: HashSet::new(), held: Vec::new() }.within(a, b, MAX_DEPTH)
}

struct Comparison<'c> {
    context: &'c mut dyn CallContext,
    parts: usize,
    /// Pairs of lists or maps, by their addresses, that are equal or are being compared.
    seen: HashSet<(usize, usize)>,
    /// What objects made for this comparison, so that nothing else takes its addresses.
    held: Vec<(Value, Value)>,
}

impl Comparison<'_> {
    fn within(&mut self, a: &Value, b: &Value, depth: usize) -> Result<bool> {
        let Some(depth) = depth.checked_sub(1) else { return Ok(true) };
        self.parts += 1;
        self.context.step(1)?;
        Ok(match (a, b) {
            (Value::Missing | Value::Nil, Value::Missing | Value::Nil) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a, x), Value::Int(b, y)) => a == b && x == y,
            (Value::Uint(a, x), Value::Uint(b, y)) => a == b && x == y,
            (Value::Float(a), Value::Float(b)) => a == b,
            (Value::Complex(a, x), Value::Complex(b, y)) => a == b && x == y,
            (Value::String(a), Value::String(b)) => a == b,
            (Value::RawString(a), Value::RawString(b)) | (Value::Bytes(a), Value::Bytes(b)) => a == b,
            (Value::List(a), Value::List(b)) => {
                if a.element() != b.element() || a.len() != b.len() {
                    return Ok(false);
                }
                if self.was_seen(a.as_ptr().addr(), b.as_ptr().addr()) {
                    return Ok(true);
                }
                return self.all(a.iter().zip(b.iter()), depth);
            }
            (Value::Map(a), Value::Map(b)) => {
                if a.is_same(b) || self.was_seen(a.address(), b.address()) {
                    return Ok(true);
                }
                let (left, right) = (a.entries(), b.entries());
                if a.element() != b.element()
                    || left.len() != right.len()
                    || left.iter().zip(&right).any(|((k, _), (l, _))| k != l)
                {
                    return Ok(false);
                }
                return self.all(left.iter().zip(&right).map(|((_, a), (_, b))| (a, b)), depth);
            }
            (Value::Object(a), Value::Object(b)) => match (a.plain(), b.plain()) {
                (Some(x), Some(y)) => {
                    self.held.push((x.clone(), y.clone()));
                    a.type_name() == b.type_name() && self.within(&x, &y, depth)?
                }
                _ => std::sync::Arc::ptr_eq(a, b),
            },
            _ => false,
        })
    }

    fn all<'v>(
        &mut self,
        mut pairs: impl Iterator<Item = (&'v Value, &'v Value)>,
        depth: usize,
    ) -> Result<bool> {
        pairs.try_fold(true, |all, (a, b)| Ok(all && self.within(a, b, depth)?))
    }

    fn was_seen(&mut self, a: usize, b: usize) -> bool {
        self.parts > UNREMEMBERED && !self.seen.insert((a, b))
    }
}
