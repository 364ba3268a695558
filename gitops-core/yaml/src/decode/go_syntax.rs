//! Values in Go's own syntax (`%#v`), for the errors that show them.

use super::anchors::Anchors;
use super::diagnose::go_quote;
use crate::{Data, Dialect, Kind, Node};

/// Prints a value as Go does when the decoder shows it.
pub(super) fn go_syntax(node: &Node, dialect: Dialect, anchors: Option<&Anchors<'_>>) -> String {
    let mut text = String::new();
    write(node, dialect, anchors, &mut text, 0);
    text
}

fn write(node: &Node, dialect: Dialect, anchors: Option<&Anchors<'_>>, out: &mut String, depth: usize) {
    // An error message need not show more.
    if depth > 50 {
        return;
    }
    match &node.data {
        Data::Scalar(text) => out.push_str(&scalar(node, text, dialect, depth)),
        Data::Sequence(items) => {
            out.push_str("[]interface {}{");
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                write(item, dialect, anchors, out, depth + 1);
            }
            out.push('}');
        }
        Data::Mapping(entries) => {
            let strings =
                dialect == Dialect::V3 && entries.iter().all(|entry| entry.key.kind(dialect) == Kind::Str);
            out.push_str(if strings { "map[string]interface {}{" } else { "map[interface {}]interface {}{" });
            let mut shown: Vec<(String, String)> = entries
                .iter()
                .map(|entry| {
                    let (mut key, mut value) = (String::new(), String::new());
                    write(&entry.key, dialect, anchors, &mut key, depth + 1);
                    write(&entry.value, dialect, anchors, &mut value, depth + 1);
                    (key, value)
                })
                .collect();
            shown.sort();
            let joined: Vec<String> =
                shown.into_iter().map(|(key, value)| format!("{key}:{value}")).collect();
            out.push_str(&joined.join(", "));
            out.push('}');
        }
        Data::Alias(_) => {
            if let Some(target) = anchors.and_then(|anchors| anchors.target(node)) {
                write(target, dialect, anchors, out, depth + 1);
            }
        }
    }
}

fn scalar(node: &Node, text: &str, dialect: Dialect, depth: usize) -> String {
    match node.kind(dialect) {
        Kind::Null if depth == 0 => "<nil>".to_owned(),
        Kind::Null => "interface {}(nil)".to_owned(),
        Kind::Bool(value) => value.to_string(),
        Kind::Int(value) => value.to_string(),
        Kind::Uint(value) => format!("{value:#x}"),
        Kind::Float(value) => crate::go_float::go_float(value),
        _ => go_quote(text),
    }
}
