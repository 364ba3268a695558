//! Workloads that pretend to run: their statuses become those of objects whose controllers and nodes work.
//!
//! A Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, Pod, claim or load balancer is first in progress and, after a
//! set time, ready. The annotation `local-cluster.gitops.rs/simulate` says otherwise for one object: `fail`, `never`, or
//! a time such as `5s`. No Pods are made for workloads, and nothing runs.

mod status;

use crate::cluster::LocalCluster;
use crate::kinds::Resource;
use crate::store::{Object, Patching, Query, Seen, Subresource, Target, UnknownFields, Write};
use crate::value::Value;
use gitops_core::api::GoDuration;
use gitops_yaml::Str;
use status::Stage;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// The annotation by which an object says what becomes of it: `fail`, `never` or a duration.
pub const ANNOTATION: &str = "local-cluster.gitops.rs/simulate";

/// The kinds that are looked after, by group and plural.
const KINDS: [(&str, &str); 9] = [
    ("", "persistentvolumeclaims"),
    ("", "pods"),
    ("", "services"),
    ("apps", "daemonsets"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("batch", "jobs"),
    ("policy", "poddisruptionbudgets"),
];

/// How workloads pretend to run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Simulation {
    /// How long an object takes to be ready.
    pub ready_after: Duration,
}

impl Default for Simulation {
    fn default() -> Self {
        Self { ready_after: Duration::from_millis(500) }
    }
}

impl Simulation {
    /// Lets objects be ready after a time.
    #[must_use]
    pub fn ready_after(time: Duration) -> Self {
        Self { ready_after: time }
    }
}

/// Something that is to happen to an object.
#[derive(Debug)]
struct Due {
    at: Instant,
    target: Target,
    uid: Option<Str>,
    generation: i64,
    stage: Stage,
}

impl LocalCluster {
    /// Makes workloads pretend to run for as long as the future is polled.
    pub async fn simulate(self, options: Simulation) {
        let mut changes = self.changes();
        let mut simulator = Simulator { cluster: self, options, revision: 0, due: Vec::new() };
        loop {
            changes.mark_unchanged();
            simulator.look();
            simulator.act(Instant::now());
            let next = simulator.due.iter().map(|due| due.at).min();
            let later = async {
                match next {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = later => {}
            }
        }
    }
}

struct Simulator {
    cluster: LocalCluster,
    options: Simulation,
    revision: u64,
    due: Vec<Due>,
}

impl Simulator {
    /// Notes what has changed since it last looked.
    fn look(&mut self) {
        let mut found = Vec::new();
        {
            let state = self.cluster.state();
            for (group, plural) in KINDS {
                let Some(resource) = state.store.kinds().by_path(group, plural) else { continue };
                let target = collection(resource);
                let query = Query::default();
                // Where too much has happened to tell, all objects are looked at.
                let objects: Vec<Arc<Object>> = match state.store.seen_since(&target, &query, self.revision) {
                    Ok((seen, _)) if self.revision > 0 => seen.into_iter().filter_map(alive).collect(),
                    _ => state.store.list(&target, &query).map(|listed| listed.items).unwrap_or_default(),
                };
                found.extend(objects.into_iter().map(|object| (target.clone(), object)));
            }
            self.revision = state.store.revision();
        }
        for (target, object) in found {
            self.note(target, &object);
        }
    }

    fn note(&mut self, target: Target, object: &Object) {
        if object.is_going() || !status::is_behind(&target.resource, object.body()) {
            return;
        }
        let target = Target { namespace: object.namespace().into(), name: object.name().into(), ..target };
        let generation = status::generation(object.body());
        let known = |due: &Due| {
            due.target.name == target.name
                && due.target.namespace == target.namespace
                && Arc::ptr_eq(&due.target.resource, &target.resource)
        };
        if self.due.iter().any(|due| known(due) && due.generation == generation && due.uid == object.uid()) {
            return;
        }
        self.due.retain(|due| !known(due));
        let asked = object.body().text_at(&["metadata", "annotations", ANNOTATION]);
        let (time, stage) = match asked {
            "fail" => (Some(self.options.ready_after), Stage::Failed),
            "never" => (None, Stage::Ready),
            text => {
                let own = text.parse::<GoDuration>().ok().filter(|_| !text.is_empty());
                (Some(own.map_or(self.options.ready_after, |time| time.0)), Stage::Ready)
            }
        };
        self.write(&target, &object.uid(), generation, Stage::Begun);
        if let Some(time) = time {
            let at = Instant::now() + time;
            self.due.push(Due { at, target, uid: object.uid(), generation, stage });
        }
    }

    fn act(&mut self, now: Instant) {
        let (ripe, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.due).into_iter().partition(|due| due.at <= now);
        self.due = waiting;
        for due in ripe {
            self.write(&due.target, &due.uid, due.generation, due.stage);
        }
    }

    /// Writes a status, unless the object has become another one.
    fn write(&self, target: &Target, uid: &Option<Str>, generation: i64, stage: Stage) {
        let write = Write {
            manager: Str::literal("kube-controller-manager"),
            unknown: UnknownFields::Dropped,
            ..Write::default()
        };
        self.cluster.write(|store, world| {
            let Ok(object) = store.get(target).cloned() else { return };
            if object.uid() != *uid || status::generation(object.body()) != generation {
                return;
            }
            let now = crate::time::seconds(crate::store::Surroundings::now(world));
            let Some(status) = status::of(&target.resource, object.body(), stage, &now) else { return };
            let patch = Value::from([("status", status)]);
            let part = Target { part: Subresource::Status, ..target.clone() };
            // An object that refuses its status stays as it is; there is nobody to tell.
            let _ = store.patch(&part, Patching::Merge(patch), &write, world);
        });
    }
}

fn collection(resource: &Arc<Resource>) -> Target {
    Target {
        version: resource.storage_version(),
        resource: resource.clone(),
        namespace: Str::EMPTY,
        name: Str::EMPTY,
        part: Subresource::Main,
    }
}

fn alive(seen: Seen) -> Option<Arc<Object>> {
    match seen {
        Seen::Added(object) | Seen::Modified(object) => Some(object),
        Seen::Deleted(_) => None,
    }
}
