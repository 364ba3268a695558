//! What is to happen to each object, as a value.

use crate::object::{ApplyStage, ObjectId};
use gitops_yaml::{Node, Place, Str};
use std::fmt;

/// What happens to an object, in Flux's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// It is not there yet.
    Created,
    /// It differs from what is wanted.
    Configured,
    /// It is as wanted; nothing is written.
    Unchanged,
    /// It is left alone because somebody asked for it.
    Skipped,
    /// It is wanted no more.
    Deleted,
}

impl Action {
    /// Returns whether the cluster changes.
    #[must_use]
    pub fn changes(self) -> bool {
        matches!(self, Self::Created | Self::Configured | Self::Deleted)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
            Self::Skipped => "skipped",
            Self::Deleted => "deleted",
        })
    }
}

/// What happens, or has happened, to one object and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The object.
    pub id: ObjectId,
    /// The version that it is written in.
    pub version: Str,
    /// What happens.
    pub action: Action,
    /// Why: `it is not there`, `spec.replicas differs`; empty where nothing happens.
    pub reason: String,
    /// Where the object is written; unknown for those that are wanted no more.
    pub place: Place,
}

/// `Deployment/apps/echo configured`, as Flux's events have it.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.action)
    }
}

/// One object of a [`Plan`].
#[derive(Clone, Debug)]
pub struct Planned {
    /// What happens to it.
    pub change: Change,
    /// When.
    pub stage: ApplyStage,
    /// How it is now; `None` where it is not there.
    pub live: Option<Node>,
    /// How it will be, as far as the server could say: its answer to a dry run, else what is wanted. `None` where it goes.
    pub next: Option<Node>,
}

/// What a run would do, in its order: stage by stage what is applied, and then what is deleted.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The objects.
    pub objects: Vec<Planned>,
}

impl Plan {
    /// Counts the objects that something happens to.
    #[must_use]
    pub fn count(&self, action: Action) -> usize {
        self.objects.iter().filter(|planned| planned.change.action == action).count()
    }

    /// Returns whether a run would write nothing.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        !self.objects.iter().any(|planned| planned.change.action.changes())
    }
}
