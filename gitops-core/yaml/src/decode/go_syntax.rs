//! Values in Go's own syntax (`%#v`), for the errors that show them.

use super::anchors::Anchors;
use super::diagnose::go_quote;
use super::printed::is_quoted_by_v3;
use crate::{Data, Dialect, Entry, Kind, Node, Style};

/// Prints a value as Go does when the decoder shows it.
pub(super) fn go_syntax(
    node: &Node,
    dialect: Dialect,
    anchors: Option<&Anchors<'_>>,
    in_flow: bool,
) -> String {
    let mut text = String::new();
    Writer { dialect, anchors }.write(node, &mut text, 0, in_flow);
    text
}

struct Writer<'a> {
    dialect: Dialect,
    anchors: Option<&'a Anchors<'a>>,
}

impl Writer<'_> {
    fn write(&self, node: &Node, out: &mut String, depth: usize, in_flow: bool) {
        // An error message need not show more.
        if depth > 50 {
            return;
        }
        let in_flow = in_flow || node.style == Style::Flow;
        match &node.data {
            Data::Scalar(text) => out.push_str(&self.scalar(node, text, depth, in_flow)),
            Data::Sequence(items) => {
                out.push_str("[]interface {}{");
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push_str(", ");
                    }
                    self.write(item, out, depth + 1, in_flow);
                }
                out.push('}');
            }
            Data::Mapping(entries) => self.mapping(entries, out, depth, in_flow),
            Data::Alias(_) => {
                if let Some(target) = self.anchors.and_then(|anchors| anchors.target(node)) {
                    self.write(target, out, depth + 1, in_flow);
                }
            }
        }
    }

    fn mapping(&self, entries: &[Entry], out: &mut String, depth: usize, in_flow: bool) {
        let strings = self.dialect == Dialect::V3
            && entries.iter().all(|entry| entry.key.kind(self.dialect) == Kind::Str);
        out.push_str(if strings { "map[string]interface {}{" } else { "map[interface {}]interface {}{" });
        let mut shown: Vec<(&str, String)> = entries
            .iter()
            .map(|entry| {
                let mut text = String::new();
                self.write(&entry.key, &mut text, depth + 1, in_flow);
                text.push(':');
                self.write(&entry.value, &mut text, depth + 1, in_flow);
                (entry.key.as_str().unwrap_or_default(), text)
            })
            .collect();
        // Of a repeated key the last value stays.
        shown.reverse();
        shown.sort_by_key(|(key, _)| *key);
        shown.dedup_by_key(|(key, _)| *key);
        let shown: Vec<String> = shown.into_iter().map(|(_, text)| text).collect();
        out.push_str(&shown.join(", "));
        out.push('}');
    }

    fn scalar(&self, node: &Node, text: &str, depth: usize, in_flow: bool) -> String {
        if self.dialect == Dialect::V3 && is_quoted_by_v3(node, text, in_flow, false) {
            return go_quote(text);
        }
        match node.kind(self.dialect) {
            Kind::Null if depth == 0 => "<nil>".to_owned(),
            Kind::Null => "interface {}(nil)".to_owned(),
            Kind::Bool(value) => value.to_string(),
            Kind::Int(value) => value.to_string(),
            Kind::Uint(value) => format!("{value:#x}"),
            Kind::Float(value) => crate::go_float::go_float(value),
            _ => go_quote(text),
        }
    }
}
