//! What the API server checks in built-in kinds beside their types.

mod config;
mod definition;
mod network;
mod pod;
mod workload;

use crate::failure::Wrong;
use crate::kinds::Resource;
use crate::value::Value;

/// Returns what is wrong with an object, which was `old` before.
pub(crate) fn check(resource: &Resource, object: &Value, old: Option<&Value>) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let out = &mut wrong;
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "configmaps") => config::config_map(object, old, out),
        ("", "secrets") => config::secret(object, old, out),
        ("", "services") => network::service(object, out),
        ("", "pods") => pod::pod(object, old, out),
        ("", "persistentvolumeclaims") => config::claim(object, old, out),
        ("apps", plural) => workload::apps(plural, object, old, out),
        ("batch", "jobs") => workload::job(object, old, out),
        ("batch", "cronjobs") => workload::cron_job(object, out),
        ("autoscaling", "horizontalpodautoscalers") => workload::autoscaler(object, out),
        ("networking.k8s.io", "ingresses") => network::ingress(object, out),
        ("networking.k8s.io", "ingressclasses") => {
            if object.text_at(&["spec", "controller"]).is_empty() {
                out.push(Wrong::required("spec.controller", ""));
            }
        }
        ("rbac.authorization.k8s.io", "roles" | "clusterroles") => config::role(object, out),
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => {
            config::binding(object, old, out);
        }
        ("storage.k8s.io", "storageclasses") => config::storage_class(object, old, out),
        ("scheduling.k8s.io", "priorityclasses") => {
            if old.is_some_and(|old| old.get("value") != object.get("value")) {
                out.push(Wrong::forbidden("value", "may not be changed in an update."));
            }
        }
        ("apiextensions.k8s.io", "customresourcedefinitions") => definition::definition(object, old, out),
        _ => {}
    }
    wrong
}

/// A field that may not change.
fn unchanged(object: &Value, old: Option<&Value>, path: &[&str], field: &str, wrong: &mut Vec<Wrong>) {
    let Some(old) = old else { return };
    if object.at(path) != old.at(path) {
        let value = object.at(path).cloned().unwrap_or_default();
        wrong.push(Wrong::invalid(field, &value, "field is immutable"));
    }
}

fn list<'v>(value: &'v Value, path: &[&str]) -> &'v [Value] {
    value.at(path).and_then(Value::as_list).unwrap_or_default()
}

/// A number that may not be negative.
fn not_negative(object: &Value, path: &[&str], wrong: &mut Vec<Wrong>) {
    if let Some(value) = object.at(path)
        && value.as_int().is_some_and(|number| number < 0)
    {
        wrong.push(Wrong::invalid(path.join("."), value, "must be greater than or equal to 0"));
    }
}
