//! A Kubernetes API in memory, small: it merges applied objects and sends watch events, and it can be told to fail.

mod objects;

use super::faults::{Fault, Faults, lock};
use crate::object::{Gvk, Selector};
use crate::ports::{
    Cluster, ClusterError, ClusterFault, DeleteOptions, ListOptions, ObjectList, ObjectRef, Outlook, Patch,
    PortError, ServedKind, Watch, WatchEvent, WriteMode, WriteOptions,
};
use gitops_yaml::{Node, Str};
use objects::Objects;
use std::sync::{Arc, Mutex};
use std::task::Poll;

/// A cluster in memory for tests of faults. Lists are replaced and not merged by key; every built-in kind is served, and
/// others once their CustomResourceDefinition is there.
///
/// Faults are ordered by the name of the call: `kind`, `get`, `list`, `watch`, `next` (of an open watch), `create`, `replace`,
/// `apply`, `dry-run` (a write that is only tried), `patch`, `delete`. [`Fault::Error`] is a server that is busy,
/// [`Fault::Refused`] an object that is invalid, [`Fault::PartialWrite`] a write that is made though its answer is lost, and
/// [`Fault::StaleRead`] a read of what was there before the last write; to `next` it says that the version has expired, and
/// [`Fault::DroppedWatch`] ends it.
///
/// ```
/// use gitops_core::{ports::Cluster, testing::FakeCluster};
/// use gitops_core::ports::{ObjectRef, WriteOptions};
/// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// # fn ready<T>(f: impl Future<Output = T>) -> T {
/// #     match pin!(f).poll(&mut Context::from_waker(Waker::noop())) { Poll::Ready(v) => v, Poll::Pending => panic!() }
/// # }
/// let cluster = FakeCluster::default();
/// let map = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "ns"}}"#;
/// let map = gitops_yaml::from_json(map, gitops_yaml::FileId::NONE).unwrap();
/// let options = WriteOptions { manager: "kustomize-controller".into(), ..WriteOptions::default() };
/// let stored = ready(cluster.apply(&map, &options))?;
/// assert!(stored.at_path(&["metadata", "uid"]).is_some());
/// assert_eq!(cluster.writes(), ["apply ConfigMap/ns/a"]);
/// # Ok::<(), gitops_core::ports::ClusterError>(())
/// ```
#[derive(Debug, Default)]
pub struct FakeCluster {
    /// Faults to come.
    pub faults: Faults,
    objects: Arc<Mutex<Objects>>,
    requests: Mutex<Vec<String>>,
}

impl FakeCluster {
    /// Stores an object as it is, its status included, as controllers of the cluster do; watches see it.
    pub fn put(&self, object: Node) {
        lock(&self.objects).put(object);
    }

    /// Removes an object at once, finalizers or not; watches see it.
    pub fn remove(&self, target: &ObjectRef) {
        lock(&self.objects).remove(target);
    }

    /// Returns an object as it is stored, past all faults.
    #[must_use]
    pub fn stored(&self, target: &ObjectRef) -> Option<Node> {
        lock(&self.objects).get(target).cloned()
    }

    /// Lists the addresses of all objects, sorted.
    #[must_use]
    pub fn addresses(&self) -> Vec<ObjectRef> {
        lock(&self.objects).addresses()
    }

    /// Refuses changes of a field of a kind's objects once they exist, as [`ClusterFault::Immutable`].
    pub fn set_immutable(&self, kind: &str, path: &[&str]) {
        lock(&self.objects).set_immutable(kind, path);
    }

    /// Ends all open watches.
    pub fn close_watches(&self) {
        lock(&self.objects).close_watches();
    }

    /// Lists all requests made: `get ConfigMap/ns/a`, `dry-run ConfigMap/ns/a`, `list ConfigMap` …
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        lock(&self.requests).clone()
    }

    /// Lists the requests made that write: all but `kind`, `get`, `list`, `watch` and `dry-run`.
    #[must_use]
    pub fn writes(&self) -> Vec<String> {
        let reads = |request: &&String| {
            !["kind", "get", "list", "watch", "dry-run"]
                .contains(&request.split(' ').next().unwrap_or_default())
        };
        lock(&self.requests).iter().filter(reads).cloned().collect()
    }

    /// Forgets the requests made so far.
    pub fn forget_requests(&self) {
        lock(&self.requests).clear();
    }

    /// Notes a request and takes the fault that is meant for it.
    async fn begin(&self, call: &str, target: impl std::fmt::Display) -> Result<Option<Fault>, ClusterError> {
        lock(&self.requests).push(format!("{call} {target}"));
        self.faults.take(call).await.map_err(|error| as_cluster_error(&error))
    }

    /// Makes a write: perhaps one that is refused as a conflict, or whose answer is lost.
    async fn write<T>(
        &self,
        call: &str,
        target: impl std::fmt::Display,
        write: impl FnOnce(&mut Objects) -> Result<T, ClusterError>,
    ) -> Result<T, ClusterError> {
        let fault = self.begin(call, target).await?;
        if fault == Some(Fault::Conflict) {
            let message = "the object has been modified; please apply your changes to the latest version";
            return Err(ClusterError::new(ClusterFault::Conflict, message));
        }
        let made = write(&mut lock(&self.objects))?;
        if fault == Some(Fault::PartialWrite) {
            return Err(ClusterError::new(
                ClusterFault::Unreachable,
                "the connection broke before an answer came",
            ));
        }
        Ok(made)
    }
}

fn as_cluster_error(error: &PortError) -> ClusterError {
    let fault = match error.outlook() {
        Outlook::Retry { .. } => ClusterFault::Busy,
        Outlook::Stalled | Outlook::GiveUp => ClusterFault::Invalid,
    };
    ClusterError::new(fault, error.to_string())
}

impl Cluster for FakeCluster {
    type Watch = FakeWatch;

    async fn kind(&self, gvk: &Gvk) -> Result<Option<ServedKind>, ClusterError> {
        self.begin("kind", &gvk.kind).await?;
        Ok(lock(&self.objects).kind(gvk))
    }

    async fn kinds(&self) -> Result<Vec<ServedKind>, ClusterError> {
        self.begin("kind", "*").await?;
        Ok(lock(&self.objects).kinds())
    }

    async fn get(&self, target: &ObjectRef) -> Result<Option<Node>, ClusterError> {
        let stale = self.begin("get", target).await? == Some(Fault::StaleRead);
        let objects = lock(&self.objects);
        objects.check_kind(&target.gvk)?;
        Ok(if stale { objects.get_stale(target) } else { objects.get(target) }.cloned())
    }

    async fn list(&self, gvk: &Gvk, options: &ListOptions) -> Result<ObjectList, ClusterError> {
        let stale = self.begin("list", &gvk.kind).await? == Some(Fault::StaleRead);
        let filter = Filter::new(gvk, options)?;
        let objects = lock(&self.objects);
        objects.check_kind(gvk)?;
        let found = objects.all(stale);
        let items = found.filter(|object| filter.matches(object)).map(|object| filter.seen(object)).collect();
        Ok(ObjectList { items, resource_version: objects.version() })
    }

    async fn watch(
        &self,
        gvk: &Gvk,
        options: &ListOptions,
        resource_version: &str,
    ) -> Result<FakeWatch, ClusterError> {
        self.begin("watch", &gvk.kind).await?;
        let filter = Filter::new(gvk, options)?;
        let objects = lock(&self.objects);
        objects.check_kind(gvk)?;
        let position = objects.position_after(resource_version)?;
        let epoch = objects.epoch();
        Ok(FakeWatch {
            objects: Arc::clone(&self.objects),
            faults: self.faults.clone(),
            filter,
            position,
            epoch,
        })
    }

    async fn create(&self, object: &Node, options: &WriteOptions) -> Result<Node, ClusterError> {
        self.write("create", ObjectRef::of(object), |objects| objects.create(object, options)).await
    }

    async fn replace(&self, object: &Node, options: &WriteOptions) -> Result<Node, ClusterError> {
        self.write("replace", ObjectRef::of(object), |objects| objects.replace(object, options)).await
    }

    async fn apply(&self, object: &Node, options: &WriteOptions) -> Result<Node, ClusterError> {
        let call = if options.mode == WriteMode::DryRun { "dry-run" } else { "apply" };
        self.write(call, ObjectRef::of(object), |objects| objects.apply(object, options)).await
    }

    async fn patch(
        &self,
        target: &ObjectRef,
        patch: &Patch,
        options: &WriteOptions,
    ) -> Result<Node, ClusterError> {
        self.write("patch", target, |objects| objects.patch(target, patch, options)).await
    }

    async fn delete(&self, target: &ObjectRef, options: &DeleteOptions) -> Result<bool, ClusterError> {
        let call = if options.mode == WriteMode::DryRun { "dry-run" } else { "delete" };
        self.write(call, target, |objects| objects.delete(target, options)).await
    }
}

/// Which objects a list or a watch sees, and how much of them.
#[derive(Clone, Debug)]
struct Filter {
    gvk: Gvk,
    namespace: Option<Str>,
    labels: Selector,
    name: Option<Str>,
    metadata_only: bool,
}

impl Filter {
    fn new(gvk: &Gvk, options: &ListOptions) -> Result<Self, ClusterError> {
        let labels = Selector::parse(&options.labels)
            .map_err(|error| ClusterError::new(ClusterFault::Invalid, error.to_string()))?;
        let name = match options.fields.split_once('=') {
            Some(("metadata.name", name)) => Some(Str::from(name)),
            _ => None,
        };
        let (gvk, namespace) = (gvk.clone(), options.namespace.clone());
        Ok(Self { gvk, namespace, labels, name, metadata_only: options.metadata_only })
    }

    fn matches(&self, object: &Node) -> bool {
        let target = ObjectRef::of(object);
        let label = |key: &str| object.at_path(&["metadata", "labels", key]).and_then(Node::as_str);
        (&target.gvk.group, &target.gvk.kind) == (&self.gvk.group, &self.gvk.kind)
            && self.namespace.as_ref().is_none_or(|namespace| *namespace == target.namespace)
            && self.name.as_ref().is_none_or(|name| *name == target.name)
            && self.labels.matches(label)
    }

    fn seen(&self, object: &Node) -> Node {
        let mut object = object.clone();
        if self.metadata_only
            && let Some(entries) = object.entries_mut()
        {
            entries.retain(|entry| matches!(entry.key.as_str(), Some("apiVersion" | "kind" | "metadata")));
        }
        object
    }
}

/// An open watch of a [`FakeCluster`].
#[derive(Debug)]
pub struct FakeWatch {
    objects: Arc<Mutex<Objects>>,
    faults: Faults,
    filter: Filter,
    position: usize,
    epoch: u32,
}

impl Watch for FakeWatch {
    async fn next(&mut self) -> Option<Result<WatchEvent, ClusterError>> {
        match self.faults.take("next").await {
            Ok(None) => {}
            Ok(Some(Fault::StaleRead)) => {
                return Some(Err(ClusterError::new(ClusterFault::Expired, "too old resource version")));
            }
            // The connection is cut in silence.
            Ok(Some(_)) => return None,
            Err(error) => return Some(Err(as_cluster_error(&error))),
        }
        std::future::poll_fn(|context| {
            let mut objects = lock(&self.objects);
            while let Some(event) = objects.event(self.position) {
                self.position += 1;
                let (WatchEvent::Added(object) | WatchEvent::Modified(object) | WatchEvent::Deleted(object)) =
                    event
                else {
                    continue;
                };
                if !self.filter.matches(object) {
                    continue;
                }
                let object = self.filter.seen(object);
                return Poll::Ready(Some(Ok(match event {
                    WatchEvent::Added(_) => WatchEvent::Added(object),
                    WatchEvent::Deleted(_) => WatchEvent::Deleted(object),
                    _ => WatchEvent::Modified(object),
                })));
            }
            if objects.epoch() != self.epoch {
                return Poll::Ready(None);
            }
            objects.wake_later(context.waker());
            Poll::Pending
        })
        .await
    }
}
