//! Rules of services and ingresses.

use super::list;
use crate::failure::Wrong;
use crate::store::names;
use crate::value::Value;

const PORT: &str = "must be between 1 and 65535, inclusive";

pub(super) fn service(object: &Value, wrong: &mut Vec<Wrong>) {
    let kind = object.text_at(&["spec", "type"]);
    let headless = object.text_at(&["spec", "clusterIP"]) == "None";
    let ports = list(object, &["spec", "ports"]);
    if ports.is_empty() && !headless && kind != "ExternalName" {
        wrong.push(Wrong::required("spec.ports", ""));
    }
    if kind == "ExternalName" && object.text_at(&["spec", "externalName"]).is_empty() {
        wrong.push(Wrong::required("spec.externalName", ""));
    }
    let mut seen: Vec<&str> = Vec::new();
    for (index, port) in ports.iter().enumerate() {
        let path = format!("spec.ports[{index}]");
        let name = port.text_at(&["name"]);
        if name.is_empty() {
            if ports.len() > 1 {
                wrong.push(Wrong::required(format!("{path}.name"), ""));
            }
        } else {
            let value = name.into();
            wrong.extend(
                names::label(name).into_iter().map(|why| Wrong::invalid(format!("{path}.name"), &value, why)),
            );
            if seen.contains(&name) {
                wrong.push(Wrong::duplicate(format!("{path}.name"), &value));
            }
            seen.push(name);
        }
        let number = port.get("port").cloned().unwrap_or(Value::Int(0));
        if !number.as_int().is_some_and(|number| (1..=65_535).contains(&number)) {
            wrong.push(Wrong::invalid(format!("{path}.port"), &number, PORT));
        }
        let protocol = port.text_at(&["protocol"]);
        if !matches!(protocol, "TCP" | "UDP" | "SCTP") {
            let known = ["SCTP", "TCP", "UDP"];
            wrong.push(Wrong::not_supported(format!("{path}.protocol"), &protocol.into(), &known));
        }
        if let Some(target) = port.get("targetPort")
            && let Some(number) = target.as_int()
            && !(1..=65_535).contains(&number)
        {
            wrong.push(Wrong::invalid(format!("{path}.targetPort"), target, PORT));
        }
    }
    let affinity = object.text_at(&["spec", "sessionAffinity"]);
    if !matches!(affinity, "None" | "ClientIP") {
        let known = ["ClientIP", "None"];
        wrong.push(Wrong::not_supported("spec.sessionAffinity", &affinity.into(), &known));
    }
    if !matches!(kind, "ClusterIP" | "ExternalName" | "LoadBalancer" | "NodePort") {
        let known = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
        wrong.push(Wrong::not_supported("spec.type", &kind.into(), &known));
    }
}

pub(super) fn ingress(object: &Value, wrong: &mut Vec<Wrong>) {
    let rules = list(object, &["spec", "rules"]);
    let default = object.at(&["spec", "defaultBackend"]);
    if rules.is_empty() && default.is_none() {
        wrong.push(Wrong::invalid(
            "spec",
            &Value::Null,
            "either `defaultBackend` or `rules` must be specified",
        ));
    }
    if let Some(default) = default {
        backend(default, "spec.defaultBackend", wrong);
    }
    for (index, rule) in rules.iter().enumerate() {
        let path = format!("spec.rules[{index}]");
        let host = rule.text_at(&["host"]);
        if !host.is_empty() {
            let bare = host.strip_prefix("*.").unwrap_or(host);
            let value = host.into();
            wrong.extend(
                names::subdomain(bare)
                    .into_iter()
                    .map(|why| Wrong::invalid(format!("{path}.host"), &value, why)),
            );
        }
        let Some(http) = rule.get("http") else { continue };
        let paths = list(http, &["paths"]);
        if paths.is_empty() {
            wrong.push(Wrong::required(format!("{path}.http.paths"), ""));
        }
        for (index, one) in paths.iter().enumerate() {
            let at = format!("{path}.http.paths[{index}]");
            let text = one.text_at(&["path"]);
            match one.at(&["pathType"]).and_then(Value::as_str) {
                None => {
                    wrong.push(Wrong::required(format!("{at}.pathType"), "pathType must be specified"));
                }
                Some("Exact" | "Prefix") => {
                    if !text.starts_with('/') {
                        wrong.push(Wrong::invalid(
                            format!("{at}.path"),
                            &text.into(),
                            "must be an absolute path",
                        ));
                    }
                }
                Some("ImplementationSpecific") => {
                    if !text.is_empty() && !text.starts_with('/') {
                        wrong.push(Wrong::invalid(
                            format!("{at}.path"),
                            &text.into(),
                            "must be an absolute path",
                        ));
                    }
                }
                Some(other) => {
                    let known = ["Exact", "ImplementationSpecific", "Prefix"];
                    wrong.push(Wrong::not_supported(format!("{at}.pathType"), &other.into(), &known));
                }
            }
            if let Some(target) = one.get("backend") {
                backend(target, &format!("{at}.backend"), wrong);
            }
        }
    }
}

fn backend(backend: &Value, path: &str, wrong: &mut Vec<Wrong>) {
    let Some(service) = backend.get("service") else {
        if backend.get("resource").is_none() {
            wrong.push(Wrong::invalid(path, &"".into(), "resource or service backend is required"));
        }
        return;
    };
    if service.text_at(&["name"]).is_empty() {
        wrong.push(Wrong::required(format!("{path}.service.name"), ""));
    }
    let name = service.text_at(&["port", "name"]);
    let number = service.at(&["port", "number"]).and_then(Value::as_int).unwrap_or(0);
    if name.is_empty() && number == 0 {
        wrong.push(Wrong::required(format!("{path}.service.port"), "port name or number is required"));
    } else if !name.is_empty() && number != 0 {
        let why = "cannot set both port name & port number";
        wrong.push(Wrong::invalid(
            format!("{path}.service.port"),
            service.get("port").unwrap_or(service),
            why,
        ));
    }
}
