//! Which fields a value sets.

use super::set::FieldSet;
use super::shape::{MapShape, Shape, item_step, merges};
use super::step::Step;
use crate::types::{ListType, TypeId, Types};
use crate::value::{Map, Value};

/// Returns every field and item that a value mentions.
pub(crate) fn to_set(types: &Types, id: TypeId, value: &Value) -> FieldSet {
    let mut set = FieldSet::default();
    below(types, id, value, &mut set);
    set
}

/// Returns whether the value is a leaf; what is below it goes into the set.
fn below(types: &Types, id: TypeId, value: &Value, set: &mut FieldSet) -> bool {
    match (Shape::of(types, id, value), value) {
        (Shape::Scalar(_), _) => true,
        (Shape::List(list), value) => match (merges(list), value) {
            (None, _) => true,
            (Some(list), Value::List(items)) => {
                list_items(types, list, items, set);
                false
            }
            _ => false,
        },
        (Shape::Map(map), _) if map.atomic => true,
        (Shape::Map(shape), Value::Map(map)) => {
            map_fields(types, shape, map, set);
            false
        }
        _ => false,
    }
}

fn put(types: &Types, id: TypeId, value: &Value, step: Step, member: bool, set: &mut FieldSet) {
    let mut child = FieldSet::default();
    let leaf = below(types, id, value, &mut child);
    if leaf || member {
        set.members.push(step.clone());
    }
    if !child.is_empty() {
        set.children.push((step, child));
    }
}

fn map_fields(types: &Types, shape: MapShape<'_>, map: &Map, set: &mut FieldSet) {
    for (name, value) in map.iter() {
        let (kind, named) = shape.field(name).unwrap_or((TypeId::DEDUCED, false));
        let empty = value.is_null() || value.as_map().is_some_and(Map::is_empty);
        put(types, kind, value, Step::Field(name.clone()), empty || !named, set);
    }
}

fn list_items(types: &Types, list: &ListType, items: &[Value], set: &mut FieldSet) {
    let mut steps: Vec<(Step, &Value)> =
        items.iter().filter_map(|item| Some((item_step(types, list, item).ok()?, item))).collect();
    steps.sort_by(|a, b| a.0.cmp(&b.0));
    for same in steps.chunk_by(|a, b| a.0 == b.0) {
        match same {
            [(step, item)] => put(types, list.element, item, step.clone(), true, set),
            // Of duplicates, only that they are there is owned.
            [(step, _), ..] => set.members.push(step.clone()),
            [] => {}
        }
    }
}
