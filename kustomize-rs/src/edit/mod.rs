//! Edits kustomization files as `kustomize edit` does, and unlike it keeps comments, blank lines, order and quotes.
//!
//! An edit leaves the file with the same data as upstream's: old fields (`bases`, `imageTags`, `env`) moved to the ones
//! that took their place, empty fields gone, `apiVersion` and `kind` there.

mod files;
mod fix;
mod generators;
mod glob;
mod images;
mod metadata;
mod patches;
mod rewrite;
mod shape;
mod vars;

use gitops_core::tree::{Source, join};
use gitops_yaml::{Entry, FileId, Files, Node};

use crate::error::{Error, ErrorKind};
use crate::kustomization::decode::Decoder;
use crate::kustomization::{FILE_NAMES, Kustomization};
use crate::read::read_config;
use shape::{KUSTOMIZATION, is_zero, text};

pub use files::{PathField, autodetect, expand};
pub use generators::{GeneratorEdit, GeneratorKind};
pub use metadata::{Existing, LabelForm, MetadataField, parse_pairs};
pub use patches::patch_entry;

/// The options that `buildMetadata` may list.
pub const BUILD_METADATA: [&str; 3] = ["originAnnotations", "transformerAnnotations", "managedByLabel"];

/// A kustomization file while it is edited.
///
/// ```
/// use kustomize_rs::edit::{KustomizationFile, PathField};
/// let mut file = KustomizationFile::read("# mine\nresources:\n- a.yaml # first\n", "kustomization.yaml")?;
/// file.set("namespace", "prod");
/// file.add(PathField::Resources, &["b.yaml".to_owned()]);
/// assert_eq!(
///     file.finish(),
///     "# mine\nresources:\n- a.yaml # first\n- b.yaml\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n\
///      namespace: prod\n",
/// );
/// # Ok::<(), kustomize_rs::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct KustomizationFile {
    text: String,
    data: Node,
}

impl Default for KustomizationFile {
    /// Starts an empty file.
    fn default() -> Self {
        let mut file = Self { text: String::new(), data: Node::mapping(Vec::new()) };
        file.move_old_fields();
        file
    }
}

impl KustomizationFile {
    /// Reads a file's text; `name` is what errors call it.
    ///
    /// # Errors
    /// When it is no YAML, or a field is unknown or of the wrong type.
    pub fn read(text: &str, name: &str) -> Result<Self, Error> {
        let mut files = Files::default();
        let id = files.add(name);
        let located = |error: Error| error.within("invalid Kustomization").located(&files);
        let node = read_config(text.as_bytes(), id).map_err(located)?;
        if let Some(node) = &node {
            Decoder::kustomization().decode::<Kustomization>(node).map_err(located)?;
        }
        let mut file = Self { text: text.to_owned(), data: KUSTOMIZATION.canonical(node.as_ref()) };
        file.move_old_fields();
        Ok(file)
    }

    /// Reads the kustomization file of a directory; returns its name as well.
    ///
    /// # Errors
    /// When there is none, or more than one, and as [`KustomizationFile::read`].
    pub fn find(source: &dyn Source, directory: &str) -> Result<(&'static str, Self), Error> {
        let at = |name: &str| join(directory, name).unwrap_or_else(|_| name.to_owned());
        let found: Vec<&'static str> =
            FILE_NAMES.into_iter().filter(|name| source.kind(&at(name)).is_ok()).collect();
        let refuse = |kind, message: String| Err(Error::new(kind, message));
        let name = match found[..] {
            [name] => name,
            [] => {
                return refuse(
                    ErrorKind::NotFound,
                    "Missing kustomization file 'kustomization.yaml'.\n".to_owned(),
                );
            }
            _ => {
                let message = format!("Found multiple kustomization file: [{}]\n", found.join(" "));
                return refuse(ErrorKind::Kustomization, message);
            }
        };
        if source.is_directory(&at(name)) {
            return refuse(ErrorKind::NotFound, format!("{name} should be a file"));
        }
        let content =
            source.read(&at(name)).map_err(|error| Error::new(ErrorKind::NotFound, error.to_string()))?;
        let Ok(text) = std::str::from_utf8(&content) else {
            return refuse(ErrorKind::Syntax, format!("{name} is no UTF-8"));
        };
        Ok((name, Self::read(text, name)?))
    }

    /// Returns the text with all edits.
    #[must_use]
    pub fn finish(&self) -> String {
        let mut entries: Vec<Entry> = self.data.entries().unwrap_or_default().to_vec();
        entries.sort_by_key(|entry| KUSTOMIZATION.order_of(entry.key.as_str().unwrap_or_default()));
        rewrite::rewrite(&self.text, &Node::mapping(entries))
    }

    /// Sets a field that holds one text: `namePrefix`, `nameSuffix` or `namespace`; an empty one removes it.
    pub fn set(&mut self, field: &str, value: &str) {
        self.put(field, text(value));
    }

    /// Sets the options of `buildMetadata`.
    ///
    /// # Errors
    /// When there is no such option.
    pub fn set_build_metadata(&mut self, options: &[String]) -> Result<(), Error> {
        check_build_metadata(options)?;
        self.put_texts("buildMetadata", options.to_vec());
        Ok(())
    }

    /// Adds options to `buildMetadata`.
    ///
    /// # Errors
    /// When there is no such option, or it is set already.
    pub fn add_build_metadata(&mut self, options: &[String]) -> Result<(), Error> {
        check_build_metadata(options)?;
        let mut all = self.texts("buildMetadata");
        for option in options {
            if all.contains(option) {
                return Err(refuse(format!("buildMetadata option {option} already in kustomization file")));
            }
            all.push(option.clone());
        }
        self.put_texts("buildMetadata", all);
        Ok(())
    }

    /// Removes options from `buildMetadata`; those that are not set are passed over.
    ///
    /// # Errors
    /// When there is no such option.
    pub fn remove_build_metadata(&mut self, options: &[String]) -> Result<(), Error> {
        check_build_metadata(options)?;
        let mut all = self.texts("buildMetadata");
        all.retain(|option| !options.contains(option));
        self.put_texts("buildMetadata", all);
        Ok(())
    }

    fn texts(&self, field: &str) -> Vec<String> {
        texts_of(self.data.get(field))
    }

    fn put_texts(&mut self, field: &str, values: Vec<String>) {
        self.put(field, sequence_of(values));
    }

    fn items(&self, field: &str) -> Vec<Node> {
        self.data.get(field).and_then(Node::items).unwrap_or_default().to_vec()
    }

    fn put_items(&mut self, field: &str, items: Vec<Node>) {
        self.put(field, Node::sequence(items));
    }

    fn put(&mut self, field: &str, value: Node) {
        put(&mut self.data, field, value);
    }

    /// Moves what stands in old fields to the ones that took their place, as upstream does when it reads a file.
    fn move_old_fields(&mut self) {
        let text_of = |file: &Self, field: &str| {
            file.data.get(field).and_then(Node::as_str).unwrap_or_default().to_owned()
        };
        if text_of(self, "kind").is_empty() {
            self.set("kind", "Kustomization");
        }
        if text_of(self, "apiVersion").is_empty() {
            let is_component = text_of(self, "kind") == "Component";
            let version = if is_component { "v1alpha1" } else { "v1beta1" };
            self.set("apiVersion", &format!("kustomize.config.k8s.io/{version}"));
        }
        for (old, new) in [("bases", "resources"), ("imageTags", "images")] {
            let mut all = self.items(new);
            all.extend(self.items(old));
            self.put_items(new, all);
            self.put_items(old, Vec::new());
        }
        for field in ["configMapGenerator", "secretGenerator"] {
            let mut entries = self.items(field);
            for entry in &mut entries {
                if let Some(env) = entry.remove("env") {
                    let mut envs = texts_of(entry.get("envs"));
                    envs.push(env.as_str().unwrap_or_default().to_owned());
                    put(entry, "envs", sequence_of(envs));
                }
            }
            self.put_items(field, entries);
        }
        self.move_old_charts();
    }

    fn move_old_charts(&mut self) {
        let old = self.items("helmChartInflationGenerator");
        let mut charts = self.items("helmCharts");
        let mut globals = Node::mapping(Vec::new());
        for chart in &old {
            for (from, to) in [("chartHome", "chartHome"), ("helmHome", "configHome")] {
                if let Some(home) = chart.get(from) {
                    put(&mut globals, to, home.clone());
                }
            }
            let mut new = Node::mapping(Vec::new());
            for (from, to) in [
                ("chartName", "name"),
                ("releaseName", "releaseName"),
                ("chartRepoUrl", "repo"),
                ("values", "valuesFile"),
                ("valuesLocal", "valuesInline"),
                ("valuesMerge", "valuesMerge"),
                ("chartVersion", "version"),
            ] {
                if let Some(value) = chart.get(from) {
                    put(&mut new, to, value.clone());
                }
            }
            charts.push(new);
        }
        if self.data.get("helmGlobals").is_none() && !is_zero(&globals) {
            self.put("helmGlobals", globals);
        }
        self.put_items("helmCharts", charts);
        self.put_items("helmChartInflationGenerator", Vec::new());
    }
}

/// Sets a field, or removes it where the value is empty.
fn put(mapping: &mut Node, field: &str, value: Node) {
    if is_zero(&value) {
        mapping.remove(field);
    } else {
        mapping.set(field, value);
    }
}

fn texts_of(node: Option<&Node>) -> Vec<String> {
    let items = node.and_then(Node::items).unwrap_or_default();
    items.iter().map(|item| item.as_str().unwrap_or_default().to_owned()).collect()
}

fn sequence_of(values: Vec<String>) -> Node {
    Node::sequence(values.into_iter().map(text).collect())
}

fn check_build_metadata(options: &[String]) -> Result<(), Error> {
    match options.iter().find(|option| !BUILD_METADATA.contains(&option.as_str())) {
        None => Ok(()),
        Some(option) => {
            let mut message = format!("invalid buildMetadata option: {option}");
            if let Some(near) = gitops_yaml::did_you_mean(option, BUILD_METADATA) {
                message.push_str(&format!(" (did you mean {near}?)"));
            }
            Err(refuse(message))
        }
    }
}

fn refuse(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Kustomization, message)
}

/// The id of text that is given on a command line.
const NO_FILE: FileId = FileId::NONE;
