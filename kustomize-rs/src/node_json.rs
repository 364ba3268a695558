//! A node as Go's `json.Marshal` writes go-yaml's node struct: what upstream hashes for kinds that it does not know.

use gitops_yaml::{Comments, Data, Dialect, HtmlEscape, JsonPrinter, Kind, Node, Style};

/// Writes a node with its style, comments and place.
pub(crate) fn node_json(node: &Node) -> String {
    let mut printer = JsonPrinter::new(HtmlEscape::Yes);
    write(node, &mut printer);
    printer.finish().unwrap_or_default()
}

fn write(node: &Node, printer: &mut JsonPrinter) {
    const SEQUENCE: i64 = 2;
    const MAPPING: i64 = 4;
    const SCALAR: i64 = 8;
    let kind = match &node.data {
        Data::Sequence(_) => SEQUENCE,
        Data::Mapping(_) => MAPPING,
        _ => SCALAR,
    };
    let style = match node.style {
        Style::Default => 0,
        Style::DoubleQuoted => 2,
        Style::SingleQuoted => 4,
        Style::Literal => 8,
        Style::Folded => 16,
        Style::Flow => 32,
    };
    let tag = match node.kind(Dialect::V3) {
        Kind::Merge => "!!merge",
        kind => kind.tag(),
    };
    printer.begin_map();
    printer.key("Kind");
    printer.int(kind);
    printer.key("Style");
    printer.int(style + i64::from(node.tag_is_written()));
    printer.key("Tag");
    printer.str(tag);
    printer.key("Value");
    printer.str(node.as_str().unwrap_or_default());
    printer.key("Anchor");
    printer.str("");
    printer.key("Alias");
    printer.null();
    printer.key("Content");
    match &node.data {
        Data::Sequence(items) if !items.is_empty() => {
            printer.begin_seq();
            items.iter().for_each(|item| write(item, printer));
            printer.end();
        }
        Data::Mapping(entries) if !entries.is_empty() => {
            printer.begin_seq();
            for entry in entries {
                write(&entry.key, printer);
                write(&entry.value, printer);
            }
            printer.end();
        }
        _ => printer.null(),
    }
    let none = Comments::default();
    let comments = node.comments().unwrap_or(&none);
    for (key, text) in
        [("HeadComment", &comments.head), ("LineComment", &comments.line), ("FootComment", &comments.foot)]
    {
        printer.key(key);
        printer.str(text);
    }
    printer.key("Line");
    printer.int(node.place.line.into());
    printer.key("Column");
    printer.int(node.place.column.into());
    printer.end();
}
