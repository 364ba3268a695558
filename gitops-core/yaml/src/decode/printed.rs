//! What changes when go-yaml v3 prints a tree and reads it again, as kustomize does with every resource before it turns
//! it into JSON.

use crate::emit::{Variant, analyze};
use crate::{Dialect, FileId, Kind, Node, PrintOptions, ReadOptions, Str, Style, print_v3, read_document};

/// Whether the printer puts a plain scalar in quotes, which makes a string of it: an empty one in a flow collection or
/// as a key, and one that flow collections do not allow, such as `2001-12-14 21:59:43`.
pub(super) fn is_quoted_by_v3(node: &Node, text: &str, in_flow: bool, is_key: bool) -> bool {
    if node.tag_is_written() || node.style != Style::Default || node.kind(Dialect::V3) == Kind::Merge {
        return false;
    }
    if text.is_empty() { in_flow || is_key } else { in_flow && !analyze(text, Variant::V3).flow_plain }
}

/// Returns a folded scalar's text after go-yaml v3 printed it and read it again. The printer writes one line break too many
/// where an indented line or the end follows, and the reader keeps it.
#[must_use]
pub fn folded_again(text: &str) -> Str {
    let body = text.strip_suffix('\n').unwrap_or(text);
    if !body.contains(['\n', '\u{2028}', '\u{2029}']) {
        return text.into();
    }
    let node = Node::string(text).styled(Style::Folded);
    let printed = print_v3(&node, &PrintOptions::kyaml()).unwrap_or_default();
    match read_document(printed.as_bytes(), FileId::NONE, &ReadOptions::v3().without_comments()) {
        Ok(Some(document)) => document.root.scalar().cloned().unwrap_or_else(|| text.into()),
        _ => text.into(),
    }
}
