//! Rules of custom resource definitions.

use super::{list, unchanged};
use crate::failure::Wrong;
use crate::value::Value;

pub(super) fn definition(object: &Value, old: Option<&Value>, wrong: &mut Vec<Wrong>) {
    let name = object.text_at(&["metadata", "name"]);
    let group = object.text_at(&["spec", "group"]);
    let plural = object.text_at(&["spec", "names", "plural"]);
    if old.is_none() && name != format!("{plural}.{group}") {
        let why = "must be spec.names.plural+\".\"+spec.group";
        wrong.push(Wrong::invalid("metadata.name", &name.into(), why));
    }
    if group.is_empty() {
        wrong.push(Wrong::required("spec.group", ""));
    } else if !group.contains('.') {
        wrong.push(Wrong::invalid("spec.group", &group.into(), "should be a domain with at least one dot"));
    }
    let scope = object.text_at(&["spec", "scope"]);
    if scope.is_empty() {
        wrong.push(Wrong::required("spec.scope", ""));
    } else if !matches!(scope, "Cluster" | "Namespaced") {
        wrong.push(Wrong::not_supported("spec.scope", &scope.into(), &["Cluster", "Namespaced"]));
    }
    let versions = list(object, &["spec", "versions"]);
    let stored =
        versions.iter().filter(|one| one.get("storage").and_then(Value::as_bool) == Some(true)).count();
    if stored != 1 {
        let value = Value::List(versions.to_vec());
        wrong.push(Wrong::invalid(
            "spec.versions",
            &value,
            "must have exactly one version marked as storage version",
        ));
    }
    for (index, version) in versions.iter().enumerate() {
        let path = format!("spec.versions[{index}]");
        match version.at(&["schema", "openAPIV3Schema"]) {
            None => {
                wrong.push(Wrong::required(format!("{path}.schema.openAPIV3Schema"), ""));
            }
            Some(schema) => {
                if schema.text_at(&["type"]).is_empty() {
                    let why = "must not be empty at the root";
                    wrong.push(Wrong::required(format!("{path}.schema.openAPIV3Schema.type"), why));
                }
            }
        }
    }
    for field in ["plural", "kind"] {
        if object.text_at(&["spec", "names", field]).is_empty() {
            wrong.push(Wrong::required(format!("spec.names.{field}"), ""));
        }
    }
    if old.is_some() {
        unchanged(object, old, &["spec", "group"], "spec.group", wrong);
        unchanged(object, old, &["spec", "scope"], "spec.scope", wrong);
        unchanged(object, old, &["spec", "names", "kind"], "spec.names.kind", wrong);
        unchanged(object, old, &["spec", "names", "plural"], "spec.names.plural", wrong);
    }
}
