//! `metadata.managedFields`: what others wrote before the first apply is taken over.

use super::ignore::{child, steps};
use crate::ports::Patch;
use gitops_yaml::{Entry, Node, Str};

/// The annotations that earlier appliers have left behind.
const OLD_ANNOTATIONS: [&str; 3] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "kustomize.toolkit.fluxcd.io/checksum",
    "fluxcd.io/sync-checksum",
];

/// The label that Flux 1 has left behind.
const OLD_LABELS: [&str; 1] = ["fluxcd.io/sync-gc-mark"];

/// Makes the patch that hands the fields of earlier appliers (kubectl's in either way, `before-first-apply`, the manager's own
/// updates and those named as `disallowed`) to the manager, and removes what they have left; `None` where there is nothing.
pub(super) fn cleanup(live: &Node, manager: &Str, disallowed: &[Str]) -> Option<Patch> {
    let mut operations = Vec::new();
    for (field, keys) in [("annotations", &OLD_ANNOTATIONS[..]), ("labels", &OLD_LABELS[..])] {
        for key in keys.iter().filter(|key| live.at_path(&["metadata", field, key]).is_some()) {
            operations.push(operation(
                "remove",
                &format!("/metadata/{field}/{}", key.replace('/', "~1")),
                None,
            ));
        }
    }
    let entries = live.at_path(&["metadata", "managedFields"]).and_then(Node::items).unwrap_or_default();
    if let Some(entries) = taken_over(entries, manager, disallowed) {
        operations.push(operation("replace", "/metadata/managedFields", Some(Node::sequence(entries))));
    }
    (!operations.is_empty()).then(|| Patch::Json(Node::sequence(operations)))
}

/// Makes the patch that says of all fields that they were written in this version, since a server refuses to apply where
/// an older version lacks a field that has a default; `None` where there is nothing to change.
pub(super) fn migration(live: &Node, api_version: &str) -> Option<Patch> {
    let entries = live.at_path(&["metadata", "managedFields"]).and_then(Node::items)?;
    if entries.iter().all(|entry| text(entry, "apiVersion") == api_version) {
        return None;
    }
    let migrated = entries.iter().cloned().map(|mut entry| {
        entry.set("apiVersion", Node::string(api_version));
        entry
    });
    let value = Node::sequence(migrated.collect());
    Some(Patch::Json(Node::sequence(vec![operation("replace", "/metadata/managedFields", Some(value))])))
}

fn operation(op: &str, path: &str, value: Option<Node>) -> Node {
    let mut node = Node::mapping(Vec::new());
    node.set("op", Node::string(op));
    node.set("path", Node::string(path));
    if let Some(value) = value {
        node.set("value", value);
    }
    node
}

fn text<'a>(entry: &'a Node, field: &str) -> &'a str {
    entry.get(field).and_then(Node::as_str).unwrap_or_default()
}

fn taken_over(entries: &[Node], manager: &Str, disallowed: &[Str]) -> Option<Vec<Node>> {
    let is_own =
        |entry: &Node| text(entry, "manager") == manager.as_str() && text(entry, "operation") == "Apply";
    let is_early = |entry: &Node| {
        let (name, operation) = (text(entry, "manager"), text(entry, "operation"));
        let begins = |with: &str| name.starts_with(with);
        text(entry, "subresource").is_empty()
            && match operation {
                "Apply" => begins("kubectl") || disallowed.iter().any(|with| begins(with)),
                "Update" => {
                    ["kubectl", "before-first-apply", manager.as_str()].into_iter().any(begins)
                        || disallowed.iter().any(|with| begins(with))
                }
                _ => false,
            }
    };
    if !entries.iter().any(|entry| !is_own(entry) && is_early(entry)) {
        return None;
    }
    let mut own = entries.iter().rfind(|entry| is_own(entry)).cloned();
    let mut kept = Vec::new();
    for entry in entries.iter().filter(|entry| !is_own(entry)) {
        if !is_early(entry) {
            kept.push(entry.clone());
            continue;
        }
        match &mut own {
            None => {
                let mut entry = entry.clone();
                entry.set("manager", Node::string(manager.clone()));
                entry.set("operation", Node::string("Apply"));
                own = Some(entry);
            }
            Some(own) => match (own.get_mut("fieldsV1"), entry.get("fieldsV1")) {
                (Some(fields), Some(more)) => unite(fields, more),
                (None, Some(more)) => own.set("fieldsV1", more.clone()),
                (_, None) => {}
            },
        }
    }
    kept.extend(own);
    Some(kept)
}

/// Adds the fields of one set to another: both are mappings of mappings.
fn unite(fields: &mut Node, more: &Node) {
    for Entry { key, value } in more.entries().unwrap_or_default() {
        let Some(key) = key.scalar() else { continue };
        match fields.get_mut(key) {
            Some(field) => unite(field, value),
            None => fields.set(key.clone(), value.clone()),
        }
    }
}

/// Returns whether an applier other than `manager` owns the field at a JSON pointer.
pub(super) fn is_applied_by_other(live: &Node, pointer: &str, manager: &str) -> bool {
    let entries = live.at_path(&["metadata", "managedFields"]).and_then(Node::items).unwrap_or_default();
    let applied = entries.iter().filter(|entry| {
        text(entry, "operation") == "Apply"
            && text(entry, "subresource").is_empty()
            && text(entry, "manager") != manager
    });
    applied.filter_map(|entry| entry.get("fieldsV1")).any(|fields| owns(fields, live, pointer))
}

fn owns(fields: &Node, live: &Node, pointer: &str) -> bool {
    let mut fields = fields;
    let mut live = Some(live);
    for step in steps(pointer) {
        let item = live.and_then(|live| child(live, &step));
        let next = if live.is_some_and(Node::is_sequence) {
            // The items of a list are named by their keys: k:{"name":"a"}.
            let keyed = |entry: &&Entry| {
                let Some(keys) = entry.key.as_str().and_then(|key| key.strip_prefix("k:")) else {
                    return false;
                };
                let Ok(keys) = gitops_yaml::from_json(keys, gitops_yaml::FileId::NONE) else { return false };
                let same = |key: &Entry| {
                    let name = key.key.as_str().unwrap_or_default();
                    item.and_then(|item| item.get(name)).and_then(Node::as_str) == key.value.as_str()
                };
                keys.entries().is_some_and(|keys| keys.iter().all(same))
            };
            fields.entries().unwrap_or_default().iter().find(keyed).map(|entry| &entry.value)
        } else {
            fields.get(&format!("f:{step}"))
        };
        match next {
            Some(next) => fields = next,
            None => return false,
        }
        live = item;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_yaml::{Dialect, FileId, from_json, to_json};

    #[track_caller]
    fn check(metadata: &str, wanted: &str) {
        let live = from_json(&format!("{{\"metadata\":{metadata}}}"), FileId::NONE).unwrap();
        let patch = cleanup(&live, &"kustomize-controller".into(), &["argocd".into()]);
        let shown = match patch {
            Some(Patch::Json(patch)) => to_json(&patch, Dialect::V3).unwrap(),
            _ => String::new(),
        };
        assert_eq!(shown, wanted);
    }

    #[test]
    fn fields_of_kubectl_are_handed_over() {
        check(
            r#"{"managedFields":[{"manager":"kubectl-client-side-apply","operation":"Update","fieldsV1":{"f:data":{"f:a":{}}}}]}"#,
            r#"[{"op":"replace","path":"/metadata/managedFields","value":[{"fieldsV1":{"f:data":{"f:a":{}}},"manager":"kustomize-controller","operation":"Apply"}]}]"#,
        );
        check(
            r#"{"managedFields":[{"manager":"kustomize-controller","operation":"Apply","fieldsV1":{"f:data":{"f:b":{}}}},{"manager":"argocd-x","operation":"Apply","fieldsV1":{"f:data":{"f:a":{}}}},{"manager":"hpa","operation":"Update"}]}"#,
            r#"[{"op":"replace","path":"/metadata/managedFields","value":[{"manager":"hpa","operation":"Update"},{"fieldsV1":{"f:data":{"f:a":{},"f:b":{}}},"manager":"kustomize-controller","operation":"Apply"}]}]"#,
        );
    }

    #[test]
    fn nothing_is_patched_where_nobody_was_before() {
        check(
            r#"{"managedFields":[{"manager":"kustomize-controller","operation":"Apply"},{"manager":"kubectl","operation":"Update","subresource":"status"}]}"#,
            "",
        );
    }

    #[test]
    fn what_kubectl_left_behind_is_removed() {
        check(
            r#"{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}"}}"#,
            r#"[{"op":"remove","path":"/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration"}]"#,
        );
    }

    #[test]
    fn owners_of_list_items_are_found_by_key() {
        let live = r#"{"metadata":{"managedFields":[{"manager":"x","operation":"Apply","fieldsV1":{"f:spec":{"f:c":{"k:{\"name\":\"b\"}":{"f:image":{}}}}}}]},"spec":{"c":[{"name":"a"},{"name":"b","image":"i"}]}}"#;
        let live = from_json(live, FileId::NONE).unwrap();
        assert!(is_applied_by_other(&live, "/spec/c/1/image", "me"));
        assert!(!is_applied_by_other(&live, "/spec/c/0/image", "me"));
        assert!(!is_applied_by_other(&live, "/spec/c/1/image", "x"));
    }
}
