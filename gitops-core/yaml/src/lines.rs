//! The fast way over plain lines: `key: value`, `key:` and `- item`, without comments, anchors, tags and folding.
//!
//! Most lines of most manifests are such. They are composed straight from the text, past tokens and events. Scanner and
//! parser keep their stacks in step, so that they go on wherever a line is not plain; they also get every line that is
//! followed by anything but a line with content, because a comment there may belong to it.

use crate::compose::Composer;
use crate::parse::Block;
use crate::scan::class::{self, BLANK, BREAK, COLON, FLOW, KEY, QUOTE, WORD};
use crate::scan::{Mark, index};
use crate::{Error, Node, Style};

/// Longer keys are left to the scanner, which knows how long a key may be.
const MAX_KEY: usize = 1000;

/// Where a line's content begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineStart {
    pub(crate) line: u32,
    /// The index of the line's first byte.
    pub(crate) start: usize,
    /// The index of the first byte of the content.
    pub(crate) content: usize,
    /// Where the key ends that the content begins with, if that is known already.
    pub(crate) key_end: Option<usize>,
    /// Where the scanner would go on: the end of the line before, unless a plain scalar ended there, which takes the
    /// break and the indentation with it. The ends of blocks are placed there.
    pub(crate) resume: Resume,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Resume {
    pub(crate) at: usize,
    pub(crate) line: u32,
    pub(crate) line_start: usize,
}

impl LineStart {
    fn column(self) -> usize {
        self.content - self.start
    }

    fn mark(self, at: usize) -> Mark {
        Mark { index: index(at), line: self.line, column: index(at - self.start) }
    }
}

/// What stands behind a `key:` or a `-`.
#[derive(Clone, Copy, Debug)]
enum Value {
    /// A scalar's text and where it begins with its quotes.
    Scalar { start: usize, text: (usize, usize), style: Style },
    /// `[]` or `{}`.
    Empty { start: usize, is_mapping: bool },
}

impl Value {
    fn is_plain(self) -> bool {
        matches!(self, Self::Scalar { style: Style::Default, .. })
    }
}

/// The text that lines are taken from; all its line breaks are `\n`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines<'a> {
    pub(crate) text: &'a str,
}

impl Lines<'_> {
    fn byte(self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or(0)
    }

    /// Counts the bytes from `at` that are of none of the classes.
    fn run(self, at: usize, classes: u16) -> usize {
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        rest.iter().position(|&b| class::is(b, classes)).unwrap_or(rest.len())
    }

    fn spaces(self, at: usize) -> usize {
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        rest.iter().position(|&b| b != b' ').unwrap_or(rest.len())
    }

    /// Returns the line behind `this` one, which breaks at `end`, if it has content that is no comment and no document
    /// marker.
    fn next(self, this: LineStart, end: usize, is_plain: bool) -> Option<LineStart> {
        let start = end + 1;
        let content = start + self.spaces(start);
        match self.byte(content) {
            0 | b'\n' | b'#' | b'\t' => None,
            b'-' | b'.' | b'%' if content == start && self.byte(content + 1) != b' ' => None,
            _ => {
                let line = this.line + 1;
                let resume = if is_plain {
                    Resume { at: content, line, line_start: start }
                } else {
                    Resume { at: end, line: this.line, line_start: this.start }
                };
                Some(LineStart { line, start, content, key_end: None, resume })
            }
        }
    }

    /// Returns where the plain key at `at` ends, at its `:`.
    fn key(self, at: usize) -> Option<usize> {
        let rest = self.text.as_bytes().get(at..)?;
        let length = rest.iter().position(|&b| !class::is(b, KEY))?;
        let is_key = length > 0
            && length <= MAX_KEY
            && self.byte(at) != b'-'
            && self.byte(at + length) == b':'
            && matches!(self.byte(at + length + 1), b' ' | b'\n');
        is_key.then_some(at + length)
    }

    fn is_entry(self, at: usize) -> bool {
        self.byte(at) == b'-' && matches!(self.byte(at + 1), b' ' | b'\n' | b'\t' | 0)
    }

    /// Returns the value that begins at `at` and ends its line, and where it ends.
    fn value(self, at: usize) -> Option<(Value, usize)> {
        let first = self.byte(at);
        if first == b'"' || first == b'\'' {
            return self.quoted(at, first);
        }
        if matches!((first, self.byte(at + 1), self.byte(at + 2)), (b'{', b'}', b'\n') | (b'[', b']', b'\n'))
        {
            return Some((Value::Empty { start: at, is_mapping: first == b'{' }, at + 2));
        }
        let starts = match first {
            b'-' => class::is(self.byte(at + 1), WORD),
            b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'%' | b'@' | b'`' | 0 => false,
            _ => !class::is(first, BLANK | BREAK | COLON | FLOW | QUOTE),
        };
        if !starts {
            return None;
        }
        let mut end = at;
        loop {
            end += self.run(end, BLANK | BREAK | COLON);
            let next = self.byte(end + 1);
            match self.byte(end) {
                b'\n' => break,
                // Blank space inside the text, neither before a comment nor at the end.
                b' ' if !class::is(next, BLANK | BREAK | COLON) && next != b'#' && next != 0 => end += 2,
                b':' if !class::is(next, BLANK | BREAK) && next != 0 => end += 1,
                _ => return None,
            }
        }
        Some((Value::Scalar { start: at, text: (at, end), style: Style::Default }, end))
    }

    fn quoted(self, at: usize, quote: u8) -> Option<(Value, usize)> {
        let mut end = at + 1;
        loop {
            end += self.run(end, QUOTE | BREAK);
            match self.byte(end) {
                b if b == quote => break,
                b'"' | b'\'' => end += 1,
                b'\\' if quote == b'\'' => end += 1,
                _ => return None,
            }
        }
        let style = if quote == b'"' { Style::DoubleQuoted } else { Style::SingleQuoted };
        let value = Value::Scalar { start: at, text: (at + 1, end), style };
        (self.byte(end + 1) == b'\n').then_some((value, end + 1))
    }
}

impl Composer<'_> {
    /// Composes the plain lines that come next, if a block mapping's key does.
    pub(crate) fn compose_plain_lines(&mut self) -> Result<(), Error> {
        let Some((lines, mut at)) = self.parser.plain_lines()? else { return Ok(()) };
        let mut is_any = false;
        while let Some(next) = self.compose_line(lines, at, !is_any)? {
            is_any = true;
            at = next;
        }
        if is_any {
            self.parser.resume_at(at);
        }
        Ok(())
    }

    /// Composes one line and returns the next one; `None` where it is left to the scanner, and nothing was changed.
    #[inline]
    fn compose_line(
        &mut self,
        lines: Lines<'_>,
        at: LineStart,
        is_first: bool,
    ) -> Result<Option<LineStart>, Error> {
        if !is_first && !self.close_deeper_blocks(lines, at) {
            return Ok(None);
        }
        match self.parser.block() {
            Some(Block::Mapping) => self.compose_entry(lines, at, is_first),
            Some(Block::Sequence | Block::IndentlessSequence) if !is_first => self.compose_item(lines, at),
            _ => Ok(None),
        }
    }

    /// Ends the collections that the line is not part of. Returns whether it is part of the one that is left.
    fn close_deeper_blocks(&mut self, lines: Lines<'_>, at: LineStart) -> bool {
        let column = at.column();
        if !self.parser.has_block_at(column) {
            return false;
        }
        loop {
            let is_entry = lines.is_entry(at.content);
            let is_part = self.parser.is_block_at(column)
                && match self.parser.block() {
                    Some(Block::Mapping) => !is_entry,
                    Some(Block::Sequence | Block::IndentlessSequence) => is_entry,
                    None => return false,
                };
            if is_part {
                return true;
            }
            // A sequence in the column of its key ends where an entry of the mapping follows; all others must not end in
            // their own column.
            let may_end =
                !self.parser.is_block_at(column) || self.parser.block() == Some(Block::IndentlessSequence);
            if !may_end || !self.parser.close_block() {
                return false;
            }
            self.close_collection();
        }
    }

    /// Composes `key: value` or `key:`.
    fn compose_entry(
        &mut self,
        lines: Lines<'_>,
        at: LineStart,
        is_first: bool,
    ) -> Result<Option<LineStart>, Error> {
        let Some(key_end) = at.key_end.or_else(|| lines.key(at.content)) else { return Ok(None) };
        if lines.byte(key_end + 1) == b'\n' {
            return self.compose_nested(lines, at, key_end, is_first);
        }
        let start = key_end + 1 + lines.spaces(key_end + 1);
        let Some((value, end)) = lines.value(start) else { return Ok(None) };
        let Some(next) = lines.next(at, end, value.is_plain()) else { return Ok(None) };
        // A deeper line would go on with the value.
        if next.column() > at.column() {
            return Ok(None);
        }
        self.begin(is_first);
        self.push_slice(lines, at, at.content, (at.content, key_end), Style::Default)?;
        self.push_value(lines, at, value)?;
        Ok(Some(next))
    }

    /// Composes `key:` with the collection below it.
    fn compose_nested(
        &mut self,
        lines: Lines<'_>,
        at: LineStart,
        key_end: usize,
        is_first: bool,
    ) -> Result<Option<LineStart>, Error> {
        let Some(mut next) = lines.next(at, key_end + 1, false) else { return Ok(None) };
        let is_deeper = next.column() > at.column();
        let block = match (lines.is_entry(next.content), is_deeper) {
            (true, true) => Block::Sequence,
            (true, false) if next.column() == at.column() => Block::IndentlessSequence,
            (false, true) => {
                next.key_end = lines.key(next.content);
                if next.key_end.is_none() {
                    return Ok(None);
                }
                Block::Mapping
            }
            _ => return Ok(None),
        };
        if !self.may_nest() {
            return Ok(None);
        }
        self.begin(is_first);
        self.push_slice(lines, at, at.content, (at.content, key_end), Style::Default)?;
        self.open_block(block, next.mark(next.content))?;
        Ok(Some(next))
    }

    /// Composes `- value`, or the beginning of `- key: value`.
    fn compose_item(&mut self, lines: Lines<'_>, at: LineStart) -> Result<Option<LineStart>, Error> {
        if !lines.is_entry(at.content) {
            return Ok(None);
        }
        let start = at.content + 1 + lines.spaces(at.content + 1);
        let key_end = lines.key(start);
        if key_end.is_some() {
            if !self.may_nest() {
                return Ok(None);
            }
            self.open_block(Block::Mapping, at.mark(start))?;
            let resume = Resume { at: start, line: at.line, line_start: at.start };
            return Ok(Some(LineStart { content: start, key_end, resume, ..at }));
        }
        let Some((value, end)) = lines.value(start) else { return Ok(None) };
        let Some(next) = lines.next(at, end, value.is_plain()) else { return Ok(None) };
        if next.column() > at.column() {
            return Ok(None);
        }
        self.push_value(lines, at, value)?;
        Ok(Some(next))
    }

    /// Takes the place of scanner and parser before the first line is composed.
    #[inline]
    fn begin(&mut self, is_first: bool) {
        if is_first {
            self.parser.drop_queue();
        }
    }

    fn open_block(&mut self, block: Block, mark: Mark) -> Result<(), Error> {
        self.parser.open_block(block, mark);
        self.open_collection(mark, Style::Default, block == Block::Mapping)
    }

    fn push_value(&mut self, lines: Lines<'_>, at: LineStart, value: Value) -> Result<(), Error> {
        match value {
            Value::Scalar { start, text, style } => self.push_slice(lines, at, start, text, style),
            Value::Empty { start, is_mapping } => {
                let node = if is_mapping { Node::mapping(Vec::new()) } else { Node::sequence(Vec::new()) };
                self.push_node(node, at.mark(start), Style::Flow)
            }
        }
    }

    #[inline]
    fn push_slice(
        &mut self,
        lines: Lines<'_>,
        at: LineStart,
        start: usize,
        text: (usize, usize),
        style: Style,
    ) -> Result<(), Error> {
        let text = lines.text.get(text.0..text.1).unwrap_or_default();
        self.push_node(Node::plain(text), at.mark(start), style)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::compose::Composer;
    use crate::scan::Input;
    use crate::{FileId, ReadOptions};

    fn read(text: &str, options: &ReadOptions, uses_plain_lines: bool) -> String {
        let input = Input::decode(text.as_bytes());
        let mut composer = Composer::new(&input, FileId::NONE, options);
        composer.uses_plain_lines = uses_plain_lines;
        let mut shown = String::new();
        loop {
            match composer.next_document() {
                Ok(Some(composed)) => shown.push_str(&format!("{:?}\n", composed.document)),
                Ok(None) => return shown,
                Err(error) => return format!("{shown}{error}"),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn both_ways_compose_the_same(
            lines in proptest::collection::vec(
                (
                    prop::sample::select(vec!["", "", "  ", "  ", "    ", "    ", "   ", "      "]),
                    prop::sample::select(vec![
                        "a: b", "a: b", "key:", "key:", "- x", "- k: v", "- k:", "-", "- - x", "c: 'd'", "c: \"d\"",
                        "e: {}", "e: []", "f: |", "f: >-", "g: a b: c", "g: a #b", "# c", "h: i # j", "", "? k", ": v",
                        "k: &a b", "k: *a", "---", "a.b/c: d:e", "text", "é: ü", "- ", "k: \"q\" x", "\tt: 1", "a : b",
                    ]),
                ),
                1..12,
            )
        ) {
            let text: String = lines.iter().map(|(indent, line)| format!("{indent}{line}\n")).collect();
            for options in [ReadOptions::v3(), ReadOptions::yaml11()] {
                prop_assert_eq!(read(&text, &options, true), read(&text, &options, false), "{}", text);
            }
        }
    }
}
