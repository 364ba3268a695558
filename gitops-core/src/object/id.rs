//! What an object is known by.

use std::fmt;

use gitops_yaml::{Node, Str};

/// Group, version and kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gvk {
    /// The API group; empty for the core group.
    pub group: Str,
    /// The version.
    pub version: Str,
    /// The kind.
    pub kind: Str,
}

impl Gvk {
    /// Reads `group/version`, or `version` alone, beside a kind.
    #[must_use]
    pub fn new(api_version: &str, kind: impl Into<Str>) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self { group: group.into(), version: version.into(), kind: kind.into() }
    }

    /// Reads an object's `apiVersion` and `kind`; what is missing is empty.
    #[must_use]
    pub fn of(object: &Node) -> Self {
        let text = |field| object.get(field).and_then(Node::scalar).cloned().unwrap_or_default();
        Self::new(&text("apiVersion"), text("kind"))
    }

    /// Returns `group/version`, or the version alone for the core group.
    #[must_use]
    pub fn api_version(&self) -> Str {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version).into()
        }
    }
}

/// `apps/v1, Kind=Deployment`, as the API server prints it.
impl fmt::Display for Gvk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, Kind={}", self.api_version(), self.kind)
    }
}

/// An object in a cluster, whatever version of its kind it is written in.
///
/// ```
/// use gitops_core::object::ObjectId;
/// let id = ObjectId::parse_entry("apps_my__app_apps_Deployment").unwrap();
/// assert_eq!(id.to_string(), "Deployment/apps/my:app");
/// assert_eq!(id.entry(), "apps_my__app_apps_Deployment");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId {
    /// The API group; empty for the core group.
    pub group: Str,
    /// The kind.
    pub kind: Str,
    /// The namespace; empty for objects of the cluster.
    pub namespace: Str,
    /// The name.
    pub name: Str,
}

impl ObjectId {
    /// Reads an object's id; what is missing is empty.
    #[must_use]
    pub fn of(object: &Node) -> Self {
        let Gvk { group, kind, .. } = Gvk::of(object);
        let text =
            |field| object.at_path(&["metadata", field]).and_then(Node::scalar).cloned().unwrap_or_default();
        Self { group, kind, namespace: text("namespace"), name: text("name") }
    }

    /// Writes the id as Flux's inventories hold it: `namespace_name_group_kind`, a colon in the name as `__`.
    #[must_use]
    pub fn entry(&self) -> String {
        format!("{}_{}_{}_{}", self.namespace, self.name.replace(':', "__"), self.group, self.kind)
    }

    /// Reads an id of an inventory; `None` where it has not four parts.
    #[must_use]
    pub fn parse_entry(entry: &str) -> Option<Self> {
        // Names may hold underscores only in pairs, and the other parts none.
        let (namespace, rest) = entry.split_once('_')?;
        let (rest, kind) = rest.rsplit_once('_')?;
        let (name, group) = rest.rsplit_once('_')?;
        if kind.is_empty() || name.is_empty() {
            return None;
        }
        let name = name.replace("__", ":");
        Some(Self { group: group.into(), kind: kind.into(), namespace: namespace.into(), name: name.into() })
    }
}

/// `Deployment/namespace/name`, or `ClusterRole/name` for objects of the cluster.
impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.kind)?;
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_back() {
        for id in [
            ObjectId {
                kind: "ClusterRole".into(),
                group: "rbac".into(),
                name: "system:a:b".into(),
                ..ObjectId::default()
            },
            ObjectId {
                kind: "Secret".into(),
                namespace: "ns".into(),
                name: "a".into(),
                ..ObjectId::default()
            },
        ] {
            assert_eq!(ObjectId::parse_entry(&id.entry()), Some(id));
        }
        assert_eq!(ObjectId::parse_entry("a_b_c"), None);
    }
}
