//! Prints JSON as Go's `json.Marshal` does: keys sorted by bytes, no white space, floats in Go's form.

use crate::decode::{Tree, ValueSink, walk};
use crate::go_float::json_float;
use crate::json::unsupported_float;
use crate::{Dialect, Error, Place};

/// Whether `<`, `>` and `&` are escaped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HtmlEscape {
    /// As `\u003c`, `\u003e` and `\u0026`: what `json.Marshal` does.
    #[default]
    Yes,
    /// Not at all: what an encoder with `SetEscapeHTML(false)` does.
    No,
}

/// Prints a value as JSON, as sigs.k8s.io/yaml's `YAMLToJSON` ([`Dialect::Yaml11`]) or kustomize's
/// `RNode.MarshalJSON` ([`Dialect::V3`]) do.
///
/// ```
/// use gitops_yaml::{Dialect, Entry, Node, to_json};
/// let node = Node::mapping(vec![Entry { key: Node::plain("n"), value: Node::plain("1e3") }]);
/// assert_eq!(to_json(&node, Dialect::V3).unwrap(), r#"{"n":1000}"#);
/// assert_eq!(to_json(&node, Dialect::Yaml11).unwrap(), r#"{"false":1000}"#);
/// ```
///
/// # Errors
/// What JSON can't hold, in Go's words; see [`print_sigs`](crate::print_sigs).
pub fn to_json<'a>(value: impl Into<Tree<'a>>, dialect: Dialect) -> Result<String, Error> {
    to_json_with(value, dialect, HtmlEscape::Yes)
}

/// Prints a value as JSON with or without escaping `<`, `>` and `&`.
///
/// # Errors
/// As [`to_json`].
pub fn to_json_with<'a>(
    value: impl Into<Tree<'a>>,
    dialect: Dialect,
    escape: HtmlEscape,
) -> Result<String, Error> {
    let mut printer = JsonPrinter::new(escape);
    walk(value.into(), dialect, &mut printer)?;
    printer.finish()
}

/// Prints values that are no nodes as JSON, piece by piece; keys are expected sorted by their bytes.
///
/// ```
/// use gitops_yaml::{HtmlEscape, JsonPrinter};
/// let mut printer = JsonPrinter::new(HtmlEscape::Yes);
/// printer.begin_map();
/// printer.key("a");
/// printer.str("<b>");
/// printer.end();
/// assert_eq!(printer.finish().unwrap(), r#"{"a":"\u003cb\u003e"}"#);
/// ```
#[derive(Debug)]
pub struct JsonPrinter {
    text: String,
    closers: Vec<char>,
    needs_comma: bool,
    escape: HtmlEscape,
    indent: Option<Box<str>>,
    error: Option<Error>,
}

impl JsonPrinter {
    /// Starts a text.
    #[must_use]
    pub fn new(escape: HtmlEscape) -> Self {
        Self {
            text: String::new(),
            closers: Vec::new(),
            needs_comma: false,
            escape,
            indent: None,
            error: None,
        }
    }

    /// Starts a text of many lines, as `json.MarshalIndent` prints with this indentation.
    #[must_use]
    pub fn pretty(escape: HtmlEscape, indent: &str) -> Self {
        Self { indent: Some(indent.into()), ..Self::new(escape) }
    }

    /// Begins an object, to be followed by keys, each with its value, and by [`JsonPrinter::end`].
    pub fn begin_map(&mut self) {
        self.before_item();
        self.begin('{', '}');
    }

    /// Begins an array, to be followed by its items and by [`JsonPrinter::end`].
    pub fn begin_seq(&mut self) {
        self.before_item();
        self.begin('[', ']');
    }

    fn begin(&mut self, open: char, close: char) {
        self.text.push(open);
        self.closers.push(close);
        self.needs_comma = false;
    }

    /// Writes a key; its value must follow.
    pub fn key(&mut self, key: &str) {
        self.separate();
        write_string(&mut self.text, key, self.escape);
        self.text.push_str(if self.indent.is_some() { ": " } else { ":" });
        self.needs_comma = false;
    }

    /// Writes a string.
    pub fn str(&mut self, value: &str) {
        self.before_item();
        write_string(&mut self.text, value, self.escape);
        self.needs_comma = true;
    }

    /// Writes an integer.
    pub fn int(&mut self, value: i64) {
        self.literal(&value.to_string());
    }

    /// Writes an integer without sign.
    pub fn uint(&mut self, value: u64) {
        self.literal(&value.to_string());
    }

    /// Writes a float; infinities and NaN are errors.
    pub fn float(&mut self, value: f64) {
        if value.is_finite() {
            self.literal(&json_float(value));
        } else {
            self.error.get_or_insert_with(|| unsupported_float(value, Place::NONE));
        }
    }

    /// Writes a boolean.
    pub fn bool(&mut self, value: bool) {
        self.literal(if value { "true" } else { "false" });
    }

    /// Writes a null.
    pub fn null(&mut self) {
        self.literal("null");
    }

    /// Ends the object or array that was begun last.
    pub fn end(&mut self) {
        if let Some(close) = self.closers.pop() {
            if self.needs_comma {
                self.break_line();
            }
            self.text.push(close);
        }
        self.needs_comma = true;
    }

    /// Returns the text.
    ///
    /// # Errors
    /// The first value that JSON can't hold.
    pub fn finish(self) -> Result<String, Error> {
        self.error.map_or(Ok(self.text), Err)
    }

    fn literal(&mut self, text: &str) {
        self.before_item();
        self.text.push_str(text);
        self.needs_comma = true;
    }

    /// Separates an array's item from the one before; an object's value follows its key.
    fn before_item(&mut self) {
        if self.closers.last() == Some(&']') {
            self.separate();
        }
    }

    fn separate(&mut self) {
        if self.needs_comma {
            self.text.push(',');
        }
        self.break_line();
    }

    fn break_line(&mut self) {
        if let Some(indent) = &self.indent {
            self.text.push('\n');
            for _ in 0..self.closers.len() {
                self.text.push_str(indent);
            }
        }
    }
}

/// Writes a JSON string as Go does.
fn write_string(out: &mut String, value: &str, escape: HtmlEscape) {
    out.push('"');
    write_escaped(out, value, escape);
    out.push('"');
}

/// What a byte needs in a string.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Nothing,
    Escape,
    /// An escape unless HTML is left alone.
    HtmlEscape,
    /// The first byte of U+2028 and U+2029, and of others.
    Look,
}

const NEEDS: [Need; 256] = {
    let mut table = [Need::Nothing; 256];
    let mut control = 0;
    while control < 0x20 {
        table[control] = Need::Escape;
        control += 1;
    }
    table[b'"' as usize] = Need::Escape;
    table[b'\\' as usize] = Need::Escape;
    table[b'<' as usize] = Need::HtmlEscape;
    table[b'>' as usize] = Need::HtmlEscape;
    table[b'&' as usize] = Need::HtmlEscape;
    table[0xe2] = Need::Look;
    table
};

fn write_escaped(out: &mut String, value: &str, escape: HtmlEscape) {
    let bytes = value.as_bytes();
    let mut written = 0;
    let mut at = 0;
    while let Some(found) = bytes[at..].iter().position(|&byte| NEEDS[byte as usize] != Need::Nothing) {
        at += found;
        let byte = bytes[at];
        let escaped = match NEEDS[byte as usize] {
            Need::HtmlEscape if escape == HtmlEscape::No => None,
            Need::Look if bytes[at..].starts_with(&[0xe2, 0x80, 0xa8]) => Some(("\\u2028", 3)),
            Need::Look if bytes[at..].starts_with(&[0xe2, 0x80, 0xa9]) => Some(("\\u2029", 3)),
            Need::Look | Need::Nothing => None,
            Need::Escape | Need::HtmlEscape => Some((short_escape(byte), 1)),
        };
        let Some((escaped, length)) = escaped else {
            at += 1;
            continue;
        };
        out.push_str(&value[written..at]);
        out.push_str(escaped);
        if escaped.is_empty() {
            out.push_str(&format!("\\u{byte:04x}"));
        }
        at += length;
        written = at;
    }
    out.push_str(&value[written..]);
}

/// Returns the escape of a byte that has one of its own; empty for other controls.
fn short_escape(byte: u8) -> &'static str {
    match byte {
        b'"' => "\\\"",
        b'\\' => "\\\\",
        b'\n' => "\\n",
        b'\r' => "\\r",
        b'\t' => "\\t",
        0x08 => "\\b",
        0x0c => "\\f",
        b'<' => "\\u003c",
        b'>' => "\\u003e",
        b'&' => "\\u0026",
        _ => "",
    }
}

impl ValueSink for JsonPrinter {
    fn begin_map(&mut self) {
        Self::begin_map(self);
    }
    fn key(&mut self, key: &str) {
        Self::key(self, key);
    }
    fn begin_seq(&mut self) {
        Self::begin_seq(self);
    }
    fn end(&mut self) {
        Self::end(self);
    }
    fn str(&mut self, value: &str) {
        Self::str(self, value);
    }
    fn binary(&mut self, value: &[u8]) {
        self.before_item();
        self.text.push('"');
        for chunk in value.utf8_chunks() {
            write_escaped(&mut self.text, chunk.valid(), self.escape);
            self.text.extend(chunk.invalid().iter().map(|_| "\\ufffd"));
        }
        self.text.push('"');
        self.needs_comma = true;
    }
    fn int(&mut self, value: i64) {
        Self::int(self, value);
    }
    fn uint(&mut self, value: u64) {
        Self::uint(self, value);
    }
    fn float(&mut self, value: f64) {
        Self::float(self, value);
    }
    fn bool(&mut self, value: bool) {
        Self::bool(self, value);
    }
    fn null(&mut self) {
        Self::null(self);
    }
}
