//! What a cluster serves: resources, their versions, and how they are found by kind or path.

use crate::custom::Structural;
use crate::types::{TypeId, Types};
use gitops_core::object::Gvk;
use gitops_core::ports::ServedKind;
use gitops_yaml::Str;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A kind with all its names and versions.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The API group; empty for the core group.
    pub group: Str,
    /// The name in paths: `deployments`.
    pub plural: Str,
    /// The name of one: `deployment`.
    pub singular: Str,
    /// The kind: `Deployment`.
    pub kind: Str,
    /// The kind of lists: `DeploymentList`.
    pub list_kind: Str,
    /// Short names: `deploy`.
    pub short_names: Vec<Str>,
    /// Categories: `all`.
    pub categories: Vec<Str>,
    /// Whether its objects live in a namespace.
    pub namespaced: bool,
    /// The versions, the preferred one first.
    pub versions: Vec<ServedVersion>,
    /// Where the kind comes from.
    pub origin: Origin,
}

/// Where a kind comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Every cluster has it.
    BuiltIn,
    /// A custom resource definition of this name.
    Custom(Str),
}

/// One version of a kind.
#[derive(Clone, Debug)]
pub struct ServedVersion {
    /// `v1`
    pub name: Str,
    /// Whether it is served.
    pub served: bool,
    /// Whether objects are kept in it.
    pub storage: bool,
    /// Whether it has a status of its own.
    pub status: bool,
    /// Where its replicas stand, if it can be scaled.
    pub scale: Option<Scale>,
    /// The types that [`ServedVersion::root`] is one of.
    pub types: Arc<Types>,
    /// The type of its objects.
    pub root: TypeId,
    /// The schema to prune, default and validate by, for custom kinds.
    pub custom: Option<Arc<Structural>>,
    /// Columns of tables.
    pub columns: Vec<Column>,
    /// Field paths that field selectors may name.
    pub selectable: Vec<Str>,
}

/// Where a kind's replicas stand.
#[derive(Clone, Debug)]
pub struct Scale {
    /// The wanted number.
    pub spec_replicas: Vec<Str>,
    /// The number there is.
    pub status_replicas: Vec<Str>,
    /// The selector as text.
    pub selector: Vec<Str>,
}

impl Scale {
    /// As all built-in workloads have it.
    pub(crate) fn workload() -> Self {
        let path = |names: [&str; 2]| names.iter().map(|name| Str::from(*name)).collect();
        Self {
            spec_replicas: path(["spec", "replicas"]),
            status_replicas: path(["status", "replicas"]),
            selector: Vec::new(),
        }
    }
}

/// A column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// The heading.
    pub name: Str,
    /// `string`, `integer`, `date` …
    pub kind: Str,
    /// The format, mostly empty.
    pub format: Str,
    /// What it means.
    pub description: Str,
    /// 0 is always shown, more only in wide output.
    pub priority: i64,
    /// Where the value stands.
    pub path: Str,
}

impl Resource {
    /// Returns the index of a served version.
    #[must_use]
    pub fn version(&self, name: &str) -> Option<usize> {
        self.versions.iter().position(|version| version.served && version.name == name)
    }

    /// Returns the index of the version that objects are kept in.
    #[must_use]
    pub fn storage_version(&self) -> usize {
        self.versions.iter().position(|version| version.storage).unwrap_or(0)
    }

    /// Returns `group/version`, or the version alone for the core group.
    #[must_use]
    pub fn api_version(&self, version: usize) -> Str {
        let version = self.versions.get(version).map(|version| version.name.as_str()).unwrap_or_default();
        if self.group.is_empty() { version.into() } else { format!("{}/{version}", self.group).into() }
    }

    /// Returns whether this is a built-in kind.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        self.origin == Origin::BuiltIn
    }

    /// Returns how a version is served.
    #[must_use]
    pub fn served(&self, version: usize) -> ServedKind {
        let version = self.versions.get(version).map(|version| version.name.clone()).unwrap_or_default();
        ServedKind {
            gvk: Gvk { group: self.group.clone(), version, kind: self.kind.clone() },
            plural: self.plural.clone(),
            namespaced: self.namespaced,
        }
    }

    /// Returns `plural.group`, or the plural alone for the core group.
    #[must_use]
    pub fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.plural.to_string()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }
}

/// The address of a resource: group and plural.
pub type ResourceKey = (Str, Str);

/// Everything served.
#[derive(Clone, Debug)]
pub struct Kinds {
    by_path: BTreeMap<ResourceKey, Arc<Resource>>,
    by_kind: BTreeMap<(Str, Str), ResourceKey>,
}

impl Kinds {
    /// Returns the built-in kinds.
    #[must_use]
    pub fn built_in() -> Self {
        let mut kinds = Self { by_path: BTreeMap::new(), by_kind: BTreeMap::new() };
        for resource in crate::builtin::kinds::resources() {
            kinds.insert(resource);
        }
        kinds
    }

    /// Adds a resource or replaces one.
    pub fn insert(&mut self, resource: Resource) -> Arc<Resource> {
        let key = (resource.group.clone(), resource.plural.clone());
        let resource = Arc::new(resource);
        self.by_kind.insert((resource.group.clone(), resource.kind.clone()), key.clone());
        self.by_path.insert(key, resource.clone());
        resource
    }

    /// Removes a resource.
    pub fn remove(&mut self, key: &ResourceKey) {
        if let Some(resource) = self.by_path.remove(key) {
            self.by_kind.remove(&(resource.group.clone(), resource.kind.clone()));
        }
    }

    /// Finds a resource by its place in paths.
    #[must_use]
    pub fn by_path(&self, group: &str, plural: &str) -> Option<&Arc<Resource>> {
        self.by_path.get(&(Str::from(group), Str::from(plural)))
    }

    /// Finds a resource by its kind, and the index of the version.
    #[must_use]
    pub fn by_kind(&self, gvk: &Gvk) -> Option<(&Arc<Resource>, usize)> {
        let resource = self.by_group_kind(&gvk.group, &gvk.kind)?;
        Some((resource, resource.version(&gvk.version)?))
    }

    /// Finds a resource by group and kind, whatever the version.
    #[must_use]
    pub fn by_group_kind(&self, group: &str, kind: &str) -> Option<&Arc<Resource>> {
        self.by_path.get(self.by_kind.get(&(Str::from(group), Str::from(kind)))?)
    }

    /// Returns all resources, by group and plural.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.by_path.values()
    }
}
