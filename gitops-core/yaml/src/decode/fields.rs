//! Single nodes decoded for those who drive the walk themselves, as serde does.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use super::anchors::{MAX_DEPTH, too_deep};
use super::walk::{NoSink, Walk, checked_kind};
use super::{Tree, diagnose};
use crate::json::{binary_bytes, lossy_text};
use crate::{Dialect, Error, Kind, Node, Place};

/// Decodes single nodes of a tree.
pub(crate) struct Decoder<'a> {
    walk: RefCell<Walk<'a, NoSink>>,
    dialect: Dialect,
    depth: Cell<usize>,
}

/// An entry of a mapping, its key made a string, merges resolved.
#[derive(Clone)]
pub(crate) struct Field<'a> {
    pub(crate) key: Cow<'a, str>,
    pub(crate) place: Place,
    pub(crate) value: &'a Node,
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(tree: Tree<'a>, dialect: Dialect) -> Self {
        Self { walk: RefCell::new(Walk::new(tree, dialect, NoSink)), dialect, depth: Cell::new(0) }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Returns what an alias names.
    pub(crate) fn target(&self, alias: &'a Node) -> Result<&'a Node, Error> {
        self.walk.borrow_mut().target(alias)
    }

    pub(crate) fn kind(&self, node: &Node) -> Result<Kind, Error> {
        checked_kind(node, self.dialect)
    }

    pub(crate) fn binary(&self, node: &Node) -> Result<String, Error> {
        binary_bytes(node, node.as_str().unwrap_or_default()).map(|bytes| lossy_text(&bytes))
    }

    /// Goes into a collection.
    pub(crate) fn enter(&self, node: &Node) -> Result<(), Error> {
        self.depth.set(self.depth.get() + 1);
        if self.depth.get() > MAX_DEPTH { Err(too_deep(node)) } else { Ok(()) }
    }

    pub(crate) fn leave(&self) {
        self.depth.set(self.depth.get().saturating_sub(1));
    }

    /// Returns a mapping's fields in the order of the text; none of what is no mapping.
    pub(crate) fn fields(&self, node: &'a Node) -> Result<Vec<Field<'a>>, Error> {
        let Some(entries) = node.entries() else { return Ok(Vec::new()) };
        let mut fields: Vec<Field<'a>> = Vec::with_capacity(entries.len());
        let mut seen: HashMap<Cow<'a, str>, usize> = HashMap::new();
        let mut own_keys: Vec<Option<&'a Node>> = Vec::with_capacity(entries.len());
        for pair in self.walk.borrow_mut().decoded_entries(node, entries)? {
            let place = pair.own.unwrap_or(pair.value).place;
            match seen.get(&pair.key) {
                None => {
                    seen.insert(pair.key.clone(), fields.len());
                    fields.push(Field { key: pair.key, place, value: pair.value });
                    own_keys.push(pair.own);
                }
                Some(&index) if self.dialect == Dialect::Yaml11 => fields[index].value = pair.value,
                Some(&index) => {
                    if let (Some(first), Some(again)) = (own_keys[index], pair.own) {
                        return Err(diagnose::duplicate(first, again));
                    }
                }
            }
        }
        Ok(fields)
    }
}
