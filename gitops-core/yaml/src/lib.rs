//! YAML as Go's tools read and print it, byte for byte, with comments, styles and places kept.
//!
//! Bytes become [`Node`]s, every one of which knows its [`Place`]; nodes are merged and changed by others and printed
//! again. This crate knows nothing of Kubernetes and opens no file.

mod alias;
mod bridge;
mod compose;
mod decode;
mod edit;
mod emit;
mod error;
mod field_path;
mod go_float;
mod json;
mod limits;
mod lines;
mod near_miss;
mod node;
mod parse;
mod place;
mod print;
mod read;
mod resolve;
mod scan;
mod text;
mod timestamp;

pub use alias::{DuplicateKey, MergeRule};
pub use bridge::{DecodeError, UnknownField, from_node, from_str, to_node, to_string};
pub use decode::{Tree, ValueSink, folded_again, visit_values};
pub use edit::{Edits, PathStep, ScalarSite};
pub use error::{Error, ErrorKind};
pub use field_path::{FieldPath, FieldStep};
pub use go_float::go_float;
pub use json::{HtmlEscape, JsonPrinter, from_json, to_json, to_json_with};
pub use limits::Limits;
pub use near_miss::{did_you_mean, edit_distance};
pub use node::{Comments, Data, Entry, Node, Style, Tag};
pub use place::{FileId, Files, Place};
pub use print::{
    KyamlDocument, PrettyPrinter, PrintOptions, SequenceIndent, SigsPrinter, append_sigs, key_less,
    key_order, pretty_key_order, print_documents, print_kyaml, print_sigs, print_v3, read_kyaml, sort_keys,
};
pub use read::{Dialect, Document, KeepComments, ReadOptions, read_document, read_stream};
pub use resolve::{Kind, TagMismatch, resolve};
pub use text::Str;
pub use timestamp::Timestamp;
