//! Writes a file whole, as Flux does through kyaml, its damage included.

use super::Updater;
use super::report::SkipReason;
use super::scan::{Reach, Site, object_id, sites, strays};
use super::update::{Update, change};
use crate::Conflict;
use gitops_yaml::{
    Data, Dialect, Edits, FileId, Kind, KyamlDocument, Node, Place, PrintOptions, Style, Tag, print_kyaml,
    print_v3, read_kyaml, resolve,
};
use std::collections::{BTreeMap, HashMap};

/// Updates one file.
pub(super) fn file(updater: &mut Updater<'_>, path: &str, text: &str) -> Result<(), Conflict> {
    let mut documents = match read_kyaml(text, FileId::NONE) {
        Ok(documents) => documents,
        Err(error) => {
            updater.skip(path, SkipReason::LikeFlux(error.to_string()));
            return Ok(());
        }
    };
    let found: Vec<Site> =
        documents.iter().flat_map(|read| sites(&read.document.root, Reach::ByKey)).collect();
    if let Ok(edits) = Edits::new(text) {
        for stray in strays(text, &found, edits.scalars()) {
            updater.problem(path, stray.line, stray.column, stray.problem);
        }
    }
    let mut new_values = HashMap::new();
    let mut recorded = Vec::new();
    for site in &found {
        let Some((value, setter, image)) = updater.wanted(path, site)? else { continue };
        if value != site.value {
            recorded.push((site.object.clone(), change(site, value.clone(), &setter), image));
        }
        new_values.insert((site.place.line, site.place.column), value);
    }
    let items = match documents.as_mut_slice() {
        [only] if !has_separator(text) => take_items(only),
        _ => None,
    };
    // Objects of a list lose the name of their file on the way.
    let owner = if items.is_some() { "" } else { path };
    let any = !recorded.is_empty();
    for (object, change, image) in recorded {
        updater.record(owner, object, change, image);
    }
    if let Some(mut items) = items {
        items.iter_mut().for_each(|item| set_values(item, &new_values));
        updater.homeless().add(items, any);
        return Ok(());
    }
    if !any {
        return Ok(());
    }
    for read in &mut documents {
        set_values(&mut read.document.root, &new_values);
    }
    match print_kyaml(&documents) {
        Ok(new) => updater.written(path, new),
        Err(error) => updater.skip(path, SkipReason::LikeFlux(error.to_string())),
    }
    Ok(())
}

fn set_values(node: &mut Node, values: &HashMap<(u32, u32), String>) {
    let Place { line, column, .. } = node.place;
    match &mut node.data {
        Data::Mapping(entries) => entries.iter_mut().for_each(|entry| set_values(&mut entry.value, values)),
        Data::Sequence(items) => items.iter_mut().for_each(|item| set_values(item, values)),
        Data::Scalar(_) => {
            if let Some(value) = values.get(&(line, column)) {
                set_value(node, value);
            }
        }
        Data::Alias(_) => {}
    }
}

/// kyaml's way to set a string: the tag of the old value stays unless the new one looks like something else than a
/// string, which is then quoted. A null that gets a version becomes `!!null 2.1.0`.
fn set_value(node: &mut Node, value: &str) {
    let old = if node.tag == Tag::Implicit { tag_of(node.kind(Dialect::V3)) } else { node.tag };
    node.data = Data::Scalar(value.into());
    node.tag = old;
    if !looks_like_another_type(value) {
        return;
    }
    if !matches!(node.style, Style::SingleQuoted | Style::DoubleQuoted) {
        node.style = Style::DoubleQuoted;
        node.set_tag_is_written(false);
    }
    if old == Tag::Null {
        node.style = Style::Default;
        node.set_tag_is_written(false);
    } else {
        node.tag = Tag::Str;
    }
}

/// YAML 1.1 decides; it takes times for strings.
fn looks_like_another_type(value: &str) -> bool {
    !value.is_empty()
        && !value.contains('\n')
        && !matches!(resolve(value, Dialect::Yaml11), Kind::Str | Kind::Timestamp)
}

fn tag_of(kind: Kind) -> Tag {
    match kind {
        Kind::Null => Tag::Null,
        Kind::Bool(_) => Tag::Bool,
        Kind::Int(_) | Kind::Uint(_) => Tag::Int,
        Kind::Float(_) => Tag::Float,
        Kind::Timestamp => Tag::Timestamp,
        Kind::Merge => Tag::Merge,
        _ => Tag::Str,
    }
}

/// Whether kyaml splits the text, which it does at any line of dashes but the first.
fn has_separator(text: &str) -> bool {
    text.match_indices("\n---").any(|(at, _)| text[at + 1..].contains('\n'))
}

/// A list that stands alone in its file is taken apart.
fn take_items(list: &mut KyamlDocument) -> Option<Vec<Node>> {
    let root = &mut list.document.root;
    let is_list = matches!(root.get("kind").and_then(Node::as_str), Some("List" | "ResourceList"));
    if !is_list || root.get("items").is_none() && root.get("functionConfig").is_none() {
        return None;
    }
    let items = root.get_mut("items").and_then(Node::items_mut).map(std::mem::take);
    Some(items.unwrap_or_default())
}

/// Objects from lists. Flux forgets where they came from: if any of them changes, all are written to files named
/// after themselves, and the lists stay as they were.
#[derive(Clone, Debug, Default)]
pub(super) struct Homeless {
    items: Vec<Node>,
    any_changed: bool,
}

impl Homeless {
    fn add(&mut self, items: Vec<Node>, changed: bool) {
        self.items.extend(items);
        self.any_changed |= changed;
    }

    pub(super) fn write(self, update: &mut Update) {
        if !self.any_changed {
            return;
        }
        let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for item in &self.items {
            let id = object_id(item);
            let folder = if id.namespace.is_empty() { String::new() } else { format!("{}/", id.namespace) };
            let file = format!("{folder}{}_{}.yaml", id.kind.to_lowercase(), id.name);
            let is_inside = !folder.starts_with('/') && !file.split('/').any(|part| part == "..");
            if let (true, Ok(text)) = (is_inside, print_v3(item, &PrintOptions::kyaml())) {
                texts.entry(file).or_default().push(text);
            }
        }
        update.files.extend(texts.into_iter().map(|(file, texts)| (file, texts.join("---\n"))));
    }
}
