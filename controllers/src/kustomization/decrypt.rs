//! What SOPS encrypted, opened for a build: generators' files and patches before it, objects after it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gitops_core::api::Kustomization;
use gitops_core::ports::ObjectRef;
use gitops_core::tree::{EntryKind, Source, TreeError, clean, join};
use gitops_sops::{AgeKeys, Format, Integrity, SopsError, decrypt, decrypt_node};
use gitops_yaml::{FileId, Files, Node, ReadOptions, read_document};
use kustomize_rs::kustomization::FILE_NAMES;

use super::build::{BuildError, Built};
use super::generate::Generated;
use crate::context::{Context, Failure};
use crate::world::World;

/// Switches the decryption of one object off.
const SWITCH: &str = "kustomize.toolkit.fluxcd.io/decrypt";

/// Gathers the keys that `spec.decryption` names; `None` where nothing is to be decrypted.
pub(crate) async fn keys<W: World>(
    context: &Context<W>,
    namespace: &str,
    spec: &Kustomization,
) -> Result<Option<AgeKeys>, Failure> {
    let Some(decryption) = &spec.decryption else { return Ok(None) };
    if decryption.provider != "sops" {
        return Err(Failure::lasting("BuildFailed", "spec.decryption.provider must be 'sops'"));
    }
    let mut keys = AgeKeys::default();
    if let Some(reference) = &decryption.secret_ref {
        let failed = |message: String| Failure::passing("BuildFailed", message);
        let name = &reference.name;
        let data = context.secret(namespace, name).await;
        for (field, value) in data.map_err(|error| failed(error.to_string()))? {
            if field.ends_with(".agekey") {
                keys.add(&String::from_utf8_lossy(&value)).map_err(|error| {
                    failed(format!(
                        "failed to import '{field}' data from sops decryption Secret '{namespace}/{name}': {error}"
                    ))
                })?;
            }
        }
    }
    Ok(Some(keys))
}

/// What opens encrypted documents: keys, or for a preview without keys whatever stands in their place.
pub(crate) trait Seals {
    /// Opens the document of a file, from one form into another.
    fn document(&self, file: &str, content: &[u8], from: Format, to: Format) -> Result<Vec<u8>, SopsError>;

    /// Opens an object that stands in a file.
    fn node(&self, file: &str, node: &mut Node) -> Result<(), SopsError>;
}

impl Seals for AgeKeys {
    fn document(&self, _: &str, content: &[u8], from: Format, to: Format) -> Result<Vec<u8>, SopsError> {
        decrypt(content, from, to, self)
    }

    fn node(&self, _: &str, node: &mut Node) -> Result<(), SopsError> {
        decrypt_node(node, self, Integrity::Trust)
    }
}

/// A source whose encrypted files are read decrypted, as far as secret generators and patches name them.
pub(crate) struct Unsealed<'a> {
    source: &'a dyn Source,
    files: BTreeMap<String, Vec<u8>>,
}

impl<'a> Unsealed<'a> {
    /// Looks through a kustomization file and all that it includes.
    pub(crate) fn open(
        source: &'a dyn Source,
        generated: &Generated,
        seals: &dyn Seals,
    ) -> Result<Self, BuildError> {
        let mut unsealed = Self { source, files: BTreeMap::new() };
        let mut open = vec![generated.path.clone()];
        let mut seen = BTreeSet::new();
        while let Some(directory) = open.pop() {
            if !seen.insert(directory.clone()) {
                continue;
            }
            let own = generated.text.as_deref().filter(|_| directory == generated.path);
            let text = match own {
                Some(text) => Some(Cow::Borrowed(text.as_bytes())),
                None => FILE_NAMES.iter().find_map(|name| source.read(&join(&directory, name).ok()?).ok()),
            };
            // What can't be read is for the build to name.
            let read = text
                .and_then(|text| read_document(&text, FileId::NONE, &ReadOptions::yaml11()).ok().flatten());
            let Some(document) = read else { continue };
            unsealed.files_of(&directory, &document.root, seals)?;
            for included in
                ["resources", "bases", "components"].iter().flat_map(|field| texts(&document.root, field))
            {
                if let Ok(path) = join(&directory, included)
                    && source.is_directory(&path)
                {
                    open.push(path);
                }
            }
        }
        Ok(unsealed)
    }

    fn files_of(
        &mut self,
        directory: &str,
        kustomization: &Node,
        seals: &dyn Seals,
    ) -> Result<(), BuildError> {
        for generator in list(kustomization, "secretGenerator") {
            for written in texts(generator, "files") {
                let (key, path) = written.split_once('=').unwrap_or((written, written));
                self.file(directory, path, Format::of_path(key), seals)?;
            }
            let single = generator.get("env").and_then(Node::as_str);
            for path in texts(generator, "envs").chain(single) {
                let format = match Format::of_path(path) {
                    Format::Binary => Format::Dotenv,
                    format => format,
                };
                self.file(directory, path, format, seals)?;
            }
        }
        for path in list(kustomization, "patches").iter().filter_map(|patch| patch.get("path")?.as_str()) {
            self.file(directory, path, Format::of_path(path), seals)?;
        }
        Ok(())
    }

    fn file(
        &mut self,
        directory: &str,
        path: &str,
        format: Format,
        seals: &dyn Seals,
    ) -> Result<(), BuildError> {
        let Ok(path) = join(directory, path) else { return Ok(()) };
        if self.files.contains_key(&path) {
            return Ok(());
        }
        let Ok(content) = self.source.read(&path) else { return Ok(()) };
        if format.is_encrypted(&content) {
            let opened = seals.document(&path, &content, format, format).map_err(|error| {
                BuildError::at(path.clone(), format!("failed to decrypt {path}: {error}"))
            })?;
            self.files.insert(path, opened);
        }
        Ok(())
    }
}

fn list<'n>(node: &'n Node, field: &str) -> &'n [Node] {
    node.get(field).and_then(Node::items).unwrap_or_default()
}

fn texts<'n>(node: &'n Node, field: &str) -> impl Iterator<Item = &'n str> {
    list(node, field).iter().filter_map(Node::as_str)
}

impl Source for Unsealed<'_> {
    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, TreeError> {
        match clean(path).ok().and_then(|path| self.files.get(&path)) {
            Some(opened) => Ok(Cow::Borrowed(opened)),
            None => self.source.read(path),
        }
    }

    fn kind(&self, path: &str) -> Result<EntryKind, TreeError> {
        self.source.kind(path)
    }

    fn list(&self, path: &str) -> Result<Vec<String>, TreeError> {
        self.source.list(path)
    }

    fn resolve(&self, path: &str) -> Result<String, TreeError> {
        self.source.resolve(path)
    }
}

/// Opens built objects: those that SOPS encrypted as files, and values of Secrets that hold encrypted documents. Returns
/// what could not be opened, with the place of each.
///
/// The seal over a whole object is not looked at, since a build changes its clear values; each value's own is.
pub(crate) fn objects(objects: &mut [Node], files: &Files, seals: &dyn Seals) -> Vec<(String, String)> {
    let mut errors = Vec::new();
    for object in objects {
        let switch = object.at_path(&["metadata", "annotations", SWITCH]).and_then(Node::as_str);
        if switch.is_some_and(|text| text.eq_ignore_ascii_case("disabled")) {
            continue;
        }
        let place = files.show(object.place);
        let file = place.split(':').next().unwrap_or_default();
        let name = ObjectRef::of(object);
        let result = if object.get("sops").is_some_and(Node::is_mapping) {
            seals.node(file, object).map_err(|error| format!("data: {error}"))
        } else if object.get("kind").and_then(Node::as_str) == Some("Secret") {
            values(object, file, seals)
        } else {
            Ok(())
        };
        if let Err(why) = result {
            errors.push((place, format!("failed to decrypt and format '{name}' {why}")));
        }
    }
    errors
}

fn values(secret: &mut Node, file: &str, seals: &dyn Seals) -> Result<(), String> {
    for entry in secret.get_mut("data").and_then(Node::entries_mut).into_iter().flatten() {
        let key = entry.key.as_str().unwrap_or_default();
        let Ok(content) = STANDARD.decode(entry.value.as_str().unwrap_or_default()) else { continue };
        let Some(format) = Format::detect(&content) else { continue };
        let opened = seals
            .document(file, &content, format, Format::of_path(key))
            .map_err(|error| format!("Secret field '{key}': {error}"))?;
        entry.value = Node::string(STANDARD.encode(opened)).at(entry.value.place);
    }
    Ok(())
}

/// Refuses Secrets that are still encrypted: applied so they would be lost.
pub(super) fn refuse_sealed(built: &Built) -> Result<(), BuildError> {
    let mut errors = Vec::new();
    for object in &built.objects {
        let text = |field: &str| object.get(field).and_then(Node::as_str);
        if text("kind") == Some("Secret") && text("apiVersion") == Some("v1") && object.get("sops").is_some()
        {
            let name = ObjectRef::of(object);
            let message = format!(
                "{name} is SOPS encrypted, configuring decryption is required for this secret to be reconciled"
            );
            errors.push(shown(built.files.show(object.place), &message));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(BuildError::new(errors.join("\n"))) }
}

pub(super) fn shown(place: impl AsRef<str>, message: &str) -> String {
    let place = place.as_ref();
    if place.is_empty() { message.to_owned() } else { format!("{place}: {message}") }
}
