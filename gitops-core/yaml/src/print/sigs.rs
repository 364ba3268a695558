//! YAML as sigs.k8s.io/yaml prints it: sorted keys, sequences not indented, lines folded at 80. What `kustomize build`
//! and Helm's `toYaml` write.

use crate::decode::{Tree, ValueSink, walk};
use crate::emit::{Analysis, Folding, ScalarStyle, Variant, Writer, analyze, is_ordinary};
use crate::go_float::go_float;
use crate::json::{escaped_length, through_json, unsupported_float};
use crate::print::key_order;
use crate::resolve::string_may_be_plain;
use crate::{Dialect, Error, ErrorKind, Place};

/// Prints a value as sigs.k8s.io/yaml does, with the results of its detour through JSON.
///
/// [`Dialect::V3`] gives what `kustomize build` prints of a resource that yaml.v3 has read: times become RFC 3339
/// strings and keys must be strings. [`Dialect::Yaml11`] gives `JSONToYAML(YAMLToJSON(text))`, as Helm does it.
///
/// ```
/// use gitops_yaml::{Dialect, Entry, Node, print_sigs};
/// let node = Node::mapping(vec![
///     Entry { key: Node::plain("b"), value: Node::string("yes") },
///     Entry { key: Node::plain("a"), value: Node::sequence(vec![Node::plain("0777")]) },
/// ]);
/// assert_eq!(print_sigs(&node, Dialect::V3).unwrap(), "a:\n- 511\nb: \"yes\"\n");
/// ```
///
/// # Errors
/// What JSON can't hold, in Go's words: `json: unsupported value: +Inf`, keys that are no strings, duplicate keys; and
/// aliases that name nothing, contain themselves or expand without bound.
pub fn print_sigs<'a>(value: impl Into<Tree<'a>>, dialect: Dialect) -> Result<String, Error> {
    let mut text = String::with_capacity(1024);
    append_sigs(value, dialect, &mut text)?;
    Ok(text)
}

/// Prints a value as [`print_sigs`] does at the end of a text, which must be empty or end with a line break.
///
/// # Errors
/// As [`print_sigs`]; the text is then left as it was.
pub fn append_sigs<'a>(value: impl Into<Tree<'a>>, dialect: Dialect, text: &mut String) -> Result<(), Error> {
    let before = text.len();
    let mut printer = SigsPrinter::append_to(std::mem::take(text));
    let mut result = walk(value.into(), dialect, &mut printer);
    printer.writer.write_indent(0);
    result = result.and(printer.error.map_or(Ok(()), Err));
    *text = printer.writer.text;
    if result.is_err() {
        text.truncate(before);
    }
    result
}

/// Prints values that are no nodes in the same form, piece by piece.
///
/// A mapping's keys must come in the order of [`key_order`](crate::key_order). The first error is kept and returned by
/// [`SigsPrinter::finish`].
///
/// ```
/// let mut printer = gitops_yaml::SigsPrinter::new();
/// printer.begin_map();
/// printer.key("on");
/// printer.float(1e7);
/// printer.key("ports");
/// printer.begin_seq();
/// printer.int(80);
/// printer.end();
/// printer.end();
/// assert_eq!(printer.finish().unwrap(), "\"on\": 10000000\nports:\n- 80\n");
/// ```
#[derive(Debug)]
pub struct SigsPrinter {
    writer: Writer,
    frames: Vec<Frame>,
    /// A collection that is begun and may still turn out to be empty.
    pending: Option<Collection>,
    /// How many line breaks the JSON would hold so far, which is written on one line but for U+0085.
    json_lines: u32,
    error: Option<Error>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Collection {
    Map,
    Seq,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    collection: Collection,
    indent: usize,
}

const WIDTH: usize = 80;
const INDENT: usize = 2;
/// The longest key that is written without `?`, in bytes.
const SIMPLE_KEY: usize = 128;

impl Default for SigsPrinter {
    fn default() -> Self {
        Self::new()
    }
}

impl SigsPrinter {
    /// Starts a document.
    #[must_use]
    pub fn new() -> Self {
        Self::append_to(String::new())
    }

    /// Starts a document at the end of a text, which must be empty or end with a line break. Reuses its memory.
    #[must_use]
    pub fn append_to(text: String) -> Self {
        Self {
            writer: Writer::new(text, WIDTH),
            frames: Vec::new(),
            pending: None,
            json_lines: 0,
            error: None,
        }
    }

    /// Begins a mapping, to be followed by keys, each with its value, and by [`SigsPrinter::end`].
    pub fn begin_map(&mut self) {
        self.before_value();
        self.pending = Some(Collection::Map);
    }

    /// Begins a sequence, to be followed by its items and by [`SigsPrinter::end`].
    pub fn begin_seq(&mut self) {
        self.before_value();
        self.pending = Some(Collection::Seq);
    }

    /// Writes a mapping's key; its value must follow.
    pub fn key(&mut self, key: &str) {
        self.open_pending();
        let indent = self.frames.last().map_or(0, |frame| frame.indent);
        self.writer.write_indent(indent);
        if key.len() <= SIMPLE_KEY && is_ordinary(key) && string_may_be_plain(key, Dialect::Yaml11) {
            self.writer.write_simple(key);
            self.writer.write_attached(':');
            return;
        }
        let analysis = analyze(key, Variant::V2);
        // On the way through JSON, a key must end on its line and within 1024 characters of its start.
        let has_break = !analysis.single_quoted && key.contains('\u{85}');
        if has_break || (key.len() > 150 && escaped_length(key) > 1024) {
            self.json_lines += next_lines(key);
            let error = Error::new(ErrorKind::Syntax, Place::NONE, "did not find expected ',' or '}'");
            self.fail(if self.json_lines > 0 { error.reporting_line(self.json_lines) } else { error });
        }
        if analysis.is_multiline || key.len() > SIMPLE_KEY {
            self.writer.write_block_indicator('?');
            self.string(key, analysis, indent + INDENT, Folding::Allowed);
            self.writer.write_indent(indent);
            self.writer.write_block_indicator(':');
        } else {
            self.string(key, analysis, indent + INDENT, Folding::Forbidden);
            self.writer.write_attached(':');
        }
    }

    /// Writes a string.
    pub fn str(&mut self, value: &str) {
        self.before_value();
        if is_ordinary(value) && string_may_be_plain(value, Dialect::Yaml11) {
            self.writer.write_simple(value);
            return;
        }
        let indent = self.scalar_indent();
        self.string(value, analyze(value, Variant::V2), indent, Folding::Allowed);
    }

    /// Writes an integer.
    pub fn int(&mut self, value: i64) {
        self.before_value();
        self.writer.write_integer(value.unsigned_abs(), value < 0);
    }

    /// Writes an integer without sign.
    pub fn uint(&mut self, value: u64) {
        self.before_value();
        self.writer.write_integer(value, false);
    }

    /// Writes a float as it looks after Go's way through JSON: `1e6` becomes `1000000`, `0.5e7` stays an integer,
    /// `1e-7` becomes `1e-07`. Infinities and NaN are errors.
    pub fn float(&mut self, value: f64) {
        self.before_value();
        if !value.is_finite() {
            self.fail(unsupported_float(value, Place::NONE));
            return;
        }
        self.writer.write_simple(&float_through_json(value));
    }

    /// Writes a boolean.
    pub fn bool(&mut self, value: bool) {
        self.before_value();
        self.writer.write_simple(if value { "true" } else { "false" });
    }

    /// Writes a null.
    pub fn null(&mut self) {
        self.before_value();
        self.writer.write_simple("null");
    }

    /// Ends the mapping or sequence that was begun last.
    pub fn end(&mut self) {
        match self.pending.take() {
            Some(Collection::Map) => self.writer.write_simple("{}"),
            Some(Collection::Seq) => self.writer.write_simple("[]"),
            None => {
                self.frames.pop();
            }
        }
    }

    /// Ends the document and returns its text with the line break at its end.
    ///
    /// # Errors
    /// The first thing that could not be printed.
    pub fn finish(mut self) -> Result<String, Error> {
        match self.error {
            Some(error) => Err(error),
            None => {
                self.writer.write_indent(0);
                Ok(self.writer.text)
            }
        }
    }

    fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }

    #[inline]
    fn before_value(&mut self) {
        self.open_pending();
        if let Some(Frame { collection: Collection::Seq, indent }) = self.frames.last().copied() {
            self.writer.write_indent(indent);
            self.writer.write_block_indicator('-');
        }
    }

    /// Turns a begun collection into a block, now that it has content.
    #[inline]
    fn open_pending(&mut self) {
        let Some(collection) = self.pending.take() else { return };
        let indent = match self.frames.last() {
            None => 0,
            // Behind `key:` a sequence is not indented; behind `? key` it is.
            Some(parent)
                if collection == Collection::Seq
                    && parent.collection == Collection::Map
                    && !self.writer.indention =>
            {
                parent.indent
            }
            Some(parent) => parent.indent + INDENT,
        };
        self.frames.push(Frame { collection, indent });
    }

    fn scalar_indent(&self) -> usize {
        self.frames.last().map_or(INDENT, |frame| frame.indent + INDENT)
    }

    #[inline]
    fn string(&mut self, value: &str, analysis: Analysis, indent: usize, folding: Folding) {
        if !analysis.single_quoted {
            // Among what needs double quotes are the characters that do not survive Go's way through JSON.
            match through_json(value) {
                Ok(None) => {}
                Ok(Some(changed)) => {
                    self.json_lines += next_lines(value);
                    let analysis = analyze(&changed, Variant::V2);
                    return self.string_as_it_is(&changed, analysis, indent, folding);
                }
                Err(error) => self.fail(error),
            }
        }
        self.string_as_it_is(value, analysis, indent, folding);
    }

    #[inline]
    fn string_as_it_is(&mut self, value: &str, analysis: Analysis, indent: usize, folding: Folding) {
        match string_style(value, analysis, folding) {
            ScalarStyle::Plain => self.writer.write_plain(value, indent, folding),
            ScalarStyle::SingleQuoted => {
                self.writer.write_single_quoted(value, analysis.is_multiline, indent, folding);
            }
            ScalarStyle::Literal => {
                self.writer.write_block_header("|", value, INDENT);
                self.writer.put_break();
                self.writer.write_literal(value, indent);
            }
            _ => self.writer.write_double_quoted(value, indent, folding),
        }
    }
}

fn next_lines(value: &str) -> u32 {
    u32::try_from(value.matches('\u{85}').count()).unwrap_or(u32::MAX / 2)
}

/// What go-yaml v2 makes of a string: a block where it has several lines, quotes where it would be read as something
/// else, and otherwise as few quotes as the text allows.
#[inline]
fn string_style(value: &str, analysis: Analysis, folding: Folding) -> ScalarStyle {
    if analysis.is_multiline && value.contains('\n') {
        if analysis.block && folding == Folding::Allowed {
            ScalarStyle::Literal
        } else {
            ScalarStyle::DoubleQuoted
        }
    } else if !string_may_be_plain(value, Dialect::Yaml11) {
        ScalarStyle::DoubleQuoted
    } else if analysis.block_plain {
        ScalarStyle::Plain
    } else if analysis.single_quoted {
        ScalarStyle::SingleQuoted
    } else {
        ScalarStyle::DoubleQuoted
    }
}

/// Prints a finite float as Go's JSON does, reads that as YAML and prints it again.
fn float_through_json(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if value.fract() == 0.0 && value.abs() < 1e21 {
        let digits = format!("{value}");
        if digits.parse::<i64>().is_ok() || digits.parse::<u64>().is_ok() {
            return digits;
        }
    }
    go_float(value)
}

impl ValueSink for SigsPrinter {
    fn order(a: &str, b: &str) -> std::cmp::Ordering {
        key_order(a, b)
    }
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
