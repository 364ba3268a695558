//! Plain scalars: text without quotes, over one line or several.

use crate::Error;

use super::class::{self, BLANK, BREAK, COLON, FLOW, LEAD};
use super::{Mark, Scanner, Token, TokenKind};

impl Scanner<'_> {
    pub(super) fn scan_plain_scalar(&mut self, start: Mark) -> Result<Token, Error> {
        let indent = self.indent + 1;
        let first_end = self.scan_plain_line();
        let mut end = first_end;
        // The text of the lines that are already folded; the last line is `from..end`.
        let mut folded: Option<String> = None;
        let mut from = start.index as usize;
        let mut has_leading_blanks = false;
        while self.is_break(self.pos) {
            let gap = self.pos;
            self.skip_blank_lines(indent, start)?;
            has_leading_blanks = true;
            let is_over = (self.flow_level == 0 && i64::from(self.column()) < indent)
                || self.pos >= self.bytes.len()
                || self.is_document_indicator()
                || self.here() == b'#';
            if is_over {
                break;
            }
            let next = self.pos;
            let next_end = self.scan_plain_line();
            if next_end == next {
                break;
            }
            let text = folded.get_or_insert_with(String::new);
            text.push_str(self.text.get(from..end).unwrap_or_default());
            fold_breaks(text, self.text.get(gap..next).unwrap_or_default());
            (from, end) = (next, next_end);
            has_leading_blanks = false;
        }
        if has_leading_blanks {
            self.simple_key_allowed = true;
        }
        let text = match folded {
            None => self.source(from, end),
            Some(mut text) => {
                text.push_str(self.slice(from, end));
                self.keep(text.into())
            }
        };
        Ok(Token::new(TokenKind::Scalar, start).with_text(text, end))
    }

    /// Passes the scalar's part of the current line and the blanks behind it, and returns where the part ends.
    #[inline]
    fn scan_plain_line(&mut self) -> usize {
        let stops = BLANK | BREAK | LEAD | COLON | if self.flow_level > 0 { FLOW } else { 0 };
        let start = self.pos;
        let mut at = start;
        let mut end;
        loop {
            let rest = self.bytes.get(at..).unwrap_or_default();
            at += rest.iter().position(|&b| class::is(b, stops)).unwrap_or(rest.len());
            match self.byte(at) {
                0 => {
                    end = at;
                    break;
                }
                b' ' if self.starts_word(at + 1) => at += 2,
                b' ' | b'\t' => {
                    end = at;
                    while self.is_blank(at) {
                        at += 1;
                    }
                    if self.byte(at) == b'#' || self.is_breakz(at) || self.ends_plain(at, stops) {
                        break;
                    }
                }
                b':' if !self.is_blankz(at + 1) => at += 1,
                0xc2 | 0xe2 if !self.is_break(at) => at += 1,
                _ => {
                    end = at;
                    break;
                }
            }
        }
        if end > start {
            self.newlines = 0;
        }
        self.pos = at;
        end
    }

    /// Returns whether the byte at `at` goes on with a scalar whatever stands behind it.
    #[inline]
    fn starts_word(&self, at: usize) -> bool {
        self.bytes.get(at).is_some_and(|&b| !class::is(b, BLANK | BREAK | LEAD | COLON | FLOW) && b != b'#')
    }

    /// Returns whether a word that begins at `at` is at once ended by an indicator.
    #[inline]
    fn ends_plain(&self, at: usize, stops: u16) -> bool {
        match self.byte(at) {
            b':' => self.is_blankz(at + 1),
            b => class::is(b, FLOW & stops),
        }
    }

    /// Passes line breaks and the blanks that begin lines.
    #[inline]
    fn skip_blank_lines(&mut self, indent: i64, start: Mark) -> Result<(), Error> {
        loop {
            if self.is_break(self.pos) {
                self.skip_line();
                self.skip_spaces();
            } else if self.here() == b' ' {
                self.pos += 1;
            } else if self.here() == b'\t' {
                if i64::from(self.column()) < indent {
                    return Err(self.fail(
                        "while scanning a plain scalar",
                        start,
                        "found a tab character that violates indentation",
                    ));
                }
                self.pos += 1;
            } else {
                return Ok(());
            }
        }
    }
}

/// Appends what line breaks and the blanks around them are folded to: one break to a space, further breaks to
/// themselves.
pub(super) fn fold_breaks(text: &mut String, gap: &str) {
    let mut breaks = 0;
    let mut first_is_lf = true;
    let mut chars = gap.chars().peekable();
    let start = text.len();
    while let Some(c) = chars.next() {
        let kept = match c {
            '\r' => {
                chars.next_if_eq(&'\n');
                '\n'
            }
            '\n' | '\u{85}' => '\n',
            '\u{2028}' | '\u{2029}' => c,
            _ => continue,
        };
        breaks += 1;
        if breaks == 1 {
            first_is_lf = kept == '\n';
        }
        if breaks > 1 || !first_is_lf {
            text.push(kept);
        }
    }
    if breaks > 0 && first_is_lf && text.len() == start {
        text.push(' ');
    }
}
