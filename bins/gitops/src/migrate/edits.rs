//! Takes fields out of a text and puts others in their place; every other byte stays.

use gitops_yaml::{Dialect, Entry, Node, PrintOptions, SequenceIndent, Style, print_v3, to_json};
use std::ops::Range;

/// What there is to say of a line, counted from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Remark {
    pub(super) line: usize,
    pub(super) what: String,
}

/// Changes of one text.
#[derive(Debug)]
pub(super) struct Edits<'t> {
    text: &'t str,
    /// Where each line begins, and where the text ends.
    starts: Vec<usize>,
    changes: Vec<(Range<usize>, String)>,
    pub(super) done: Vec<Remark>,
    /// What a person has to change.
    pub(super) left: Vec<Remark>,
}

/// A field of a mapping, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'n> {
    pub(super) mapping: &'n Node,
    pub(super) entry: &'n Entry,
}

impl<'n> Field<'n> {
    pub(super) fn of(mapping: &'n Node, name: &str) -> Option<Self> {
        let entry = mapping.entries()?.iter().find(|entry| entry.key.as_str() == Some(name))?;
        Some(Self { mapping, entry })
    }

    pub(super) fn value(&self) -> &'n Node {
        &self.entry.value
    }

    pub(super) fn is_in_flow(&self) -> bool {
        self.mapping.style == Style::Flow
    }
}

impl<'t> Edits<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let mut starts: Vec<usize> = std::iter::once(0).chain(breaks).collect();
        if starts.last() != Some(&text.len()) {
            starts.push(text.len());
        }
        Self { text, starts, changes: Vec::new(), done: Vec::new(), left: Vec::new() }
    }

    pub(super) fn say(&mut self, node: &Node, what: impl Into<String>) {
        self.done.push(Remark { line: line_of(node) + 1, what: what.into() });
    }

    pub(super) fn leave(&mut self, node: &Node, what: impl Into<String>) {
        self.left.push(Remark { line: line_of(node) + 1, what: what.into() });
    }

    /// The line break of the text.
    pub(super) fn newline(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    /// Returns a line with its break; empty where there is none.
    pub(super) fn line(&self, line: usize) -> &'t str {
        match (self.starts.get(line), self.starts.get(line + 1)) {
            (Some(&start), Some(&end)) => self.text.get(start..end).unwrap_or_default(),
            _ => "",
        }
    }

    /// Returns where a node begins in the text.
    pub(super) fn offset(&self, node: &Node) -> Option<usize> {
        let line = self.line(line_of(node));
        let column = column_of(node);
        let within = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
        node.place.is_known().then(|| self.starts.get(line_of(node)).map(|start| start + within))?
    }

    /// Returns the lines of a field in block style, from its key's to the last that is part of its value; `None` where other
    /// text stands before the key.
    pub(super) fn lines_of(&self, field: &Field<'_>) -> Option<Range<usize>> {
        let (line, column) = (line_of(&field.entry.key), column_of(&field.entry.key));
        let is_alone = !field.is_in_flow() && self.line(line).chars().take(column).all(|c| c == ' ');
        let is_list = field.value().is_sequence();
        is_alone.then(|| line..self.end_of(line, column, is_list))
    }

    /// Returns the line behind what stands deeper than a column, and where a list may stand there too its items. Blank lines
    /// and comments at the end are left to what follows.
    pub(super) fn end_of(&self, line: usize, column: usize, is_list: bool) -> usize {
        let mut end = line + 1;
        let mut next = end;
        while next + 1 < self.starts.len() {
            let text = self.line(next);
            let content = text.trim_start_matches(' ');
            let depth = text.len() - content.len();
            let is_item =
                is_list && depth == column && (content.starts_with("- ") || content.trim_end() == "-");
            let is_blank = content.trim().is_empty();
            let is_comment = content.starts_with('#');
            if !(is_blank || is_item || depth > column || is_comment && is_list && depth == column) {
                break;
            }
            next += 1;
            let is_behind = is_blank || is_comment && depth <= column;
            if !is_behind {
                end = next;
            }
        }
        end
    }

    /// Puts a text in place of lines.
    pub(super) fn put(&mut self, lines: Range<usize>, text: String) {
        let at = |line: usize| self.starts.get(line).copied().unwrap_or(self.text.len());
        let range = at(lines.start)..at(lines.end);
        self.changes.push((range, text));
    }

    /// Puts a text in place of bytes.
    pub(super) fn put_bytes(&mut self, bytes: Range<usize>, text: impl Into<String>) {
        self.changes.push((bytes, text.into()));
    }

    /// Puts another text where a node's begins.
    pub(super) fn swap(&mut self, node: &Node, old: &str, new: &str) -> bool {
        let Some(start) = self.offset(node) else { return false };
        let Some(from) = self.text.get(start..) else { return false };
        let from = from.split('\n').next().unwrap_or_default();
        let Some(at) = from.find(old).filter(|at| *at <= 1) else { return false };
        self.put_bytes(start + at..start + at + old.len(), new);
        true
    }

    /// Returns a scalar on one line as it is written, with its quotes.
    pub(super) fn raw_scalar(&self, node: &Node) -> Option<&'t str> {
        let value = node.as_str()?;
        let from = self.text.get(self.offset(node)?..)?;
        let quoted =
            |quote: char| from.strip_prefix(quote)?.strip_prefix(value)?.starts_with(quote).then_some(2);
        let quotes = match node.style {
            Style::SingleQuoted => quoted('\'')?,
            Style::DoubleQuoted => quoted('"')?,
            _ => 0,
        };
        let raw = from.get(..value.len() + quotes)?;
        (quotes > 0 || raw == value).then_some(raw)
    }

    /// Puts another key in place of a field's.
    pub(super) fn rename(&mut self, field: &Field<'_>, name: &str) -> bool {
        let old = field.entry.key.as_str().unwrap_or_default();
        self.swap(&field.entry.key, old, name)
    }

    /// Takes a field away; returns whether that could be done.
    pub(super) fn remove(&mut self, field: &Field<'_>) -> bool {
        self.replace(field, &[])
    }

    /// Puts other fields in a field's place; returns whether that could be done.
    pub(super) fn replace(&mut self, field: &Field<'_>, fields: &[(&str, Node)]) -> bool {
        if field.is_in_flow() {
            let Some(range) = self.flow_range(field, fields.is_empty()) else { return false };
            let is_quoted = field.entry.key.style != Style::Default;
            let shown: Vec<String> = fields
                .iter()
                .map(|(name, value)| {
                    let value = match value.scalar() {
                        Some(text) if !is_quoted && is_plain_word(text) => text.to_string(),
                        _ => to_json(value, Dialect::Yaml11).unwrap_or_default().trim_end().to_owned(),
                    };
                    if is_quoted { format!("\"{name}\": {value}") } else { format!("{name}: {value}") }
                })
                .collect();
            self.put_bytes(range, shown.join(", "));
            return true;
        }
        let Some(lines) = self.lines_of(field) else { return false };
        let indent = column_of(&field.entry.key);
        let text: String =
            fields.iter().map(|(name, value)| self.shown(indent, name, value.clone())).collect();
        self.put(lines, text);
        true
    }

    /// Prints a field in block style behind so many blanks.
    pub(super) fn shown(&self, indent: usize, name: &str, value: Node) -> String {
        let entry = Entry { key: Node::string(name), value };
        self.indented(indent, &self.print(&Node::mapping(vec![entry])))
    }

    /// Prints a node in the text's own form of lists.
    pub(super) fn print(&self, node: &Node) -> String {
        let options = PrintOptions::kyaml().with_sequences(SequenceIndent::of(self.text));
        print_v3(node, &options).unwrap_or_default()
    }

    /// Moves lines to the right, and gives them the text's line breaks.
    pub(super) fn indented(&self, indent: usize, text: &str) -> String {
        let blanks = " ".repeat(indent);
        text.lines()
            .map(|line| {
                let line = line.trim_end_matches('\r');
                if line.trim().is_empty() {
                    self.newline().to_owned()
                } else {
                    format!("{blanks}{line}{}", self.newline())
                }
            })
            .collect()
    }

    /// Returns the bytes of a field in flow style; with the comma that goes with it.
    fn flow_range(&self, field: &Field<'_>, with_comma: bool) -> Option<Range<usize>> {
        let start = self.offset(&field.entry.key)?;
        let value = self.offset(field.value()).unwrap_or(start).max(start);
        let end = flow_end(self.text, value)?;
        let kept = self.text.get(start..end)?.trim_end().len();
        if !with_comma {
            return Some(start..start + kept);
        }
        let rest = self.text.get(end..)?;
        if let Some(after) = rest.strip_prefix(',') {
            let blanks = after.len() - after.trim_start_matches([' ', '\t']).len();
            return Some(start..end + 1 + blanks);
        }
        let before = self.text.get(..start)?.trim_end();
        let begins = before.strip_suffix(',').map_or(start, |before| before.trim_end().len());
        Some(begins..start + kept)
    }

    /// Returns the changed text; `None` where changes overlap.
    pub(super) fn text(&self) -> Option<String> {
        let mut changes: Vec<&(Range<usize>, String)> = self.changes.iter().collect();
        changes.sort_by_key(|(range, _)| (range.start, range.end));
        changes.dedup();
        let mut text = String::with_capacity(self.text.len());
        let mut at = 0;
        for (range, new) in changes {
            text.push_str(self.text.get(at..range.start)?);
            text.push_str(new);
            at = range.end;
        }
        text.push_str(self.text.get(at..)?);
        Some(text)
    }
}

/// Finds the comma or bracket that ends a value in flow style.
fn flow_end(text: &str, start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut rest = text.get(start..)?.char_indices();
    let mut before = ' ';
    while let Some((at, c)) = rest.next() {
        match c {
            '\'' | '"' if !before.is_alphanumeric() => {
                let mut is_escaped = false;
                // A doubled single quote ends one text and begins the next.
                rest.find(|(_, inner)| {
                    let ends = *inner == c && !is_escaped;
                    is_escaped = c == '"' && *inner == '\\' && !is_escaped;
                    ends
                })?;
                before = '"';
                continue;
            }
            '[' | '{' => depth += 1,
            ']' | '}' if depth > 0 => depth -= 1,
            ',' | ']' | '}' if depth == 0 => return Some(start + at),
            '#' if before.is_whitespace() => {
                rest.find(|(_, inner)| *inner == '\n')?;
                before = '\n';
                continue;
            }
            _ => {}
        }
        before = c;
    }
    None
}

/// Whether a text can stand in flow style without quotes, and is text there.
fn is_plain_word(text: &str) -> bool {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(is_of_word)
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
        )
}

/// A node's line, from 0.
pub(super) fn line_of(node: &Node) -> usize {
    usize::try_from(node.place.line.saturating_sub(1)).unwrap_or(0)
}

/// A node's column in characters, from 0.
pub(super) fn column_of(node: &Node) -> usize {
    usize::try_from(node.place.column.saturating_sub(1)).unwrap_or(0)
}
