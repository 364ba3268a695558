//! Rules of pods and pod templates.

use super::list;
use crate::failure::Wrong;
use crate::store::names;
use crate::value::Value;

pub(super) fn pod(object: &Value, old: Option<&Value>, wrong: &mut Vec<Wrong>) {
    if let Some(spec) = object.get("spec") {
        spec_rules(spec, "spec", wrong);
    }
    let Some(old) = old else { return };
    // Only images, tolerations, the deadline and the grace period may change.
    let bare = |value: &Value| {
        let mut spec = value.get("spec").cloned().unwrap_or_default();
        for field in ["tolerations", "activeDeadlineSeconds", "terminationGracePeriodSeconds"] {
            spec.remove(field);
        }
        for list in ["containers", "initContainers"] {
            if let Some(items) = spec.at_mut(&[list]).and_then(Value::as_list_mut) {
                items.iter_mut().for_each(|item| drop(item.remove("image")));
            }
        }
        spec
    };
    if bare(object) != bare(old) {
        let why = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        wrong.push(Wrong::forbidden("spec", why));
    }
}

/// Checks a template's pod.
pub(super) fn template(spec: &Value, path: &str, wrong: &mut Vec<Wrong>) {
    if let Some(labels) = spec.at(&["metadata", "labels"]) {
        names::check_labels(Some(labels), &format!("{path}.labels"), wrong);
    }
    if let Some(pod) = spec.get("spec") {
        spec_rules(pod, &format!("{path}.spec"), wrong);
    }
}

fn spec_rules(spec: &Value, path: &str, wrong: &mut Vec<Wrong>) {
    let mut volumes: Vec<&str> = Vec::new();
    for (index, volume) in list(spec, &["volumes"]).iter().enumerate() {
        let at = format!("{path}.volumes[{index}]");
        let name = volume.text_at(&["name"]);
        if name.is_empty() {
            wrong.push(Wrong::required(format!("{at}.name"), ""));
        } else if volumes.contains(&name) {
            wrong.push(Wrong::duplicate(format!("{at}.name"), &name.into()));
        } else {
            let value = name.into();
            wrong.extend(
                names::label(name).into_iter().map(|why| Wrong::invalid(format!("{at}.name"), &value, why)),
            );
        }
        volumes.push(name);
    }
    let containers = list(spec, &["containers"]);
    if containers.is_empty() {
        wrong.push(Wrong::required(format!("{path}.containers"), ""));
    }
    let mut seen: Vec<&str> = Vec::new();
    for (field, items) in [("containers", containers), ("initContainers", list(spec, &["initContainers"]))] {
        for (index, container) in items.iter().enumerate() {
            container_rules(container, &format!("{path}.{field}[{index}]"), &volumes, &mut seen, wrong);
        }
    }
    let policy = spec.text_at(&["restartPolicy"]);
    if !matches!(policy, "" | "Always" | "OnFailure" | "Never") {
        let known = ["Always", "OnFailure", "Never"];
        wrong.push(Wrong::not_supported(format!("{path}.restartPolicy"), &policy.into(), &known));
    }
    let policy = spec.text_at(&["dnsPolicy"]);
    if !matches!(policy, "" | "ClusterFirst" | "ClusterFirstWithHostNet" | "Default" | "None") {
        let known = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
        wrong.push(Wrong::not_supported(format!("{path}.dnsPolicy"), &policy.into(), &known));
    }
}

fn container_rules<'v>(
    container: &'v Value,
    path: &str,
    volumes: &[&str],
    seen: &mut Vec<&'v str>,
    wrong: &mut Vec<Wrong>,
) {
    let name = container.text_at(&["name"]);
    if name.is_empty() {
        wrong.push(Wrong::required(format!("{path}.name"), ""));
    } else {
        let value = name.into();
        wrong.extend(
            names::label(name).into_iter().map(|why| Wrong::invalid(format!("{path}.name"), &value, why)),
        );
        if seen.contains(&name) {
            wrong.push(Wrong::duplicate(format!("{path}.name"), &value));
        }
    }
    seen.push(name);
    let image = container.text_at(&["image"]);
    if image.is_empty() {
        wrong.push(Wrong::required(format!("{path}.image"), ""));
    } else if image.trim() != image {
        let why = "must not have leading or trailing whitespace";
        wrong.push(Wrong::invalid(format!("{path}.image"), &image.into(), why));
    }
    let policy = container.text_at(&["imagePullPolicy"]);
    if !matches!(policy, "" | "Always" | "IfNotPresent" | "Never") {
        let known = ["Always", "IfNotPresent", "Never"];
        wrong.push(Wrong::not_supported(format!("{path}.imagePullPolicy"), &policy.into(), &known));
    }
    for (index, port) in list(container, &["ports"]).iter().enumerate() {
        let at = format!("{path}.ports[{index}]");
        let number = port.get("containerPort").cloned().unwrap_or(Value::Int(0));
        if number.as_int() == Some(0) {
            wrong.push(Wrong::required(format!("{at}.containerPort"), ""));
        } else if !number.as_int().is_some_and(|number| (1..=65_535).contains(&number)) {
            wrong.push(Wrong::invalid(
                format!("{at}.containerPort"),
                &number,
                "must be between 1 and 65535, inclusive",
            ));
        }
        let protocol = port.text_at(&["protocol"]);
        if !matches!(protocol, "TCP" | "UDP" | "SCTP") {
            let known = ["TCP", "UDP", "SCTP"];
            wrong.push(Wrong::not_supported(format!("{at}.protocol"), &protocol.into(), &known));
        }
    }
    for (index, variable) in list(container, &["env"]).iter().enumerate() {
        if variable.text_at(&["name"]).is_empty() {
            wrong.push(Wrong::required(format!("{path}.env[{index}].name"), ""));
        }
        if !variable.text_at(&["value"]).is_empty() && variable.get("valueFrom").is_some() {
            let why = "may not be specified when `value` is not empty";
            wrong.push(Wrong::invalid(format!("{path}.env[{index}].valueFrom"), &"".into(), why));
        }
    }
    for (index, mount) in list(container, &["volumeMounts"]).iter().enumerate() {
        let at = format!("{path}.volumeMounts[{index}]");
        let name = mount.text_at(&["name"]);
        if name.is_empty() {
            wrong.push(Wrong::required(format!("{at}.name"), ""));
        }
        if !volumes.contains(&name) {
            wrong.push(Wrong::not_found(format!("{at}.name"), &name.into()));
        }
        if mount.text_at(&["mountPath"]).is_empty() {
            wrong.push(Wrong::required(format!("{at}.mountPath"), ""));
        }
    }
}
