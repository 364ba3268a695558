//! Values as go-yaml v3's encoder prints them, which is Helm's `toYamlPretty`.

use crate::print::v3::{PrintOptions, print_v3};
use crate::resolve::string_may_be_plain;
use crate::{Dialect, Entry, Error, Node, Str, Style, go_float};

/// Prints values that are no nodes as go-yaml v3's encoder prints Go values, piece by piece.
///
/// A mapping's keys must come in the order of [`pretty_key_order`](crate::pretty_key_order).
///
/// ```
/// let mut printer = gitops_yaml::PrettyPrinter::new(2);
/// printer.begin_map();
/// printer.key("args");
/// printer.begin_seq();
/// printer.str("on");
/// printer.end();
/// printer.end();
/// assert_eq!(printer.finish().unwrap(), "args:\n  - \"on\"\n");
/// ```
#[derive(Debug)]
pub struct PrettyPrinter {
    indent: usize,
    root: Option<Node>,
    open: Vec<Open>,
}

#[derive(Debug)]
enum Open {
    Map { entries: Vec<Entry>, key: Option<Node> },
    Seq(Vec<Node>),
}

impl PrettyPrinter {
    /// Starts a document with so many spaces a level; Helm takes 2.
    #[must_use]
    pub fn new(indent: usize) -> Self {
        Self { indent, root: None, open: Vec::new() }
    }

    /// Begins a mapping, to be followed by keys, each with its value, and by [`PrettyPrinter::end`].
    pub fn begin_map(&mut self) {
        self.open.push(Open::Map { entries: Vec::new(), key: None });
    }

    /// Begins a sequence, to be followed by its items and by [`PrettyPrinter::end`].
    pub fn begin_seq(&mut self) {
        self.open.push(Open::Seq(Vec::new()));
    }

    /// Writes a key; its value must follow.
    pub fn key(&mut self, text: &str) {
        if let Some(Open::Map { key, .. }) = self.open.last_mut() {
            *key = Some(string(text));
        }
    }

    /// Writes a string.
    pub fn str(&mut self, value: &str) {
        self.add(string(value));
    }

    /// Writes an integer.
    pub fn int(&mut self, value: i64) {
        self.add(Node::plain(value.to_string()));
    }

    /// Writes an integer without sign.
    pub fn uint(&mut self, value: u64) {
        self.add(Node::plain(value.to_string()));
    }

    /// Writes a float in Go's shortest form, `1e+06` from a million on; infinities as `.inf`.
    pub fn float(&mut self, value: f64) {
        self.add(Node::plain(go_float(value)));
    }

    /// Writes a boolean.
    pub fn bool(&mut self, value: bool) {
        self.add(Node::bool(value));
    }

    /// Writes a null.
    pub fn null(&mut self) {
        self.add(Node::null());
    }

    /// Ends the mapping or sequence that was begun last.
    pub fn end(&mut self) {
        match self.open.pop() {
            Some(Open::Map { entries, .. }) => self.add(Node::mapping(entries)),
            Some(Open::Seq(items)) => self.add(Node::sequence(items)),
            None => {}
        }
    }

    /// Ends the document and returns its text.
    ///
    /// # Errors
    /// As [`print_v3`].
    pub fn finish(self) -> Result<String, Error> {
        let root = self.root.unwrap_or_else(Node::null);
        print_v3(&root, &PrintOptions::v3().indented_by(self.indent))
    }

    fn add(&mut self, node: Node) {
        match self.open.last_mut() {
            Some(Open::Map { entries, key }) => {
                if let Some(key) = key.take() {
                    entries.push(Entry { key, value: node });
                }
            }
            Some(Open::Seq(items)) => items.push(node),
            None => self.root = Some(node),
        }
    }
}

/// A string as the encoder of Go values writes it, which quotes more than the encoder of nodes.
fn string(text: &str) -> Node {
    let style = if text.contains('\n') {
        Style::Literal
    } else if string_may_be_plain(text, Dialect::V3) {
        Style::Default
    } else {
        Style::DoubleQuoted
    };
    Node::string(Str::from(text)).styled(style)
}
