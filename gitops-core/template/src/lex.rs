//! Cuts a template's text into tokens, as Go's lexer does: outside of actions text, inside of them words.

use crate::ast::{Pos, Span};
use crate::quote::quote;
use crate::unicode::{is_alphanumeric, is_print};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Error,
    Bool,
    /// A printable ASCII character that is nothing else, such as a comma.
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    // Keywords; Go prints them in angle brackets.
    Block,
    Break,
    Continue,
    Dot,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

impl Kind {
    fn is_keyword(self) -> bool {
        matches!(
            self,
            Self::Block
                | Self::Break
                | Self::Continue
                | Self::Dot
                | Self::Define
                | Self::Else
                | Self::End
                | Self::If
                | Self::Nil
                | Self::Range
                | Self::Template
                | Self::With
        )
    }
}

/// A piece of the text, by its place; that of an error is empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: Pos,
    pub(crate) end: Pos,
}

impl Token {
    /// What stands before the first token.
    pub(crate) const NONE: Self = Self { kind: Kind::Eof, start: 0, end: 0 };

    pub(crate) fn piece(self) -> Span {
        Span { start: self.start, end: self.end }
    }
}

/// The marks around actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delimiters {
    pub(crate) left: String,
    pub(crate) right: String,
}

impl Default for Delimiters {
    fn default() -> Self {
        Self { left: "{{".to_owned(), right: "}}".to_owned() }
    }
}

impl Delimiters {
    /// Makes marks of one's own; an empty one stands for the default.
    #[must_use]
    pub fn new(left: &str, right: &str) -> Self {
        let or =
            |text: &str, default: &str| if text.is_empty() { default.to_owned() } else { text.to_owned() };
        Self { left: or(left, "{{"), right: or(right, "}}") }
    }
}

/// Reads tokens one at a time. Lines are counted where an error names one.
pub(crate) struct Lexer<'a> {
    input: &'a str,
    bytes: &'a [u8],
    delimiters: &'a Delimiters,
    left: memchr::memmem::Finder<'a>,
    right: &'a [u8],
    /// The first byte of the right delimiter.
    right_first: Option<u8>,
    pos: usize,
    start: usize,
    paren_depth: usize,
    within: Within,
    /// What is wrong, after an error.
    pub(crate) message: String,
    /// Where it is wrong, after an error.
    pub(crate) wrong_at: Pos,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Text,
    /// Between a text and the left delimiter that ends it.
    Delim,
    Action,
    /// Behind an error.
    Nothing,
}

impl<'a> Lexer<'a> {
    /// Reads a text of less than 4 GiB.
    pub(crate) fn new(input: &'a str, delimiters: &'a Delimiters) -> Self {
        Self {
            input,
            bytes: input.as_bytes(),
            delimiters,
            left: memchr::memmem::Finder::new(delimiters.left.as_str()),
            right: delimiters.right.as_bytes(),
            right_first: delimiters.right.bytes().next(),
            pos: 0,
            start: 0,
            paren_depth: 0,
            within: Within::Text,
            message: String::new(),
            wrong_at: 0,
        }
    }

    /// Returns the next token; at the end, and after an error, `Eof` for ever.
    pub(crate) fn next(&mut self) -> Token {
        match self.within {
            Within::Action => self.inside(),
            Within::Text => self.text(),
            Within::Delim => self.left_delim().unwrap_or_else(|| self.text()),
            Within::Nothing => self.token(Kind::Eof, self.start, self.start),
        }
    }

    /// Returns the text of a token.
    pub(crate) fn piece(&self, token: Token) -> &'a str {
        &self.input[token.start as usize..token.end as usize]
    }

    /// Returns the line at a token's start, counted from 1.
    pub(crate) fn line(&self, token: Token) -> usize {
        1 + memchr::memchr_iter(b'\n', &self.bytes[..token.start as usize]).count()
    }

    /// Returns the path and the key where a dash ended the last name of a path: `.Values` and `my-key` of `.Values.my-key`.
    #[cold]
    pub(crate) fn dashed_key(&self) -> Option<(String, String)> {
        let (before, after) = self.input.split_at_checked(self.wrong_at as usize)?;
        if !after.starts_with('-') {
            return None;
        }
        let is_key = |c: char| c == '-' || c == '_' || is_alphanumeric(c);
        let end = after.find(|c| !is_key(c)).unwrap_or(after.len());
        let start = before.rfind(|c| c != '.' && c != '$' && !is_key(c)).map_or(0, |at| at + 1);
        // The character before may take more than a byte.
        let chain = before.get(start..)?;
        let (path, name) = chain.rsplit_once('.')?;
        let path = if path.is_empty() { "." } else { path };
        Some((path.to_owned(), format!("{name}{}", &after[..end])))
    }

    /// Prints a token as Go does.
    pub(crate) fn show(&self, token: Token) -> String {
        let text = self.piece(token);
        match token.kind {
            Kind::Eof => "EOF".to_owned(),
            kind if kind.is_keyword() => format!("<{text}>"),
            _ if text.len() > 10 => {
                let start: String = text.chars().take(10).collect();
                format!("{}...", quote(&start))
            }
            _ => quote(text),
        }
    }

    fn rest(&self) -> &'a str {
        &self.input[self.pos..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    fn accept(&mut self, valid: &str) -> bool {
        let found = self.bytes.get(self.pos).is_some_and(|byte| valid.as_bytes().contains(byte));
        self.pos += usize::from(found);
        found
    }

    fn accept_run(&mut self, valid: &str) {
        while self.accept(valid) {}
    }

    #[allow(clippy::cast_possible_truncation, reason = "texts are bounded far below 4 GiB")]
    fn token(&self, kind: Kind, start: usize, end: usize) -> Token {
        Token { kind, start: start as Pos, end: end as Pos }
    }

    fn emit(&mut self, kind: Kind) -> Token {
        let token = self.token(kind, self.start, self.pos);
        self.start = self.pos;
        token
    }

    #[cold]
    fn error(&mut self, message: impl Into<String>) -> Token {
        self.within = Within::Nothing;
        self.message = message.into();
        let token = self.token(Kind::Error, self.start, self.start);
        self.wrong_at = token.start;
        token
    }

    /// Text up to an action. Loops over comments, which leave nothing behind.
    #[inline(never)]
    fn text(&mut self) -> Token {
        loop {
            let Some(offset) = self.left.find(&self.bytes[self.pos..]) else {
                self.pos = self.bytes.len();
                return self.emit(if self.pos > self.start { Kind::Text } else { Kind::Eof });
            };
            let (start, at) = (self.pos, self.pos + offset);
            let is_trimmed = has_left_trim(&self.bytes[at + self.delimiters.left.len()..]);
            let end = if is_trimmed { start + trimmed(&self.bytes[start..at]) } else { at };
            (self.start, self.pos) = (at, at);
            if end > start {
                self.within = Within::Delim;
                return self.token(Kind::Text, start, end);
            }
            if let Some(token) = self.left_delim() {
                return token;
            }
        }
    }

    /// The left delimiter, which stands here, if it does not begin a comment.
    fn left_delim(&mut self) -> Option<Token> {
        let after = self.pos + self.delimiters.left.len();
        let first = after + if has_left_trim(&self.bytes[after..]) { 2 } else { 0 };
        let token = self.token(Kind::LeftDelim, self.pos, after);
        (self.start, self.pos) = (first, first);
        if self.bytes[first..].starts_with(b"/*") {
            self.within = Within::Text;
            return self.comment().err().map(|message| self.error(message));
        }
        self.within = Within::Action;
        self.paren_depth = 0;
        Some(token)
    }

    fn comment(&mut self) -> Result<(), &'static str> {
        self.pos += 2;
        let end = memchr::memmem::find(&self.bytes[self.pos..], b"*/").ok_or("unclosed comment")?;
        self.pos += end + 2;
        if self.is_trimming(self.pos) {
            self.pos += 2 + self.right.len();
            self.skip_space();
        } else if self.is_right_delim(self.pos) {
            self.pos += self.right.len();
        } else {
            return Err("comment ends before closing delimiter");
        }
        self.start = self.pos;
        Ok(())
    }

    fn skip_space(&mut self) {
        self.pos += self.bytes[self.pos..].iter().take_while(|byte| is_space(**byte)).count();
    }

    fn is_right_delim(&self, at: usize) -> bool {
        // Most words begin otherwise, which is cheaper to see.
        self.bytes.get(at).copied() == self.right_first && self.bytes[at..].starts_with(self.right)
    }

    /// Returns whether a space, a trim marker and the right delimiter stand there.
    fn is_trimming(&self, at: usize) -> bool {
        self.bytes.get(at).is_some_and(|byte| is_space(*byte))
            && self.bytes.get(at + 1) == Some(&b'-')
            && self.is_right_delim(at + 2)
    }

    #[inline(never)]
    fn right_delim(&mut self, is_trimmed: bool) -> Token {
        if self.paren_depth > 0 {
            return self.error("unclosed left paren");
        }
        self.start += if is_trimmed { 2 } else { 0 };
        self.pos = self.start + self.right.len();
        let token = self.emit(Kind::RightDelim);
        if is_trimmed {
            self.skip_space();
            self.start = self.pos;
        }
        self.within = Within::Text;
        token
    }

    fn inside(&mut self) -> Token {
        if self.is_right_delim(self.pos) && !self.is_trimming(self.pos) {
            return self.right_delim(false);
        }
        let Some(&first) = self.bytes.get(self.pos) else { return self.error("unclosed action") };
        // Most tokens are words and a space between them.
        match first {
            b' ' if matches!(self.bytes.get(self.pos + 1), Some(next) if *next != b'-' && !is_space(*next)) =>
            {
                self.pos += 1;
                self.emit(Kind::Space)
            }
            b' ' | b'\t' | b'\r' | b'\n' => self.space(),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.identifier(),
            b'+' | b'-' | b'0'..=b'9' => self.number(),
            b'.' if self.bytes.get(self.pos + 1).is_none_or(u8::is_ascii_digit) => self.number(),
            b'$' => {
                self.pos += 1;
                self.field_or_variable(Kind::Variable)
            }
            b'.' => {
                self.pos += 1;
                self.field_or_variable(Kind::Field)
            }
            byte if byte.is_ascii() => self.mark(byte),
            _ => match self.peek() {
                Some(c) if is_alphanumeric(c) => self.identifier(),
                c => self.unrecognized(c),
            },
        }
    }

    /// What begins with an ASCII character that is neither letter, digit nor space.
    #[inline(never)]
    fn mark(&mut self, first: u8) -> Token {
        self.pos += 1;
        match first {
            b'=' => self.emit(Kind::Assign),
            b':' if self.accept("=") => self.emit(Kind::Declare),
            b':' => self.error("expected :="),
            b'|' => self.emit(Kind::Pipe),
            b'"' => self.quoted(b'"', Kind::String, "unterminated quoted string"),
            b'`' => match memchr::memchr(b'`', &self.bytes[self.pos..]) {
                Some(end) => {
                    self.pos += end + 1;
                    self.emit(Kind::RawString)
                }
                None => self.error("unterminated raw quoted string"),
            },
            b'\'' => self.quoted(b'\'', Kind::CharConstant, "unterminated character constant"),
            b'(' => {
                self.paren_depth += 1;
                self.emit(Kind::LeftParen)
            }
            b')' if self.paren_depth == 0 => self.error("unexpected right paren"),
            b')' => {
                self.paren_depth -= 1;
                self.emit(Kind::RightParen)
            }
            b'!'..=b'~' => self.emit(Kind::Char),
            byte => self.unrecognized(Some(char::from(byte))),
        }
    }

    fn unrecognized(&mut self, c: Option<char>) -> Token {
        self.error(format!("unrecognized character in action: {}", code_point(c)))
    }

    #[inline(never)]
    fn space(&mut self) -> Token {
        self.pos += 1;
        while self.bytes.get(self.pos).is_some_and(|byte| is_space(*byte)) {
            self.pos += 1;
        }
        // A space before a trim marker belongs to the marker.
        if self.is_trimming(self.pos - 1) {
            self.pos -= 1;
            if self.pos == self.start {
                return self.right_delim(true);
            }
        }
        self.emit(Kind::Space)
    }

    #[inline(never)]
    fn identifier(&mut self) -> Token {
        if let Err(token) = self.word() {
            return token;
        }
        let kind = match &self.bytes[self.start..self.pos] {
            b"block" => Kind::Block,
            b"break" => Kind::Break,
            b"continue" => Kind::Continue,
            b"define" => Kind::Define,
            b"else" => Kind::Else,
            b"end" => Kind::End,
            b"if" => Kind::If,
            b"range" => Kind::Range,
            b"nil" => Kind::Nil,
            b"template" => Kind::Template,
            b"with" => Kind::With,
            b"true" | b"false" => Kind::Bool,
            _ => Kind::Identifier,
        };
        self.emit(kind)
    }

    #[inline(never)]
    fn field_or_variable(&mut self, kind: Kind) -> Token {
        if self.at_terminator() {
            return self.emit(if kind == Kind::Variable { kind } else { Kind::Dot });
        }
        match self.word() {
            Ok(()) => self.emit(kind),
            Err(token) => token,
        }
    }

    /// Goes behind letters and digits, after which something must stand that can follow a word.
    fn word(&mut self) -> Result<(), Token> {
        loop {
            let rest = &self.bytes[self.pos..];
            let end = rest.iter().position(|byte| CLASS[usize::from(*byte)] != Class::Word);
            self.pos += end.unwrap_or(rest.len());
            if self.at_terminator() {
                return Ok(());
            }
            match self.peek() {
                Some(c) if is_alphanumeric(c) => self.pos += c.len_utf8(),
                next => {
                    let token = self.error(format!("bad character {}", code_point(next)));
                    self.wrong_at = self.token(Kind::Error, self.pos, self.pos).start;
                    return Err(token);
                }
            }
        }
    }

    fn at_terminator(&self) -> bool {
        match self.bytes.get(self.pos) {
            None => true,
            Some(byte) => CLASS[usize::from(*byte)] == Class::Terminator || self.is_right_delim(self.pos),
        }
    }

    fn quoted(&mut self, mark: u8, kind: Kind, unterminated: &'static str) -> Token {
        loop {
            let rest = &self.bytes[self.pos..];
            let Some(at) = memchr::memchr3(mark, b'\\', b'\n', rest) else { return self.error(unterminated) };
            self.pos += at + 1;
            match rest[at] {
                b'\\' if !matches!(self.bump(), None | Some('\n')) => {}
                b'\\' | b'\n' => return self.error(unterminated),
                _ => return self.emit(kind),
            }
        }
    }

    #[inline(never)]
    fn number(&mut self) -> Token {
        if !self.scan_number() {
            return self.bad_number();
        }
        if matches!(self.bytes.get(self.pos), Some(b'+' | b'-')) {
            // A complex number: 1+2i. No space may stand within.
            if !self.scan_number() || self.bytes[self.pos - 1] != b'i' {
                return self.bad_number();
            }
            return self.emit(Kind::Complex);
        }
        self.emit(Kind::Number)
    }

    fn bad_number(&mut self) -> Token {
        let text = quote(&self.input[self.start..self.pos]);
        self.error(format!("bad number syntax: {text}"))
    }

    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let mut digits = "0123456789_";
        if self.accept("0") {
            if self.accept("xX") {
                digits = "0123456789abcdefABCDEF_";
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        self.accept_run(digits);
        if self.accept(".") {
            self.accept_run(digits);
        }
        if digits.len() == 11 && self.accept("eE") || digits.len() == 23 && self.accept("pP") {
            self.accept("+-");
            self.accept_run("0123456789_");
        }
        self.accept("i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.bump();
            return false;
        }
        true
    }
}

/// What an ASCII character is to words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Word,
    /// It may follow a word.
    Terminator,
    Other,
}

const CLASS: [Class; 256] = {
    let mut table = [Class::Other; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = match byte {
            b'.' | b',' | b'|' | b':' | b')' | b'(' | b' ' | b'\t' | b'\r' | b'\n' => Class::Terminator,
            b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => Class::Word,
            _ => Class::Other,
        };
        byte += 1;
    }
    table
};

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn has_left_trim(bytes: &[u8]) -> bool {
    matches!(bytes, [b'-', space, ..] if is_space(*space))
}

/// Returns how much of a text is left when the spaces at its end are cut off.
fn trimmed(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1)
}

/// Prints a character as Go's `%#U`: `U+0023 '#'`; the end of the input as Go's −1.
fn code_point(c: Option<char>) -> String {
    match c {
        None => "U+FFFFFFFFFFFFFFFF".to_owned(),
        Some(c) if is_print(c) => format!("U+{:04X} '{c}'", c as u32),
        Some(c) => format!("U+{:04X}", c as u32),
    }
}
