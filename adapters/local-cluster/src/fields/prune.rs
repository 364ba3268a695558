//! Takes fields and items away.

use super::set::FieldSet;
use super::shape::{Shape, item_step, merges};
use super::step::Step;
use crate::types::{TypeId, Types};
use crate::value::{Map, Value};

/// Returns a value without the given fields and items. A map or list of which nothing is left is null.
pub(crate) fn remove_items(types: &Types, id: TypeId, value: &Value, gone: &FieldSet) -> Value {
    match (Shape::of(types, id, value), value) {
        (Shape::Scalar(_), _) => value.clone(),
        (Shape::List(list), Value::List(items)) => {
            let Some(list) = merges(list) else { return Value::Null };
            let mut kept = Vec::with_capacity(items.len());
            for item in items {
                let Ok(step) = item_step(types, list, item) else {
                    kept.push(item.clone());
                    continue;
                };
                if gone.has_member(&step) {
                    continue;
                }
                kept.push(match gone.child(&step) {
                    Some(below) => remove_items(types, list.element, item, below),
                    None => item.clone(),
                });
            }
            if kept.is_empty() { Value::Null } else { Value::List(kept) }
        }
        (Shape::Map(shape), Value::Map(map)) => {
            if shape.atomic {
                return Value::Null;
            }
            let mut kept = Vec::with_capacity(map.len());
            for (name, value) in map.iter() {
                let step = Step::Field(name.clone());
                if gone.has_member(&step) {
                    continue;
                }
                let value = match gone.child(&step) {
                    Some(below) => {
                        let kind = shape.field(name).map_or(TypeId::DEDUCED, |(kind, _)| kind);
                        remove_items(types, kind, value, below)
                    }
                    None => value.clone(),
                };
                kept.push((name.clone(), value));
            }
            if kept.is_empty() { Value::Null } else { Value::Map(kept.into_iter().collect::<Map>()) }
        }
        _ => Value::Null,
    }
}
