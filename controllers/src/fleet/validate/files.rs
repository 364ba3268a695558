//! Files of the repository: those that nothing reads, those that only hands can apply, folders that no app could build.

use std::collections::BTreeSet;

use gitops_core::tree::{Source, base_name, join, parent};
use gitops_yaml::{Files, Node, ReadOptions, read_document};
use kustomize_rs::{Build, LoadRestrictions, Options};

use super::super::app::{Gap, Severity};
use super::super::kustomize::is_manifest;
use super::super::recorder::{Answers, Recorder};
use super::super::render::Rendered;
use super::super::roots::{FILE_NAMES, objects_of};
use super::Report;

/// A folder that was built by itself.
pub(crate) struct Alone {
    pub(crate) objects: Vec<Node>,
    pub(crate) files: Files,
}

/// The files that the apps read, whether or not they could be built.
pub(super) fn read_files(rendered: &Rendered) -> BTreeSet<String> {
    let all = rendered.apps.iter().flat_map(|app| app.reads.files().map(str::to_owned));
    // An artifact was put together of files that are read thereby.
    let parts = rendered.apps.iter().filter_map(|app| app.elsewhere.as_ref());
    all.chain(parts.flat_map(|there| there.origins.values().cloned())).collect()
}

/// The files of apps that could be built.
fn built_files(rendered: &Rendered) -> BTreeSet<&str> {
    let is_built = |gap: &Gap| !gap.message.starts_with("kustomize build failed");
    let built = rendered.apps.iter().filter(|app| app.gaps.iter().all(is_built));
    let read = built.flat_map(|app| {
        let origin = |file| app.elsewhere.as_ref().and_then(|there| there.origins.get(file));
        app.reads.files().map(move |file| origin(file).map_or(file, String::as_str))
    });
    read.collect()
}

/// Builds the folders with a kustomization that no app has built.
pub(super) fn build_alone(
    rendered: &Rendered,
    source: &(dyn Source + Sync),
    files: &[String],
    read: &mut BTreeSet<String>,
    report: &mut Report,
) -> Vec<Alone> {
    let good = built_files(rendered);
    let answers = Answers::new(source);
    let mut built = Vec::new();
    for file in files.iter().filter(|file| FILE_NAMES.contains(&base_name(file))) {
        let folder = parent(file);
        let mut names = Files::default();
        let id = names.add(file.as_str());
        let content = source.read(file).unwrap_or_default();
        let document = read_document(&content, id, &ReadOptions::yaml11()).ok().flatten();
        let Some(root) = document.map(|document| document.root) else { continue };
        literals(&root, &names, report);
        deprecated(&root, &names, file, report);
        let is_new = !read.contains(file);
        let is_component = root.get("kind").and_then(Node::as_str) == Some("Component");
        if is_component || good.contains(file.as_str()) || super::super::flux::is_kustomization(&root) {
            continue;
        }
        let recorder = Recorder::new(&answers);
        let mut options = Options::default();
        options.load_restrictions = LoadRestrictions::None;
        match Build::new(&recorder).options(options).run(folder) {
            Ok(output) => built.push(Alone {
                objects: output.resources().iter().map(|resource| resource.node.clone()).collect(),
                files: output.files().clone(),
            }),
            Err(error) if is_new => {
                let place = if error.location().is_empty() { file.as_str() } else { error.location() };
                let message =
                    format!("kustomize build failed: {error}").replacen(&format!("{place}: "), "", 1);
                let gap = Gap::new(Severity::Warning, place, message).help("no app builds this folder");
                report.add("build", None, gap);
            }
            Err(_) => {}
        }
        read.extend(recorder.into_reads().files().map(str::to_owned));
    }
    built
}

/// Fields of kustomizations that have been replaced.
const DEPRECATED: [(&str, &str); 6] = [
    ("bases", "resources"),
    ("commonLabels", "labels"),
    ("imageTags", "images"),
    ("patchesJson6902", "patches"),
    ("patchesStrategicMerge", "patches"),
    ("vars", "replacements"),
];

/// Whether a build's warning is about a field that is found here, in each file that has it.
pub(super) fn is_told_of_each(gap: &Gap) -> bool {
    DEPRECATED.iter().any(|(field, _)| gap.message.starts_with(&format!("'{field}' is deprecated")))
}

fn deprecated(kustomization: &Node, names: &Files, file: &str, report: &mut Report) {
    for entry in kustomization.entries().unwrap_or_default() {
        let found = DEPRECATED.iter().find(|(field, _)| entry.key.as_str() == Some(field));
        let Some((field, now)) = found else { continue };
        let message = format!("'{field}' is deprecated: use '{now}' instead");
        let gap = Gap::new(Severity::Note, names.show(entry.key.place), message)
            .help(format!("gitops edit fix rewrites it: run it in {}", parent(file)));
        report.add("deprecated-field", None, gap);
    }
}

/// Literals in quotes: kustomize takes them off, which not everybody expects.
fn literals(kustomization: &Node, names: &Files, report: &mut Report) {
    for generator in ["configMapGenerator", "secretGenerator"] {
        for args in kustomization.get(generator).and_then(Node::items).unwrap_or_default() {
            for literal in args.get("literals").and_then(Node::items).unwrap_or_default() {
                let Some((key, value)) = literal.as_str().and_then(|text| text.split_once('=')) else {
                    continue;
                };
                let place = names.show(literal.place);
                let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
                match quote {
                    Some(quote) if value.len() > 1 && value.ends_with(quote) => {
                        let message = format!("kustomize takes the quotes around the value of {key} off");
                        let gap =
                            Gap::new(Severity::Note, place, message).help("write the value without quotes");
                        report.add("quotes-in-literal", None, gap);
                    }
                    Some(_) => {
                        let message = format!("the quote in the value of {key} stays: it has no partner");
                        report.add("quotes-in-literal", None, Gap::new(Severity::Warning, place, message));
                    }
                    None => {}
                }
            }
        }
    }
}

/// Adds to an error about a missing file those that lie beside it and that nothing reads.
pub(super) fn with_unused(gap: &Gap, source: &dyn Source, read: &BTreeSet<String>) -> Gap {
    let mut gap = gap.clone();
    let missing = gap
        .message
        .split_once("no such file or directory: '")
        .and_then(|(_, rest)| rest.split_once('\'').map(|(path, _)| path.to_owned()));
    let Some(missing) = missing.filter(|_| gap.help.is_empty() && !gap.message.contains("did you mean"))
    else {
        return gap;
    };
    let folder = parent(&missing);
    let names = source.list(folder).unwrap_or_default();
    let is_unused = |name: &&String| {
        let path = join(folder, name).unwrap_or_default();
        is_manifest(name) && !FILE_NAMES.contains(&name.as_str()) && !read.contains(&path)
    };
    let unused: Vec<&str> = names.iter().filter(is_unused).map(String::as_str).collect();
    // What else the broken file lists is not read either, but is no candidate.
    let listed = FILE_NAMES
        .iter()
        .filter_map(|name| source.read(&join(folder, name).ok()?).ok())
        .map(|content| String::from_utf8_lossy(&content).into_owned())
        .collect::<String>();
    let unused: Vec<&str> = unused.into_iter().filter(|name| !listed.contains(name)).collect();
    if !unused.is_empty() {
        gap.help = format!("{} not found; unused file here: {}", base_name(&missing), unused.join(", "));
    }
    gap
}

/// Files of objects that nothing reads, and roots.
pub(super) fn check(
    rendered: &Rendered,
    source: &(dyn Source + Sync),
    files: &[String],
    read: &BTreeSet<String>,
    report: &mut Report,
) {
    let mut roots = BTreeSet::new();
    let suggested: Vec<&str> = rendered
        .apps
        .iter()
        .flat_map(|app| &app.gaps)
        .filter(|gap| gap.message.starts_with("kustomization path not found"))
        .filter_map(|gap| gap.help.strip_prefix("did you mean ./")?.strip_suffix('?'))
        .collect();
    for app in rendered.apps.iter().filter(|app| app.parent.is_none()) {
        let file = app.place.split(':').next().unwrap_or_default().to_owned();
        roots.insert(file.clone());
        if read.contains(&file) || file.is_empty() || !app.manifest.place.is_known() {
            continue;
        }
        let gap = if suggested.contains(&parent(&file)) {
            let message = format!("no Kustomization reads this file: {} is never applied", app.id);
            Gap::new(Severity::Warning, &*app.place, message).help(format!(
                "a Kustomization's path is spelt otherwise than this folder, {}",
                parent(&file)
            ))
        } else {
            let message =
                format!("no Kustomization reads this file: {} must be applied by hand, once", app.id);
            Gap::new(Severity::Note, &*app.place, message)
                .help(format!("run kubectl apply -f {file}, or let a Kustomization's path lead to it"))
        };
        report.add("unread-file", Some(&app.id), gap);
    }
    for file in files.iter().filter(|file| is_manifest(file)) {
        let is_hidden = file.split('/').any(|part| part.starts_with('.'));
        if read.contains(file) || roots.contains(file) || is_hidden || is_in_chart(source, file) {
            continue;
        }
        if FILE_NAMES.contains(&base_name(file)) {
            continue;
        }
        let is_object = |declared: &super::super::roots::Declared| {
            declared.node.get("apiVersion").is_some() && declared.node.get("kind").is_some()
        };
        if !objects_of(source, file).iter().any(is_object) {
            continue;
        }
        let folder = parent(file);
        let listing = FILE_NAMES.iter().find_map(|name| source.read(&join(folder, name).ok()?).ok());
        let beside = listing.is_some();
        // A build that stopped early has not read all that is listed.
        if listing.is_some_and(|text| memchr::memmem::find(&text, base_name(file).as_bytes()).is_some()) {
            continue;
        }
        let gap = if beside {
            let message = format!("{} is not listed in the kustomization beside it", base_name(file));
            Gap::new(Severity::Warning, format!("{file}:1:1"), message)
                .help("list it below resources or patches, or remove the file")
        } else {
            Gap::new(Severity::Note, format!("{file}:1:1"), "no Kustomization reads this file".to_owned())
        };
        report.add("unread-file", None, gap);
    }
}

fn is_in_chart(source: &dyn Source, file: &str) -> bool {
    let mut folder = parent(file);
    while folder != "." {
        if source.is_file(&format!("{folder}/Chart.yaml")) {
            return true;
        }
        folder = parent(folder);
    }
    false
}
