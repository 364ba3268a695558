//! The number of replicas as an object of its own.

use super::request::Call;
use super::resource::{Asked, asked, not_allowed};
use super::respond::{self, ApiBody};
use crate::cluster::LocalCluster;
use crate::failure::{Failure, Wrong};
use crate::kinds::Scale;
use crate::store::{Object, Patching, Target, UnknownFields, Write};
use crate::value::Value;
use gitops_yaml::Str;
use http::{Method, Response};

/// Answers a request about replicas.
pub(super) fn answer(
    cluster: &LocalCluster,
    call: &Call,
    target: &Target,
) -> Result<Response<ApiBody>, Failure> {
    let Some(paths) = target.resource.versions[target.version].scale.clone() else {
        return Err(respond::nowhere());
    };
    let object = cluster.state().store.get(target)?.clone();
    if call.method == Method::GET {
        return Ok(respond::json(200, &scale(&object, &paths)));
    }
    let mut wanted = scale(&object, &paths);
    if call.method == Method::PUT {
        call.check_options("UpdateOptions")?;
        wanted = call.value()?;
        let name = wanted.text_at(&["metadata", "name"]);
        if name != target.name.as_str() {
            let (sent, path) = (name, &target.name);
            return Err(Failure::bad_request(format!(
                "the name of the object ({sent}) does not match the name on the URL ({path})"
            )));
        }
    } else if call.method == Method::PATCH {
        call.check_options("PatchOptions")?;
        match asked(call)? {
            Asked::Apply(value) | Asked::Patch(Patching::Merge(value) | Patching::Strategic(value)) => {
                crate::patch::merge(&mut wanted, value);
            }
            Asked::Patch(Patching::Json(operations)) => crate::patch::json(&mut wanted, &operations)?,
        }
    } else {
        return Err(not_allowed());
    }
    let replicas = wanted.at(&["spec", "replicas"]).cloned().unwrap_or(Value::Int(0));
    if replicas.as_int().is_some_and(|count| count < 0) {
        let wrong = Wrong::invalid("spec.replicas", &replicas, "must be greater than or equal to 0");
        return Err(Failure::invalid("autoscaling", "Scale", &target.name, &[wrong]));
    }
    let mut change = replicas;
    for step in paths.spec_replicas.iter().rev() {
        change = Value::Map([(step.clone(), change)].into_iter().collect());
    }
    let version = wanted.at(&["metadata", "resourceVersion"]).and_then(Value::as_str);
    if let Some(version) = version.filter(|version| !version.is_empty()) {
        change.ensure(&["metadata"]).insert("resourceVersion", version.into());
    }
    let write = Write {
        manager: call.manager(),
        force: false,
        dry_run: call.dry_run(),
        unknown: UnknownFields::Dropped,
    };
    let done = cluster.write(|store, world| store.patch(target, Patching::Merge(change), &write, world))?;
    Ok(respond::json(200, &scale(&done.object, &paths)))
}

fn at<'v>(value: &'v Value, path: &[Str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, step| value.get(step))
}

fn scale(object: &Object, paths: &Scale) -> Value {
    let body = object.body();
    let mut metadata = Value::map();
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = body.at(&["metadata", field]) {
            metadata.set(field, value.clone());
        }
    }
    let mut spec = Value::map();
    if let Some(replicas) = at(body, &paths.spec_replicas).filter(|value| value.as_int() != Some(0)) {
        spec.set("replicas", replicas.clone());
    }
    let count = at(body, &paths.status_replicas).cloned().unwrap_or(Value::Int(0));
    let mut status = Value::from([("replicas", count)]);
    let selector = match at(body, &paths.selector).filter(|_| !paths.selector.is_empty()) {
        Some(text) => text.as_str().unwrap_or_default().to_owned(),
        None => selector(body.at(&["spec", "selector"])),
    };
    if !selector.is_empty() {
        status.set("selector", selector.into());
    }
    Value::from([
        ("kind", "Scale".into()),
        ("apiVersion", "autoscaling/v1".into()),
        ("metadata", metadata),
        ("spec", spec),
        ("status", status),
    ])
}

/// A label selector as text: `app=web,tier in (a,b)`.
pub(super) fn selector(selector: Option<&Value>) -> String {
    let Some(selector) = selector else { return String::new() };
    let labels = selector.get("matchLabels").unwrap_or(selector);
    let mut terms: Vec<String> = labels
        .as_map()
        .into_iter()
        .flat_map(crate::value::Map::iter)
        .filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)))
        .collect();
    for term in selector.get("matchExpressions").and_then(Value::as_list).unwrap_or_default() {
        let key = term.text_at(&["key"]);
        let values: Vec<&str> = term
            .get("values")
            .and_then(Value::as_list)
            .unwrap_or_default()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        terms.push(match term.text_at(&["operator"]) {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    terms.join(",")
}
