//! Rules of workloads.

use super::{list, not_negative, pod, unchanged};
use crate::failure::{Wrong, go_quoted};
use crate::value::{Map, Value};

pub(super) fn apps(plural: &str, object: &Value, old: Option<&Value>, wrong: &mut Vec<Wrong>) {
    if plural == "controllerrevisions" {
        return;
    }
    if plural == "statefulsets" {
        stateful_update(object, old, wrong);
    }
    not_negative(object, &["spec", "replicas"], wrong);
    not_negative(object, &["spec", "minReadySeconds"], wrong);
    let selector = object.at(&["spec", "selector"]).filter(|selector| !selector.is_null());
    match selector {
        None => wrong.push(Wrong::required("spec.selector", "")),
        Some(selector) if is_empty(selector) => {
            let why = format!("empty selector is invalid for {}", singular(plural));
            wrong.push(Wrong::invalid("spec.selector", selector, why));
        }
        Some(_) => {}
    }
    let labels = object.at(&["spec", "template", "metadata", "labels"]);
    if !selector.is_some_and(|selector| matches(selector, labels)) {
        let value = labels.cloned().unwrap_or_default();
        let why = "`selector` does not match template `labels`";
        wrong.push(Wrong::invalid("spec.template.metadata.labels", &value, why));
    }
    if let Some(template) = object.at(&["spec", "template"]) {
        pod::template(template, "spec.template", wrong);
        let policy = template.text_at(&["spec", "restartPolicy"]);
        if !matches!(policy, "" | "Always") {
            wrong.push(Wrong::not_supported("spec.template.spec.restartPolicy", &policy.into(), &["Always"]));
        }
    }
    if plural == "deployments" {
        strategy(object, wrong);
    }
    if plural != "statefulsets" {
        unchanged(object, old, &["spec", "selector"], "spec.selector", wrong);
    }
}

fn singular(plural: &str) -> &'static str {
    match plural {
        "deployments" => "deployment",
        "statefulsets" => "statefulset",
        "daemonsets" => "daemonset",
        _ => "deployment",
    }
}

fn is_empty(selector: &Value) -> bool {
    selector.as_map().is_some_and(Map::is_empty)
}

fn strategy(object: &Value, wrong: &mut Vec<Wrong>) {
    let kind = object.text_at(&["spec", "strategy", "type"]);
    match kind {
        "Recreate" => {
            if object.at(&["spec", "strategy", "rollingUpdate"]).is_some() {
                let why = "may not be specified when strategy `type` is 'Recreate'";
                wrong.push(Wrong::forbidden("spec.strategy.rollingUpdate", why));
            }
        }
        "RollingUpdate" => {}
        other => {
            let shown = format!("{{\"Type\":{},\"RollingUpdate\":null}}", go_quoted(other));
            wrong.push(Wrong::not_supported_as("spec.strategy", &shown, &["Recreate", "RollingUpdate"]));
        }
    }
}

fn stateful_update(object: &Value, old: Option<&Value>, wrong: &mut Vec<Wrong>) {
    const FREE: [&str; 8] = [
        "serviceName",
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    ];
    let Some(old) = old else { return };
    unchanged(object, Some(old), &["spec", "serviceName"], "spec.serviceName", wrong);
    let bare = |value: &Value| {
        let mut spec = value.get("spec").cloned().unwrap_or_default();
        for field in FREE {
            spec.remove(field);
        }
        spec
    };
    if bare(object) != bare(old) {
        let why = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
        wrong.push(Wrong::forbidden("spec", why));
    }
}

/// Whether a label selector selects labels.
pub(super) fn matches(selector: &Value, labels: Option<&Value>) -> bool {
    let label = |key: &str| labels.and_then(|labels| labels.get(key)).and_then(Value::as_str);
    let wanted = selector.get("matchLabels").and_then(Value::as_map);
    let by_labels = wanted.into_iter().flat_map(Map::iter).all(|(key, value)| label(key) == value.as_str());
    let by_terms = list(selector, &["matchExpressions"]).iter().all(|term| {
        let found = label(term.text_at(&["key"]));
        let values = list(term, &["values"]);
        let among = found.is_some_and(|found| values.iter().any(|value| value.as_str() == Some(found)));
        match term.text_at(&["operator"]) {
            "In" => among,
            "NotIn" => !among,
            "Exists" => found.is_some(),
            _ => found.is_none(),
        }
    });
    by_labels && by_terms
}

pub(super) fn job(object: &Value, old: Option<&Value>, wrong: &mut Vec<Wrong>) {
    for field in
        ["parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"]
    {
        not_negative(object, &["spec", field], wrong);
    }
    if let Some(template) = object.at(&["spec", "template"]) {
        pod::template(template, "spec.template", wrong);
        let policy = template.text_at(&["spec", "restartPolicy"]);
        if !matches!(policy, "OnFailure" | "Never") {
            let path = "spec.template.spec.restartPolicy";
            if policy.is_empty() || policy == "Always" {
                wrong.push(Wrong::required_in(path, &["OnFailure", "Never"]));
            } else {
                wrong.push(Wrong::not_supported(path, &policy.into(), &["OnFailure", "Never"]));
            }
        }
    }
    unchanged(object, old, &["spec", "completions"], "spec.completions", wrong);
    unchanged(object, old, &["spec", "selector"], "spec.selector", wrong);
    unchanged(object, old, &["spec", "template"], "spec.template", wrong);
    unchanged(object, old, &["spec", "completionMode"], "spec.completionMode", wrong);
}

pub(super) fn cron_job(object: &Value, wrong: &mut Vec<Wrong>) {
    let schedule = object.text_at(&["spec", "schedule"]);
    if schedule.is_empty() {
        wrong.push(Wrong::required("spec.schedule", ""));
    } else if !schedule.starts_with('@') {
        let count = schedule.split_ascii_whitespace().count();
        if count != 5 {
            let why = format!(
                "expected exactly 5 fields, found {count}: [{}]",
                schedule.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
            );
            wrong.push(Wrong::invalid("spec.schedule", &schedule.into(), why));
        }
    }
    let policy = object.text_at(&["spec", "concurrencyPolicy"]);
    if !matches!(policy, "Allow" | "Forbid" | "Replace") {
        let known = ["Allow", "Forbid", "Replace"];
        wrong.push(Wrong::not_supported("spec.concurrencyPolicy", &policy.into(), &known));
    }
    if let Some(template) = object.at(&["spec", "jobTemplate", "spec", "template"]) {
        pod::template(template, "spec.jobTemplate.spec.template", wrong);
        let policy = template.text_at(&["spec", "restartPolicy"]);
        if !matches!(policy, "OnFailure" | "Never") {
            let path = "spec.jobTemplate.spec.template.spec.restartPolicy";
            wrong.push(Wrong::required_in(path, &["OnFailure", "Never"]));
        }
    }
}

pub(super) fn autoscaler(object: &Value, wrong: &mut Vec<Wrong>) {
    let number = |field: &str| object.at(&["spec", field]).and_then(Value::as_int).unwrap_or(0);
    let (least, most) = (number("minReplicas"), number("maxReplicas"));
    if least < 1 {
        wrong.push(Wrong::invalid("spec.minReplicas", &least.into(), "must be greater than or equal to 1"));
    }
    if most < least {
        let why = "must be greater than or equal to `minReplicas`";
        wrong.push(Wrong::invalid("spec.maxReplicas", &most.into(), why));
    }
    for field in ["kind", "name"] {
        if object.text_at(&["spec", "scaleTargetRef", field]).is_empty() {
            wrong.push(Wrong::required(format!("spec.scaleTargetRef.{field}"), ""));
        }
    }
    let version = object.text_at(&["spec", "scaleTargetRef", "apiVersion"]);
    if version.is_empty() {
        let why = "apiVersion must specify API group";
        wrong.push(Wrong::invalid("spec.scaleTargetRef.apiVersion", &version.into(), why));
    }
    if most == 0 {
        wrong.push(Wrong::required("spec.maxReplicas", ""));
    } else if most < 1 {
        let why = "must be greater than or equal to 1";
        wrong.push(Wrong::invalid("spec.maxReplicas", &most.into(), why));
    }
}
