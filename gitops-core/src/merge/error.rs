//! Why a patch could not be applied.

use std::fmt;

use gitops_yaml::{Data, Node, Place, PrintOptions, print_v3};

/// A patch that does not fit the document it is applied to, in the words of the program that is matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeError {
    message: String,
    place: Place,
}

impl MergeError {
    /// Makes an error with a lower-case message.
    #[must_use]
    pub fn new(message: impl Into<String>, place: Place) -> Self {
        Self { message: message.into(), place }
    }

    pub(super) fn wrong_kind(expected: &'static str, node: &Node) -> Self {
        let mut message = format!("wrong node kind: expected {expected} but got {}", kind_name(node));
        if let Ok(text) = print_v3(node, &PrintOptions::kyaml()) {
            message.push_str(": node contents:\n");
            message.push_str(&text);
        }
        Self::new(message, node.place)
    }

    /// Returns what is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns where it stands: in the patch, or in the document if the patch has no place.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }
}

/// Names a node's kind as kyaml does.
pub(super) fn kind_name(node: &Node) -> &'static str {
    match &node.data {
        Data::Scalar(_) => "ScalarNode",
        Data::Sequence(_) => "SequenceNode",
        Data::Mapping(_) => "MappingNode",
        Data::Alias(_) => "AliasNode",
    }
}

impl fmt::Display for MergeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for MergeError {}
