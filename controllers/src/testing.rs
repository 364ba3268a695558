//! Shorthands of the unit tests.

use gitops_yaml::{FileId, Node, ReadOptions, read_document};

/// Reads one YAML document.
pub(crate) fn node(text: &str) -> Node {
    read_document(text.as_bytes(), FileId::NONE, &ReadOptions::yaml11()).unwrap().unwrap().root
}
