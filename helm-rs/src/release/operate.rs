//! What all operations share: how they are done, applying, hooks, records.

use super::cluster::{Apply, Cluster, Conflicts, Now, Object, ObjectId, ReleaseStore, WaitFor};
use super::objects::{RESOURCE_POLICY, build, refused};
use super::record::{ApplyMethod, Release, Status};
use crate::manifest::{HookEvent, HookRun, in_execution_order};
use crate::{Error, Warnings};
use gitops_yaml::{Node, Str};

/// Whether hooks run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hooks {
    /// They do.
    #[default]
    Run,
    /// They don't.
    Skipped,
}

/// How operations are done.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OperationOptions {
    /// Who merges; `None` goes on as the last revision did, new releases with the server.
    pub apply_method: Option<ApplyMethod>,
    /// What happens where another manager owns a field.
    pub conflicts: Conflicts,
    /// Whether hooks run.
    pub hooks: Hooks,
    /// What is waited for before an operation is a success.
    pub wait_for: WaitFor,
    /// How many records are kept; 0 keeps all. Helm's default is 10.
    pub history: usize,
    /// The sentence of the new record; empty for Helm's own.
    pub description: String,
}

impl Default for OperationOptions {
    fn default() -> Self {
        Self {
            apply_method: None,
            conflicts: Conflicts::Refused,
            hooks: Hooks::Run,
            wait_for: WaitFor::Ready,
            history: 10,
            description: String::new(),
        }
    }
}

/// Does operations on releases: over a cluster, a place for records, and a clock.
#[derive(Debug)]
pub struct Operator<'a, C, S, N> {
    pub(super) cluster: &'a C,
    pub(super) store: &'a S,
    pub(super) clock: &'a N,
    pub(super) options: OperationOptions,
}

impl<'a, C: Cluster, S: ReleaseStore, N: Now> Operator<'a, C, S, N> {
    /// Makes an operator.
    #[must_use]
    pub fn new(cluster: &'a C, store: &'a S, clock: &'a N, options: OperationOptions) -> Self {
        Self { cluster, store, clock, options }
    }

    pub(super) fn described(&self, otherwise: &str) -> String {
        if self.options.description.is_empty() {
            otherwise.to_owned()
        } else {
            self.options.description.clone()
        }
    }

    /// Writes a record over; that it can't be is no reason to fail.
    pub(super) async fn record(&self, release: &Release, warnings: &mut Warnings) {
        if let Err(error) = self.store.update(release).await {
            let warning = crate::Warning::warn("failed to update release").with("name", &release.name);
            warnings.push(warning.with("revision", release.revision).with("error", error));
        }
    }

    /// Writes a new record, and makes room for it.
    pub(super) async fn create_record(&self, release: &Release) -> Result<(), Error> {
        if self.options.history > 0 {
            self.prune(&release.name, self.options.history - 1).await?;
        }
        self.store.create(release).await.map_err(|error| refused(error.to_string()))
    }

    /// Deletes the oldest records; never the last one that is deployed.
    async fn prune(&self, name: &str, keep: usize) -> Result<(), Error> {
        let mut all = self.store.history(name).await.map_err(|error| refused(error.to_string()))?;
        if all.len() <= keep {
            return Ok(());
        }
        all.sort_by_key(|release| release.revision);
        let deployed = self.store.deployed(name).await.map_err(|error| refused(error.to_string()))?;
        let deployed = deployed.iter().map(|release| release.revision).max();
        let mut too_many = all.len() - keep;
        for release in all {
            if too_many == 0 {
                break;
            }
            if Some(release.revision) != deployed {
                too_many -= 1;
                let deleted = self.store.delete(name, release.revision).await;
                deleted.map_err(|error| refused(error.to_string()))?;
            }
        }
        Ok(())
    }

    pub(super) async fn apply(
        &self,
        object: &Object,
        method: ApplyMethod,
        conflicts: Conflicts,
        previous: Option<Node>,
    ) -> Result<(), Error> {
        let apply = Apply { object: object.clone(), method, conflicts, previous };
        self.cluster.apply(&apply).await.map_err(|error| refused(error.to_string()))
    }

    /// Brings the cluster from one set of objects to another; what is in the first alone is deleted, unless its live
    /// object says that it is kept.
    pub(super) async fn update(
        &self,
        current: &[Object],
        target: &[Object],
        method: ApplyMethod,
    ) -> Result<(), Error> {
        let mut mistakes = Vec::new();
        for object in target {
            let live =
                self.cluster.get(&object.id).await.map_err(|error| {
                    refused(format!("could not get information about the resource: {error}"))
                })?;
            if live.is_none() {
                self.apply(object, method, Conflicts::Refused, None)
                    .await
                    .map_err(|error| error.within("failed to create resource"))?;
                continue;
            }
            let previous = current.iter().find(|current| current.id == object.id);
            let previous = previous.map(|object| object.content.clone()).or(live);
            if let Err(error) = self.apply(object, method, self.options.conflicts, previous).await {
                mistakes.push(error.to_string());
            }
        }
        if !mistakes.is_empty() {
            return Err(refused(mistakes.join(" && ")));
        }
        for object in current {
            if target.iter().any(|target| is_same(&target.id, &object.id)) {
                continue;
            }
            let Ok(Some(live)) = self.cluster.get(&object.id).await else { continue };
            let policy = live.at_path(&["metadata", "annotations", RESOURCE_POLICY]).and_then(Node::as_str);
            if policy == Some("keep") {
                continue;
            }
            if let Err(error) = self.cluster.delete(&object.id).await {
                let id = &object.id;
                mistakes.push(format!(
                    "failed to delete resource namespace={}, name={}, kind={}: {error}",
                    id.namespace, id.name, id.kind
                ));
            }
        }
        if mistakes.is_empty() { Ok(()) } else { Err(refused(mistakes.join(" && "))) }
    }

    pub(super) async fn wait(&self, objects: &[Object]) -> Result<(), Error> {
        let ids: Vec<ObjectId> = objects.iter().map(|object| object.id.clone()).collect();
        self.cluster.wait(&ids, self.options.wait_for).await.map_err(|error| refused(error.to_string()))
    }

    /// Runs the hooks of an event one after the other. The first that fails ends the run; those that were done before it are
    /// deleted where they ask for it.
    pub(super) async fn run_hooks(
        &self,
        release: &mut Release,
        event: HookEvent,
        method: ApplyMethod,
        warnings: &mut Warnings,
    ) -> Result<(), Error> {
        if self.options.hooks == Hooks::Skipped {
            return Ok(());
        }
        let order = in_execution_order(&release.hooks, event);
        for (position, &index) in order.iter().enumerate() {
            if release.hooks[index].delete_policies.is_empty() {
                release.hooks[index].delete_policies = vec![Str::literal("before-hook-creation")];
            }
            self.delete_hook(release, index, "before-hook-creation").await?;
            let (path, manifest) = (release.hooks[index].path.clone(), release.hooks[index].manifest.clone());
            let event_name = event.as_str();
            let objects = build(self.cluster, &manifest, &release.namespace).await.map_err(|error| {
                error.within(format!("unable to build kubernetes object for {event_name} hook {path}"))
            })?;
            release.hooks[index].last_run = HookRun {
                started_at: self.clock.now(),
                phase: Str::literal("Running"),
                ..HookRun::default()
            };
            self.record(release, warnings).await;
            release.hooks[index].last_run.phase = Str::literal("Unknown");
            for object in &objects {
                if let Err(error) = self.apply(object, method, Conflicts::Refused, None).await {
                    release.hooks[index].last_run.completed_at = self.clock.now();
                    release.hooks[index].last_run.phase = Str::literal("Failed");
                    return Err(error.within(format!("warning: Hook {event_name} {path} failed")));
                }
            }
            let ids: Vec<ObjectId> = objects.iter().map(|object| object.id.clone()).collect();
            let waited = self.cluster.wait(&ids, WaitFor::HookDone).await;
            let run = &mut release.hooks[index].last_run;
            run.completed_at = self.clock.now();
            let Err(error) = waited else {
                run.phase = Str::literal("Succeeded");
                continue;
            };
            run.phase = Str::literal("Failed");
            self.delete_hook(release, index, "hook-failed").await?;
            for &done in &order[..position] {
                self.delete_hook(release, done, "hook-succeeded").await?;
            }
            return Err(refused(error.to_string()));
        }
        for &index in order.iter().rev() {
            self.delete_hook(release, index, "hook-succeeded").await?;
        }
        Ok(())
    }

    /// Deletes a hook's objects where it has this policy; definitions of kinds never.
    async fn delete_hook(&self, release: &Release, index: usize, policy: &str) -> Result<(), Error> {
        let hook = &release.hooks[index];
        if hook.kind == "CustomResourceDefinition"
            || !hook.delete_policies.iter().any(|known| known == policy)
        {
            return Ok(());
        }
        let objects = build(self.cluster, &hook.manifest, &release.namespace).await.map_err(|error| {
            error.within(format!("unable to build kubernetes object for deleting hook {}", hook.path))
        })?;
        let ids: Vec<ObjectId> = objects.into_iter().map(|object| object.id).collect();
        for id in &ids {
            self.cluster.delete(id).await.map_err(|error| refused(error.to_string()))?;
        }
        self.cluster.wait(&ids, WaitFor::Gone).await.map_err(|error| refused(error.to_string()))
    }

    /// Returns the record with the highest revision.
    pub(super) async fn last(&self, name: &str) -> Result<Option<Release>, Error> {
        let all = self.store.history(name).await.map_err(|error| refused(error.to_string()))?;
        Ok(all.into_iter().max_by_key(|release| release.revision))
    }

    /// Marks all deployed records of a release as superseded.
    pub(super) async fn supersede(&self, name: &str, warnings: &mut Warnings) -> Result<(), Error> {
        let mut deployed = self.store.deployed(name).await.map_err(|error| refused(error.to_string()))?;
        deployed.sort_by_key(|release| std::cmp::Reverse(release.revision));
        for mut release in deployed {
            release.info.status = Status::Superseded;
            self.record(&release, warnings).await;
        }
        Ok(())
    }
}

/// Objects are the same by group, kind, namespace and name, whatever the version.
fn is_same(a: &ObjectId, b: &ObjectId) -> bool {
    let group = |id: &ObjectId| id.api_version.split_once('/').map_or("", |(group, _)| group).to_owned();
    a.kind == b.kind && a.namespace == b.namespace && a.name == b.name && group(a) == group(b)
}
