//! One run: stage by stage what is wanted is applied, and then what is wanted no more is deleted.

use super::concurrently::concurrently;
use super::drift_watch::DriftWatch;
use super::error::{ApplyError, Doing};
use super::ignore::IgnoreRules;
use super::inventory::Inventory;
use super::observe::{Look, Observed, Write, without_undeclared};
use super::owner::Owner;
use super::plan::{Action, Change, Plan, Planned};
use super::set::{ApplySet, Desired, Warning};
use super::wait::{ReadinessOf, WaitOptions, wait, wait_gone};
use crate::object::{ApplyStage, Gvk, ObjectId};
use crate::ports::{
    Clock, Cluster, ClusterError, ClusterFault, DeleteOptions, ObjectRef, PortError, Propagation, ServedKind,
    WriteMode,
};
use gitops_yaml::{Node, Place, Str};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

/// What becomes of an object that carries another owner's labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Foreign {
    /// It is taken over, as Flux does: so objects move from one owner to another.
    #[default]
    TakeOver,
    /// It is an error.
    Refuse,
}

/// How a run goes.
#[derive(Debug)]
#[non_exhaustive]
pub struct ApplyOptions {
    /// Whether objects are deleted and made anew where a field never changes (`spec.force`).
    pub force: bool,
    /// Whether what is wanted no more is deleted (`spec.prune`).
    pub prune: bool,
    /// Fields that are left to others.
    pub ignore: IgnoreRules,
    /// Managers whose fields are taken over beside kubectl's, by the beginning of their names.
    pub disallowed_managers: Vec<Str>,
    /// Whether managed fields are said to be of the version that is applied.
    pub migrate_api_version: bool,
    /// What becomes of other owners' objects.
    pub foreign: Foreign,
    /// How many requests are made at once; 8 by default.
    pub concurrency: usize,
    /// How long definitions may take to become ready.
    pub stage_wait: WaitOptions,
    /// How long the run may take; for ever by default.
    pub timeout: Option<Duration>,
}

impl Default for ApplyOptions {
    fn default() -> Self {
        Self {
            force: false,
            prune: true,
            ignore: IgnoreRules::default(),
            disallowed_managers: Vec::new(),
            migrate_api_version: false,
            foreign: Foreign::default(),
            concurrency: 8,
            stage_wait: WaitOptions::default(),
            timeout: None,
        }
    }
}

/// Keeps an inventory before what it names is made.
pub trait Checkpoint: Send + Sync {
    /// Stores an inventory: all that was there before and all that a run may make.
    ///
    /// # Errors
    /// Where it can't be stored; then nothing is written.
    fn store(&self, inventory: &Inventory) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Keeps no inventory: for runs that no other follows.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCheckpoint;

impl Checkpoint for NoCheckpoint {
    async fn store(&self, _: &Inventory) -> Result<(), PortError> {
        Ok(())
    }
}

/// What a run has done.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What has happened to each object that was reached, in the order of the run.
    pub changes: Vec<Change>,
    /// The inventory to store: without errors what is wanted, with errors also what was there before.
    pub inventory: Inventory,
    /// What could not be done.
    pub errors: Vec<ApplyError>,
    /// What users should know.
    pub warnings: Vec<Warning>,
    /// How many objects were not reached, since a stage before theirs has failed.
    pub unreached: usize,
}

impl Outcome {
    /// Returns whether everything is as wanted.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.errors.is_empty()
    }

    /// Lists what has changed, one object a line, as Flux's events do; empty where nothing has.
    #[must_use]
    pub fn changed(&self) -> String {
        let changed = self.changes.iter().filter(|change| change.action.changes());
        changed.map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }
}

/// Applies sets of objects for one owner.
pub struct Applier<'a, C, K> {
    cluster: &'a C,
    clock: &'a K,
    owner: &'a Owner,
    readiness: ReadinessOf<'a>,
    options: ApplyOptions,
    cancelled: &'a (dyn Fn() -> bool + Send + Sync),
    deadline: Option<Duration>,
}

impl<C, K> std::fmt::Debug for Applier<'_, C, K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Applier")
            .field("owner", &self.owner)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl<'a, C: Cluster, K: Clock> Applier<'a, C, K> {
    /// Makes an applier with Flux's defaults.
    #[must_use]
    pub fn new(cluster: &'a C, clock: &'a K, owner: &'a Owner, readiness: ReadinessOf<'a>) -> Self {
        let options = ApplyOptions::default();
        Self { cluster, clock, owner, readiness, options, cancelled: &|| false, deadline: None }
    }

    /// Sets how runs go. A timeout counts from here.
    #[must_use]
    pub fn with_options(mut self, options: ApplyOptions) -> Self {
        self.deadline = options.timeout.map(|timeout| self.clock.now().saturating_add(timeout));
        self.options = options;
        self
    }

    /// Ends runs as soon as the caller gives up.
    #[must_use]
    pub fn until(mut self, cancelled: &'a (dyn Fn() -> bool + Send + Sync)) -> Self {
        self.cancelled = cancelled;
        self
    }

    pub(super) fn cluster(&self) -> &C {
        self.cluster
    }

    pub(super) fn owner(&self) -> &Owner {
        self.owner
    }

    pub(super) fn options(&self) -> &ApplyOptions {
        &self.options
    }

    /// Fails where the time is over or the caller has given up.
    pub(super) fn go_on(&self) -> Result<(), ClusterError> {
        if (self.cancelled)() {
            return Err(ClusterError::new(ClusterFault::Cancelled, "context canceled"));
        }
        if self.deadline.is_some_and(|deadline| self.clock.now() >= deadline) {
            return Err(ClusterError::new(ClusterFault::Busy, "context deadline exceeded"));
        }
        Ok(())
    }

    /// Says what a run would do, and writes nothing. Objects of kinds that the set itself defines are planned as new.
    ///
    /// # Errors
    /// All objects that can't be looked at or that the server would refuse; the plan holds the others.
    pub async fn plan(
        &self,
        mut set: ApplySet,
        inventory: &Inventory,
    ) -> (Plan, Vec<ApplyError>, Vec<Warning>) {
        let mut warnings = std::mem::take(&mut set.warnings);
        let defined = set.defined_scopes();
        let namespaces: BTreeSet<Str> = set
            .objects
            .iter()
            .filter(|desired| desired.target.gvk.kind == "Namespace")
            .map(|desired| desired.target.name.clone())
            .collect();
        let (objects, mut errors) = self.addressed(set.objects, &defined, Patience::None).await;
        let looked = objects.iter().map(|desired| self.observe(desired, Look::Plan));
        let observed = concurrently(self.options.concurrency, looked).await;
        let mut plan = Plan::default();
        let mut wanted = Inventory::default();
        for (desired, observed) in objects.into_iter().zip(observed) {
            wanted.insert(desired.id(), desired.target.gvk.version.clone());
            let key = (desired.target.gvk.group.clone(), desired.target.gvk.kind.clone());
            let comes_later = |error: &ApplyError| match error.cause.fault {
                ClusterFault::UnknownKind => defined.contains_key(&key),
                ClusterFault::NotFound => namespaces.contains(&desired.target.namespace),
                _ => false,
            };
            let change = |action, reason| Change {
                id: desired.id(),
                version: desired.target.gvk.version.clone(),
                action,
                reason,
                place: desired.place(),
            };
            match observed {
                Ok(Observed { action, reason, live, next, warnings: said, .. }) => {
                    warnings.extend(said);
                    let change = change(action, reason);
                    plan.objects.push(Planned { change, stage: desired.stage, live, next });
                }
                Err(error) if comes_later(&error) => {
                    let change = change(Action::Created, "what it needs is made in the same run".to_owned());
                    let next = Some(desired.object.clone());
                    plan.objects.push(Planned { change, stage: desired.stage, live: None, next });
                }
                Err(error) => errors.push(error.without_values_of(&desired.object)),
            }
        }
        if self.options.prune && errors.is_empty() {
            let stale: Vec<ObjectRef> = inventory.without(&wanted).rev().collect();
            let looked = stale.iter().map(|target| self.look_at_stale(target));
            for found in concurrently(self.options.concurrency, looked).await {
                match found {
                    Ok((change, live)) => {
                        plan.objects.push(Planned { change, stage: ApplyStage::Rest, live, next: None });
                    }
                    Err(error) => errors.push(error),
                }
            }
        }
        (plan, errors, warnings)
    }

    /// Brings the cluster to what is wanted.
    ///
    /// Before the first write the checkpoint gets the old inventory and all that may be made. Objects that `drift` knows to
    /// be as wanted cost no request; it learns what this run finds.
    pub async fn apply(
        &self,
        mut set: ApplySet,
        inventory: &Inventory,
        checkpoint: &impl Checkpoint,
        drift: &mut DriftWatch,
    ) -> Outcome {
        let mut outcome = Outcome { warnings: std::mem::take(&mut set.warnings), ..Outcome::default() };
        let defined = set.defined_scopes();
        let all = set.objects.len();
        let mut run = Run { checkpoint, stored: inventory.clone(), made: Inventory::default(), drift };
        let mut stages: BTreeMap<ApplyStage, Vec<Desired>> = BTreeMap::new();
        for desired in set.objects {
            stages.entry(desired.stage).or_default().push(desired);
        }
        let mut reached = 0;
        for (stage, objects) in stages {
            reached += objects.len();
            self.apply_stage(stage, objects, &defined, &mut run, &mut outcome).await;
            if !outcome.errors.is_empty() {
                break;
            }
        }
        outcome.unreached = all - reached;
        outcome.inventory = run.made;
        if outcome.errors.is_empty() {
            let stale: Vec<ObjectRef> = inventory.without(&outcome.inventory).rev().collect();
            let kept = &outcome.inventory;
            run.drift.retain(|id| kept.contains(id));
            if self.options.prune {
                self.delete_stale(stale, &mut outcome).await;
            }
        } else {
            let made = std::mem::replace(&mut outcome.inventory, inventory.clone());
            outcome.inventory.absorb(&made);
        }
        outcome
    }

    async fn apply_stage(
        &self,
        stage: ApplyStage,
        objects: Vec<Desired>,
        defined: &BTreeMap<(Str, Str), bool>,
        run: &mut Run<'_, impl Checkpoint>,
        outcome: &mut Outcome,
    ) {
        let (settled, open): (Vec<Desired>, Vec<Desired>) =
            objects.into_iter().partition(|desired| run.drift.is_settled(desired));
        for desired in settled {
            run.made.insert(desired.id(), desired.target.gvk.version.clone());
            outcome.changes.push(change(&desired, Action::Unchanged, String::new()));
        }
        // What this run has defined is served a moment after the definition is established.
        let patience = if stage > ApplyStage::Definitions { Patience::UntilServed } else { Patience::None };
        let (open, errors) = self.addressed(open, defined, patience).await;
        outcome.errors.extend(errors);
        let looked = open.iter().map(|desired| self.observe(desired, Look::Apply));
        let observed = concurrently(self.options.concurrency, looked).await;
        let mut writes = Vec::new();
        for (desired, observed) in open.into_iter().zip(observed) {
            run.made.insert(desired.id(), desired.target.gvk.version.clone());
            match observed {
                Ok(Observed { action, reason, live, write, warnings, .. }) => {
                    outcome.warnings.extend(warnings);
                    match write {
                        Some(write) => writes.push((desired, action, reason, live, write)),
                        None => {
                            if let (Action::Unchanged, Some(live)) = (action, &live) {
                                run.drift.settle(&desired, live);
                            }
                            outcome.changes.push(change(&desired, action, reason));
                        }
                    }
                }
                Err(error) => outcome.errors.push(error.without_values_of(&desired.object)),
            }
        }
        if writes.is_empty() {
            return;
        }
        if let Err(cause) = run.keep().await {
            let (desired, ..) = &writes[0];
            let message = format!("nothing is written, since the inventory can't be stored: {cause}");
            let cause = ClusterError::new(ClusterFault::Busy, message);
            outcome.errors.push(ApplyError {
                id: desired.id(),
                place: desired.place(),
                doing: Doing::Checking,
                cause,
            });
            return;
        }
        let mut waiting = Vec::new();
        // One kind after the other, since they need each other in this order; objects of one kind at once.
        for chunk in writes.chunk_by(|a, b| a.0.target.gvk == b.0.target.gvk) {
            chunk.iter().for_each(|(desired, ..)| run.drift.unsettle(&desired.id()));
            let writing =
                chunk.iter().map(|(desired, _, _, live, write)| self.write(desired, live.as_ref(), write));
            let written = concurrently(self.options.concurrency, writing).await;
            for ((desired, action, reason, ..), written) in chunk.iter().zip(written) {
                match written {
                    Ok((stored, warnings)) => {
                        outcome.warnings.extend(warnings);
                        if stage <= ApplyStage::Classes && !(self.readiness)(&stored).is_current() {
                            waiting.push((desired.target.clone(), desired.place()));
                        }
                        run.drift.settle(desired, &stored);
                        outcome.changes.push(change(desired, *action, reason.clone()));
                    }
                    Err(error) => outcome.errors.push(error.without_values_of(&desired.object)),
                }
            }
        }
        self.wait_for_stage(waiting, outcome).await;
    }

    async fn wait_for_stage(&self, waiting: Vec<(ObjectRef, Place)>, outcome: &mut Outcome) {
        if waiting.is_empty() {
            return;
        }
        let targets: Vec<ObjectRef> = waiting.iter().map(|(target, _)| target.clone()).collect();
        let options = &self.options.stage_wait;
        let waited = wait(self.cluster, self.clock, &targets, self.readiness, options, self.cancelled).await;
        let Err(error) = waited else { return };
        for (id, readiness) in error.objects {
            let place =
                waiting.iter().find(|(target, _)| super::wait::id_of(target) == id).map(|(_, place)| *place);
            let fault = if error.cancelled { ClusterFault::Cancelled } else { ClusterFault::Busy };
            let message =
                format!("did not become ready, status: '{}': {}", readiness.status, readiness.message);
            let cause = ClusterError::new(fault, message);
            outcome.errors.push(ApplyError {
                id,
                place: place.unwrap_or_default(),
                doing: Doing::Waiting,
                cause,
            });
        }
    }

    /// Gives objects the addresses that the cluster knows them by: those of the cluster lose their namespace, and those of a
    /// namespace must have one.
    async fn addressed(
        &self,
        objects: Vec<Desired>,
        defined: &BTreeMap<(Str, Str), bool>,
        patience: Patience,
    ) -> (Vec<Desired>, Vec<ApplyError>) {
        let kinds: BTreeSet<Gvk> = objects.iter().map(|desired| desired.target.gvk.clone()).collect();
        let kinds: Vec<Gvk> = kinds.into_iter().collect();
        let asked = kinds.iter().map(|gvk| {
            let is_new = defined.contains_key(&(gvk.group.clone(), gvk.kind.clone()));
            self.kind_in_time(gvk, is_new && patience == Patience::UntilServed)
        });
        let served: BTreeMap<&Gvk, _> =
            kinds.iter().zip(concurrently(self.options.concurrency, asked).await).collect();
        let mut addressed = Vec::new();
        let mut errors = Vec::new();
        for mut desired in objects {
            let gvk = &desired.target.gvk;
            let namespaced = match served.get(gvk) {
                Some(Ok(Some(kind))) => Some(kind.namespaced),
                Some(Err(cause)) => {
                    let (id, place) = (desired.id(), desired.place());
                    errors.push(ApplyError { id, place, doing: Doing::Reading, cause: cause.clone() });
                    continue;
                }
                _ => defined.get(&(gvk.group.clone(), gvk.kind.clone())).copied(),
            };
            if namespaced == Some(false) && !desired.target.namespace.is_empty() {
                desired.target.namespace = Str::EMPTY;
                if let Some(metadata) = desired.object.get_mut("metadata") {
                    metadata.remove("namespace");
                }
            }
            if namespaced == Some(true) && desired.target.namespace.is_empty() {
                let message = "namespace not specified: the server could not find the requested resource";
                let cause = ClusterError::new(ClusterFault::Invalid, message);
                errors.push(ApplyError {
                    id: desired.id(),
                    place: desired.place(),
                    doing: Doing::Checking,
                    cause,
                });
                continue;
            }
            addressed.push(desired);
        }
        (addressed, errors)
    }

    /// Asks how a kind is served, and asks again for a while where it was only just defined.
    async fn kind_in_time(&self, gvk: &Gvk, is_new: bool) -> Result<Option<ServedKind>, ClusterError> {
        let options = &self.options.stage_wait;
        let deadline = self.clock.now().saturating_add(options.timeout);
        loop {
            let served = self.cluster.kind(gvk).await;
            if !is_new || !matches!(served, Ok(None)) || self.clock.now() >= deadline || self.go_on().is_err()
            {
                return served;
            }
            self.clock.sleep(options.interval.min(Duration::from_millis(100))).await;
        }
    }

    async fn write(
        &self,
        desired: &Desired,
        live: Option<&Node>,
        write: &Write,
    ) -> Result<(Node, Vec<Warning>), ApplyError> {
        let fail = |doing, cause| ApplyError { id: desired.id(), place: desired.place(), doing, cause };
        self.go_on().map_err(|cause| fail(Doing::Applying, cause))?;
        if write.recreate {
            let uid =
                live.and_then(|live| live.at_path(&["metadata", "uid"])).and_then(Node::scalar).cloned();
            self.remove_first(&write.target, uid).await.map_err(|cause| fail(Doing::Recreating, cause))?;
        }
        if let Some(patch) = &write.cleanup {
            let patched = self.cluster.patch(&write.target, patch, &self.patch_options()).await;
            patched.map_err(|cause| fail(Doing::Cleanup, cause))?;
        }
        let options = self.owner.write_options(WriteMode::Real);
        let object = write.object.as_ref().unwrap_or(&desired.object);
        let refused = match self.cluster.apply(object, &options).await {
            Ok(stored) => return Ok((stored, Vec::new())),
            Err(refused) => refused,
        };
        let doing = if live.is_none() { Doing::DryRun } else { Doing::Applying };
        let Some((object, warnings)) = without_undeclared(object, &refused) else {
            return Err(fail(doing, refused));
        };
        let stored = self.cluster.apply(&object, &options).await.map_err(|cause| fail(doing, cause))?;
        Ok((stored, warnings))
    }

    async fn remove_first(&self, target: &ObjectRef, uid: Option<Str>) -> Result<(), ClusterError> {
        let options = DeleteOptions {
            propagation: Propagation::Background,
            uid: uid.clone(),
            ..DeleteOptions::default()
        };
        self.cluster.delete(target, &options).await?;
        let wait = &self.options.stage_wait;
        wait_gone(self.cluster, self.clock, target, uid.as_ref(), wait, self.cancelled).await
    }

    pub(super) async fn wait_until_gone(
        &self,
        target: &ObjectRef,
        options: &WaitOptions,
    ) -> Result<(), ClusterError> {
        wait_gone(self.cluster, self.clock, target, None, options, self.cancelled).await
    }
}

/// Whether kinds that the set itself defines are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    None,
    UntilServed,
}

/// What one run keeps in mind.
struct Run<'r, P> {
    checkpoint: &'r P,
    /// What the checkpoint holds.
    stored: Inventory,
    /// What is wanted, as far as the run has come.
    made: Inventory,
    drift: &'r mut DriftWatch,
}

impl<P: Checkpoint> Run<'_, P> {
    /// Stores what is about to be made, where the checkpoint does not hold it yet.
    async fn keep(&mut self) -> Result<(), PortError> {
        if self.made.without(&self.stored).next().is_none() {
            return Ok(());
        }
        let mut union = self.stored.clone();
        union.absorb(&self.made);
        self.checkpoint.store(&union).await?;
        self.stored = union;
        Ok(())
    }
}

fn change(desired: &Desired, action: Action, reason: String) -> Change {
    let (id, version): (ObjectId, Str) = (desired.id(), desired.target.gvk.version.clone());
    Change { id, version, action, reason, place: desired.place() }
}
