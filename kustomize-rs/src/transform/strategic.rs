//! Merges a strategic merge patch into a resource, which keeps its name, namespace and kind.

use gitops_core::merge::{Merged, strategic_merge};
use gitops_yaml::{Node, Place};

use super::Context;
use super::links::Links;
use super::set::shown_id;
use crate::error::{Error, ErrorKind};
use crate::resource::{Behavior, Resource};
use crate::resource_map::ResourceMap;

/// Patches the resource at a position.
pub(super) fn apply(
    resources: &mut ResourceMap,
    position: usize,
    patch: &Resource,
    context: &Context<'_>,
) -> Result<Merged, Error> {
    context.take(patch.node.weight()).map_err(|error| error.at(patch.place()))?;
    let may_rename = patch.history.allow_name_change || patch.history.allow_kind_change;
    if may_rename {
        resources.store_previous_id(position);
    }
    let Some(target) = resources.get_mut(position) else { return Ok(Merged::Changed) };
    let (name, namespace) = (target.name(), target.namespace());
    let gvk = target.gvk();
    let links = Links::of(target);
    let merged = strategic_merge(&mut target.node, &patch.node, context.schema).map_err(|error| {
        let id = shown_id(target);
        Error::new(ErrorKind::Patch, error.message()).at(error.place()).within(format!("patching {id}"))
    })?;
    if merged == Merged::Deleted {
        target.node = Node::null().at(target.place());
        return Ok(merged);
    }
    links.follow(target);
    if wipes_annotations(&patch.node) {
        // Upstream keeps the history in annotations, which go with the others.
        let history = std::mem::take(&mut target.history);
        target.history.variables = history.variables;
        target.history.made_by_helm = history.made_by_helm;
        target.history.links = history.links;
    }
    target.history.needs_hash |= patch.history.needs_hash;
    if patch.history.behavior != Behavior::Unspecified {
        target.history.behavior = patch.history.behavior;
    }
    if target.is_empty() {
        return Ok(Merged::Deleted);
    }
    if !patch.history.allow_kind_change {
        target.set_kind(gvk.kind);
    }
    if !patch.history.allow_name_change {
        target.set_name(name);
        // What is written back has no type of its own, as upstream has it.
        if let Some(name) = target.node.get_mut("metadata").and_then(|metadata| metadata.get_mut("name")) {
            name.place = Place::NONE;
        }
    }
    target.set_namespace(namespace);
    Ok(merged)
}

/// Patches the resources at these positions, of whatever group and version they are.
pub(super) fn apply_to_all(
    resources: &mut ResourceMap,
    positions: &[usize],
    patch: &Resource,
    context: &Context<'_>,
) -> Result<(), Error> {
    let mut fitted = patch.clone();
    let mut deleted = false;
    for &position in positions {
        let Some(target) = resources.get(position) else { continue };
        let api_version = target.gvk().api_version();
        if fitted.api_version() != api_version.as_str() {
            fitted.node.set("apiVersion", Node::string(api_version.clone()));
        }
        let is_deleted = apply(resources, position, &fitted, context)? == Merged::Deleted;
        deleted |= is_deleted;
        // Upstream gives the patch the target's version, and an empty one ends as null.
        if api_version.is_empty()
            && !is_deleted
            && let Some(target) = resources.get_mut(position)
        {
            target.node.set("apiVersion", Node::null());
        }
    }
    if deleted {
        resources.drop_empty();
    }
    // An earlier patch may have renamed what this one leaves alone.
    resources.refuse_duplicates()
}

/// Returns whether a patch replaces or removes all annotations.
fn wipes_annotations(patch: &Node) -> bool {
    let wipes = |node: &Node| {
        node.is_null() || matches!(node.get("$patch").and_then(Node::as_str), Some("replace" | "delete"))
    };
    let metadata = patch.get("metadata");
    let annotations = metadata.and_then(|metadata| metadata.get("annotations"));
    wipes(patch) || metadata.is_some_and(wipes) || annotations.is_some_and(wipes)
}
