//! Text → tokens, as libyaml's scanner finds them in the two versions that Go's libraries carry.
//!
//! A queue of tokens is needed because a key is known only by the `:` behind it, and because go-yaml v3 looks two
//! tokens ahead before it decides what a comment belongs to. Positions are byte indexes; columns are counted when
//! they are asked for.

mod block;
pub(crate) mod class;
mod comments;
mod cursor;
mod directive;
mod error;
mod fetch;
mod input;
mod plain;
mod plain_lines;
mod quoted;
mod simple_key;
mod token;

use std::collections::VecDeque;

use crate::read::Dialect;
use crate::{Error, ErrorKind, FileId, Place, Str, Style};

use class::{BREAK, COLON, FLOW};
pub(crate) use input::Input;
use input::Unreadable;
pub(crate) use token::{Comment, CommentKind, Mark, Text, TextAt, Token, TokenKind, index};

/// go-yaml refuses flow collections and block collections that nest deeper.
const MAX_DEPTH: usize = 10_000;

/// What a scanner needs to know besides the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScanOptions {
    pub(crate) dialect: Dialect,
    pub(crate) file: FileId,
    pub(crate) first_line: u32,
    pub(crate) depth: usize,
}

#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    is_ascii: bool,
    only_lf: bool,
    refusal: Option<Unreadable>,
    options: ScanOptions,
    is_v3: bool,
    max_depth: usize,
    /// How many tokens are queued before the first is decided.
    lookahead: usize,

    pos: usize,
    line: u32,
    line_start: usize,
    /// Up to where the columns of the line are counted, and the count.
    counted: (usize, u32),
    /// How many line breaks were passed since the last character that is not blank.
    newlines: u32,

    tokens: VecDeque<Token>,
    /// The texts of queued tokens that are no slices of the source.
    made: VecDeque<Str>,
    taken_text: Str,
    /// How many tokens were taken from the queue.
    taken: usize,
    head_is_ready: bool,
    is_started: bool,
    comments: VecDeque<Comment<'a>>,

    /// The column of the current block collection, -1 outside of all.
    indent: i64,
    indents: Vec<i64>,
    flow_level: usize,
    simple_key_allowed: bool,
    /// One possible simple key for the block context and each flow level.
    simple_keys: Vec<SimpleKey>,
    /// Where the last scalar began that was queued together with others; a comment behind them belongs to it.
    last_of_many: Option<Mark>,
    /// Where scalars that can't be sliced from the source are put together.
    scratch: String,
}

#[derive(Clone, Copy, Debug, Default)]
struct SimpleKey {
    is_possible: bool,
    is_required: bool,
    token_number: usize,
    mark: Mark,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(input: &'a Input<'a>, options: ScanOptions) -> Self {
        let text: &'a str = &input.text;
        Self {
            text,
            bytes: text.as_bytes(),
            is_ascii: input.is_ascii,
            only_lf: input.only_lf,
            refusal: input.refusal,
            options,
            is_v3: options.dialect == Dialect::V3,
            max_depth: options.depth.min(MAX_DEPTH),
            lookahead: if options.dialect == Dialect::V3 { 3 } else { 1 },
            pos: 0,
            line: 0,
            line_start: 0,
            counted: (0, 0),
            newlines: 0,
            tokens: VecDeque::with_capacity(16),
            made: VecDeque::new(),
            taken_text: Str::EMPTY,
            taken: 0,
            head_is_ready: false,
            is_started: false,
            comments: VecDeque::new(),
            indent: -1,
            indents: Vec::new(),
            flow_level: 0,
            simple_key_allowed: true,
            simple_keys: vec![SimpleKey::default()],
            last_of_many: None,
            scratch: String::new(),
        }
    }

    // ---- what the parser asks for ----

    /// Makes sure that the first token of the queue is decided, and says whether it had to be.
    #[inline]
    pub(crate) fn decide_head(&mut self) -> Result<bool, Error> {
        if self.head_is_ready {
            return Ok(false);
        }
        self.fetch_more_tokens().map_err(|error| self.prefer_refusal(error))?;
        self.head_is_ready = true;
        Ok(true)
    }

    /// Returns the kind and position of the first token, which [`Scanner::decide_head`] made ready.
    #[inline]
    pub(crate) fn head(&self) -> (TokenKind, Mark) {
        self.tokens.front().map_or((TokenKind::StreamEnd, Mark::default()), |token| (token.kind, token.start))
    }

    /// Returns the index of the byte behind the first token, where it is a scalar or the end of a block.
    pub(crate) fn head_end(&self) -> u32 {
        self.tokens.front().map_or(0, |token| token.end)
    }

    /// Takes the first token.
    #[inline]
    pub(crate) fn take(&mut self) -> Token {
        self.head_is_ready = false;
        self.taken += 1;
        let token =
            self.tokens.pop_front().unwrap_or_else(|| Token::new(TokenKind::StreamEnd, Mark::default()));
        if token.text == TextAt::Made {
            self.taken_text = self.made.pop_front().unwrap_or_default();
        }
        token
    }

    /// Returns the text of the token that was taken last.
    #[inline]
    pub(crate) fn text_of(&mut self, token: &Token) -> Text<'a> {
        match token.text {
            TextAt::Source(start, end) => Text::Source(self.slice(start as usize, end as usize)),
            TextAt::Made => Text::Made(std::mem::take(&mut self.taken_text)),
        }
    }

    #[inline]
    pub(crate) fn has_comments(&self) -> bool {
        !self.comments.is_empty()
    }

    /// Takes the first waiting comment that belongs to a token that starts at `index` or before it.
    #[inline]
    pub(crate) fn take_comment(&mut self, index: u32, but_no_head: bool) -> Option<Comment<'a>> {
        let first = self.comments.front()?;
        if index < first.token.index || (but_no_head && first.kind == CommentKind::Head) {
            return None;
        }
        self.comments.pop_front()
    }

    /// Replaces an error by the refusal of unreadable bytes, if those were reached before it.
    pub(crate) fn prefer_refusal(&self, error: Error) -> Error {
        self.reached_refusal().unwrap_or(error)
    }

    /// Returns the refusal of unreadable bytes once the scanner got to them.
    pub(crate) fn reached_refusal(&self) -> Option<Error> {
        let refusal = self.refusal?;
        // libyaml makes sure of four characters before each token.
        let ahead = self.text.get(self.pos..).map_or(0, |rest| rest.chars().take(4).count());
        (ahead < 4).then(|| {
            let (line, column) = (refusal.line.saturating_add(self.options.first_line), refusal.column);
            Error::new(ErrorKind::Encoding, Place { file: self.options.file, line, column }, refusal.why)
        })
    }

    /// Converts a mark to a place in the file.
    #[inline]
    pub(crate) fn place(&self, mark: Mark) -> Place {
        Place {
            file: self.options.file,
            line: mark.line.saturating_add(self.options.first_line),
            column: mark.column + 1,
        }
    }

    // ---- tokens ----

    /// Fetches tokens until the first one of the queue is decided.
    fn fetch_more_tokens(&mut self) -> Result<(), Error> {
        loop {
            if self.tokens.len() >= self.lookahead {
                let slot = self.tokens.front().map_or(0, |token| token.key_slot) as usize;
                let waits = slot > 0 && self.simple_key_is_valid(slot - 1)?;
                if !waits {
                    return Ok(());
                }
            }
            self.fetch_next_token()?;
        }
    }

    fn fetch_next_token(&mut self) -> Result<(), Error> {
        if !self.is_started {
            self.is_started = true;
            self.tokens.push_back(Token::new(TokenKind::StreamStart, Mark::default()));
            return Ok(());
        }
        let scan_start = self.mark();
        self.scan_to_next_token(scan_start);
        if self.refusal.is_some()
            && let Some(refusal) = self.reached_refusal()
        {
            return Err(refusal);
        }
        let mark = self.mark();
        self.unroll_indent(i64::from(mark.column), if self.is_v3 { scan_start } else { mark });

        let byte = self.here();
        if byte == 0 && self.pos >= self.bytes.len() {
            return self.fetch_stream_end();
        }
        if mark.column == 0 {
            if byte == b'%' {
                return self.fetch_directive();
            }
            if self.is_document_indicator() {
                return self.fetch_document_indicator(byte == b'-');
            }
        }
        if !self.is_v3 {
            return self.fetch_content(byte, mark);
        }
        // A comment behind `:` or `,` belongs to what stands before it.
        let mut comment_mark = mark;
        if (self.flow_level == 0 && byte == b':') || (self.flow_level > 0 && byte == b',') {
            comment_mark = self.tokens.back().map_or(mark, |last| last.start);
        }
        self.last_of_many = None;
        self.fetch_content(byte, mark)?;
        if let Some(last) = self.last_of_many {
            comment_mark = last;
        }
        // A comment behind `-` is a head comment of what follows.
        if self.newlines == 0 && self.tokens.back().is_none_or(|last| last.kind != TokenKind::BlockEntry) {
            self.scan_line_comment(comment_mark);
        }
        Ok(())
    }

    /// Fetches a token that begins with `byte`.
    #[inline]
    fn fetch_content(&mut self, byte: u8, mark: Mark) -> Result<(), Error> {
        match byte {
            b'[' => self.fetch_flow_start(TokenKind::FlowSequenceStart, mark),
            b'{' => self.fetch_flow_start(TokenKind::FlowMappingStart, mark),
            b']' => self.fetch_flow_end(TokenKind::FlowSequenceEnd, mark),
            b'}' => self.fetch_flow_end(TokenKind::FlowMappingEnd, mark),
            b',' => self.fetch_flow_entry(mark),
            b'-' if self.is_blankz(self.pos + 1) => self.fetch_block_entry(mark),
            b'?' if self.flow_level > 0 || self.is_blankz(self.pos + 1) => self.fetch_key(mark),
            b':' if self.flow_level > 0 || self.is_blankz(self.pos + 1) => self.fetch_value(mark),
            b'*' => self.fetch_anchor(TokenKind::Alias, mark),
            b'&' => self.fetch_anchor(TokenKind::Anchor, mark),
            b'!' => self.fetch_tag(mark),
            b'|' if self.flow_level == 0 => self.fetch_block_scalar(Style::Literal, mark),
            b'>' if self.flow_level == 0 => self.fetch_block_scalar(Style::Folded, mark),
            b'\'' => self.fetch_flow_scalar(Style::SingleQuoted, mark),
            b'"' => self.fetch_flow_scalar(Style::DoubleQuoted, mark),
            _ if self.may_start_plain_scalar(byte) => self.fetch_plain_scalar(mark),
            _ => Err(self.fail(
                "while scanning for the next token",
                mark,
                "found character that cannot start any token",
            )),
        }
    }

    #[inline]
    fn may_start_plain_scalar(&self, byte: u8) -> bool {
        match byte {
            b'-' => !self.is_blank(self.pos + 1),
            b'?' | b':' => self.flow_level == 0 && !self.is_blankz(self.pos + 1),
            b'#' | b'|' | b'>' | b'%' | b'@' | b'`' | b'\t' => false,
            _ => !class::is(byte, BREAK | FLOW | COLON),
        }
    }

    /// Eats blank space and comments up to the next token.
    #[inline]
    fn scan_to_next_token(&mut self, scan_start: Mark) {
        if self.pos == 0 && self.bytes.starts_with(b"\xef\xbb\xbf") {
            self.pos = 3;
            self.newlines = 0;
        }
        loop {
            // Tabs may not indent: not where a key may start.
            let tabs_pass = self.flow_level > 0 || !self.simple_key_allowed;
            self.skip_spaces();
            while tabs_pass && self.here() == b'\t' {
                self.pos += 1;
                self.skip_spaces();
            }
            if self.is_v3 && !self.comments.is_empty() {
                self.move_line_comment_of_entry();
            }
            if self.here() == b'#' {
                if self.is_v3 {
                    self.scan_comments(scan_start);
                } else {
                    self.pos = self.line_end(self.pos);
                }
            }
            if !self.is_break(self.pos) {
                return;
            }
            self.skip_line();
            if self.flow_level == 0 {
                self.simple_key_allowed = true;
            }
        }
    }

    // ---- indentation ----

    /// Opens a block collection where the column is deeper than the current one; `at` is the token's position in the
    /// queue.
    #[inline]
    fn roll_indent(&mut self, column: u32, at: usize, kind: TokenKind, mark: Mark) -> Result<(), Error> {
        let column = i64::from(column);
        if self.flow_level > 0 || self.indent >= column {
            return Ok(());
        }
        self.indents.push(self.indent);
        self.indent = column;
        if self.indents.len() > self.max_depth {
            return Err(self.too_deep("while increasing indent level"));
        }
        let at = at.min(self.tokens.len());
        self.tokens.insert(at, Token::new(kind, mark));
        Ok(())
    }

    /// Closes the block collections that are deeper than the column.
    #[inline]
    fn unroll_indent(&mut self, column: i64, scan_mark: Mark) {
        if self.flow_level > 0 || self.indent <= column {
            return;
        }
        let mut mark = scan_mark;
        let end = scan_mark.index;
        if self.is_v3 {
            mark.index = mark.index.saturating_sub(1);
        }
        while self.indent > column {
            if self.is_v3 && !self.comments.is_empty() {
                self.close_before_foot_comments(&mut mark);
            }
            self.tokens.push_back(Token { end, ..Token::new(TokenKind::BlockEnd, mark) });
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }
}
