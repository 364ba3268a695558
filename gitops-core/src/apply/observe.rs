//! Looks at one object and decides what is to happen to it.

use super::drift::drifted_field;
use super::error::{ApplyError, Doing};
use super::managed_fields;
use super::normalize::drop_undeclared;
use super::owner::{Ownership, is_marked};
use super::plan::Action;
use super::run::{Applier, Foreign};
use super::set::{Desired, Treatment, Warning};
use crate::ports::{Clock, Cluster, ClusterError, ClusterFault, ObjectRef, Patch, WriteMode, WriteOptions};
use gitops_yaml::Node;

/// Whether a look may change who manages fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It leaves everything as it is, and asks the server for objects that are not there too.
    Plan,
    /// A write follows.
    Apply,
}

/// What was found, and what is to happen.
#[derive(Debug)]
pub(super) struct Observed {
    pub(super) action: Action,
    pub(super) reason: String,
    pub(super) live: Option<Node>,
    /// What a dry run has answered.
    pub(super) next: Option<Node>,
    pub(super) write: Option<Write>,
    pub(super) warnings: Vec<Warning>,
}

/// A write that is decided.
#[derive(Debug)]
pub(super) struct Write {
    /// What is applied, where it differs from what was asked for.
    pub(super) object: Option<Node>,
    /// Takes over what earlier appliers have managed.
    pub(super) cleanup: Option<Patch>,
    /// Whether the object is deleted first.
    pub(super) recreate: bool,
    /// Whether its content changes; else only what others have left is cleaned up, which is made good by applying.
    pub(super) target: ObjectRef,
}

impl Observed {
    fn leave(action: Action, reason: impl Into<String>, live: Option<Node>) -> Self {
        let reason = reason.into();
        Self { action, reason, next: live.clone(), live, write: None, warnings: Vec::new() }
    }
}

impl<C: Cluster, K: Clock> Applier<'_, C, K> {
    /// Reads the live object, asks the server what an apply would make of it, and decides.
    pub(super) async fn observe(&self, desired: &Desired, look: Look) -> Result<Observed, ApplyError> {
        let fail = |doing, cause| ApplyError { id: desired.id(), place: desired.place(), doing, cause };
        self.go_on().map_err(|cause| fail(Doing::Reading, cause))?;
        let live = self.cluster().get(&desired.target).await.map_err(|cause| match cause.fault {
            ClusterFault::UnknownKind => fail(Doing::DryRun, cause),
            _ => fail(Doing::Reading, cause),
        })?;
        let wanted = Treatment::of(&desired.object, self.owner());
        let found = live.as_ref().map(|live| Treatment::of(live, self.owner()));
        if wanted == Treatment::Ignore || found == Some(Treatment::Ignore) {
            return Ok(Observed::leave(Action::Skipped, "it is marked to be left alone", live));
        }
        let Some(live) = live else { return self.observe_new(desired, look).await };
        if wanted == Treatment::IfNotPresent {
            return Ok(Observed::leave(Action::Skipped, "it is there already", Some(live)));
        }
        self.check_live(&live).map_err(|cause| fail(Doing::Checking, cause))?;
        let owned = self.owner().of(&live);
        let mut observed = self.observe_live(desired, live, look).await?;
        if let Ownership::Other { namespace, name } = owned {
            let message = format!(
                "is taken over from {namespace}/{name}: two owners of one object undo each other's work"
            );
            observed.warnings.push(Warning { id: desired.id(), place: desired.place(), message });
        }
        Ok(observed)
    }

    fn check_live(&self, live: &Node) -> Result<(), ClusterError> {
        if live.at_path(&["metadata", "deletionTimestamp"]).is_some_and(|time| !time.is_null()) {
            let message = "is being deleted: it is made again once it is gone";
            return Err(ClusterError::new(ClusterFault::Terminating, message));
        }
        if let (Foreign::Refuse, Ownership::Other { namespace, name }) =
            (self.options().foreign, self.owner().of(live))
        {
            let message = format!("belongs to {namespace}/{name}: an object has one owner");
            return Err(ClusterError::new(ClusterFault::Invalid, message));
        }
        Ok(())
    }

    async fn observe_new(&self, desired: &Desired, look: Look) -> Result<Observed, ApplyError> {
        let mut observed = Observed::leave(Action::Created, "it is not there", None);
        let mut write =
            Write { object: None, cleanup: None, recreate: false, target: desired.target.clone() };
        if look == Look::Plan {
            let (next, object) = self.dry_run(desired, &mut observed.warnings).await?;
            observed.next = Some(next);
            write.object = object;
        }
        observed.write = Some(write);
        Ok(observed)
    }

    async fn observe_live(&self, desired: &Desired, live: Node, look: Look) -> Result<Observed, ApplyError> {
        let fail = |doing, cause| ApplyError { id: desired.id(), place: desired.place(), doing, cause };
        if self.options().migrate_api_version
            && look == Look::Apply
            && let Some(patch) = managed_fields::migration(&live, &desired.target.gvk.api_version())
        {
            let patched = self.cluster().patch(&desired.target, &patch, &self.patch_options()).await;
            patched.map_err(|cause| fail(Doing::Cleanup, cause))?;
        }
        let mut warnings = Vec::new();
        let (next, object) = match self.dry_run(desired, &mut warnings).await {
            Ok(answer) => answer,
            Err(error) if is_immutable(&error.cause) && self.is_forced(desired, &live) => {
                let error = error.without_values_of(&desired.object);
                let reason = format!("it is made anew: {}", error.cause);
                let write =
                    Write { object: None, cleanup: None, recreate: true, target: desired.target.clone() };
                let mut observed = Observed::leave(Action::Configured, reason, Some(live));
                observed.next = Some(desired.object.clone());
                observed.write = Some(write);
                return Ok(observed);
            }
            Err(error) => return Err(error),
        };
        let is_merged = [&desired.object, &live]
            .into_iter()
            .any(|object| is_marked(object, &self.owner().key("ssa"), "Merge"));
        let cleanup = if is_merged {
            None
        } else {
            managed_fields::cleanup(&live, &self.owner().manager, &self.options().disallowed_managers)
        };
        let drift = drifted_field(&live, &next, &self.options().ignore);
        let reason = match (&drift, &cleanup) {
            (Some(field), _) if field.is_empty() => "it differs".to_owned(),
            (Some(field), _) => format!("{field} differs"),
            (None, Some(_)) => "fields of earlier managers are taken over".to_owned(),
            (None, None) => {
                let mut observed = Observed::leave(Action::Unchanged, "", Some(live));
                observed.next = Some(next);
                observed.warnings = warnings;
                return Ok(observed);
            }
        };
        let object = if self.options().ignore.is_empty() {
            object
        } else {
            let mut object = object.unwrap_or_else(|| desired.object.clone());
            self.options().ignore.settle(&mut object, &live, &next, &self.owner().manager);
            Some(object)
        };
        let write = Write { object, cleanup, recreate: false, target: desired.target.clone() };
        let (live, next) = (Some(live), Some(next));
        Ok(Observed { action: Action::Configured, reason, live, next, write: Some(write), warnings })
    }

    /// Asks the server what an apply would make; fields that it does not declare are left out once. Returns its answer, and the
    /// object that it took where that is another one.
    async fn dry_run(
        &self,
        desired: &Desired,
        warnings: &mut Vec<Warning>,
    ) -> Result<(Node, Option<Node>), ApplyError> {
        let fail =
            |cause| ApplyError { id: desired.id(), place: desired.place(), doing: Doing::DryRun, cause };
        self.go_on().map_err(fail)?;
        let options = self.owner().write_options(WriteMode::DryRun);
        let refused = match self.cluster().apply(&desired.object, &options).await {
            Ok(next) => return Ok((next, None)),
            Err(refused) => refused,
        };
        let Some((object, said)) = without_undeclared(&desired.object, &refused) else {
            return Err(fail(refused));
        };
        warnings.extend(said);
        let next = self.cluster().apply(&object, &options).await.map_err(fail)?;
        Ok((next, Some(object)))
    }

    pub(super) fn patch_options(&self) -> WriteOptions {
        WriteOptions { manager: self.owner().manager.clone(), ..WriteOptions::default() }
    }

    fn is_forced(&self, desired: &Desired, live: &Node) -> bool {
        let key = self.owner().key("force");
        self.options().force
            || [&desired.object, live].into_iter().any(|object| is_marked(object, &key, "enabled"))
    }
}

/// Leaves out what a server has refused as not declared; `None` where it has refused something else.
pub(super) fn without_undeclared(object: &Node, refused: &ClusterError) -> Option<(Node, Vec<Warning>)> {
    let mut object = object.clone();
    let warnings = drop_undeclared(&mut object, &refused.message);
    (!warnings.is_empty()).then_some((object, warnings))
}

/// What servers say of fields that never change; what is merely invalid is not among it, since deleting an object does
/// not make an invalid one valid.
const IMMUTABLE: [&str; 8] = [
    "is immutable",
    "immutable field",
    "updates to statefulset spec for fields other than",
    "pod updates may not change fields other than",
    "may not change once set",
    "may not be changed",
    "cannot be changed",
    "can not be changed",
];

fn is_immutable(error: &ClusterError) -> bool {
    error.fault == ClusterFault::Immutable || IMMUTABLE.iter().any(|text| error.message.contains(text))
}
