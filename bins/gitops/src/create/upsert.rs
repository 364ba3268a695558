//! Puts an object into a cluster and waits until a controller has made it ready.

use super::Creation;
use super::manifest::print;
use crate::Failure;
use crate::cluster::{KindInfo, ready, say, within, worded, writing};
use gitops_core::ports::{Cluster, ObjectRef};
use gitops_kube::KubeCluster;
use gitops_yaml::Node;

/// What is said on the way.
pub(super) struct Wording<'a> {
    /// What is being applied and awaited: `GitRepository source`.
    pub(super) noun: &'a str,
    /// What is created or updated; mostly the same.
    pub(super) stored: &'a str,
    /// What is said at the end.
    pub(super) done: String,
}

impl<'a> Wording<'a> {
    /// `NOUN reconciliation completed`.
    pub(super) fn of(noun: &'a str) -> Self {
        Self { noun, stored: noun, done: format!("{noun} reconciliation completed") }
    }

    /// `NOUN NAME is ready`.
    pub(super) fn is_ready(noun: &'a str, name: &str) -> Self {
        Self { noun, stored: noun, done: format!("{noun} {name} is ready") }
    }
}

/// Prints an object, or applies it and waits; returns the object that is ready, or nothing where it was only printed.
pub(super) async fn finish(
    creation: &Creation<'_>,
    kind: &KindInfo,
    object: &Node,
    wording: &Wording<'_>,
) -> Result<Option<Node>, Failure> {
    if creation.common.export {
        print(object)?;
        return Ok(None);
    }
    let cluster = creation.cluster.connect().await?;
    finish_on(&cluster, creation, kind, object, wording).await.map(Some)
}

/// As [`finish`], on a cluster that is open.
pub(super) async fn finish_on(
    cluster: &KubeCluster,
    creation: &Creation<'_>,
    kind: &KindInfo,
    object: &Node,
    wording: &Wording<'_>,
) -> Result<Node, Failure> {
    say::action(format_args!("applying {}", wording.noun));
    within(creation.cluster.timeout.0, async {
        let created = upsert(cluster, object).await?;
        say::success(format_args!("{} {}", wording.stored, if created { "created" } else { "updated" }));
        say::waiting(format_args!("waiting for {} reconciliation", wording.noun));
        let ready = ready::wait_ready(cluster, kind, &ObjectRef::of(object)).await?;
        say::success(&wording.done);
        Ok(ready)
    })
    .await
}

/// Creates an object, or gives the stored one the labels and the spec (or data) of this one; returns whether it is new.
pub(crate) async fn upsert<C: Cluster>(cluster: &C, object: &Node) -> Result<bool, Failure> {
    let target = ObjectRef::of(object);
    let Some(mut stored) = cluster.get(&target).await.map_err(worded)? else {
        cluster.create(object, &writing()).await.map_err(worded)?;
        return Ok(true);
    };
    let labels = object.at_path(&["metadata", "labels"]).cloned();
    if let Some(metadata) = stored.get_mut("metadata") {
        match labels {
            Some(labels) => metadata.set("labels", labels),
            None => drop(metadata.remove("labels")),
        }
        if let Some(wanted) = object.at_path(&["metadata", "annotations"]).and_then(Node::entries) {
            if metadata.get("annotations").is_none() {
                metadata.set("annotations", Node::mapping(Vec::new()));
            }
            if let Some(annotations) = metadata.get_mut("annotations") {
                for entry in wanted {
                    let Some(key) = entry.key.scalar() else { continue };
                    annotations.set(key.clone(), entry.value.clone());
                }
            }
        }
    }
    for entry in object.entries().unwrap_or_default() {
        let Some(key) = entry.key.scalar() else { continue };
        if !matches!(&**key, "apiVersion" | "kind" | "metadata" | "type") {
            stored.set(key.clone(), entry.value.clone());
        }
    }
    cluster.replace(&stored, &writing()).await.map_err(worded)?;
    Ok(false)
}

/// Says which revision a source has fetched; an error where it has none.
pub(super) fn fetched(object: &Node, missing: &str) -> Result<(), Failure> {
    match object.at_path(&["status", "artifact", "revision"]).and_then(Node::as_str) {
        Some(revision) => say::success(format_args!("fetched revision: {revision}")),
        None => return Err(missing.into()),
    }
    Ok(())
}
