//! What happens to an object between what a client sent and what is stored.

use super::{Subresource, Surroundings, Target, names};
use crate::builtin::{defaults, rules};
use crate::failure::Wrong;
use crate::kinds::Resource;
use crate::value::Value;

/// Whether replacing what is not there creates it.
pub(super) fn creates_on_update(resource: &Resource) -> bool {
    matches!(
        (resource.group.as_str(), resource.plural.as_str()),
        ("", "services" | "endpoints" | "events" | "limitranges")
            | ("coordination.k8s.io", "leases")
            | ("rbac.authorization.k8s.io", _)
    )
}

/// Whether a replacement must say which version it replaces.
pub(super) fn needs_resource_version(resource: &Resource) -> bool {
    matches!(
        (resource.group.as_str(), resource.plural.as_str()),
        ("apiextensions.k8s.io" | "apiregistration.k8s.io", _) | ("", "services")
    )
}

fn counts_generations(resource: &Resource) -> bool {
    if !resource.is_built_in() {
        return true;
    }
    matches!(
        (resource.group.as_str(), resource.plural.as_str()),
        ("apps", "deployments" | "replicasets" | "statefulsets" | "daemonsets")
            | ("", "pods" | "replicationcontrollers")
            | ("batch", _)
            | ("networking.k8s.io", "ingresses" | "networkpolicies" | "ingressclasses")
            | ("policy" | "admissionregistration.k8s.io" | "apiextensions.k8s.io", _)
            | ("flowcontrol.apiserver.k8s.io", _)
            | ("autoscaling" | "discovery.k8s.io" | "scheduling.k8s.io", _)
    )
}

/// The parts of an object whose change makes a new generation.
fn is_counted(resource: &Resource, field: &str, has_status: bool) -> bool {
    match field {
        "apiVersion" | "kind" | "metadata" => false,
        "status" => !has_status,
        "spec" => true,
        _ => {
            let whole = ["admissionregistration.k8s.io", "discovery.k8s.io", "scheduling.k8s.io"];
            !resource.is_built_in() || whole.contains(&resource.group.as_str())
        }
    }
}

/// Prepares an object that is made.
pub(super) fn new(target: &Target, object: &mut Value) {
    let resource = &target.resource;
    let version = &resource.versions[target.version];
    if version.status {
        object.remove("status");
        if resource.is_built_in() {
            let types = &version.types;
            if let crate::types::Type::Struct(root) = types.get(version.root)
                && let Some(field) = root.field("status")
            {
                let zero = super::decode::zero(types, field.kind);
                if matches!(field.empty, crate::types::Empty::Printed) {
                    object.set("status", zero);
                }
            }
        }
    }
    if counts_generations(resource) {
        object.ensure(&["metadata"]).insert("generation", Value::Int(1));
    }
    defaults::initial(resource, object);
}

/// Prepares an object that is changed: what the request is not about stays as it was.
pub(super) fn old(target: &Target, before: &Value, object: &mut Value) {
    let resource = &target.resource;
    let version = &resource.versions[target.version];
    match target.part {
        Subresource::Main | Subresource::Scale => {
            if version.status {
                keep(before, object, "status");
            }
        }
        Subresource::Status => {
            let mut next = before.clone();
            match object.get("status") {
                Some(status) => next.set("status", status.clone()),
                None => {
                    next.remove("status");
                }
            }
            if resource.is_built_in() {
                let sent = object.ensure(&["metadata"]);
                let metadata = next.ensure(&["metadata"]);
                for field in ["annotations", "finalizers", "ownerReferences"] {
                    match sent.get(field) {
                        Some(value) => metadata.insert(field, value.clone()),
                        None => metadata.remove(field),
                    };
                }
            }
            *object = next;
        }
    }
}

fn keep(before: &Value, object: &mut Value, field: &str) {
    match before.get(field) {
        Some(value) => object.set(field, value.clone()),
        None => {
            object.remove(field);
        }
    }
}

/// Keeps what identifies an object.
pub(super) fn keep_identity(before: &Value, object: &mut Value) {
    let metadata = object.ensure(&["metadata"]);
    for field in [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "resourceVersion",
        "selfLink",
    ] {
        match before.at(&["metadata", field]) {
            Some(value) => metadata.insert(field, value.clone()),
            None => metadata.remove(field),
        };
    }
    if metadata.text("generateName").is_empty()
        && let Some(value) = before.at(&["metadata", "generateName"])
    {
        metadata.insert("generateName", value.clone());
    }
    metadata.remove("managedFields");
}

/// Fills in what is not set.
pub(super) fn defaults(target: &Target, object: &mut Value) {
    if target.resource.is_built_in() {
        defaults::fill(&target.resource, object);
    }
}

/// Sets what depends on how an object changes.
pub(super) fn revise(target: &Target, before: &Value, object: &mut Value) {
    if target.resource.is_built_in() {
        defaults::revise(&target.resource, before, object);
    }
}

/// Gives out what only the cluster can: addresses and ports.
pub(super) fn allocate(target: &Target, object: &mut Value, world: &mut dyn Surroundings) {
    if target.resource.is_built_in() {
        defaults::allocate(&target.resource, object, world);
    }
}

/// Keeps what the cluster gave out, and what never changes if it is not named.
pub(super) fn keep_allocated(target: &Target, before: &Value, object: &mut Value) {
    if target.resource.is_built_in() {
        defaults::keep_allocated(&target.resource, before, object);
    }
}

/// Counts a change of what is wanted.
pub(super) fn count_generation(target: &Target, before: &Value, object: &mut Value) {
    let resource = &target.resource;
    if !counts_generations(resource) {
        return;
    }
    let has_status = resource.versions[target.version].status;
    let counted = |value: &Value| -> Value {
        let Value::Map(map) = value else { return Value::Null };
        let fields = map.iter().filter(|(name, _)| is_counted(resource, name, has_status));
        Value::Map(fields.map(|(name, value)| (name.clone(), value.clone())).collect())
    };
    // A Deployment's annotations are copied to its ReplicaSets.
    let annotated = resource.group == "apps"
        && resource.plural == "deployments"
        && before.at(&["metadata", "annotations"]) != object.at(&["metadata", "annotations"]);
    if target.part != Subresource::Status && (annotated || counted(before) != counted(object)) {
        let generation = before.at(&["metadata", "generation"]).and_then(Value::as_int).unwrap_or(0);
        object.ensure(&["metadata"]).insert("generation", Value::Int(generation.saturating_add(1)));
    }
}

/// Returns what is wrong with an object.
pub(super) fn check(
    target: &Target,
    object: &Value,
    before: Option<&Value>,
    warnings: &mut Vec<String>,
) -> Vec<Wrong> {
    let resource = &target.resource;
    let mut wrong = Vec::new();
    metadata(resource, object, before, &mut wrong);
    match &resource.versions[target.version].custom {
        Some(schema) => {
            wrong.extend(crate::custom::check(schema, object));
            if let Some(scale) = &resource.versions[target.version].scale {
                wrong.extend(crate::custom::check_scale(scale, object));
            }
        }
        None => wrong.extend(rules::check(resource, object, before)),
    }
    for finalizer in object.at(&["metadata", "finalizers"]).and_then(Value::as_list).unwrap_or_default() {
        let name = finalizer.as_str().unwrap_or_default();
        if !resource.is_built_in() && name.contains('.') && !name.contains('/') {
            warnings.push(format!(
                "metadata.finalizers: {}: prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other finalizer writers",
                crate::failure::go_quoted(name)
            ));
        }
    }
    wrong
}

fn metadata(resource: &Resource, object: &Value, before: Option<&Value>, wrong: &mut Vec<Wrong>) {
    let name = object.text_at(&["metadata", "name"]);
    let generate = object.text_at(&["metadata", "generateName"]);
    let check_name = |text: &str| match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "namespaces" | "services") => names::label(text),
        ("rbac.authorization.k8s.io", _) => names::path_segment(text),
        _ => names::subdomain(text),
    };
    if before.is_none() {
        if !generate.is_empty() {
            let bare = generate.trim_end_matches('-');
            let masked = if bare.len() < generate.len() { format!("{bare}a") } else { generate.to_owned() };
            let value = generate.into();
            wrong.extend(
                check_name(&masked)
                    .into_iter()
                    .map(|why| Wrong::invalid("metadata.generateName", &value, why)),
            );
        }
        if name.is_empty() {
            wrong.push(Wrong::required("metadata.name", "name or generateName is required"));
        } else {
            let value = name.into();
            wrong
                .extend(check_name(name).into_iter().map(|why| Wrong::invalid("metadata.name", &value, why)));
        }
    }
    let meta = object.get("metadata");
    let field = |name: &str| meta.and_then(|meta| meta.get(name));
    names::check_labels(field("labels"), "metadata.labels", wrong);
    names::check_annotations(field("annotations"), "metadata.annotations", wrong);
    owners(field("ownerReferences"), wrong);
    for (index, finalizer) in
        field("finalizers").and_then(Value::as_list).unwrap_or_default().iter().enumerate()
    {
        let text = finalizer.as_str().unwrap_or_default();
        let standard = matches!(text, "orphan" | "foregroundDeletion" | "kubernetes");
        wrong.extend(
            names::qualified(text)
                .into_iter()
                .map(|why| Wrong::invalid("metadata.finalizers", finalizer, why)),
        );
        if resource.is_built_in() && !standard && !text.contains('/') {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            wrong.push(Wrong::invalid(format!("metadata.finalizers[{index}]"), finalizer, why));
        }
    }
    let Some(before) = before else { return };
    let was_going = before.at(&["metadata", "deletionTimestamp"]).is_some();
    if was_going {
        let list = |value: &Value| -> Vec<String> {
            let list = value.at(&["metadata", "finalizers"]).and_then(Value::as_list).unwrap_or_default();
            list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let known = list(before);
        let added: Vec<String> = list(object).into_iter().filter(|one| !known.contains(one)).collect();
        if !added.is_empty() {
            let shown: Vec<String> = added.iter().map(|one| crate::failure::go_quoted(one)).collect();
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                shown.join(", ")
            );
            wrong.push(Wrong::forbidden("metadata.finalizers", detail));
        }
    }
}

fn owners(owners: Option<&Value>, wrong: &mut Vec<Wrong>) {
    let mut controllers = 0;
    for (index, owner) in owners.and_then(Value::as_list).unwrap_or_default().iter().enumerate() {
        let path = format!("metadata.ownerReferences[{index}]");
        let text = |name: &str| owner.text_at(&[name]);
        if text("apiVersion").is_empty() {
            let value = "".into();
            wrong.push(Wrong::invalid(format!("{path}.apiVersion"), &value, "version must not be empty"));
        }
        for (field, detail) in
            [("kind", "must not be empty"), ("name", "must not be empty"), ("uid", "must not be empty")]
        {
            if text(field).is_empty() {
                wrong.push(Wrong::required(format!("{path}.{field}"), detail));
            }
        }
        if owner.get("controller").and_then(Value::as_bool) == Some(true) {
            controllers += 1;
        }
    }
    if controllers > 1 {
        let value = owners.cloned().unwrap_or_default();
        wrong.push(Wrong::invalid(
            "metadata.ownerReferences",
            &value,
            "Only one reference can have Controller set to true.",
        ));
    }
}
