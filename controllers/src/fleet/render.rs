//! Renders a fleet, from its roots to the last chart.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use gitops_core::tree::{IGNORE_FILE, IgnoreRules, Source};
use gitops_sops::AgeKeys;
use gitops_yaml::{FileId, Files, Node, ReadOptions, Str, read_document};

use super::app::{App, AppId, AppKind, Dependency, Gap, RenderedObject, Severity};
use super::cache::codec::Writer;
use super::cache::{Cache, Entry, Used};
use super::elsewhere::{Elsewhere, Fetched};
use super::flux::{self, SourceRef, is_true, source_ref, text};
use super::kustomize::{self, own};
use super::ports::{Charts, Digests, NoCharts, NoDigests, OneByOne, Workers, map};
use super::recorder::{Answers, Digest, Recorder};
use super::release;
use super::roots::{self, Declared};
use super::sealed::{Opener, Secrets, hold_places, joined};
use super::variables::{Configs, Substitution, Variable, references, variables};

/// A repository to render.
///
/// ```
/// use gitops_controllers::fleet::{Cache, Fleet};
/// use gitops_core::tree::MemTree;
/// let mut tree = MemTree::new();
/// tree.add_file(
///     "clusters/demo/apps.yaml",
///     "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\n\
///      spec: {path: ./apps, sourceRef: {kind: GitRepository, name: fleet}}\n",
/// )?;
/// tree.add_file("apps/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b}\n")?;
/// let rendered = Fleet::new(&tree).render(&mut Cache::default());
/// assert_eq!(rendered.apps[0].id.to_string(), "kustomization/flux-system/apps");
/// assert_eq!(rendered.apps[0].objects[0].id.to_string(), "ConfigMap/b/a");
/// # Ok::<(), gitops_core::tree::TreeError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Fleet<'a> {
    pub(crate) source: &'a (dyn Source + Sync),
    pub(crate) charts: &'a dyn Charts,
    pub(crate) workers: &'a dyn Workers,
    pub(crate) below: &'a str,
    pub(crate) keep: KeepNodes<'a>,
    pub(crate) capabilities: Option<&'a helm_rs::Capabilities>,
    pub(crate) keys: Option<&'a AgeKeys>,
    pub(crate) digests: &'a dyn Digests,
}

/// Whether rendered objects keep their trees, with the place of each field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeepNodes<'a> {
    /// They are kept as text alone.
    #[default]
    No,
    /// They are kept, which costs memory and passes the cache by.
    Yes,
    /// Those of these apps are kept.
    Of(&'a [AppId]),
}

impl KeepNodes<'_> {
    fn includes(self, id: &AppId) -> bool {
        match self {
            Self::No => false,
            Self::Yes => true,
            Self::Of(apps) => apps.contains(id),
        }
    }
}

/// A fleet as it would be applied.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Rendered {
    /// The apps, each after the one that applies it.
    pub apps: Vec<App>,
    /// What is wrong with no app in particular.
    pub gaps: Vec<Gap>,
    /// The folders of the clusters' first roots, by their number.
    pub clusters: Vec<Str>,
}

impl Rendered {
    /// Returns what a cluster is called: the folder of its first root; nothing where there is only one.
    #[must_use]
    pub fn cluster_name(&self, cluster: usize) -> Str {
        if self.clusters.len() < 2 {
            return Str::EMPTY;
        }
        self.clusters.get(cluster).cloned().unwrap_or_default()
    }

    /// Lists everything that is wrong or not known, with the app it is about.
    pub fn all_gaps(&self) -> impl Iterator<Item = (Option<&AppId>, &Gap)> {
        let own = self.gaps.iter().map(|gap| (None, gap));
        own.chain(self.apps.iter().flat_map(|app| app.gaps.iter().map(|gap| (Some(&app.id), gap))))
    }
}

impl std::fmt::Debug for Fleet<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fleet").field("below", &self.below).field("keep", &self.keep).finish_non_exhaustive()
    }
}

/// An app that waits to be rendered.
#[derive(Clone)]
struct Job {
    id: AppId,
    declared: Declared,
    parent: Option<usize>,
    cluster: usize,
}

/// What one job made.
struct Outcome {
    /// What it was made from; nothing where that can't be told.
    key: Option<Digest>,
    entry: Arc<Entry>,
    was_cached: bool,
    /// With [`KeepNodes::Yes`]: the trees of the entry's objects.
    nodes: Vec<Node>,
    files: Arc<Files>,
    elsewhere: Option<Arc<Elsewhere>>,
}

/// What is known of one cluster so far.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) configs: Configs,
    pub(crate) sources: HashMap<SourceRef, Declared>,
    /// The source that holds this repository.
    pub(crate) own_source: Option<SourceRef>,
}

fn source_of(node: &Node) -> SourceRef {
    SourceRef {
        kind: flux::kind(node).into(),
        namespace: flux::namespace_of(node),
        name: text(node, &["metadata", "name"]),
    }
}

/// Returns the repository that a root reads, which is the one that is rendered.
fn repository_of(root: &Declared) -> Option<SourceRef> {
    source_ref(&root.node, &["spec", "sourceRef"]).filter(is_repository)
}

fn is_repository(source: &SourceRef) -> bool {
    source.kind != "ExternalArtifact"
}

impl World {
    /// Returns a source as it is declared, where it is another repository than the one that is rendered. What nobody
    /// declares is taken for this repository: it is bootstrapped under many names.
    pub(crate) fn other(&self, wanted: &SourceRef, is_here: impl Fn(()) -> bool) -> Option<&Declared> {
        let own = self.own_source.as_ref().filter(|own| *own != wanted)?;
        let declared = self.sources.get(wanted)?;
        let url = |declared: &Declared| text(&declared.node, &["spec", "url"]);
        let is_same = wanted.kind == own.kind
            && match self.sources.get(own) {
                Some(own) => url(own) == url(declared),
                None => is_here(()),
            };
        (!is_same).then_some(declared)
    }

    /// Takes the generators that stand beside a root or below it: who applies the root by hand applies them as well.
    fn take_generators(&mut self, generators: &[Declared], root: &str) {
        let folder = gitops_core::tree::parent(root);
        let is_beside = |one: &&Declared| {
            folder == "." || one.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        };
        for generator in generators.iter().filter(is_beside) {
            self.sources.entry(source_of(&generator.node)).or_insert_with(|| generator.clone());
        }
    }

    /// Returns the generators that may make an artifact.
    pub(crate) fn generators(&self, artifact: &SourceRef) -> impl Iterator<Item = &Declared> {
        let may =
            |source: &SourceRef| source.kind == "ArtifactGenerator" && source.namespace == artifact.namespace;
        let mut found: Vec<_> = self.sources.iter().filter(|(source, _)| may(source)).collect();
        found.sort_unstable_by_key(|(source, _)| *source);
        found.into_iter().map(|(_, declared)| declared)
    }

    /// What is known of a cluster that was rendered.
    pub(crate) fn of(rendered: &Rendered, cluster: usize) -> Self {
        let mut world = Self::default();
        for app in rendered.apps.iter().filter(|app| app.cluster == cluster) {
            if app.parent.is_none() && world.own_source.is_none() {
                world.own_source = app.source.clone().filter(is_repository);
            }
            for object in &app.objects {
                world.configs.add(object);
                if flux::is_source_version(&object.api_version)
                    && let Ok(node) = object.read()
                {
                    let node = without_places(node);
                    let place = object.place.to_string();
                    let path = place.split(':').next().unwrap_or_default().to_owned();
                    let secrets = object.secrets.clone();
                    let declared = Declared { node, path, place, files: Arc::default(), secrets };
                    world.sources.insert(source_of(&declared.node), declared);
                }
            }
        }
        world
    }
}

impl<'a> Fleet<'a> {
    /// Renders what a tree holds, without charts from elsewhere and on one thread.
    #[must_use]
    pub fn new(source: &'a (dyn Source + Sync)) -> Self {
        Self {
            source,
            charts: &NoCharts,
            workers: &OneByOne,
            below: ".",
            keep: KeepNodes::No,
            capabilities: None,
            keys: None,
            digests: &NoDigests,
        }
    }

    /// Sets who knows digests of files from before, so that files which have not changed need not be read.
    #[must_use]
    pub fn digests(mut self, digests: &'a dyn Digests) -> Self {
        self.digests = digests;
        self
    }

    /// Sets the keys that open what SOPS encrypted. Without them, or where none fits, `**SOPS**` (within another text, such as
    /// one that a variable goes into, `__SOPS__`, which no YAML takes for anything but a word) stands in place of each
    /// value and a gap names the file.
    #[must_use]
    pub fn keys(mut self, keys: &'a AgeKeys) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Sets where charts come from that the tree does not hold.
    #[must_use]
    pub fn charts(mut self, charts: &'a dyn Charts) -> Self {
        self.charts = charts;
        self
    }

    /// Sets who does the work.
    #[must_use]
    pub fn workers(mut self, workers: &'a dyn Workers) -> Self {
        self.workers = workers;
        self
    }

    /// Looks for roots below this folder only; what they lead to may lie anywhere in the tree.
    #[must_use]
    pub fn below(mut self, folder: &'a str) -> Self {
        self.below = folder;
        self
    }

    /// Says whether objects keep their trees.
    #[must_use]
    pub fn keep_nodes(mut self, keep: KeepNodes<'a>) -> Self {
        self.keep = keep;
        self
    }

    /// Sets what charts learn of the cluster.
    #[must_use]
    pub fn capabilities(mut self, capabilities: &'a helm_rs::Capabilities) -> Self {
        self.capabilities = Some(capabilities);
        self
    }

    /// The repository without what its source leaves out of an artifact, as the rules at its root say or those of all sources.
    pub(crate) fn answers(&self) -> Answers<'a> {
        let rules = self.source.read(IGNORE_FILE).unwrap_or_default();
        Answers::new(self.source).without(IgnoreRules::of(&String::from_utf8_lossy(&rules)))
    }

    /// Renders everything, and leaves in the cache what the next render can use.
    #[must_use]
    pub fn render(&self, cache: &mut Cache) -> Rendered {
        let below = gitops_core::tree::clean(self.below).unwrap_or_else(|_| ".".to_owned());
        let answers = self.answers().digests(self.digests);
        let files = roots::files_below(self.source, &below);
        let mut scans = cache.take_scans();
        let has_new_scans = scans.look(&answers, &below, &files);
        let begin = scans.found(&files);
        let mut run = Run {
            fleet: self,
            answers: &answers,
            cache,
            used: Used { scans, has_new_scans, ..Used::default() },
            rendered: Rendered::default(),
            worlds: Vec::new(),
            seen: HashSet::new(),
            releases: Vec::new(),
            fetched: Fetched::default(),
            raw: None,
        };
        let mut pending = Vec::new();
        if begin.kustomizations.is_empty() {
            pending.extend(run.plain(&below));
        }
        let generators = begin.generators.clone();
        let found = roots::roots(self.source, begin);
        for (cluster, root) in roots::clusters(&found).into_iter().zip(found) {
            let declared = root.declared;
            while run.worlds.len() <= cluster {
                run.worlds.push(World::default());
                let folder = gitops_core::tree::parent(&declared.path);
                run.rendered.clusters.push(folder.trim_end_matches("/flux-system").into());
            }
            if let Some(world) = run.worlds.get_mut(cluster) {
                world.own_source = world.own_source.take().or_else(|| repository_of(&declared));
                world.take_generators(&generators, &declared.path);
            }
            pending.extend(run.job(declared, None, cluster));
        }
        run.kustomizations(pending);
        run.releases();
        let Run { used, rendered, .. } = run;
        cache.replace(used);
        rendered
    }
}

struct Run<'f, 'a> {
    fleet: &'f Fleet<'a>,
    answers: &'f Answers<'a>,
    cache: &'f Cache,
    used: Used,
    rendered: Rendered,
    worlds: Vec<World>,
    seen: HashSet<(usize, AppId)>,
    releases: Vec<Job>,
    /// Other repositories.
    fetched: Fetched,
    /// ConfigMaps and Secrets as they stand in files, for what no app applies.
    raw: Option<Configs>,
}

impl Run<'_, '_> {
    /// A folder without any of Flux's objects, as if one Kustomization applied it.
    fn plain(&mut self, folder: &str) -> Option<Job> {
        let text = format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: \"{}\", namespace: \
             default}}\nspec: {{path: \"{folder}\"}}\n",
            gitops_core::tree::base_name(folder)
        );
        let document = read_document(text.as_bytes(), FileId::NONE, &ReadOptions::v3()).ok()??;
        self.worlds.push(World::default());
        let path = folder.to_owned();
        let declared =
            Declared { node: document.root, place: path.clone(), path, files: Arc::default(), secrets: None };
        self.job(declared, None, 0)
    }

    /// Makes a job of an app that was not seen yet.
    fn job(&mut self, declared: Declared, parent: Option<usize>, cluster: usize) -> Option<Job> {
        let id = flux::app_id(&declared.node)?;
        self.seen.insert((cluster, id.clone())).then_some(Job { id, declared, parent, cluster })
    }

    /// Renders Kustomizations and those that they apply. One that needs variables waits until nothing else is left that
    /// might bring them.
    fn kustomizations(&mut self, pending: Vec<Job>) {
        let mut pending = pending;
        while !pending.is_empty() {
            let (mut ready, mut waiting): (Vec<Job>, Vec<Job>) =
                pending.drain(..).partition(|job| self.has_all_configs(job) && self.has_generator(job));
            if ready.is_empty() {
                std::mem::swap(&mut ready, &mut waiting);
                self.find_raw_configs();
            }
            pending = waiting;
            let outcomes = map(self.fleet.workers, &ready, |job| self.kustomization(job));
            for (job, outcome) in ready.into_iter().zip(outcomes) {
                pending.extend(self.keep(job, outcome));
            }
        }
    }

    /// Returns whether something is known that may make the artifact which a job reads, if it reads one.
    fn has_generator(&self, job: &Job) -> bool {
        let wanted = source_ref(&job.declared.node, &["spec", "sourceRef"]);
        let Some(wanted) = wanted.filter(|wanted| wanted.kind == "ExternalArtifact") else { return true };
        self.worlds.get(job.cluster).is_none_or(|world| world.generators(&wanted).next().is_some())
    }

    fn has_all_configs(&self, job: &Job) -> bool {
        let Some(world) = self.worlds.get(job.cluster) else { return true };
        let list = job.declared.node.at_path(&["spec", "postBuild", "substituteFrom"]);
        references(&job.id, list).iter().all(|(key, _, _)| world.configs.has(key))
    }

    /// Looks at ConfigMaps and Secrets that no app applies so far.
    fn find_raw_configs(&mut self) {
        if self.raw.is_some() {
            return;
        }
        let files = roots::files_below(self.fleet.source, ".");
        self.used.has_new_scans |= self.used.scans.look(self.answers, ".", &files);
        let scans = &self.used.scans;
        let files = files.iter().map(String::as_str).filter(|path| scans.mentions_configs(path));
        self.raw = Some(roots::find_raw_configs(self.fleet.source, files));
    }

    fn variables(&self, job: &Job) -> Result<BTreeMap<Str, Variable>, Gap> {
        let empty = Configs::default();
        let spec = job.declared.node.get("spec").cloned().unwrap_or_else(Node::null);
        let known = self.worlds.get(job.cluster).map_or(&empty, |world| &world.configs);
        let show = |_: &Node| job.declared.place.clone();
        match variables(&job.id, &spec, known, &show) {
            Err(_) if self.raw.is_some() => {
                variables(&job.id, &spec, self.raw.as_ref().unwrap_or(&empty), &show)
            }
            other => other,
        }
    }

    fn kustomization(&self, job: &Job) -> Outcome {
        let object = &job.declared.node;
        let spec = object.get("spec").cloned().unwrap_or_else(|| Node::mapping(Vec::new()));
        let (vars, early) = match self.variables(job) {
            Ok(vars) => (vars, None),
            Err(gap) => (BTreeMap::new(), Some(gap)),
        };
        let elsewhere = self.elsewhere(job).transpose();
        let key = self.key(job, &vars, early.as_ref(), &elsewhere);
        let there = elsewhere.as_ref().ok().cloned().flatten();
        let answers = there.as_ref().map_or(self.answers, |there| &there.answers);
        let is_kept = self.fleet.keep.includes(&job.id);
        if let Some(outcome) = self.cached(key, answers).filter(|_| !is_kept) {
            return Outcome { elsewhere: there, ..outcome };
        }
        let mut entry = Entry::default();
        entry.gaps.extend(early);
        let mut recorder = Recorder::new(answers);
        let opener = Opener::new(self.fleet.keys);
        let built = elsewhere.and_then(|there| {
            let seen = there.map(|there| there.seen(&job.declared));
            kustomize::build(&mut recorder, seen.as_ref().unwrap_or(&job.declared), None, &opener)
        });
        let (mut secrets, locked) = opener.finish();
        entry.gaps.extend(locked);
        let brought = vars.values().filter_map(|variable| variable.secrets.as_ref());
        secrets.extend(&joined(brought.chain(&job.declared.secrets)));
        entry.secrets = (!secrets.is_empty()).then(|| Arc::new(secrets));
        let mut built = built.unwrap_or_else(|gap| {
            entry.gaps.push(gap);
            kustomize::Built::default()
        });
        entry.reads = recorder.into_reads();
        entry.gaps.append(&mut built.gaps);
        for warning in &built.warnings {
            let message = warning.trim_start_matches("# Warning: ").to_owned();
            let place = kustomize::place_of_warning(answers.source(), &entry.reads, &message);
            entry.gaps.push(Gap::new(Severity::Note, place.unwrap_or_default(), message));
        }
        let metadata = |field: &str| -> Vec<(Str, Str)> {
            let pairs = spec.at_path(&["commonMetadata", field]).and_then(Node::entries).unwrap_or_default();
            pairs.iter().filter_map(|e| Some((e.key.scalar()?.clone(), e.value.scalar()?.clone()))).collect()
        };
        let mut labels = Vec::new();
        if object.get("metadata").is_some() && job.declared.path.ends_with("ml") {
            labels.push((Str::literal("kustomize.toolkit.fluxcd.io/name"), job.id.name.clone()));
            labels.push((Str::literal("kustomize.toolkit.fluxcd.io/namespace"), job.id.namespace.clone()));
        }
        labels.extend(metadata("labels"));
        let annotations = metadata("annotations");
        let substitution = Substitution::new(&spec, &vars);
        let mut nodes = Vec::new();
        if let Some(there) = &there {
            built.files.rename(|name| there.origins.get(name).map(|origin| origin.as_str().into()));
            entry.gaps.iter_mut().for_each(|gap| there.origin(&mut gap.place));
        }
        let files = Arc::new(std::mem::take(&mut built.files));
        for mut node in built.objects.drain(..) {
            let place = files.show(node.place);
            refuse_sealed(&mut node, &spec, &place, &mut entry.gaps);
            if let Err(message) = substitution.apply(&mut node) {
                entry.gaps.push(Gap::error(place, message));
                continue;
            }
            own(&mut node, &labels, &annotations);
            add(node, place, (&files, is_kept), &mut entry, &mut nodes);
        }
        entry.hide_secrets();
        Outcome { nodes, files, elsewhere: there, ..Outcome::of(key, entry) }
    }

    /// What the objects of a Kustomization depend on, beside files of the tree; nothing where that can't be told.
    fn key(
        &self,
        job: &Job,
        vars: &BTreeMap<Str, Variable>,
        early: Option<&Gap>,
        elsewhere: &Result<Option<Arc<Elsewhere>>, Gap>,
    ) -> Option<Digest> {
        let mut known = Writer::default();
        known.text(&job.id.to_string());
        known.declared(&job.declared);
        known.number(vars.len());
        for (name, variable) in vars {
            known.text(name);
            known.text(&variable.value);
        }
        early.into_iter().chain(elsewhere.as_ref().err()).for_each(|gap| known.gap(gap));
        if let Ok(Some(there)) = elsewhere {
            known.text(&there.key);
        }
        let is_sealed = job.declared.node.at_path(&["spec", "decryption"]).is_some();
        let keys = self.fleet.keys.filter(|_| is_sealed).map(AgeKeys::fingerprint).unwrap_or_default();
        (!known.has_failed).then(|| Digest::of_parts([known.bytes.as_slice(), &keys]))
    }

    fn cached(&self, key: Option<Digest>, answers: &Answers<'_>) -> Option<Outcome> {
        let entry = self.cache.get(key?, answers)?;
        let (nodes, files) = (Vec::new(), Arc::default());
        Some(Outcome { key, entry, was_cached: true, nodes, files, elsewhere: None })
    }

    /// Fetches the repository that a Kustomization reads, where it is another one than this.
    fn elsewhere(&self, job: &Job) -> Option<Result<Arc<Elsewhere>, Gap>> {
        let wanted = source_ref(&job.declared.node, &["spec", "sourceRef"])?;
        let world = self.worlds.get(job.cluster)?;
        if wanted.kind == "ExternalArtifact" {
            let place = job.declared.show(job.declared.node.at_path(&["spec", "sourceRef"])?);
            return Some(self.fetched.artifact(self.fleet, (job.cluster, world), &wanted, &place));
        }
        let path = text(&job.declared.node, &["spec", "path"]);
        let is_here = |()| self.answers.source().is_directory(&path);
        let declared = world.other(&wanted, is_here)?;
        let place = &job.declared.place;
        Some(self.fetched.get(self.fleet.charts, job.cluster, &wanted, declared, place))
    }

    /// Takes an outcome into the fleet, and returns the Kustomizations that it brings.
    fn keep(&mut self, job: Job, outcome: Outcome) -> Vec<Job> {
        let index = self.rendered.apps.len();
        let mut objects = outcome.entry.objects.clone();
        for (object, node) in objects.iter_mut().zip(outcome.nodes) {
            object.node = Some(node);
        }
        let object = &job.declared.node;
        let dependency = |(on, node)| Dependency { on, place: job.declared.show(node) };
        let reference = match job.id.kind {
            AppKind::Kustomization => source_ref(object, &["spec", "sourceRef"]),
            AppKind::HelmRelease => source_ref(object, &["spec", "chart", "spec", "sourceRef"])
                .or_else(|| source_ref(object, &["spec", "chartRef"])),
        };
        let path = match job.id.kind {
            AppKind::Kustomization => text(object, &["spec", "path"]),
            AppKind::HelmRelease => text(object, &["spec", "chart", "spec", "chart"]),
        };
        let app = App {
            depends_on: flux::depends_on(object).into_iter().map(dependency).collect(),
            is_suspended: is_true(object, &["spec", "suspend"]),
            source: reference,
            path,
            place: job.declared.place.as_str().into(),
            parent: job.parent,
            cluster: job.cluster,
            manifest: job.declared.node.clone(),
            gaps: outcome.entry.gaps.clone(),
            reads: outcome.entry.reads.clone(),
            declared_in: Arc::clone(&job.declared.files),
            files: outcome.files,
            elsewhere: outcome.elsewhere,
            objects,
            id: job.id,
        };
        if let Some(world) = self.worlds.get_mut(job.cluster) {
            app.objects.iter().for_each(|object| world.configs.add(object));
            for declared in outcome.entry.declared.iter().filter(|declared| flux::is_source(&declared.node)) {
                world.sources.insert(source_of(&declared.node), declared.clone());
            }
        }
        self.rendered.apps.push(app);
        let mut more = Vec::new();
        for declared in &outcome.entry.declared {
            if let Some(job) = self.job(declared.clone(), Some(index), job.cluster) {
                match job.id.kind {
                    AppKind::Kustomization => more.push(job),
                    AppKind::HelmRelease => self.releases.push(job),
                }
            }
        }
        if outcome.was_cached {
            self.used.hits += 1;
        } else {
            self.used.misses += 1;
            self.used.missed.extend(outcome.key);
        }
        self.used.entries.extend(outcome.key.map(|key| (key, outcome.entry)));
        more
    }

    /// Renders the charts, once all ConfigMaps and sources are known; a chart may bring releases of its own.
    fn releases(&mut self) {
        while !self.releases.is_empty() {
            let jobs = std::mem::take(&mut self.releases);
            let outcomes = map(self.fleet.workers, &jobs, |job| self.release(job));
            let mut more = Vec::new();
            for (job, outcome) in jobs.into_iter().zip(outcomes) {
                more.extend(self.keep(job, outcome));
            }
            self.kustomizations(more);
        }
    }

    fn release(&self, job: &Job) -> Outcome {
        let empty = World::default();
        let world = self.worlds.get(job.cluster).unwrap_or(&empty);
        let mut recorder = Recorder::new(self.answers);
        let mut entry = Entry::default();
        let fetch = |source: &SourceRef, declared: Option<&Declared>, place: &str| match declared {
            Some(declared) => self.fetched.get(self.fleet.charts, job.cluster, source, declared, place),
            None => self.fetched.artifact(self.fleet, (job.cluster, world), source, place),
        };
        let request = release::Request::read(&job.id, &job.declared, world, &mut recorder, &fetch);
        let request = match request {
            Ok(request) => request,
            Err(gap) => {
                entry.gaps.push(gap);
                entry.reads = recorder.into_reads();
                return Outcome::of(None, entry);
            }
        };
        let key = request.key(&job.id, self.fleet);
        let is_kept = self.fleet.keep.includes(&job.id);
        if let Some(outcome) = self.cached(key, self.answers).filter(|_| !is_kept) {
            return outcome;
        }
        let mut nodes = Vec::new();
        let secrets = joined(request.secrets.iter().chain(&job.declared.secrets));
        entry.secrets = (!secrets.is_empty()).then(|| Arc::new(secrets));
        match request.render(self.fleet, &mut recorder) {
            Ok(made) => {
                entry.gaps.extend(made.gaps);
                for (node, place) in made.objects {
                    add(node, place, (&Arc::default(), is_kept), &mut entry, &mut nodes);
                }
            }
            Err(gap) => entry.gaps.push(gap),
        }
        entry.reads.extend(recorder.into_reads());
        entry.hide_secrets();
        Outcome { nodes, ..Outcome::of(key, entry) }
    }
}

impl Outcome {
    fn of(key: Option<Digest>, entry: Entry) -> Self {
        let (entry, files) = (Arc::new(entry), Arc::default());
        Self { key, entry, was_cached: false, nodes: Vec::new(), files, elsewhere: None }
    }
}

/// Adds an object to what a job made.
fn add(
    node: Node,
    place: String,
    (files, is_kept): (&Arc<Files>, bool),
    entry: &mut Entry,
    nodes: &mut Vec<Node>,
) {
    let secrets;
    match RenderedObject::of(&node, place.as_str()) {
        Ok(mut object) => {
            let tells = |secrets: &&Arc<Secrets>| object.id.kind == "Secret" || secrets.is_in(&object.yaml);
            secrets = entry.secrets.as_ref().filter(tells).cloned();
            object.secrets.clone_from(&secrets);
            entry.objects.push(object);
        }
        Err(error) => {
            entry.gaps.push(Gap::error(place, error.to_string()));
            return;
        }
    }
    if flux::app_id(&node).is_some() || flux::is_source(&node) {
        let path = place.split(':').next().unwrap_or_default().to_owned();
        let (node, files) = (node.clone(), Arc::clone(files));
        entry.declared.push(Declared { node, path, place, files, secrets });
    }
    if is_kept {
        nodes.push(node);
    }
}

/// The places of a text that was printed are no places of files.
fn without_places(mut node: Node) -> Node {
    node.place = gitops_yaml::Place::NONE;
    match &mut node.data {
        gitops_yaml::Data::Sequence(items) => {
            for item in items {
                *item = without_places(std::mem::replace(item, Node::null()));
            }
        }
        gitops_yaml::Data::Mapping(entries) => {
            for entry in entries {
                entry.key.place = gitops_yaml::Place::NONE;
                entry.value = without_places(std::mem::replace(&mut entry.value, Node::null()));
            }
        }
        _ => {}
    }
    node
}

/// Refuses an object that stays encrypted, since nothing says that it is to be decrypted.
fn refuse_sealed(node: &mut Node, spec: &Node, place: &str, gaps: &mut Vec<Gap>) {
    if spec.get("decryption").is_some() || !node.get("sops").is_some_and(Node::is_mapping) {
        return;
    }
    hold_places(node);
    let kind = flux::kind(node).to_owned();
    let name = format!("{kind}/{}/{}", flux::namespace_of(node), text(node, &["metadata", "name"]));
    let message = format!(
        "{name} is SOPS encrypted, configuring decryption is required for this secret to be reconciled"
    );
    gaps.push(Gap::error(place, message).help("set spec.decryption of the Kustomization that applies it"));
}
