//! Events → tree: builds the nodes of one document, and moves comments from node to node as go-yaml v3 does.
//!
//! Open collections stand on a stack of their own and children on another, so that depth costs no thread stack and
//! every collection is allocated once, in its final size.

use std::collections::HashMap;

use crate::parse::{Event, EventComments, EventKind, Parser, Properties};
use crate::read::{Dialect, KeepComments, ReadOptions};
use crate::scan::{Input, Mark, ScanOptions};
use crate::{Comments, Data, Document, Entry, Error, ErrorKind, FileId, Node, Str, Style, Tag};

#[derive(Debug)]
pub(crate) struct Composer<'a> {
    pub(crate) parser: Parser<'a>,
    options: ReadOptions,
    keeps_comments: bool,
    /// Nodes that wait for their collection to end, those of open collections included.
    children: Vec<Node>,
    open: Vec<Open>,
    /// Off in tests that compare both ways.
    pub(crate) uses_plain_lines: bool,
    /// In which document each anchor was last defined.
    anchors: HashMap<Str, usize>,
    document: usize,
    nodes: usize,
}

/// A collection that is being read.
#[derive(Debug)]
struct Open {
    /// Where its children begin; its own node stands before them.
    first_child: usize,
    is_mapping: bool,
    style: Style,
}

/// A document, and the anchors of earlier documents that it refers to.
pub(crate) struct Composed {
    pub(crate) document: Document,
    pub(crate) earlier_anchors: Vec<Str>,
}

impl<'a> Composer<'a> {
    pub(crate) fn new(input: &'a Input<'a>, file: FileId, options: &ReadOptions) -> Self {
        let scan = ScanOptions {
            dialect: options.dialect,
            file,
            first_line: options.first_line,
            depth: options.limits.depth,
        };
        Self {
            parser: Parser::new(input, scan),
            options: *options,
            keeps_comments: options.comments == KeepComments::Yes && options.dialect == Dialect::V3,
            children: Vec::new(),
            open: Vec::new(),
            uses_plain_lines: true,
            anchors: HashMap::new(),
            document: 0,
            nodes: 0,
        }
    }

    /// Composes the next document; `None` at the end of the stream.
    pub(crate) fn next_document(&mut self) -> Result<Option<Composed>, Error> {
        let start = self.parser.next_event()?;
        let EventKind::DocumentStart { is_explicit: explicit_start } = start.kind else { return Ok(None) };
        if self.options.dialect == Dialect::Yaml11 {
            self.anchors.clear();
        }
        let mut comments = self.event_comments();
        let mut earlier_anchors = Vec::new();
        let root = self.compose_root(&mut earlier_anchors)?;
        let end = self.parser.next_event()?;
        comments.foot = self.event_comments().foot;
        comments.line = Str::EMPTY;
        self.document += 1;
        let document = Document {
            root,
            comments,
            place: self.parser.place(start.start),
            explicit_start,
            explicit_end: end.kind == EventKind::DocumentEnd { is_explicit: true },
            earlier_anchors: Vec::new(),
        };
        Ok(Some(Composed { document, earlier_anchors }))
    }

    fn compose_root(&mut self, earlier_anchors: &mut Vec<Str>) -> Result<Node, Error> {
        loop {
            if self.uses_plain_lines {
                self.compose_plain_lines()?;
            }
            let event = self.parser.next_event()?;
            match event.kind {
                EventKind::Scalar => {
                    let node = Node::plain(self.parser.take_text());
                    self.push_node(node, event.start, event.style)?;
                    self.decorate();
                }
                EventKind::Alias => {
                    self.count(event.start)?;
                    let node = self.alias(event, earlier_anchors)?;
                    self.children.push(node);
                    self.decorate();
                }
                EventKind::SequenceStart => {
                    self.open_collection(event.start, event.style, false)?;
                    self.decorate();
                    continue;
                }
                EventKind::MappingStart => {
                    self.open_collection(event.start, event.style, true)?;
                    self.decorate();
                    continue;
                }
                EventKind::SequenceEnd | EventKind::MappingEnd => self.close_collection(),
                // The grammar puts no other event inside a document.
                EventKind::StreamEnd | EventKind::DocumentStart { .. } | EventKind::DocumentEnd { .. } => {
                    let place = self.parser.place(event.start);
                    return Err(Error::new(ErrorKind::Syntax, place, "unknown problem parsing YAML content"));
                }
            }
            let Some(parent) = self.open.last() else {
                return Ok(self.children.pop().unwrap_or_else(Node::null));
            };
            if parent.is_mapping
                && self.keeps_comments
                && self.children.last().is_some_and(|child| child.comments().is_some())
            {
                let is_block = parent.style != Style::Flow;
                move_foot_comments(self.children.get_mut(parent.first_child..).unwrap_or_default(), is_block);
            }
        }
    }

    /// Adds a node without comments, tag and anchor.
    #[inline]
    pub(crate) fn push_node(&mut self, node: Node, start: Mark, style: Style) -> Result<(), Error> {
        self.count(start)?;
        let place = self.parser.place(start);
        self.children.push(node.at(place).styled(style));
        Ok(())
    }

    fn alias(&mut self, event: Event, earlier_anchors: &mut Vec<Str>) -> Result<Node, Error> {
        let place = self.parser.place(event.start);
        let name = self.parser.take_text();
        match self.anchors.get(&name) {
            None => {
                let message = format!("unknown anchor '{name}' referenced");
                return Err(Error::new(ErrorKind::Alias, place, message));
            }
            Some(&document) if document < self.document && !earlier_anchors.contains(&name) => {
                earlier_anchors.push(name.clone());
            }
            Some(_) => {}
        }
        Ok(Node::alias(name).at(place))
    }

    /// Opens a collection: its node waits, still without children, below them on the stack.
    pub(crate) fn open_collection(
        &mut self,
        start: Mark,
        style: Style,
        is_mapping: bool,
    ) -> Result<(), Error> {
        if !self.may_nest() {
            let message = format!("exceeded max depth of {}", self.options.limits.depth);
            return Err(Error::new(ErrorKind::Limit, self.parser.place(start), message));
        }
        let node = if is_mapping { Node::mapping(Vec::new()) } else { Node::sequence(Vec::new()) };
        self.push_node(node, start, style)?;
        self.open.push(Open { first_child: self.children.len(), is_mapping, style });
        Ok(())
    }

    /// Returns whether one more collection may be opened.
    pub(crate) fn may_nest(&self) -> bool {
        self.open.len() < self.options.limits.depth
    }

    pub(crate) fn close_collection(&mut self) {
        let Some(Open { first_child, is_mapping, style }) = self.open.pop() else { return };
        if self.keeps_comments {
            self.set_end_comments(first_child, is_mapping && style != Style::Flow);
        }
        let first_child = first_child.min(self.children.len());
        let data = if is_mapping {
            let mut entries = Vec::with_capacity((self.children.len() - first_child) / 2);
            let mut children = self.children.drain(first_child..);
            while let (Some(key), Some(value)) = (children.next(), children.next()) {
                entries.push(Entry { key, value });
            }
            Data::Mapping(entries)
        } else {
            Data::Sequence(self.children.drain(first_child..).collect())
        };
        if let Some(node) = self.children.last_mut() {
            node.data = data;
        }
    }

    /// Replaces what the collection's start had for line and foot comments by what its end has; the foot of a block
    /// mapping becomes that of its last key.
    fn set_end_comments(&mut self, first_child: usize, is_block_mapping: bool) {
        let mut end = self.event_comments();
        let len = self.children.len();
        if is_block_mapping
            && !end.foot.is_empty()
            && len >= first_child + 2
            && let Some(last_key) = self.children.get_mut(len - 2)
        {
            last_key.comments_mut().foot = std::mem::take(&mut end.foot);
        }
        let Some(node) = first_child.checked_sub(1).and_then(|at| self.children.get_mut(at)) else { return };
        if !end.is_empty() || node.comments().is_some() {
            let own = node.comments_mut();
            own.line = end.line;
            own.foot = end.foot;
        }
    }

    #[inline]
    fn count(&mut self, mark: Mark) -> Result<(), Error> {
        self.nodes += 1;
        let limit = self.options.limits.nodes;
        if self.nodes > limit {
            let place = self.parser.place(mark);
            return Err(Error::new(
                ErrorKind::Limit,
                place,
                format!("document holds more than {limit} nodes"),
            ));
        }
        Ok(())
    }

    /// Gives the last node its anchor, tag and comments.
    #[inline]
    fn decorate(&mut self) {
        if let Some(properties) = self.parser.take_properties() {
            self.set_properties(*properties);
        }
        if let Some(comments) = self.parser.take_event_comments()
            && self.keeps_comments
            && let Some(node) = self.children.last_mut()
        {
            *node.comments_mut() = to_comments(*comments);
        }
    }

    #[cold]
    fn set_properties(&mut self, properties: Properties) {
        let Properties { anchor, tag } = properties;
        let Some(node) = self.children.last_mut() else { return };
        set_tag(node, &tag, self.options.dialect);
        if !anchor.is_empty() {
            self.anchors.insert(anchor.clone(), self.document);
            node.set_anchor(anchor);
        }
    }

    fn event_comments(&mut self) -> Comments {
        match self.parser.take_event_comments() {
            Some(comments) if self.keeps_comments => to_comments(*comments),
            _ => Comments::default(),
        }
    }
}

fn to_comments(comments: EventComments) -> Comments {
    let EventComments { head, line, foot } = comments;
    Comments { head: head.into(), line: line.into(), foot: foot.into() }
}

/// Sets the tag that was written. In v3 a lone `!` says nothing, in v2 it makes any scalar a string.
fn set_tag(node: &mut Node, tag: &str, dialect: Dialect) {
    if tag.is_empty() || (tag == "!" && dialect == Dialect::V3) {
        return;
    }
    let core = tag.strip_prefix("tag:yaml.org,2002:").or_else(|| tag.strip_prefix("!!"));
    node.tag = match core {
        Some("null") => Tag::Null,
        Some("bool") => Tag::Bool,
        Some("int") => Tag::Int,
        Some("float") => Tag::Float,
        Some("str") => Tag::Str,
        Some("timestamp") => Tag::Timestamp,
        Some("binary") => Tag::Binary,
        Some("merge") => Tag::Merge,
        Some("seq") => Tag::Seq,
        Some("map") => Tag::Map,
        Some(other) => {
            node.set_custom_tag(format!("!!{other}"));
            Tag::Custom
        }
        None => {
            node.set_custom_tag(tag);
            Tag::Custom
        }
    };
    node.set_tag_is_written(true);
}

fn take_foot(node: &mut Node) -> Option<Str> {
    node.comments().filter(|comments| !comments.foot.is_empty())?;
    Some(std::mem::take(&mut node.comments_mut().foot))
}

/// Moves foot comments after a mapping got its next key or value.
#[inline]
fn move_foot_comments(children: &mut [Node], is_block: bool) {
    let len = children.len();
    if len % 2 == 1 {
        // The foot of a key belongs to the entry before it.
        if is_block
            && len > 2
            && let Some(foot) = children.last_mut().and_then(take_foot)
            && let Some(key_before) = children.get_mut(len - 3)
        {
            key_before.comments_mut().foot = foot;
        }
    } else if let [.., key, value] = children
        && key.comments().is_none_or(|comments| comments.foot.is_empty())
        && let Some(foot) = take_foot(value)
    {
        key.comments_mut().foot = foot;
    }
}
