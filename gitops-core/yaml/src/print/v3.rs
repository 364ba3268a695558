//! Nodes as go-yaml v3 prints them: in their order and styles, with their comments, anchors and tags.
//!
//! The steps follow libyaml's emitter one by one, because where a comment lands, and whether a blank line precedes it,
//! depends on the order in which the emitter looks at its pending comments.

use crate::emit::{Analysis, Folding, ScalarStyle, Variant, Writer, analyze, is_ordinary};
use crate::print::scalar::{StyleAndTag, Tagging, style_and_tag};
use crate::{Comments, Data, Document, Entry, Error, ErrorKind, Node, Str, Style, Tag};

/// How sequences within mappings are indented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SequenceIndent {
    /// `- ` stands deeper than the key above it: go-yaml v3's default.
    #[default]
    Wide,
    /// `- ` stands below the key, as kyaml prints.
    Compact,
}

/// How [`print_v3`] prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrintOptions {
    /// Spaces a level, 2 to 9; others count as 2.
    pub indent: usize,
    /// How sequences within mappings are indented.
    pub sequence_indent: SequenceIndent,
}

impl PrintOptions {
    /// What go-yaml v3 prints unless told otherwise: four spaces.
    #[must_use]
    pub fn v3() -> Self {
        Self { indent: 4, sequence_indent: SequenceIndent::Wide }
    }

    /// What kyaml prints unless told otherwise: two spaces, sequences not indented.
    #[must_use]
    pub fn kyaml() -> Self {
        Self { indent: 2, sequence_indent: SequenceIndent::Compact }
    }

    /// Sets the spaces a level.
    #[must_use]
    pub fn indented_by(self, indent: usize) -> Self {
        Self { indent, ..self }
    }

    /// Sets how sequences within mappings are indented.
    #[must_use]
    pub fn with_sequences(self, sequence_indent: SequenceIndent) -> Self {
        Self { sequence_indent, ..self }
    }
}

/// Prints a node with its comments, styles and tags as go-yaml v3's encoder prints a `yaml.Node`.
///
/// ```
/// use gitops_yaml::{Entry, Node, PrintOptions, print_v3};
/// let list = Node::sequence(vec![Node::plain("1")]);
/// let node = Node::mapping(vec![Entry { key: Node::string("ports"), value: list }]);
/// assert_eq!(print_v3(&node, &PrintOptions::v3()).unwrap(), "ports:\n    - 1\n");
/// assert_eq!(print_v3(&node, &PrintOptions::kyaml()).unwrap(), "ports:\n- 1\n");
/// ```
///
/// # Errors
/// Anchors of other characters than letters, digits, `-` and `_`, and collections nested deeper than a thousand levels.
pub fn print_v3(node: &Node, options: &PrintOptions) -> Result<String, Error> {
    let mut emitter = Emitter::new(options);
    emitter.document(node, None)?;
    Ok(emitter.writer.text)
}

/// Prints documents one after the other, with `---` between them.
///
/// # Errors
/// As [`print_v3`].
pub fn print_documents<'a>(
    documents: impl IntoIterator<Item = &'a Document>,
    options: &PrintOptions,
) -> Result<String, Error> {
    let mut emitter = Emitter::new(options);
    for document in documents {
        emitter.document(&document.root, Some(&document.comments))?;
    }
    Ok(emitter.writer.text)
}

/// Prints nodes one after the other as documents, each with options of its own.
pub(crate) fn print_nodes<'a>(
    nodes: impl IntoIterator<Item = (&'a Node, Option<&'a Comments>, PrintOptions)>,
) -> Result<String, Error> {
    let mut emitter = Emitter::new(&PrintOptions::kyaml());
    for (node, comments, options) in nodes {
        emitter.set(&options);
        emitter.document(node, comments)?;
    }
    Ok(emitter.writer.text)
}

/// Where a node stands, which libyaml keeps in its contexts and states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    Root,
    /// Behind the `-` of a block sequence.
    BlockItem,
    /// An item of a flow sequence.
    FlowItem,
    /// A key that is written without `?`.
    SimpleKey,
    /// A key behind `?`.
    ComplexKey,
    /// A mapping's value.
    Value,
}

impl Position {
    fn is_in_mapping(self) -> bool {
        matches!(self, Self::SimpleKey | Self::ComplexKey | Self::Value)
    }
}

struct Emitter<'a> {
    writer: Writer,
    /// The current depth; `None` outside of all collections.
    indent: Option<usize>,
    best_indent: usize,
    sequences: SequenceIndent,
    flow_level: usize,
    is_first: bool,
    depth: usize,
    /// Comments that wait for the pen to come to where they are written.
    head: &'a str,
    line: &'a str,
    foot: &'a str,
    tail: &'a str,
    key_line: &'a str,
}

/// go-yaml v3 folds nothing.
const WIDTH: usize = i32::MAX as usize;
/// The longest key that is written without `?`, in bytes, anchor and tag included.
const SIMPLE_KEY: usize = 128;
const MAX_DEPTH: usize = 1_000;

impl<'a> Emitter<'a> {
    fn new(options: &PrintOptions) -> Self {
        let mut emitter = Self {
            writer: Writer::new(String::new(), WIDTH),
            indent: None,
            best_indent: 2,
            sequences: SequenceIndent::Wide,
            flow_level: 0,
            is_first: true,
            depth: 0,
            head: "",
            line: "",
            foot: "",
            tail: "",
            key_line: "",
        };
        emitter.set(options);
        emitter
    }

    fn set(&mut self, options: &PrintOptions) {
        self.best_indent = if (2..=9).contains(&options.indent) { options.indent } else { 2 };
        self.sequences = options.sequence_indent;
    }

    fn document(&mut self, root: &'a Node, comments: Option<&'a Comments>) -> Result<(), Error> {
        self.head = comments.map_or(self.head, |comments| pick(&comments.head, self.head));
        if !self.is_first {
            self.write_indent();
            self.writer.write_indicator("---");
            self.write_indent();
        }
        self.is_first = false;
        if !self.head.is_empty() {
            self.process_head();
            self.writer.put_break();
        }
        self.take_comments(root, "");
        self.process_head();
        self.node(root, Position::Root)?;
        self.foot = comments.map_or(self.foot, |comments| pick(&comments.foot, self.foot));
        self.writer.foot_indent = Some(0);
        self.process_foot();
        self.writer.foot_indent = None;
        self.write_indent();
        Ok(())
    }

    /// Notes the comments that come with a node's first event.
    fn take_comments(&mut self, node: &'a Node, tail: &'a str) {
        if !tail.is_empty() && !node.is_sequence() && !matches!(node.data, Data::Alias(_)) {
            self.tail = tail;
        }
        let Some(comments) = node.comments() else { return };
        self.head = pick(&comments.head, self.head);
        // A collection's other comments come with its end.
        if !matches!(node.data, Data::Mapping(_) | Data::Sequence(_)) {
            self.line = pick(&comments.line, self.line);
            self.foot = pick(&comments.foot, self.foot);
        }
    }

    /// Notes the comments that come with a collection's end.
    fn take_end_comments(&mut self, node: &'a Node, position: Position) {
        let Some(comments) = node.comments() else { return };
        self.line = pick(&comments.line, self.line);
        // What stands below a key waits for the next one.
        if !matches!(position, Position::SimpleKey | Position::ComplexKey) {
            self.foot = pick(&comments.foot, self.foot);
        }
    }

    /// Writes a node whose comments are noted; keys leave the comments behind them to their value.
    fn node(&mut self, node: &'a Node, position: Position) -> Result<(), Error> {
        let is_key = matches!(position, Position::SimpleKey | Position::ComplexKey);
        match &node.data {
            Data::Scalar(text) => {
                self.scalar(node, text, position)?;
                if !is_key {
                    self.after_node();
                }
            }
            Data::Alias(name) => {
                check_anchor(name, node, "alias")?;
                self.writer.write_indicator("*");
                self.writer.write_word(name);
                if !is_key {
                    self.after_node();
                }
            }
            Data::Sequence(items) => {
                let is_flow = self.begin(node, items.is_empty())?;
                if !is_key {
                    self.after_node();
                }
                if is_flow {
                    self.flow_sequence(node, items, position)?;
                } else {
                    self.block_sequence(node, items, position)?;
                }
                self.depth -= 1;
            }
            Data::Mapping(entries) => {
                let is_flow = self.begin(node, entries.is_empty())?;
                if !is_key {
                    self.after_node();
                }
                if is_flow {
                    self.flow_mapping(node, entries, position)?;
                } else {
                    self.block_mapping(node, entries, position)?;
                }
                self.depth -= 1;
            }
        }
        Ok(())
    }

    /// What the emitter does behind a node's first event, which for a collection is before its content.
    fn after_node(&mut self) {
        if self.flow_level > 0 && self.has_comments_behind() {
            self.writer.write_attached(',');
        }
        self.process_line();
        self.process_foot();
    }

    fn has_comments_behind(&self) -> bool {
        !(self.line.is_empty() && self.foot.is_empty() && self.tail.is_empty())
    }

    /// Writes a collection's anchor and tag; returns whether it is written in flow style.
    fn begin(&mut self, node: &'a Node, is_empty: bool) -> Result<bool, Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("exceeded max depth of {MAX_DEPTH}");
            return Err(Error::new(ErrorKind::Limit, node.place, message));
        }
        self.anchor_and_tag(node, &style_and_tag(node).tag)?;
        Ok(self.flow_level > 0 || node.style == Style::Flow || is_empty)
    }

    fn anchor_and_tag(&mut self, node: &'a Node, tag: &Tagging<'a>) -> Result<(), Error> {
        if let Some(anchor) = node.anchor() {
            check_anchor(anchor, node, "anchor")?;
            self.writer.write_indicator("&");
            self.writer.write_word(anchor);
        }
        tag.write(&mut self.writer);
        Ok(())
    }

    #[inline]
    fn scalar(&mut self, node: &'a Node, text: &'a Str, position: Position) -> Result<(), Error> {
        if is_plain_word(node, text) {
            self.writer.write_simple(text);
            return Ok(());
        }
        self.analyzed_scalar(node, text, position, style_and_tag(node), analyze(text, Variant::V3))
    }

    fn analyzed_scalar(
        &mut self,
        node: &'a Node,
        text: &'a Str,
        position: Position,
        chosen: StyleAndTag<'a>,
        analysis: Analysis,
    ) -> Result<(), Error> {
        let is_simple_key = position == Position::SimpleKey;
        let mut style = chosen.style;
        if is_simple_key && analysis.is_multiline {
            style = ScalarStyle::DoubleQuoted;
        }
        if style == ScalarStyle::Plain {
            let allowed = if self.flow_level > 0 { analysis.flow_plain } else { analysis.block_plain };
            let is_invisible = text.is_empty() && (self.flow_level > 0 || is_simple_key);
            if !allowed || is_invisible {
                style = ScalarStyle::SingleQuoted;
            }
        }
        if style == ScalarStyle::SingleQuoted && !analysis.single_quoted {
            style = ScalarStyle::DoubleQuoted;
        }
        if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
            && (!analysis.block || self.flow_level > 0 || is_simple_key)
        {
            style = ScalarStyle::DoubleQuoted;
        }
        self.anchor_and_tag(node, &chosen.tag)?;
        let indent = self.deeper(Collection::Flow, position);
        let folding = if is_simple_key { Folding::Forbidden } else { Folding::Allowed };
        match style {
            ScalarStyle::Plain => self.writer.write_plain(text, indent, folding),
            ScalarStyle::SingleQuoted => {
                self.writer.write_single_quoted(text, analysis.is_multiline, indent, folding);
            }
            ScalarStyle::DoubleQuoted => self.writer.write_double_quoted(text, indent, folding),
            ScalarStyle::Literal => {
                self.writer.write_block_header("|", text, self.best_indent);
                self.end_header_line(indent);
                self.writer.write_literal(text, indent);
            }
            ScalarStyle::Folded => {
                self.writer.write_block_header(">", text, self.best_indent);
                self.end_header_line(indent);
                self.writer.write_folded(text, indent);
            }
        }
        Ok(())
    }

    /// Ends the line of `|` or `>`, which may hold a comment.
    fn end_header_line(&mut self, indent: usize) {
        if self.line.is_empty() {
            self.writer.put_break();
            return;
        }
        let outer = self.indent.replace(indent);
        self.process_line();
        self.indent = outer;
    }

    fn block_sequence(&mut self, node: &'a Node, items: &'a [Node], position: Position) -> Result<(), Error> {
        let is_compact = self.sequences == SequenceIndent::Compact
            && position.is_in_mapping()
            && (self.writer.column == 0 || !self.writer.indention);
        let collection = if is_compact { Collection::CompactSequence } else { Collection::Block };
        // The comments of the first item are noted before the depth changes, which makes no difference.
        let outer = self.indent.replace(self.deeper(collection, position));
        for item in items {
            self.take_comments(item, "");
            self.process_head();
            self.write_indent();
            self.writer.write_block_indicator('-');
            self.node(item, Position::BlockItem)?;
        }
        self.take_end_comments(node, position);
        self.indent = outer;
        Ok(())
    }

    fn block_mapping(
        &mut self,
        node: &'a Node,
        entries: &'a [Entry],
        position: Position,
    ) -> Result<(), Error> {
        let outer = self.indent.replace(self.deeper(Collection::Block, position));
        let mut tail = "";
        for Entry { key, value } in entries {
            self.take_key_comments(key, &mut tail);
            self.process_head();
            self.write_indent();
            if !self.line.is_empty() {
                // A comment on the key's own line is written behind its value, where there is one.
                self.key_line = std::mem::take(&mut self.line);
            }
            if self.simple_key(key)? {
                self.take_comments(value, "");
                self.writer.write_attached(':');
            } else {
                self.writer.write_block_indicator('?');
                self.node(key, Position::ComplexKey)?;
                self.take_comments(value, "");
                self.write_indent();
                self.writer.write_block_indicator(':');
            }
            self.place_key_comment(value);
            self.node(value, Position::Value)?;
        }
        self.tail = pick(tail, self.tail);
        self.take_end_comments(node, position);
        self.process_head();
        self.indent = outer;
        Ok(())
    }

    /// Writes a key if it can be written without `?`; returns whether it is written.
    fn simple_key(&mut self, key: &'a Node) -> Result<bool, Error> {
        if let Data::Scalar(text) = &key.data
            && text.len() <= SIMPLE_KEY
            && is_plain_word(key, text)
        {
            self.writer.write_simple(text);
            return Ok(true);
        }
        let anchor = key.anchor().map_or(0, |anchor| anchor.len());
        let chosen = style_and_tag(key);
        let length = match &key.data {
            Data::Scalar(text) => {
                let analysis = analyze(text, Variant::V3);
                if analysis.is_multiline || anchor + chosen.tag.length() + text.len() > SIMPLE_KEY {
                    return Ok(false);
                }
                self.analyzed_scalar(key, text, Position::SimpleKey, chosen, analysis)?;
                return Ok(true);
            }
            Data::Alias(name) => name.len(),
            Data::Sequence(items) if items.is_empty() => anchor + chosen.tag.length(),
            Data::Mapping(entries) if entries.is_empty() => anchor + chosen.tag.length(),
            _ => return Ok(false),
        };
        if length > SIMPLE_KEY {
            return Ok(false);
        }
        self.node(key, Position::SimpleKey)?;
        Ok(true)
    }

    /// Notes a key's comments. The one below its value waits in `tail` for the next key, or the mapping's end.
    fn take_key_comments(&mut self, key: &'a Node, tail: &mut &'a str) {
        let foot = key.comments().map_or("", |comments| comments.foot.as_str());
        let pending_foot = self.foot;
        self.take_comments(key, tail);
        if !foot.is_empty() {
            self.foot = pending_foot;
        }
        *tail = foot;
    }

    fn place_key_comment(&mut self, value: &'a Node) {
        if self.key_line.is_empty() {
            return;
        }
        match &value.data {
            Data::Scalar(_) if self.line.is_empty() => self.line = std::mem::take(&mut self.key_line),
            Data::Mapping(_) | Data::Sequence(_) if value.style != Style::Flow => {
                std::mem::swap(&mut self.line, &mut self.key_line);
                self.process_line();
                std::mem::swap(&mut self.line, &mut self.key_line);
            }
            _ => {}
        }
    }

    fn flow_sequence(&mut self, node: &'a Node, items: &'a [Node], position: Position) -> Result<(), Error> {
        self.writer.write_opening('[');
        let outer = self.indent.replace(self.deeper(Collection::Flow, position));
        self.flow_level += 1;
        let mut comma_is_due = false;
        for item in items {
            self.take_comments(item, "");
            self.begin_flow_item(comma_is_due);
            // Where comments follow, the comma is written before them.
            comma_is_due = !self.has_comments_behind();
            self.node(item, Position::FlowItem)?;
        }
        self.take_end_comments(node, position);
        self.flow_level -= 1;
        self.indent = outer;
        if self.writer.column == 0 {
            self.write_indent();
        }
        self.writer.write_attached(']');
        self.process_line();
        self.process_foot();
        Ok(())
    }

    fn flow_mapping(
        &mut self,
        node: &'a Node,
        entries: &'a [Entry],
        position: Position,
    ) -> Result<(), Error> {
        self.writer.write_opening('{');
        let outer = self.indent.replace(self.deeper(Collection::Flow, position));
        self.flow_level += 1;
        let mut tail = "";
        let mut comma_is_due = false;
        for Entry { key, value } in entries {
            self.take_key_comments(key, &mut tail);
            self.begin_flow_item(comma_is_due);
            if self.simple_key(key)? {
                self.take_comments(value, "");
                self.writer.write_attached(':');
            } else {
                self.writer.write_indicator("?");
                self.node(key, Position::ComplexKey)?;
                self.take_comments(value, "");
                self.writer.write_indicator(":");
            }
            comma_is_due = !self.has_comments_behind();
            self.node(value, Position::Value)?;
        }
        self.tail = pick(tail, self.tail);
        self.take_end_comments(node, position);
        if comma_is_due && !(self.head.is_empty() && self.foot.is_empty() && self.tail.is_empty()) {
            self.writer.write_attached(',');
        }
        self.process_head();
        self.flow_level -= 1;
        self.indent = outer;
        self.writer.write_attached('}');
        self.process_line();
        self.process_foot();
        Ok(())
    }

    fn begin_flow_item(&mut self, comma_is_due: bool) {
        if comma_is_due {
            self.writer.write_attached(',');
        }
        self.process_head();
        if self.writer.column == 0 {
            self.write_indent();
        }
    }

    fn write_indent(&mut self) {
        self.writer.write_indent(self.indent.unwrap_or(0));
    }

    /// Returns the depth of a node's content.
    fn deeper(&self, collection: Collection, position: Position) -> usize {
        let best = self.best_indent;
        let Some(indent) = self.indent else {
            return if collection == Collection::Flow { best } else { 0 };
        };
        if position == Position::BlockItem {
            // Within a sequence, the indicator alone is skipped.
            return indent + 2;
        }
        let regular = best * ((indent + best) / best);
        if collection == Collection::CompactSequence { regular.saturating_sub(2) } else { regular }
    }

    fn process_head(&mut self) {
        if !self.tail.is_empty() {
            self.write_indent();
            self.writer.write_comment(std::mem::take(&mut self.tail), self.indent.unwrap_or(0));
            self.writer.foot_indent = Some(self.indent.unwrap_or(0));
        }
        if !self.head.is_empty() {
            self.write_indent();
            self.writer.write_comment(std::mem::take(&mut self.head), self.indent.unwrap_or(0));
        }
    }

    fn process_line(&mut self) {
        if self.line.is_empty() {
            return;
        }
        if !self.writer.whitespace {
            self.writer.put(' ');
        }
        self.writer.write_comment(std::mem::take(&mut self.line), self.indent.unwrap_or(0));
    }

    fn process_foot(&mut self) {
        if self.foot.is_empty() {
            return;
        }
        self.write_indent();
        self.writer.write_comment(std::mem::take(&mut self.foot), self.indent.unwrap_or(0));
        self.writer.foot_indent = Some(self.indent.unwrap_or(0));
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Collection {
    Block,
    /// A sequence whose `-` counts as indentation.
    CompactSequence,
    /// A flow collection, or a scalar.
    Flow,
}

/// A new comment replaces one that waits, an empty one does not.
fn pick<'a>(new: &'a str, pending: &'a str) -> &'a str {
    if new.is_empty() { pending } else { new }
}

/// Whether a scalar is written as it is, wherever it stands: nearly all are.
#[inline]
fn is_plain_word(node: &Node, text: &str) -> bool {
    node.tag == Tag::Implicit
        && node.style == Style::Default
        && node.anchor().is_none()
        && is_ordinary(text)
        && text != "<<"
}

fn check_anchor(name: &str, node: &Node, what: &str) -> Result<(), Error> {
    let message = if name.is_empty() {
        format!("{what} value must not be empty")
    } else if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')) {
        return Ok(());
    } else {
        format!("{what} value must contain alphanumerical characters only")
    };
    Err(Error::new(ErrorKind::Value, node.place, message))
}
