//! The order in which objects are applied, and the stages after which an applier waits.

use std::cmp::Ordering;

use super::ObjectId;

/// The kinds that others need, in the order in which they are applied.
const FIRST: [&str; 23] = [
    "CustomResourceDefinition",
    "Namespace",
    "ClusterRole",
    "ClusterClass",
    "RuntimeClass",
    "PriorityClass",
    "StorageClass",
    "VolumeSnapshotClass",
    "IngressClass",
    "GatewayClass",
    "ClusterRoleBinding",
    "ResourceQuota",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "Service",
    "LimitRange",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// The kinds that would judge the others.
const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// Compares two objects by the order in which Flux applies them; deleting goes the other way round.
///
/// The kinds that others need come first, webhooks last, all else by group and kind, and objects of one kind by namespace
/// and name.
#[must_use]
pub fn apply_order(a: &ObjectId, b: &ObjectId) -> Ordering {
    (rank(&a.kind), &a.group, &a.kind, &a.namespace, &a.name).cmp(&(
        rank(&b.kind),
        &b.group,
        &b.kind,
        &b.namespace,
        &b.name,
    ))
}

fn rank(kind: &str) -> usize {
    if let Some(position) = FIRST.iter().position(|first| *first == kind) {
        return position;
    }
    LAST.iter().position(|last| *last == kind).map_or(FIRST.len(), |position| FIRST.len() + 1 + position)
}

/// When an object is applied: an applier waits for all of a stage before it begins the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApplyStage {
    /// What defines kinds, namespaces and rights.
    Definitions,
    /// Kinds whose name ends in `Class`.
    Classes,
    /// The kinds that the caller named.
    Custom,
    /// Everything else.
    Rest,
}

impl ApplyStage {
    /// Returns the stage of a kind; `custom` names those that are to be ready before the rest, as `Kind` or
    /// `Kind.group`.
    #[must_use]
    pub fn of(id: &ObjectId, custom: &[String]) -> Self {
        let is_named = |named: &String| match named.split_once('.') {
            Some((kind, group)) => kind == id.kind.as_str() && group == id.group.as_str(),
            None => named.as_str() == id.kind.as_str(),
        };
        match id.kind.as_str() {
            "CustomResourceDefinition" | "Namespace" | "ClusterRole" => Self::Definitions,
            kind if kind.ends_with("Class") => Self::Classes,
            _ if custom.iter().any(is_named) => Self::Custom,
            _ => Self::Rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_need_comes_first_and_webhooks_last() {
        let id = |group: &str, kind: &str, name: &str| ObjectId {
            group: group.into(),
            kind: kind.into(),
            name: name.into(),
            ..ObjectId::default()
        };
        let mut ids = [
            id("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", "v"),
            id("example.com", "Widget", "b"),
            id("", "Pod", "p"),
            id("apps", "Deployment", "d"),
            id("example.com", "Widget", "a"),
            id("", "Namespace", "n"),
        ];
        ids.sort_by(apply_order);
        let names: Vec<&str> = ids.iter().map(|id| id.name.as_str()).collect();
        assert_eq!(names, ["n", "d", "p", "a", "b", "v"]);
    }

    #[test]
    fn stages_wait_for_each_other() {
        let stage = |kind: &str| {
            let id = ObjectId { kind: kind.into(), ..ObjectId::default() };
            ApplyStage::of(&id, &["Issuer".to_owned()])
        };
        assert!(stage("Namespace") < stage("StorageClass") && stage("StorageClass") < stage("Issuer"));
        assert!(stage("Issuer") < stage("Pod"));
    }
}
