//! What a resource is known by: group, version, kind, name and namespace.
//!
//! Two ids are equal when their *effective* namespaces are: `default` and none are one, and objects that belong to the
//! cluster have none at all, whatever their manifest says.

use std::fmt;
use std::hash::{Hash, Hasher};

use gitops_yaml::Str;

/// The effective namespace of everything that belongs to the cluster as a whole.
pub(crate) const NOT_A_NAMESPACE: &str = "_non_namespaceable_";
/// The namespace of objects that name none.
pub(crate) const DEFAULT_NAMESPACE: &str = "default";

/// Group, version and kind; as a selector, an empty part matches anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gvk {
    /// The API group, empty for the core group.
    pub group: Str,
    /// The version.
    pub version: Str,
    /// The kind.
    pub kind: Str,
}

impl Gvk {
    /// Makes a group, version and kind.
    #[must_use]
    pub fn new(group: impl Into<Str>, version: impl Into<Str>, kind: impl Into<Str>) -> Self {
        Self { group: group.into(), version: version.into(), kind: kind.into() }
    }

    /// Reads `group/version`, or `version` alone, beside a kind.
    #[must_use]
    pub fn parse(api_version: &str, kind: impl Into<Str>) -> Self {
        match api_version.split_once('/') {
            Some((group, version)) => Self::new(group, version, kind),
            None => Self::new("", api_version, kind),
        }
    }

    /// Returns `group/version`, or the version alone for the core group.
    #[must_use]
    pub fn api_version(&self) -> Str {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            Str::from(format!("{}/{}", self.group, self.version))
        }
    }

    /// Returns whether every part that the selector names is the same here.
    #[must_use]
    pub fn is_selected_by(&self, selector: &Self) -> bool {
        let matches = |wanted: &Str, found: &Str| wanted.is_empty() || wanted == found;
        matches(&selector.group, &self.group)
            && matches(&selector.version, &self.version)
            && matches(&selector.kind, &self.kind)
    }
}

/// `Deployment.v1.apps`, with `[noGrp]` and the like for parts that are empty.
impl fmt::Display for Gvk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = or(&self.kind, "[noKind]");
        let version = or(&self.version, "[noVer]");
        let group = or(&self.group, "[noGrp]");
        write!(f, "{kind}.{version}.{group}")
    }
}

/// A resource's id at one moment of the build.
#[derive(Clone, Debug)]
pub struct ResourceId {
    /// Group, version and kind.
    pub gvk: Gvk,
    /// The name.
    pub name: Str,
    /// The namespace as the manifest has it, maybe empty.
    pub namespace: Str,
    /// Whether the kind is known to belong to the cluster as a whole.
    pub cluster_scoped: bool,
}

impl ResourceId {
    /// Returns the namespace that counts for equality: `default` for none, `_non_namespaceable_` for objects that belong
    /// to the cluster.
    #[must_use]
    pub fn effective_namespace(&self) -> &str {
        if self.cluster_scoped {
            NOT_A_NAMESPACE
        } else if self.namespace.is_empty() {
            DEFAULT_NAMESPACE
        } else {
            &self.namespace
        }
    }

    /// Returns whether both are of one group, version, kind and name, in whatever namespaces.
    #[must_use]
    pub fn same_except_namespace(&self, other: &Self) -> bool {
        self.name == other.name && self.gvk == other.gvk
    }

    /// Returns whether both are in the same effective namespace.
    #[must_use]
    pub fn same_namespace(&self, other: &Self) -> bool {
        self.effective_namespace() == other.effective_namespace()
    }
}

impl PartialEq for ResourceId {
    fn eq(&self, other: &Self) -> bool {
        self.same_except_namespace(other) && self.same_namespace(other)
    }
}

impl Eq for ResourceId {}

impl Hash for ResourceId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.gvk.hash(state);
        self.name.hash(state);
        self.effective_namespace().hash(state);
    }
}

/// `Deployment.v1.apps/web.prod`, with `[noNs]` and the like for parts that are empty.
impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}.{}", self.gvk, or(&self.name, "[noName]"), or(&self.namespace, "[noNs]"))
    }
}

fn or<'a>(text: &'a str, instead: &'a str) -> &'a str {
    if text.is_empty() { instead } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(namespace: &str, cluster_scoped: bool) -> ResourceId {
        let gvk = Gvk::parse("rbac.authorization.k8s.io/v1", "Role");
        ResourceId { gvk, name: "reader".into(), namespace: namespace.into(), cluster_scoped }
    }

    #[test]
    fn no_namespace_and_default_are_one_and_the_cluster_has_none() {
        assert_eq!(id("", false), id("default", false));
        assert_ne!(id("", false), id("other", false));
        assert_eq!(id("one", true), id("two", true));
    }

    #[test]
    fn prints_as_upstream_does() {
        assert_eq!(id("", false).to_string(), "Role.v1.rbac.authorization.k8s.io/reader.[noNs]");
        assert_eq!(Gvk::parse("v1", "Pod").to_string(), "Pod.v1.[noGrp]");
    }

    #[test]
    fn a_selector_ignores_what_it_does_not_name() {
        let pod = Gvk::parse("v1", "Pod");
        assert!(pod.is_selected_by(&Gvk::default()));
        assert!(pod.is_selected_by(&Gvk::new("", "", "Pod")));
        assert!(!pod.is_selected_by(&Gvk::new("apps", "", "Pod")));
    }
}
