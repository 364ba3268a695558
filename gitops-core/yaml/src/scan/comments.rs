//! Comments, gathered as go-yaml v3 gathers them: which token one belongs to is decided by blank lines, indentation and
//! the tokens before it.

use std::borrow::Cow;

use super::{Comment, CommentKind, Mark, Scanner, TokenKind, index};

/// How far behind a token go-yaml looks for a comment, in bytes.
const LOOKAHEAD: usize = 512;

impl<'a> Scanner<'a> {
    /// Takes the comment that follows on the line; it belongs to the token that starts at `token`.
    pub(super) fn scan_line_comment(&mut self, token: Mark) {
        if self.newlines > 0 {
            return;
        }
        let mut at = self.pos;
        while self.is_blank(at) && at - self.pos < LOOKAHEAD {
            at += 1;
        }
        if self.byte(at) != b'#' || at - self.pos >= LOOKAHEAD {
            return;
        }
        self.pos = at;
        let start = self.mark();
        self.pos = self.line_end(at);
        let text = Cow::Borrowed(self.slice(at, self.pos));
        let (scan, end) = (Mark::default(), Mark::default());
        self.comments.push_back(Comment { scan, token, start, end, kind: CommentKind::Line, text });
    }

    /// Turns the line comment of a sequence's first `-` into a head comment of what the item holds:
    ///
    /// ```yaml
    /// - # The comment
    ///   - Some data
    /// ```
    pub(super) fn move_line_comment_of_entry(&mut self) {
        let mut last = self.tokens.iter().rev().map(|token| token.kind);
        if last.next() != Some(TokenKind::BlockEntry) || last.next() != Some(TokenKind::BlockSequenceStart) {
            return;
        }
        if self.is_break(self.pos) {
            return;
        }
        let mark = self.mark();
        let Some(comment) = self.comments.back_mut() else { return };
        if comment.kind != CommentKind::Line {
            return;
        }
        comment.kind = CommentKind::Head;
        if comment.start.line + 1 == mark.line {
            comment.token = mark;
        }
    }

    /// Reads the comment lines at the current position and splits them into feet of what stands before and a head of
    /// what follows.
    pub(super) fn scan_comments(&mut self, scan_start: Mark) {
        let mut before = self.tokens.back();
        if before.is_some_and(|token| token.kind == TokenKind::FlowEntry) && self.tokens.len() > 1 {
            before = self.tokens.get(self.tokens.len() - 2);
        }
        let (before_kind, mut token) =
            before.map_or((TokenKind::StreamStart, Mark::default()), |t| (t.kind, t.start));
        let mut scan = scan_start;
        let mut start = Mark::default();
        let next_indent = self.indent.max(0);
        let mut recent_empty = false;
        let mut first_empty = self.newlines <= 1;
        let here = self.mark();
        let mut line = here.line;
        let mut column = here.column;
        let mut text: Cow<'a, str> = Cow::Borrowed("");

        // A comment that starts on this line is still a foot of the content before it: the line below the content.
        let foot_line = (scan_start.line > 0).then(|| {
            let below = i64::from(line) - i64::from(self.newlines) + 1;
            if self.newlines == 0 && column > 1 { below + 1 } else { below }
        });
        let is_dedented = |start: Mark| i64::from(start.column) - 1 < next_indent;

        let mut peek = 0;
        while peek < LOOKAHEAD {
            column += 1;
            let at = self.pos + peek;
            if self.is_blank(at) {
                peek += 1;
                continue;
            }
            let byte = self.byte(at);
            let closes_flow = self.flow_level > 0 && matches!(byte, b']' | b'}');
            if closes_flow || self.is_breakz(at) {
                if closes_flow || !recent_empty {
                    let is_foot = first_empty
                        && ((Some(i64::from(start.line)) == foot_line && before_kind != TokenKind::Value)
                            || is_dedented(start));
                    if closes_flow || is_foot {
                        // There was no blank line before, or the flow collection ends: a foot, not a head.
                        if !text.is_empty() {
                            if is_dedented(start) {
                                token = start;
                            }
                            let end = Mark { index: index(at), line, column };
                            self.push_foot(scan, token, start, end, &mut text);
                            (scan, token) = (end, end);
                        }
                    } else if !text.is_empty() && byte != 0 {
                        text.to_mut().push('\n');
                    }
                }
                if !self.is_break(at) {
                    break;
                }
                first_empty = false;
                recent_empty = true;
                column = 0;
                line += 1;
                peek += 1;
                continue;
            }
            if !text.is_empty()
                && (closes_flow || (i64::from(column) - 1 < next_indent && column != start.column))
            {
                // A change of indentation parts a foot from a head.
                let end = Mark { index: index(at), line, column };
                self.push_foot(scan, token, start, end, &mut text);
                (scan, token) = (end, end);
            }
            if byte != b'#' {
                break;
            }
            if text.is_empty() {
                start = Mark { index: index(at), line, column };
            } else {
                text.to_mut().push('\n');
            }
            recent_empty = false;

            while self.pos < at {
                if self.is_break(self.pos) {
                    self.skip_line();
                } else {
                    self.pos += 1;
                }
            }
            self.pos = self.line_end(at);
            self.newlines = 0;
            let comment = self.slice(at, self.pos);
            if text.is_empty() {
                text = Cow::Borrowed(comment);
            } else {
                text.to_mut().push_str(comment);
            }
            // The line break itself is passed over; the line is counted at the next break only, as in go-yaml.
            peek = 1;
            column = 0;
            line = self.line;
        }
        if !text.is_empty() {
            let end = Mark { index: index((self.pos + peek).saturating_sub(1)), line, column };
            self.comments.push_back(Comment {
                scan,
                token: start,
                start,
                end,
                kind: CommentKind::Head,
                text,
            });
        }
    }

    fn push_foot(&mut self, scan: Mark, token: Mark, start: Mark, end: Mark, text: &mut Cow<'a, str>) {
        let text = std::mem::take(text);
        self.comments.push_back(Comment { scan, token, start, end, kind: CommentKind::Foot, text });
    }

    /// Moves the end of a block collection before comments that stand in its column, so that they become feet within
    /// it.
    pub(super) fn close_before_foot_comments(&self, block_end: &mut Mark) {
        let mut stop = block_end.index;
        for comment in self.comments.iter().rev() {
            if comment.end.index < stop {
                break;
            }
            if i64::from(comment.start.column) == self.indent + 1 {
                *block_end = comment.start;
            }
            stop = comment.scan.index;
        }
    }
}
