//! Kubernetes' strategic merge patch, by the patch strategies of the built-in types.

use crate::failure::Failure;
use crate::types::{PatchStrategy, Type, TypeId, Types};
use crate::value::{Map, Value};
use gitops_yaml::Str;

/// Patches an object of a type.
pub(crate) fn strategic(types: &Types, id: TypeId, target: &mut Value, patch: Value) -> Result<(), Failure> {
    let Value::Map(patch) = patch else {
        return Err(Failure::bad_request(
            "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
        ));
    };
    let original = std::mem::take(target).into_map();
    *target = Value::Map(merge_map(types, id, original, patch)?);
    Ok(())
}

impl Value {
    fn into_map(self) -> Map {
        match self {
            Self::Map(map) => map,
            _ => Map::default(),
        }
    }
}

fn field(types: &Types, id: TypeId, name: &str) -> (TypeId, PatchStrategy) {
    match types.get(id) {
        Type::Struct(structure) => match structure.field(name) {
            Some(field) => (field.kind, field.patch.clone()),
            None => (TypeId::DEDUCED, PatchStrategy::default()),
        },
        Type::Map(map) => (map.element, PatchStrategy::default()),
        _ => (TypeId::DEDUCED, PatchStrategy::default()),
    }
}

fn element(types: &Types, id: TypeId) -> TypeId {
    match types.get(id) {
        Type::List(list) => list.element,
        _ => TypeId::DEDUCED,
    }
}

fn merge_map(types: &Types, id: TypeId, mut original: Map, mut patch: Map) -> Result<Map, Failure> {
    match patch.remove("$patch").as_ref().and_then(Value::as_str) {
        Some("replace") => return Ok(patch),
        Some("delete") => return Ok(Map::default()),
        Some("merge") | None => {}
        Some(other) => {
            return Err(Failure::bad_request(format!("Unknown patch type: {other} in map[$patch:{other}]")));
        }
    }
    if let Some(Value::List(keep)) = patch.remove("$retainKeys") {
        original.retain(|name, _| keep.iter().any(|kept| kept.as_str() == Some(name)));
    }
    let mut orders: Vec<(Str, Value)> = Vec::new();
    let mut removals: Vec<(Str, Value)> = Vec::new();
    patch.retain(|name, value| {
        if let Some(list) = name.strip_prefix("$setElementOrder/") {
            orders.push((list.into(), std::mem::take(value)));
            false
        } else if let Some(list) = name.strip_prefix("$deleteFromPrimitiveList/") {
            removals.push((list.into(), std::mem::take(value)));
            false
        } else {
            true
        }
    });
    for (name, gone) in removals {
        let gone = gone.as_list().unwrap_or_default().to_vec();
        if let Some(Value::List(items)) = original.get_mut(&name) {
            items.retain(|item| !gone.contains(item));
        }
    }
    // Lists as they stood before they were merged.
    let mut befores: Vec<(Str, Vec<Value>)> = Vec::new();
    for (name, value) in patch {
        if value.is_null() {
            original.remove(&name);
            continue;
        }
        let (kind, strategy) = field(types, id, &name);
        let merged = match (original.remove(&name), value) {
            (Some(Value::Map(before)), Value::Map(patch)) => {
                Value::Map(merge_map(types, kind, before, patch)?)
            }
            (_, Value::Map(patch)) => Value::Map(merge_map(types, kind, Map::default(), patch)?),
            (before, Value::List(patch)) => match &strategy.merge {
                Some(key) => {
                    let before = match before {
                        Some(Value::List(items)) => items,
                        _ => Vec::new(),
                    };
                    let order: Vec<Value> =
                        patch.iter().filter(|item| item.get("$patch").is_none()).cloned().collect();
                    let merged = merge_list(types, element(types, kind), key, before.clone(), patch)?;
                    let items = arrange(merged, key, &order, &before);
                    befores.push((name.clone(), before));
                    Value::List(items)
                }
                None => Value::List(patch),
            },
            (_, value) => value,
        };
        original.insert(name, merged);
    }
    for (name, order) in orders {
        let (_, strategy) = field(types, id, &name);
        if let (Some(Value::List(items)), Some(key), Value::List(order)) =
            (original.get_mut(&name), &strategy.merge, order)
        {
            let before = befores.iter().find(|(list, _)| *list == name);
            let before = before.map_or_else(|| items.clone(), |(_, before)| before.clone());
            *items = arrange(std::mem::take(items), key, &order, &before);
        }
    }
    Ok(original)
}

fn merge_list(
    types: &Types,
    element: TypeId,
    key: &str,
    mut original: Vec<Value>,
    patch: Vec<Value>,
) -> Result<Vec<Value>, Failure> {
    if key.is_empty() {
        for item in patch {
            if !original.contains(&item) {
                original.push(item);
            }
        }
        return Ok(original);
    }
    if patch.iter().any(|item| item.text_at(&["$patch"]) == "replace") {
        return Ok(patch.into_iter().filter(|item| item.get("$patch").is_none()).collect());
    }
    for item in patch {
        let Value::Map(mut item) = item else {
            return Err(Failure::bad_request("expected a map in a list that is merged by keys"));
        };
        let Some(id) = item.get(key).cloned() else {
            let shown = Value::Map(item).to_json();
            return Err(Failure::internal(format!(
                "map: {shown} does not contain declared merge key: {key}"
            )));
        };
        let position = original.iter().position(|one| one.get(key) == Some(&id));
        if item.get("$patch").and_then(Value::as_str) == Some("delete") {
            original.retain(|one| one.get(key) != Some(&id));
            continue;
        }
        match position {
            Some(index) => {
                let before = std::mem::take(&mut original[index]).into_map();
                original[index] = Value::Map(merge_map(types, element, before, item)?);
            }
            None => {
                item = merge_map(types, element, Map::default(), item)?;
                original.push(Value::Map(item));
            }
        }
    }
    Ok(original)
}

/// Puts a list in the order that a patch wants: the items that it names in its order, the others as they stood, and
/// where the two meet, by where both stood before; what is new comes first.
fn arrange(items: Vec<Value>, key: &str, order: &[Value], before: &[Value]) -> Vec<Value> {
    let id = |item: &Value| if key.is_empty() { Some(item.clone()) } else { item.get(key).cloned() };
    let ids = |list: &[Value]| list.iter().map(id).collect::<Vec<_>>();
    let (wanted, stood) = (ids(order), ids(before));
    let place = |list: &[Option<Value>], item: &Value| {
        let id = id(item)?;
        list.iter().position(|one| one.as_ref() == Some(&id))
    };
    let (mut named, mut others): (Vec<Value>, Vec<Value>) =
        items.into_iter().partition(|item| place(&wanted, item).is_some());
    named.sort_by_key(|item| place(&wanted, item));
    others.sort_by_key(|item| place(&stood, item).unwrap_or(usize::MAX));
    let mut out = Vec::with_capacity(named.len() + others.len());
    let mut named = named.into_iter().peekable();
    let mut others = others.into_iter().peekable();
    loop {
        let other_first = match (named.peek(), others.peek()) {
            (None, None) => return out,
            (None, Some(_)) => true,
            (Some(_), None) => false,
            (Some(named), Some(other)) => match (place(&stood, other), place(&stood, named)) {
                (Some(other), Some(named)) => other < named,
                _ => false,
            },
        };
        out.extend(if other_first { others.next() } else { named.next() });
    }
}
