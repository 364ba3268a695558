//! YAML as Go's tools read and print it, byte for byte, with comments, styles and places kept.
//!
//! Bytes become [`Node`]s, every one of which knows its [`Place`]; nodes are merged and changed by others and printed
//! again. This crate knows nothing of Kubernetes and opens no file.

mod node;
mod place;
mod text;

pub use node::{Comments, Data, Entry, Node, Style, Tag};
pub use place::{FileId, Files, Place};
pub use text::Str;
