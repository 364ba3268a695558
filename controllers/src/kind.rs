//! The kinds that are reconciled, and one object's key among them.

use std::fmt;

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

    /// Returns the kind's name: `GitRepository`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::GitRepository => "GitRepository",
            Self::OciRepository => "OCIRepository",
            Self::HelmRepository => "HelmRepository",
            Self::HelmChart => "HelmChart",
            Self::Bucket => "Bucket",
            Self::ExternalArtifact => "ExternalArtifact",
            Self::Kustomization => "Kustomization",
            Self::HelmRelease => "HelmRelease",
            Self::ImageRepository => "ImageRepository",
            Self::ImagePolicy => "ImagePolicy",
            Self::ImageUpdateAutomation => "ImageUpdateAutomation",
            Self::Alert => "Alert",
            Self::Provider => "Provider",
            Self::Receiver => "Receiver",
        }
    }

    /// Returns the API group: `source.toolkit.fluxcd.io`.
    #[must_use]
    pub fn group(self) -> &'static str {
        match self {
            Self::GitRepository
            | Self::OciRepository
            | Self::HelmRepository
            | Self::HelmChart
            | Self::Bucket
            | Self::ExternalArtifact => "source.toolkit.fluxcd.io",
            Self::Kustomization => "kustomize.toolkit.fluxcd.io",
            Self::HelmRelease => "helm.toolkit.fluxcd.io",
            Self::ImageRepository | Self::ImagePolicy | Self::ImageUpdateAutomation => {
                "image.toolkit.fluxcd.io"
            }
            Self::Alert | Self::Provider | Self::Receiver => "notification.toolkit.fluxcd.io",
        }
    }

    /// Returns the versions that Flux ever served, newest first.
    #[must_use]
    pub fn versions(self) -> &'static [&'static str] {
        match self {
            Self::HelmRelease => &["v2", "v2beta2", "v2beta1"],
            Self::ImageRepository | Self::ImagePolicy | Self::ImageUpdateAutomation => {
                &["v1", "v1beta2", "v1beta1", "v1alpha2", "v1alpha1"]
            }
            Self::Alert | Self::Provider => &["v1beta3", "v1beta2", "v1beta1"],
            Self::ExternalArtifact => &["v1"],
            Self::OciRepository => &["v1", "v1beta2"],
            _ => &["v1", "v1beta2", "v1beta1"],
        }
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
