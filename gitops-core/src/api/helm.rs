//! `helm.toolkit.fluxcd.io`.

use serde::{Deserialize, Serialize};

use super::source::Verification;
use super::{
    CommonMetadata, CrossReference, Dependency, GoDuration, HealthCheckExpression, ImageOverride, KubeConfig,
    PatchTarget, PatchWithTarget,
};

/// A chart that is installed and upgraded. Its `values` stay with the object they were written in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HelmRelease {
    /// How often it is reconciled.
    pub interval: Option<GoDuration>,
    /// The time limit of one action: 5 m.
    pub timeout: Option<GoDuration>,
    /// A chart of a source.
    pub chart: Option<Chart>,
    /// A chart that is a source itself.
    pub chart_ref: Option<ChartReference>,
    /// The release's name; made of the namespace and the object's name where `None`.
    pub release_name: Option<String>,
    /// The namespace that the release goes into.
    pub target_namespace: Option<String>,
    /// The namespace that the records go into.
    pub storage_namespace: Option<String>,
    /// How many records are kept: 5; 0 for all.
    pub max_history: Option<i64>,
    /// Where more values come from, in order.
    pub values_from: Vec<ValuesReference>,
    /// HelmReleases that have to be ready first.
    pub depends_on: Vec<Dependency>,
    /// The account that applies.
    pub service_account_name: Option<String>,
    /// Another cluster.
    pub kube_config: Option<KubeConfig>,
    /// How it is installed.
    pub install: Option<InstallSpec>,
    /// How it is upgraded.
    pub upgrade: Option<UpgradeSpec>,
    /// How it is tested.
    pub test: Option<TestSpec>,
    /// How it is rolled back.
    pub rollback: Option<RollbackSpec>,
    /// How it is uninstalled.
    pub uninstall: Option<UninstallSpec>,
    /// Whether changes by others are noticed and undone.
    pub drift_detection: Option<DriftDetection>,
    /// What changes the rendered objects.
    pub post_renderers: Vec<PostRenderer>,
    /// How hooks are passed to what changes objects: `combined` (the default), `separate` or `nohooks`.
    pub post_render_strategy: Option<String>,
    /// How objects are waited for.
    pub wait_strategy: Option<WaitStrategy>,
    /// Labels and annotations of all objects.
    pub common_metadata: Option<CommonMetadata>,
    /// When custom kinds are ready.
    pub health_check_exprs: Vec<HealthCheckExpression>,
    /// Whether nothing is done.
    pub suspend: bool,
}

/// How the objects of a release are waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WaitStrategy {
    /// `poller` (the default) or `legacy`.
    pub name: String,
}

/// A chart of a source: what the HelmChart that is made of it says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Chart {
    /// Labels and annotations of the HelmChart.
    pub metadata: Option<ChartMetadata>,
    /// The chart.
    pub spec: ChartSpec,
}

/// Labels and annotations of a HelmChart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChartMetadata {
    /// Labels.
    pub labels: std::collections::BTreeMap<String, String>,
    /// Annotations.
    pub annotations: std::collections::BTreeMap<String, String>,
}

/// Which chart of which source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChartSpec {
    /// The chart's name, or its path in a git repository.
    pub chart: String,
    /// A range of versions: `*` by default.
    pub version: Option<String>,
    /// The source.
    pub source_ref: CrossReference,
    /// How often the source is asked; the release's interval by default.
    pub interval: Option<GoDuration>,
    /// `ChartVersion` (the default) or `Revision`.
    pub reconcile_strategy: Option<String>,
    /// Files of values in the source.
    pub values_files: Vec<String>,
    /// Whether files that are missing are passed over.
    pub ignore_missing_values_files: bool,
    /// Whose signature is wanted.
    pub verify: Option<Verification>,
}

/// A source that is a chart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChartReference {
    /// `OCIRepository`, `HelmChart` or `ExternalArtifact`.
    pub kind: String,
    /// The name.
    pub name: String,
    /// The namespace.
    pub namespace: Option<String>,
}

/// A ConfigMap or Secret of values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ValuesReference {
    /// `ConfigMap` or `Secret`.
    pub kind: String,
    /// The name.
    pub name: String,
    /// The key: `values.yaml`.
    pub values_key: Option<String>,
    /// Where one value goes, in the grammar of `--set`.
    pub target_path: Option<String>,
    /// Whether it may be missing.
    pub optional: bool,
    /// Whether the value is a text as it stands.
    pub literal: bool,
}

/// How a failed action is repaired.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Remediation {
    /// How often the action is tried again: 0; -1 for ever.
    pub retries: Option<i64>,
    /// Whether failed tests count.
    pub ignore_test_failures: Option<bool>,
    /// Whether the last failure is repaired too.
    pub remediate_last_failure: Option<bool>,
    /// For upgrades: `rollback` (the default) or `uninstall`.
    pub strategy: Option<String>,
}

/// What follows a failed action.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StrategySpec {
    /// `RemediateOnFailure` (the default) or `RetryOnFailure`.
    pub name: String,
    /// How soon it is tried again: 5 m.
    pub retry_interval: Option<GoDuration>,
}

/// How a release is installed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InstallSpec {
    /// The time limit.
    pub timeout: Option<GoDuration>,
    /// What follows a failure.
    pub strategy: Option<StrategySpec>,
    /// How a failure is repaired.
    pub remediation: Option<Remediation>,
    /// `Create` (the default), `Skip` or `CreateReplace`.
    #[serde(rename = "crds")]
    pub crds: Option<String>,
    /// Whether the namespace is made.
    pub create_namespace: bool,
    /// Whether the server merges.
    pub server_side_apply: Option<bool>,
    /// Whether hooks are left out.
    pub disable_hooks: bool,
    /// Whether objects are not waited for.
    pub disable_wait: bool,
    /// Whether jobs are not waited for.
    pub disable_wait_for_jobs: bool,
    /// Whether the chart's schema is not asked.
    pub disable_schema_validation: bool,
    /// Whether objects of others are not taken over.
    pub disable_take_ownership: bool,
    /// Whether a name that was used may be used again.
    pub replace: bool,
}

/// How a release is upgraded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpgradeSpec {
    /// The time limit.
    pub timeout: Option<GoDuration>,
    /// What follows a failure.
    pub strategy: Option<StrategySpec>,
    /// How a failure is repaired.
    pub remediation: Option<Remediation>,
    /// `Skip` (the default), `Create` or `CreateReplace`.
    #[serde(rename = "crds")]
    pub crds: Option<String>,
    /// `enabled`, `disabled` or `auto` (the default): whether the server merges.
    pub server_side_apply: Option<String>,
    /// Whether hooks are left out.
    pub disable_hooks: bool,
    /// Whether objects are not waited for.
    pub disable_wait: bool,
    /// Whether jobs are not waited for.
    pub disable_wait_for_jobs: bool,
    /// Whether the chart's schema is not asked.
    pub disable_schema_validation: bool,
    /// Whether objects of others are not taken over.
    pub disable_take_ownership: bool,
    /// Whether objects are replaced.
    pub force: bool,
    /// What becomes of a release whose chart gets another name: `Reinstall` (the default) or `InPlaceUpdate`.
    pub chart_name_change_strategy: Option<String>,
    /// Whether the values of the last release stay beneath.
    pub preserve_values: bool,
    /// Whether new objects go when the upgrade fails.
    pub cleanup_on_fail: bool,
}

/// How a release is tested.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TestSpec {
    /// Whether it is.
    pub enable: bool,
    /// The time limit.
    pub timeout: Option<GoDuration>,
    /// Whether failures count.
    pub ignore_failures: bool,
    /// Which tests run.
    pub filters: Vec<TestFilter>,
}

/// One test that runs, or does not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TestFilter {
    /// Its name.
    pub name: String,
    /// Whether it is left out.
    pub exclude: bool,
}

/// How a release is rolled back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RollbackSpec {
    /// The time limit.
    pub timeout: Option<GoDuration>,
    /// `enabled`, `disabled` or `auto` (the default): whether the server merges.
    pub server_side_apply: Option<String>,
    /// Whether hooks are left out.
    pub disable_hooks: bool,
    /// Whether objects are not waited for.
    pub disable_wait: bool,
    /// Whether jobs are not waited for.
    pub disable_wait_for_jobs: bool,
    /// Whether objects are replaced.
    pub force: bool,
    /// Whether new objects go when the rollback fails.
    pub cleanup_on_fail: bool,
}

/// How a release is uninstalled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UninstallSpec {
    /// The time limit.
    pub timeout: Option<GoDuration>,
    /// Whether hooks are left out.
    pub disable_hooks: bool,
    /// Whether objects are not waited for.
    pub disable_wait: bool,
    /// Whether the records stay.
    pub keep_history: bool,
    /// `background` (the default), `foreground` or `orphan`.
    pub deletion_propagation: Option<String>,
}

/// Whether changes by others are noticed and undone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DriftDetection {
    /// The mode.
    pub mode: DriftMode,
    /// Fields that are left to others.
    pub ignore: Vec<IgnoreRule>,
}

/// What is done about changes by others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DriftMode {
    /// Nothing.
    #[default]
    #[serde(alias = "")]
    Disabled,
    /// They are told.
    Warn,
    /// They are told and undone.
    Enabled,
}

/// Fields that are left to others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IgnoreRule {
    /// JSON pointers.
    pub paths: Vec<String>,
    /// The objects; all where `None`.
    pub target: Option<PatchTarget>,
}

/// What changes the rendered objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PostRenderer {
    /// kustomize.
    pub kustomize: Option<KustomizeRenderer>,
}

/// kustomize as a post-renderer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KustomizeRenderer {
    /// Patches.
    pub patches: Vec<PatchWithTarget>,
    /// Images to replace.
    pub images: Vec<ImageOverride>,
}
