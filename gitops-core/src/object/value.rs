//! Whether two values are the same to a Kubernetes API: the order of keys, styles and comments do not count.

use gitops_yaml::{Dialect, Kind, Node};

/// Compares two values as JSON would hold them: mappings whatever their order, numbers by value, all else by type and text.
/// A field that is null is the same as one that is not there.
///
/// ```
/// use gitops_core::object::same_value;
/// use gitops_yaml::{FileId, from_json};
/// let read = |text| from_json(text, FileId::NONE).unwrap();
/// assert!(same_value(&read(r#"{"a": 1, "b": [true]}"#), &read(r#"{"b": [true], "a": 1.0, "c": null}"#)));
/// assert!(!same_value(&read(r#"{"a": 1}"#), &read(r#"{"a": "1"}"#)));
/// ```
#[must_use]
pub fn same_value(a: &Node, b: &Node) -> bool {
    if let (Some(a), Some(b)) = (a.entries(), b.entries()) {
        let held =
            |entries: &[gitops_yaml::Entry]| entries.iter().filter(|entry| !entry.value.is_null()).count();
        // Servers and clients mostly print keys in one order, so that the same position is looked at first.
        let found = |key: &str, position: usize| {
            let same_place = b.get(position).filter(|entry| entry.key.as_str() == Some(key));
            same_place.or_else(|| b.iter().find(|entry| entry.key.as_str() == Some(key)))
        };
        return held(a) == held(b)
            && a.iter().enumerate().filter(|(_, entry)| !entry.value.is_null()).all(|(position, entry)| {
                let other = entry.key.as_str().and_then(|key| found(key, position));
                other.is_some_and(|other| same_value(&entry.value, &other.value))
            });
    }
    if let (Some(a), Some(b)) = (a.items(), b.items()) {
        return a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_value(a, b));
    }
    same_scalar(a, b)
}

#[allow(clippy::cast_precision_loss, reason = "JSON's numbers are floats")]
fn same_scalar(a: &Node, b: &Node) -> bool {
    let (Some(left), Some(right)) = (a.as_str(), b.as_str()) else { return false };
    let number = |kind: Kind| match kind {
        Kind::Int(value) => Some(value as f64),
        Kind::Uint(value) => Some(value as f64),
        Kind::Float(value) => Some(value),
        _ => None,
    };
    match (a.kind(Dialect::V3), b.kind(Dialect::V3)) {
        (Kind::Null, Kind::Null) => true,
        (Kind::Bool(a), Kind::Bool(b)) => a == b,
        (Kind::Int(a), Kind::Int(b)) => a == b,
        (Kind::Str | Kind::Timestamp, Kind::Str | Kind::Timestamp) => left == right,
        (a, b) => matches!((number(a), number(b)), (Some(a), Some(b)) if a == b),
    }
}
