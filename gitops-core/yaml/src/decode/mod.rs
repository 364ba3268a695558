//! Walks a tree as Go decodes it into plain values: aliases followed, merge keys resolved, keys made strings and
//! sorted, scalars given their types. What comes out goes straight to a printer.

mod anchors;
mod diagnose;
mod fields;
mod go_syntax;
mod printed;
mod walk;

pub(crate) use fields::{Decoder, Field};
pub use printed::folded_again;
pub(crate) use walk::walk;
pub use walk::{ValueSink, visit_values};

use crate::{Document, Node, Str};

/// A node with what its aliases may refer to; made from a [`Node`] or a [`Document`].
#[derive(Clone, Copy, Debug)]
pub struct Tree<'a> {
    root: &'a Node,
    earlier: &'a [(Str, Node)],
}

impl<'a> Tree<'a> {
    pub(crate) fn root(self) -> &'a Node {
        self.root
    }
}

impl<'a> From<&'a Node> for Tree<'a> {
    fn from(root: &'a Node) -> Self {
        Self { root, earlier: &[] }
    }
}

impl<'a> From<&'a Document> for Tree<'a> {
    fn from(document: &'a Document) -> Self {
        Self { root: &document.root, earlier: &document.earlier_anchors }
    }
}
