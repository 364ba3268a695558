//! Scalars in single and double quotes.

use crate::{Error, Style};

use super::class::{self, BLANK, BREAK, LEAD, QUOTE};
use super::plain::fold_breaks;
use super::{Mark, Scanner, TextAt, Token, TokenKind};

const CONTEXT: &str = "while scanning a quoted scalar";
const ESCAPE_CONTEXT: &str = "while parsing a quoted scalar";

impl Scanner<'_> {
    pub(super) fn scan_flow_scalar(&mut self, style: Style, start: Mark) -> Result<Token, Error> {
        self.skip();
        let text = match self.scan_simple_quoted(style) {
            Some(text) => text,
            None => self.scan_folded_quoted(style, start)?,
        };
        self.skip();
        let token = Token::new(TokenKind::Scalar, start).with_text(text, self.pos);
        Ok(Token { style, ..token })
    }

    /// Reads a scalar that stands on one line without escapes, up to its closing quote; `None` for all others.
    fn scan_simple_quoted(&mut self, style: Style) -> Option<TextAt> {
        let quote = if style == Style::SingleQuoted { b'\'' } else { b'"' };
        let start = self.pos;
        let mut at = start;
        loop {
            let rest = self.bytes.get(at..)?;
            at += rest.iter().position(|&b| class::is(b, QUOTE | BREAK | LEAD))?;
            match self.byte(at) {
                b if b == quote => break,
                b'\\' if style == Style::DoubleQuoted => return None,
                _ if self.is_break(at) => return None,
                _ => at += 1,
            }
        }
        if style == Style::SingleQuoted && self.byte(at + 1) == b'\'' {
            return None;
        }
        self.pos = at;
        Some(self.source(start, at))
    }

    /// Reads any scalar up to its closing quote.
    fn scan_folded_quoted(&mut self, style: Style, start: Mark) -> Result<TextAt, Error> {
        let is_single = style == Style::SingleQuoted;
        let quote = if is_single { b'\'' } else { b'"' };
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        loop {
            if self.is_document_indicator() {
                return Err(self.fail(CONTEXT, start, "found unexpected document indicator"));
            }
            if self.pos >= self.bytes.len() {
                return Err(self.fail(CONTEXT, start, "found unexpected end of stream"));
            }
            let mut line_is_escaped = false;
            loop {
                let from = self.pos;
                let rest = self.bytes.get(from..).unwrap_or_default();
                let run = rest.iter().position(|&b| class::is(b, BLANK | QUOTE | BREAK | LEAD));
                self.pos += run.unwrap_or(rest.len());
                if self.pos > from {
                    self.newlines = 0;
                    text.push_str(self.slice(from, self.pos));
                }
                let byte = self.here();
                if self.is_blankz(self.pos) {
                    break;
                }
                match byte {
                    b'\'' if is_single && self.byte(self.pos + 1) == b'\'' => {
                        text.push('\'');
                        self.pos += 2;
                    }
                    _ if byte == quote => break,
                    b'\\' if !is_single && self.is_break(self.pos + 1) => {
                        self.skip();
                        self.skip_line();
                        line_is_escaped = true;
                        break;
                    }
                    b'\\' if !is_single => self.scan_escape(&mut text, start)?,
                    _ => {
                        let width = self.text.get(self.pos..).and_then(|rest| rest.chars().next());
                        let width = width.map_or(1, char::len_utf8);
                        text.push_str(self.slice(self.pos, self.pos + width));
                        self.pos += width;
                    }
                }
                self.newlines = 0;
            }
            if self.here() == quote {
                break;
            }
            self.fold_quoted_gap(&mut text, line_is_escaped);
        }
        let made = self.keep(text.as_str().into());
        self.scratch = text;
        Ok(made)
    }

    /// Passes the blank space between two words: blanks are kept, line breaks folded, blanks around breaks dropped.
    fn fold_quoted_gap(&mut self, text: &mut String, line_is_escaped: bool) {
        let start = self.pos;
        while self.is_blank(self.pos) {
            self.pos += 1;
        }
        if !self.is_break(self.pos) {
            // After an escaped line break the blanks that begin the line are dropped.
            if !line_is_escaped {
                text.push_str(self.slice(start, self.pos));
            }
            return;
        }
        let gap = self.pos;
        while self.is_blank(self.pos) || self.is_break(self.pos) {
            if self.is_blank(self.pos) {
                self.pos += 1;
            } else {
                self.skip_line();
            }
        }
        let gap = self.slice(gap, self.pos);
        if line_is_escaped {
            // The escaped break took the place of the first one: all of these are kept.
            push_breaks(text, gap);
        } else {
            fold_breaks(text, gap);
        }
    }

    /// Reads an escape sequence.
    fn scan_escape(&mut self, text: &mut String, start: Mark) -> Result<(), Error> {
        let mut digits = 0;
        match self.byte(self.pos + 1) {
            b'0' => text.push('\0'),
            b'a' => text.push('\x07'),
            b'b' => text.push('\x08'),
            b't' | b'\t' => text.push('\t'),
            b'n' => text.push('\n'),
            b'v' => text.push('\x0b'),
            b'f' => text.push('\x0c'),
            b'r' => text.push('\r'),
            b'e' => text.push('\x1b'),
            b' ' => text.push(' '),
            b'"' => text.push('"'),
            b'\'' => text.push('\''),
            b'\\' => text.push('\\'),
            b'N' => text.push('\u{85}'),
            b'_' => text.push('\u{a0}'),
            b'L' => text.push('\u{2028}'),
            b'P' => text.push('\u{2029}'),
            b'x' => digits = 2,
            b'u' => digits = 4,
            b'U' => digits = 8,
            _ => return Err(self.fail(ESCAPE_CONTEXT, start, "found unknown escape character")),
        }
        self.pos += 2;
        if digits == 0 {
            return Ok(());
        }
        let mut value: u32 = 0;
        for at in self.pos..self.pos + digits {
            let Some(digit) = char::from(self.byte(at)).to_digit(16) else {
                return Err(self.fail(ESCAPE_CONTEXT, start, "did not find expected hexdecimal number"));
            };
            value = (value << 4) | digit;
        }
        let Some(c) = char::from_u32(value) else {
            return Err(self.fail(ESCAPE_CONTEXT, start, "found invalid Unicode character escape code"));
        };
        text.push(c);
        self.pos += digits;
        Ok(())
    }
}

/// Appends the line breaks of a gap, normalized.
fn push_breaks(text: &mut String, gap: &str) {
    let mut chars = gap.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                chars.next_if_eq(&'\n');
                text.push('\n');
            }
            '\n' | '\u{85}' => text.push('\n'),
            '\u{2028}' | '\u{2029}' => text.push(c),
            _ => {}
        }
    }
}
