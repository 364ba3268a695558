//! JSON merge patch (RFC 7386): mappings merge, null removes, everything else replaces.

use gitops_yaml::Node;

/// Applies a JSON merge patch to a document.
///
/// ```
/// use gitops_core::merge::merge_patch;
/// use gitops_yaml::{Dialect, FileId, from_json, to_json};
/// let read = |text| from_json(text, FileId::NONE).unwrap();
/// let mut target = read(r#"{"a": {"b": 1, "c": [1]}, "d": 2}"#);
/// merge_patch(&mut target, &read(r#"{"a": {"c": [2], "e": {"f": null}}, "d": null}"#));
/// assert_eq!(to_json(&target, Dialect::V3).unwrap(), r#"{"a":{"b":1,"c":[2],"e":{}}}"#);
/// ```
pub fn merge_patch(target: &mut Node, patch: &Node) {
    let Some(entries) = patch.entries() else {
        *target = patch.clone();
        return;
    };
    if !target.is_mapping() {
        *target = Node::mapping(Vec::new()).at(patch.place);
    }
    for entry in entries {
        let Some(key) = entry.key.scalar() else { continue };
        if entry.value.is_null() {
            target.remove(key);
            continue;
        }
        if target.get(key).is_none() {
            target.set(key.clone(), Node::null());
        }
        if let Some(field) = target.get_mut(key) {
            merge_patch(field, &entry.value);
        }
    }
}
