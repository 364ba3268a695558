//! Selecting objects by labels and fields.

use super::Object;
use crate::failure::Failure;
use crate::kinds::{Resource, ServedVersion};
use crate::value::Value;
use gitops_core::object::Selector;

/// A selector of labels and fields.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    labels: Selector,
    fields: Vec<FieldTest>,
}

#[derive(Clone, Debug)]
struct FieldTest {
    path: Vec<String>,
    value: String,
    equal: bool,
}

impl Filter {
    /// Reads both selectors, as kubectl writes them.
    pub(super) fn read(
        resource: &Resource,
        version: Option<&ServedVersion>,
        labels: &str,
        fields: &str,
    ) -> Result<Self, Failure> {
        let labels = Selector::parse(labels).map_err(|why| {
            Failure::bad_request(
                format!("unable to parse requirement: {why}")
                    .replace(
                        "expected: '=', '!=', '==', 'in', notin'",
                        "expected: in, notin, =, ==, !=, gt, lt",
                    )
                    .replace("unable to parse requirement: unable", "unable")
                    .replace("invalid label key ", "<nil>: Invalid value: "),
            )
        })?;
        let mut tests = Vec::new();
        for term in terms(fields) {
            let (name, value, equal) = split(&term).ok_or_else(|| {
                Failure::bad_request(format!("invalid selector: '{fields}'; can't understand '{term}'"))
            })?;
            if !is_selectable(resource, version, name) {
                // Kinds that can be selected by fields of their own have another word for it.
                let message = if resource.is_built_in() && own_fields(resource).is_empty() {
                    format!(
                        "{name:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
                    )
                } else {
                    format!("field label not supported: {name}")
                };
                return Err(Failure::bad_request(message));
            }
            tests.push(FieldTest {
                path: name.split('.').map(str::to_owned).collect(),
                value: unescaped(value),
                equal,
            });
        }
        Ok(Self { labels, fields: tests })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub(super) fn matches(&self, object: &Object) -> bool {
        (self.labels.is_empty() || self.labels.matches(|key| object.label(key)))
            && self.fields.iter().all(|test| {
                let path: Vec<&str> = test.path.iter().map(String::as_str).collect();
                let found = match object.body.at(&path) {
                    Some(Value::Text(text)) => text.to_string(),
                    Some(Value::Null) | None => String::new(),
                    Some(other) => other.to_json(),
                };
                // Booleans and numbers that are left out are false and zero.
                let same =
                    found == test.value || (found.is_empty() && matches!(test.value.as_str(), "false" | "0"));
                same == test.equal
            })
    }
}

fn terms(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut term = String::new();
    let mut escaped = false;
    for c in text.chars() {
        match c {
            ',' if !escaped => out.push(std::mem::take(&mut term)),
            _ => term.push(c),
        }
        escaped = c == '\\' && !escaped;
    }
    out.push(term);
    out.retain(|term| !term.is_empty());
    out
}

fn split(term: &str) -> Option<(&str, &str, bool)> {
    for (sign, equal) in [("!=", false), ("==", true), ("=", true)] {
        if let Some((name, value)) = term.split_once(sign) {
            return Some((name, value, equal));
        }
    }
    None
}

fn unescaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c == '\\' { out.extend(chars.next()) } else { out.push(c) }
    }
    out
}

fn is_selectable(resource: &Resource, version: Option<&ServedVersion>, name: &str) -> bool {
    if name == "metadata.name" || name == "metadata.namespace" {
        return true;
    }
    if let Some(version) = version
        && version.selectable.iter().any(|path| path.trim_start_matches('.') == name)
    {
        return true;
    }
    own_fields(resource).contains(&name)
}

/// The fields beside name and namespace that objects of a built-in kind can be selected by.
fn own_fields(resource: &Resource) -> &'static [&'static str] {
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "pods") => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ],
        ("" | "events.k8s.io", "events") => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
            "regarding.kind",
            "regarding.namespace",
            "regarding.name",
            "regarding.uid",
        ],
        ("", "secrets") => &["type"],
        ("", "namespaces") => &["status.phase", "name"],
        ("", "services") => &["spec.clusterIP", "spec.type"],
        ("", "nodes") => &["spec.unschedulable"],
        ("batch", "jobs") => &["status.successful"],
        ("apps", "replicasets") | ("", "replicationcontrollers") => &["status.replicas"],
        ("certificates.k8s.io", "certificatesigningrequests") => &["spec.signerName"],
        _ => &[],
    }
}
