//! `kustomize.toolkit.fluxcd.io`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    CommonMetadata, CrossReference, Dependency, GoDuration, HealthCheckExpression, ImageOverride, KubeConfig,
    LocalReference, PatchWithTarget,
};

/// A path of a source that is built and applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Kustomization {
    /// How often it is reconciled.
    pub interval: Option<GoDuration>,
    /// How soon it is tried again after a failure; the interval by default.
    pub retry_interval: Option<GoDuration>,
    /// The time limit of one run; the interval less 30 s by default, not under 30 s.
    pub timeout: Option<GoDuration>,
    /// The source.
    pub source_ref: CrossReference,
    /// The path within; the root by default.
    pub path: String,
    /// Whether objects that are no longer built are deleted.
    pub prune: bool,
    /// What deletion of the Kustomization does: `MirrorPrune`, `Delete`, `WaitForTermination`, `Orphan`.
    pub deletion_policy: Option<String>,
    /// The namespace that all objects are put into.
    pub target_namespace: Option<String>,
    /// A prefix of all names.
    pub name_prefix: Option<String>,
    /// A suffix of all names.
    pub name_suffix: Option<String>,
    /// Labels and annotations of all objects.
    pub common_metadata: Option<CommonMetadata>,
    /// Components, as local relative paths.
    pub components: Vec<String>,
    /// Whether components that are missing are passed over.
    pub ignore_missing_components: bool,
    /// Patches.
    pub patches: Vec<PatchWithTarget>,
    /// Images to replace.
    pub images: Vec<ImageOverride>,
    /// `originAnnotations`, `transformerAnnotations`.
    pub build_metadata: Vec<String>,
    /// Variables.
    pub post_build: Option<PostBuild>,
    /// How encrypted files are read.
    pub decryption: Option<Decryption>,
    /// Whether objects are made anew where a field can't be changed.
    pub force: bool,
    /// Whether all applied objects are waited for.
    pub wait: bool,
    /// Objects that are waited for.
    pub health_checks: Vec<HealthCheck>,
    /// When custom kinds are ready.
    pub health_check_exprs: Vec<HealthCheckExpression>,
    /// Kustomizations that have to be ready first.
    pub depends_on: Vec<Dependency>,
    /// Fields that are left to others.
    pub ignore: Vec<super::IgnoreRule>,
    /// The account that applies.
    pub service_account_name: Option<String>,
    /// Another cluster.
    pub kube_config: Option<KubeConfig>,
    /// Whether nothing is done.
    pub suspend: bool,
}

/// Variables that are put into the built objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PostBuild {
    /// Names and values.
    pub substitute: BTreeMap<String, String>,
    /// ConfigMaps and Secrets that hold more; later ones win, `substitute` wins over all.
    pub substitute_from: Vec<SubstituteReference>,
    /// `WithVariables` (the default) or `Always`.
    pub substitute_strategy: Option<String>,
}

/// A ConfigMap or Secret of variables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SubstituteReference {
    /// `ConfigMap` or `Secret`.
    pub kind: String,
    /// The name.
    pub name: String,
    /// Whether it may be missing.
    pub optional: bool,
}

/// How encrypted files are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Decryption {
    /// `sops`.
    pub provider: String,
    /// The Secret of keys.
    pub secret_ref: Option<LocalReference>,
    /// The account whose identity opens keys of clouds.
    pub service_account_name: Option<String>,
}

/// An object that is waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HealthCheck {
    /// The API version; found by the kind where empty.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The name.
    pub name: String,
    /// The namespace.
    pub namespace: Option<String>,
}
