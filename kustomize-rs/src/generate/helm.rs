//! Renders charts through whatever the caller has for it.

use gitops_yaml::{Dialect, FileId, Node, Str, print_sigs};

use crate::error::{Error, ErrorKind, NeededChart};
use crate::kustomization::{HelmChart, Text};
use crate::load::Loader;
use crate::read::{read_config, read_resources};
use crate::resource::Resource;

/// Renders charts: the port through which a build meets Helm.
pub trait ChartInflator {
    /// Renders a chart and returns its manifests as a stream of YAML.
    ///
    /// # Errors
    /// Says why not, in words for the user.
    fn inflate(&self, request: &ChartRequest) -> Result<String, String>;
}

/// A chart to render.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChartRequest {
    /// The chart's name.
    pub name: String,
    /// The chart's directory, which is in the tree.
    pub chart: String,
    /// The name of the release, empty to have one made.
    pub release_name: String,
    /// The template of the release's name, empty for none.
    pub name_template: String,
    /// The namespace of the release, empty for Helm's default.
    pub namespace: String,
    /// Texts of values to lay over the chart's own, each over the one before.
    pub values: Vec<String>,
    /// API versions that the cluster is said to have.
    pub api_versions: Vec<String>,
    /// The version that the cluster is said to be of, empty for Helm's default.
    pub kube_version: String,
    /// Whether the chart's CRDs are printed.
    pub include_crds: bool,
    /// Whether hooks are left out.
    pub skip_hooks: bool,
    /// Whether tests are left out.
    pub skip_tests: bool,
    /// Whether Helm prints more.
    pub debug: bool,
}

/// Renders the chart of an entry of `helmCharts`.
///
/// # Errors
/// When charts are not enabled, the entry contradicts itself, or the chart does not render.
pub(crate) fn inflate(loader: &Loader<'_, '_>, chart: &HelmChart) -> Result<Vec<Resource>, Error> {
    let refuse = |message: &str| Error::new(ErrorKind::Generator, message).at(chart.name.place);
    let options = &loader.session().options;
    let Some(inflator) = loader.session().inflator else { return Err(refuse("must specify --enable-helm")) };
    if chart.name.is_empty() {
        return Err(refuse("chart name cannot be empty"));
    }
    if chart.release_name.starts_with('-') {
        return Err(refuse(&format!("releaseName must not start with '-', got {:?}", chart.release_name)));
    }
    if chart.name.starts_with('-') {
        return Err(refuse(&format!("chart name must not start with '-', got {:?}", &*chart.name)));
    }
    if !matches!(chart.values_merge.as_str(), "" | "merge" | "override" | "replace") {
        return Err(refuse("valuesMerge must be one of [merge override replace]"));
    }
    let mut home =
        if chart.chart_home.is_empty() { "charts".to_owned() } else { chart.chart_home.to_string() };
    if !chart.version.is_empty() && !chart.repo.is_empty() {
        home = format!("{home}/{}-{}", &*chart.name, chart.version);
    }
    let directory = loader.full_path(&format!("{home}/{}", &*chart.name))?;
    loader.refuse_outside_repository(&directory).map_err(|error| error.at(chart.name.place))?;
    if !loader.is_directory(&format!("{home}/{}", &*chart.name)) {
        let shown = loader.session().shown(&directory);
        if chart.repo.is_empty() {
            return Err(refuse(&format!("no repo specified for pull, no chart found at '{shown}'")));
        }
        let needed = NeededChart {
            name: chart.name.to_string(),
            repository: chart.repo.to_string(),
            version: chart.version.to_string(),
            devel: chart.devel,
            directory,
        };
        return Err(Error::chart(needed, &shown).at(chart.name.place));
    }
    let mut values = Vec::new();
    values.push(merged_values(loader, chart, &home)?);
    for file in &chart.additional_values_files {
        let (_, text) =
            loader.load(file).map_err(|error| error.within("could not load additionalValuesFile"))?;
        values.push(String::from_utf8_lossy(&text).into_owned());
    }
    let or = |first: &str, second: &Str| if first.is_empty() { second.to_string() } else { first.to_owned() };
    // The chart's own entry wins over the command line here, as it is read last upstream.
    let api_versions = chart.api_versions.iter().map(Str::to_string).collect::<Vec<_>>();
    let helm = &options.helm;
    let request = ChartRequest {
        name: chart.name.to_string(),
        chart: directory,
        release_name: chart.release_name.to_string(),
        name_template: chart.name_template.to_string(),
        namespace: chart.namespace.to_string(),
        values,
        api_versions: if api_versions.is_empty() { helm.api_versions.clone() } else { api_versions },
        kube_version: or(&chart.kube_version, &Str::from(helm.kube_version.as_str())),
        include_crds: chart.include_crds,
        skip_hooks: chart.skip_hooks,
        skip_tests: chart.skip_tests,
        debug: chart.debug || helm.debug,
    };
    let manifests = inflator.inflate(&request).map_err(|message| refuse(&message))?;
    loader.session().budget.take(manifests.len())?;
    let file = loader.session().add_file(&request.chart);
    let mut resources = read_rendered(&manifests, file)?;
    for resource in &mut resources {
        resource.history.made_by_helm = true;
    }
    Ok(resources)
}

/// Reads what a chart rendered. Helm may print messages before the first document, which are passed over.
fn read_rendered(manifests: &str, file: FileId) -> Result<Vec<Resource>, Error> {
    let refuse = match read_resources(manifests.as_bytes(), file) {
        Ok(resources) => return Ok(resources),
        Err(error) => error,
    };
    let start = manifests.find("\n---");
    match start.map(|start| read_resources(&manifests.as_bytes()[start..], file)) {
        Some(Ok(resources)) if !resources.is_empty() => Ok(resources),
        _ => Err(refuse.within("could not parse bytes into resource map")),
    }
}

/// Returns the text of the values: those of the file, those written in place, or both merged.
fn merged_values(loader: &Loader<'_, '_>, chart: &HelmChart, home: &str) -> Result<String, Error> {
    let file = if chart.values_file.is_empty() {
        Text { text: format!("{home}/{}/values.yaml", &*chart.name).into(), place: chart.name.place }
    } else {
        chart.values_file.clone()
    };
    let inline = chart.values_inline.as_ref();
    let Some(inline) = inline.filter(|inline| inline.entries().is_some_and(|entries| !entries.is_empty()))
    else {
        return Ok(String::from_utf8_lossy(&loader.load(&file)?.1).into_owned());
    };
    let print = |node: &Node| {
        print_sigs(node, Dialect::Yaml11)
            .map_err(|error| Error::new(ErrorKind::Generator, error.to_string()).at(error.place()))
    };
    if chart.values_merge == "replace" {
        return print(inline);
    }
    let (path, text) = loader.load(&file)?;
    let own = read_config(&text, loader.session().add_file(&path))
        .map_err(|error| error.within("could not parse values file into rnode"))?
        .unwrap_or_else(|| Node::mapping(Vec::new()));
    let mut merged;
    if chart.values_merge == "merge" {
        merged = inline.clone();
        merge(&mut merged, &own);
    } else {
        merged = own;
        merge(&mut merged, inline);
    }
    print(&merged)
}

/// Merges a mapping over another: nulls remove, lists are replaced.
fn merge(into: &mut Node, from: &Node) {
    let Some(entries) = from.entries() else { return };
    for entry in entries {
        let Some(key) = entry.key.as_str() else { continue };
        if entry.value.is_null() {
            into.remove(key);
            continue;
        }
        match into.get_mut(key) {
            Some(value) if value.is_mapping() && entry.value.is_mapping() => merge(value, &entry.value),
            _ => into.set(key, entry.value.clone()),
        }
    }
}
