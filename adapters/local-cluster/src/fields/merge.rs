//! Merges what is applied into what there is.

use super::shape::{MapShape, Shape, item_step, merges};
use super::step::Step;
use crate::types::{ListType, TypeId, Types};
use crate::value::{Map, Value};
use std::collections::{BTreeMap, VecDeque};

/// Merges `applied` into `live`: nothing goes, what both set is as applied.
pub(crate) fn merge(types: &Types, id: TypeId, live: &Value, applied: &Value) -> Value {
    node(types, id, Some(live), Some(applied)).unwrap_or_default()
}

fn is_empty(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Map(map)) => map.is_empty(),
        Some(Value::List(items)) => items.is_empty(),
        _ => true,
    }
}

fn node(types: &Types, id: TypeId, live: Option<&Value>, applied: Option<&Value>) -> Option<Value> {
    let value = applied.or(live)?;
    let leaf = || applied.or(live).cloned();
    match Shape::of(types, id, value) {
        Shape::Scalar(_) => leaf(),
        Shape::List(list) => match merges(list) {
            Some(list) if !(is_empty(live) && is_empty(applied)) => items(types, list, live, applied),
            _ => leaf(),
        },
        Shape::Map(map) if map.atomic || (is_empty(live) && is_empty(applied)) => leaf(),
        Shape::Map(map) => fields(types, map, live.and_then(Value::as_map), applied.and_then(Value::as_map)),
    }
}

fn fields(types: &Types, shape: MapShape<'_>, live: Option<&Map>, applied: Option<&Map>) -> Option<Value> {
    let kind = |name: &str| shape.field(name).map_or(TypeId::DEDUCED, |(kind, _)| kind);
    let mut out = Vec::new();
    for (name, one) in live.into_iter().flat_map(Map::iter) {
        let other = applied.and_then(|map| map.get(name));
        out.extend(node(types, kind(name), Some(one), other).map(|value| (name.clone(), value)));
    }
    for (name, one) in applied.into_iter().flat_map(Map::iter) {
        if live.is_none_or(|map| !map.contains(name)) {
            out.extend(node(types, kind(name), None, Some(one)).map(|value| (name.clone(), value)));
        }
    }
    (!out.is_empty()).then(|| Value::Map(out.into_iter().collect()))
}

/// Items keep the order of both sides as far as that is possible; where they disagree, the applied order wins.
fn items(types: &Types, list: &ListType, live: Option<&Value>, applied: Option<&Value>) -> Option<Value> {
    let steps = |value: Option<&Value>| -> Vec<(Step, Value)> {
        let items = value.and_then(Value::as_list).unwrap_or_default();
        items.iter().filter_map(|item| Some((item_step(types, list, item).ok()?, item.clone()))).collect()
    };
    let (left, right) = (steps(live), steps(applied));
    // A duplicate in the live list is not merged with anything.
    let mut by_left: BTreeMap<&Step, Option<&Value>> = BTreeMap::new();
    for (step, item) in &left {
        by_left.entry(step).and_modify(|found| *found = None).or_insert(Some(item));
    }
    let by_right: BTreeMap<&Step, &Value> = right.iter().map(|(step, item)| (step, item)).collect();
    let mut shared: VecDeque<&Step> =
        right.iter().map(|(step, _)| step).filter(|step| by_left.contains_key(step)).collect();
    let mut next = shared.pop_front();
    let mut merged: std::collections::BTreeSet<&Step> = std::collections::BTreeSet::new();
    let mut out = Vec::with_capacity(left.len().max(right.len()));
    let (mut l, mut r) = (0, 0);
    while l < left.len() || r < right.len() {
        if let (Some((a, _)), Some((b, item))) = (left.get(l), right.get(r)) {
            if a == b {
                merged.insert(a);
                out.extend(node(types, list.element, by_left.get(a).copied().flatten(), Some(item)));
                (l, r) = (l + 1, r + 1);
                next = shared.pop_front();
                continue;
            }
            if by_right.contains_key(a) && next.is_some_and(|next| next != a) {
                l += 1;
                continue;
            }
        }
        if let Some((a, item)) = left.get(l) {
            if !by_right.contains_key(a) {
                out.extend(node(types, list.element, Some(item), None));
                l += 1;
                continue;
            }
            if merged.contains(a) {
                l += 1;
            }
        }
        if let Some((b, item)) = right.get(r) {
            merged.insert(b);
            out.extend(node(types, list.element, by_left.get(b).copied().flatten(), Some(item)));
            r += 1;
            if next == Some(b) {
                next = shared.pop_front();
            }
        }
    }
    (!out.is_empty()).then_some(Value::List(out))
}
