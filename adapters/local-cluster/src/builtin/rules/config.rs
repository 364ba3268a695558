//! Rules of configuration, access and storage.

use super::{list, unchanged};
use crate::failure::Wrong;
use crate::value::{Map, Value};

const KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

fn keys(object: &Value, field: &str, wrong: &mut Vec<Wrong>) {
    for (key, _) in object.get(field).and_then(Value::as_map).into_iter().flat_map(Map::iter) {
        let path = format!("{field}[{key}]");
        let value = Value::text(key.clone());
        if key.len() > 253 {
            wrong.push(Wrong::invalid(path.clone(), &value, "must be no more than 253 characters"));
        }
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
            wrong.push(Wrong::invalid(path, &value, KEY));
        } else if key == "." || key.starts_with("..") {
            let why = if key == "." { "must not be '.'" } else { "must not start with '..'" };
            wrong.push(Wrong::invalid(path, &value, why));
        }
    }
}

fn is_fixed(object: &Value) -> bool {
    object.get("immutable").and_then(Value::as_bool) == Some(true)
}

fn fixed(object: &Value, old: Option<&Value>, fields: &[&str], wrong: &mut Vec<Wrong>) {
    let Some(old) = old.filter(|old| is_fixed(old)) else { return };
    let why = "field is immutable when `immutable` is set";
    if !is_fixed(object) {
        wrong.push(Wrong::forbidden("immutable", why));
    }
    for field in fields.iter().filter(|field| object.get(field) != old.get(field)) {
        wrong.push(Wrong::forbidden(*field, why));
    }
}

fn size(object: &Value, fields: &[&str], name: &str, wrong: &mut Vec<Wrong>) {
    let total: usize = fields
        .iter()
        .filter_map(|field| object.get(field)?.as_map())
        .flat_map(Map::iter)
        .map(|(_, value)| value.as_str().map_or(0, str::len))
        .sum();
    if total > 1 << 20 {
        wrong.push(Wrong::too_long(name, 1 << 20));
    }
}

pub(super) fn config_map(object: &Value, old: Option<&Value>, wrong: &mut Vec<Wrong>) {
    fixed(object, old, &["data", "binaryData"], wrong);
    keys(object, "data", wrong);
    for (key, _) in object.get("binaryData").and_then(Value::as_map).into_iter().flat_map(Map::iter) {
        if object.get("data").is_some_and(|data| data.get(key).is_some()) {
            let why = "duplicate of key present in data";
            wrong.push(Wrong::invalid(format!("data[{key}]"), &Value::text(key.clone()), why));
        }
    }
    keys(object, "binaryData", wrong);
    size(object, &["data", "binaryData"], "", wrong);
}

pub(super) fn secret(object: &Value, old: Option<&Value>, wrong: &mut Vec<Wrong>) {
    unchanged(object, old, &["type"], "type", wrong);
    fixed(object, old, &["data"], wrong);
    keys(object, "data", wrong);
    size(object, &["data"], "data", wrong);
    let has = |key: &str| object.get("data").is_some_and(|data| data.get(key).is_some());
    let mut need = |key: &str| {
        if !has(key) {
            wrong.push(Wrong::required(format!("data[{key}]"), ""));
        }
    };
    match object.text_at(&["type"]) {
        "kubernetes.io/tls" => {
            need("tls.crt");
            need("tls.key");
        }
        "kubernetes.io/dockerconfigjson" => need(".dockerconfigjson"),
        "kubernetes.io/dockercfg" => need(".dockercfg"),
        "kubernetes.io/ssh-auth" => need("ssh-privatekey"),
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => {
            wrong.push(Wrong::required("data[username]", ""));
            wrong.push(Wrong::required("data[password]", ""));
        }
        _ => {}
    }
}

pub(super) fn role(object: &Value, wrong: &mut Vec<Wrong>) {
    for (index, rule) in list(object, &["rules"]).iter().enumerate() {
        let path = format!("rules[{index}]");
        if list(rule, &["verbs"]).is_empty() {
            wrong.push(Wrong::required(format!("{path}.verbs"), ""));
        }
        if !list(rule, &["nonResourceURLs"]).is_empty() {
            continue;
        }
        if list(rule, &["apiGroups"]).is_empty() {
            let why = "resource rules must supply at least one api group";
            wrong.push(Wrong::required(format!("{path}.apiGroups"), why));
        }
        if list(rule, &["resources"]).is_empty() {
            let why = "resource rules must supply at least one resource";
            wrong.push(Wrong::required(format!("{path}.resources"), why));
        }
    }
}

pub(super) fn binding(object: &Value, old: Option<&Value>, wrong: &mut Vec<Wrong>) {
    if let Some(old) = old
        && object.get("roleRef") != old.get("roleRef")
    {
        let text = |field: &str| Value::from(object.text_at(&["roleRef", field]));
        let shown =
            Value::from([("APIGroup", text("apiGroup")), ("Kind", text("kind")), ("Name", text("name"))]);
        wrong.push(Wrong::invalid("roleRef", &shown, "field is immutable"));
    }
    let group = object.text_at(&["roleRef", "apiGroup"]);
    if group != "rbac.authorization.k8s.io" {
        wrong.push(Wrong::not_supported("roleRef.apiGroup", &group.into(), &["rbac.authorization.k8s.io"]));
    }
    let kind = object.text_at(&["roleRef", "kind"]);
    let namespaced = object.text_at(&["kind"]) == "RoleBinding";
    if !(kind == "ClusterRole" || kind == "Role" && namespaced) {
        let known: &[&str] = if namespaced { &["ClusterRole", "Role"] } else { &["ClusterRole"] };
        wrong.push(Wrong::not_supported("roleRef.kind", &kind.into(), known));
    }
    if object.text_at(&["roleRef", "name"]).is_empty() {
        wrong.push(Wrong::required("roleRef.name", ""));
    }
    for (index, subject) in list(object, &["subjects"]).iter().enumerate() {
        let path = format!("subjects[{index}]");
        if subject.text_at(&["name"]).is_empty() {
            wrong.push(Wrong::required(format!("{path}.name"), ""));
        }
        match subject.text_at(&["kind"]) {
            "ServiceAccount" => {
                if subject.text_at(&["namespace"]).is_empty() {
                    wrong.push(Wrong::required(format!("{path}.namespace"), ""));
                }
            }
            "User" | "Group" => {}
            other => {
                let known = ["ServiceAccount", "User", "Group"];
                wrong.push(Wrong::not_supported(format!("{path}.kind"), &other.into(), &known));
            }
        }
    }
}

pub(super) fn storage_class(object: &Value, old: Option<&Value>, wrong: &mut Vec<Wrong>) {
    if object.text_at(&["provisioner"]).is_empty() {
        wrong.push(Wrong::required("provisioner", ""));
    }
    if let Some(old) = old {
        for field in ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] {
            if object.get(field) != old.get(field) {
                let value = object.get(field).cloned().unwrap_or_default();
                if field == "parameters" {
                    wrong.push(Wrong::forbidden(field, "updates to parameters are forbidden."));
                } else if field == "provisioner" {
                    wrong.push(Wrong::invalid(field, &Value::Null, "field is immutable"));
                } else {
                    wrong.push(Wrong::invalid(field, &value, "field is immutable"));
                }
            }
        }
    }
}

pub(super) fn claim(object: &Value, old: Option<&Value>, wrong: &mut Vec<Wrong>) {
    if list(object, &["spec", "accessModes"]).is_empty() {
        wrong.push(Wrong::required("spec.accessModes", "at least 1 access mode is required"));
    }
    for (index, mode) in list(object, &["spec", "accessModes"]).iter().enumerate() {
        let known = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"];
        if !mode.as_str().is_some_and(|mode| known.contains(&mode)) {
            let _ = index;
            wrong.push(Wrong::not_supported("spec.accessModes", mode, &known));
        }
    }
    if object.at(&["spec", "resources", "requests", "storage"]).is_none() {
        wrong.push(Wrong::required("spec.resources[storage]", ""));
    }
    if let Some(old) = old {
        let bare = |value: &Value| {
            let mut spec = value.get("spec").cloned().unwrap_or_default();
            spec.remove("resources");
            spec.remove("volumeAttributesClassName");
            spec
        };
        if bare(object) != bare(old) {
            let why = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
            wrong.push(Wrong::forbidden("spec", why));
        }
    }
}
