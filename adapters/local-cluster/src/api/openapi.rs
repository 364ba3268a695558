//! As much of OpenAPI as kubectl asks for before it writes: which kinds take which options.

use super::respond::{self, ApiBody};
use crate::cluster::LocalCluster;
use crate::failure::Failure;
use crate::value::{Map, Value};
use gitops_yaml::Str;
use http::Response;

/// The list of documents.
pub(super) fn root(cluster: &LocalCluster) -> Value {
    let state = cluster.state();
    let mut paths = Map::default();
    for kind in state.store.kinds().iter() {
        for version in kind.versions.iter().filter(|version| version.served) {
            let path = if kind.group.is_empty() {
                format!("api/{}", version.name)
            } else {
                format!("apis/{}/{}", kind.group, version.name)
            };
            let revision = state.store.kinds().iter().count();
            let url = format!("/openapi/v3/{path}?hash={revision}");
            paths.insert(path, Value::from([("serverRelativeURL", url.into())]));
        }
    }
    Value::from([("paths", Value::Map(paths))])
}

/// One document: paths and options, no schemas.
pub(super) fn group_version(
    cluster: &LocalCluster,
    group: &str,
    version: &str,
) -> Result<Response<ApiBody>, Failure> {
    let state = cluster.state();
    let mut paths = Map::default();
    for kind in
        state.store.kinds().iter().filter(|kind| kind.group == group && kind.version(version).is_some())
    {
        let base =
            if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        let space = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
        let option = |name: &str| {
            Value::from([
                ("name", name.into()),
                ("in", "query".into()),
                ("schema", Value::from([("type", "string".into())])),
            ])
        };
        let options = ["dryRun", "fieldManager", "fieldValidation", "force"].map(option).to_vec();
        let patch = Value::from([
            ("parameters", Value::List(options)),
            (
                "x-kubernetes-group-version-kind",
                Value::from([
                    ("group", group.into()),
                    ("version", version.into()),
                    ("kind", Value::Text(kind.kind.clone())),
                ]),
            ),
        ]);
        let path: Str = format!("{base}{space}/{}/{{name}}", kind.plural).into();
        paths.insert(path, Value::from([("patch", patch)]));
    }
    if paths.is_empty() {
        return Err(respond::nowhere());
    }
    let document = Value::from([
        ("openapi", "3.0.0".into()),
        ("info", Value::from([("title", "Kubernetes".into()), ("version", "v1.37.0".into())])),
        ("paths", Value::Map(paths)),
        ("components", Value::from([("schemas", Value::map())])),
    ]);
    Ok(respond::json(200, &document))
}
