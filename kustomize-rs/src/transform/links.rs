//! Entries that upstream made of one and the same node, so that a later change of one changes the others.
//!
//! A label that a transformer adds to an object, its selector and its pods is one node in three places there: a patch of
//! the one in an overlay reaches all three. Such nodes carry a mark here, and are brought together again after every step
//! that writes into nodes.

use std::collections::HashMap;

use gitops_yaml::{Data, Node, Str};

use crate::resource::Resource;

/// No anchor in a file begins with this.
const MARK: &str = "\u{0}linked ";

/// Returns the mark for the nodes that one setter makes in a resource.
pub(super) fn new_mark(resource: &mut Resource) -> Str {
    resource.history.links += 1;
    Str::from(format!("{MARK}{}", resource.history.links))
}

/// The values of marked nodes before a step.
pub(super) struct Links(HashMap<Str, Str>);

impl Links {
    /// Notes the values of a resource's marked nodes.
    pub(super) fn of(resource: &Resource) -> Self {
        let mut values = HashMap::new();
        if resource.history.links > 0 {
            note(&resource.node, &mut values);
        }
        Self(values)
    }

    /// Gives all nodes of one mark the value that the step gave to one of them.
    pub(super) fn follow(&self, resource: &mut Resource) {
        if self.0.is_empty() {
            return;
        }
        let mut changed = HashMap::new();
        find_changed(&resource.node, &self.0, &mut changed);
        if !changed.is_empty() {
            set_changed(&mut resource.node, &changed);
        }
    }
}

fn mark(node: &Node) -> Option<&Str> {
    node.anchor().filter(|anchor| anchor.starts_with(MARK))
}

fn children(node: &Node) -> impl Iterator<Item = &Node> {
    let items = node.items().unwrap_or_default();
    items.iter().chain(node.entries().unwrap_or_default().iter().map(|entry| &entry.value))
}

fn note(node: &Node, values: &mut HashMap<Str, Str>) {
    if let (Some(mark), Some(text)) = (mark(node), node.scalar()) {
        values.insert(mark.clone(), text.clone());
    }
    children(node).for_each(|child| note(child, values));
}

fn find_changed(node: &Node, before: &HashMap<Str, Str>, changed: &mut HashMap<Str, Node>) {
    if let Some(mark) = mark(node)
        && before.get(mark).is_some_and(|value| node.scalar() != Some(value))
    {
        changed.insert(mark.clone(), node.clone());
    }
    children(node).for_each(|child| find_changed(child, before, changed));
}

fn set_changed(node: &mut Node, changed: &HashMap<Str, Node>) {
    if let Some(new) = mark(node).and_then(|mark| changed.get(mark)) {
        *node = new.clone();
        return;
    }
    match &mut node.data {
        Data::Sequence(items) => items.iter_mut().for_each(|item| set_changed(item, changed)),
        Data::Mapping(entries) => entries.iter_mut().for_each(|entry| set_changed(&mut entry.value, changed)),
        Data::Scalar(_) | Data::Alias(_) => {}
    }
}
