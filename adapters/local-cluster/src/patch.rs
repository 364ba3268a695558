//! Patches: JSON merge, JSON patch and strategic merge, as the API server applies them.

mod json;
mod strategic;

pub(crate) use json::json;
pub(crate) use strategic::strategic;

use crate::value::Value;

/// Merges as RFC 7386 says: nulls remove, objects merge, all else replaces.
pub(crate) fn merge(target: &mut Value, patch: Value) {
    let Value::Map(fields) = patch else {
        *target = patch;
        return;
    };
    let map = target.ensure(&[]);
    for (name, value) in fields {
        if value.is_null() {
            map.remove(&name);
        } else {
            merge(map.entry_or_null(&name), value);
        }
    }
}
