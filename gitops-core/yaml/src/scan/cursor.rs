//! The scanner's position in the text: characters, columns and line breaks.

use crate::Str;

use super::class::{self, BLANK, BREAK};
use super::{Mark, Scanner, TextAt, index};

impl<'a> Scanner<'a> {
    #[inline]
    pub(super) fn byte(&self, at: usize) -> u8 {
        // The text holds no NUL, so that 0 says that it has ended.
        self.bytes.get(at).copied().unwrap_or(0)
    }

    #[inline]
    pub(super) fn here(&self) -> u8 {
        self.byte(self.pos)
    }

    /// Returns the length of the line break at `at`, 0 if there is none. `\r\n` counts as 1 here, as in libyaml.
    #[inline]
    pub(super) fn break_len(&self, at: usize) -> usize {
        match self.byte(at) {
            b'\n' | b'\r' => 1,
            0xc2 if self.byte(at + 1) == 0x85 => 2,
            0xe2 if self.byte(at + 1) == 0x80 && matches!(self.byte(at + 2), 0xa8 | 0xa9) => 3,
            _ => 0,
        }
    }

    #[inline]
    pub(super) fn is_break(&self, at: usize) -> bool {
        self.break_len(at) != 0
    }

    #[inline]
    pub(super) fn is_breakz(&self, at: usize) -> bool {
        at >= self.bytes.len() || self.break_len(at) != 0
    }

    #[inline]
    pub(super) fn is_blank(&self, at: usize) -> bool {
        class::is(self.byte(at), BLANK)
    }

    #[inline]
    pub(super) fn is_blankz(&self, at: usize) -> bool {
        match self.byte(at) {
            0 => at >= self.bytes.len(),
            b if class::is(b, BLANK | BREAK) => true,
            0xc2 | 0xe2 => self.break_len(at) != 0,
            _ => false,
        }
    }

    /// Returns where the line that holds `at` ends, before its break.
    #[inline]
    pub(super) fn line_end(&self, at: usize) -> usize {
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
    pub(super) fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    #[inline]
    pub(super) fn is_at_line_start(&self) -> bool {
        self.pos == self.line_start
    }

    /// Returns the column of the current position in characters.
    #[inline]
    pub(super) fn column(&mut self) -> u32 {
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
    pub(super) fn mark(&mut self) -> Mark {
        Mark { index: index(self.pos), line: self.line, column: self.column() }
    }

    pub(super) fn mark_here(&self) -> Mark {
        let line = self.bytes.get(self.line_start..self.pos).unwrap_or_default();
        let column = index(line.iter().filter(|&&b| (b as i8) >= -0x40).count());
        Mark { index: index(self.pos), line: self.line, column }
    }

    /// Notes a slice of the source as a token's text.
    #[inline]
    pub(super) fn source(&self, start: usize, end: usize) -> TextAt {
        TextAt::Source(index(start), index(end))
    }

    /// Keeps a text for the token that is queued next.
    pub(super) fn keep(&mut self, text: Str) -> TextAt {
        self.made.push_back(text);
        TextAt::Made
    }

    /// Passes one character that is not blank and no line break.
    #[inline]
    pub(super) fn skip(&mut self) {
        self.pos += 1;
        self.newlines = 0;
    }

    /// Passes spaces.
    #[inline]
    pub(super) fn skip_spaces(&mut self) {
        let rest = self.bytes.get(self.pos..).unwrap_or_default();
        self.pos += rest.iter().position(|&b| b != b' ').unwrap_or(rest.len());
    }

    /// Passes spaces and tabs.
    #[inline]
    pub(super) fn skip_blanks(&mut self) {
        while self.is_blank(self.pos) {
            self.pos += 1;
        }
    }

    /// Passes a line break, `\r\n` as one, and returns whether it reads as `\n`.
    #[inline]
    pub(super) fn skip_line(&mut self) -> bool {
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
    pub(super) fn is_document_indicator(&self) -> bool {
        self.is_at_line_start()
            && matches!(self.here(), b'-' | b'.')
            && matches!(self.bytes.get(self.pos..self.pos + 3), Some(b"---" | b"..."))
            && self.is_blankz(self.pos + 3)
    }
}
