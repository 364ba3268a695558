//! Other repositories than the one that is rendered: which one a source means, and its files under a name of their own.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use gitops_core::api::{GitRepository, Object, OciRepository};
use gitops_core::tree::{EntryKind, FileMode, IgnoreRules, MemTree, Source, TreeError, clean};
use gitops_yaml::Node;

use super::app::{Gap, Severity};
use super::flux::{SourceRef, text};
use super::ports::{Charts, RemoteTree};
use super::recorder::{Answers, Digest};
use super::render::{Fleet, World};
use super::roots::Declared;
use crate::artifact_generator::{ArtifactGenerator, Below, Composed, NamedSource};

/// The files of a source that was fetched. Their paths begin with what the source is called, so that places tell them from
/// those of the repository: `GitRepository/flux-system/podinfo/kustomize/deployment.yaml`.
pub(crate) struct Elsewhere {
    prefix: String,
    pub(crate) answers: Answers<'static>,
    pub(crate) revision: String,
    /// Where files that stand in the repository come from, by their path here: other places mean nothing to a reader.
    pub(crate) origins: BTreeMap<String, String>,
    /// What builds depend on beside the files that they read.
    pub(crate) key: String,
}

impl Elsewhere {
    /// Returns the path that a path of the source has here.
    pub(crate) fn path(&self, path: &str) -> String {
        let path = clean(path).unwrap_or_else(|_| path.to_owned());
        if path == "." { self.prefix.clone() } else { format!("{}/{path}", self.prefix) }
    }

    /// Names the file of the repository in a place of a file that was copied from there.
    pub(crate) fn origin(&self, place: &mut String) {
        let end = place.find(':').unwrap_or(place.len());
        if let Some(origin) = place.get(..end).and_then(|path| self.origins.get(path)) {
            place.replace_range(..end, origin);
        }
    }

    /// A Kustomization whose path is seen from here.
    pub(crate) fn seen(&self, declared: &Declared) -> Declared {
        let mut seen = declared.clone();
        let path = self.path(&text(&seen.node, &["spec", "path"]));
        if let Some(spec) = seen.node.get_mut("spec") {
            match spec.get_mut("path") {
                Some(written) => *written = Node::string(path).at(written.place),
                None => spec.set("path", Node::string(path)),
            }
        }
        seen
    }
}

/// A tree beneath a folder, without what its rules leave out.
struct Beneath {
    prefix: String,
    tree: Arc<MemTree>,
    rules: IgnoreRules,
}

impl Beneath {
    fn inside(&self, path: &str) -> Result<String, TreeError> {
        let path = clean(path)?;
        let below = match path.strip_prefix(self.prefix.as_str()) {
            Some("") => ".",
            Some(rest) if rest.starts_with('/') => rest.trim_start_matches('/'),
            _ => return Err(TreeError::not_found(path, None)),
        };
        if self.tree.is_file(below) && self.rules.ignores(below, EntryKind::File) {
            return Err(TreeError::not_found(path, None));
        }
        Ok(below.to_owned())
    }
}

impl Source for Beneath {
    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, TreeError> {
        self.tree.read(&self.inside(path)?)
    }

    fn kind(&self, path: &str) -> Result<EntryKind, TreeError> {
        self.tree.kind(&self.inside(path)?)
    }

    fn mode(&self, path: &str) -> Result<FileMode, TreeError> {
        self.tree.mode(&self.inside(path)?)
    }

    fn list(&self, path: &str) -> Result<Vec<String>, TreeError> {
        let inside = self.inside(path)?;
        let mut names = self.tree.list(&inside)?;
        let is_kept = |name: &String| {
            let path = if inside == "." { name.clone() } else { format!("{inside}/{name}") };
            !self.tree.is_file(&path) || !self.rules.ignores(&path, EntryKind::File)
        };
        names.retain(is_kept);
        Ok(names)
    }

    fn resolve(&self, path: &str) -> Result<String, TreeError> {
        let resolved = self.tree.resolve(&self.inside(path)?)?;
        Ok(if resolved == "." { self.prefix.clone() } else { format!("{}/{resolved}", self.prefix) })
    }
}

type Slot = Arc<OnceLock<Result<Arc<Elsewhere>, String>>>;

/// The sources that were asked for, each fetched once.
#[derive(Default)]
pub(crate) struct Fetched {
    known: Mutex<HashMap<(usize, SourceRef), Slot>>,
}

impl Fetched {
    /// Fetches what a source means.
    pub(crate) fn get(
        &self,
        charts: &dyn Charts,
        cluster: usize,
        source: &SourceRef,
        declared: &Declared,
        place: &str,
    ) -> Result<Arc<Elsewhere>, Gap> {
        self.once(cluster, source, || fetch(charts, source, declared))
            .map_err(|why| Gap::new(Severity::Warning, place, why))
    }

    fn once(
        &self,
        cluster: usize,
        source: &SourceRef,
        make: impl FnOnce() -> Result<Arc<Elsewhere>, String>,
    ) -> Result<Arc<Elsewhere>, String> {
        let slot = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry((cluster, source.clone())).or_default())
        };
        // Another job may be making it: this one waits.
        slot.get_or_init(make).clone()
    }

    /// Puts together what an ArtifactGenerator of the fleet makes.
    pub(crate) fn artifact(
        &self,
        fleet: &Fleet<'_>,
        (cluster, world): (usize, &World),
        wanted: &SourceRef,
        place: &str,
    ) -> Result<Arc<Elsewhere>, Gap> {
        let unknown = || {
            let message = format!("{wanted} is made in the cluster: what it holds is not rendered here");
            Gap::new(Severity::Warning, place, message).help(format!(
                "no ArtifactGenerator in namespace {} of this repository makes it",
                wanted.namespace
            ))
        };
        for declared in world.generators(wanted) {
            let refuse = |why: String| Gap::error(&*declared.place, why);
            let generator = ArtifactGenerator::read(&declared.node).map_err(refuse)?;
            let mut trees = HashMap::new();
            for source in &generator.sources {
                let there = self.source(fleet, (cluster, world), wanted, source, &declared.place)?;
                trees.insert(source.alias.clone(), there);
            }
            let sources = |alias: &str| {
                Some(match trees.get(alias)? {
                    Some(there) => Below { tree: there.answers.source(), folder: &there.prefix },
                    None => Below { tree: fleet.source, folder: "." },
                })
            };
            let is_here = |alias: &str| matches!(trees.get(alias), Some(None));
            if let Some(artifact) = generator.artifact(&wanted.name, &sources).map_err(refuse)? {
                let make = || Ok(Arc::new(Elsewhere::composed(wanted, artifact.compose(&sources)?, is_here)));
                return self.once(cluster, wanted, make).map_err(refuse);
            }
        }
        Err(unknown())
    }

    /// Returns the files of a generator's source; nothing for this repository.
    fn source(
        &self,
        fleet: &Fleet<'_>,
        (cluster, world): (usize, &World),
        wanted: &SourceRef,
        source: &NamedSource,
        place: &str,
    ) -> Result<Option<Arc<Elsewhere>>, Gap> {
        let namespace = match source.namespace.as_str() {
            "" => wanted.namespace.clone(),
            namespace => namespace.into(),
        };
        let reference =
            SourceRef { kind: source.kind.as_str().into(), namespace, name: source.name.as_str().into() };
        match (source.kind.as_str(), world.other(&reference, |()| true)) {
            ("GitRepository" | "OCIRepository" | "Bucket", None) => Ok(None),
            (_, Some(declared)) => self.get(fleet.charts, cluster, &reference, declared, place).map(Some),
            (_, None) => {
                let message = format!("{reference}, which {wanted} is made from, can't be rendered here");
                Err(Gap::new(Severity::Warning, place, message))
            }
        }
    }
}

impl Elsewhere {
    fn composed(wanted: &SourceRef, made: Composed, is_here: impl Fn(&str) -> bool) -> Self {
        let prefix = wanted.to_string();
        let here = made.origins.into_iter().filter(|(_, (alias, _))| is_here(alias));
        let origins: BTreeMap<String, String> =
            here.map(|(path, (_, origin))| (format!("{prefix}/{path}"), origin)).collect();
        let files = made.tree.files();
        let contents = files.iter().flat_map(|(path, content)| [path.as_bytes(), content]);
        let revision = Digest::of_parts(contents).to_string();
        let key = origins.iter().flat_map(|(path, origin)| [path.as_bytes(), origin.as_bytes()]);
        let key = Digest::of_parts(key).to_string();
        drop(files);
        let rules = IgnoreRules::of("");
        let beneath = Beneath { prefix: prefix.clone(), tree: Arc::new(made.tree), rules };
        Self { prefix, answers: Answers::owning(Arc::new(beneath)), revision, origins, key }
    }
}

fn fetch(charts: &dyn Charts, source: &SourceRef, declared: &Declared) -> Result<Arc<Elsewhere>, String> {
    let (wanted, ignore) = wanted(source, &declared.node)?;
    let fetched = charts.tree(&wanted).map_err(|why| {
        let url = text(&declared.node, &["spec", "url"]);
        format!("{source} is another repository than this one: {url}: {why}")
    })?;
    let rules = IgnoreRules::load(&*fetched.tree, ignore.as_deref()).map_err(|error| error.to_string())?;
    let prefix = source.to_string();
    let beneath = Beneath { prefix: prefix.clone(), tree: fetched.tree, rules };
    let answers = Answers::owning(Arc::new(beneath));
    // Other rules leave other files.
    let revision = format!("{} {}", fetched.revision, ignore.unwrap_or_default());
    let key = revision.clone();
    Ok(Arc::new(Elsewhere { prefix, answers, revision, origins: BTreeMap::new(), key }))
}

/// What a source asks for, and what it leaves out.
fn wanted(source: &SourceRef, object: &Node) -> Result<(RemoteTree, Option<String>), String> {
    match source.kind.as_str() {
        "GitRepository" => {
            let spec = Object::<GitRepository>::read(object).map_err(|error| error.message)?.spec;
            if !spec.include.is_empty() {
                return Err(format!("{source} includes other repositories, which is not rendered here"));
            }
            let wanted = RemoteTree::Git {
                url: spec.url,
                reference: crate::source::git_repository::git_reference(spec.reference.as_ref()),
                submodules: spec.recurse_submodules,
                directories: spec.sparse_checkout,
            };
            Ok((wanted, spec.ignore))
        }
        "OCIRepository" => {
            let spec = Object::<OciRepository>::read(object).map_err(|error| error.message)?.spec;
            let reference = spec.reference.unwrap_or_default();
            let selector = spec.layer_selector.unwrap_or_default();
            if selector.operation.as_deref() == Some("copy") {
                return Err(format!("{source} copies a layer, whose files are not rendered here"));
            }
            let wanted = RemoteTree::Oci {
                url: spec.url,
                digest: reference.digest.unwrap_or_default(),
                semver: reference.semver.unwrap_or_default(),
                semver_filter: reference.semver_filter.unwrap_or_default(),
                tag: reference.tag.unwrap_or_default(),
                media_type: selector.media_type.unwrap_or_default(),
                insecure: spec.insecure,
            };
            Ok((wanted, spec.ignore))
        }
        kind => Err(format!("{source}: files of a {kind} can't be fetched here")),
    }
}
