//! `configMapGenerator` and `secretGenerator`.

use std::collections::BTreeMap;

use gitops_core::tree::Source;
use gitops_yaml::{Node, Str};

use super::glob::glob;
use super::shape::{KUSTOMIZATION, text};
use super::{KustomizationFile, put, refuse, sequence_of, texts_of};
use crate::build::{Options, Session};
use crate::error::Error;
use crate::generate::{config_map, secret, with_global_options};
use crate::kustomization::decode::Decoder;
use crate::kustomization::{GeneratorArgs, GeneratorOptions, Text};
use crate::load::Loader;

/// Which generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeneratorKind {
    /// `configMapGenerator`
    ConfigMap,
    /// `secretGenerator`
    Secret,
}

impl GeneratorKind {
    fn field(self) -> &'static str {
        match self {
            Self::ConfigMap => "configMapGenerator",
            Self::Secret => "secretGenerator",
        }
    }

    /// Returns the kind as errors write it: `configmap` or `secret`.
    #[must_use]
    pub fn one(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmap",
            Self::Secret => "secret",
        }
    }
}

/// What to add to, or change in, an entry of a generator; empty parts change nothing.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct GeneratorEdit {
    /// The name of the entry.
    pub name: String,
    /// Its namespace; none and `default` are one.
    pub namespace: String,
    /// The namespace that it gets.
    pub new_namespace: String,
    /// `path` or `key=path`, where the path may be a pattern.
    pub files: Vec<String>,
    /// `key=value`
    pub literals: Vec<String>,
    /// A file of `key=value` lines.
    pub env_file: String,
    /// `create`, `merge` or `replace`.
    pub behavior: String,
    /// The type of a Secret that is new.
    pub secret_type: String,
    /// Whether the name gets no hash.
    pub disable_name_suffix_hash: bool,
}

impl KustomizationFile {
    /// Adds sources to an entry of a generator, which is made where it is missing. Files are seen from a directory of
    /// the tree; they must be there and make a resource.
    ///
    /// # Errors
    /// When nothing is to be added, what is to be added does not go together, or the generator would fail.
    pub fn add_to_generator(
        &mut self,
        kind: GeneratorKind,
        edit: &GeneratorEdit,
        source: &dyn Source,
        directory: &str,
    ) -> Result<(), Error> {
        let files = expand_files(source, directory, &edit.files)
            .map_err(|error| error.within("failed to expand file source"))?;
        check_addition(edit, &files).map_err(|error| error.within("failed to validate flags"))?;
        let mut entries = self.items(kind.field());
        let position = find(&entries, &edit.name, &edit.namespace).unwrap_or_else(|| {
            let mut entry = Node::mapping(Vec::new());
            put(&mut entry, "name", text(edit.name.as_str()));
            put(&mut entry, "namespace", text(edit.namespace.as_str()));
            if kind == GeneratorKind::Secret {
                put(&mut entry, "type", text(edit.secret_type.as_str()));
            }
            entries.push(entry);
            entries.len() - 1
        });
        let entry = &mut entries[position];
        let env_files: &[String] =
            if edit.env_file.is_empty() { &[] } else { std::slice::from_ref(&edit.env_file) };
        for (field, added) in [("literals", &edit.literals[..]), ("files", &files[..]), ("envs", env_files)] {
            let mut all = texts_of(entry.get(field));
            all.extend(added.iter().cloned());
            put(entry, field, sequence_of(all));
        }
        if edit.disable_name_suffix_hash {
            let mut options = Node::mapping(Vec::new());
            options.set("disableNameSuffixHash", Node::bool(true));
            entry.set("options", options);
        }
        if !edit.behavior.is_empty() {
            entry.set("behavior", text(edit.behavior.as_str()));
        }
        self.put_checked(kind, entries, position, source, directory)
    }

    /// Changes literals of an entry of a generator, which must have them already, or its namespace.
    ///
    /// # Errors
    /// When there is no such entry or literal, or the generator would fail.
    pub fn set_in_generator(
        &mut self,
        kind: GeneratorKind,
        edit: &GeneratorEdit,
        source: &dyn Source,
        directory: &str,
    ) -> Result<(), Error> {
        if edit.literals.is_empty() && edit.new_namespace.is_empty() {
            let message = "at least one of [--from-literal, --new-namespace] must be specified";
            return Err(refuse(message).within("failed to validate flags"));
        }
        let created = |error: Error| error.within(format!("failed to create {}", kind.one()));
        let shown = if kind == GeneratorKind::Secret { "Secret" } else { "ConfigMap" };
        let mut entries = self.items(kind.field());
        let Some(position) = find(&entries, &edit.name, &edit.namespace) else {
            let message = format!("unable to find {shown} with name {:?}", edit.name);
            return Err(created(refuse(message).within(format!("could not set new {shown} value"))));
        };
        let entry = &mut entries[position];
        if !edit.literals.is_empty() {
            let changed = update_literals(&texts_of(entry.get("literals")), &edit.literals)
                .map_err(|error| created(error.within("failed to update literal sources")))?;
            put(entry, "literals", sequence_of(changed));
        }
        if !edit.new_namespace.is_empty() {
            entry.set("namespace", text(edit.new_namespace.as_str()));
        }
        self.put_checked(kind, entries, position, source, directory)
    }

    /// Removes entries of a generator by their names; returns the names that were not there.
    ///
    /// # Errors
    /// When none was there.
    pub fn remove_from_generator(
        &mut self,
        kind: GeneratorKind,
        names: &[String],
        namespace: &str,
    ) -> Result<Vec<String>, Error> {
        let mut missing = names.to_vec();
        let mut kept = self.items(kind.field());
        let before = kept.len();
        kept.retain(|entry| {
            let name = text_of(entry, "name");
            let is_hit = names.iter().any(|wanted| wanted == name)
                && same_namespace(text_of(entry, "namespace"), namespace);
            if is_hit {
                missing.retain(|other| other != name);
            }
            !is_hit
        });
        if kept.len() == before {
            let message = format!("no specified {}(s) were found in the kustomization.yaml file", kind.one());
            return Err(refuse(message));
        }
        self.put_items(kind.field(), kept);
        Ok(missing)
    }

    /// Puts the entries in place, and makes the resource of one of them to see that it can be made.
    fn put_checked(
        &mut self,
        kind: GeneratorKind,
        mut entries: Vec<Node>,
        position: usize,
        source: &dyn Source,
        directory: &str,
    ) -> Result<(), Error> {
        let mut args: GeneratorArgs = Decoder::kustomization().decode(&entries[position])?;
        let global = self.data.get("generatorOptions");
        let global: Option<GeneratorOptions> =
            global.map(|node| Decoder::kustomization().decode(node)).transpose()?;
        args.options = with_global_options(args.options.as_ref(), global.as_ref());
        // Upstream leaves the options of all generators with the entry that it made.
        if let Some(options) = args.options.as_ref().filter(|_| global.is_some()) {
            entries[position].set("options", options_node(options));
        }
        args.name = Text::from(&*args.name);
        let session = Session::new(source, Options::default(), None);
        let loader = Loader::start(&session, directory)?;
        let make = if kind == GeneratorKind::Secret { secret } else { config_map };
        make(&loader, &args).map_err(|error| {
            error.located(&session.files()).within(format!("failed to create {}", kind.one()))
        })?;
        self.put_items(kind.field(), entries);
        self.data = KUSTOMIZATION.canonical(Some(&self.data));
        Ok(())
    }
}

fn options_node(options: &GeneratorOptions) -> Node {
    let mut node = Node::mapping(Vec::new());
    for (field, pairs) in [("labels", &options.labels), ("annotations", &options.annotations)] {
        let mut mapping = Node::mapping(Vec::new());
        for (key, value) in pairs {
            mapping.set(key.clone(), text(value.clone()));
        }
        put(&mut node, field, mapping);
    }
    put(&mut node, "disableNameSuffixHash", Node::bool(options.disable_name_suffix_hash));
    put(&mut node, "immutable", Node::bool(options.immutable));
    node
}

fn text_of<'n>(entry: &'n Node, field: &str) -> &'n str {
    entry.get(field).and_then(Node::as_str).unwrap_or_default()
}

fn same_namespace(a: &str, b: &str) -> bool {
    let named = |name: &'_ str| if name.is_empty() { Str::literal("default") } else { Str::from(name) };
    named(a) == named(b)
}

fn find(entries: &[Node], name: &str, namespace: &str) -> Option<usize> {
    entries.iter().position(|entry| {
        text_of(entry, "name") == name && same_namespace(text_of(entry, "namespace"), namespace)
    })
}

fn check_addition(edit: &GeneratorEdit, files: &[String]) -> Result<(), Error> {
    let has_others = !files.is_empty() || !edit.literals.is_empty();
    if edit.env_file.is_empty() && !has_others {
        return Err(refuse("at least from-env-file, or from-file or from-literal must be set"));
    }
    if !edit.env_file.is_empty() && has_others {
        return Err(refuse("from-env-file cannot be combined with from-file or from-literal"));
    }
    if !matches!(edit.behavior.as_str(), "" | "create" | "merge" | "replace") {
        return Err(refuse("invalid behavior: must be one of \"create\", \"merge\", or \"replace\""));
    }
    Ok(())
}

/// Finds the files that `path` or `key=path` stands for; with a key it must be one.
fn expand_files(source: &dyn Source, directory: &str, files: &[String]) -> Result<Vec<String>, Error> {
    let mut all = Vec::new();
    for file in files {
        let (key, pattern) = match file.split('=').collect::<Vec<_>>()[..] {
            [key, pattern] => (key, pattern),
            [pattern, ..] => ("", pattern),
            [] => continue,
        };
        let found = glob(source, directory, pattern)?;
        if key.is_empty() {
            all.extend(found);
            continue;
        }
        match &found[..] {
            [one] => all.push(format!("{key}={one}")),
            _ => {
                let found = found.join(" ");
                let message = format!("'pattern '{pattern}' catches files [{found}], should catch only one");
                return Err(refuse(message));
            }
        }
    }
    Ok(all)
}

/// Replaces the values of literals by those of others with the same keys. Upstream shuffles them; here they keep their
/// order.
fn update_literals(known: &[String], changed: &[String]) -> Result<Vec<String>, Error> {
    let parse = |literal: &String| match literal.split('=').collect::<Vec<_>>()[..] {
        [key, value] => Ok((key.to_owned(), value.to_owned())),
        _ => {
            let message = "invalid format: literal values must be specified in the key=value format";
            Err(refuse(message).within("failed to update resource"))
        }
    };
    let mut order: Vec<String> = Vec::new();
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    for literal in known {
        let (key, value) = parse(literal)?;
        if values.insert(key.clone(), value).is_none() {
            order.push(key);
        }
    }
    for literal in changed {
        let (key, value) = parse(literal)?;
        match values.get_mut(&key) {
            Some(known) => *known = value,
            None => return Err(refuse(format!("key '{key}' not found in resource"))),
        }
    }
    Ok(order
        .into_iter()
        .map(|key| format!("{key}={}", values.get(&key).map(String::as_str).unwrap_or_default()))
        .collect())
}
