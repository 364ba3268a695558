//! Cuts a template's text into tokens, as Go's lexer does: outside of actions text, inside of them words.

use crate::quote::quote;
use crate::unicode::{is_alphanumeric, is_print};
use std::fmt;

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

/// A piece of the text. That of an error is the lexer's message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    /// The offset in bytes.
    pub(crate) pos: usize,
    pub(crate) text: &'a str,
    /// The line at the token's start, counted from 1.
    pub(crate) line: usize,
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Eof => f.write_str("EOF"),
            kind if kind.is_keyword() => write!(f, "<{}>", self.text),
            _ if self.text.len() > 10 => {
                let start: String = self.text.chars().take(10).collect();
                write!(f, "{}...", quote(&start))
            }
            _ => f.write_str(&quote(self.text)),
        }
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

/// Reads tokens one at a time.
pub(crate) struct Lexer<'a> {
    input: &'a str,
    delimiters: &'a Delimiters,
    pos: usize,
    start: usize,
    line: usize,
    start_line: usize,
    paren_depth: usize,
    inside_action: bool,
    failed: bool,
    /// What is wrong, after an error.
    pub(crate) message: String,
    left: memchr::memmem::Finder<'a>,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(input: &'a str, delimiters: &'a Delimiters) -> Self {
        Self {
            input,
            delimiters,
            pos: 0,
            start: 0,
            line: 1,
            start_line: 1,
            paren_depth: 0,
            inside_action: false,
            failed: false,
            message: String::new(),
            left: memchr::memmem::Finder::new(delimiters.left.as_str()),
        }
    }

    /// Returns the next token; at the end, and after an error, `Eof` for ever.
    pub(crate) fn next(&mut self) -> Token<'a> {
        if self.failed {
            return Token { kind: Kind::Eof, pos: 0, text: "EOF", line: self.start_line };
        }
        if self.inside_action { self.inside() } else { self.text() }
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
        let found = self.peek().is_some_and(|c| valid.contains(c));
        if found {
            self.bump();
        }
        found
    }

    fn accept_run(&mut self, valid: &str) {
        while self.accept(valid) {}
    }

    /// Moves the start of the next token to the position.
    fn ignore(&mut self) {
        if self.pos > self.start {
            self.line += count_lines(&self.input[self.start..self.pos]);
        }
        self.start = self.pos;
        self.start_line = self.line;
    }

    fn emit(&mut self, kind: Kind) -> Token<'a> {
        let text = &self.input[self.start..self.pos];
        let token = Token { kind, pos: self.start, text, line: self.start_line };
        // No other token spans lines.
        if matches!(kind, Kind::Text | Kind::Space | Kind::RawString) {
            self.ignore();
        } else {
            self.start = self.pos;
        }
        token
    }

    fn error(&mut self, message: impl Into<String>) -> Token<'a> {
        self.failed = true;
        self.message = message.into();
        Token { kind: Kind::Error, pos: self.start, text: "", line: self.start_line }
    }

    /// Text up to an action. Loops over comments, which leave nothing behind.
    fn text(&mut self) -> Token<'a> {
        loop {
            let Some(offset) = self.left.find(self.rest().as_bytes()) else {
                self.pos = self.input.len();
                return if self.pos > self.start {
                    self.emit(Kind::Text)
                } else {
                    Token { kind: Kind::Eof, pos: self.pos, text: "EOF", line: self.start_line }
                };
            };
            if offset > 0 {
                self.pos += offset;
                let trim = if has_left_trim(&self.input[self.pos + self.delimiters.left.len()..]) {
                    let text = &self.input[self.start..self.pos];
                    text.len() - text.trim_end_matches(is_space).len()
                } else {
                    0
                };
                self.pos -= trim;
                let token = (self.pos > self.start).then(|| self.emit(Kind::Text));
                self.pos += trim;
                self.ignore();
                if let Some(token) = token {
                    return token;
                }
            }
            self.pos += self.delimiters.left.len();
            let after_marker = if has_left_trim(self.rest()) { 2 } else { 0 };
            if !self.input[self.pos + after_marker..].starts_with("/*") {
                let token = self.emit(Kind::LeftDelim);
                self.inside_action = true;
                self.pos += after_marker;
                self.ignore();
                self.paren_depth = 0;
                return token;
            }
            self.pos += after_marker;
            self.ignore();
            if let Err(message) = self.comment() {
                return self.error(message);
            }
        }
    }

    fn comment(&mut self) -> Result<(), &'static str> {
        self.pos += 2;
        let end = memchr::memmem::find(self.rest().as_bytes(), b"*/").ok_or("unclosed comment")?;
        self.pos += end + 2;
        let (delim, trim) = self.at_right_delim();
        if !delim {
            return Err("comment ends before closing delimiter");
        }
        if trim {
            self.pos += 2;
        }
        self.pos += self.delimiters.right.len();
        if trim {
            self.skip_space();
        }
        self.ignore();
        Ok(())
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.pos += rest.len() - rest.trim_start_matches(is_space).len();
    }

    fn at_right_delim(&self) -> (bool, bool) {
        let rest = self.rest();
        // Most words begin with neither.
        match rest.as_bytes().first() {
            Some(b' ' | b'\t' | b'\r' | b'\n') => {}
            first if first == self.delimiters.right.as_bytes().first() => {}
            _ => return (false, false),
        }
        if has_right_trim(rest) && rest[2..].starts_with(&self.delimiters.right) {
            return (true, true);
        }
        (rest.starts_with(&self.delimiters.right), false)
    }

    fn right_delim(&mut self) -> Token<'a> {
        let (_, trim) = self.at_right_delim();
        if trim {
            self.pos += 2;
            self.ignore();
        }
        self.pos += self.delimiters.right.len();
        let token = self.emit(Kind::RightDelim);
        if trim {
            self.skip_space();
            self.ignore();
        }
        self.inside_action = false;
        token
    }

    fn inside(&mut self) -> Token<'a> {
        if self.at_right_delim().0 {
            return if self.paren_depth == 0 {
                self.right_delim()
            } else {
                self.error("unclosed left paren")
            };
        }
        // Most tokens are words and what stands between them.
        match self.input.as_bytes().get(self.pos) {
            Some(b' ' | b'\t' | b'\r' | b'\n') => return self.space(),
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_') => return self.identifier(),
            _ => {}
        }
        let Some(c) = self.bump() else { return self.error("unclosed action") };
        match c {
            '=' => self.emit(Kind::Assign),
            ':' => match self.bump() {
                Some('=') => self.emit(Kind::Declare),
                _ => self.error("expected :="),
            },
            '|' => self.emit(Kind::Pipe),
            '"' => self.quoted(b'"', Kind::String, "unterminated quoted string"),
            '`' => match memchr::memchr(b'`', self.rest().as_bytes()) {
                Some(end) => {
                    self.pos += end + 1;
                    self.emit(Kind::RawString)
                }
                None => self.error("unterminated raw quoted string"),
            },
            '$' => self.field_or_variable(Kind::Variable),
            '\'' => self.quoted(b'\'', Kind::CharConstant, "unterminated character constant"),
            '.' if self.pos < self.input.len() && !self.rest().as_bytes()[0].is_ascii_digit() => {
                self.field_or_variable(Kind::Field)
            }
            '.' | '+' | '-' | '0'..='9' => {
                self.pos -= 1;
                self.number()
            }
            c if is_alphanumeric(c) => {
                self.pos -= c.len_utf8();
                self.identifier()
            }
            '(' => {
                self.paren_depth += 1;
                self.emit(Kind::LeftParen)
            }
            ')' => match self.paren_depth.checked_sub(1) {
                Some(depth) => {
                    self.paren_depth = depth;
                    self.emit(Kind::RightParen)
                }
                None => self.error("unexpected right paren"),
            },
            '!'..='~' => self.emit(Kind::Char),
            c => self.error(format!("unrecognized character in action: {}", code_point(Some(c)))),
        }
    }

    fn space(&mut self) -> Token<'a> {
        let rest = self.rest().as_bytes();
        let count = rest.iter().take_while(|b| is_space(char::from(**b))).count();
        self.pos += count;
        // A space before a trim marker belongs to the marker.
        let before = &self.input[self.pos - 1..];
        if has_right_trim(before) && before[2..].starts_with(&self.delimiters.right) {
            self.pos -= 1;
            if count == 1 {
                return self.right_delim();
            }
        }
        self.emit(Kind::Space)
    }

    fn identifier(&mut self) -> Token<'a> {
        self.skip_word();
        if !self.at_terminator() {
            let next = self.peek();
            return self.error(format!("bad character {}", code_point(next)));
        }
        let kind = match &self.input[self.start..self.pos] {
            "block" => Kind::Block,
            "break" => Kind::Break,
            "continue" => Kind::Continue,
            "define" => Kind::Define,
            "else" => Kind::Else,
            "end" => Kind::End,
            "if" => Kind::If,
            "range" => Kind::Range,
            "nil" => Kind::Nil,
            "template" => Kind::Template,
            "with" => Kind::With,
            "true" | "false" => Kind::Bool,
            _ => Kind::Identifier,
        };
        self.emit(kind)
    }

    fn field_or_variable(&mut self, kind: Kind) -> Token<'a> {
        if self.at_terminator() {
            return self.emit(if kind == Kind::Variable { kind } else { Kind::Dot });
        }
        self.skip_word();
        if !self.at_terminator() {
            let next = self.peek();
            return self.error(format!("bad character {}", code_point(next)));
        }
        self.emit(kind)
    }

    /// Goes behind letters and digits, ASCII ones at once.
    fn skip_word(&mut self) {
        loop {
            let rest = self.rest().as_bytes();
            let end = rest.iter().position(|b| !IN_WORD[usize::from(*b)]).unwrap_or(rest.len());
            self.pos += end;
            if rest.get(end).is_none_or(u8::is_ascii) {
                return;
            }
            match self.peek() {
                Some(c) if is_alphanumeric(c) => self.pos += c.len_utf8(),
                _ => return,
            }
        }
    }

    fn at_terminator(&self) -> bool {
        match self.input.as_bytes().get(self.pos) {
            None | Some(b'.' | b',' | b'|' | b':' | b')' | b'(' | b' ' | b'\t' | b'\r' | b'\n') => true,
            Some(_) => self.rest().starts_with(&self.delimiters.right),
        }
    }

    fn quoted(&mut self, mark: u8, kind: Kind, unterminated: &'static str) -> Token<'a> {
        loop {
            let rest = self.rest().as_bytes();
            let Some(at) = memchr::memchr3(mark, b'\\', b'\n', rest) else { return self.error(unterminated) };
            self.pos += at + 1;
            match rest[at] {
                b'\\' if !matches!(self.bump(), None | Some('\n')) => {}
                b'\\' | b'\n' => return self.error(unterminated),
                _ => return self.emit(kind),
            }
        }
    }

    fn number(&mut self) -> Token<'a> {
        let bad = |lexer: &mut Self| {
            let text = quote(&lexer.input[lexer.start..lexer.pos]);
            lexer.error(format!("bad number syntax: {text}"))
        };
        if !self.scan_number() {
            return bad(self);
        }
        if matches!(self.peek(), Some('+' | '-')) {
            // A complex number: 1+2i. No space may stand within.
            if !self.scan_number() || !self.input[..self.pos].ends_with('i') {
                return bad(self);
            }
            return self.emit(Kind::Complex);
        }
        self.emit(Kind::Number)
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

/// The ASCII characters of words.
const IN_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || byte == b'_';
        byte += 1;
    }
    table
};

fn count_lines(text: &str) -> usize {
    if text == " " {
        return 0;
    }
    memchr::memchr_iter(b'\n', text.as_bytes()).count()
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn has_left_trim(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 2 && bytes[0] == b'-' && is_space(char::from(bytes[1]))
}

fn has_right_trim(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 2 && is_space(char::from(bytes[0])) && bytes[1] == b'-'
}

/// Prints a character as Go's `%#U`: `U+0023 '#'`; the end of the input as Go's −1.
fn code_point(c: Option<char>) -> String {
    match c {
        None => "U+FFFFFFFFFFFFFFFF".to_owned(),
        Some(c) if is_print(c) => format!("U+{:04X} '{c}'", c as u32),
        Some(c) => format!("U+{:04X}", c as u32),
    }
}
