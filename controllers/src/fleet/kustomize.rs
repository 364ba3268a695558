//! Builds the path of one Flux Kustomization.

use gitops_core::api::{Kustomization, Object};
use gitops_core::tree::{Source, clean};
use gitops_yaml::{Dialect, Files, Node, ReadOptions, Str, from_node, read_document};
use kustomize_rs::{Build, LoadRestrictions, Observer, Options, Reorder, Resource};

use super::app::Gap;
use super::flux::text;
use super::recorder::{Reads, Recorder};
use super::roots::{Declared, FILE_NAMES};
use super::sealed::Opener;

use crate::kustomization::decrypt::{self, Unsealed};
pub(crate) use crate::kustomization::{is_manifest, near_directory};

/// What a path builds to.
#[derive(Default)]
pub(crate) struct Built {
    pub(crate) objects: Vec<Node>,
    /// The names that each object had on its way.
    pub(crate) names: Vec<Vec<Str>>,
    pub(crate) files: Files,
    pub(crate) warnings: Vec<String>,
    /// What could not be decrypted.
    pub(crate) gaps: Vec<Gap>,
}

/// Builds the path of a Flux Kustomization as its controller would, up to substitution.
pub(crate) fn build(
    recorder: &mut Recorder<'_>,
    declared: &Declared,
    observer: Option<&dyn Observer>,
    opener: &Opener<'_>,
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
    let object = read(declared)?;
    let generated = crate::kustomization::generate(&*recorder, &object).map_err(|error| {
        let place = error.location.as_deref().unwrap_or(place);
        Gap::error(place, error.message.replacen(&format!("{place}: "), "", 1))
    })?;
    if generated.is_empty {
        return Ok(Built { warnings: generated.warnings, ..Built::default() });
    }
    let overlaid = generated;
    if let Some(text) = &overlaid.text {
        recorder.set_extra(overlaid.file.clone(), text.clone().into_bytes());
    }
    let mut options = Options::default();
    options.load_restrictions = LoadRestrictions::None;
    options.reorder = Some(Reorder::None);
    let opener = match text(spec, &["decryption", "provider"]).as_str() {
        "" => None,
        "sops" => Some(opener),
        _ => {
            let place = declared.show(spec.get("decryption").unwrap_or(spec));
            return Err(Gap::error(place, "spec.decryption.provider must be 'sops'"));
        }
    };
    let unsealed = match opener {
        Some(opener) => {
            let opened = Unsealed::open(&*recorder, &overlaid, opener);
            Some(opened.map_err(|error| {
                let place = error.location.as_deref().unwrap_or(place);
                Gap::error(place, error.message.replacen(&format!("{place}: "), "", 1))
            })?)
        }
        None => None,
    };
    let source: &dyn Source = match &unsealed {
        Some(unsealed) => unsealed,
        None => &*recorder,
    };
    let mut build = Build::new(source).options(options);
    if let Some(observer) = observer {
        build = build.observe(observer);
    }
    let output = build.run(&path).map_err(|error| failed(&error, place))?;
    let names = |resource: &Resource| {
        let before = resource.history.previous.iter().map(|previous| previous.name.clone());
        before.chain([resource.name()]).collect()
    };
    let mut built = Built {
        names: output.resources().iter().map(names).collect(),
        objects: output.resources().iter().map(|resource| resource.node.clone()).collect(),
        files: output.files().clone(),
        warnings: overlaid.warnings.into_iter().chain(output.warnings().iter().cloned()).collect(),
        gaps: Vec::new(),
    };
    if let Some(opener) = opener {
        let locked = decrypt::objects(&mut built.objects, &built.files, opener);
        built.gaps = locked.into_iter().map(|(place, why)| Gap::error(place, why)).collect();
    }
    Ok(built)
}

/// Finds the field that a warning quotes, `'bases' is deprecated`, in the kustomizations that were read.
pub(crate) fn place_of_warning(source: &dyn Source, reads: &Reads, warning: &str) -> Option<String> {
    let field = warning.strip_prefix('\'')?.split('\'').next()?;
    let is_kustomization = |file: &&str| FILE_NAMES.contains(&gitops_core::tree::base_name(file));
    reads.files().filter(is_kustomization).find_map(|file| {
        let mut files = Files::default();
        let id = files.add(file);
        let document = read_document(&source.read(file).ok()?, id, &ReadOptions::yaml11()).ok()??;
        let entries = document.root.entries()?;
        let entry = entries.iter().find(|entry| entry.key.as_str() == Some(field))?;
        Some(files.show(entry.key.place))
    })
}

fn failed(error: &kustomize_rs::Error, place: &str) -> Gap {
    let place = if error.location().is_empty() { place } else { error.location() };
    let message = format!("kustomize build failed: {error}");
    let shown = format!("{place}: ");
    Gap::error(place, message.replacen(&shown, "", 1))
}

/// What the object asks for; one that lacks what it needs for running is rendered all the same.
fn read(declared: &Declared) -> Result<Kustomization, Gap> {
    match Object::<Kustomization>::read(&declared.node) {
        Ok(object) => Ok(object.spec),
        Err(error) => {
            let spec = declared.node.get("spec").and_then(|spec| from_node(spec, Dialect::Yaml11).ok());
            let place = if error.place.is_known() {
                declared.files.show(error.place)
            } else {
                declared.place.clone()
            };
            spec.ok_or_else(|| Gap::error(place, error.message))
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
