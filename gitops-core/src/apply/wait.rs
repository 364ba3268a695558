//! Waits until objects are ready, or gone.

use crate::object::{Gvk, ObjectId};
use crate::ports::{Clock, Cluster, ClusterError, ClusterFault, ObjectRef};
use gitops_yaml::{Node, Str};
use std::fmt;
use std::time::Duration;

use super::concurrently::concurrently;

/// How ready an object is, in kstatus' words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// `Current`, `InProgress`, `Failed`, `Terminating`, `NotFound`, `Unknown`.
    pub status: Str,
    /// What the object says of itself.
    pub message: String,
}

impl Readiness {
    /// Makes a readiness.
    #[must_use]
    pub fn new(status: impl Into<Str>, message: impl Into<String>) -> Self {
        Self { status: status.into(), message: message.into() }
    }

    /// Returns whether the object is as wanted.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.status == "Current"
    }

    /// Returns whether waiting longer is useless.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.status == "Failed"
    }
}

/// Tells how ready an object is.
pub type ReadinessOf<'a> = &'a (dyn Fn(&Node) -> Readiness + Send + Sync);

/// What is waited for, and how long.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WaitOptions {
    /// How long; a minute by default.
    pub timeout: Duration,
    /// How long at most between two looks; two seconds by default. The first ones come sooner.
    pub interval: Duration,
    /// Whether the first object that has failed ends the waiting for the others.
    pub fail_fast: bool,
    /// Objects that may be gone again once they are done, such as Jobs with `ttlSecondsAfterFinished`.
    pub may_be_gone: Vec<ObjectId>,
    /// Objects that were there when the waiting began: one that is gone was deleted by somebody, and no waiting brings it back.
    pub present: Vec<ObjectId>,
}

impl Default for WaitOptions {
    fn default() -> Self {
        let (timeout, interval) = (Duration::from_secs(60), Duration::from_secs(2));
        Self { timeout, interval, fail_fast: false, may_be_gone: Vec::new(), present: Vec::new() }
    }
}

/// Objects that did not become ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitError {
    /// Whether the time was over; else they have failed.
    pub timed_out: bool,
    /// Whether the caller gave up.
    pub cancelled: bool,
    /// Those that are not ready, and how they were seen last.
    pub objects: Vec<(ObjectId, Readiness)>,
    /// Whether one of them was deleted while it was waited for.
    pub deleted: bool,
}

/// What is said of an object that was there and is gone.
const DELETED: &str = "it was deleted while it was waited for";

/// In Flux's words: `timeout waiting for: [Deployment/apps/echo status: 'InProgress']`.
impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.cancelled {
            return f.write_str("context canceled");
        }
        f.write_str(if self.timed_out {
            "timeout waiting for: ["
        } else {
            "failed early due to stalled resources: ["
        })?;
        for (index, (id, readiness)) in self.objects.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            if readiness.status.is_empty() {
                write!(f, "can't determine status for {id}: {}", readiness.message)?;
            } else {
                write!(f, "{id} status: '{}'", readiness.status)?;
                if readiness.message == DELETED {
                    write!(f, " ({DELETED})")?;
                }
            }
        }
        f.write_str("]")
    }
}

impl std::error::Error for WaitError {}

/// Waits until all objects are ready.
///
/// # Errors
/// Where the time is over, an object has failed and no other is still in progress, one was deleted, or the caller gave up.
pub async fn wait<C: Cluster, K: Clock>(
    cluster: &C,
    clock: &K,
    targets: &[ObjectRef],
    readiness: ReadinessOf<'_>,
    options: &WaitOptions,
    cancelled: &(dyn Fn() -> bool + Send + Sync),
) -> Result<(), WaitError> {
    let deadline = clock.now() + options.timeout;
    let mut pause = first_pause(options.interval);
    let mut open: Vec<ObjectRef> = targets.to_vec();
    let mut failed: Vec<(ObjectId, Readiness)> = Vec::new();
    loop {
        let looked = concurrently(8, open.iter().map(|target| look(cluster, target, readiness))).await;
        let mut still = Vec::new();
        let mut seen = Vec::new();
        let mut deleted = false;
        for (target, mut readiness) in open.into_iter().zip(looked) {
            let id = id_of(&target);
            let is_done = readiness.status == "NotFound" && options.may_be_gone.contains(&id);
            let is_deleted = readiness.status == "NotFound" && !is_done && options.present.contains(&id);
            if is_deleted {
                deleted = true;
                readiness.message = DELETED.to_owned();
            }
            if is_deleted || readiness.is_failed() {
                failed.push((id, readiness));
            } else if !readiness.is_current() && !is_done {
                seen.push((id, readiness));
                still.push(target);
            }
        }
        open = still;
        if open.is_empty() && failed.is_empty() {
            return Ok(());
        }
        if open.is_empty() || deleted || (options.fail_fast && !failed.is_empty()) {
            return Err(WaitError { timed_out: false, cancelled: false, objects: failed, deleted });
        }
        let timed_out = clock.now() >= deadline;
        if timed_out || cancelled() {
            failed.append(&mut seen);
            return Err(WaitError { timed_out, cancelled: !timed_out, objects: failed, deleted });
        }
        // What has failed may recover while others are still in progress.
        open.extend(failed.drain(..).filter_map(|(id, _)| targets.iter().find(|t| id_of(t) == id).cloned()));
        clock.sleep(pause.min(deadline.saturating_sub(clock.now()))).await;
        pause = (pause * 2).min(options.interval);
    }
}

/// Looks often at first: most definitions are ready at once.
fn first_pause(interval: Duration) -> Duration {
    interval.min(Duration::from_millis(50))
}

async fn look<C: Cluster>(cluster: &C, target: &ObjectRef, readiness: ReadinessOf<'_>) -> Readiness {
    match cluster.get(target).await {
        Ok(Some(object)) => readiness(&object),
        Ok(None) => Readiness::new("NotFound", "Resource not found"),
        Err(error) => Readiness::new("", error.to_string()),
    }
}

/// Waits until an object is gone, or another one of its name has come.
///
/// # Errors
/// [`ClusterFault::Busy`] where the time is over, [`ClusterFault::Cancelled`] where the caller gave up.
pub(super) async fn wait_gone<C: Cluster, K: Clock>(
    cluster: &C,
    clock: &K,
    target: &ObjectRef,
    uid: Option<&Str>,
    options: &WaitOptions,
    cancelled: &(dyn Fn() -> bool + Send + Sync),
) -> Result<(), ClusterError> {
    let deadline = clock.now() + options.timeout;
    let mut pause = first_pause(options.interval);
    loop {
        match cluster.get(target).await {
            Ok(None) => return Ok(()),
            Ok(Some(object)) => {
                let now = object.at_path(&["metadata", "uid"]).and_then(Node::scalar);
                if uid.is_some() && now != uid {
                    return Ok(());
                }
            }
            Err(error) if error.fault == ClusterFault::UnknownKind => return Ok(()),
            Err(error) if clock.now() >= deadline => return Err(error),
            Err(_) => {}
        }
        if cancelled() {
            return Err(ClusterError::new(ClusterFault::Cancelled, "context canceled"));
        }
        if clock.now() >= deadline {
            let message = format!("it is still there after {}s", options.timeout.as_secs());
            return Err(ClusterError::new(ClusterFault::Busy, message));
        }
        clock.sleep(pause.min(deadline.saturating_sub(clock.now()))).await;
        pause = (pause * 2).min(options.interval);
    }
}

pub(super) fn id_of(target: &ObjectRef) -> ObjectId {
    let ObjectRef { gvk: Gvk { group, kind, .. }, namespace, name } = target.clone();
    ObjectId { group, kind, namespace, name }
}
