//! Waiting for objects: those that vanish end it, where nobody said that they may.

use crate::apply::run;
use gitops_core::apply::{WaitOptions, wait};
use gitops_core::health::status;
use gitops_core::object::ObjectId;
use gitops_core::ports::{Clock, Cluster, DeleteOptions, ObjectRef, WriteOptions};
use gitops_core::testing::{FakeCluster, FixedClock};
use gitops_yaml::{FileId, Node, from_json};
use std::time::Duration;

fn job() -> Node {
    let text = r#"{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"once","namespace":"apps"},"spec":{"ttlSecondsAfterFinished":0}}"#;
    from_json(text, FileId::NONE).unwrap()
}

/// Waits for a Job that was applied and is gone before the first look; returns how long, and what is said.
fn wait_for_a_lost_job(more: impl FnOnce(&mut WaitOptions, ObjectId)) -> (Duration, Option<String>) {
    let (cluster, clock) = (FakeCluster::default(), FixedClock::default());
    let target = ObjectRef::of(&job());
    run(cluster.apply(&job(), &WriteOptions::default())).unwrap();
    run(cluster.delete(&target, &DeleteOptions::default())).unwrap();
    let mut options = WaitOptions::default();
    more(&mut options, ObjectId::of(&job()));
    let begun = clock.now();
    let readiness = |object: &Node| status(object).into();
    let result = run(wait(&cluster, &clock, &[target], &readiness, &options, &|| false));
    (clock.now() - begun, result.err().map(|error| error.to_string()))
}

#[test]
fn a_job_that_removes_itself_is_done_when_it_is_gone() {
    let (waited, error) = wait_for_a_lost_job(|options, id| {
        options.present.push(id.clone());
        options.may_be_gone.push(id);
    });
    assert_eq!((waited, error), (Duration::ZERO, None));
}

#[test]
fn what_was_there_and_is_gone_is_waited_for_no_longer() {
    let (waited, error) = wait_for_a_lost_job(|options, id| options.present.push(id));
    assert_eq!(waited, Duration::ZERO);
    assert_eq!(
        error.unwrap(),
        "failed early due to stalled resources: [Job/apps/once status: 'NotFound' (it was deleted while it was waited for)]"
    );
}

#[test]
fn what_is_still_to_come_is_waited_for() {
    let (waited, error) = wait_for_a_lost_job(|_, _| {});
    assert_eq!(waited, Duration::from_secs(60));
    assert_eq!(error.unwrap(), "timeout waiting for: [Job/apps/once status: 'NotFound']");
}
