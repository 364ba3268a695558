//! ConfigMaps and Secrets of the fleet, as variables for substitution and as values for charts.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gitops_core::object::ObjectId;
use gitops_yaml::{Dialect, FileId, Kind, Node, ReadOptions, Str, read_document};

use super::app::{AppId, Gap, RenderedObject, Severity};
use super::flux::{kind, text};

/// Which object a reference names: `ConfigMap` or `Secret`, namespace, name.
pub(crate) type ConfigKey = (Str, Str, Str);

/// The ConfigMaps and Secrets that are known so far, as text: few of them are ever asked for.
#[derive(Default)]
pub(crate) struct Configs {
    known: HashMap<ConfigKey, (Arc<str>, Str)>,
}

/// The data of one, decoded.
#[derive(Clone, Default)]
pub(crate) struct Config {
    pub(crate) data: BTreeMap<Str, Str>,
    /// Where the object stands.
    pub(crate) place: Str,
}

impl Configs {
    /// Takes note of an object, if it is a ConfigMap or a Secret.
    pub(crate) fn add(&mut self, object: &RenderedObject) {
        if matches!(object.id.kind.as_str(), "ConfigMap" | "Secret") && object.api_version == "v1" {
            let ObjectId { kind, namespace, name, .. } = object.id.clone();
            self.known.insert((kind, namespace, name), (Arc::clone(&object.yaml), object.place.clone()));
        }
    }

    pub(crate) fn has(&self, key: &ConfigKey) -> bool {
        self.known.contains_key(key)
    }

    pub(crate) fn get(&self, key: &ConfigKey) -> Option<Config> {
        let (yaml, place) = self.known.get(key)?;
        let document = read_document(yaml.as_bytes(), FileId::NONE, &ReadOptions::v3()).ok()??;
        Some(Config::of(&document.root, place.clone()))
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
                config.data.insert(key.clone(), value);
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
                    };
                    found.insert(name, variable);
                }
            }
            None if is_optional => {}
            None => return Err(missing(&key, configs, show(&entry), "substitute from")),
        }
    }
    let own = spec.at_path(&["postBuild", "substitute"]).and_then(Node::entries).unwrap_or_default();
    for entry in own {
        if let (Some(name), Some(value)) = (entry.key.scalar(), entry.value.scalar()) {
            let is_null = entry.value.kind(Dialect::Yaml11) == Kind::Null;
            let value = if is_null { Str::EMPTY } else { value.replace('\n', "").into() };
            let variable = Variable { value, place: show(&entry.value), holder: String::new() };
            found.insert(name.clone(), variable);
        }
    }
    Ok(found)
}

/// Says that a ConfigMap or Secret is nowhere in the repository.
pub(crate) fn missing(key: &ConfigKey, configs: &Configs, place: String, what: &str) -> Gap {
    let (kind, namespace, name) = key;
    let gap = Gap::new(
        Severity::Error,
        place,
        format!("{what} '{kind}/{name}': no such {kind} in namespace {namespace} of this repository"),
    );
    match gitops_yaml::did_you_mean(name, configs.names(key)) {
        Some(near) => gap.help(format!("did you mean {near}?")),
        None => gap.help(format!("add the {kind} to the repository, or mark the reference optional")),
    }
}
