//! The kinds that are reconciled, and one object's key among them.

use std::fmt;

use gitops_core::api::{self, Spec};
use gitops_core::object::Gvk;
use gitops_core::ports::ObjectRef;
use gitops_yaml::{Node, Str};

/// A kind of Flux's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A git repository as a source.
    GitRepository,
    /// An OCI artifact as a source.
    OciRepository,
    /// A repository of charts.
    HelmRepository,
    /// One chart of a repository.
    HelmChart,
    /// An object store as a source; read, never fetched.
    Bucket,
    /// A source that another controller writes.
    ExternalArtifact,
    /// A path of a source, built and applied.
    Kustomization,
    /// A chart, installed and upgraded.
    HelmRelease,
    /// An image's tags.
    ImageRepository,
    /// The choice of one tag.
    ImagePolicy,
    /// Commits that bring choices into files.
    ImageUpdateAutomation,
    /// Which events go where.
    Alert,
    /// Where events can go.
    Provider,
    /// A web hook that asks for a reconciliation.
    Receiver,
}

impl Kind {
    /// Every kind, sources first.
    pub const ALL: [Self; 14] = [
        Self::GitRepository,
        Self::OciRepository,
        Self::HelmRepository,
        Self::HelmChart,
        Self::Bucket,
        Self::ExternalArtifact,
        Self::Kustomization,
        Self::HelmRelease,
        Self::ImageRepository,
        Self::ImagePolicy,
        Self::ImageUpdateAutomation,
        Self::Alert,
        Self::Provider,
        Self::Receiver,
    ];

    /// What `gitops_core::api` knows of the kind: its name, its group, and its versions, newest first.
    fn facts(self) -> (&'static str, &'static str, &'static [&'static str]) {
        const fn of<S: Spec>() -> (&'static str, &'static str, &'static [&'static str]) {
            (S::KIND, S::GROUP, S::VERSIONS)
        }
        match self {
            Self::GitRepository => of::<api::GitRepository>(),
            Self::OciRepository => of::<api::OciRepository>(),
            Self::HelmRepository => of::<api::HelmRepository>(),
            Self::HelmChart => of::<api::HelmChart>(),
            Self::Bucket => of::<api::Bucket>(),
            Self::ExternalArtifact => of::<api::ExternalArtifact>(),
            Self::Kustomization => of::<api::Kustomization>(),
            Self::HelmRelease => of::<api::HelmRelease>(),
            Self::ImageRepository => of::<api::ImageRepository>(),
            Self::ImagePolicy => of::<api::ImagePolicy>(),
            Self::ImageUpdateAutomation => of::<api::ImageUpdateAutomation>(),
            Self::Alert => of::<api::Alert>(),
            Self::Provider => of::<api::Provider>(),
            Self::Receiver => of::<api::Receiver>(),
        }
    }

    /// Returns the kind's name: `GitRepository`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.facts().0
    }

    /// Returns the API group: `source.toolkit.fluxcd.io`.
    #[must_use]
    pub fn group(self) -> &'static str {
        self.facts().1
    }

    /// Returns the versions that Flux ever served, newest first.
    #[must_use]
    pub fn versions(self) -> &'static [&'static str] {
        self.facts().2
    }

    /// Returns group, newest version and kind.
    #[must_use]
    pub fn gvk(self) -> Gvk {
        self.gvk_of(self.versions()[0])
    }

    /// Returns group, the given version and kind.
    #[must_use]
    pub fn gvk_of(self, version: &str) -> Gvk {
        Gvk { group: self.group().into(), version: version.into(), kind: self.name().into() }
    }

    /// Returns the kind of this group and name.
    #[must_use]
    pub fn of(gvk: &Gvk) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == &*gvk.kind && kind.group() == &*gvk.group)
    }

    /// Returns the kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns whether objects of the kind carry an artifact.
    #[must_use]
    pub fn is_source(self) -> bool {
        self.group() == "source.toolkit.fluxcd.io"
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One object among those that are reconciled.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: Str,
    /// Its name.
    pub name: Str,
}

impl Key {
    /// Names an object.
    pub fn new(kind: Kind, namespace: impl Into<Str>, name: impl Into<Str>) -> Self {
        Self { kind, namespace: namespace.into(), name: name.into() }
    }

    /// Reads an object's key; `None` where its kind is not one of ours.
    #[must_use]
    pub fn of(object: &Node) -> Option<Self> {
        let ObjectRef { gvk, namespace, name } = ObjectRef::of(object);
        Some(Self { kind: Kind::of(&gvk)?, namespace, name })
    }

    /// Returns the object's address in the given version, or in the newest.
    #[must_use]
    pub fn address(&self, version: Option<&str>) -> ObjectRef {
        let gvk = version.map_or_else(|| self.kind.gvk(), |version| self.kind.gvk_of(version));
        ObjectRef { gvk, namespace: self.namespace.clone(), name: self.name.clone() }
    }
}

/// `Kustomization/namespace/name`
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_defined_in_all_its_versions() {
        let definitions = api::open_definitions();
        for kind in Kind::ALL {
            let text =
                |node: &Node, path: &[&str]| node.at_path(path).and_then(Node::as_str).map(str::to_owned);
            let definition = definitions
                .iter()
                .find(|one| text(one, &["spec", "names", "kind"]).as_deref() == Some(kind.name()))
                .unwrap();
            assert_eq!(text(definition, &["spec", "group"]).as_deref(), Some(kind.group()));
            let versions = definition.at_path(&["spec", "versions"]).and_then(Node::items).unwrap();
            let names: Vec<String> = versions.iter().rev().filter_map(|one| text(one, &["name"])).collect();
            assert_eq!(names, kind.versions(), "{kind}");
        }
    }
}
