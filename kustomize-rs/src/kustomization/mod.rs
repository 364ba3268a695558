//! The kustomization file: its fields, how it is read, what is deprecated in it.

pub(crate) mod decode;
mod types;

use std::collections::BTreeMap;

use gitops_yaml::{FileId, Node, Place, Str};

use crate::error::{Error, ErrorKind};
use decode::{Decoder, fields};

pub use decode::Text;
pub use types::{
    FieldOptions, FieldRef, GeneratorArgs, GeneratorOptions, HelmChart, HelmChartArgs, HelmGlobals, Image,
    Label, LegacySortOptions, ObjectMeta, Patch, PatchOptions, Replacement, ReplacementSource,
    ReplacementTarget, Replica, Selector, SortOptions, Var, VarTarget,
};

/// The names that a kustomization file may have.
pub const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

pub(crate) const KUSTOMIZATION: &str = "Kustomization";
pub(crate) const COMPONENT: &str = "Component";

/// A kustomization file, or a component's.
///
/// Fields are `None` where the file does not have them and that makes a difference.
#[derive(Clone, Debug, Default)]
pub struct Kustomization {
    /// `kustomize.config.k8s.io/v1beta1`, or `/v1alpha1` for a component.
    pub api_version: Str,
    /// `Kustomization` or `Component`.
    pub kind: Str,
    /// Read and ignored.
    pub metadata: Option<ObjectMeta>,
    /// `path` or `version` of the schema.
    pub openapi: BTreeMap<Str, Str>,
    /// A prefix for all names.
    pub name_prefix: Str,
    /// A suffix for all names.
    pub name_suffix: Str,
    /// The namespace of all objects.
    pub namespace: Str,
    /// Labels for objects and selectors; deprecated.
    pub common_labels: Option<BTreeMap<Str, Str>>,
    /// Labels.
    pub labels: Vec<Label>,
    /// Annotations for all objects.
    pub common_annotations: BTreeMap<Str, Str>,
    /// Strategic merge patches, as files or in place; deprecated.
    pub patches_strategic_merge: Option<Vec<Text>>,
    /// JSON patches; deprecated.
    pub patches_json6902: Option<Vec<Patch>>,
    /// Patches.
    pub patches: Vec<Patch>,
    /// Images to change.
    pub images: Vec<Image>,
    /// The older name of `images`; deprecated.
    pub image_tags: Option<Vec<Image>>,
    /// Values to copy between resources.
    pub replacements: Vec<Replacement>,
    /// Numbers of replicas.
    pub replicas: Vec<Replica>,
    /// Variables; deprecated.
    pub vars: Option<Vec<Var>>,
    /// The order of the output.
    pub sort_options: Option<SortOptions>,
    /// Files, directories and remote bases.
    pub resources: Vec<Text>,
    /// Directories of components.
    pub components: Vec<Text>,
    /// Files that describe custom resources.
    pub crds: Vec<Text>,
    /// Directories; deprecated.
    pub bases: Option<Vec<Text>>,
    /// ConfigMaps to make.
    pub config_map_generator: Vec<GeneratorArgs>,
    /// Secrets to make.
    pub secret_generator: Vec<GeneratorArgs>,
    /// Options of all charts.
    pub helm_globals: Option<HelmGlobals>,
    /// Charts to render.
    pub helm_charts: Vec<HelmChart>,
    /// Charts to render, in the older form.
    pub helm_chart_inflation_generator: Vec<HelmChartArgs>,
    /// Options of all generators.
    pub generator_options: Option<GeneratorOptions>,
    /// Files of field specs.
    pub configurations: Vec<Text>,
    /// Configurations of generators: files, directories or in place.
    pub generators: Vec<Text>,
    /// Configurations of transformers: files, directories or in place.
    pub transformers: Vec<Text>,
    /// Configurations of validators: files, directories or in place.
    pub validators: Vec<Text>,
    /// Annotations and labels that the build adds about itself.
    pub build_metadata: Vec<Str>,
}

fields!(Kustomization = "Kustomization" {
    kind: "kind", api_version: "apiVersion", metadata: "metadata", openapi: "openapi", name_prefix: "namePrefix",
    name_suffix: "nameSuffix", namespace: "namespace", common_labels: "commonLabels", labels: "labels",
    common_annotations: "commonAnnotations", patches_strategic_merge: "patchesStrategicMerge",
    patches_json6902: "patchesJson6902", patches: "patches", images: "images", image_tags: "imageTags",
    replacements: "replacements", replicas: "replicas", vars: "vars", sort_options: "sortOptions",
    resources: "resources", components: "components", crds: "crds", bases: "bases",
    config_map_generator: "configMapGenerator", secret_generator: "secretGenerator", helm_globals: "helmGlobals",
    helm_charts: "helmCharts", helm_chart_inflation_generator: "helmChartInflationGenerator",
    generator_options: "generatorOptions", configurations: "configurations", generators: "generators",
    transformers: "transformers", validators: "validators", build_metadata: "buildMetadata",
});

impl Kustomization {
    /// Returns the names of the fields that a kustomization file may have.
    #[must_use]
    pub fn fields() -> &'static [&'static str] {
        <Self as decode::DecodeFields>::FIELDS
    }

    /// Reads the file's document, `None` where it is empty.
    ///
    /// # Errors
    /// When a field is unknown or of the wrong type, when nothing is in the file, or when kind and version don't fit.
    pub(crate) fn read(node: Option<&Node>, file: FileId, directory: &str) -> Result<Self, Error> {
        let mut kustomization = match node {
            Some(node) => Decoder::kustomization()
                .decode::<Self>(node)
                .map_err(|error| error.within("invalid Kustomization"))?,
            None => Self::default(),
        };
        kustomization.move_old_fields();
        let is_empty = node.and_then(Node::entries).is_none_or(|entries| {
            let is_type =
                |key: &str| key.eq_ignore_ascii_case("kind") || key.eq_ignore_ascii_case("apiVersion");
            entries.iter().all(|entry| entry.key.as_str().is_some_and(is_type) || is_zero(&entry.value))
        });
        if is_empty {
            return Err(Error::new(ErrorKind::Kustomization, "kustomization.yaml is empty")
                .at(node.map_or(Place { file, line: 1, column: 1 }, |node| node.place)));
        }
        kustomization.check_type(directory).map_err(|error| match node {
            Some(node) => error.at(node.place),
            None => error,
        })?;
        Ok(kustomization)
    }

    /// Returns the warnings about deprecated fields, in upstream's words and order.
    pub(crate) fn deprecations(&self) -> Vec<String> {
        let fix = "Run 'kustomize edit fix' to update your Kustomization automatically.";
        let fields = [
            (self.bases.is_some(), "bases", "resources", ""),
            (self.common_labels.is_some(), "commonLabels", "labels", ""),
            (self.image_tags.is_some(), "imageTags", "images", ""),
            (self.patches_json6902.is_some(), "patchesJson6902", "patches", ""),
            (self.patches_strategic_merge.is_some(), "patchesStrategicMerge", "patches", ""),
            (self.vars.is_some(), "vars", "replacements", "[EXPERIMENTAL] "),
        ];
        let used = fields.into_iter().filter(|(is_used, ..)| *is_used);
        used.map(|(_, old, new, mark)| {
            format!("# Warning: '{old}' is deprecated. Please use '{new}' instead. {mark}{fix}")
        })
        .collect()
    }

    /// Moves what stands in old fields to the ones that took their place. The old ones stay for the warnings.
    fn move_old_fields(&mut self) {
        if self.kind.is_empty() {
            self.kind = Str::literal(KUSTOMIZATION);
        }
        if self.api_version.is_empty() {
            self.api_version = Str::literal(self.wanted_version());
        }
        self.resources.extend(self.bases.iter().flatten().cloned());
        self.images.extend(self.image_tags.iter().flatten().cloned());
        for args in self.config_map_generator.iter_mut().chain(&mut self.secret_generator) {
            if !args.env.is_empty() {
                args.envs.push(std::mem::take(&mut args.env));
            }
        }
        let mut globals = HelmGlobals::default();
        for old in &self.helm_chart_inflation_generator {
            if !old.helm_home.is_empty() {
                globals.config_home = old.helm_home.clone();
            }
            if !old.chart_home.is_empty() {
                globals.chart_home = old.chart_home.clone();
            }
            self.helm_charts.push(HelmChart {
                name: old.chart_name.clone(),
                version: old.chart_version.clone(),
                repo: old.chart_repo_url.clone(),
                values_file: old.values.clone(),
                values_inline: old.values_local.clone(),
                values_merge: old.values_merge.clone(),
                release_name: old.release_name.clone(),
                ..HelmChart::default()
            });
        }
        if self.helm_globals.is_none() && globals != HelmGlobals::default() {
            self.helm_globals = Some(globals);
        }
    }

    fn wanted_version(&self) -> &'static str {
        if self.kind == COMPONENT {
            "kustomize.config.k8s.io/v1alpha1"
        } else {
            "kustomize.config.k8s.io/v1beta1"
        }
    }

    fn check_type(&self, directory: &str) -> Result<(), Error> {
        let mut wrong = Vec::new();
        if self.kind != KUSTOMIZATION && self.kind != COMPONENT {
            wrong.push(format!("kind should be {KUSTOMIZATION} or {COMPONENT}"));
        }
        if self.api_version != self.wanted_version() {
            wrong.push(format!("apiVersion for {} should be {}", self.kind, self.wanted_version()));
        }
        if wrong.is_empty() {
            return Ok(());
        }
        let message = format!("Failed to read kustomization file under {directory}:\n{}", wrong.join("\n"));
        Err(Error::new(ErrorKind::Kustomization, message))
    }
}

/// Returns whether a field's value leaves the struct as it is.
fn is_zero(value: &Node) -> bool {
    value.is_null() || value.as_str() == Some("")
}
