//! The text that is being printed, with libyaml's notion of where the pen stands.

use super::analysis::{is_break, is_printable};

/// How a scalar is written, once that is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScalarStyle {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
    Folded,
}

/// Whether a long scalar may be folded at the width; keys may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Folding {
    Allowed,
    Forbidden,
}

/// The text so far and the state of the pen.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) text: String,
    /// Characters since the last line break.
    pub(crate) column: usize,
    /// The last character was white space.
    pub(crate) whitespace: bool,
    /// Nothing but indentation, `-`, `?` and `:` stands on this line.
    pub(crate) indention: bool,
    /// The indentation of a foot comment that was just written; the next line at that depth is set off by a blank one.
    pub(crate) foot_indent: Option<usize>,
    /// Folding starts beyond this column.
    width: usize,
}

/// A line break and indentation, to be copied in one go.
const BREAK_AND_SPACES: &str = "\n                                                                ";
const SPACES: &str = BREAK_AND_SPACES.split_at(1).1;

impl Writer {
    /// Starts to append to a text, which is empty or ends with a line break.
    pub(crate) fn new(text: String, width: usize) -> Self {
        Self { text, column: 0, whitespace: true, indention: true, foot_indent: None, width }
    }

    /// Appends text that holds no line break.
    #[inline]
    fn write(&mut self, text: &str) {
        self.text.push_str(text);
        self.column += characters(text);
    }

    fn write_ascii(&mut self, text: &str) {
        self.text.push_str(text);
        self.column += text.len();
    }

    #[inline]
    pub(crate) fn put(&mut self, c: char) {
        self.text.push(c);
        self.column += 1;
    }

    pub(crate) fn put_break(&mut self) {
        self.text.push('\n');
        self.column = 0;
        self.indention = true;
    }

    /// Appends a line break of the value itself, of whatever kind.
    fn write_break(&mut self, c: char) {
        self.text.push(c);
        self.column = 0;
        self.indention = true;
    }

    fn pad(&mut self, to: usize) {
        while self.column < to {
            let count = (to - self.column).min(SPACES.len());
            self.text.push_str(&SPACES[..count]);
            self.column += count;
        }
    }

    /// Goes to the start of a line of this depth, on a new line unless the pen stands before it already.
    #[inline]
    pub(crate) fn write_indent(&mut self, indent: usize) {
        let breaks = !self.indention || self.column > indent || (self.column == indent && !self.whitespace);
        if breaks && self.foot_indent.is_none() && indent < SPACES.len() {
            self.text.push_str(&BREAK_AND_SPACES[..=indent]);
            self.column = indent;
            self.indention = true;
            self.whitespace = true;
        } else {
            self.write_odd_indent(indent, breaks);
        }
    }

    fn write_odd_indent(&mut self, indent: usize, breaks: bool) {
        if breaks {
            self.put_break();
        }
        if self.foot_indent == Some(indent) {
            self.put_break();
        }
        self.pad(indent);
        self.whitespace = true;
        self.foot_indent = None;
    }

    /// Writes `-`, `?`, `:` where the pen still counts as indenting afterwards.
    #[inline]
    pub(crate) fn write_block_indicator(&mut self, indicator: char) {
        if !self.whitespace {
            self.put(' ');
        }
        self.put(indicator);
        self.whitespace = false;
    }

    /// Writes an indicator, set off by a space.
    #[inline]
    pub(crate) fn write_indicator(&mut self, indicator: &str) {
        if !self.whitespace {
            self.put(' ');
        }
        self.write_ascii(indicator);
        self.whitespace = false;
        self.indention = false;
    }

    /// Writes an opening bracket, after which no space is due.
    pub(crate) fn write_opening(&mut self, bracket: char) {
        if !self.whitespace {
            self.put(' ');
        }
        self.put(bracket);
        self.whitespace = true;
        self.indention = false;
    }

    /// Writes an indicator right behind what stands there.
    #[inline]
    pub(crate) fn write_attached(&mut self, indicator: char) {
        self.put(indicator);
        self.whitespace = false;
        self.indention = false;
    }

    /// Writes an anchor's or a tag's text.
    pub(crate) fn write_word(&mut self, text: &str) {
        self.write(text);
        self.whitespace = false;
        self.indention = false;
    }

    /// Writes text that is known to be one line of ASCII and to need no folding: numbers, `true`, `null`.
    #[inline]
    pub(crate) fn write_simple(&mut self, text: &str) {
        if !self.whitespace {
            self.put(' ');
        }
        self.write_ascii(text);
        self.whitespace = false;
        self.indention = false;
    }

    /// Writes a number's digits.
    pub(crate) fn write_integer(&mut self, value: u64, is_negative: bool) {
        let mut digits = [0u8; 20];
        let mut start = digits.len();
        let mut rest = value;
        while rest > 0 || start == digits.len() {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        if !self.whitespace {
            self.put(' ');
        }
        if is_negative {
            self.put('-');
        }
        self.write_ascii(std::str::from_utf8(&digits[start..]).unwrap_or_default());
        self.whitespace = false;
        self.indention = false;
    }

    /// Writes a plain scalar, which is one line.
    #[inline]
    pub(crate) fn write_plain(&mut self, value: &str, indent: usize, folding: Folding) {
        if value.is_empty() {
            self.indention = false;
            return;
        }
        if !self.whitespace {
            self.put(' ');
        }
        if folding == Folding::Forbidden || self.column + value.len() <= self.width {
            self.write(value);
        } else {
            self.write_words(value, indent, Quote::None);
        }
        self.whitespace = false;
        self.indention = false;
    }

    pub(crate) fn write_single_quoted(
        &mut self,
        value: &str,
        is_multiline: bool,
        indent: usize,
        folding: Folding,
    ) {
        self.write_indicator("'");
        if is_multiline {
            self.write_flowing_lines(value, indent, folding);
        } else if folding == Folding::Forbidden || self.column + value.len() <= self.width {
            self.write_word_of(value, Quote::Single);
        } else {
            self.write_words(value, indent, Quote::Single);
        }
        self.write_attached('\'');
    }

    /// Writes one line, folded at single spaces beyond the width.
    fn write_words(&mut self, value: &str, indent: usize, quote: Quote) {
        let bytes = value.as_bytes();
        let mut start = 0;
        for at in memchr::memchr_iter(b' ', bytes) {
            self.write_word_of(&value[start..at], quote);
            let is_single =
                (at == 0 || bytes[at - 1] != b' ') && bytes.get(at + 1).is_some_and(|&next| next != b' ');
            if is_single && self.column > self.width && (quote == Quote::None || at > 0) {
                self.write_indent(indent);
            } else {
                self.put(' ');
            }
            // Only where the pen stands at a line's start does this matter to the next fold.
            self.indention = false;
            start = at + 1;
        }
        self.write_word_of(&value[start..], quote);
    }

    fn write_word_of(&mut self, word: &str, quote: Quote) {
        let mut start = 0;
        if quote == Quote::Single {
            for at in memchr::memchr_iter(b'\'', word.as_bytes()) {
                self.write(&word[start..=at]);
                self.put('\'');
                start = at + 1;
            }
        }
        self.write(&word[start..]);
    }

    /// The body of a single-quoted scalar of several lines.
    fn write_flowing_lines(&mut self, value: &str, indent: usize, folding: Folding) {
        let bytes = value.as_bytes();
        let (mut spaces, mut breaks) = (false, false);
        for (at, c) in value.char_indices() {
            if c == ' ' {
                let folds = folding == Folding::Allowed
                    && !spaces
                    && self.column > self.width
                    && at > 0
                    && bytes.get(at + 1).is_some_and(|&next| next != b' ');
                if folds {
                    self.write_indent(indent);
                } else {
                    self.put(' ');
                }
                spaces = true;
            } else if is_break(c) {
                if !breaks && c == '\n' {
                    self.put_break();
                }
                if c == '\n' {
                    self.put_break();
                } else {
                    self.write_break(c);
                }
                breaks = true;
            } else {
                if breaks {
                    self.write_indent(indent);
                }
                if c == '\'' {
                    self.put('\'');
                }
                self.put(c);
                self.indention = false;
                spaces = false;
                breaks = false;
            }
        }
    }

    pub(crate) fn write_double_quoted(&mut self, value: &str, indent: usize, folding: Folding) {
        self.write_indicator("\"");
        // go-yaml looks for a byte order mark at the start of the text whichever character it stands at, so that a
        // text which starts with one is escaped altogether.
        let starts_with_mark = value.starts_with('\u{feff}');
        let bytes = value.as_bytes();
        // Where the text begins that needs no escape and is not written yet.
        let mut start = 0;
        for (at, c) in value.char_indices() {
            if starts_with_mark || c == '"' || c == '\\' || !is_printable(c) || is_break(c) {
                self.write(&value[start..at]);
                self.write_escape(c);
                start = at + c.len_utf8();
            } else if c == ' ' && folding == Folding::Allowed {
                self.write(&value[start..at]);
                start = at;
                let is_inside = at > 0 && at < bytes.len() - 1;
                if is_inside && bytes[at - 1] != b' ' && self.column > self.width {
                    self.write_indent(indent);
                    if bytes[at + 1] == b' ' {
                        self.put('\\');
                    }
                    start = at + 1;
                }
            }
        }
        self.write(&value[start..]);
        self.write_attached('"');
    }

    fn write_escape(&mut self, c: char) {
        let short = match c {
            '\0' => '0',
            '\u{07}' => 'a',
            '\u{08}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{0b}' => 'v',
            '\u{0c}' => 'f',
            '\r' => 'r',
            '\u{1b}' => 'e',
            '"' => '"',
            '\\' => '\\',
            '\u{85}' => 'N',
            '\u{a0}' => '_',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => {
                let escaped = match u32::from(c) {
                    code @ 0..=0xff => format!("\\x{code:02X}"),
                    code @ 0x100..=0xffff => format!("\\u{code:04X}"),
                    code => format!("\\U{code:08X}"),
                };
                return self.write_ascii(&escaped);
            }
        };
        self.put('\\');
        self.put(short);
    }

    /// Writes what follows `|` or `>`; the caller then ends the line.
    pub(crate) fn write_block_header(&mut self, indicator: &str, value: &str, best_indent: usize) {
        self.write_indicator(indicator);
        let starts_blank = value.starts_with(' ') || value.starts_with(is_break);
        if starts_blank
            && let Some(digit) = u32::try_from(best_indent).ok().and_then(|n| char::from_digit(n, 10))
        {
            self.write_attached(digit);
        }
        let mut from_end = value.chars().rev();
        match (from_end.next().is_some_and(is_break), from_end.next().is_none_or(is_break)) {
            (false, _) => self.write_attached('-'),
            (true, true) => self.write_attached('+'),
            (true, false) => {}
        }
    }

    /// Writes the lines of a literal block; the pen stands at the start of a line.
    pub(crate) fn write_literal(&mut self, value: &str, indent: usize) {
        self.whitespace = true;
        if memchr::memchr3(b'\r', 0xc2, 0xe2, value.as_bytes()).is_some() {
            return self.write_literal_with_odd_breaks(value, indent);
        }
        let mut rest = value;
        while !rest.is_empty() {
            let (line, more) = match memchr::memchr(b'\n', rest.as_bytes()) {
                Some(end) => (&rest[..end], Some(&rest[end + 1..])),
                None => (rest, None),
            };
            if !line.is_empty() {
                self.write_indent(indent);
                self.write(line);
                self.indention = false;
            }
            let Some(more) = more else { break };
            self.put_break();
            rest = more;
        }
    }

    fn write_literal_with_odd_breaks(&mut self, value: &str, indent: usize) {
        let mut breaks = true;
        for c in value.chars() {
            if is_break(c) {
                self.write_break(c);
                breaks = true;
            } else {
                if breaks {
                    self.write_indent(indent);
                }
                self.put(c);
                self.indention = false;
                breaks = false;
            }
        }
    }

    /// Writes the lines of a folded block; the pen stands at the start of a line.
    pub(crate) fn write_folded(&mut self, value: &str, indent: usize) {
        self.whitespace = true;
        let bytes = value.as_bytes();
        let (mut breaks, mut leading_spaces) = (true, true);
        // go-yaml looks for what follows the breaks at the start of the text, not at the line that it writes.
        let text_starts =
            value.chars().find(|&c| !is_break(c)).is_none_or(|c| matches!(c, ' ' | '\t' | '\0'));
        for (at, c) in value.char_indices() {
            if is_break(c) {
                if !breaks && !leading_spaces && c == '\n' && !text_starts {
                    self.put_break();
                }
                self.write_break(c);
                breaks = true;
            } else {
                if breaks {
                    self.write_indent(indent);
                    leading_spaces = matches!(c, ' ' | '\t');
                }
                let next_is_space = bytes.get(at + 1) == Some(&b' ');
                if !breaks && c == ' ' && !next_is_space && self.column > self.width {
                    self.write_indent(indent);
                } else {
                    self.put(c);
                }
                self.indention = false;
                breaks = false;
            }
        }
    }

    /// Writes a comment of one or more lines, each with its `#`, and ends the line.
    pub(crate) fn write_comment(&mut self, comment: &str, indent: usize) {
        let (mut breaks, mut pound) = (false, false);
        for c in comment.chars() {
            if is_break(c) {
                self.write_break(c);
                breaks = true;
                pound = false;
            } else {
                if breaks {
                    self.write_indent(indent);
                }
                if !pound {
                    if c != '#' {
                        self.put('#');
                        self.put(' ');
                    }
                    pound = true;
                }
                self.put(c);
                self.indention = false;
                breaks = false;
            }
        }
        if !breaks {
            self.put_break();
        }
        self.whitespace = true;
    }
}

/// Which quotes stand around a flowing scalar.
#[derive(Clone, Copy, PartialEq)]
enum Quote {
    None,
    Single,
}

#[inline]
fn characters(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}
