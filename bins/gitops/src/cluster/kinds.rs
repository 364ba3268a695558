//! Flux's kinds as the command line names them: `source git`, `helmrelease` or `hr`.

use gitops_core::object::Gvk;

/// How a kind tells that it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// A controller writes a `Ready` condition.
    Dynamic,
    /// Nobody writes a status: it is ready once it is there.
    Static,
}

/// What the command line knows about a kind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct KindInfo {
    /// `GitRepository`.
    pub(crate) kind: &'static str,
    /// `source.toolkit.fluxcd.io/v1`.
    pub(crate) api_version: &'static str,
    /// The name in the API's paths and messages.
    pub(crate) plural: &'static str,
    /// What messages call it: `source git`.
    pub(crate) human: &'static str,
    /// How it tells that it is done.
    pub(crate) readiness: Readiness,
}

impl KindInfo {
    /// Finds a kind by its name.
    pub(crate) fn of(kind: &str) -> Option<&'static Self> {
        Target::ALL.into_iter().map(Target::info).find(|info| info.kind.eq_ignore_ascii_case(kind))
    }

    pub(crate) fn gvk(&self) -> Gvk {
        Gvk::new(self.api_version, self.kind)
    }

    pub(crate) fn is_static(&self) -> bool {
        self.readiness == Readiness::Static
    }
}

/// A kind that a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Git,
    Oci,
    Helm,
    Chart,
    Bucket,
    External,
    Generator,
    Kustomization,
    HelmRelease,
    ImageRepository,
    ImagePolicy,
    ImageUpdate,
    Alert,
    AlertProvider,
    Receiver,
}

macro_rules! kind {
    ($kind:literal, $version:literal, $plural:literal, $human:literal, $readiness:ident) => {
        &KindInfo {
            kind: $kind,
            api_version: $version,
            plural: $plural,
            human: $human,
            readiness: Readiness::$readiness,
        }
    };
}

impl Target {
    pub(crate) const ALL: [Self; 15] = [
        Self::Git,
        Self::Oci,
        Self::Helm,
        Self::Chart,
        Self::Bucket,
        Self::External,
        Self::Generator,
        Self::Kustomization,
        Self::HelmRelease,
        Self::ImageRepository,
        Self::ImagePolicy,
        Self::ImageUpdate,
        Self::Alert,
        Self::AlertProvider,
        Self::Receiver,
    ];

    pub(crate) const fn info(self) -> &'static KindInfo {
        match self {
            Self::Git => kind!(
                "GitRepository",
                "source.toolkit.fluxcd.io/v1",
                "gitrepositories",
                "source git",
                Dynamic
            ),
            Self::Oci => kind!(
                "OCIRepository",
                "source.toolkit.fluxcd.io/v1",
                "ocirepositories",
                "source oci",
                Dynamic
            ),
            Self::Helm => {
                kind!(
                    "HelmRepository",
                    "source.toolkit.fluxcd.io/v1",
                    "helmrepositories",
                    "source helm",
                    Dynamic
                )
            }
            Self::Chart => {
                kind!("HelmChart", "source.toolkit.fluxcd.io/v1", "helmcharts", "source chart", Dynamic)
            }
            Self::Bucket => {
                kind!("Bucket", "source.toolkit.fluxcd.io/v1", "buckets", "source bucket", Dynamic)
            }
            Self::External => {
                kind!(
                    "ExternalArtifact",
                    "source.toolkit.fluxcd.io/v1",
                    "externalartifacts",
                    "source external-artifact",
                    Dynamic
                )
            }
            Self::Generator => kind!(
                "ArtifactGenerator",
                "source.extensions.fluxcd.io/v1beta1",
                "artifactgenerators",
                "artifactgenerator",
                Dynamic
            ),
            Self::Kustomization => {
                kind!(
                    "Kustomization",
                    "kustomize.toolkit.fluxcd.io/v1",
                    "kustomizations",
                    "kustomization",
                    Dynamic
                )
            }
            Self::HelmRelease => {
                kind!("HelmRelease", "helm.toolkit.fluxcd.io/v2", "helmreleases", "helmrelease", Dynamic)
            }
            Self::ImageRepository => {
                kind!(
                    "ImageRepository",
                    "image.toolkit.fluxcd.io/v1",
                    "imagerepositories",
                    "image repository",
                    Dynamic
                )
            }
            Self::ImagePolicy => {
                kind!("ImagePolicy", "image.toolkit.fluxcd.io/v1", "imagepolicies", "image policy", Dynamic)
            }
            Self::ImageUpdate => kind!(
                "ImageUpdateAutomation",
                "image.toolkit.fluxcd.io/v1",
                "imageupdateautomations",
                "image update automation",
                Dynamic
            ),
            Self::Alert => {
                kind!("Alert", "notification.toolkit.fluxcd.io/v1beta3", "alerts", "alert", Static)
            }
            Self::AlertProvider => {
                kind!(
                    "Provider",
                    "notification.toolkit.fluxcd.io/v1beta3",
                    "providers",
                    "alert provider",
                    Static
                )
            }
            Self::Receiver => {
                kind!("Receiver", "notification.toolkit.fluxcd.io/v1", "receivers", "receiver", Dynamic)
            }
        }
    }
}
