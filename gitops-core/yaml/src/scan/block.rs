//! Literal (`|`) and folded (`>`) scalars.

use crate::{Error, Style};

use super::class::{self, BLANK};
use super::{Mark, Scanner, Token, TokenKind};

const CONTEXT: &str = "while scanning a block scalar";

/// What becomes of the line breaks at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    Clip,
    Strip,
    Keep,
}

impl Scanner<'_> {
    pub(super) fn scan_block_scalar(&mut self, style: Style, start: Mark) -> Result<Token, Error> {
        self.skip();
        let (chomping, increment) = self.scan_block_header(start)?;
        let mut indent = match increment {
            0 => 0,
            _ => self.indent.max(0) + i64::from(increment),
        };
        let mut end = self.pos;
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        // Line breaks that are not yet known to stand between lines.
        let mut breaks = String::new();
        let mut leading_break: Option<char> = None;
        let mut was_blank = false;
        self.scan_block_breaks(&mut indent, &mut breaks, start, &mut end)?;
        while self.pos < self.bytes.len() && self.column_of_spaces() == indent {
            let is_blank = self.is_blank(self.pos);
            let folds = style == Style::Folded && !was_blank && !is_blank && leading_break == Some('\n');
            if !folds {
                text.extend(leading_break);
            } else if breaks.is_empty() {
                text.push(' ');
            }
            text.push_str(&breaks);
            breaks.clear();
            was_blank = is_blank;

            let line = self.pos;
            self.pos = self.line_end(line);
            let content = self.slice(line, self.pos);
            text.push_str(content);
            if content.bytes().any(|b| !class::is(b, BLANK)) {
                self.newlines = 0;
            }
            leading_break = self.read_break();
            self.scan_block_breaks(&mut indent, &mut breaks, start, &mut end)?;
        }
        if chomping != Chomping::Strip {
            text.extend(leading_break);
        }
        if chomping == Chomping::Keep {
            text.push_str(&breaks);
        }
        let made = self.keep(text.as_str().into());
        self.scratch = text;
        let token = Token::new(TokenKind::Scalar, start).with_text(made, end);
        Ok(Token { style, ..token })
    }

    /// Reads the indicators behind `|` or `>` and the rest of that line.
    fn scan_block_header(&mut self, start: Mark) -> Result<(Chomping, u8), Error> {
        let mut chomping = Chomping::Clip;
        let mut increment = 0;
        let first_is_digit = self.here().is_ascii_digit();
        for is_digit in [first_is_digit, !first_is_digit] {
            match self.here() {
                b'0' if is_digit => {
                    return Err(self.fail(CONTEXT, start, "found an indentation indicator equal to 0"));
                }
                digit @ b'1'..=b'9' if is_digit => increment = digit - b'0',
                b'+' if !is_digit => chomping = Chomping::Keep,
                b'-' if !is_digit => chomping = Chomping::Strip,
                // A digit may follow only a chomping indicator.
                _ => break,
            }
            self.skip();
        }
        self.skip_blanks();
        if self.here() == b'#' {
            if self.is_v3 {
                self.scan_line_comment(start);
            }
            self.pos = self.line_end(self.pos);
        }
        if !self.is_breakz(self.pos) {
            return Err(self.fail(CONTEXT, start, "did not find expected comment or line break"));
        }
        self.skip_line();
        Ok((chomping, increment))
    }

    /// Passes a line break and returns the character it reads as.
    fn read_break(&mut self) -> Option<char> {
        let c = self.text.get(self.pos..)?.chars().next()?;
        if !self.is_break(self.pos) {
            return None;
        }
        Some(if self.skip_line() { '\n' } else { c })
    }

    /// Passes indentation and empty lines, and finds out the indentation where it is not known.
    fn scan_block_breaks(
        &mut self,
        indent: &mut i64,
        breaks: &mut String,
        start: Mark,
        end: &mut usize,
    ) -> Result<(), Error> {
        *end = self.pos;
        let mut deepest = 0;
        loop {
            // Only spaces stand before the position in this line, so that bytes are columns.
            let mut column = self.column_of_spaces();
            while (*indent == 0 || column < *indent) && self.here() == b' ' {
                self.pos += 1;
                column += 1;
            }
            deepest = deepest.max(column);
            if (*indent == 0 || column < *indent) && self.here() == b'\t' {
                return Err(self.fail(
                    CONTEXT,
                    start,
                    "found a tab character where an indentation space is expected",
                ));
            }
            let Some(c) = self.is_break(self.pos).then(|| self.read_break()).flatten() else { break };
            breaks.push(c);
            *end = self.pos;
        }
        if *indent == 0 {
            *indent = deepest.max(self.indent + 1).max(1);
        }
        Ok(())
    }

    fn column_of_spaces(&self) -> i64 {
        i64::try_from(self.pos - self.line_start).unwrap_or(i64::MAX)
    }
}
