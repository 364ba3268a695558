//! Whether a live object differs from what an apply would make of it.

use super::ignore::IgnoreRules;
use crate::object::same_value;
use gitops_yaml::Node;

/// Compares labels, annotations and everything outside metadata and status; returns the first field that differs:
/// `spec.replicas`.
pub(super) fn drifted_field(live: &Node, next: &Node, ignored: &IgnoreRules) -> Option<String> {
    let would_be = next;
    let (mut live, mut next) = (live.clone(), next.clone());
    ignored.strip(would_be, &mut next);
    ignored.strip(would_be, &mut live);
    for field in ["labels", "annotations"] {
        let of = |object: &Node| object.at_path(&["metadata", field]).cloned().unwrap_or_else(Node::null);
        let empty = |node: &Node| node.entries().is_none_or(<[_]>::is_empty);
        let (live, next) = (of(&live), of(&next));
        let both_empty = empty(&live) && empty(&next);
        if !both_empty && !same_value(&live, &next) {
            let path = difference(&live, &next).unwrap_or_default();
            return Some(format!("metadata.{field}{path}"));
        }
    }
    for object in [&mut live, &mut next] {
        object.remove("metadata");
        object.remove("status");
    }
    difference(&live, &next).map(|path| path.trim_start_matches('.').to_owned())
}

/// The path of the first value that differs; empty for the values themselves.
fn difference(live: &Node, next: &Node) -> Option<String> {
    if let (Some(live_entries), Some(next_entries)) = (live.entries(), next.entries()) {
        let gone = live_entries.iter().filter(|entry| !entry.value.is_null());
        let keys = next_entries.iter().chain(gone);
        for key in keys.filter_map(|entry| entry.key.as_str()) {
            let null = Node::null();
            let (live, next) = (live.get(key).unwrap_or(&null), next.get(key).unwrap_or(&null));
            if let Some(path) = difference(live, next) {
                return Some(format!(".{key}{path}"));
            }
        }
        return None;
    }
    if let (Some(live), Some(next)) = (live.items(), next.items())
        && live.len() == next.len()
    {
        let pairs = live.iter().zip(next).enumerate();
        return pairs
            .into_iter()
            .find_map(|(index, (live, next))| difference(live, next).map(|path| format!("[{index}]{path}")));
    }
    (!same_value(live, next)).then(String::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_yaml::{FileId, from_json};

    #[track_caller]
    fn check(live: &str, next: &str, wanted: Option<&str>) {
        let read = |text| from_json(text, FileId::NONE).unwrap();
        let found = drifted_field(&read(live), &read(next), &IgnoreRules::default());
        assert_eq!(found.as_deref(), wanted);
    }

    #[test]
    fn what_the_cluster_keeps_is_no_drift() {
        check(
            r#"{"metadata":{"resourceVersion":"2","labels":{}},"spec":{"a":[1]},"status":{"x":1}}"#,
            r#"{"metadata":{"resourceVersion":"1"},"spec":{"a":[1]}}"#,
            None,
        );
    }

    #[test]
    fn the_field_that_differs_is_named() {
        check(r#"{"spec":{"a":[{"b":1}]}}"#, r#"{"spec":{"a":[{"b":2}]}}"#, Some("spec.a[0].b"));
        check(r#"{"data":{"a":"1"}}"#, r#"{"data":{}}"#, Some("data.a"));
        check(
            r#"{"metadata":{"labels":{"a":"1"}}}"#,
            r#"{"metadata":{"labels":{"a":"2"}}}"#,
            Some("metadata.labels.a"),
        );
        check(
            r#"{"metadata":{"annotations":{"a":"1"}}}"#,
            r#"{"metadata":{}}"#,
            Some("metadata.annotations"),
        );
    }
}
