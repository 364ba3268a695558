//! Renders one HelmRelease: finds its chart, merges its values, runs the templates and the post-renderers.

use std::collections::HashMap;
use std::sync::Arc;

use gitops_core::api::{HelmRelease, Object};
use gitops_core::object::ObjectId;
use gitops_core::tree::{Source, join};
use gitops_template::Seeded;
use gitops_yaml::{Dialect, FileId, Node, ReadOptions, Str, print_sigs, read_stream};
use helm_rs::chart::{Chart, files_in};
use helm_rs::render::{ReleaseFacts, RenderOptions};
use helm_rs::values::{Table, Value, merge_tables};
use helm_rs::{Schemas, TemplateOptions, Warnings};

use super::app::{AppId, Gap, Severity};
use super::cache::codec::Writer;
use super::elsewhere::Elsewhere;
use super::flux::{SourceRef, is_true, namespace_of, source_ref, text};
use super::kustomize::near_directory;
use super::ports::RemoteChart;
use super::recorder::{Digest, Recorder};
use super::render::{Fleet, World};
use super::roots::Declared;
use super::sealed::{SEALED_WORD, Secrets};
use super::variables::{missing, references};
use crate::helm_release::finish::Finish;
use crate::helm_release::{Form, ReleaseNames, ReleaseValues};

/// Where a release's chart is.
#[derive(Clone)]
pub(crate) enum ChartPlace {
    /// A folder or an archive of the tree.
    Tree(String),
    /// A folder or an archive of another repository.
    Elsewhere(Arc<Elsewhere>, String),
    /// A chart of a repository of charts or a registry.
    Remote(RemoteChart),
}

/// Brings the files of another source.
///
/// It is as it is declared; an artifact that is made of others is declared by none.
pub(crate) type Fetch<'f> = &'f dyn Fn(&SourceRef, Option<&Declared>, &str) -> Result<Arc<Elsewhere>, Gap>;

/// Everything that a release is rendered from, but the chart itself.
pub(crate) struct Request<'r> {
    declared: &'r Declared,
    spec: Node,
    release: HelmRelease,
    pub(crate) chart: ChartPlace,
    values_files: Vec<Str>,
    pub(crate) values: Table,
    /// What of the values was decrypted.
    pub(crate) secrets: Vec<Arc<Secrets>>,
    /// What of the values is not known.
    gaps: Vec<Gap>,
}

/// What a release became.
#[derive(Default)]
pub(crate) struct Made {
    pub(crate) objects: Vec<(Node, String)>,
    pub(crate) gaps: Vec<Gap>,
}

impl<'r> Request<'r> {
    /// Resolves the chart's source and the values.
    pub(crate) fn read(
        id: &AppId,
        declared: &'r Declared,
        world: &World,
        recorder: &mut Recorder<'_>,
        fetch: Fetch<'_>,
    ) -> Result<Self, Gap> {
        let object = &declared.node;
        let release = Object::<HelmRelease>::read(object)
            .map_err(|error| Gap::error(&*declared.place, error.message))?
            .spec;
        let spec = object.get("spec").cloned().unwrap_or_else(|| Node::mapping(Vec::new()));
        let place = |path: &[&str]| declared.show(object.at_path(path).unwrap_or(object));
        let (chart, values_files) = match (spec.at_path(&["chart", "spec"]), spec.get("chartRef")) {
            (Some(chart), _) => {
                let at = ["spec", "chart", "spec", "sourceRef"];
                let source = source_ref(object, &at)
                    .ok_or_else(|| Gap::error(place(&["spec", "chart"]), "the chart names no sourceRef"))?;
                (resolve(chart, &source, world, recorder, &place(&at), fetch)?, values_files(chart))
            }
            (None, Some(_)) => {
                let at = ["spec", "chartRef"];
                let source = source_ref(object, &at).ok_or_else(|| Gap::error(place(&at), "no chartRef"))?;
                if source.kind == "HelmChart" {
                    let found = find(world, &source, &place(&at))?;
                    let chart = found.node.get("spec").cloned().unwrap_or_else(Node::null);
                    let inner = source_ref(&found.node, &["spec", "sourceRef"])
                        .ok_or_else(|| Gap::error(&*found.place, "the HelmChart names no sourceRef"))?;
                    (resolve(&chart, &inner, world, recorder, &found.place, fetch)?, values_files(&chart))
                } else {
                    (resolve(&Node::null(), &source, world, recorder, &place(&at), fetch)?, Vec::new())
                }
            }
            (None, None) => {
                return Err(Gap::error(&*declared.place, "neither spec.chart nor spec.chartRef is set"));
            }
        };
        let (mut secrets, mut gaps) = (Vec::new(), Vec::new());
        let values = values(id, &spec, world, &|node| declared.show(node), (&mut secrets, &mut gaps))?;
        Ok(Self { declared, spec, release, chart, values_files, values, secrets, gaps })
    }

    /// What the render depends on, beside files of the tree; nothing where that can't be told.
    pub(crate) fn key(&self, id: &AppId, fleet: &Fleet<'_>) -> Option<Digest> {
        let mut declared = Writer::default();
        declared.declared(self.declared);
        let values = Value::table(self.values.clone()).to_node();
        let values = print_sigs(&values, Dialect::V3).ok().filter(|_| !declared.has_failed)?;
        let chart = match &self.chart {
            ChartPlace::Tree(path) => format!("here {path}"),
            ChartPlace::Elsewhere(there, path) => format!("{} {}", there.revision, there.path(path)),
            ChartPlace::Remote(remote) => format!("{remote:?} {}", fleet.charts.identity(remote)?),
        };
        let id = id.to_string();
        let more = format!("{:?} {:?}", self.values_files, fleet.capabilities);
        let parts: [&[u8]; 5] =
            [id.as_bytes(), &declared.bytes, values.as_bytes(), chart.as_bytes(), more.as_bytes()];
        Some(Digest::of_parts(parts))
    }

    /// Loads the chart, with the values files that the release names in place of its own values.
    pub(crate) fn load(&self, fleet: &Fleet<'_>, recorder: &mut Recorder<'_>) -> Result<Chart, Gap> {
        let refuse = |message: String| Gap::error(&*self.declared.place, message);
        let mut warnings = Warnings::new();
        let mut chart = match &self.chart {
            ChartPlace::Tree(path) if recorder.is_file(path) => {
                let content = recorder.read(path).map_err(|error| refuse(error.to_string()))?;
                Chart::load_archive(&content, &mut warnings)
            }
            ChartPlace::Tree(path) => {
                let files = files_in(recorder, path).map_err(|error| refuse(error.to_string()))?;
                Chart::load(&files, &mut warnings)
            }
            ChartPlace::Elsewhere(there, path) => {
                let (source, path) = (there.answers.source(), there.path(path));
                if source.is_file(&path) {
                    let content = source.read(&path).map_err(|error| refuse(error.to_string()))?;
                    Chart::load_archive(&content, &mut warnings)
                } else {
                    let files = files_in(source, &path).map_err(|error| refuse(error.to_string()))?;
                    Chart::load(&files, &mut warnings)
                }
            }
            ChartPlace::Remote(remote) => {
                let gap = |why| Gap::new(Severity::Warning, &*self.declared.place, why);
                Ok(fleet.charts.chart(remote).map_err(gap)?)
            }
        }
        .map_err(|error| refuse(error.to_string()))?;
        if !self.values_files.is_empty() {
            let is_lenient = is_true(&self.spec, &["chart", "spec", "ignoreMissingValuesFiles"]);
            let mut all = Table::new();
            for name in &self.values_files {
                let raw =
                    chart.raw().iter().find(|file| file.name == *name).map(|file| Arc::clone(file.data()));
                let content = match (&self.chart, raw) {
                    // In a repository the names are seen from its root.
                    (ChartPlace::Tree(_), _) => recorder.read(name).ok().map(std::borrow::Cow::into_owned),
                    (ChartPlace::Elsewhere(there, _), _) => {
                        let content = there.answers.source().read(&there.path(name)).ok();
                        content.map(std::borrow::Cow::into_owned)
                    }
                    (ChartPlace::Remote(_), raw) => raw.map(|data| data.to_vec()),
                };
                let Some(content) = content else {
                    if is_lenient {
                        continue;
                    }
                    return Err(refuse(format!("values file '{name}' not found")));
                };
                let table =
                    helm_rs::values::load_values(&content, name).map_err(|e| refuse(e.to_string()))?;
                merge_tables(&mut all, &table);
            }
            chart.set_values(all);
            // Its chart is made for the first time, as in a cluster that is new.
            let version = crate::source::helm_chart::with_metadata(&chart.metadata().version, "1");
            version.into_iter().for_each(|version| chart.set_version(version));
        }
        Ok(chart)
    }

    /// The name and the namespace of the release.
    pub(crate) fn facts(&self) -> ReleaseFacts {
        let object = &self.declared.node;
        let (name, namespace) = (text(object, &["metadata", "name"]), namespace_of(object));
        let names = ReleaseNames::of(&name, &namespace, &self.release);
        ReleaseFacts::install(names.name, names.namespace)
    }

    /// Renders the chart.
    pub(crate) fn render(&self, fleet: &Fleet<'_>, recorder: &mut Recorder<'_>) -> Result<Made, Gap> {
        let chart = self.load(fleet, recorder)?;
        let facts = self.facts();
        // Chance is the same in every render, so that only what changed differs.
        let world = Seeded::new(0x6f70_7321, 946_684_800_000_000_000);
        let mut render = RenderOptions::new(facts.clone()).world(&world);
        if let Some(capabilities) = fleet.capabilities {
            render = render.capabilities(capabilities.clone());
        }
        let skips_schema = is_true(&self.spec, &["install", "disableSchemaValidation"]);
        let options = TemplateOptions::new(render).schemas(if skips_schema {
            Schemas::Skipped
        } else {
            Schemas::Checked
        });
        let mut warnings = Warnings::new();
        let templated = helm_rs::template(chart, &self.values, &options, &mut warnings)
            .map_err(|error| Gap::error(&*self.declared.place, format!("helm template failed: {error}")))?;
        let mut made = Made { gaps: self.gaps.clone(), ..Made::default() };
        let crds = match text(&self.spec, &["install", "crds"]).as_str() {
            "Skip" => &[][..],
            _ => &templated.crds,
        };
        for crd in crds {
            self.documents(&crd.file.text(), &crd.path, &mut made)?;
        }
        for manifest in &templated.manifests {
            self.documents(&manifest.content, &manifest.file, &mut made)?;
        }
        if !is_true(&self.spec, &["install", "disableHooks"]) {
            for hook in templated.hooks_without_tests() {
                self.documents(&hook.manifest, &hook.path, &mut made)?;
            }
        }
        self.finish(&mut made, &facts)?;
        Ok(made)
    }

    fn documents(&self, text: &str, file: &str, made: &mut Made) -> Result<(), Gap> {
        let options = ReadOptions::v3();
        let documents = read_stream(text.as_bytes(), FileId::NONE, &options)
            .map_err(|error| Gap::error(&*self.declared.place, format!("{file}: {error}")))?;
        let objects = documents.into_iter().map(|document| document.root).filter(Node::is_mapping);
        made.objects.extend(objects.map(|node| (node, file.to_owned())));
        Ok(())
    }

    /// Runs the post-renderers, and adds common metadata, the controller's labels and namespaces.
    fn finish(&self, made: &mut Made, facts: &ReleaseFacts) -> Result<(), Gap> {
        let object = &self.declared.node;
        let (name, namespace) = (text(object, &["metadata", "name"]), namespace_of(object));
        let files: HashMap<ObjectId, String> =
            made.objects.iter().map(|(node, file)| (ObjectId::of(node), file.clone())).collect();
        let objects = made.objects.drain(..).map(|(node, _)| node).collect();
        let objects = Finish::new(&name, &namespace, &self.release)
            .objects(objects)
            .map_err(|why| Gap::error(&*self.declared.place, format!("post-renderer failed: {why}")))?;
        let schema = gitops_core::schema::Schema::kubernetes();
        made.objects.extend(objects.into_iter().map(|mut node| {
            let file = files.get(&ObjectId::of(&node)).cloned().unwrap_or_default();
            let is_namespaced = schema.scope(super::flux::api_version(&node), super::flux::kind(&node))
                != Some(gitops_core::schema::Scope::Cluster);
            if is_namespaced
                && text(&node, &["metadata", "namespace"]).is_empty()
                && let Some(metadata) = node.get_mut("metadata")
            {
                metadata.set("namespace", Node::string(facts.namespace.clone()));
            }
            (node, file)
        }));
        Ok(())
    }
}

fn values_files(chart: &Node) -> Vec<Str> {
    let mut files: Vec<Str> = Vec::new();
    let list = chart.get("valuesFiles").and_then(Node::items).unwrap_or_default();
    files.extend(list.iter().filter_map(Node::scalar).map(|name| name.trim_start_matches("./").into()));
    // The one of older versions is laid beneath.
    let old = text(chart, &["valuesFile"]);
    if !old.is_empty() {
        files.insert(0, old.trim_start_matches("./").into());
    }
    files
}

fn find<'w>(world: &'w World, source: &SourceRef, place: &str) -> Result<&'w Declared, Gap> {
    world.sources.get(source).ok_or_else(|| {
        let gap = Gap::error(
            place,
            format!("no such {} in this repository: {}/{}", source.kind, source.namespace, source.name),
        );
        let same = world.sources.keys().filter(|known| known.kind == source.kind);
        let mut elsewhere = same.clone().filter(|known| known.name == source.name);
        match (elsewhere.next(), gitops_yaml::did_you_mean(&source.name, same.map(|s| s.name.as_str()))) {
            (Some(other), _) => gap.help(format!("there is one in namespace {}", other.namespace)),
            (None, Some(near)) => gap.help(format!("did you mean {near}?")),
            (None, None) => gap,
        }
    })
}

/// Finds a chart by its source.
fn resolve(
    chart: &Node,
    source: &SourceRef,
    world: &World,
    recorder: &Recorder<'_>,
    place: &str,
    fetch: Fetch<'_>,
) -> Result<ChartPlace, Gap> {
    let name = text(chart, &["chart"]);
    let version = text(chart, &["version"]);
    let version = if version == "*" { Str::EMPTY } else { version };
    match source.kind.as_str() {
        "HelmRepository" => {
            let found = find(world, source, place)?;
            Ok(ChartPlace::Remote(RemoteChart {
                url: text(&found.node, &["spec", "url"]).to_string(),
                name: name.to_string(),
                version: version.to_string(),
                insecure: is_true(&found.node, &["spec", "insecure"]),
                ..RemoteChart::default()
            }))
        }
        "OCIRepository" => {
            let found = find(world, source, place)?;
            let reference = |field| text(&found.node, &["spec", "ref", field]).to_string();
            let (digest, range) = (reference("digest"), reference("semver"));
            let (version, tag) = match (digest.is_empty(), range.is_empty(), reference("tag")) {
                (false, _, _) => (String::new(), digest),
                (true, false, _) => (range, String::new()),
                (true, true, tag) if tag.is_empty() => (String::new(), "latest".to_owned()),
                (true, true, tag) => (String::new(), tag),
            };
            Ok(ChartPlace::Remote(RemoteChart {
                url: text(&found.node, &["spec", "url"]).to_string(),
                version,
                tag,
                semver_filter: reference("semverFilter"),
                insecure: is_true(&found.node, &["spec", "insecure"]),
                ..RemoteChart::default()
            }))
        }
        _ => {
            let path = join(".", &name).map_err(|error| Gap::error(place, error.to_string()))?;
            let other = world.other(source, |()| recorder.kind(&path).is_ok());
            let there = match source.kind.as_str() {
                "ExternalArtifact" => Some(fetch(source, None, place)?),
                _ => other.map(|declared| fetch(source, Some(declared), place)).transpose()?,
            };
            let (files, seen): (&dyn Source, _) = match &there {
                Some(there) => (there.answers.source(), there.path(&path)),
                None => (recorder, path.clone()),
            };
            if files.kind(&seen).is_err() {
                let gap = match &there {
                    Some(_) => Gap::error(place, format!("chart {name} is not in {source}")),
                    None => Gap::error(place, format!("chart {name} is not in this repository")),
                };
                return Err(match near_directory(files, &seen) {
                    Some(near) => gap.help(format!("did you mean ./{near}?")),
                    None => gap,
                });
            }
            if let Some(there) = there {
                return Ok(ChartPlace::Elsewhere(there, path));
            }
            Ok(ChartPlace::Tree(path))
        }
    }
}

/// Merges `valuesFrom` in order, then the values of the release itself.
fn values(
    id: &AppId,
    spec: &Node,
    world: &World,
    show: &dyn Fn(&Node) -> String,
    (secrets, gaps): (&mut Vec<Arc<Secrets>>, &mut Vec<Gap>),
) -> Result<Table, Gap> {
    let inline = spec.get("values").map(Value::from_node);
    let mut all = ReleaseValues::new(inline.as_ref().and_then(Value::as_table).cloned().unwrap_or_default());
    for (key, is_optional, entry) in references(id, spec.get("valuesFrom")) {
        let refuse = |message: String| Gap::error(show(&entry), message);
        let wanted = text(&entry, &["valuesKey"]);
        let wanted = if wanted.is_empty() { Str::literal("values.yaml") } else { wanted };
        let unresolved = {
            let (kind, namespace, name) = &key;
            format!(
                "could not resolve {kind} chart values reference '{namespace}/{name}' with key '{wanted}'"
            )
        };
        let config = match world.configs.get(&key) {
            Some(config) => config,
            None if is_optional => continue,
            None => return Err(missing(&key, &world.configs, show(&entry), &unresolved)),
        };
        let Some(value) = config.data.get(&wanted) else {
            if is_optional {
                continue;
            }
            return Err(refuse(format!("{unresolved}: key not found")));
        };
        if let Some(opened) = &config.secrets {
            // The value may be a document of several, each a secret.
            let mut each = Secrets::default();
            each.extend(opened);
            each.add_document(value);
            secrets.push(Arc::new(each));
        }
        let path = text(&entry, &["targetPath"]);
        let form = Form::of(Some(&path), is_true(&entry, &["literal"]));
        if value.trim_end() == SEALED_WORD && matches!(form, Form::File) {
            let message =
                format!("the values of {}/{} are sealed and left out: no key opens them", key.0, key.2);
            gaps.push(
                Gap::new(Severity::Unresolved, show(&entry), message)
                    .help("give an age key that opens the file"),
            );
            continue;
        }
        all.lay(value, form).map_err(|error| refuse(format!("{unresolved}: {error}")))?;
    }
    Ok(all.finish())
}
