//! Flux's API as plain structs: every version that Flux ever served is read into the newest.
//!
//! [`read`] takes an object as it was written or as a cluster returned it. Fields that a later version dropped are
//! honoured where a newer one means the same; what is left over is a [`Notice`].

mod common;
mod definitions;
mod duration;
mod helm;
mod image;
mod kustomize;
mod notification;
mod read;
mod source;
mod upgrade;

pub use common::{
    CommonMetadata, CrossReference, Dependency, HealthCheckExpression, ImageOverride, KubeConfig, LabelRule,
    LabelSelector, LocalReference, PatchTarget, PatchWithTarget, SecretKeyReference,
};
pub use definitions::{ServedVersions, definitions, open_definitions};
pub use duration::GoDuration;
pub use helm::{
    Chart, ChartMetadata, ChartReference, ChartSpec, DriftDetection, DriftMode, HelmRelease, IgnoreRule,
    InstallSpec, KustomizeRenderer, PostRenderer, Remediation, RollbackSpec, StrategySpec, TestFilter,
    TestSpec, UninstallSpec, UpgradeSpec, ValuesReference,
};
pub use image::{
    CommitAuthor, CommitSpec, FilterTags, GitCheckout, GitPush, GitSpec, ImagePolicy, ImageRepository,
    ImageUpdateAutomation, PolicyChoice, PolicyOrder, PolicyRange, SigningKey, UpdateStrategy,
};
pub use kustomize::{Decryption, HealthCheck, Kustomization, PostBuild, SubstituteReference};
pub use notification::{Alert, EventSource, Provider, Receiver, ReceiverResource};
pub use read::{ApiError, Flux, Notice, Object, Spec, read};
pub use source::{
    AccessFrom, Bucket, ExternalArtifact, GitReferenceSpec, GitRepository, GitVerification, HelmChart,
    HelmRepository, Include, LayerSelector, OciReferenceSpec, OciRepository, Verification,
};
