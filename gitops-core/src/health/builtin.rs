//! The rules of Kubernetes' own kinds.

use super::condition::{Condition, conditions, int, text};
use super::state::Health;
use crate::object::Gvk;
use gitops_yaml::{Dialect, Kind, Node};

/// Tells how ready an object of a kind is that has rules of its own; `None` for others.
pub(super) fn health(object: &Node, gvk: &Gvk, schedule_limit: Option<&str>) -> Option<Health> {
    Some(match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("", "Service") => service(object),
        ("", "Pod") => pod(object, schedule_limit),
        ("", "Secret" | "ConfigMap") | ("batch", "CronJob") => Health::current("Resource is always ready"),
        ("", "PersistentVolumeClaim") => claim(object),
        ("apps", "StatefulSet") => stateful_set(object),
        ("apps" | "extensions", "DaemonSet") => daemon_set(object),
        ("apps" | "extensions", "Deployment") => deployment(object),
        ("apps" | "extensions", "ReplicaSet") => replica_set(object),
        ("policy", "PodDisruptionBudget") => Health::current("AllowedDisruptions has been computed."),
        ("batch", "Job") => job(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object),
        _ => return None,
    })
}

fn spec(object: &Node, field: &str) -> Option<i64> {
    int(object, &["spec", field])
}

fn seen(object: &Node, field: &str) -> i64 {
    int(object, &["status", field]).unwrap_or(0)
}

/// In progress where fewer are there than wanted: `Ready: 1/2`.
fn fewer(what: &str, wanted: i64, there: i64) -> Option<Health> {
    (wanted > there).then(|| Health::in_progress(format!("{what}: {there}/{wanted}")))
}

/// In progress where more are there than wanted.
fn surplus(wanted: i64, there: i64) -> Option<Health> {
    (there > wanted)
        .then(|| Health::in_progress(format!("Pending termination: {}", there.saturating_sub(wanted))))
}

fn deployment(object: &Node) -> Health {
    // Without a deadline the controller never says that a rollout goes on.
    let mut progressing =
        spec(object, "progressDeadlineSeconds").is_none_or(|seconds| seconds == i64::from(i32::MAX));
    let mut available = false;
    for condition in conditions(object) {
        match condition.kind {
            "Progressing" if condition.reason == "ProgressDeadlineExceeded" => {
                return Health::failed("Progress deadline exceeded");
            }
            "Progressing" if condition.is_true() && condition.reason == "NewReplicaSetAvailable" => {
                progressing = true;
            }
            "Available" if condition.is_true() => available = true,
            _ => {}
        }
    }
    let wanted = spec(object, "replicas").unwrap_or(1);
    let replicas = seen(object, "replicas");
    let updated = seen(object, "updatedReplicas");
    fewer("Replicas", wanted, replicas)
        .or_else(|| fewer("Updated", wanted, updated))
        .or_else(|| surplus(wanted, replicas))
        .or_else(|| fewer("Available", updated, seen(object, "availableReplicas")))
        .or_else(|| fewer("Ready", wanted, seen(object, "readyReplicas")))
        .or_else(|| (!progressing).then(|| Health::in_progress("ReplicaSet not Available")))
        .or_else(|| (!available).then(|| Health::in_progress("Deployment not Available")))
        .unwrap_or_else(|| Health::current(format!("Deployment is available. Replicas: {replicas}")))
}

fn stateful_set(object: &Node) -> Health {
    if text(object, &["spec", "updateStrategy", "type"]) == Some("OnDelete") {
        return Health::current("StatefulSet is using the ondelete update strategy");
    }
    let wanted = spec(object, "replicas").unwrap_or(1);
    let replicas = seen(object, "replicas");
    let updated = seen(object, "updatedReplicas");
    let counted = fewer("Replicas", wanted, replicas)
        .or_else(|| fewer("Ready", wanted, seen(object, "readyReplicas")))
        .or_else(|| surplus(wanted, replicas));
    if let Some(health) = counted {
        return health;
    }
    let partition = int(object, &["spec", "updateStrategy", "rollingUpdate", "partition"]);
    if let Some(partition) = partition.filter(|partition| *partition != -1) {
        return fewer("updated", wanted.saturating_sub(partition), updated)
            .unwrap_or_else(|| Health::current(format!("Partition rollout complete. updated: {updated}")));
    }
    let revision = |field| text(object, &["status", field]).unwrap_or_default();
    fewer("current", wanted, seen(object, "currentReplicas"))
        .or_else(|| {
            (revision("currentRevision") != revision("updateRevision"))
                .then(|| Health::in_progress("Waiting for updated revision to match current"))
        })
        .unwrap_or_else(|| {
            Health::current(format!("All replicas scheduled as expected. Replicas: {replicas}"))
        })
}

fn daemon_set(object: &Node) -> Health {
    for path in [["metadata", "generation"], ["status", "observedGeneration"]] {
        if int(object, &path).is_none() {
            return Health::in_progress(format!("DaemonSet {} not found", path.join(".")));
        }
    }
    let wanted = int(object, &["status", "desiredNumberScheduled"]).filter(|wanted| *wanted != -1);
    let Some(wanted) = wanted else {
        return Health::in_progress("Missing .status.desiredNumberScheduled");
    };
    [
        ("Current", "currentNumberScheduled"),
        ("Updated", "updatedNumberScheduled"),
        ("Available", "numberAvailable"),
        ("Ready", "numberReady"),
    ]
    .into_iter()
    .find_map(|(what, field)| fewer(what, wanted, seen(object, field)))
    .unwrap_or_else(|| Health::current(format!("All replicas scheduled as expected. Replicas: {wanted}")))
}

fn replica_set(object: &Node) -> Health {
    if conditions(object).any(|condition| condition.kind == "ReplicaFailure" && condition.is_true()) {
        return Health::in_progress("Replica Failure condition. Check Pods");
    }
    let wanted = spec(object, "replicas").unwrap_or(1);
    let replicas = seen(object, "replicas");
    fewer("Labelled", wanted, seen(object, "fullyLabeledReplicas"))
        .or_else(|| fewer("Available", wanted, seen(object, "availableReplicas")))
        .or_else(|| fewer("Ready", wanted, seen(object, "readyReplicas")))
        .or_else(|| surplus(wanted, replicas))
        .unwrap_or_else(|| Health::current(format!("ReplicaSet is available. Replicas: {replicas}")))
}

/// Flux's rule, by which a Job is current only when it is done.
fn job(object: &Node) -> Health {
    let suspended = object.at_path(&["spec", "suspend"]).map(|value| value.kind(Dialect::V3));
    if suspended == Some(Kind::Bool(true)) {
        return Health::current("Job is suspended");
    }
    let parallelism = spec(object, "parallelism").unwrap_or(1);
    let completions = spec(object, "completions").unwrap_or(parallelism);
    let (succeeded, failed) = (seen(object, "succeeded"), seen(object, "failed"));
    for condition in conditions(object).filter(Condition::is_true) {
        match condition.kind {
            "Complete" => {
                return Health::current(format!("Job Completed. succeeded: {succeeded}/{completions}"));
            }
            "Failed" => return Health::failed(format!("Job Failed. failed: {failed}/{completions}")),
            _ => {}
        }
    }
    if text(object, &["status", "startTime"]).unwrap_or_default().is_empty() {
        return Health::in_progress(format!("Job not started. active: 0/{parallelism}"));
    }
    let active = seen(object, "active");
    Health::in_progress(format!("Job in progress. success:{succeeded}, active: {active}, failed: {failed}"))
}

fn pod(object: &Node, schedule_limit: Option<&str>) -> Health {
    let holds = |kind: &str, status: &str| {
        conditions(object).find(|condition| condition.kind == kind && condition.status == status)
    };
    match text(object, &["status", "phase"]).unwrap_or_default() {
        "Succeeded" => Health::current("Pod has completed successfully"),
        "Failed" => Health::current("Pod has completed, but not successfully"),
        "Running" if holds("Ready", "True").is_some() => Health::current("Pod is Ready"),
        "Running" => {
            let looping = crash_looping(object);
            if looping.is_empty() {
                Health::in_progress("Pod is running but is not Ready")
            } else {
                Health::failed(format!("Containers in CrashLoop state: {}", looping.join(",")))
            }
        }
        "Pending" => {
            let unscheduled = holds("PodScheduled", "False");
            if unscheduled.is_none_or(|condition| condition.reason != "Unschedulable") {
                return Health::in_progress("Pod is in the Pending phase");
            }
            let created = text(object, &["metadata", "creationTimestamp"]).unwrap_or_default();
            if schedule_limit.is_some_and(|limit| limit < created) {
                Health::in_progress("Pod has not been scheduled")
            } else {
                Health::failed("Pod could not be scheduled")
            }
        }
        "" => Health::in_progress("Pod phase not available"),
        phase => Health::new(super::State::Unknown, format!("unknown phase {phase}")),
    }
}

fn crash_looping(object: &Node) -> Vec<&str> {
    let containers = object.at_path(&["status", "containerStatuses"]).and_then(Node::items);
    let is_looping =
        |one: &&Node| text(one, &["state", "waiting", "reason"]).is_some_and(|r| r == "CrashLoopBackOff");
    let looping = containers.unwrap_or_default().iter().filter(is_looping);
    looping.filter_map(|one| text(one, &["name"])).collect()
}

fn claim(object: &Node) -> Health {
    match text(object, &["status", "phase"]).unwrap_or("unknown") {
        "Bound" => Health::current("PVC is Bound"),
        phase => Health::in_progress(format!("PVC is not Bound. phase: {phase}")),
    }
}

fn service(object: &Node) -> Health {
    let is_balancer = text(object, &["spec", "type"]) == Some("LoadBalancer");
    if is_balancer && text(object, &["spec", "clusterIP"]).unwrap_or_default().is_empty() {
        return Health::in_progress("ClusterIP not set. Service type: LoadBalancer");
    }
    Health::current("Service is ready")
}

fn definition(object: &Node) -> Health {
    for condition in conditions(object) {
        match (condition.kind, condition.status) {
            ("NamesAccepted", "False") => return Health::failed(condition.message),
            ("Established", "False") if condition.reason != "Installing" => {
                return Health::failed(condition.message);
            }
            ("Established", "True") => return Health::current("CRD is established"),
            _ => {}
        }
    }
    Health::in_progress("Install in progress")
}
