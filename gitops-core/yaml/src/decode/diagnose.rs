//! Go's list of all duplicate keys, made only once one is known to be there.

use crate::{Data, Error, ErrorKind, Node};

/// Refuses one key that is written twice.
pub(super) fn duplicate(first: &Node, again: &Node) -> Error {
    let message = format!("unmarshal errors:\n  {}", line_of(first, again));
    Error::new(ErrorKind::DuplicateKey, again.place, message)
}

/// Refuses all keys of a tree that are written twice, as go-yaml v3 lists them; `None` where there are none.
pub(super) fn all_duplicates(root: &Node) -> Option<Error> {
    let mut found = Vec::new();
    collect(root, &mut found);
    let (_, again) = found.first()?;
    let lines: Vec<String> =
        found.iter().map(|(first, again)| format!("\n  {}", line_of(first, again))).collect();
    let message = format!("unmarshal errors:{}", lines.concat());
    Some(Error::new(ErrorKind::DuplicateKey, again.place, message))
}

fn line_of(first: &Node, again: &Node) -> String {
    let key = go_quote(again.as_str().unwrap_or_default());
    format!("line {}: mapping key {key} already defined at line {}", again.place.line, first.place.line)
}

fn collect<'a>(node: &'a Node, found: &mut Vec<(&'a Node, &'a Node)>) {
    match &node.data {
        Data::Scalar(_) | Data::Alias(_) => {}
        Data::Sequence(items) => items.iter().for_each(|item| collect(item, found)),
        Data::Mapping(entries) => {
            let before = found.len();
            for (at, first) in entries.iter().enumerate() {
                let same = |again: &&crate::Entry| same_key(&first.key, &again.key);
                found.extend(entries[at + 1..].iter().filter(same).map(|again| (&first.key, &again.key)));
            }
            // What a mapping with duplicates holds is not decoded.
            if found.len() == before {
                for entry in entries {
                    collect(&entry.key, found);
                    collect(&entry.value, found);
                }
            }
        }
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
