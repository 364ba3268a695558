//! Builds the path of one Flux Kustomization.

use gitops_core::tree::{Source, clean, join};
use gitops_yaml::{Dialect, FileId, Files, Node, ReadOptions, Str, did_you_mean, print_sigs, read_document};
use kustomize_rs::{Build, LoadRestrictions, Observer, Options, Resource};

use super::app::Gap;
use super::flux::text;
use super::recorder::Recorder;
use super::roots::{Declared, FILE_NAMES};

/// Returns whether a file's name ends as a manifest's.
pub(crate) fn is_manifest(path: &str) -> bool {
    path.ends_with(".yaml") || path.ends_with(".yml")
}

/// What a path builds to.
#[derive(Default)]
pub(crate) struct Built {
    pub(crate) objects: Vec<Node>,
    /// The names that each object had on its way.
    pub(crate) names: Vec<Vec<Str>>,
    pub(crate) files: Files,
    pub(crate) warnings: Vec<String>,
}

/// Builds the path of a Flux Kustomization as its controller would, up to substitution.
pub(crate) fn build(
    recorder: &mut Recorder<'_>,
    declared: &Declared,
    observer: Option<&dyn Observer>,
) -> Result<Built, Gap> {
    let none = Node::null();
    let spec = declared.node.get("spec").unwrap_or(&none);
    let written = text(spec, &["path"]);
    let place = declared.show(spec.get("path").unwrap_or(spec));
    let place = place.as_str();
    let path = clean(&written).map_err(|error| Gap::error(place, error.to_string()))?;
    if !recorder.is_directory(&path) {
        let gap = Gap::error(place, format!("kustomization path not found: {written}"));
        return Err(match near_directory(recorder, &path) {
            Some(near) => gap.help(format!("did you mean ./{near}?")),
            None => gap,
        });
    }
    let found = FILE_NAMES.iter().find(|name| join(&path, name).is_ok_and(|file| recorder.is_file(&file)));
    let (file, existing) = match found {
        Some(name) => {
            let file = join(&path, name).map_err(|error| Gap::error(place, error.to_string()))?;
            (file, true)
        }
        None => (join(&path, "kustomization.yaml").unwrap_or_default(), false),
    };
    let changes = ["targetNamespace", "namePrefix", "nameSuffix", "patches", "components", "images"];
    if !existing || changes.iter().any(|field| spec.get(field).is_some()) {
        let mut kustomization = if existing {
            let content =
                recorder.read(&file).map_err(|error| Gap::error(&*file, error.to_string()))?.into_owned();
            let document = read_document(&content, FileId::NONE, &ReadOptions::yaml11());
            let document = document.map_err(|error| Gap::error(&*file, error.to_string()))?;
            document.map_or_else(|| Node::mapping(Vec::new()), |document| document.root)
        } else {
            generated(recorder, &path)
        };
        apply_spec(&mut kustomization, spec);
        let is_empty = kustomization.get("resources").and_then(Node::items).is_none_or(<[Node]>::is_empty);
        if is_empty && !existing {
            return Ok(Built::default());
        }
        let printed = print_sigs(&kustomization, Dialect::Yaml11);
        let printed = printed.map_err(|error| Gap::error(&*file, error.to_string()))?;
        recorder.set_extra(file, printed.into_bytes());
    }
    let mut options = Options::default();
    options.load_restrictions = LoadRestrictions::None;
    let mut build = Build::new(&*recorder).options(options);
    if let Some(observer) = observer {
        build = build.observe(observer);
    }
    let output = build.run(&path).map_err(|error| failed(&error, place))?;
    let names = |resource: &Resource| {
        let before = resource.history.previous.iter().map(|previous| previous.name.clone());
        before.chain([resource.name()]).collect()
    };
    Ok(Built {
        names: output.resources().iter().map(names).collect(),
        objects: output.resources().iter().map(|resource| resource.node.clone()).collect(),
        files: output.files().clone(),
        warnings: output.warnings().to_vec(),
    })
}

fn failed(error: &kustomize_rs::Error, place: &str) -> Gap {
    let place = if error.location().is_empty() { place } else { error.location() };
    let message = format!("kustomize build failed: {error}");
    let shown = format!("{place}: ");
    Gap::error(place, message.replacen(&shown, "", 1))
}

/// The kustomization that the controller makes up where a folder has none.
fn generated(source: &dyn Source, path: &str) -> Node {
    let mut resources = Vec::new();
    gather(source, path, "", 0, &mut resources);
    let mut kustomization = Node::mapping(Vec::new());
    kustomization.set("resources", Node::sequence(resources.into_iter().map(Node::string).collect()));
    kustomization
}

fn gather(source: &dyn Source, path: &str, prefix: &str, depth: usize, found: &mut Vec<String>) {
    for name in source.list(path).unwrap_or_default() {
        let Ok(below) = join(path, &name) else { continue };
        let shown = format!("{prefix}{name}");
        if source.is_directory(&below) {
            let own =
                FILE_NAMES.iter().any(|file| join(&below, file).is_ok_and(|file| source.is_file(&file)));
            if own {
                found.push(shown);
            } else if depth < 64 {
                gather(source, &below, &format!("{shown}/"), depth + 1, found);
            }
        } else if is_manifest(&name) {
            found.push(shown);
        }
    }
}

/// Puts what the Flux object says over the kustomization.
fn apply_spec(kustomization: &mut Node, spec: &Node) {
    for (from, to) in
        [("targetNamespace", "namespace"), ("namePrefix", "namePrefix"), ("nameSuffix", "nameSuffix")]
    {
        if let Some(value) = spec.get(from) {
            kustomization.set(to, value.clone());
        }
    }
    for field in ["patches", "components"] {
        let added = spec.get(field).and_then(Node::items).unwrap_or_default();
        if !added.is_empty() {
            let mut all = kustomization.remove(field).unwrap_or_else(|| Node::sequence(Vec::new()));
            if let Some(items) = all.items_mut() {
                items.extend(added.iter().cloned());
            }
            kustomization.set(field, all);
        }
    }
    let images = spec.get("images").and_then(Node::items).unwrap_or_default();
    if !images.is_empty() {
        let mut all = kustomization.remove("images").unwrap_or_else(|| Node::sequence(Vec::new()));
        if let Some(items) = all.items_mut() {
            for image in images {
                let name = text(image, &["name"]);
                match items.iter_mut().find(|known| text(known, &["name"]) == name) {
                    Some(known) => merge_image(known, image),
                    None => items.push(image.clone()),
                }
            }
        }
        kustomization.set("images", all);
    }
}

/// A new tag or digest takes the place of both.
fn merge_image(known: &mut Node, image: &Node) {
    if let Some(name) = image.get("newName") {
        known.set("newName", name.clone());
    }
    if image.get("newTag").is_some() || image.get("digest").is_some() {
        for field in ["newTag", "digest"] {
            known.remove(field);
            if let Some(value) = image.get(field) {
                known.set(field, value.clone());
            }
        }
    }
}

/// The folder of the tree whose path is spelt most nearly like one that is missing.
pub(crate) fn near_directory(source: &dyn Source, path: &str) -> Option<String> {
    let mut folders = Vec::new();
    list_folders(source, ".", 0, &mut folders);
    did_you_mean(path, folders.iter().map(String::as_str)).map(str::to_owned)
}

/// Folders that a suggestion is sought among.
const MOST_FOLDERS: usize = 20_000;

fn list_folders(source: &dyn Source, folder: &str, depth: usize, found: &mut Vec<String>) {
    for name in source.list(folder).unwrap_or_default() {
        let Ok(below) = join(folder, &name) else { continue };
        if name != ".git" && depth < 32 && found.len() < MOST_FOLDERS && source.is_directory(&below) {
            found.push(below.clone());
            list_folders(source, &below, depth + 1, found);
        }
    }
}

/// Labels and annotations that the controller writes on everything it applies.
pub(crate) fn own(object: &mut Node, labels: &[(Str, Str)], annotations: &[(Str, Str)]) {
    for (field, pairs) in [("labels", labels), ("annotations", annotations)] {
        if pairs.is_empty() {
            continue;
        }
        if object.get("metadata").is_none() {
            object.set("metadata", Node::mapping(Vec::new()));
        }
        let Some(metadata) = object.get_mut("metadata") else { return };
        if !metadata.get(field).is_some_and(Node::is_mapping) {
            metadata.set(field, Node::mapping(Vec::new()));
        }
        let Some(known) = metadata.get_mut(field) else { return };
        for (key, value) in pairs {
            known.set(key.clone(), Node::string(value.clone()));
        }
    }
}
