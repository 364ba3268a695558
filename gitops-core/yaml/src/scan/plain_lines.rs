//! What the fast way over plain lines needs of the scanner: to step back to a key, and to go on behind the lines.

use crate::lines::{LineStart, Lines, Resume};

use super::{Scanner, TokenKind};

impl<'a> Scanner<'a> {
    /// Returns whether the text may be walked line by line: only `\n` breaks lines.
    #[inline]
    pub(crate) fn may_have_plain_lines(&self) -> bool {
        self.only_lf && self.refusal.is_none()
    }

    /// Returns where the key begins that is queued with its value or without, if that is all that is queued: nothing
    /// but the position has to be taken back then.
    #[inline]
    pub(crate) fn queued_entry(&self) -> Option<(Lines<'a>, LineStart)> {
        const ENTRY: [TokenKind; 4] =
            [TokenKind::Key, TokenKind::Scalar, TokenKind::Value, TokenKind::Scalar];
        let tokens = self.tokens.iter().map(|token| token.kind);
        if !(3..=4).contains(&self.tokens.len()) || !tokens.zip(ENTRY).all(|(kind, wanted)| kind == wanted) {
            return None;
        }
        let (key, scalar) = (self.tokens.front()?.start, self.tokens.get(1)?.start);
        // A `?` stands before the key otherwise.
        if key != scalar {
            return None;
        }
        let content = key.index as usize;
        let start = content - key.column as usize;
        let resume = Resume { at: content, line: key.line, line_start: start };
        let at = LineStart { line: key.line, start, content, key_end: None, resume };
        Some((Lines { text: self.text }, at))
    }

    pub(crate) fn drop_queue(&mut self) {
        self.tokens.clear();
        self.made.clear();
        self.head_is_ready = false;
        if let Some(key) = self.simple_keys.last_mut() {
            key.is_possible = false;
        }
    }

    pub(crate) fn resume_at(&mut self, at: LineStart) {
        let Resume { at: pos, line, line_start } = at.resume;
        (self.pos, self.line, self.line_start) = (pos, line, line_start);
        self.counted = (line_start, 0);
        let is_indentation = self.slice(line_start, pos).bytes().all(|b| b == b' ');
        self.newlines = u32::from(is_indentation);
        self.simple_key_allowed = true;
    }

    #[inline]
    pub(crate) fn is_indented_by(&self, column: usize) -> bool {
        usize::try_from(self.indent) == Ok(column)
    }

    #[inline]
    pub(crate) fn has_indent(&self, column: usize) -> bool {
        self.is_indented_by(column)
            || self.indents.iter().rev().any(|&indent| usize::try_from(indent) == Ok(column))
    }

    pub(crate) fn push_indent(&mut self, column: u32) {
        self.indents.push(self.indent);
        self.indent = i64::from(column);
    }

    pub(crate) fn pop_indent(&mut self) {
        self.indent = self.indents.pop().unwrap_or(-1);
    }
}
