//! Deletes what is wanted no more, and nothing else.

use super::concurrently::concurrently;
use super::error::{ApplyError, Doing};
use super::inventory::Inventory;
use super::owner::{Ownership, is_marked};
use super::plan::{Action, Change};
use super::run::{Applier, Outcome};
use super::wait::{WaitOptions, id_of};
use crate::object::Gvk;
use crate::ports::{
    Clock, Cluster, ClusterError, ClusterFault, DeleteOptions, ObjectRef, Propagation, WriteMode,
};
use gitops_yaml::{Node, Place};

/// What becomes of an owner's objects when the owner is deleted: `spec.deletionPolicy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeletionPolicy {
    /// They go where `spec.prune` is on.
    #[default]
    MirrorPrune,
    /// They go.
    Delete,
    /// They go, and it is waited for.
    WaitForTermination,
    /// They stay.
    Orphan,
}

impl DeletionPolicy {
    /// Reads the field's value; the default where it is empty, `None` where it is none of Flux's.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "" | "MirrorPrune" => Self::MirrorPrune,
            "Delete" => Self::Delete,
            "WaitForTermination" => Self::WaitForTermination,
            "Orphan" => Self::Orphan,
            _ => return None,
        })
    }

    /// Returns whether objects go, given `spec.prune`.
    #[must_use]
    pub fn deletes(self, prune: bool) -> bool {
        match self {
            Self::MirrorPrune => prune,
            Self::Delete | Self::WaitForTermination => true,
            Self::Orphan => false,
        }
    }
}

impl<C: Cluster, K: Clock> Applier<'_, C, K> {
    /// Deletes all objects of an inventory that are the owner's, as when the owner itself is deleted, and waits until they are
    /// gone where `termination` says how long. What could not be deleted stays in the outcome's inventory.
    pub async fn delete_all(&self, inventory: &Inventory, termination: Option<&WaitOptions>) -> Outcome {
        let mut outcome = Outcome::default();
        let targets: Vec<ObjectRef> = inventory.iter().rev().collect();
        self.delete_stale(targets.clone(), &mut outcome).await;
        let Some(options) = termination else { return outcome };
        let deleted = |target: &&ObjectRef| {
            let id = id_of(target);
            outcome.changes.iter().any(|change| change.id == id && change.action == Action::Deleted)
        };
        let deleted: Vec<&ObjectRef> = targets.iter().filter(deleted).collect();
        let waited = deleted.iter().map(|target| self.wait_until_gone(target, options));
        let waited = concurrently(self.options().concurrency, waited).await;
        for (target, waited) in deleted.into_iter().zip(waited) {
            if let Err(cause) = waited {
                let error =
                    ApplyError { id: id_of(target), place: Place::NONE, doing: Doing::Terminating, cause };
                outcome.errors.push(error);
            }
        }
        outcome
    }

    /// Deletes objects in their order, kind by kind; those that could not be deleted go back into the inventory.
    pub(super) async fn delete_stale(&self, stale: Vec<ObjectRef>, outcome: &mut Outcome) {
        for chunk in stale.chunk_by(|a, b| a.gvk == b.gvk) {
            let deleted = chunk.iter().map(|target| self.delete_one(target));
            let deleted = concurrently(self.options().concurrency, deleted).await;
            for (target, deleted) in chunk.iter().zip(deleted) {
                match deleted {
                    Ok(change) => outcome.changes.push(change),
                    Err(error) => {
                        outcome.inventory.insert(id_of(target), target.gvk.version.clone());
                        outcome.errors.push(error);
                    }
                }
            }
        }
    }

    async fn delete_one(&self, target: &ObjectRef) -> Result<Change, ApplyError> {
        let (change, live) = self.look_at_stale(target).await?;
        let (Action::Deleted, Some(live)) = (change.action, live) else { return Ok(change) };
        let uid = live.at_path(&["metadata", "uid"]).and_then(Node::scalar).cloned();
        let options = DeleteOptions { propagation: Propagation::Background, uid, ..DeleteOptions::default() };
        let deleted = self.cluster().delete(&ObjectRef::of(&live), &options).await;
        deleted.map_err(|cause| failed(target, Doing::Deleting, cause))?;
        Ok(change)
    }

    /// Decides whether an object that is wanted no more goes; returns it where it is there.
    pub(super) async fn look_at_stale(
        &self,
        target: &ObjectRef,
    ) -> Result<(Change, Option<Node>), ApplyError> {
        let failed = |cause| failed(target, Doing::Reading, cause);
        self.go_on().map_err(failed)?;
        let decided = |action, reason: String| Change {
            id: id_of(target),
            version: target.gvk.version.clone(),
            action,
            reason,
            place: Place::NONE,
        };
        let live = match self.cluster().get(target).await {
            Err(error) if error.fault == ClusterFault::UnknownKind => match self
                .served(target)
                .await
                .map_err(failed)?
            {
                Some(other) => self.cluster().get(&other).await.map_err(failed)?,
                None => {
                    return Ok((decided(Action::Deleted, "its kind is no longer served".to_owned()), None));
                }
            },
            found => found.map_err(failed)?,
        };
        let Some(live) = live else {
            self.check_gone(target).await.map_err(failed)?;
            return Ok((decided(Action::Deleted, "it was gone already".to_owned()), None));
        };
        if let Some(reason) = self.reason_to_stay(&live) {
            return Ok((decided(Action::Skipped, reason), Some(live)));
        }
        Ok((decided(Action::Deleted, "it is wanted no more".to_owned()), Some(live)))
    }

    /// Makes sure that an object is gone before it is forgotten: reads may be answered from a cache, writes never are.
    async fn check_gone(&self, target: &ObjectRef) -> Result<(), ClusterError> {
        let options = DeleteOptions { mode: WriteMode::DryRun, ..DeleteOptions::default() };
        match self.cluster().delete(target, &options).await {
            Ok(true) => Err(ClusterError::new(ClusterFault::Busy, "it was not found, and yet it is there")),
            Err(error) if error.fault != ClusterFault::UnknownKind => Err(error),
            _ => Ok(()),
        }
    }

    fn reason_to_stay(&self, live: &Node) -> Option<String> {
        let marks = [("prune", "disabled"), ("reconcile", "disabled"), ("ssa", "Ignore")];
        if let Some((key, value)) =
            marks.into_iter().find(|(key, value)| is_marked(live, &self.owner().key(key), value))
        {
            return Some(format!("it is marked {key}: {value}"));
        }
        match self.owner().of(live) {
            Ownership::Own => None,
            Ownership::Other { namespace, name } => Some(format!("it belongs to {namespace}/{name}")),
            Ownership::Nobody => Some("it does not carry the owner's labels".to_owned()),
        }
    }

    /// Finds the version in which a kind is served where the one of the inventory is not.
    async fn served(&self, target: &ObjectRef) -> Result<Option<ObjectRef>, ClusterError> {
        let kinds = self.cluster().kinds().await?;
        let found = kinds.into_iter().find(|served| {
            let Gvk { group, kind, .. } = &served.gvk;
            (group, kind) == (&target.gvk.group, &target.gvk.kind)
        });
        Ok(found.map(|served| ObjectRef { gvk: served.gvk, ..target.clone() }))
    }
}

fn failed(target: &ObjectRef, doing: Doing, cause: ClusterError) -> ApplyError {
    ApplyError { id: id_of(target), place: Place::NONE, doing, cause }
}
