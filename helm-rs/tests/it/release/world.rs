//! A cluster in memory that keeps objects and records, fails when told to, and writes down what changed it.

use std::collections::BTreeMap;
use std::future::{Future, ready};
use std::sync::Mutex;

use gitops_yaml::{Dialect, FileId, Node, Str, from_json, to_json};
use helm_rs::Time;
use helm_rs::release::{
    Apply, ApplyMethod, Cluster, ClusterError, Now, ObjectId, Release, ReleaseStore, Scope, Status, WaitFor,
    record_name,
};
use serde_json::Value as Json;

/// A refusal to come.
pub(super) struct Refusal {
    method: String,
    path: String,
    status: u64,
    message: String,
    times: u64,
    skip: u64,
}

impl Refusal {
    pub(super) fn read(json: &Json) -> Self {
        let text = |key: &str| json[key].as_str().unwrap().to_owned();
        let number = |key: &str| json[key].as_u64().unwrap();
        Self {
            method: text("Method"),
            path: text("Path"),
            status: number("Status"),
            message: text("Message"),
            times: number("Times"),
            skip: number("Skip"),
        }
    }
}

#[derive(Default)]
pub(super) struct State {
    pub(super) records: BTreeMap<String, Release>,
    pub(super) objects: BTreeMap<String, Node>,
    pub(super) refusals: Vec<Refusal>,
    pub(super) changes: Vec<String>,
}

/// The world of one case. Records live in one namespace at a time.
pub(super) struct World {
    pub(super) state: Mutex<State>,
    pub(super) namespace: Mutex<String>,
    /// Whether operations wait until objects are ready.
    pub(super) waits: Mutex<bool>,
    /// `secrets` or `configmaps`
    pub(super) records: &'static str,
}

/// Returns where an object is, as a path of the API.
fn path(id: &ObjectId) -> String {
    let kind = id.kind.to_ascii_lowercase();
    let plural = match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if kind.ends_with('s') => format!("{kind}es"),
        None => format!("{kind}s"),
    };
    let api = if id.api_version.contains('/') { "apis" } else { "api" };
    if id.namespace.is_empty() {
        return format!("/{api}/{}/{plural}/{}", id.api_version, id.name);
    }
    format!("/{api}/{}/namespaces/{}/{plural}/{}", id.api_version, id.namespace, id.name)
}

/// Returns an object without regard to how it was written.
fn plain(node: &Node) -> Json {
    serde_json::from_str(&to_json(node, Dialect::Yaml11).unwrap()).unwrap()
}

impl World {
    pub(super) fn put(&self, object: &Json) {
        let text = |value: &Json| Str::from(value.as_str().unwrap_or_default());
        let id = ObjectId {
            api_version: text(&object["apiVersion"]),
            kind: text(&object["kind"]),
            namespace: text(&object["metadata"]["namespace"]),
            name: text(&object["metadata"]["name"]),
        };
        let node = from_json(&object.to_string(), FileId::NONE).unwrap();
        self.state.lock().unwrap().objects.insert(path(&id), node);
    }

    fn collection(&self) -> String {
        format!("/api/v1/namespaces/{}/{}", self.namespace.lock().unwrap(), self.records)
    }

    /// Writes a request down, or refuses it.
    fn request(&self, method: &str, path: &str) -> Result<(), (u64, String)> {
        let mut state = self.state.lock().unwrap();
        if method != "GET" {
            state.changes.push(format!("{method} {path}"));
        }
        for refusal in &mut state.refusals {
            if refusal.method != method || !path.contains(&refusal.path) || refusal.times == 0 {
                continue;
            }
            if refusal.skip > 0 {
                refusal.skip -= 1;
                continue;
            }
            refusal.times -= 1;
            return Err((refusal.status, refusal.message.clone()));
        }
        Ok(())
    }

    /// Kinds are known by their group, or by a definition; asked for others, the server has no schema to hold them against.
    fn known(&self, api_version: &str, kind: &str) -> Result<Option<Scope>, ClusterError> {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        let is_defined = self.state.lock().unwrap().objects.values().map(plain).any(|object| {
            object["kind"] == "CustomResourceDefinition" && object["spec"]["names"]["kind"] == kind
        });
        if group.contains('.') && !group.ends_with(".k8s.io") && !is_defined {
            return Err(ClusterError("the server could not find the requested resource".to_owned()));
        }
        Ok(Some(match kind {
            "Namespace"
            | "ClusterRole"
            | "ClusterRoleBinding"
            | "CustomResourceDefinition"
            | "PersistentVolume"
            | "StorageClass"
            | "PriorityClass"
            | "IngressClass" => Scope::Cluster,
            _ => Scope::Namespaced,
        }))
    }

    fn got(&self, id: &ObjectId) -> Result<Option<Node>, ClusterError> {
        if id.name.is_empty() {
            return Err(ClusterError("resource name may not be empty".to_owned()));
        }
        let path = path(id);
        match self.request("GET", &path) {
            Err((404, _)) => Ok(None),
            Err((_, message)) => Err(ClusterError(message)),
            Ok(()) => Ok(self.state.lock().unwrap().objects.get(&path).cloned()),
        }
    }

    fn applied(&self, apply: &Apply) -> Result<(), ClusterError> {
        let id = &apply.object.id;
        let path = path(id);
        let (group, version) = id.api_version.split_once('/').unwrap_or(("", &id.api_version));
        let shown = format!("{}/{} {group}/{version}, Kind={}", id.namespace, id.name, id.kind);
        if id.name.is_empty() {
            let text = format!("server-side apply failed for object {shown}: resource name may not be empty");
            return Err(ClusterError(text));
        }
        let live = self.state.lock().unwrap().objects.get(&path).map(plain);
        let request = if apply.method == ApplyMethod::ClientSide && live.is_none() {
            self.request("POST", path.rsplit_once('/').unwrap().0)
        } else if apply.method == ApplyMethod::ClientSide
            && live.is_some_and(|live| live == plain(&apply.object.content))
        {
            Ok(())
        } else {
            self.request("PATCH", &path)
        };
        request.map_err(|(status, message)| {
            ClusterError(if status == 409 {
                format!("conflict occurred while applying object {shown}: {message}")
            } else {
                format!("server-side apply failed for object {shown}: {message}")
            })
        })?;
        self.state.lock().unwrap().objects.insert(path, apply.object.content.clone());
        Ok(())
    }

    fn deleted(&self, path: &str) -> Result<(), ClusterError> {
        if self.state.lock().unwrap().objects.remove(path).is_some() {
            self.request("DELETE", path).map_err(|(_, message)| ClusterError(message))?;
        }
        Ok(())
    }

    fn waited(&self, objects: &[ObjectId], wanted: WaitFor) -> Result<(), ClusterError> {
        for id in objects {
            let place = format!("{}/{}/{}", id.kind, id.namespace, id.name);
            if wanted == WaitFor::HookDone && id.kind == "Job" && id.name.starts_with("fail") {
                return Err(ClusterError(format!(
                    "resource {place} not ready. status: Failed, message: Job Failed. failed: 1/1"
                )));
            }
            if wanted == WaitFor::Ready && *self.waits.lock().unwrap() && id.name.ends_with("-never") {
                return Err(ClusterError(format!(
                    "resource {place} not ready. status: InProgress, message: Available: 0/1\ncontext deadline exceeded"
                )));
            }
        }
        Ok(())
    }

    fn records(&self, name: &str, only: Option<Status>) -> Vec<Release> {
        let collection = self.collection();
        let state = self.state.lock().unwrap();
        let records = state.records.iter().filter(|(key, _)| key.starts_with(&format!("{collection}/")));
        let records = records.map(|(_, record)| record).filter(|record| record.name == name);
        records.filter(|record| only.is_none_or(|status| record.info.status == status)).cloned().collect()
    }

    fn written(&self, method: &str, release: &Release) -> Result<(), ClusterError> {
        let collection = self.collection();
        let path = format!("{collection}/{}", release.record_name());
        let (request, word) = if method == "POST" { (&collection, "create") } else { (&path, "update") };
        self.request(method, request)
            .map_err(|(_, message)| ClusterError(format!("{word}: failed to {word}: {message}")))?;
        self.state.lock().unwrap().records.insert(path, release.clone());
        Ok(())
    }
}

type Answer<T> = std::future::Ready<Result<T, ClusterError>>;

impl Cluster for World {
    fn scope(
        &self,
        api_version: &str,
        kind: &str,
    ) -> impl Future<Output = Result<Option<Scope>, ClusterError>> + Send {
        let scope: Answer<Option<Scope>> = ready(self.known(api_version, kind));
        scope
    }

    fn get(&self, id: &ObjectId) -> impl Future<Output = Result<Option<Node>, ClusterError>> + Send {
        ready(self.got(id))
    }

    fn apply(&self, apply: &Apply) -> impl Future<Output = Result<(), ClusterError>> + Send {
        ready(self.applied(apply))
    }

    fn delete(&self, id: &ObjectId) -> impl Future<Output = Result<(), ClusterError>> + Send {
        ready(self.deleted(&path(id)))
    }

    fn wait(
        &self,
        objects: &[ObjectId],
        wanted: WaitFor,
    ) -> impl Future<Output = Result<(), ClusterError>> + Send {
        ready(self.waited(objects, wanted))
    }
}

impl ReleaseStore for World {
    fn history(&self, name: &str) -> impl Future<Output = Result<Vec<Release>, ClusterError>> + Send {
        ready(Ok(self.records(name, None)))
    }

    fn get(
        &self,
        name: &str,
        revision: i64,
    ) -> impl Future<Output = Result<Option<Release>, ClusterError>> + Send {
        let path = format!("{}/{}", self.collection(), record_name(name, revision));
        ready(Ok(self.state.lock().unwrap().records.get(&path).cloned()))
    }

    fn deployed(&self, name: &str) -> impl Future<Output = Result<Vec<Release>, ClusterError>> + Send {
        ready(Ok(self.records(name, Some(Status::Deployed))))
    }

    fn create(&self, release: &Release) -> impl Future<Output = Result<(), ClusterError>> + Send {
        ready(self.written("POST", release))
    }

    fn update(&self, release: &Release) -> impl Future<Output = Result<(), ClusterError>> + Send {
        ready(self.written("PUT", release))
    }

    fn delete(&self, name: &str, revision: i64) -> impl Future<Output = Result<(), ClusterError>> + Send {
        let path = format!("{}/{}", self.collection(), record_name(name, revision));
        let done = self.request("DELETE", &path).map_err(|(_, message)| ClusterError(message));
        self.state.lock().unwrap().records.remove(&path);
        ready(done)
    }
}

impl Now for World {
    fn now(&self) -> Time {
        Time::from_seconds(1_600_000_000)
    }
}
