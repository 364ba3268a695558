//! The parts of a kustomization file that transformers and generators are configured with.

use std::collections::BTreeMap;

use gitops_yaml::{Node, Place, Str};

use super::decode::{Text, fields};
use crate::field_spec::FieldSpec;
use crate::id::Gvk;

/// Which resources a patch or a replacement applies to; every part but the selectors is an anchored regular expression,
/// and an empty part matches anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// The API group.
    pub group: Str,
    /// The version.
    pub version: Str,
    /// The kind.
    pub kind: Str,
    /// The name, original or current.
    pub name: Str,
    /// The namespace, original or current.
    pub namespace: Str,
    /// A Kubernetes selector over annotations.
    pub annotation_selector: Str,
    /// A Kubernetes selector over labels.
    pub label_selector: Str,
}

impl Selector {
    /// Returns group, version and kind as written.
    #[must_use]
    pub fn gvk(&self) -> Gvk {
        Gvk::new(self.group.clone(), self.version.clone(), self.kind.clone())
    }
}

fields!(Selector = "Selector" {
    group: "group", version: "version", kind: "kind", name: "name", namespace: "namespace",
    annotation_selector: "annotationSelector", label_selector: "labelSelector",
});

/// An entry of `patches` or `patchesJson6902`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// The file that holds the patch.
    pub path: Text,
    /// The patch itself.
    pub patch: Text,
    /// What it applies to.
    pub target: Option<Selector>,
    /// What it may change.
    pub options: PatchOptions,
}

/// What a strategic merge patch may change of its target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PatchOptions {
    /// It may rename the target.
    pub allow_name_change: bool,
    /// It may change the target's kind.
    pub allow_kind_change: bool,
}

fields!(Patch = "Patch" { path: "path", patch: "patch", target: "target", options: "options" });
fields!(PatchOptions = "PatchArgs" { allow_name_change: "allowNameChange", allow_kind_change: "allowKindChange" });

/// An entry of `labels`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Label {
    /// The labels.
    pub pairs: BTreeMap<Str, Str>,
    /// Whether selectors and templates get them.
    pub include_selectors: bool,
    /// Whether templates get them.
    pub include_templates: bool,
    /// Whether the templates of volume claims get them.
    pub include_volume_claim_templates: bool,
    /// Fields that get them besides.
    pub fields: Vec<FieldSpec>,
}

fields!(Label = "Label" {
    pairs: "pairs", include_selectors: "includeSelectors", include_templates: "includeTemplates",
    include_volume_claim_templates: "includeVolumeClaimTemplates", fields: "fields",
});

/// An entry of `images`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// The name of the image to change: a regular expression.
    pub name: Str,
    /// The name to give it.
    pub new_name: Str,
    /// What to append to the tag.
    pub tag_suffix: Str,
    /// The tag to give it.
    pub new_tag: Str,
    /// The digest to give it.
    pub digest: Str,
}

fields!(Image = "Image" {
    name: "name", new_name: "newName", tag_suffix: "tagSuffix", new_tag: "newTag", digest: "digest",
});

/// An entry of `replicas`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replica {
    /// The name of the resource.
    pub name: Str,
    /// How many replicas it gets.
    pub count: i64,
}

fields!(Replica = "Replica" { name: "name", count: "count" });

/// An entry of `replacements`, written in place or in the file at [`Replacement::path`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replacement {
    /// Where the value is read.
    pub source: Option<ReplacementSource>,
    /// Where it is written.
    pub targets: Vec<ReplacementTarget>,
    /// The value itself, instead of a source.
    pub source_value: Option<Str>,
    /// The file that holds the replacement, or a list of them.
    pub path: Text,
    /// Where the entry stands.
    pub place: Place,
}

/// The one field of one resource that a replacement reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplacementSource {
    /// The API group; empty matches any.
    pub group: Str,
    /// The version; empty matches any.
    pub version: Str,
    /// The kind; empty matches any.
    pub kind: Str,
    /// The name; empty matches any.
    pub name: Str,
    /// The namespace; empty matches any.
    pub namespace: Str,
    /// The field; `metadata.name` by default.
    pub field_path: Str,
    /// How the value is taken apart.
    pub options: Option<FieldOptions>,
    /// Where the source stands.
    pub place: Place,
}

/// The fields of the resources that a replacement writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplacementTarget {
    /// The resources.
    pub select: Option<Selector>,
    /// Those of them that are left out.
    pub reject: Vec<Selector>,
    /// The fields; `metadata.name` by default.
    pub field_paths: Vec<Str>,
    /// How the value is put in.
    pub options: Option<FieldOptions>,
    /// Where the target stands.
    pub place: Place,
}

/// How a replacement treats a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldOptions {
    /// What the value is split at.
    pub delimiter: Str,
    /// Which part is meant, counted from 0.
    pub index: i64,
    /// Read and ignored, as upstream does.
    pub encoding: Str,
    /// Whether a missing field is made.
    pub create: bool,
}

fields!(Replacement = "ReplacementField" at place {
    source: "source", targets: "targets", source_value: "sourceValue", path: "path",
});
fields!(ReplacementSource = "SourceSelector" at place {
    group: "group", version: "version", kind: "kind", name: "name", namespace: "namespace",
    field_path: "fieldPath", options: "options",
});
fields!(ReplacementTarget = "TargetSelector" at place {
    select: "select", reject: "reject", field_paths: "fieldPaths", options: "options",
});
fields!(FieldOptions = "FieldOptions" { delimiter: "delimiter", index: "index", encoding: "encoding", create: "create" });

/// An entry of `vars`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Var {
    /// The name, used as `$(NAME)`.
    pub name: Str,
    /// The resource that holds the value.
    pub objref: VarTarget,
    /// The field that holds it.
    pub fieldref: FieldRef,
}

/// The resource that a variable reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VarTarget {
    /// Group and version in one.
    pub api_version: Str,
    /// The API group.
    pub group: Str,
    /// The version.
    pub version: Str,
    /// The kind.
    pub kind: Str,
    /// The original name.
    pub name: Str,
    /// The namespace; empty for any.
    pub namespace: Str,
}

/// The field that a variable reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldRef {
    /// The path; `metadata.name` by default.
    pub field_path: Str,
}

fields!(Var = "Var" { name: "name", objref: "objref", fieldref: "fieldref" });
fields!(VarTarget = "Target" {
    api_version: "apiVersion", group: "group", version: "version", kind: "kind", name: "name", namespace: "namespace",
});
fields!(FieldRef = "FieldSelector" { field_path: "fieldPath" });

/// An entry of `configMapGenerator` or `secretGenerator`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GeneratorArgs {
    /// The namespace of the resource.
    pub namespace: Str,
    /// Its name, before prefix, suffix and hash.
    pub name: Text,
    /// What to do about a resource of the same id: `create`, `replace` or `merge`.
    pub behavior: Str,
    /// `key=value` pairs.
    pub literals: Vec<Text>,
    /// Files: `path` or `key=path`.
    pub files: Vec<Text>,
    /// Files of `key=value` lines.
    pub envs: Vec<Text>,
    /// The older form of `envs`.
    pub env: Text,
    /// Options of this entry.
    pub options: Option<GeneratorOptions>,
    /// The type of a Secret.
    pub secret_type: Str,
}

/// Options of generators.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GeneratorOptions {
    /// Labels of the resource.
    pub labels: BTreeMap<Str, Str>,
    /// Annotations of the resource.
    pub annotations: BTreeMap<Str, Str>,
    /// No hash is appended to the name.
    pub disable_name_suffix_hash: bool,
    /// The resource gets `immutable: true`.
    pub immutable: bool,
}

fields!(GeneratorArgs = "GeneratorArgs" {
    namespace: "namespace", name: "name", behavior: "behavior", literals: "literals", files: "files", envs: "envs",
    env: "env", options: "options", secret_type: "type",
});
fields!(GeneratorOptions = "GeneratorOptions" {
    labels: "labels", annotations: "annotations", disable_name_suffix_hash: "disableNameSuffixHash",
    immutable: "immutable",
});

/// `helmGlobals`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HelmGlobals {
    /// The directory of the charts, `charts` by default.
    pub chart_home: Str,
    /// Helm's own configuration directory.
    pub config_home: Str,
}

fields!(HelmGlobals = "HelmGlobals" { chart_home: "chartHome", config_home: "configHome" });

/// An entry of `helmCharts`.
#[derive(Clone, Debug, Default)]
pub struct HelmChart {
    /// The name of the chart.
    pub name: Text,
    /// Its version.
    pub version: Str,
    /// The repository that it is pulled from where it is not there.
    pub repo: Str,
    /// The name of the release.
    pub release_name: Str,
    /// The namespace of the release.
    pub namespace: Str,
    /// Files of values besides.
    pub additional_values_files: Vec<Text>,
    /// The file of values to use instead of the chart's own.
    pub values_file: Text,
    /// Values written in place.
    pub values_inline: Option<Node>,
    /// How inline values and those of the file go together: `override`, `merge` or `replace`.
    pub values_merge: Str,
    /// Whether the chart's CRDs are printed.
    pub include_crds: bool,
    /// Whether hooks are left out.
    pub skip_hooks: bool,
    /// API versions that the cluster is said to have.
    pub api_versions: Vec<Str>,
    /// The version that the cluster is said to be of.
    pub kube_version: Str,
    /// The template of the release's name.
    pub name_template: Str,
    /// Whether tests are left out.
    pub skip_tests: bool,
    /// Whether helm prints more.
    pub debug: bool,
    /// Whether development versions count.
    pub devel: bool,
    /// The directory of the charts where the entry is a plugin's configuration.
    pub chart_home: Str,
    /// Helm's own configuration directory where the entry is a plugin's configuration.
    pub config_home: Str,
}

fields!(HelmChart = "HelmChart" {
    name: "name", version: "version", repo: "repo", release_name: "releaseName", namespace: "namespace",
    additional_values_files: "additionalValuesFiles", values_file: "valuesFile", values_inline: "valuesInline",
    values_merge: "valuesMerge", include_crds: "includeCRDs", skip_hooks: "skipHooks", api_versions: "apiVersions",
    kube_version: "kubeVersion", name_template: "nameTemplate", skip_tests: "skipTests", debug: "debug", devel: "devel",
    chart_home: "chartHome", config_home: "configHome",
});

/// An entry of `helmChartInflationGenerator`, the form before `helmCharts`.
#[derive(Clone, Debug, Default)]
pub struct HelmChartArgs {
    /// The name of the chart.
    pub chart_name: Text,
    /// Its version.
    pub chart_version: Str,
    /// The repository that it is pulled from.
    pub chart_repo_url: Str,
    /// The directory of the charts.
    pub chart_home: Str,
    /// Read and ignored.
    pub chart_repo_name: Str,
    /// Read and ignored.
    pub helm_bin: Str,
    /// Helm's own configuration directory.
    pub helm_home: Str,
    /// The file of values.
    pub values: Text,
    /// Values written in place.
    pub values_local: Option<Node>,
    /// How both go together.
    pub values_merge: Str,
    /// The name of the release.
    pub release_name: Str,
    /// Read and ignored.
    pub release_namespace: Str,
    /// Read and ignored.
    pub extra_args: Vec<Str>,
}

fields!(HelmChartArgs = "HelmChartArgs" {
    chart_name: "chartName", chart_version: "chartVersion", chart_repo_url: "chartRepoUrl", chart_home: "chartHome",
    chart_repo_name: "chartRepoName", helm_bin: "helmBin", helm_home: "helmHome", values: "values",
    values_local: "valuesLocal", values_merge: "valuesMerge", release_name: "releaseName",
    release_namespace: "releaseNamespace", extra_args: "extraArgs",
});

/// `sortOptions`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SortOptions {
    /// `fifo` or `legacy`.
    pub order: Str,
    /// Which kinds stand first and last in the legacy order.
    pub legacy_sort_options: Option<LegacySortOptions>,
}

/// Which kinds stand first and last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LegacySortOptions {
    /// The kinds that stand first, in this order.
    pub order_first: Vec<Str>,
    /// The kinds that stand last, in this order.
    pub order_last: Vec<Str>,
}

fields!(SortOptions = "SortOptions" { order: "order", legacy_sort_options: "legacySortOptions" });
fields!(LegacySortOptions = "LegacySortOptions" { order_first: "orderFirst", order_last: "orderLast" });

/// `metadata` of a kustomization or of a plugin's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectMeta {
    /// The name.
    pub name: Str,
    /// The namespace.
    pub namespace: Str,
    /// The labels.
    pub labels: BTreeMap<Str, Str>,
    /// The annotations.
    pub annotations: BTreeMap<Str, Str>,
}

fields!(ObjectMeta = "ObjectMeta" {
    name: "name", namespace: "namespace", labels: "labels", annotations: "annotations",
});
