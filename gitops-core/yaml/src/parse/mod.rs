//! Tokens → events: libyaml's grammar as a state machine, with the comments that go-yaml v3 hangs on events.
//!
//! The machine keeps its states on a stack of its own, so that no depth of nesting can exhaust the thread's.

mod event;
mod plain_lines;

use crate::scan::{CommentKind, Input, Mark, ScanOptions, Scanner, Text, TokenKind};
use crate::{Error, Place, Str, Style};

pub(crate) use event::{Event, EventComments, EventKind, Properties};
pub(crate) use plain_lines::Block;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    StreamStart,
    ImplicitDocumentStart,
    DocumentStart,
    DocumentContent,
    DocumentEnd,
    BlockNode,
    BlockSequenceFirstEntry,
    BlockSequenceEntry,
    IndentlessSequenceEntry,
    BlockMappingFirstKey,
    BlockMappingKey,
    BlockMappingValue,
    FlowSequenceFirstEntry,
    FlowSequenceEntry,
    FlowSequenceEntryMappingKey,
    FlowSequenceEntryMappingValue,
    FlowSequenceEntryMappingEnd,
    FlowMappingFirstKey,
    FlowMappingKey,
    FlowMappingValue,
    FlowMappingEmptyValue,
    End,
}

#[derive(Debug)]
pub(crate) struct Parser<'a> {
    scanner: Scanner<'a>,
    text: Text<'a>,
    properties: Option<Box<Properties>>,
    /// The index behind the last anchor or tag.
    properties_end: u32,
    comments: Option<Box<EventComments>>,
    state: State,
    /// Where to go on when the current node is done.
    states: Vec<State>,
    /// Where the open collections began.
    marks: Vec<Mark>,
    tag_directives: Vec<(Str, Str)>,
    head_comment: String,
    line_comment: String,
    foot_comment: String,
    /// Whether any of the comments above or below is set.
    has_comments: bool,
    /// The head comment of a sequence's item that is a collection as a whole, not of the collection's first entry.
    stem_comment: Option<String>,
}

/// A token's kind and position, without its text.
type Peeked = (TokenKind, Mark);

impl<'a> Parser<'a> {
    pub(crate) fn new(input: &'a Input<'a>, options: ScanOptions) -> Self {
        Self {
            scanner: Scanner::new(input, options),
            text: Text::Source(""),
            properties: None,
            properties_end: 0,
            comments: None,
            state: State::StreamStart,
            states: Vec::new(),
            marks: Vec::new(),
            tag_directives: Vec::new(),
            head_comment: String::new(),
            line_comment: String::new(),
            foot_comment: String::new(),
            has_comments: false,
            stem_comment: None,
        }
    }

    /// Converts a mark to a place in the file.
    #[inline]
    pub(crate) fn place(&self, mark: Mark) -> Place {
        self.scanner.place(mark)
    }

    /// Returns the next event; `StreamEnd` for ever at the end.
    #[inline]
    pub(crate) fn next_event(&mut self) -> Result<Event, Error> {
        self.parse_state().map_err(|error| self.scanner.prefer_refusal(error))
    }

    /// Returns the last scalar's value, or the name that the last alias refers to.
    #[inline]
    pub(crate) fn take_text(&mut self) -> Str {
        std::mem::replace(&mut self.text, Text::Source("")).into_str()
    }

    /// Returns the anchor and tag of the node that the last event began.
    #[inline]
    pub(crate) fn take_properties(&mut self) -> Option<Box<Properties>> {
        self.properties.take()
    }

    /// Returns the comments of the last event.
    #[inline]
    pub(crate) fn take_event_comments(&mut self) -> Option<Box<EventComments>> {
        self.comments.take()
    }

    #[inline]
    fn parse_state(&mut self) -> Result<Event, Error> {
        match self.state {
            State::StreamStart => {
                self.peek()?;
                self.skip();
                self.state = State::ImplicitDocumentStart;
                self.parse_document_start(true)
            }
            State::ImplicitDocumentStart => self.parse_document_start(true),
            State::DocumentStart => self.parse_document_start(false),
            State::DocumentContent => self.parse_document_content(),
            State::DocumentEnd => self.parse_document_end(),
            State::BlockNode => self.parse_node(true, false),
            State::BlockSequenceFirstEntry => self.parse_block_sequence_entry(true),
            State::BlockSequenceEntry => self.parse_block_sequence_entry(false),
            State::IndentlessSequenceEntry => self.parse_indentless_sequence_entry(),
            State::BlockMappingFirstKey => self.parse_block_mapping_key(true),
            State::BlockMappingKey => self.parse_block_mapping_key(false),
            State::BlockMappingValue => self.parse_block_mapping_value(),
            State::FlowSequenceFirstEntry => self.parse_flow_sequence_entry(true),
            State::FlowSequenceEntry => self.parse_flow_sequence_entry(false),
            State::FlowSequenceEntryMappingKey => self.parse_flow_sequence_entry_mapping_key(),
            State::FlowSequenceEntryMappingValue => self.parse_flow_sequence_entry_mapping_value(),
            State::FlowSequenceEntryMappingEnd => {
                let (_, mark) = self.peek()?;
                self.state = State::FlowSequenceEntry;
                Ok(Event::new(EventKind::MappingEnd, mark))
            }
            State::FlowMappingFirstKey => self.parse_flow_mapping_key(true),
            State::FlowMappingKey => self.parse_flow_mapping_key(false),
            State::FlowMappingValue => self.parse_flow_mapping_value(false),
            State::FlowMappingEmptyValue => self.parse_flow_mapping_value(true),
            State::End => {
                let (_, mark) = self.peek()?;
                Ok(Event::new(EventKind::StreamEnd, mark))
            }
        }
    }

    // ---- tokens and comments ----

    /// Looks at the next token, and collects the comments that belong before it.
    #[inline]
    fn peek(&mut self) -> Result<Peeked, Error> {
        if self.scanner.decide_head()? && self.scanner.has_comments() {
            self.collect_comments();
        }
        Ok(self.scanner.head())
    }

    fn collect_comments(&mut self) {
        let (kind, mark) = self.scanner.head();
        // A head comment never belongs to the end of a block: it waits for the token behind.
        while let Some(comment) = self.scanner.take_comment(mark.index, kind == TokenKind::BlockEnd) {
            let text = match comment.kind {
                CommentKind::Head => &mut self.head_comment,
                CommentKind::Line => &mut self.line_comment,
                CommentKind::Foot => &mut self.foot_comment,
            };
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&comment.text);
            self.has_comments = true;
        }
    }

    #[inline]
    fn skip(&mut self) {
        self.scanner.take();
    }

    /// Hangs the collected comments on the event that is made.
    #[inline]
    fn hang_comments(&mut self) {
        if self.has_comments {
            self.hang_collected_comments();
        }
    }

    #[cold]
    fn hang_collected_comments(&mut self) {
        self.has_comments = false;
        self.stem_comment = None;
        if self.head_comment.is_empty() && self.line_comment.is_empty() && self.foot_comment.is_empty() {
            return;
        }
        self.comments = Some(Box::new(EventComments {
            head: std::mem::take(&mut self.head_comment),
            line: std::mem::take(&mut self.line_comment),
            foot: std::mem::take(&mut self.foot_comment),
        }));
    }

    #[inline]
    fn hang_stem_comment(&mut self) {
        if let Some(head) = self.stem_comment.take() {
            self.hang_head(head);
        }
    }

    fn hang_head(&mut self, head: String) {
        self.comments = Some(Box::new(EventComments { head, ..EventComments::default() }));
    }

    /// Parts the head comment of a sequence's item from that of the collection which the item holds.
    fn split_stem_comment(&mut self, stem_len: usize) -> Result<(), Error> {
        if stem_len == 0 {
            return Ok(());
        }
        let (kind, _) = self.peek()?;
        if matches!(kind, TokenKind::BlockSequenceStart | TokenKind::BlockMappingStart) {
            let rest = self.head_comment.get(stem_len + 1..).unwrap_or_default().to_owned();
            self.head_comment.truncate(stem_len);
            self.stem_comment = Some(std::mem::replace(&mut self.head_comment, rest));
            self.has_comments = true;
        }
        Ok(())
    }

    #[inline]
    fn pop_state(&mut self) {
        self.state = self.states.pop().unwrap_or(State::End);
    }

    // ---- documents ----

    fn parse_document_start(&mut self, is_implicit: bool) -> Result<Event, Error> {
        let (mut kind, mut mark) = self.peek()?;
        if !is_implicit {
            while kind == TokenKind::DocumentEnd {
                self.skip();
                (kind, mark) = self.peek()?;
            }
        }
        if kind == TokenKind::StreamEnd {
            self.state = State::End;
            return Ok(Event::new(EventKind::StreamEnd, mark));
        }
        let is_directive = |kind| matches!(kind, TokenKind::VersionDirective | TokenKind::TagDirective);
        if is_implicit && kind != TokenKind::DocumentStart && !is_directive(kind) {
            self.process_directives()?;
            self.states.push(State::DocumentEnd);
            self.state = State::BlockNode;
            if let Some(head) = self.split_document_head() {
                self.hang_head(head);
            }
            return Ok(Event::new(EventKind::DocumentStart { is_explicit: false }, mark));
        }
        self.process_directives()?;
        let (kind, start) = self.peek()?;
        if kind != TokenKind::DocumentStart {
            return Err(self.scanner.parser_error(
                "",
                Mark::default(),
                "did not find expected <document start>",
                start,
            ));
        }
        self.states.push(State::DocumentEnd);
        self.state = State::DocumentContent;
        self.skip();
        Ok(Event::new(EventKind::DocumentStart { is_explicit: true }, mark))
    }

    /// Splits a head comment at its last blank line: what stands above belongs to the document, the rest to the node
    /// below it.
    fn split_document_head(&mut self) -> Option<String> {
        let head = self.head_comment.as_bytes();
        let last = head.len().checked_sub(1)?;
        let newline = (1..=last)
            .rev()
            .find(|&at| head.get(at) == Some(&b'\n') && (at == last || head.get(at - 1) == Some(&b'\n')))?;
        let end = if newline == last { newline } else { newline - 1 };
        let rest = self.head_comment.get(newline + 1..).unwrap_or_default().to_owned();
        let mut head = std::mem::replace(&mut self.head_comment, rest);
        head.truncate(end);
        Some(head)
    }

    fn parse_document_content(&mut self) -> Result<Event, Error> {
        let (kind, mark) = self.peek()?;
        match kind {
            TokenKind::VersionDirective
            | TokenKind::TagDirective
            | TokenKind::DocumentStart
            | TokenKind::DocumentEnd
            | TokenKind::StreamEnd => {
                self.pop_state();
                Ok(empty_scalar(mark))
            }
            _ => self.parse_node(true, false),
        }
    }

    fn parse_document_end(&mut self) -> Result<Event, Error> {
        let (kind, mark) = self.peek()?;
        let is_explicit = kind == TokenKind::DocumentEnd;
        if is_explicit {
            self.skip();
        }
        self.tag_directives.clear();
        self.state = State::DocumentStart;
        self.hang_comments();
        if let Some(comments) = &mut self.comments
            && comments.foot.is_empty()
        {
            comments.foot = std::mem::take(&mut comments.head);
        }
        Ok(Event::new(EventKind::DocumentEnd { is_explicit }, mark))
    }

    fn process_directives(&mut self) -> Result<(), Error> {
        let mut has_version = false;
        loop {
            let (kind, mark) = self.peek()?;
            let refuse =
                |scanner: &Scanner<'a>, problem| scanner.parser_error("", Mark::default(), problem, mark);
            match kind {
                TokenKind::VersionDirective => {
                    let token = self.scanner.take();
                    if has_version {
                        return Err(refuse(&self.scanner, "found duplicate %YAML directive"));
                    }
                    if token.extra != 0x101 {
                        return Err(refuse(&self.scanner, "found incompatible YAML document"));
                    }
                    has_version = true;
                }
                TokenKind::TagDirective => {
                    let token = self.scanner.take();
                    let text = self.scanner.text_of(&token);
                    let (handle, prefix) = text.as_str().split_at(token.extra as usize);
                    if self.tag_directives.iter().any(|(known, _)| known == handle) {
                        return Err(refuse(&self.scanner, "found duplicate %TAG directive"));
                    }
                    self.tag_directives.push((handle.into(), prefix.into()));
                }
                _ => return Ok(()),
            }
        }
    }

    // ---- nodes ----

    fn parse_node(&mut self, is_block: bool, may_be_indentless: bool) -> Result<Event, Error> {
        let (mut kind, mut mark) = self.peek()?;
        let start = mark;
        if matches!(kind, TokenKind::Anchor | TokenKind::Tag) {
            self.parse_properties(kind, mark)?;
            (kind, mark) = self.peek()?;
        } else if kind == TokenKind::Alias {
            self.pop_state();
            self.hang_comments();
            let token = self.scanner.take();
            self.text = self.scanner.text_of(&token);
            return Ok(Event::new(EventKind::Alias, mark));
        }
        if may_be_indentless && kind == TokenKind::BlockEntry {
            self.state = State::IndentlessSequenceEntry;
            return Ok(Event::new(EventKind::SequenceStart, start));
        }
        match kind {
            TokenKind::Scalar => {
                self.pop_state();
                self.hang_comments();
                let token = self.scanner.take();
                self.text = self.scanner.text_of(&token);
                let span = (token.start.index, token.end);
                Ok(Event { kind: EventKind::Scalar, style: token.style, start, span })
            }
            TokenKind::FlowSequenceStart => {
                self.state = State::FlowSequenceFirstEntry;
                self.hang_comments();
                Ok(Event { style: Style::Flow, ..Event::new(EventKind::SequenceStart, start) })
            }
            TokenKind::FlowMappingStart => {
                self.state = State::FlowMappingFirstKey;
                self.hang_comments();
                Ok(Event { style: Style::Flow, ..Event::new(EventKind::MappingStart, start) })
            }
            TokenKind::BlockSequenceStart if is_block => {
                self.state = State::BlockSequenceFirstEntry;
                self.hang_stem_comment();
                Ok(Event::new(EventKind::SequenceStart, start))
            }
            TokenKind::BlockMappingStart if is_block => {
                self.state = State::BlockMappingFirstKey;
                self.hang_stem_comment();
                Ok(Event::new(EventKind::MappingStart, start))
            }
            _ if self.properties.is_some() => {
                self.pop_state();
                let end = self.properties_end;
                Ok(Event { span: (end, end), ..Event::new(EventKind::Scalar, start) })
            }
            _ => {
                let context =
                    if is_block { "while parsing a block node" } else { "while parsing a flow node" };
                Err(self.scanner.parser_error(context, start, "did not find expected node content", mark))
            }
        }
    }

    /// Parses an anchor and a tag in either order.
    fn parse_properties(&mut self, first: TokenKind, start: Mark) -> Result<(), Error> {
        let mut properties = Properties::default();
        let second = if first == TokenKind::Anchor { TokenKind::Tag } else { TokenKind::Anchor };
        let mut tag = None;
        for wanted in [first, second] {
            let (kind, mark) = self.peek()?;
            if kind != wanted {
                break;
            }
            let token = self.scanner.take();
            self.properties_end = token.end;
            if kind == TokenKind::Anchor {
                properties.anchor = self.scanner.text_of(&token).into_str();
            } else {
                tag = Some((self.scanner.text_of(&token), token.extra as usize, mark));
            }
        }
        if let Some((text, handle_len, mark)) = tag {
            // Go resolves the tag after it looked at the token behind.
            self.peek()?;
            properties.tag = self.resolve_tag(text.as_str(), handle_len).ok_or_else(|| {
                self.scanner.parser_error("while parsing a node", start, "found undefined tag handle", mark)
            })?;
        }
        self.properties = Some(Box::new(properties));
        Ok(())
    }

    fn resolve_tag(&self, text: &str, handle_len: usize) -> Option<Str> {
        let (handle, suffix) = text.split_at_checked(handle_len)?;
        if handle.is_empty() {
            return Some(Str::from(suffix));
        }
        let own =
            self.tag_directives.iter().find(|(known, _)| known == handle).map(|(_, prefix)| prefix.as_str());
        let prefix = own.or(match handle {
            "!" => Some("!"),
            "!!" => Some("tag:yaml.org,2002:"),
            _ => None,
        })?;
        let tag = format!("{prefix}{suffix}");
        (!tag.is_empty()).then(|| Str::from(tag))
    }

    // ---- block collections ----

    fn parse_block_sequence_entry(&mut self, is_first: bool) -> Result<Event, Error> {
        if is_first {
            let (_, mark) = self.peek()?;
            self.marks.push(mark);
            self.skip();
        }
        let (kind, mark) = self.peek()?;
        match kind {
            TokenKind::BlockEntry => {
                let stem_len = self.head_comment.len();
                self.skip();
                self.split_stem_comment(stem_len)?;
                let (kind, _) = self.peek()?;
                if matches!(kind, TokenKind::BlockEntry | TokenKind::BlockEnd) {
                    self.state = State::BlockSequenceEntry;
                    return Ok(empty_scalar(behind(mark)));
                }
                self.states.push(State::BlockSequenceEntry);
                self.parse_node(true, false)
            }
            TokenKind::BlockEnd => {
                self.pop_state();
                self.marks.pop();
                self.skip();
                Ok(Event::new(EventKind::SequenceEnd, mark))
            }
            _ => Err(self.refuse(
                "while parsing a block collection",
                "did not find expected '-' indicator",
                mark,
            )),
        }
    }

    fn parse_indentless_sequence_entry(&mut self) -> Result<Event, Error> {
        let (kind, mark) = self.peek()?;
        if kind != TokenKind::BlockEntry {
            self.pop_state();
            return Ok(Event::new(EventKind::SequenceEnd, mark));
        }
        let stem_len = self.head_comment.len();
        self.skip();
        self.split_stem_comment(stem_len)?;
        let (kind, _) = self.peek()?;
        if matches!(kind, TokenKind::BlockEntry | TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd) {
            self.state = State::IndentlessSequenceEntry;
            return Ok(empty_scalar(behind(mark)));
        }
        self.states.push(State::IndentlessSequenceEntry);
        self.parse_node(true, false)
    }

    fn parse_block_mapping_key(&mut self, is_first: bool) -> Result<Event, Error> {
        if is_first {
            let (_, mark) = self.peek()?;
            self.marks.push(mark);
            self.skip();
        }
        let (kind, mark) = self.peek()?;
        match kind {
            TokenKind::Key => {
                self.skip();
                self.parse_block_mapping_node(mark, State::BlockMappingValue)
            }
            TokenKind::BlockEnd => {
                self.pop_state();
                self.marks.pop();
                self.hang_comments();
                self.skip();
                Ok(Event::new(EventKind::MappingEnd, mark))
            }
            _ => Err(self.refuse("while parsing a block mapping", "did not find expected key", mark)),
        }
    }

    fn parse_block_mapping_value(&mut self) -> Result<Event, Error> {
        let (kind, mark) = self.peek()?;
        if kind == TokenKind::Value {
            self.skip();
            return self.parse_block_mapping_node(mark, State::BlockMappingKey);
        }
        self.state = State::BlockMappingKey;
        let end = self.scanner.head_end();
        Ok(Event { span: (end, end), ..empty_scalar(mark) })
    }

    /// Parses the node behind a `?` or `:` at `indicator`, which may be missing.
    #[inline]
    fn parse_block_mapping_node(&mut self, indicator: Mark, next: State) -> Result<Event, Error> {
        let (kind, _) = self.peek()?;
        if matches!(kind, TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd) {
            self.state = next;
            return Ok(empty_scalar(behind(indicator)));
        }
        self.states.push(next);
        self.parse_node(true, true)
    }

    // ---- flow collections ----

    fn parse_flow_sequence_entry(&mut self, is_first: bool) -> Result<Event, Error> {
        if is_first {
            let (_, mark) = self.peek()?;
            self.marks.push(mark);
            self.skip();
        }
        let (mut kind, mut mark) = self.peek()?;
        if kind != TokenKind::FlowSequenceEnd {
            if !is_first {
                if kind != TokenKind::FlowEntry {
                    return Err(self.refuse(
                        "while parsing a flow sequence",
                        "did not find expected ',' or ']'",
                        mark,
                    ));
                }
                self.skip();
                (kind, mark) = self.peek()?;
            }
            if kind == TokenKind::Key {
                // `[a: b]` holds a mapping of one pair.
                self.state = State::FlowSequenceEntryMappingKey;
                self.skip();
                return Ok(Event { style: Style::Flow, ..Event::new(EventKind::MappingStart, mark) });
            }
            if kind != TokenKind::FlowSequenceEnd {
                self.states.push(State::FlowSequenceEntry);
                return self.parse_node(false, false);
            }
        }
        Ok(self.end_flow(EventKind::SequenceEnd, mark))
    }

    fn parse_flow_sequence_entry_mapping_key(&mut self) -> Result<Event, Error> {
        let (kind, mark) = self.peek()?;
        if matches!(kind, TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowSequenceEnd) {
            self.skip();
            self.state = State::FlowSequenceEntryMappingValue;
            return Ok(empty_scalar(behind(mark)));
        }
        self.states.push(State::FlowSequenceEntryMappingValue);
        self.parse_node(false, false)
    }

    fn parse_flow_sequence_entry_mapping_value(&mut self) -> Result<Event, Error> {
        let (kind, mark) = self.peek()?;
        if kind == TokenKind::Value {
            self.skip();
            let (kind, _) = self.peek()?;
            if !matches!(kind, TokenKind::FlowEntry | TokenKind::FlowSequenceEnd) {
                self.states.push(State::FlowSequenceEntryMappingEnd);
                return self.parse_node(false, false);
            }
        }
        self.state = State::FlowSequenceEntryMappingEnd;
        // Go places the missing value at the `:`.
        Ok(empty_scalar(mark))
    }

    fn parse_flow_mapping_key(&mut self, is_first: bool) -> Result<Event, Error> {
        if is_first {
            let (_, mark) = self.peek()?;
            self.marks.push(mark);
            self.skip();
        }
        let (mut kind, mut mark) = self.peek()?;
        if kind != TokenKind::FlowMappingEnd {
            if !is_first {
                if kind != TokenKind::FlowEntry {
                    return Err(self.refuse(
                        "while parsing a flow mapping",
                        "did not find expected ',' or '}'",
                        mark,
                    ));
                }
                self.skip();
                (kind, mark) = self.peek()?;
            }
            if kind == TokenKind::Key {
                self.skip();
                (kind, mark) = self.peek()?;
                if matches!(kind, TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowMappingEnd) {
                    self.state = State::FlowMappingValue;
                    return Ok(empty_scalar(mark));
                }
                self.states.push(State::FlowMappingValue);
                return self.parse_node(false, false);
            }
            if kind != TokenKind::FlowMappingEnd {
                self.states.push(State::FlowMappingEmptyValue);
                return self.parse_node(false, false);
            }
        }
        Ok(self.end_flow(EventKind::MappingEnd, mark))
    }

    fn parse_flow_mapping_value(&mut self, is_empty: bool) -> Result<Event, Error> {
        let (kind, mut mark) = self.peek()?;
        self.state = State::FlowMappingKey;
        if is_empty {
            return Ok(empty_scalar(mark));
        }
        if kind == TokenKind::Value {
            self.skip();
            let (kind, next) = self.peek()?;
            if !matches!(kind, TokenKind::FlowEntry | TokenKind::FlowMappingEnd) {
                self.states.push(State::FlowMappingKey);
                return self.parse_node(false, false);
            }
            mark = next;
        }
        Ok(empty_scalar(mark))
    }

    fn end_flow(&mut self, kind: EventKind, mark: Mark) -> Event {
        self.pop_state();
        self.marks.pop();
        self.hang_comments();
        self.skip();
        Event::new(kind, mark)
    }

    #[cold]
    fn refuse(&mut self, context: &'static str, problem: &'static str, mark: Mark) -> Error {
        let since = self.marks.pop().unwrap_or_default();
        self.scanner.parser_error(context, since, problem, mark)
    }
}

/// Returns the mark behind an indicator of one character.
fn behind(mark: Mark) -> Mark {
    Mark { index: mark.index + 1, line: mark.line, column: mark.column + 1 }
}

fn empty_scalar(mark: Mark) -> Event {
    Event::new(EventKind::Scalar, mark)
}
