//! Text → tokens, as libyaml's scanner finds them in the two versions that Go's libraries carry.
//!
//! A queue of tokens is needed because a key is known only by the `:` behind it, and because go-yaml v3 looks two
//! tokens ahead before it decides what a comment belongs to. Positions are byte indexes; columns are counted when
//! they are asked for.

mod block;
pub(crate) mod class;
mod comments;
mod directive;
mod input;
mod plain;
mod quoted;
mod token;

use std::collections::VecDeque;

use crate::read::Dialect;
use crate::{Error, ErrorKind, FileId, Place, Str, Style};

use class::{BLANK, BREAK, COLON, FLOW};
pub(crate) use input::Input;
pub(crate) use token::{Comment, CommentKind, Mark, Text, TextAt, Token, TokenKind, index};

/// go-yaml refuses flow collections and block collections that nest deeper.
const MAX_DEPTH: usize = 10_000;
/// How far behind its start the `:` of a key may stand, in characters.
const MAX_SIMPLE_KEY: usize = 1024;

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
    refusal: Option<&'static str>,
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

    /// Takes the four tokens of a `key: value` whose value is a scalar, if they come next and nothing else has to be
    /// known about them: no comment is near, no tag and no anchor.
    ///
    /// As many tokens behind the value are fetched as would be if it were asked for alone.
    #[inline]
    pub(crate) fn take_pair(&mut self) -> Result<Option<(Token, Token)>, Error> {
        if !self.pair_is_next() {
            return Ok(None);
        }
        if self.tokens.len() < 3 + self.lookahead {
            while self.tokens.len() < 3 + self.lookahead {
                self.fetch_next_token()?;
            }
            if !self.comments.is_empty() || !self.pair_is_next() {
                return Ok(None);
            }
        }
        self.head_is_ready = false;
        self.taken += 4;
        self.tokens.pop_front();
        let key = self.tokens.pop_front();
        self.tokens.pop_front();
        Ok(key.zip(self.tokens.pop_front()))
    }

    #[inline]
    fn pair_is_next(&self) -> bool {
        use TokenKind::{Key, Scalar, Value};
        let is = |at: usize, kind: TokenKind| {
            self.tokens.get(at).is_some_and(|token| token.kind == kind && token.key_slot == 0)
        };
        self.made.is_empty() && is(0, Key) && is(1, Scalar) && is(2, Value) && is(3, Scalar)
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
            let mark = self.mark_at_end();
            Error::new(ErrorKind::Encoding, self.place(mark), refusal)
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

    // ---- characters ----

    #[inline]
    fn byte(&self, at: usize) -> u8 {
        // The text holds no NUL, so that 0 says that it has ended.
        self.bytes.get(at).copied().unwrap_or(0)
    }

    #[inline]
    fn here(&self) -> u8 {
        self.byte(self.pos)
    }

    /// Returns the length of the line break at `at`, 0 if there is none. `\r\n` counts as 1 here, as in libyaml.
    #[inline]
    fn break_len(&self, at: usize) -> usize {
        match self.byte(at) {
            b'\n' | b'\r' => 1,
            0xc2 if self.byte(at + 1) == 0x85 => 2,
            0xe2 if self.byte(at + 1) == 0x80 && matches!(self.byte(at + 2), 0xa8 | 0xa9) => 3,
            _ => 0,
        }
    }

    #[inline]
    fn is_break(&self, at: usize) -> bool {
        self.break_len(at) != 0
    }

    #[inline]
    fn is_breakz(&self, at: usize) -> bool {
        at >= self.bytes.len() || self.break_len(at) != 0
    }

    #[inline]
    fn is_blank(&self, at: usize) -> bool {
        class::is(self.byte(at), BLANK)
    }

    #[inline]
    fn is_blankz(&self, at: usize) -> bool {
        match self.byte(at) {
            0 => at >= self.bytes.len(),
            b if class::is(b, BLANK | BREAK) => true,
            0xc2 | 0xe2 => self.break_len(at) != 0,
            _ => false,
        }
    }

    /// Returns where the line that holds `at` ends, before its break.
    #[inline]
    fn line_end(&self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        if self.only_lf {
            return memchr::memchr(b'\n', rest).map_or(self.bytes.len(), |found| at + found);
        }
        let mut end = at;
        while !self.is_breakz(end) {
            end += 1;
        }
        end
    }

    /// Returns a slice of the source. Both ends stand between characters by construction.
    #[inline]
    fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    #[inline]
    fn is_at_line_start(&self) -> bool {
        self.pos == self.line_start
    }

    /// Returns the column of the current position in characters.
    #[inline]
    fn column(&mut self) -> u32 {
        if self.is_ascii {
            return index(self.pos - self.line_start);
        }
        let (from, count) =
            if self.counted.0 < self.line_start { (self.line_start, 0) } else { self.counted };
        let passed = self.bytes.get(from..self.pos).unwrap_or_default();
        let count = count + index(passed.iter().filter(|&&b| (b as i8) >= -0x40).count());
        self.counted = (self.pos, count);
        count
    }

    #[inline]
    fn mark(&mut self) -> Mark {
        Mark { index: index(self.pos), line: self.line, column: self.column() }
    }

    fn mark_here(&self) -> Mark {
        let line = self.bytes.get(self.line_start..self.pos).unwrap_or_default();
        let column = index(line.iter().filter(|&&b| (b as i8) >= -0x40).count());
        Mark { index: index(self.pos), line: self.line, column }
    }

    fn mark_at_end(&self) -> Mark {
        let rest = self.text.get(self.pos..).unwrap_or_default();
        let breaks = memchr::memchr_iter(b'\n', rest.as_bytes()).count();
        let column = match rest.rfind('\n') {
            Some(at) => rest[at + 1..].chars().count(),
            None => self.mark_here().column as usize + rest.chars().count(),
        };
        Mark { index: index(self.text.len()), line: self.line + index(breaks), column: index(column) }
    }

    /// Notes a slice of the source as a token's text.
    #[inline]
    fn source(&self, start: usize, end: usize) -> TextAt {
        TextAt::Source(index(start), index(end))
    }

    /// Keeps a text for the token that is queued next.
    fn keep(&mut self, text: Str) -> TextAt {
        self.made.push_back(text);
        TextAt::Made
    }

    /// Passes one character that is not blank and no line break.
    #[inline]
    fn skip(&mut self) {
        self.pos += 1;
        self.newlines = 0;
    }

    /// Passes spaces and tabs.
    #[inline]
    fn skip_blanks(&mut self) {
        while self.is_blank(self.pos) {
            self.pos += 1;
        }
    }

    /// Passes a line break, `\r\n` as one, and returns whether it reads as `\n`.
    #[inline]
    fn skip_line(&mut self) -> bool {
        let len = match self.here() {
            b'\n' => 1,
            b'\r' if self.byte(self.pos + 1) == b'\n' => 2,
            _ => self.break_len(self.pos),
        };
        if len == 0 {
            return false;
        }
        self.pos += len;
        self.line += 1;
        self.line_start = self.pos;
        self.newlines += 1;
        len < 3
    }

    /// Returns whether `---` or `...` stands alone at the start of the line.
    #[inline]
    fn is_document_indicator(&self) -> bool {
        self.is_at_line_start()
            && matches!(self.here(), b'-' | b'.')
            && matches!(self.bytes.get(self.pos..self.pos + 3), Some(b"---" | b"..."))
            && self.is_blankz(self.pos + 3)
    }

    // ---- errors ----

    /// Makes a scanner's error at the current position; `context` began at `since`.
    #[cold]
    fn fail(&self, context: &'static str, since: Mark, problem: &'static str) -> Error {
        self.error_at(context, since, problem.into(), self.mark_here(), 1)
    }

    #[cold]
    fn too_deep(&self, context: &'static str) -> Error {
        let since = self.simple_keys.last().map_or_else(Mark::default, |key| key.mark);
        let error = self.error_at(
            context,
            since,
            format!("exceeded max depth of {}", self.max_depth).into(),
            self.mark_here(),
            1,
        );
        error.of_kind(ErrorKind::Limit)
    }

    /// Makes a parser's error; go-yaml names the line before it, because it counts from 0 there.
    #[cold]
    pub(crate) fn parser_error(
        &self,
        context: &'static str,
        since: Mark,
        problem: &'static str,
        problem_mark: Mark,
    ) -> Error {
        self.error_at(context, since, problem.into(), problem_mark, 0)
    }

    fn error_at(
        &self,
        context: &'static str,
        since: Mark,
        problem: crate::Str,
        problem_mark: Mark,
        scanner_adds: u32,
    ) -> Error {
        // v3 prefers the line on which the construct began, v2 the line of the mistake. Both take a first line for
        // none at all.
        let line = if self.is_v3 {
            match (since.line, problem_mark.line) {
                (0, 0) => None,
                (0, line) | (line, _) => Some(line + scanner_adds),
            }
        } else {
            match (problem_mark.line, since.line) {
                (0, 0) => None,
                (0, line) => Some(line),
                (line, _) => Some(line + scanner_adds),
            }
        };
        let start = self.bytes.get(..problem_mark.index as usize).unwrap_or(self.bytes);
        let start = memchr::memrchr(b'\n', start).map_or(0, |at| at + 1);
        let source: String = self.slice(start, self.line_end(start)).chars().take(200).collect();
        let hint = hint(&problem, &source, problem_mark);
        let mut error = Error::new(ErrorKind::Syntax, self.place(problem_mark), problem)
            .with_source_line(source.as_str());
        if let Some(line) = line {
            error = error.reporting_line(line);
        }
        if !context.is_empty() {
            error = error.since(context, self.place(since));
        }
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
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
            while self.here() == b' ' || (tabs_pass && self.here() == b'\t') {
                self.pos += 1;
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

    // ---- simple keys ----

    /// Returns whether the key that may have begun at this level may still become one: on one line, within 1024
    /// characters.
    fn simple_key_is_valid(&mut self, level: usize) -> Result<bool, Error> {
        let Some(&key) = self.simple_keys.get(level) else { return Ok(false) };
        if !key.is_possible {
            return Ok(false);
        }
        if key.mark.line >= self.line && !self.is_too_far(key.mark.index as usize) {
            return Ok(true);
        }
        if key.is_required {
            return Err(self.fail("while scanning a simple key", key.mark, "could not find expected ':'"));
        }
        if let Some(key) = self.simple_keys.get_mut(level) {
            key.is_possible = false;
        }
        Ok(false)
    }

    fn is_too_far(&self, start: usize) -> bool {
        // A character has at most four bytes.
        let bytes = self.pos - start;
        bytes > MAX_SIMPLE_KEY
            && (self.is_ascii
                || bytes > 4 * MAX_SIMPLE_KEY
                || self.slice(start, self.pos).chars().count() > MAX_SIMPLE_KEY)
    }

    /// Notes that a simple key may begin here, and returns the slot for its token.
    #[inline]
    fn save_simple_key(&mut self, mark: Mark) -> Result<u32, Error> {
        if !self.simple_key_allowed {
            return Ok(0);
        }
        self.remove_simple_key()?;
        let level = self.simple_keys.len();
        let key = SimpleKey {
            is_possible: true,
            is_required: self.flow_level == 0 && self.indent == i64::from(mark.column),
            token_number: self.taken + self.tokens.len(),
            mark,
        };
        if let Some(last) = self.simple_keys.last_mut() {
            *last = key;
        }
        Ok(index(level))
    }

    /// Gives up the possible key of this level.
    #[inline]
    fn remove_simple_key(&mut self) -> Result<(), Error> {
        let Some(key) = self.simple_keys.last_mut() else { return Ok(()) };
        if key.is_possible {
            if key.is_required {
                let mark = key.mark;
                return Err(self.fail("while scanning a simple key", mark, "could not find expected ':'"));
            }
            key.is_possible = false;
            let number = key.token_number;
            self.do_not_await(number);
        }
        Ok(())
    }

    /// Lets a token pass at the head of the queue before it is known whether it begins a key.
    ///
    /// Which tokens are awaited follows Go's bookkeeping, not sense: `[]` and `{}` are let pass although they may be
    /// keys (so v2 refuses `[]: x`), and a scalar that is too late to be a key is held as long as another key may
    /// begin on its level. Both move errors.
    #[inline]
    fn do_not_await(&mut self, token_number: usize) {
        let at = token_number.checked_sub(self.taken);
        if let Some(token) = at.and_then(|at| self.tokens.get_mut(at)) {
            token.key_slot = 0;
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
        if self.is_v3 {
            mark.index = mark.index.saturating_sub(1);
        }
        while self.indent > column {
            if self.is_v3 && !self.comments.is_empty() {
                self.close_before_foot_comments(&mut mark);
            }
            self.tokens.push_back(Token::new(TokenKind::BlockEnd, mark));
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    // ---- one kind of token each ----

    fn fetch_stream_end(&mut self) -> Result<(), Error> {
        if !self.is_at_line_start() {
            self.line += 1;
            self.line_start = self.pos;
            self.counted = (self.pos, 0);
        }
        self.end_blocks()?;
        let mark = self.mark();
        self.tokens.push_back(Token::new(TokenKind::StreamEnd, mark));
        Ok(())
    }

    /// Closes all block collections, as the end of a document does.
    fn end_blocks(&mut self) -> Result<(), Error> {
        let mark = self.mark();
        self.unroll_indent(-1, mark);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        Ok(())
    }

    fn fetch_document_indicator(&mut self, is_start: bool) -> Result<(), Error> {
        self.end_blocks()?;
        let mark = self.mark();
        self.pos += 3;
        self.newlines = 0;
        let kind = if is_start { TokenKind::DocumentStart } else { TokenKind::DocumentEnd };
        self.tokens.push_back(Token::new(kind, mark));
        Ok(())
    }

    fn fetch_flow_start(&mut self, kind: TokenKind, mark: Mark) -> Result<(), Error> {
        let key_slot = self.save_simple_key(mark)?;
        self.simple_keys.push(SimpleKey {
            token_number: self.taken + self.tokens.len(),
            mark,
            ..SimpleKey::default()
        });
        self.flow_level += 1;
        if self.flow_level > self.max_depth {
            return Err(self.too_deep("while increasing flow level"));
        }
        self.simple_key_allowed = true;
        self.skip();
        self.tokens.push_back(Token { key_slot, ..Token::new(kind, mark) });
        Ok(())
    }

    fn fetch_flow_end(&mut self, kind: TokenKind, mark: Mark) -> Result<(), Error> {
        self.remove_simple_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            let inner = self.simple_keys.pop().unwrap_or_default();
            self.do_not_await(inner.token_number);
        }
        self.simple_key_allowed = false;
        self.skip();
        self.tokens.push_back(Token::new(kind, mark));
        Ok(())
    }

    fn fetch_flow_entry(&mut self, mark: Mark) -> Result<(), Error> {
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.skip();
        self.tokens.push_back(Token::new(TokenKind::FlowEntry, mark));
        Ok(())
    }

    fn fetch_block_entry(&mut self, mark: Mark) -> Result<(), Error> {
        // In flow context the parser refuses it, because it can name the context.
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return Err(self.fail("", mark, "block sequence entries are not allowed in this context"));
            }
            self.roll_indent(mark.column, usize::MAX, TokenKind::BlockSequenceStart, mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.skip();
        self.tokens.push_back(Token::new(TokenKind::BlockEntry, mark));
        Ok(())
    }

    fn fetch_key(&mut self, mark: Mark) -> Result<(), Error> {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return Err(self.fail("", mark, "mapping keys are not allowed in this context"));
            }
            self.roll_indent(mark.column, usize::MAX, TokenKind::BlockMappingStart, mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = self.flow_level == 0;
        self.skip();
        self.tokens.push_back(Token::new(TokenKind::Key, mark));
        Ok(())
    }

    fn fetch_value(&mut self, mark: Mark) -> Result<(), Error> {
        let level = self.simple_keys.len() - 1;
        if self.simple_key_is_valid(level)? {
            let key = self.simple_keys.get(level).copied().unwrap_or_default();
            // A key whose token was not awaited is gone from the queue; Go appends then.
            let at = key.token_number.checked_sub(self.taken).unwrap_or(usize::MAX);
            self.do_not_await(key.token_number);
            self.tokens.insert(at.min(self.tokens.len()), Token::new(TokenKind::Key, key.mark));
            self.roll_indent(key.mark.column, at, TokenKind::BlockMappingStart, key.mark)?;
            if let Some(key) = self.simple_keys.last_mut() {
                key.is_possible = false;
            }
            self.simple_key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.simple_key_allowed {
                    return Err(self.fail("", mark, "mapping values are not allowed in this context"));
                }
                self.roll_indent(mark.column, usize::MAX, TokenKind::BlockMappingStart, mark)?;
            }
            self.simple_key_allowed = self.flow_level == 0;
        }
        self.skip();
        self.tokens.push_back(Token::new(TokenKind::Value, mark));
        Ok(())
    }

    fn fetch_anchor(&mut self, kind: TokenKind, mark: Mark) -> Result<(), Error> {
        let key_slot = self.save_simple_key(mark)?;
        self.simple_key_allowed = false;
        let token = self.scan_anchor(kind, mark)?;
        self.tokens.push_back(Token { key_slot, ..token });
        Ok(())
    }

    fn fetch_tag(&mut self, mark: Mark) -> Result<(), Error> {
        let key_slot = self.save_simple_key(mark)?;
        self.simple_key_allowed = false;
        let token = self.scan_tag(mark)?;
        self.tokens.push_back(Token { key_slot, ..token });
        Ok(())
    }

    fn fetch_directive(&mut self) -> Result<(), Error> {
        self.end_blocks()?;
        let token = self.scan_directive()?;
        self.tokens.push_back(token);
        Ok(())
    }

    fn fetch_block_scalar(&mut self, style: Style, mark: Mark) -> Result<(), Error> {
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        let token = self.scan_block_scalar(style, mark)?;
        self.tokens.push_back(token);
        Ok(())
    }

    fn fetch_flow_scalar(&mut self, style: Style, mark: Mark) -> Result<(), Error> {
        let key_slot = self.save_simple_key(mark)?;
        self.simple_key_allowed = false;
        let token = self.scan_flow_scalar(style, mark)?;
        self.push_scalar(token, key_slot)
    }

    fn fetch_plain_scalar(&mut self, mark: Mark) -> Result<(), Error> {
        let key_slot = self.save_simple_key(mark)?;
        self.simple_key_allowed = false;
        let token = self.scan_plain_scalar(mark)?;
        self.push_scalar(token, key_slot)
    }

    /// Queues a scalar; where a `:` follows at once, as a key, with the tokens around it, which spares the way over
    /// the table of possible keys.
    #[inline]
    fn push_scalar(&mut self, token: Token, key_slot: u32) -> Result<(), Error> {
        let start = token.start;
        let is_key = key_slot != 0
            && self.flow_level == 0
            && self.here() == b':'
            && start.line == self.line
            && self.pos - start.index as usize <= MAX_SIMPLE_KEY
            && token.end as usize == self.pos
            && self.is_blankz(self.pos + 1);
        if !is_key {
            self.tokens.push_back(Token { key_slot, ..token });
            return Ok(());
        }
        self.roll_indent(start.column, usize::MAX, TokenKind::BlockMappingStart, start)?;
        self.tokens.push_back(Token::new(TokenKind::Key, start));
        self.tokens.push_back(token);
        if let Some(key) = self.simple_keys.last_mut() {
            key.is_possible = false;
        }
        self.simple_key_allowed = false;
        let mark = self.mark();
        self.skip();
        self.tokens.push_back(Token::new(TokenKind::Value, mark));
        self.last_of_many = Some(start);
        self.fetch_value_on_line();
        Ok(())
    }

    /// Queues the plain or quoted value that follows a `:` on the same line; leaves all others for the next fetch.
    #[inline]
    fn fetch_value_on_line(&mut self) {
        if self.here() != b' ' {
            return;
        }
        let before = (self.pos, self.line, self.line_start, self.newlines, self.simple_key_allowed);
        self.skip_blanks();
        let mark = self.mark();
        let byte = self.here();
        let token = match byte {
            b'"' | b'\'' => {
                let style = if byte == b'"' { Style::DoubleQuoted } else { Style::SingleQuoted };
                self.scan_flow_scalar(style, mark)
            }
            // The indicators that go before this test elsewhere are no plain scalars either.
            b'-' | b'?' | b':' | b'&' | b'*' | b'!' | b'|' | b'>' | b'[' | b'{' | b'#' | 0 => {
                return self.go_back(before);
            }
            _ if self.may_start_plain_scalar(byte) && !self.is_break(self.pos) => {
                self.scan_plain_scalar(mark)
            }
            _ => return self.go_back(before),
        };
        match token {
            Ok(token) => {
                self.last_of_many = Some(mark);
                self.tokens.push_back(token);
            }
            // The error is found again when the token's turn has come: the parser may find another one before it.
            Err(_) => self.go_back(before),
        }
    }

    fn go_back(&mut self, before: (usize, u32, usize, u32, bool)) {
        (self.pos, self.line, self.line_start, self.newlines, self.simple_key_allowed) = before;
        self.counted = (self.line_start, 0);
    }
}

/// Says what would be right, where the problem and its line tell.
fn hint(problem: &str, line: &str, mark: Mark) -> Option<&'static str> {
    let at = line.chars().nth(mark.column as usize);
    match problem {
        "found character that cannot start any token" => match at {
            Some('\t') => Some("indent with spaces, YAML allows no tabs there"),
            Some('@' | '`' | '%') => Some("quote values that begin with '@', '`' or '%'"),
            _ => None,
        },
        "found a tab character that violates indentation"
        | "found a tab character where an indentation space is expected" => {
            Some("indent with spaces, YAML allows no tabs there")
        }
        "mapping values are not allowed in this context" => {
            Some("quote the value if it holds ': ', or check the indentation of this line")
        }
        "could not find expected ':'" => {
            Some("every line of a mapping needs 'key: value'; check the line above too")
        }
        "did not find expected key" | "did not find expected '-' indicator" => {
            Some("lines of one collection begin in the same column; check the indentation")
        }
        "found unexpected end of stream" => Some("the quote is never closed"),
        "found unexpected document indicator" => Some("the quote is not closed before '---' or '...'"),
        "found unknown escape character" => Some("write '\\\\' for a backslash, or use single quotes"),
        "block sequence entries are not allowed in this context" => Some("begin a list on a line of its own"),
        _ => None,
    }
}
