//! Prunes what a schema does not know, and fills in what it says by default.

use super::Structural;
use crate::store::decode::decode;
use crate::types::Types;
use crate::value::Value;

/// Reads an object of a custom kind; returns it with the paths of the fields that were pruned.
pub(crate) fn read(
    schema: &Structural,
    types: &Types,
    mut value: Value,
) -> Result<(Value, Vec<String>), String> {
    let mut unknown = Vec::new();
    let metadata = match value.remove("metadata") {
        None | Some(Value::Null) => Value::map(),
        Some(metadata) => {
            let decoded = decode(types, types.named("meta.v1.ObjectMeta"), metadata)?;
            unknown.extend(decoded.unknown.into_iter().map(|path| format!("metadata.{path}")));
            decoded.value
        }
    };
    let kind = (value.remove("apiVersion"), value.remove("kind"));
    prune(schema, &mut value, &mut String::new(), &mut unknown);
    fill(schema, &mut value);
    if let Value::Map(map) = &mut value {
        map.insert("apiVersion", kind.0.unwrap_or_default());
        map.insert("kind", kind.1.unwrap_or_default());
        map.insert("metadata", metadata);
    }
    Ok((value, unknown))
}

fn prune(schema: &Structural, value: &mut Value, path: &mut String, unknown: &mut Vec<String>) {
    let length = path.len();
    match value {
        Value::Map(map) => map.retain(|name, value| {
            if schema.embedded && matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
                return true;
            }
            if length > 0 {
                path.push('.');
            }
            path.push_str(name);
            let below = schema.property(name).or(schema.additional.as_deref());
            let known = match below {
                Some(below) => {
                    prune(below, value, path, unknown);
                    true
                }
                None if schema.preserve_unknown => true,
                None => {
                    unknown.push(path.clone());
                    false
                }
            };
            path.truncate(length);
            known
        }),
        Value::List(items) => {
            let Some(below) = &schema.items else { return };
            for (index, item) in items.iter_mut().enumerate() {
                path.push_str(&format!("[{index}]"));
                prune(below, item, path, unknown);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

/// Sets what is missing and has a default. A null that may not be one counts as missing.
fn fill(schema: &Structural, value: &mut Value) {
    match value {
        Value::Map(map) => {
            for (name, below) in &schema.properties {
                let Some(default) = &below.default else { continue };
                let missing = match map.get(name) {
                    None => true,
                    Some(found) => found.is_null() && !below.nullable,
                };
                if missing {
                    map.insert(name.clone(), default.clone());
                }
            }
            if let Some(below) = schema.additional.as_deref()
                && !below.nullable
                && let Some(default) = &below.default
            {
                for (_, value) in map.iter_mut().filter(|(_, value)| value.is_null()) {
                    *value = default.clone();
                }
            }
            map.retain(|name, value| {
                !(value.is_null()
                    && schema.property(name).is_some_and(|below| !below.nullable && below.default.is_some()))
            });
            for (name, value) in map.iter_mut() {
                if let Some(below) = schema.property(name).or(schema.additional.as_deref()) {
                    fill(below, value);
                }
            }
        }
        Value::List(items) => {
            if let Some(below) = &schema.items {
                items.iter_mut().for_each(|item| fill(below, item));
            }
        }
        _ => {}
    }
}
