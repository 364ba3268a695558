//! The states, and the rules that hold for every kind.

use super::builtin;
use super::condition::{Condition, conditions, int, text};
use crate::apply::Readiness;
use crate::object::Gvk;
use gitops_yaml::{Node, Str};
use std::fmt;
use std::time::Duration;

/// How far an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum State {
    /// Work goes on.
    InProgress,
    /// It has failed, and waiting is useless.
    Failed,
    /// It is as wanted.
    Current,
    /// It is being deleted.
    Terminating,
    /// There is none.
    NotFound,
    /// It can't be told.
    Unknown,
}

impl State {
    /// Returns kstatus' word: `InProgress`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Failed => "Failed",
            Self::Current => "Current",
            Self::Terminating => "Terminating",
            Self::NotFound => "NotFound",
            Self::Unknown => "Unknown",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A state and what is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// How far the object is.
    pub state: State,
    /// Why, for people.
    pub message: String,
}

impl Health {
    /// Makes a health.
    #[must_use]
    pub fn new(state: State, message: impl Into<String>) -> Self {
        Self { state, message: message.into() }
    }

    pub(super) fn in_progress(message: impl Into<String>) -> Self {
        Self::new(State::InProgress, message)
    }

    pub(super) fn current(message: impl Into<String>) -> Self {
        Self::new(State::Current, message)
    }

    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::new(State::Failed, message)
    }

    /// Returns whether the object is as wanted.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.state == State::Current
    }
}

/// The form in which an applier waits.
impl From<Health> for Readiness {
    fn from(health: Health) -> Self {
        Self::new(Str::literal(health.state.as_str()), health.message)
    }
}

/// Tells how ready an object is from all that it holds.
///
/// The rules are kstatus', with Flux's own for Jobs: one that runs is in progress. A Pod that can't be scheduled counts as
/// failed at once; [`status_at`] gives it the fifteen seconds that it has there.
#[must_use]
pub fn status(object: &Node) -> Health {
    of(object, None)
}

/// Tells how ready an object is at a time: RFC 3339 in UTC, as `2026-01-02T03:04:05Z`, of now less fifteen seconds.
#[must_use]
pub fn status_at(object: &Node, fifteen_seconds_ago: &str) -> Health {
    of(object, Some(fifteen_seconds_ago))
}

/// How long a Pod may wait for a node before it counts as failed.
pub const SCHEDULE_WINDOW: Duration = Duration::from_secs(15);

fn of(object: &Node, schedule_limit: Option<&str>) -> Health {
    let gvk = Gvk::of(object);
    if !text(object, &["metadata", "deletionTimestamp"]).unwrap_or_default().is_empty() {
        return Health::new(State::Terminating, "Resource scheduled for deletion");
    }
    if let Some(health) = lagging(object, &gvk) {
        return health;
    }
    for condition in conditions(object).filter(Condition::is_true) {
        match condition.kind {
            "Reconciling" => return Health::in_progress(condition.message),
            "Stalled" => return Health::failed(condition.message),
            _ => {}
        }
    }
    builtin::health(object, &gvk, schedule_limit)
        .or_else(|| ready(object))
        .unwrap_or_else(|| Health::current("Resource is current"))
}

/// The status is of an earlier generation.
pub(super) fn lagging(object: &Node, gvk: &Gvk) -> Option<Health> {
    let wanted = int(object, &["metadata", "generation"])?;
    let seen = int(object, &["status", "observedGeneration"])?;
    (wanted != seen).then(|| {
        let kind = &gvk.kind;
        Health::in_progress(format!(
            "{kind} generation is {wanted}, but latest observed generation is {seen}"
        ))
    })
}

/// Kinds that are not known are believed what they say of themselves.
fn ready(object: &Node) -> Option<Health> {
    conditions(object).filter(|condition| condition.kind == "Ready").find_map(|condition| {
        match condition.status {
            "True" => Some(Health::current("Resource is Ready")),
            "False" | "Unknown" => Some(Health::in_progress(condition.message)),
            _ => None,
        }
    })
}
