//! Writes changed data into a text that keeps everything else as it is: comments, blank lines, quotes, the order and the
//! indentation of what did not change.
//!
//! The text is taken apart by lines, since a mapping's entries and a sequence's items in block style own whole lines.
//! What can't be taken apart that way is printed anew; at the end the text is read again and must hold the data.

use std::collections::{BTreeMap, VecDeque};

use gitops_yaml::{
    Dialect, Edits, Entry, FileId, Kind, Node, PrintOptions, ReadOptions, SequenceIndent, Style, print_v3,
    read_document,
};

use super::shape::{is_zero, same};
use crate::read::read_config;

/// Returns the text with this data, which is a mapping.
pub(super) fn rewrite(text: &str, wanted: &Node) -> String {
    let printer = Printer { sequences: SequenceIndent::of(text) };
    let anew = || printer.print(wanted);
    let (Ok(Some(document)), Ok(Some(data))) = (
        read_document(text.as_bytes(), FileId::NONE, &ReadOptions::v3().without_comments()),
        read_config(text.as_bytes(), FileId::NONE),
    ) else {
        // Nothing but comments, which stay.
        return format!(
            "{text}{}{}",
            if text.is_empty() || text.ends_with('\n') { "" } else { "\n" },
            anew()
        );
    };
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let writer = Writer { text, lines: &lines, printer };
    let all = Span { start: 0, end: lines.len() };
    let written = writer.mapping(all, &document.root, &data, wanted);
    let is_right = |text: &String| {
        read_config(text.as_bytes(), FileId::NONE)
            .is_ok_and(|node| node.is_some_and(|node| same(&node, wanted)))
    };
    written.filter(is_right).unwrap_or_else(anew)
}

/// Lines of the text.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
}

/// An entry or an item: its own lines, and the comments and blank lines behind it.
struct Piece {
    own: Span,
    behind: Span,
}

#[derive(Clone, Copy)]
struct Printer {
    sequences: SequenceIndent,
}

impl Printer {
    fn print(&self, node: &Node) -> String {
        let options = PrintOptions::kyaml().with_sequences(self.sequences);
        print_v3(node, &options).unwrap_or_default()
    }

    /// Prints `key: value` behind so many spaces.
    fn entry(&self, indent: usize, key: &str, value: Node) -> String {
        let entry = Entry { key: Node::string(key), value };
        indented(indent, &self.print(&Node::mapping(vec![entry])))
    }

    /// Prints an item of a sequence whose dashes stand behind so many spaces.
    fn item(&self, indent: usize, item: &Node) -> String {
        indented(indent, &self.print(&Node::sequence(vec![item.clone()])))
    }
}

fn indented(indent: usize, text: &str) -> String {
    let blanks = " ".repeat(indent);
    let line = |line: &str| if line.trim().is_empty() { line.to_owned() } else { format!("{blanks}{line}") };
    text.split_inclusive('\n').map(line).collect()
}

struct Writer<'t> {
    text: &'t str,
    lines: &'t [&'t str],
    printer: Printer,
}

impl Writer<'_> {
    fn show(&self, span: Span) -> String {
        self.lines.get(span.start..span.end).unwrap_or_default().concat()
    }

    /// Parts the lines at the given first lines; comments that stand no deeper than `indent` belong to what follows.
    fn pieces(&self, span: Span, starts: &[usize], indent: usize) -> Option<Vec<Piece>> {
        let ordered = starts.windows(2).all(|pair| pair[0] < pair[1]);
        if !ordered || starts.first().is_some_and(|first| *first < span.start) {
            return None;
        }
        let ends = starts.iter().skip(1).copied().chain([span.end]);
        let pieces = starts.iter().zip(ends).map(|(&start, end)| {
            let is_behind = |line: &&str| {
                let trimmed = line.trim_start_matches(' ');
                let depth = line.len() - trimmed.len();
                trimmed.trim().is_empty() || (trimmed.starts_with('#') && depth <= indent)
            };
            let behind = self
                .lines
                .get(start + 1..end)
                .unwrap_or_default()
                .iter()
                .rev()
                .take_while(|l| is_behind(l))
                .count();
            let middle = end - behind;
            Piece { own: Span { start, end: middle }, behind: Span { start: middle, end } }
        });
        Some(pieces.collect())
    }

    /// Rewrites the lines of a mapping in block style; `None` where they can't be taken apart.
    fn mapping(&self, span: Span, raw: &Node, data: &Node, wanted: &Node) -> Option<String> {
        let (entries, wanted) = (raw.entries()?, wanted.entries()?);
        let first = entries.first()?;
        let indent = usize::try_from(first.key.place.column).ok()?.checked_sub(1)?;
        let is_plain = |entry: &Entry| {
            entry.key.place.column == first.key.place.column
                && entry.key.as_str().is_some_and(|key| key != "<<")
        };
        if raw.style == Style::Flow || raw.anchor().is_some() || !entries.iter().all(is_plain) {
            return None;
        }
        let pieces = self.pieces(span, &lines_of(entries.iter().map(|entry| &entry.key))?, indent)?;
        let mut text = self.show(Span { start: span.start, end: pieces.first()?.own.start });
        let mut last_behind = String::new();
        for (entry, piece) in entries.iter().zip(&pieces) {
            let key = entry.key.as_str()?;
            text.push_str(&std::mem::replace(&mut last_behind, self.show(piece.behind)));
            let Some(now) = wanted.iter().find(|other| other.key.as_str() == Some(key)) else { continue };
            let before = data.get(key)?;
            if same(before, &now.value) {
                text.push_str(&ended(self.show(piece.own)));
            } else {
                text.push_str(&self.value(piece.own, indent, entry, before, &now.value));
            }
        }
        let is_new = |entry: &&Entry| !entries.iter().any(|old| old.key.as_str() == entry.key.as_str());
        let added: String = wanted
            .iter()
            .filter(is_new)
            .map(|entry| {
                self.printer.entry(indent, entry.key.as_str().unwrap_or_default(), entry.value.clone())
            })
            .collect();
        // At the end of a file comments stay before what is added; deeper they belong to what follows.
        match (added.is_empty(), indent) {
            (true, _) => text.push_str(&last_behind),
            (false, 0) => {
                let comments = last_behind.trim_end();
                text.push_str(&ended(comments.to_owned()));
                text.push_str(&added);
            }
            (false, _) => {
                text.push_str(&added);
                text.push_str(&last_behind);
            }
        }
        Some(text)
    }

    /// Rewrites the lines of one entry whose value changed.
    fn value(&self, own: Span, indent: usize, entry: &Entry, before: &Node, now: &Node) -> String {
        let key = entry.key.as_str().unwrap_or_default();
        let below = Span { start: own.start + 1, end: own.end };
        let is_below = entry.value.place.line > entry.key.place.line;
        let head = || self.show(Span { start: own.start, end: own.start + 1 });
        let kept = if entry.value.is_scalar() && now.is_scalar() {
            self.scalar(own, indent, entry, now)
        } else if is_below && now.is_mapping() {
            self.mapping(below, &entry.value, before, now).map(|text| head() + &text)
        } else if is_below && now.is_sequence() {
            self.sequence(below, &entry.value, before, now).map(|text| head() + &text)
        } else {
            None
        };
        kept.unwrap_or_else(|| self.printer.entry(indent, key, like(&entry.value, now)))
    }

    /// Replaces a scalar in its line.
    fn scalar(&self, own: Span, indent: usize, entry: &Entry, now: &Node) -> Option<String> {
        if own.end != own.start + 1 || now.as_str()?.contains('\n') || is_zero(now) {
            return None;
        }
        let mut edits = Edits::new(self.text).ok()?;
        let (place, text) = (entry.value.place, now.as_str()?);
        match now.kind(Dialect::Yaml11) {
            Kind::Str => edits.replace_with_string_at(place, text).ok()?,
            _ => edits.replace_at(place, text).ok()?,
        }
        let changed = edits.finish();
        // The dash of an item is put back later.
        let line = changed.split_inclusive('\n').nth(own.start)?.get(indent..)?;
        Some(ended(format!("{}{line}", " ".repeat(indent))))
    }

    /// Rewrites the lines of a sequence in block style: items that are there already bring their lines along.
    fn sequence(&self, span: Span, raw: &Node, data: &Node, wanted: &Node) -> Option<String> {
        let (items, before, wanted) = (raw.items()?, data.items()?, wanted.items()?);
        if raw.style == Style::Flow || raw.anchor().is_some() || items.len() != before.len() {
            return None;
        }
        let starts = lines_of(items.iter())?;
        let depth = |line: usize| {
            let line = self.lines.get(line)?;
            let trimmed = line.trim_start_matches(' ');
            (trimmed.starts_with("- ") || trimmed.starts_with("-\t")).then_some(line.len() - trimmed.len())
        };
        let indent = depth(*starts.first()?)?;
        if !starts.iter().all(|&line| depth(line) == Some(indent)) {
            return None;
        }
        let pieces = self.pieces(span, &starts, indent)?;
        // What stands above an item moves with it.
        let mut above = self.show(Span { start: span.start, end: pieces.first()?.own.start });
        let mut heads = Vec::with_capacity(pieces.len());
        for piece in &pieces {
            heads.push(std::mem::replace(&mut above, self.show(piece.behind)));
        }
        let mut unused = Unused::of(before);
        let exact: Vec<Option<usize>> = wanted.iter().map(|item| unused.take_same(item)).collect();
        let mut text = String::new();
        for (item, exact) in wanted.iter().zip(exact) {
            let alike = exact.or_else(|| unused.take_named(before, item));
            let Some(n) = alike else {
                text.push_str(&self.printer.item(indent, item));
                continue;
            };
            text.push_str(&std::mem::take(&mut heads[n]));
            let rewritten = if exact.is_some() {
                ended(self.show(pieces[n].own))
            } else {
                self.item(pieces[n].own, indent, &items[n], &before[n], item)
                    .unwrap_or_else(|| self.printer.item(indent, item))
            };
            text.push_str(&rewritten);
        }
        // Comments above items that are gone may speak of more than the item.
        heads.into_iter().for_each(|head| text.push_str(&head));
        text.push_str(&above);
        Some(text)
    }

    /// Rewrites a mapping that is an item: its first key stands behind the dash.
    fn item(&self, own: Span, indent: usize, raw: &Node, before: &Node, now: &Node) -> Option<String> {
        let key_at = usize::try_from(raw.entries()?.first()?.key.place.column).ok()?.checked_sub(1)?;
        let first = self.lines.get(own.start)?;
        let undashed = format!("{}{}", " ".repeat(key_at), first.get(key_at..)?);
        let mut lines = self.lines.to_vec();
        lines[own.start] = &undashed;
        let writer = Writer { text: self.text, lines: &lines, printer: self.printer };
        let rewritten = writer.mapping(own, raw, before, now)?;
        let mut dashed = String::with_capacity(rewritten.len());
        let mut is_dashed = false;
        for line in rewritten.split_inclusive('\n') {
            let content = line.trim_start_matches(' ');
            if is_dashed || content.starts_with('#') || content.trim().is_empty() {
                dashed.push_str(line);
            } else {
                let gap = key_at.checked_sub(indent + 1)?;
                dashed.push_str(&format!("{}-{}{content}", " ".repeat(indent), " ".repeat(gap)));
                is_dashed = true;
            }
        }
        is_dashed.then_some(dashed)
    }
}

/// Items of a sequence that no wanted item has taken yet.
struct Unused {
    by_text: BTreeMap<String, VecDeque<usize>>,
    free: Vec<bool>,
}

impl Unused {
    fn of(items: &[Node]) -> Self {
        let mut by_text: BTreeMap<String, VecDeque<usize>> = BTreeMap::new();
        for (n, item) in items.iter().enumerate() {
            by_text.entry(printed(item)).or_default().push_back(n);
        }
        Self { by_text, free: vec![true; items.len()] }
    }

    fn take_same(&mut self, wanted: &Node) -> Option<usize> {
        let n = self.by_text.get_mut(&printed(wanted))?.pop_front()?;
        self.free[n] = false;
        Some(n)
    }

    /// Takes an item of the same name.
    fn take_named(&mut self, items: &[Node], wanted: &Node) -> Option<usize> {
        let name = wanted.get("name")?.as_str()?;
        let n = items
            .iter()
            .zip(&self.free)
            .position(|(item, is_free)| *is_free && item.get("name").and_then(Node::as_str) == Some(name))?;
        self.free[n] = false;
        Some(n)
    }
}

fn printed(node: &Node) -> String {
    gitops_yaml::print_sigs(node, Dialect::Yaml11).unwrap_or_default()
}

/// The lines on which nodes begin, counted from 0.
fn lines_of<'n>(nodes: impl Iterator<Item = &'n Node>) -> Option<Vec<usize>> {
    nodes.map(|node| usize::try_from(node.place.line).ok()?.checked_sub(1)).collect()
}

/// Gives new data the form of the old: a list in brackets stays one.
fn like(old: &Node, now: &Node) -> Node {
    let is_short =
        |node: &Node| node.items().is_some_and(|items| items.len() <= 8 && items.iter().all(Node::is_scalar));
    if old.style == Style::Flow && old.items().is_some_and(|items| !items.is_empty()) && is_short(now) {
        return now.clone().styled(Style::Flow);
    }
    now.clone()
}

/// Ends a text with a line break; the last line of a file may lack it.
fn ended(text: String) -> String {
    if text.is_empty() || text.ends_with('\n') { text } else { text + "\n" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &str, data: &str, after: &str) {
        let wanted =
            super::super::shape::plain(&read_config(data.as_bytes(), FileId::NONE).unwrap().unwrap());
        assert_eq!(rewrite(before, &wanted), after);
    }

    #[test]
    fn what_did_not_change_keeps_every_byte() {
        let text = "# head\n\nnamePrefix:   'a-'  # odd\n\n# about resources\nresources:\n  # first\n  -   a.yaml # one\n\n  - b.yaml\n# tail\n";
        check(text, "{namePrefix: a-, resources: [a.yaml, b.yaml]}", text);
        check(
            text,
            "{namePrefix: b-, resources: [a.yaml, b.yaml, c.yaml]}",
            &text.replace("a-", "b-").replace("  - b.yaml\n", "  - b.yaml\n  - c.yaml\n"),
        );
        check(
            text,
            "{resources: [b.yaml], nameSuffix: -s}",
            "# head\n\n\n# about resources\nresources:\n\n  - b.yaml\n  # first\n# tail\nnameSuffix: -s\n",
        );
    }

    #[test]
    fn items_are_found_by_their_name_and_may_move() {
        check(
            "images:\n# the web\n- name: web # w\n  newTag: \"1\" # pinned\n- newTag: x\n  name: api\n",
            "images: [{name: api, digest: d}, {name: web, newTag: '2'}]",
            "images:\n- name: api\n  digest: d\n# the web\n- name: web # w\n  newTag: \"2\" # pinned\n",
        );
    }

    #[test]
    fn flow_collections_aliases_and_odd_texts_are_printed_anew_where_they_change() {
        check(
            "resources: [a, b] # c\nx: 1\n",
            "{resources: [a, b, c], x: 1}",
            "resources: [a, b, c]\nx: 1\n",
        );
        check("{a: b}", "{a: c}", "a: c\n");
        check("a: &x [1]\nb: *x\n", "{b: [1]}", "b:\n- 1\n");
        check("# only\n", "{a: c}", "# only\na: c\n");
        check("", "{a: c}", "a: c\n");
        check("a: b", "{a: b, c: d}", "a: b\nc: d\n");
        check("a: |\n  x\n\n\nb: c\n", "{a: \"x\\n\", b: d}", "a: |\n  x\n\n\nb: d\n");
    }
}
