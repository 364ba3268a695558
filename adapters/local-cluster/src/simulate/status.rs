//! The statuses that controllers and nodes would write.

use crate::kinds::Resource;
use crate::value::Value;

/// How far a workload has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its controller has seen it.
    Begun,
    /// It runs, or has run.
    Ready,
    /// It does not come up.
    Failed,
}

pub(super) fn generation(object: &Value) -> i64 {
    object.at(&["metadata", "generation"]).and_then(Value::as_int).unwrap_or(0)
}

fn kind(resource: &Resource) -> (&str, &str) {
    (resource.group.as_str(), resource.plural.as_str())
}

fn number(object: &Value, path: &[&str], default: i64) -> i64 {
    object.at(path).and_then(Value::as_int).unwrap_or(default)
}

/// Whether an object waits for a status.
pub(super) fn is_behind(resource: &Resource, object: &Value) -> bool {
    let phase = object.text_at(&["status", "phase"]);
    let set = |path: &[&str]| object.at(path).is_some_and(|value| !value.is_null());
    match kind(resource) {
        ("", "persistentvolumeclaims") => matches!(phase, "" | "Pending"),
        ("", "pods") => matches!(phase, "" | "Pending") && !set(&["status", "startTime"]),
        ("", "services") => {
            object.text_at(&["spec", "type"]) == "LoadBalancer"
                && !set(&["status", "loadBalancer", "ingress"])
        }
        ("batch", "jobs") => {
            !set(&["status", "startTime"])
                && object.at(&["spec", "suspend"]).and_then(Value::as_bool) != Some(true)
        }
        _ => number(object, &["status", "observedGeneration"], 0) != generation(object),
    }
}

/// Returns the status to merge into an object, `None` where the kind has none to tell.
pub(super) fn of(resource: &Resource, object: &Value, stage: Stage, now: &str) -> Option<Value> {
    Some(match kind(resource) {
        ("", "persistentvolumeclaims") => claim(object, stage)?,
        ("", "pods") => pod(object, stage, now),
        ("", "services") => {
            let ip = object.text_at(&["spec", "clusterIP"]).replacen("10.96.", "192.0.", 1);
            let ingress = Value::from([("ip", ip.into()), ("ipMode", "VIP".into())]);
            match stage {
                Stage::Ready => {
                    Value::from([("loadBalancer", Value::from([("ingress", Value::List(vec![ingress]))]))])
                }
                _ => return None,
            }
        }
        ("apps", "deployments") => deployment(object, stage, now),
        ("apps", "replicasets") => replica_set(object, stage),
        ("apps", "statefulsets") => stateful_set(object, stage),
        ("apps", "daemonsets") => daemon_set(object, stage),
        ("batch", "jobs") => job(object, stage, now),
        ("policy", "poddisruptionbudgets") => budget(object, now),
        _ => return None,
    })
}

fn condition(name: &str, holds: bool, reason: &str, message: &str, now: &str) -> Value {
    let mut out = Value::from([
        ("type", name.into()),
        ("status", if holds { "True" } else { "False" }.into()),
        ("lastTransitionTime", now.into()),
    ]);
    for (field, text) in [("reason", reason), ("message", message)] {
        if !text.is_empty() {
            out.set(field, text.into());
        }
    }
    out
}

/// Letters that stand for a template, as in the name of a ReplicaSet.
fn hash(template: Option<&Value>) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in template.map(Value::to_json).unwrap_or_default().bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let letters = b"bcdfghjklmnpqrstvwxz2456789";
    (0..10).map(|place| letters[(hash >> (place * 6)) as usize % letters.len()] as char).collect()
}

fn counts<const N: usize>(object: &Value, fields: [(&str, i64); N]) -> Value {
    let mut out = Value::from([("observedGeneration", generation(object).into())]);
    for (field, count) in fields {
        // Merged in, nothing stands for a field that goes.
        out.set(field, if count == 0 { Value::Null } else { count.into() });
    }
    out
}

fn deployment(object: &Value, stage: Stage, now: &str) -> Value {
    let wanted = number(object, &["spec", "replicas"], 1);
    let name = object.text_at(&["metadata", "name"]);
    let set = format!("{name}-{}", hash(object.at(&["spec", "template"])));
    let ready = if stage == Stage::Ready { wanted } else { 0 };
    let mut out = counts(
        object,
        [
            ("replicas", wanted),
            ("updatedReplicas", wanted),
            ("readyReplicas", ready),
            ("availableReplicas", ready),
            ("unavailableReplicas", wanted - ready),
        ],
    );
    let available = if ready == wanted {
        ("MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    let (holds, reason, message) = match stage {
        Stage::Begun => (true, "ReplicaSetUpdated", format!("ReplicaSet \"{set}\" is progressing.")),
        Stage::Ready => {
            (true, "NewReplicaSetAvailable", format!("ReplicaSet \"{set}\" has successfully progressed."))
        }
        Stage::Failed => {
            (false, "ProgressDeadlineExceeded", format!("ReplicaSet \"{set}\" has timed out progressing."))
        }
    };
    let mut conditions = vec![
        condition("Available", ready == wanted, available.0, available.1, now),
        condition("Progressing", holds, reason, &message, now),
    ];
    for condition in &mut conditions {
        condition.set("lastUpdateTime", now.into());
    }
    out.set("conditions", Value::List(conditions));
    out
}

fn replica_set(object: &Value, stage: Stage) -> Value {
    let wanted = number(object, &["spec", "replicas"], 1);
    let ready = if stage == Stage::Ready { wanted } else { 0 };
    let mut out = counts(
        object,
        [("fullyLabeledReplicas", wanted), ("readyReplicas", ready), ("availableReplicas", ready)],
    );
    out.set("replicas", wanted.into());
    out
}

fn stateful_set(object: &Value, stage: Stage) -> Value {
    let wanted = number(object, &["spec", "replicas"], 1);
    let ready = if stage == Stage::Ready { wanted } else { 0 };
    let name = object.text_at(&["metadata", "name"]);
    let revision = format!("{name}-{}", hash(object.at(&["spec", "template"])));
    let mut out =
        counts(object, [("readyReplicas", ready), ("currentReplicas", wanted), ("updatedReplicas", wanted)]);
    out.set("replicas", wanted.into());
    out.set("availableReplicas", ready.into());
    out.set("updateRevision", revision.as_str().into());
    out.set("collisionCount", 0.into());
    // The revision that was current stays so until the new one runs.
    let current = object.text_at(&["status", "currentRevision"]);
    if stage == Stage::Ready || current.is_empty() {
        out.set("currentRevision", revision.into());
    }
    out
}

fn daemon_set(object: &Value, stage: Stage) -> Value {
    let ready = i64::from(stage == Stage::Ready);
    let mut out = counts(
        object,
        [("updatedNumberScheduled", 1), ("numberAvailable", ready), ("numberUnavailable", 1 - ready)],
    );
    for (field, count) in [
        ("desiredNumberScheduled", 1),
        ("currentNumberScheduled", 1),
        ("numberReady", ready),
        ("numberMisscheduled", 0),
    ] {
        out.set(field, count.into());
    }
    out
}

fn job(object: &Value, stage: Stage, now: &str) -> Value {
    let wanted = number(object, &["spec", "completions"], 1);
    let mut out = Value::from([("uncountedTerminatedPods", Value::map())]);
    if stage == Stage::Begun {
        out.set("startTime", now.into());
        out.set("active", number(object, &["spec", "parallelism"], 1).into());
        out.set("ready", 0.into());
        return out;
    }
    out.set("active", Value::Null);
    out.set("ready", 0.into());
    let (names, reason, message) = if stage == Stage::Ready {
        out.set("succeeded", wanted.into());
        out.set("completionTime", now.into());
        (
            ["SuccessCriteriaMet", "Complete"],
            "CompletionsReached",
            "Reached expected number of succeeded pods",
        )
    } else {
        out.set("failed", (number(object, &["spec", "backoffLimit"], 6).saturating_add(1)).into());
        (["FailureTarget", "Failed"], "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    };
    let conditions = names.into_iter().map(|name| {
        let mut condition = condition(name, true, reason, message, now);
        condition.set("lastProbeTime", now.into());
        condition
    });
    out.set("conditions", Value::List(conditions.collect()));
    out
}

fn pod(object: &Value, stage: Stage, now: &str) -> Value {
    let ends = object.text_at(&["spec", "restartPolicy"]) != "Always";
    let ready = stage == Stage::Ready && !ends;
    let waits = if stage == Stage::Failed { "CrashLoopBackOff" } else { "ContainerCreating" };
    let containers = object.at(&["spec", "containers"]).and_then(Value::as_list).unwrap_or_default();
    let statuses = containers.iter().map(|container| {
        let image = container.text_at(&["image"]);
        let state = match (stage, ends) {
            (Stage::Ready, false) => Value::from([("running", Value::from([("startedAt", now.into())]))]),
            (Stage::Ready, true) | (Stage::Failed, true) => {
                let failed = stage == Stage::Failed;
                Value::from([(
                    "terminated",
                    Value::from([
                        ("exitCode", i64::from(failed).into()),
                        ("reason", if failed { "Error" } else { "Completed" }.into()),
                        ("startedAt", now.into()),
                        ("finishedAt", now.into()),
                    ]),
                )])
            }
            _ => Value::from([("waiting", Value::from([("reason", waits.into())]))]),
        };
        Value::from([
            ("name", container.text_at(&["name"]).into()),
            ("image", image.into()),
            ("imageID", "".into()),
            ("ready", ready.into()),
            ("started", ready.into()),
            ("restartCount", 0.into()),
            ("state", state),
        ])
    });
    let phase = match (stage, ends) {
        (Stage::Begun, _) => "Pending",
        (Stage::Ready, true) => "Succeeded",
        (Stage::Failed, true) => "Failed",
        _ => "Running",
    };
    let why = match (ready, stage) {
        (true, _) => "",
        (_, Stage::Ready) => "PodCompleted",
        _ => "ContainersNotReady",
    };
    Value::from([
        ("phase", phase.into()),
        ("startTime", now.into()),
        ("hostIP", "192.0.2.1".into()),
        ("containerStatuses", Value::List(statuses.collect())),
        (
            "conditions",
            Value::List(vec![
                condition("Initialized", true, "", "", now),
                condition("Ready", ready, why, "", now),
                condition("ContainersReady", ready, why, "", now),
                condition("PodScheduled", true, "", "", now),
            ]),
        ),
    ])
}

fn claim(object: &Value, stage: Stage) -> Option<Value> {
    if stage != Stage::Ready {
        return None;
    }
    let modes = object.at(&["spec", "accessModes"]).cloned().unwrap_or_default();
    let size = object.at(&["spec", "resources", "requests"]).cloned().unwrap_or_default();
    Some(Value::from([("phase", "Bound".into()), ("accessModes", modes), ("capacity", size)]))
}

fn budget(object: &Value, now: &str) -> Value {
    let mut out = counts(object, []);
    for field in ["currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"] {
        out.set(field, 0.into());
    }
    let mut held = condition("DisruptionAllowed", false, "InsufficientPods", "", now);
    held.set("message", "".into());
    held.set("observedGeneration", generation(object).into());
    out.set("conditions", Value::List(vec![held]));
    out
}
