//! The kustomization file that a Flux Kustomization is built from: the path's own with the object's fields laid over it,
//! or one that names every manifest below the path.

use std::borrow::Cow;

use gitops_core::api::{ImageOverride, Kustomization};
use gitops_core::did_you_mean;
use gitops_core::tree::{EntryKind, Source, TreeError, clean, join};
use gitops_yaml::{Dialect, FileId, Node, Place, ReadOptions, Str, print_sigs, read_document, read_stream};
use kustomize_rs::kustomization::FILE_NAMES;

use super::build::BuildError;

/// Directories nested deeper than this are not looked into.
const DEPTH: usize = 128;

/// A kustomization file that stands for the one in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// The directory that is built.
    pub path: String,
    /// Where the file stands.
    pub file: String,
    /// Its text; `None` where the tree's own serves as it is.
    pub text: Option<String>,
    /// Whether nothing is to be built: no file names anything.
    pub is_empty: bool,
    /// What is worth knowing.
    pub warnings: Vec<String>,
}

/// Makes the kustomization file of a Flux Kustomization. `root` is the path within the tree that `spec.path` is seen from.
///
/// # Errors
/// Where the path does not exist (with one that looks alike), where two kustomization files stand there, where a manifest
/// of a directory without one is no Kubernetes YAML, and where a component's path is absolute or remote.
pub fn generate(source: &dyn Source, spec: &Kustomization) -> Result<Generated, BuildError> {
    let path = directory(source, &spec.path)?;
    let mut files = Vec::new();
    for name in FILE_NAMES {
        let file = join(&path, name).map_err(|error| BuildError::new(error.to_string()))?;
        if source.is_file(&file) {
            files.push(file);
        }
    }
    if let [first, second, ..] = files.as_slice() {
        let message = format!("Found multiple kustomization files under: {path}: {first} and {second}");
        return Err(BuildError::at(second.clone(), message));
    }
    for component in &spec.components {
        if component.starts_with('/') || component.contains("://") || component.contains("git@") {
            let message = format!("component path '{component}' must be local and relative");
            return Err(BuildError::new(message));
        }
    }
    let mut warnings = Vec::new();
    let is_own = !files.is_empty();
    let (file, mut kustomization) = match files.pop() {
        Some(file) => {
            let mut node = read(source, &file)?;
            let dropped = drop_unknown(&mut node, &file, &mut warnings);
            if !dropped && !lays_over(spec) {
                return Ok(Generated { path, file, text: None, is_empty: false, warnings });
            }
            (file, node)
        }
        None => {
            let file = join(&path, FILE_NAMES[0]).map_err(|error| BuildError::new(error.to_string()))?;
            (file, gather(source, &path)?)
        }
    };
    for (field, value) in [("apiVersion", "kustomize.config.k8s.io/v1beta1"), ("kind", "Kustomization")] {
        if kustomization.get(field).is_none() {
            kustomization.set(field, Node::string(value));
        }
    }
    lay_over(source, &path, spec, &mut kustomization);
    let names_something = [
        "resources",
        "bases",
        "components",
        "generators",
        "configMapGenerator",
        "secretGenerator",
        "helmCharts",
    ]
    .iter()
    .any(|field| kustomization.get(field).and_then(Node::items).is_some_and(|items| !items.is_empty()));
    if !names_something && kustomization.get("namespace").is_none() {
        // As upstream: a file without any field is refused by kustomize, and nothing is no mistake here.
        kustomization.set("namespace", Node::string("_placeholder"));
    }
    let text =
        print_sigs(&kustomization, Dialect::Yaml11).map_err(|error| BuildError::new(error.to_string()))?;
    Ok(Generated { path, file, text: Some(text), is_empty: !is_own && !names_something, warnings })
}

fn directory(source: &dyn Source, written: &str) -> Result<String, BuildError> {
    // A path is seen from the source's root, whether it begins with a slash or not.
    let path = clean(written.trim_start_matches('/')).map_err(|error| BuildError::new(error.to_string()))?;
    match source.kind(&path) {
        Ok(EntryKind::Directory) => Ok(path),
        Ok(EntryKind::File) => {
            Err(BuildError::new(format!("kustomization path is not a directory: {written}")))
        }
        Err(_) => {
            let near = near_directory(source, &path);
            let hint = near.map(|near| format!("; did you mean ./{near}?")).unwrap_or_default();
            let shown = if written.is_empty() { "." } else { written };
            Err(BuildError::new(format!(
                "kustomization path not found: {shown}: no such file or directory{hint}"
            )))
        }
    }
}

/// Returns the directory of a tree whose path is spelt most nearly like one that is missing.
#[must_use]
pub fn near_directory(source: &dyn Source, path: &str) -> Option<String> {
    let mut found = Vec::new();
    let mut open = vec![(String::from("."), 0usize)];
    while let Some((directory, depth)) = open.pop() {
        for name in source.list(&directory).unwrap_or_default() {
            let Ok(below) = join(&directory, &name) else { continue };
            if name != ".git" && depth < 32 && found.len() < 20_000 && source.is_directory(&below) {
                found.push(below.clone());
                open.push((below, depth + 1));
            }
        }
    }
    did_you_mean(path, found.iter().map(String::as_str)).map(str::to_owned)
}

fn read(source: &dyn Source, file: &str) -> Result<Node, BuildError> {
    let failed = |message: String| BuildError::at(file, message);
    let content = source.read(file).map_err(|error| BuildError::new(error.to_string()))?;
    let document = read_document(&content, FileId::NONE, &ReadOptions::yaml11())
        .map_err(|error| failed(error.to_string()))?;
    match document {
        Some(document) if document.root.is_mapping() => Ok(document.root),
        Some(document) if document.root.as_str().is_some_and(|text| !text.is_empty() && text != "null") => {
            Err(failed("a kustomization is a mapping".into()))
        }
        Some(document) if document.root.is_sequence() => Err(failed("a kustomization is a mapping".into())),
        _ => Ok(Node::mapping(Vec::new())),
    }
}

/// Upstream reads the file into a struct and writes it again, which loses what the struct does not have without a word.
fn drop_unknown(node: &mut Node, file: &str, warnings: &mut Vec<String>) -> bool {
    let known = kustomize_rs::kustomization::Kustomization::fields();
    let Some(entries) = node.entries_mut() else { return false };
    let before = entries.len();
    entries.retain(|entry| {
        let name = entry.key.as_str().unwrap_or_default();
        let is_known = known.iter().any(|field| field.eq_ignore_ascii_case(name));
        if !is_known {
            let near = did_you_mean(name, known.iter().copied());
            let hint = near.map(|near| format!(", did you mean {near}?")).unwrap_or_default();
            let Place { line, column, .. } = entry.key.place;
            warnings.push(format!("{file}:{line}:{column}: unknown field {name} has no effect{hint}"));
        }
        is_known
    });
    entries.len() != before
}

fn lays_over(spec: &Kustomization) -> bool {
    let given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    given(&spec.target_namespace)
        || given(&spec.name_prefix)
        || given(&spec.name_suffix)
        || !spec.patches.is_empty()
        || !spec.components.is_empty()
        || !spec.images.is_empty()
        || !spec.build_metadata.is_empty()
}

fn lay_over(source: &dyn Source, path: &str, spec: &Kustomization, kustomization: &mut Node) {
    for (field, value) in [
        ("namespace", &spec.target_namespace),
        ("namePrefix", &spec.name_prefix),
        ("nameSuffix", &spec.name_suffix),
    ] {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            kustomization.set(field, Node::string(value));
        }
    }
    let patches = spec.patches.iter().filter_map(|patch| gitops_yaml::to_node(patch).ok()).collect();
    append(kustomization, "patches", patches);
    let there = |component: &&String| {
        !spec.ignore_missing_components
            || join(path, component).is_ok_and(|found| source.is_directory(&found))
    };
    let components = spec.components.iter().filter(there).map(|path| Node::string(path.as_str())).collect();
    append(kustomization, "components", components);
    append(
        kustomization,
        "buildMetadata",
        spec.build_metadata.iter().map(|name| Node::string(name.as_str())).collect(),
    );
    images(kustomization, &spec.images);
}

fn append(kustomization: &mut Node, field: &str, added: Vec<Node>) {
    if added.is_empty() {
        return;
    }
    if !kustomization.get(field).is_some_and(Node::is_sequence) {
        kustomization.set(field, Node::sequence(Vec::new()));
    }
    if let Some(items) = kustomization.get_mut(field).and_then(Node::items_mut) {
        items.extend(added);
    }
}

/// Images by name: a new name alone keeps the tag, a new tag or digest takes the place of both.
fn images(kustomization: &mut Node, wanted: &[ImageOverride]) {
    for image in wanted {
        let Ok(mut node) = gitops_yaml::to_node(image) else { continue };
        let items = kustomization.get_mut("images").and_then(Node::items_mut);
        let known = items.and_then(|items| {
            items.iter_mut().find(|known| known.get("name").and_then(Node::as_str) == Some(&image.name))
        });
        let Some(known) = known else {
            append(kustomization, "images", vec![node]);
            continue;
        };
        if let Some(name) = node.remove("newName") {
            known.set("newName", name);
        }
        if image.new_tag.is_some() || image.digest.is_some() {
            for field in ["newTag", "digest"] {
                known.remove(field);
                if let Some(value) = node.remove(field) {
                    known.set(field, value);
                }
            }
        }
    }
}

/// A kustomization of every manifest below a path; directories with a kustomization of their own stand for what is in them.
fn gather(source: &dyn Source, path: &str) -> Result<Node, BuildError> {
    let mut resources = Vec::new();
    walk(source, path, "./", 0, &mut resources)?;
    let mut kustomization = Node::mapping(Vec::new());
    kustomization.set("apiVersion", Node::string("kustomize.config.k8s.io/v1beta1"));
    kustomization.set("kind", Node::string("Kustomization"));
    if !resources.is_empty() {
        let resources = resources.into_iter().map(Node::string).collect();
        kustomization.set("resources", Node::sequence(resources));
    }
    Ok(kustomization)
}

fn walk(
    source: &dyn Source,
    directory: &str,
    shown: &str,
    depth: usize,
    found: &mut Vec<String>,
) -> Result<(), BuildError> {
    if depth > DEPTH {
        return Err(BuildError::at(directory, "directories are nested too deeply"));
    }
    let failed = |error: TreeError| BuildError::new(error.to_string());
    for name in source.list(directory).map_err(failed)? {
        let below = join(directory, &name).map_err(failed)?;
        let shown = format!("{shown}{name}");
        if source.is_directory(&below) {
            let own =
                FILE_NAMES.iter().any(|file| join(&below, file).is_ok_and(|file| source.is_file(&file)));
            if own {
                found.push(shown);
            } else {
                walk(source, &below, &format!("{shown}/"), depth + 1, found)?;
            }
        } else if is_manifest(&name) {
            check(&below, &source.read(&below).map_err(failed)?)?;
            found.push(shown);
        }
    }
    Ok(())
}

/// Returns whether a file's name ends as a manifest's.
#[must_use]
pub fn is_manifest(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    matches!(extension, Some("yaml" | "yml"))
}

/// Every document of a manifest is an object with a version, a kind and a name, or nothing.
fn check(file: &str, content: &[u8]) -> Result<(), BuildError> {
    let decode = |why: String, place: Place| {
        let place = if place.is_known() {
            format!("{file}:{}:{}", place.line, place.column)
        } else {
            file.to_owned()
        };
        let message = format!("failed to decode Kubernetes YAML from {file}: {why}");
        BuildError::at(place, message)
    };
    let documents = read_stream(content, FileId::NONE, &ReadOptions::yaml11())
        .map_err(|error| decode(error.to_string(), error.place()))?;
    for document in documents {
        let root = &document.root;
        let is_empty = root.scalar().is_some_and(|text| {
            root.kind(Dialect::Yaml11) == gitops_yaml::Kind::Null || text.trim().is_empty()
        }) || root.entries().is_some_and(<[_]>::is_empty);
        if is_empty {
            continue;
        }
        let text = |path: &[&str]| root.at_path(path).and_then(Node::scalar).filter(|text| !text.is_empty());
        let is_list = text(&["kind"]).is_some_and(|kind: &Str| kind.ends_with("List"));
        let missing = if root.get("metadata").is_none() && !(is_list && root.get("items").is_some()) {
            Some("missing Resource metadata")
        } else if text(&["kind"]).is_none() {
            Some("missing kind")
        } else if !is_list && text(&["metadata", "name"]).is_none() {
            Some("missing metadata.name")
        } else {
            None
        };
        if let Some(missing) = missing {
            let advice = "a directory without a kustomization.yaml is read whole: add one, or leave the file out with .sourceignore";
            return Err(decode(format!("{missing} ({advice})"), root.place));
        }
    }
    Ok(())
}

/// A source with one file laid over it.
pub(super) struct Overlay<'a> {
    source: &'a dyn Source,
    file: &'a str,
    text: &'a str,
}

impl<'a> Overlay<'a> {
    pub(super) fn new(source: &'a dyn Source, file: &'a str, text: &'a str) -> Self {
        Self { source, file, text }
    }

    fn is_file_laid_over(&self, path: &str) -> bool {
        clean(path).is_ok_and(|path| path == self.file)
    }
}

impl Source for Overlay<'_> {
    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, TreeError> {
        if self.is_file_laid_over(path) {
            return Ok(Cow::Borrowed(self.text.as_bytes()));
        }
        self.source.read(path)
    }

    fn kind(&self, path: &str) -> Result<EntryKind, TreeError> {
        if self.is_file_laid_over(path) {
            return Ok(EntryKind::File);
        }
        self.source.kind(path)
    }

    fn list(&self, path: &str) -> Result<Vec<String>, TreeError> {
        let mut names = self.source.list(path)?;
        let name = gitops_core::tree::base_name(self.file);
        let parent = gitops_core::tree::parent(self.file);
        let is_above = clean(path).is_ok_and(|path| clean(parent).is_ok_and(|parent| parent == path));
        if is_above && let Err(index) = names.binary_search_by(|known| known.as_str().cmp(name)) {
            names.insert(index, name.to_owned());
        }
        Ok(names)
    }

    fn resolve(&self, path: &str) -> Result<String, TreeError> {
        if self.is_file_laid_over(path) {
            return Ok(self.file.to_owned());
        }
        self.source.resolve(path)
    }
}
