//! Which error Go would report, found by decoding in the order of the text once something is known to be wrong.

use super::Tree;
use super::anchors::Anchors;
use super::go_syntax::go_syntax;
use super::walk::checked_kind;
use crate::json::binary_bytes;
use crate::{Data, Dialect, Entry, Error, ErrorKind, Kind, Node, Style};

/// Returns the error that Go's decoder reports of a tree; `None` where decoding succeeds and only what follows fails.
pub(super) fn decoding_error(tree: Tree<'_>, dialect: Dialect) -> Option<Error> {
    let anchors = match Anchors::of(tree) {
        Ok(anchors) => anchors,
        Err(error) => return Some(error),
    };
    let mut decoder = Decoder { dialect, anchors, lines: Vec::new(), place: None, depth: 0, in_flow: false };
    if let Err(error) = decoder.value(tree.root) {
        return Some(error);
    }
    // What does not stop the decoder is collected.
    let place = decoder.place?;
    let message = format!("unmarshal errors:\n  {}", decoder.lines.join("\n  "));
    Some(Error::new(ErrorKind::DuplicateKey, place, message))
}

/// Refuses to merge what is no mapping.
pub(super) fn no_mapping_to_merge(node: &Node) -> Error {
    Error::new(ErrorKind::Value, node.place, "map merge requires map or sequence of maps as the value")
}

/// Refuses one key that is written twice.
pub(super) fn duplicate(first: &Node, again: &Node) -> Error {
    let message = format!("unmarshal errors:\n  {}", line_of(first, again));
    Error::new(ErrorKind::DuplicateKey, again.place, message)
}

fn line_of(first: &Node, again: &Node) -> String {
    let key = go_quote(again.as_str().unwrap_or_default());
    format!("line {}: mapping key {key} already defined at line {}", again.place.line, first.place.line)
}

struct Decoder<'a> {
    dialect: Dialect,
    anchors: Anchors<'a>,
    lines: Vec<String>,
    place: Option<crate::Place>,
    depth: usize,
    in_flow: bool,
}

impl<'a> Decoder<'a> {
    fn value(&mut self, node: &'a Node) -> Result<(), Error> {
        if self.depth > super::anchors::MAX_DEPTH {
            return Ok(());
        }
        self.depth += 1;
        let outer = self.in_flow;
        self.in_flow |= node.style == Style::Flow;
        match &node.data {
            Data::Scalar(text) => {
                if checked_kind(node, self.dialect)? == Kind::Binary {
                    binary_bytes(node, text)?;
                }
            }
            Data::Sequence(items) => items.iter().try_for_each(|item| self.value(item))?,
            Data::Mapping(entries) => self.mapping(entries)?,
            Data::Alias(_) => {
                if let Some(target) = self.anchors.target(node) {
                    self.value(target)?;
                }
            }
        }
        self.in_flow = outer;
        self.depth -= 1;
        Ok(())
    }

    fn mapping(&mut self, entries: &'a [Entry]) -> Result<(), Error> {
        if self.dialect == Dialect::V3 && self.collect_duplicates(entries) {
            // What a mapping with duplicates holds is not decoded.
            return Ok(());
        }
        for entry in entries {
            if entry.key.kind(self.dialect) == Kind::Merge {
                self.check_merge(&entry.value)?;
            } else {
                self.key(&entry.key)?;
            }
            self.value(&entry.value)?;
        }
        Ok(())
    }

    /// Refuses a merge of what is no mapping.
    fn check_merge(&self, merged: &'a Node) -> Result<(), Error> {
        let is_mapping = |node: &'a Node| match node.data {
            Data::Alias(_) => self.anchors.target(node).is_some_and(Node::is_mapping),
            _ => node.is_mapping(),
        };
        let refused = match merged.items() {
            Some(items) => items.iter().find(|item| !is_mapping(item)),
            None => (!is_mapping(merged)).then_some(merged),
        };
        refused.map_or(Ok(()), |node| Err(no_mapping_to_merge(node)))
    }

    fn key(&mut self, key: &'a Node) -> Result<(), Error> {
        // The topmost mapping of a resource has strings for keys, and refuses others without stopping.
        let is_topmost = self.dialect == Dialect::V3 && self.depth <= 1;
        let target =
            if matches!(key.data, Data::Alias(_)) { self.anchors.target(key).unwrap_or(key) } else { key };
        if target.is_scalar() {
            return self.value(key);
        }
        if is_topmost {
            let tag = if target.is_mapping() { "!!map" } else { "!!seq" };
            self.place.get_or_insert(key.place);
            self.lines.push(format!("line {}: cannot unmarshal {tag} into string", key.place.line));
            return Ok(());
        }
        self.value(key)?;
        let shown = go_syntax(target, self.dialect, Some(&self.anchors), self.in_flow);
        Err(Error::new(ErrorKind::Value, key.place, format!("invalid map key: {shown}")))
    }

    fn collect_duplicates(&mut self, entries: &'a [Entry]) -> bool {
        let before = self.lines.len();
        for (at, first) in entries.iter().enumerate() {
            for again in entries[at + 1..].iter().filter(|again| same_key(&first.key, &again.key)) {
                self.place.get_or_insert(again.key.place);
                self.lines.push(line_of(&first.key, &again.key));
            }
        }
        self.lines.len() > before
    }
}

/// Compares as go-yaml v3 does: by kind and text alone.
fn same_key(a: &Node, b: &Node) -> bool {
    match (&a.data, &b.data) {
        (Data::Scalar(a), Data::Scalar(b)) | (Data::Alias(a), Data::Alias(b)) => a == b,
        (Data::Sequence(_), Data::Sequence(_)) | (Data::Mapping(_), Data::Mapping(_)) => true,
        _ => false,
    }
}

/// Go's `%#v` of a string.
pub(super) fn go_quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            '\u{07}' => quoted.push_str("\\a"),
            '\u{08}' => quoted.push_str("\\b"),
            '\u{0b}' => quoted.push_str("\\v"),
            '\u{0c}' => quoted.push_str("\\f"),
            c if c < ' ' || c == '\u{7f}' => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{a0}') => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
