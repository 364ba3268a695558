//! JSON as Go's encoding/json prints it: compact, with `<`, `>`, `&`, U+2028 and U+2029 escaped.

use gitops_yaml::{Dialect, Entry, HtmlEscape, JsonPrinter, Kind, Node, Str};

use crate::decode::key_text;

/// A JSON value whose fields keep their order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Str),
    List(Vec<Json>),
    Object(Vec<(Str, Json)>),
}

impl Json {
    /// Makes an object.
    pub(crate) fn fields(fields: impl IntoIterator<Item = (&'static str, Json)>) -> Self {
        Self::Object(fields.into_iter().map(|(key, value)| (Str::literal(key), value)).collect())
    }
}

/// Prints a value.
pub(crate) fn write_json(json: &Json) -> String {
    let mut printer = JsonPrinter::new(HtmlEscape::Yes);
    write_value(&mut printer, json);
    // Only infinities can't be printed, and no way leads to them: YAML and JSON are checked when they are read.
    printer.finish().unwrap_or_default()
}

fn write_value(printer: &mut JsonPrinter, json: &Json) {
    match json {
        Json::Null => printer.null(),
        Json::Bool(value) => printer.bool(*value),
        Json::Int(value) => printer.int(*value),
        Json::Float(value) => printer.float(*value),
        Json::Text(text) => printer.str(text),
        Json::List(items) => {
            printer.begin_seq();
            items.iter().for_each(|item| write_value(printer, item));
            printer.end();
        }
        Json::Object(fields) => {
            printer.begin_map();
            for (key, value) in fields {
                printer.key(key);
                write_value(printer, value);
            }
            printer.end();
        }
    }
}

/// Turns YAML that was checked to be JSON into JSON as Go decodes it into an interface: all numbers are floats, fields
/// are in the order of their keys.
pub(crate) fn node_to_json(node: &Node) -> Json {
    if let Some(items) = node.items() {
        return Json::List(items.iter().map(node_to_json).collect());
    }
    if let Some(entries) = node.entries() {
        let mut fields = std::collections::BTreeMap::new();
        for entry in entries {
            let key = key_text(&entry.key).unwrap_or_default();
            fields.insert(key, node_to_json(&entry.value));
        }
        return Json::Object(fields.into_iter().collect());
    }
    #[allow(clippy::cast_precision_loss, reason = "Go decodes every number into a float64")]
    match node.kind(Dialect::Yaml11) {
        Kind::Null => Json::Null,
        Kind::Bool(value) => Json::Bool(value),
        Kind::Int(value) => Json::Float(value as f64),
        Kind::Uint(value) => Json::Float(value as f64),
        Kind::Float(value) => Json::Float(value),
        _ => Json::Text(node.scalar().cloned().unwrap_or_default()),
    }
}

/// Returns whether a text is JSON.
pub(crate) fn is_valid(text: &[u8]) -> bool {
    std::str::from_utf8(text)
        .is_ok_and(|text| gitops_yaml::from_json(text, gitops_yaml::FileId::NONE).is_ok())
}

/// Turns JSON into a tree to print.
pub(crate) fn json_to_node(json: &Json) -> Node {
    match json {
        Json::Null => Node::null(),
        Json::Bool(value) => Node::bool(*value),
        Json::Int(value) => Node::int(*value),
        Json::Float(value) => Node::plain(gitops_yaml::go_float(*value)),
        Json::Text(text) => Node::string(text.clone()),
        Json::List(items) => Node::sequence(items.iter().map(json_to_node).collect()),
        Json::Object(fields) => Node::mapping(
            fields
                .iter()
                .map(|(key, value)| Entry { key: Node::string(key.clone()), value: json_to_node(value) })
                .collect(),
        ),
    }
}
