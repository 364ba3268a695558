//! ConfigMaps and Secrets of the fleet, as variables for substitution and as values for charts.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gitops_core::object::ObjectId;
use gitops_core::substitute::{Strictness, Variables, is_disabled};
use gitops_yaml::{Data, Dialect, FileId, Kind, Node, ReadOptions, Str, print_sigs, read_document};

use super::app::{AppId, Gap, RenderedObject, Severity};
use super::flux::{kind, text};
use super::sealed::{Secrets, as_word};

/// Which object a reference names: `ConfigMap` or `Secret`, namespace, name.
pub(crate) type ConfigKey = (Str, Str, Str);

/// The ConfigMaps and Secrets that are known so far, as text: few of them are ever asked for.
#[derive(Default)]
pub(crate) struct Configs {
    known: HashMap<ConfigKey, Known>,
}

/// Manifest, place, and what of it was decrypted.
type Known = (Arc<str>, Str, Option<Arc<Secrets>>);

/// The data of one, decoded.
#[derive(Clone, Default)]
pub(crate) struct Config {
    pub(crate) data: BTreeMap<Str, Str>,
    /// Where the object stands.
    pub(crate) place: Str,
    /// What of it was decrypted.
    pub(crate) secrets: Option<Arc<Secrets>>,
}

impl Configs {
    /// Takes note of an object, if it is a ConfigMap or a Secret.
    pub(crate) fn add(&mut self, object: &RenderedObject) {
        if matches!(object.id.kind.as_str(), "ConfigMap" | "Secret") && object.api_version == "v1" {
            let ObjectId { kind, namespace, name, .. } = object.id.clone();
            let known = (Arc::clone(&object.yaml), object.place.clone(), object.secrets.clone());
            self.known.insert((kind, namespace, name), known);
        }
    }

    pub(crate) fn has(&self, key: &ConfigKey) -> bool {
        self.known.contains_key(key)
    }

    pub(crate) fn get(&self, key: &ConfigKey) -> Option<Config> {
        let (yaml, place, secrets) = self.known.get(key)?;
        let document = read_document(yaml.as_bytes(), FileId::NONE, &ReadOptions::v3()).ok()??;
        Some(Config { secrets: secrets.clone(), ..Config::of(&document.root, place.clone()) })
    }

    pub(crate) fn names<'a>(&'a self, like: &'a ConfigKey) -> impl Iterator<Item = &'a str> {
        self.known.keys().filter(|key| key.0 == like.0 && key.1 == like.1).map(|key| key.2.as_str())
    }
}

impl Config {
    fn of(object: &Node, place: Str) -> Self {
        let mut config = Self { place, ..Self::default() };
        let is_secret = kind(object) == "Secret";
        for field in ["data", "stringData"] {
            for entry in object.get(field).and_then(Node::entries).unwrap_or_default() {
                let (Some(key), Some(value)) = (entry.key.scalar(), entry.value.scalar()) else { continue };
                let value = if is_secret && field == "data" { decoded(value) } else { value.clone() };
                config.data.insert(key.clone(), as_word(value));
            }
        }
        config
    }
}

/// The text of a value in base64; what is none, such as an encrypted one, stays.
fn decoded(value: &Str) -> Str {
    let packed: String = value.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = STANDARD.decode(packed.as_bytes()).ok();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).map_or_else(|| value.clone(), Str::from)
}

/// One variable of a Kustomization's substitution.
#[derive(Clone)]
pub(crate) struct Variable {
    pub(crate) value: Str,
    /// Where its value stands.
    pub(crate) place: String,
    /// What holds it: `ConfigMap/flux-system/cluster`, or nothing for the Kustomization itself.
    pub(crate) holder: String,
    /// The same as a reference.
    pub(crate) key: Option<ConfigKey>,
    /// What of the holder was decrypted.
    pub(crate) secrets: Option<Arc<Secrets>>,
}

/// The references of `postBuild.substituteFrom`, or of `valuesFrom`.
pub(crate) fn references(own: &AppId, list: Option<&Node>) -> Vec<(ConfigKey, bool, Node)> {
    let entries = list.and_then(Node::items).unwrap_or_default();
    let one = |entry: &Node| {
        let key = (text(entry, &["kind"]), own.namespace.clone(), text(entry, &["name"]));
        (key, super::flux::is_true(entry, &["optional"]), entry.clone())
    };
    entries.iter().map(one).collect()
}

/// Gathers the variables of a Kustomization: from its references in order, then its own.
pub(crate) fn variables(
    own: &AppId,
    spec: &Node,
    configs: &Configs,
    show: &dyn Fn(&Node) -> String,
) -> Result<BTreeMap<Str, Variable>, Gap> {
    let mut found = BTreeMap::new();
    for (key, is_optional, entry) in references(own, spec.at_path(&["postBuild", "substituteFrom"])) {
        match configs.get(&key) {
            Some(config) => {
                for (name, value) in config.data {
                    let variable = Variable {
                        value: value.replace('\n', "").into(),
                        place: config.place.to_string(),
                        holder: format!("{}/{}/{}", key.0, key.1, key.2),
                        key: Some(key.clone()),
                        secrets: config.secrets.clone(),
                    };
                    found.insert(name, variable);
                }
            }
            None if is_optional => {}
            None => {
                let what = format!("post build failed: substitute from '{}/{}' error", key.0, key.2);
                return Err(missing(&key, configs, show(&entry), &what));
            }
        }
    }
    let own = spec.at_path(&["postBuild", "substitute"]).and_then(Node::entries).unwrap_or_default();
    for entry in own {
        if let (Some(name), Some(value)) = (entry.key.scalar(), entry.value.scalar()) {
            let is_null = entry.value.kind(Dialect::Yaml11) == Kind::Null;
            let value = if is_null { Str::EMPTY } else { value.replace('\n', "").into() };
            let variable = Variable {
                value,
                place: show(&entry.value),
                holder: String::new(),
                key: None,
                secrets: None,
            };
            found.insert(name.clone(), variable);
        }
    }
    Ok(found)
}

/// Says in a server's words that a ConfigMap or Secret is nowhere in the repository, and what is near.
pub(crate) fn missing(key: &ConfigKey, configs: &Configs, place: String, what: &str) -> Gap {
    let (kind, namespace, name) = key;
    let resource = format!("{}s", kind.to_lowercase());
    let gap = Gap::new(Severity::Error, place, format!("{what}: {resource} \"{name}\" not found"));
    let nowhere = format!("namespace {namespace} of this repository has no such {kind}");
    match gitops_yaml::did_you_mean(name, configs.names(key)) {
        Some(near) => gap.help(format!("{nowhere}: did you mean {near}?")),
        None => gap.help(format!("{nowhere}: add it, or mark the reference optional")),
    }
}

/// What happens to objects after the build.
pub(crate) struct Substitution {
    variables: Variables,
    is_wanted: bool,
}

impl Substitution {
    pub(crate) fn new(spec: &Node, variables: &BTreeMap<Str, Variable>) -> Self {
        let variables: Variables =
            variables.iter().map(|(name, variable)| (name.as_str(), variable.value.as_str())).collect();
        let always = text(spec, &["postBuild", "substituteStrategy"]) == "Always";
        let is_wanted = spec.get("postBuild").is_some() && (always || !variables.is_empty());
        Self { variables, is_wanted }
    }

    /// Replaces the variables in an object. Its text is what they are replaced in, as the controller does it, so quotes
    /// may be lost; the places of its fields stay.
    pub(crate) fn apply(&self, object: &mut Node) -> Result<(), String> {
        if !self.is_wanted || is_disabled(object) {
            return Ok(());
        }
        let name = text(object, &["metadata", "name"]);
        let refuse =
            |why: String| format!("post build failed for '{}/{name}': envsubst error: {why}", kind(object));
        let printed = print_sigs(&*object, Dialect::V3).map_err(|error| refuse(error.to_string()))?;
        if !printed.contains('$') {
            return Ok(());
        }
        self.variables.check_names().map_err(|error| refuse(error.to_string()))?;
        let replaced = self
            .variables
            .replace_in(&printed, Strictness::Strict)
            .map_err(|error| refuse(format!("variable substitution failed: {error}")))?;
        if replaced == printed {
            return Ok(());
        }
        let options = ReadOptions::v3().without_comments();
        let document = read_document(replaced.as_bytes(), FileId::NONE, &options)
            .map_err(|error| refuse(error.to_string()))?;
        let mut new = document.map_or_else(Node::null, |document| document.root);
        take_places(object, &mut new, 0);
        *object = new;
        Ok(())
    }
}

/// Gives a tree the places of the one that it was printed from.
fn take_places(from: &Node, to: &mut Node, depth: usize) {
    to.place = from.place;
    if depth > 100 {
        return;
    }
    match &mut to.data {
        Data::Sequence(items) => {
            for (item, old) in items.iter_mut().zip(from.items().unwrap_or_default()) {
                take_places(old, item, depth + 1);
            }
        }
        Data::Mapping(entries) => {
            for entry in entries {
                entry.key.place = from.place;
                // A value that was replaced by a mapping has keys that the text before had not.
                let old = entry.key.as_str().and_then(|key| from.get(key)).unwrap_or(from);
                if let Some(found) =
                    from.entries().unwrap_or_default().iter().find(|e| e.key.as_str() == entry.key.as_str())
                {
                    entry.key.place = found.key.place;
                }
                take_places(old, &mut entry.value, depth + 1);
            }
        }
        _ => {}
    }
}
