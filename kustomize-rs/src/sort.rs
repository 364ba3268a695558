//! The order of the output: as loaded, or the order that upstream calls legacy, in which objects can be applied.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::rc::Rc;

use gitops_yaml::Str;

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
        let mut kinds: HashMap<Gvk, Rc<KindKey>> = HashMap::new();
        let keys = ids.into_iter().map(|id| {
            let kind = kinds.get(&id.gvk).cloned().unwrap_or_else(|| {
                let kind = Rc::new(KindKey::new(&id.gvk, rank(&id.gvk.kind)));
                kinds.insert(id.gvk.clone(), Rc::clone(&kind));
                kind
            });
            SortKey::new(kind, id)
        });
        keys.zip(taken.into_resources()).collect()
    };
    keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    (resources.replace_all(keyed.into_iter().map(|(_, resource)| resource).collect()))
        .map_err(|error| error.within("SortOrderTransformer: Failed to append to resources"))
}

/// What all resources of one kind are sorted by.
#[derive(Debug, PartialEq, Eq)]
struct KindKey {
    rank: i32,
    /// `group_version_Kind`.
    text: String,
    /// `Kind.version.group`.
    shown: String,
    is_namespace: bool,
    is_core: bool,
}

impl KindKey {
    fn new(gvk: &Gvk, rank: i32) -> Self {
        Self {
            rank,
            text: gvk_text(gvk),
            shown: gvk.to_string(),
            is_namespace: gvk.kind == "Namespace",
            is_core: gvk.group.is_empty(),
        }
    }

    fn cmp(&self, other: &Self) -> Ordering {
        // Namespaces of the core group stand before those of other groups.
        let turned = self.is_namespace && other.is_namespace && (self.is_core || other.is_core);
        let by_text = self.text.cmp(&other.text);
        self.rank.cmp(&other.rank).then(if turned { by_text.reverse() } else { by_text })
    }
}

/// What resources are sorted by: rank, group, version and kind, then the text `Kind.version.group|namespace|name`.
#[derive(PartialEq, Eq)]
struct SortKey {
    kind: Rc<KindKey>,
    namespace: Str,
    name: Str,
}

impl SortKey {
    fn new(kind: Rc<KindKey>, id: ResourceId) -> Self {
        let or = |text: Str, instead| if text.is_empty() { Str::literal(instead) } else { text };
        Self { kind, namespace: or(id.namespace, "~X"), name: or(id.name, "~N") }
    }

    /// The text that is compared last, without the kind.
    fn place(&self) -> impl Iterator<Item = u8> {
        self.namespace.bytes().chain([b'|']).chain(self.name.bytes())
    }
}

impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_place = || match self.namespace == other.namespace {
            true => self.name.cmp(&other.name),
            false => self.place().cmp(other.place()),
        };
        if Rc::ptr_eq(&self.kind, &other.kind) {
            return by_place();
        }
        let whole = |key: &Self| format!("{}|{}|{}", key.kind.shown, key.namespace, key.name);
        self.kind.cmp(&other.kind).then_with(|| whole(self).cmp(&whole(other)))
    }
}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
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
    fn namespaces_and_names_are_compared_as_one_text() {
        let kind = Rc::new(KindKey::new(&Gvk::new("", "v1", "Pod"), 0));
        let key = |namespace: &str, name: &str| {
            let gvk = Gvk::new("", "v1", "Pod");
            let id =
                ResourceId { gvk, name: name.into(), namespace: namespace.into(), cluster_scoped: false };
            SortKey::new(Rc::clone(&kind), id)
        };
        assert!(key("a", "z") > key("a-b", "a"), "'|' stands after '-'");
        assert!(key("a", "a") < key("a", "b"));
        assert!(key("", "a") > key("z", "a"), "no namespace counts as '~X'");
    }

    #[test]
    fn the_core_group_sorts_after_the_others_except_for_namespaces() {
        let id = |group: &str, kind: &str| {
            let gvk = Gvk::new(group, "v1", kind);
            let kind = Rc::new(KindKey::new(&gvk, default_rank(kind)));
            SortKey::new(
                kind,
                ResourceId { gvk, name: "a".into(), namespace: "".into(), cluster_scoped: false },
            )
        };
        assert!(id("apps", "Pod") < id("", "Pod"));
        assert!(id("", "Namespace") < id("apps", "Namespace"));
    }
}
