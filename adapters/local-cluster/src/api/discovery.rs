//! What is served, as clients ask for it: by group and version, or all at once.

use super::request::Call;
use super::respond::{self, ApiBody};
use crate::cluster::LocalCluster;
use crate::failure::Failure;
use crate::kinds::Resource;
use crate::value::Value;
use gitops_yaml::Str;
use http::Response;
use std::sync::Arc;

/// The version of Kubernetes whose types are built in.
pub(super) fn version() -> Value {
    Value::from([
        ("major", "1".into()),
        ("minor", "37".into()),
        ("emulationMajor", "1".into()),
        ("emulationMinor", "37".into()),
        ("minCompatibilityMajor", "1".into()),
        ("minCompatibilityMinor", "36".into()),
        ("gitVersion", "v1.37.0+local".into()),
        ("gitCommit", "".into()),
        ("gitTreeState", "clean".into()),
        ("buildDate", "1970-01-01T00:00:00Z".into()),
        ("goVersion", "".into()),
        ("compiler", "rustc".into()),
        ("platform", format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH).into()),
    ])
}

pub(super) fn paths() -> Value {
    let paths = ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"];
    Value::from([("paths", Value::List(paths.into_iter().map(Value::from).collect()))])
}

fn wants_all(call: &Call) -> bool {
    call.accept.contains("as=APIGroupDiscoveryList") && call.accept.contains("v=v2")
}

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

pub(super) fn core_versions(cluster: &LocalCluster, call: &Call) -> Response<ApiBody> {
    if wants_all(call) {
        return respond::typed(200, AGGREGATED, &aggregated(cluster, true));
    }
    respond::json(
        200,
        &Value::from([
            ("kind", "APIVersions".into()),
            ("versions", Value::List(vec!["v1".into()])),
            ("serverAddressByClientCIDRs", Value::List(Vec::new())),
        ]),
    )
}

pub(super) fn groups(cluster: &LocalCluster, call: &Call) -> Response<ApiBody> {
    if wants_all(call) {
        return respond::typed(200, AGGREGATED, &aggregated(cluster, false));
    }
    let groups = group_names(cluster, false).iter().map(|group| group_value(cluster, group)).collect();
    respond::json(
        200,
        &Value::from([
            ("kind", "APIGroupList".into()),
            ("apiVersion", "v1".into()),
            ("groups", Value::List(groups)),
        ]),
    )
}

pub(super) fn group(cluster: &LocalCluster, name: &str) -> Result<Response<ApiBody>, Failure> {
    if !group_names(cluster, false).iter().any(|group| group == name) {
        return Err(respond::nowhere());
    }
    let mut value = group_value(cluster, name);
    value.set("kind", "APIGroup".into());
    value.set("apiVersion", "v1".into());
    Ok(respond::json(200, &value))
}

fn kinds(cluster: &LocalCluster) -> Vec<Arc<Resource>> {
    cluster.state().store.kinds().iter().cloned().collect()
}

fn group_names(cluster: &LocalCluster, core: bool) -> Vec<Str> {
    let mut names: Vec<Str> = kinds(cluster).iter().map(|kind| kind.group.clone()).collect();
    names.sort();
    names.dedup();
    names.retain(|name| name.is_empty() == core);
    names
}

fn versions(cluster: &LocalCluster, group: &str) -> Vec<Str> {
    let mut out: Vec<Str> = Vec::new();
    for kind in kinds(cluster).iter().filter(|kind| kind.group == group) {
        for version in kind.versions.iter().filter(|version| version.served) {
            if !out.contains(&version.name) {
                out.push(version.name.clone());
            }
        }
    }
    out
}

fn group_value(cluster: &LocalCluster, group: &str) -> Value {
    let version = |name: &Str| {
        Value::from([
            ("groupVersion", format!("{group}/{name}").into()),
            ("version", Value::Text(name.clone())),
        ])
    };
    let versions: Vec<Value> = versions(cluster, group).iter().map(version).collect();
    Value::from([
        ("name", group.into()),
        ("preferredVersion", versions.first().cloned().unwrap_or_default()),
        ("versions", Value::List(versions)),
    ])
}

const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

fn verbs(resource: &Resource) -> Value {
    let skip = if resource.plural == "namespaces" { "deletecollection" } else { "" };
    Value::List(VERBS.iter().filter(|verb| **verb != skip).map(|verb| (*verb).into()).collect())
}

fn texts(list: &[Str]) -> Value {
    Value::List(list.iter().cloned().map(Value::Text).collect())
}

/// The subresources of a version: name, kind's group, version and kind, verbs.
fn parts(resource: &Resource, version: usize) -> Vec<(&'static str, [String; 3])> {
    let served = &resource.versions[version];
    let mut parts = Vec::new();
    let own = [resource.group.to_string(), served.name.to_string(), resource.kind.to_string()];
    if served.scale.is_some() {
        parts.push(("scale", ["autoscaling".to_owned(), "v1".to_owned(), "Scale".to_owned()]));
    }
    if served.status {
        parts.push(("status", own));
    }
    parts
}

pub(super) fn resources(
    cluster: &LocalCluster,
    group: &str,
    version: &str,
) -> Result<Response<ApiBody>, Failure> {
    let mut list = Vec::new();
    for kind in kinds(cluster).iter().filter(|kind| kind.group == group) {
        let Some(index) = kind.version(version) else { continue };
        let mut entry = Value::from([
            ("name", Value::Text(kind.plural.clone())),
            ("singularName", Value::Text(kind.singular.clone())),
            ("namespaced", kind.namespaced.into()),
            ("kind", Value::Text(kind.kind.clone())),
            ("verbs", verbs(kind)),
        ]);
        if !kind.short_names.is_empty() {
            entry.set("shortNames", texts(&kind.short_names));
        }
        if !kind.categories.is_empty() {
            entry.set("categories", texts(&kind.categories));
        }
        list.push(entry);
        for (name, [part_group, part_version, part_kind]) in parts(kind, index) {
            let verbs = ["get", "patch", "update"].map(Value::from).to_vec();
            list.push(Value::from([
                ("name", format!("{}/{name}", kind.plural).into()),
                ("singularName", "".into()),
                ("namespaced", kind.namespaced.into()),
                ("group", part_group.into()),
                ("version", part_version.into()),
                ("kind", part_kind.into()),
                ("verbs", Value::List(verbs)),
            ]));
        }
    }
    if list.is_empty() {
        return Err(respond::nowhere());
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Ok(respond::json(
        200,
        &Value::from([
            ("kind", "APIResourceList".into()),
            ("apiVersion", "v1".into()),
            ("groupVersion", group_version.into()),
            ("resources", Value::List(list)),
        ]),
    ))
}

fn aggregated(cluster: &LocalCluster, core: bool) -> Value {
    let kinds = kinds(cluster);
    let groups = group_names(cluster, core).into_iter().map(|group| {
        let versions = versions(cluster, &group).into_iter().map(|version| {
            let resources = kinds.iter().filter(|kind| kind.group == group).filter_map(|kind| {
                let index = kind.version(&version)?;
                Some(aggregated_kind(kind, index))
            });
            Value::from([
                ("version", Value::Text(version.clone())),
                ("resources", Value::List(resources.collect())),
                ("freshness", "Current".into()),
            ])
        });
        let versions = Value::List(versions.collect());
        let mut metadata = Value::map();
        if !group.is_empty() {
            metadata.set("name", Value::Text(group.clone()));
        }
        Value::from([("metadata", metadata), ("versions", versions)])
    });
    Value::from([
        ("kind", "APIGroupDiscoveryList".into()),
        ("apiVersion", "apidiscovery.k8s.io/v2".into()),
        ("metadata", Value::map()),
        ("items", Value::List(groups.collect())),
    ])
}

fn aggregated_kind(kind: &Resource, index: usize) -> Value {
    let gvk = |group: &str, version: &str, kind: &str| {
        Value::from([("group", group.into()), ("version", version.into()), ("kind", kind.into())])
    };
    let mut entry = Value::from([
        ("resource", Value::Text(kind.plural.clone())),
        ("responseKind", gvk(&kind.group, &kind.versions[index].name, &kind.kind)),
        ("scope", if kind.namespaced { "Namespaced" } else { "Cluster" }.into()),
        ("singularResource", Value::Text(kind.singular.clone())),
        ("verbs", verbs(kind)),
    ]);
    if !kind.short_names.is_empty() {
        entry.set("shortNames", texts(&kind.short_names));
    }
    if !kind.categories.is_empty() {
        entry.set("categories", texts(&kind.categories));
    }
    let parts: Vec<Value> = parts(kind, index)
        .into_iter()
        .map(|(name, [group, version, part])| {
            Value::from([
                ("subresource", name.into()),
                ("responseKind", gvk(&group, &version, &part)),
                ("verbs", Value::List(["get", "patch", "update"].map(Value::from).to_vec())),
            ])
        })
        .collect();
    if !parts.is_empty() {
        entry.set("subresources", Value::List(parts));
    }
    entry
}
