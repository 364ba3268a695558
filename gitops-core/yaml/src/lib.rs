//! YAML as Go's tools read and print it, byte for byte, with comments, styles and places kept.
//!
//! Bytes become [`Node`]s, every one of which knows its [`Place`]; nodes are merged and changed by others and printed
//! again. This crate knows nothing of Kubernetes and opens no file.

mod alias;
mod edit;
mod error;
mod limits;
mod node;
mod place;
mod read;
mod text;

pub use alias::{DuplicateKey, MergeRule};
pub use edit::{Edits, PathStep, ScalarSite};
pub use error::{Error, ErrorKind};
pub use limits::Limits;
pub use node::{Comments, Data, Entry, Node, Style, Tag};
pub use place::{FileId, Files, Place};
pub use read::{Dialect, Document, KeepComments, ReadOptions, read_document, read_stream};
pub use text::Str;
