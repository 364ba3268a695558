//! The order of the output: as loaded, or the order that upstream calls legacy, in which objects can be applied.

use crate::error::{Error, ErrorKind};
use crate::id::{Gvk, ResourceId};
use crate::kustomization::SortOptions;
use crate::resource_map::ResourceMap;

/// The kinds that stand first where nothing else is said.
const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// The kinds that stand last where nothing else is said.
const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// Sorts resources in the legacy order with its default kinds.
///
/// # Errors
/// When two have one id.
pub(crate) fn sort_legacy(resources: &mut ResourceMap) -> Result<(), Error> {
    sort_by_rank(resources, default_rank)
}

/// Sorts resources as `sortOptions` says.
///
/// # Errors
/// When the options contradict each other or two resources have one id.
pub(crate) fn sort(resources: &mut ResourceMap, options: &SortOptions) -> Result<(), Error> {
    let refuse = |message: String| Err(Error::new(ErrorKind::Kustomization, message));
    match (options.order.as_str(), &options.legacy_sort_options) {
        ("legacy", None) => sort_legacy(resources),
        ("legacy", Some(legacy)) => sort_by_rank(resources, |kind| {
            let last = legacy.order_last.iter().rposition(|other| other == kind);
            let first = legacy.order_first.iter().rposition(|other| other == kind);
            rank(first, last, legacy.order_first.len())
        }),
        ("fifo", None) => Ok(()),
        ("fifo", Some(_)) => refuse(
            "the field 'sortOptions.legacySortOptions' is set but the selected sort order is 'fifo', not 'legacy'".into(),
        ),
        _ => refuse("the field 'sortOptions.order' must be one of [fifo, legacy]".into()),
    }
}

fn sort_by_rank(resources: &mut ResourceMap, rank: impl Fn(&str) -> i32) -> Result<(), Error> {
    let mut keyed: Vec<_> = {
        let ids: Vec<_> = resources.iter().map(|resource| resources.current_id(resource)).collect();
        let taken = std::mem::replace(resources, ResourceMap::new(resources.scopes().clone()));
        let keys = ids.iter().map(|id| (rank(&id.gvk.kind), SortKey::new(id)));
        keys.zip(taken.into_resources()).collect()
    };
    keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    (resources.replace_all(keyed.into_iter().map(|(_, resource)| resource).collect()))
        .map_err(|error| error.within("SortOrderTransformer: Failed to append to resources"))
}

/// What resources of one rank are sorted by: group, version and kind, then namespace and name.
#[derive(PartialEq, Eq)]
struct SortKey {
    gvk: String,
    is_namespace: bool,
    is_core: bool,
    id: String,
}

impl SortKey {
    fn new(id: &ResourceId) -> Self {
        let namespace = if id.namespace.is_empty() { "~X" } else { &id.namespace };
        let name = if id.name.is_empty() { "~N" } else { &id.name };
        Self {
            gvk: gvk_text(&id.gvk),
            is_namespace: id.gvk.kind == "Namespace",
            is_core: id.gvk.group.is_empty(),
            id: format!("{}|{namespace}|{name}", id.gvk),
        }
    }
}

impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        // Namespaces of the core group stand before those of other groups.
        let turned = self.is_namespace && other.is_namespace && (self.is_core || other.is_core);
        let by_gvk = self.gvk.cmp(&other.gvk);
        (if turned { by_gvk.reverse() } else { by_gvk }).then_with(|| self.id.cmp(&other.id))
    }
}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Returns where a kind stands: below 0 among the first, above 0 among the last.
pub(crate) fn default_rank(kind: &str) -> i32 {
    let first = FIRST.iter().position(|other| *other == kind);
    let last = LAST.iter().position(|other| *other == kind);
    rank(first, last, FIRST.len())
}

fn rank(first: Option<usize>, last: Option<usize>, first_kinds: usize) -> i32 {
    let as_i32 = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    match (first, last) {
        (_, Some(last)) => as_i32(last).saturating_add(1),
        (Some(first), None) => as_i32(first).saturating_sub(as_i32(first_kinds)),
        (None, None) => 0,
    }
}

/// Returns `group_version_Kind`, with marks that sort late for what is empty.
pub(crate) fn gvk_text(gvk: &Gvk) -> String {
    let or = |text: &str, instead: &str| if text.is_empty() { instead.to_owned() } else { text.to_owned() };
    format!("{}_{}_{}", or(&gvk.group, "~G"), or(&gvk.version, "~V"), or(&gvk.kind, "~K"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_kinds_stand_first_and_webhooks_last() {
        assert_eq!(default_rank("Namespace"), -22);
        assert_eq!(default_rank("PodDisruptionBudget"), -1);
        assert_eq!(default_rank("Pod"), 0);
        assert_eq!(default_rank("ValidatingWebhookConfiguration"), 2);
    }

    #[test]
    fn the_core_group_sorts_after_the_others_except_for_namespaces() {
        let id = |group: &str, kind: &str| {
            let gvk = Gvk::new(group, "v1", kind);
            SortKey::new(&ResourceId { gvk, name: "a".into(), namespace: "".into(), cluster_scoped: false })
        };
        assert!(id("apps", "Pod") < id("", "Pod"));
        assert!(id("", "Namespace") < id("apps", "Namespace"));
    }
}
