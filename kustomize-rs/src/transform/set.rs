//! Setting fields as upstream's setters do: the value changes, the way it is written stays.

use std::collections::BTreeMap;

use gitops_yaml::{Data, Entry, Node, Str, Tag};

use super::links::{Links, new_mark};
use crate::error::{Error, ErrorKind};
use crate::field_spec::{FieldSpec, NewField};
use crate::id::ResourceId;
use crate::resource::Resource;

/// Calls a function with every field of a resource that the specs for its kind lead to.
pub(super) fn for_each_field(
    resource: &mut Resource,
    specs: &[FieldSpec],
    missing: NewField,
    set: &mut dyn FnMut(&mut Node) -> Result<(), Error>,
) -> Result<(), Error> {
    if specs.is_empty() {
        return Ok(());
    }
    let gvk = resource.gvk();
    for spec in specs.iter().filter(|spec| spec.selects(&gvk)) {
        spec.visit(&mut resource.node, missing, set).map_err(|error| {
            let id = shown_id(resource);
            error.at(resource.place()).within(format!("considering field '{}' of object {id}", spec.path))
        })?;
    }
    Ok(())
}

/// Returns a resource's id to be shown; whether the kind is of the cluster makes no difference there.
pub(super) fn shown_id(resource: &Resource) -> ResourceId {
    ResourceId {
        gvk: resource.gvk(),
        name: resource.name(),
        namespace: resource.namespace(),
        cluster_scoped: false,
    }
}

/// Returns about how many bytes these entries take in a resource.
pub(super) fn weight_of(pairs: &BTreeMap<Str, Str>) -> usize {
    const AROUND: usize = 128;
    pairs.iter().map(|(key, value)| key.len() + value.len() + AROUND).sum()
}

/// Sets entries of the mappings that the specs for a resource's kind lead to.
pub(super) fn set_entries(
    resource: &mut Resource,
    specs: &[FieldSpec],
    pairs: &BTreeMap<Str, Str>,
) -> Result<(), Error> {
    // Upstream keeps the history in annotations, so that the field may be there even if no manifest has it.
    let added = resource.has_internal_annotations() && add_annotations(&mut resource.node);
    let outcome = set_linked_entries(resource, specs, pairs);
    if added {
        remove_empty_annotations(&mut resource.node);
    }
    outcome
}

/// Adds `metadata.annotations`; returns whether it was not there.
pub(super) fn add_annotations(node: &mut Node) -> bool {
    let Some(metadata) = node.get_mut("metadata").filter(|metadata| metadata.is_mapping()) else {
        return false;
    };
    let is_missing = metadata.get("annotations").is_none_or(Node::is_null);
    if is_missing {
        metadata.set("annotations", Node::mapping(Vec::new()));
    }
    is_missing
}

/// Removes `metadata.annotations` if nothing is in it.
pub(super) fn remove_empty_annotations(node: &mut Node) {
    let Some(metadata) = node.get_mut("metadata") else { return };
    if metadata.get("annotations").and_then(Node::entries).is_some_and(<[Entry]>::is_empty) {
        metadata.remove("annotations");
    }
}

fn set_linked_entries(
    resource: &mut Resource,
    specs: &[FieldSpec],
    pairs: &BTreeMap<Str, Str>,
) -> Result<(), Error> {
    let links = Links::of(resource);
    let gvk = resource.gvk();
    let linked = specs.iter().filter(|spec| spec.selects(&gvk)).nth(1).is_some();
    for (key, value) in pairs {
        let mark = if linked { new_mark(resource) } else { Str::EMPTY };
        for_each_field(resource, specs, NewField::Mapping, &mut |node| set_entry(node, key, value, &mark))?;
    }
    links.follow(resource);
    Ok(())
}

/// Sets an entry of a mapping to text; a new one gets the mark, if there is one.
fn set_entry(node: &mut Node, key: &Str, value: &Str, mark: &Str) -> Result<(), Error> {
    if node.is_null() {
        return Ok(());
    }
    if !node.is_mapping() {
        return Err(wrong_kind("MappingNode", node));
    }
    match node.get_mut(key) {
        Some(field) => {
            let anchor = field.anchor().cloned();
            *field = Node::string(value.clone()).styled(field.style).at(field.place);
            field.set_anchor(anchor.unwrap_or_default());
        }
        None => {
            let mut new = Node::string(value.clone());
            new.set_anchor(mark.clone());
            // Upstream lets the text of a new key decide its type, and refuses the likes of `true` when it prints.
            if let Some(entries) = node.entries_mut() {
                entries.push(Entry { key: Node::plain(key.clone()), value: new });
            }
        }
    }
    Ok(())
}

/// Sets a scalar to text whose type is what it looks like, unless the field is written in quotes. No file holds it then.
pub(super) fn set_scalar(node: &mut Node, value: impl Into<Str>) -> Result<(), Error> {
    if !node.is_scalar() {
        return Err(wrong_kind("ScalarNode", node));
    }
    *node = Node::plain(value).styled(node.style);
    Ok(())
}

/// Sets a scalar to a string.
pub(super) fn set_string(node: &mut Node, value: impl Into<Str>) -> Result<(), Error> {
    set_scalar(node, value)?;
    node.tag = Tag::Str;
    Ok(())
}

/// Words a field of another kind than a setter can set, with its content as kyaml prints it.
pub(super) fn wrong_kind(expected: &str, node: &Node) -> Error {
    let found = match &node.data {
        Data::Scalar(_) => "ScalarNode",
        Data::Sequence(_) => "SequenceNode",
        Data::Mapping(_) => "MappingNode",
        Data::Alias(_) => "AliasNode",
    };
    let mut message = format!("wrong node kind: expected {expected} but got {found}");
    if let Ok(text) = gitops_yaml::print_v3(node, &gitops_yaml::PrintOptions::kyaml()) {
        message.push_str(": node contents:\n");
        message.push_str(&text);
    }
    Error::new(ErrorKind::Transform, message).at(node.place)
}
