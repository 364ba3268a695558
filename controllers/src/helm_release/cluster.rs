//! What Helm's operations do to a cluster, done over any [`Cluster`] port.
//!
//! Server-side applies go with one field manager, `helm` by default, as Helm's own do; deletions are in the background.
//! Applies by the client follow Helm too: built-in kinds are merged three ways with the live object, others get the
//! difference of the two revisions and keep what others wrote.

use std::fmt;

use gitops_core::apply::{Readiness, ReadinessOf};
use gitops_core::merge::three_way_merge;
use gitops_core::object::Gvk;
use gitops_core::ports::{
    Clock, Cluster, ClusterError, ClusterFault, DeleteOptions, FieldConflicts, ObjectRef, Patch, Propagation,
    WriteOptions,
};
use gitops_core::schema::Schema;
use gitops_yaml::{Node, Str};
use helm_rs::release::{
    Apply, ApplyMethod, ClusterError as Refusal, Conflicts, Object, ObjectId, Scope, WaitFor,
};

use super::wait::Waiting;

/// How often a write is tried again that others were in the way of.
const TRIES: usize = 5;

/// A cluster as releases see it.
///
/// ```
/// use gitops_controllers::helm_release::{ReleaseCluster, Waiting};
/// use gitops_core::apply::Readiness;
/// use gitops_core::testing::{FakeCluster, FixedClock};
/// use helm_rs::release::{Cluster, Scope};
/// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// # fn ready<T>(f: impl Future<Output = T>) -> T {
/// #     match pin!(f).poll(&mut Context::from_waker(Waker::noop())) { Poll::Ready(v) => v, Poll::Pending => panic!() }
/// # }
/// let (cluster, clock) = (FakeCluster::default(), FixedClock::default());
/// let readiness = |_: &gitops_yaml::Node| Readiness::new("Current", "");
/// let releases = ReleaseCluster::new(&cluster, &clock, &readiness, Waiting::default());
/// assert_eq!(ready(releases.scope("v1", "Namespace")), Ok(Some(Scope::Cluster)));
/// ```
pub struct ReleaseCluster<'a, C, K> {
    pub(super) cluster: &'a C,
    pub(super) clock: &'a K,
    pub(super) readiness: ReadinessOf<'a>,
    pub(super) waiting: Waiting,
    pub(super) cancelled: &'a (dyn Fn() -> bool + Send + Sync),
    manager: Str,
    propagation: Propagation,
}

impl<C, K> fmt::Debug for ReleaseCluster<'_, C, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ReleaseCluster");
        shown.field("waiting", &self.waiting).field("manager", &self.manager).finish_non_exhaustive()
    }
}

impl<'a, C: Cluster, K: Clock> ReleaseCluster<'a, C, K> {
    /// Sees a cluster. `readiness` says how ready an object is, in kstatus' words.
    #[must_use]
    pub fn new(cluster: &'a C, clock: &'a K, readiness: ReadinessOf<'a>, waiting: Waiting) -> Self {
        let manager = Str::literal("helm");
        Self {
            cluster,
            clock,
            readiness,
            waiting,
            cancelled: &|| false,
            manager,
            propagation: Propagation::default(),
        }
    }

    /// Names the field manager; Helm's is `helm`.
    #[must_use]
    pub fn manager(mut self, manager: impl Into<Str>) -> Self {
        self.manager = manager.into();
        self
    }

    /// Gives up waiting once the caller says so.
    #[must_use]
    pub fn until(mut self, cancelled: &'a (dyn Fn() -> bool + Send + Sync)) -> Self {
        self.cancelled = cancelled;
        self
    }

    /// Says what becomes of what deleted objects own: `background`, which is the default, `foreground` or `orphan`.
    #[must_use]
    pub fn propagating(mut self, policy: Option<&str>) -> Self {
        self.propagation = match policy {
            Some("foreground") => Propagation::Foreground,
            Some("orphan") => Propagation::Orphan,
            _ => Propagation::Background,
        };
        self
    }

    pub(super) fn ready_of(&self, object: &Node) -> Readiness {
        (self.readiness)(object)
    }

    fn writing(&self, conflicts: Conflicts) -> WriteOptions {
        let conflicts = match conflicts {
            Conflicts::Refused => FieldConflicts::Refused,
            Conflicts::TakenOver => FieldConflicts::TakenOver,
        };
        WriteOptions { manager: self.manager.clone(), conflicts, ..WriteOptions::default() }
    }

    async fn apply_by_server(&self, apply: &Apply) -> Result<(), ClusterError> {
        let Object { id, content } = &apply.object;
        match self.cluster.apply(content, &self.writing(apply.conflicts)).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let ObjectId { namespace, name, .. } = id;
                let gvk = shown(&gvk(id));
                let failed = if error.fault == ClusterFault::Conflict {
                    "conflict occurred while applying object"
                } else {
                    "server-side apply failed for object"
                };
                let message = format!("{failed} {namespace}/{name} {gvk}: {error}");
                Err(ClusterError { message, ..error })
            }
        }
    }

    async fn apply_by_client(&self, apply: &Apply) -> Result<(), ClusterError> {
        let Object { id, content } = &apply.object;
        let options = self.writing(Conflicts::Refused);
        let Some(previous) = &apply.previous else {
            return self.cluster.create(content, &options).await.map(drop);
        };
        let target = target(id);
        let schema = Schema::kubernetes();
        // Definitions of kinds are merged like the kinds that they define.
        let schema = schema.kind(&id.api_version, &id.kind).filter(|_| id.kind != "CustomResourceDefinition");
        let Some(schema) = schema else {
            return match difference(previous, content) {
                Some(patch) => self.cluster.patch(&target, &Patch::Merge(patch), &options).await.map(drop),
                None => Ok(()),
            };
        };
        let mut tries = 0;
        loop {
            let Some(live) = self.cluster.get(&target).await? else {
                return self.cluster.create(content, &options).await.map(drop);
            };
            let mut merged = live.clone();
            three_way_merge(&mut merged, previous, content, Some(schema));
            if difference(&live, &merged).is_none() {
                return Ok(());
            }
            tries += 1;
            match self.cluster.replace(&merged, &options).await {
                Err(error) if error.fault == ClusterFault::Conflict && tries < TRIES => {}
                done => return done.map(drop),
            }
        }
    }
}

impl<C: Cluster, K: Clock> helm_rs::release::Cluster for ReleaseCluster<'_, C, K> {
    async fn scope(&self, api_version: &str, kind: &str) -> Result<Option<Scope>, Refusal> {
        let served = self.cluster.kind(&Gvk::new(api_version, kind)).await.map_err(plain)?;
        Ok(served.map(|served| if served.namespaced { Scope::Namespaced } else { Scope::Cluster }))
    }

    async fn get(&self, id: &ObjectId) -> Result<Option<Node>, Refusal> {
        self.cluster.get(&target(id)).await.map_err(plain)
    }

    async fn apply(&self, apply: &Apply) -> Result<(), Refusal> {
        match apply.method {
            ApplyMethod::ServerSide => self.apply_by_server(apply).await,
            ApplyMethod::ClientSide => self.apply_by_client(apply).await,
        }
        .map_err(plain)
    }

    async fn delete(&self, id: &ObjectId) -> Result<(), Refusal> {
        let options = DeleteOptions { propagation: self.propagation, ..DeleteOptions::default() };
        match self.cluster.delete(&target(id), &options).await {
            Err(error) if error.fault != ClusterFault::NotFound => Err(plain(error)),
            _ => Ok(()),
        }
    }

    async fn wait(&self, objects: &[ObjectId], wanted: WaitFor) -> Result<(), Refusal> {
        self.wait_for(objects, wanted).await.map_err(Refusal)
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it is mapped over errors")]
pub(super) fn plain(error: ClusterError) -> Refusal {
    Refusal(error.to_string())
}

fn gvk(id: &ObjectId) -> Gvk {
    Gvk::new(&id.api_version, id.kind.clone())
}

pub(super) fn target(id: &ObjectId) -> ObjectRef {
    ObjectRef { gvk: gvk(id), namespace: id.namespace.clone(), name: id.name.clone() }
}

/// Writes a kind as Go does: `/v1, Kind=ConfigMap`, with the slash also where there is no group.
fn shown(gvk: &Gvk) -> String {
    format!("{}/{}, Kind={}", gvk.group, gvk.version, gvk.kind)
}

/// Returns the merge patch that leads from one object to another; `None` where they say the same.
fn difference(from: &Node, to: &Node) -> Option<Node> {
    let (Some(before), Some(after)) = (from.entries(), to.entries()) else {
        return (!gitops_core::object::same_value(from, to)).then(|| to.clone());
    };
    let mut patch = Node::mapping(Vec::new());
    for entry in after {
        let Some(key) = entry.key.scalar() else { continue };
        match from.get(key) {
            Some(old) => {
                if let Some(change) = difference(old, &entry.value) {
                    patch.set(key.clone(), change);
                }
            }
            None => patch.set(key.clone(), entry.value.clone()),
        }
    }
    for entry in before {
        if let Some(key) = entry.key.scalar().filter(|key| to.get(key).is_none()) {
            patch.set(key.clone(), Node::null());
        }
    }
    patch.entries().is_some_and(|entries| !entries.is_empty()).then_some(patch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::merge::merge_patch;
    use gitops_yaml::{Dialect, FileId, from_json, to_json};

    fn read(text: &str) -> Node {
        from_json(text, FileId::NONE).unwrap()
    }

    #[test]
    fn differences_lead_from_one_object_to_the_other() {
        let before = read(r#"{"a": 1, "b": {"c": [1, 2], "d": "x"}, "gone": {"e": 1}}"#);
        let after = read(r#"{"a": 1, "b": {"c": [2], "d": "x"}, "new": {"f": 1}}"#);
        let patch = difference(&before, &after).unwrap();
        let wanted = r#"{"b":{"c":[2]},"gone":null,"new":{"f":1}}"#;
        assert_eq!(to_json(&patch, Dialect::V3).unwrap(), wanted);
        let mut patched = before;
        merge_patch(&mut patched, &patch);
        assert!(difference(&patched, &after).is_none());
    }
}
