//! Cuts an index as Helm writes it into its charts, so that a large one is read a chart at a time.
//!
//! A cut stands only where a line of the same indentation as the first chart's begins another key. A text that is open at a
//! cut (a quotation, a list in brackets) can't be read by itself, so that every reader of parts notices a wrong cut.

/// A chart's part of an index: its lines, and the line of the file that they begin on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part<'t> {
    pub(super) text: &'t [u8],
    pub(super) line: u32,
}

/// An index in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts<'t> {
    /// What stands beside `entries`.
    pub(super) head: Vec<u8>,
    pub(super) charts: Vec<Part<'t>>,
}

/// Where a line belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Head,
    Entries,
}

/// Cuts an index; `None` where it is not written as Helm writes indexes.
pub(super) fn cut(text: &[u8]) -> Option<Parts<'_>> {
    let mut parts = Parts { head: Vec::new(), charts: Vec::new() };
    let mut section = Section::Head;
    let mut seen = false;
    let mut indent = None;
    // The chart that is open: its first byte and line.
    let mut open: Option<(usize, u32)> = None;
    let (mut at, mut number) = (0_usize, 0_u32);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        number = number.checked_add(1)?;
        let start = at;
        at += line.len();
        let depth = line.iter().take_while(|byte| **byte == b' ').count();
        let first = line.get(depth).copied().unwrap_or(b'\n');
        if matches!(first, b'\n' | b'\r' | b'#') {
            // A line of no content, or of a text of many lines: it goes with what is open.
            if section == Section::Head {
                parts.head.extend_from_slice(line);
            }
            continue;
        }
        if first == b'\t' {
            return None;
        }
        if depth == 0 {
            if let Some((from, line)) = open.take() {
                parts.charts.push(Part { text: text.get(from..start)?, line });
            }
            let is_marker = line.starts_with(b"---") || line.starts_with(b"...");
            if is_marker && number == 1 && line.trim_ascii() == b"---" {
                continue;
            }
            if is_marker || !first.is_ascii_alphabetic() {
                return None;
            }
            section = Section::Head;
            if line.trim_ascii_end() == b"entries:" {
                if seen {
                    return None;
                }
                (section, seen) = (Section::Entries, true);
                continue;
            }
        }
        if section == Section::Head {
            parts.head.extend_from_slice(line);
            continue;
        }
        let wanted = *indent.get_or_insert(depth);
        if depth < wanted {
            return None;
        }
        if depth == wanted && first != b'-' {
            if let Some((from, line)) = open.replace((start, number)) {
                parts.charts.push(Part { text: text.get(from..start)?, line });
            }
        } else if open.is_none() {
            return None;
        }
    }
    if let Some((from, line)) = open {
        parts.charts.push(Part { text: text.get(from..)?, line });
    }
    seen.then_some(parts)
}

/// A chart's part in parts: the line with its name, and what is left to read of its versions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Versions<'t> {
    /// The name's line, with its colon.
    pub(super) name: Part<'t>,
    /// How far the dashes stand in.
    indent: usize,
    rest: Part<'t>,
}

impl<'t> Versions<'t> {
    /// Cuts a chart's part; `None` where its versions are not a list with a line for each dash.
    pub(super) fn of(chart: Part<'t>) -> Option<Self> {
        let end = chart.text.iter().position(|byte| *byte == b'\n')? + 1;
        let (name, rest) = chart.text.split_at_checked(end)?;
        if name.trim_ascii_end().last() != Some(&b':') {
            return None;
        }
        let first = rest.split_inclusive(|byte| *byte == b'\n').find_map(content)?;
        if !first.1 {
            return None;
        }
        let rest = Part { text: rest, line: chart.line.checked_add(1)? };
        Some(Self { name: Part { text: name, line: chart.line }, indent: first.0, rest })
    }
}

/// A line's indentation and whether it begins an item; `None` for a line of no content.
fn content(line: &[u8]) -> Option<(usize, bool)> {
    let depth = line.iter().take_while(|byte| **byte == b' ').count();
    let first = line.get(depth).copied().unwrap_or(b'\n');
    if matches!(first, b'\n' | b'\r' | b'#') {
        return None;
    }
    let next = line.get(depth + 1).copied().unwrap_or(b'\n');
    Some((depth, first == b'-' && matches!(next, b' ' | b'\n' | b'\r')))
}

impl<'t> Iterator for Versions<'t> {
    /// A list of one version; `None` where a line stands where no line of a version can.
    type Item = Option<Part<'t>>;

    fn next(&mut self) -> Option<Self::Item> {
        let (mut at, mut number) = (0_usize, 0_u32);
        let mut is_open = false;
        for line in self.rest.text.split_inclusive(|byte| *byte == b'\n') {
            if let Some((depth, is_item)) = content(line) {
                let begins = depth == self.indent && is_item;
                if begins && is_open {
                    break;
                }
                if !begins && depth <= self.indent {
                    self.rest.text = &[];
                    return Some(None);
                }
                is_open = true;
            }
            at += line.len();
            number = number.saturating_add(1);
        }
        let (text, rest) = self.rest.text.split_at_checked(at)?;
        let part = Part { text, line: self.rest.line };
        self.rest = Part { text: rest, line: part.line.saturating_add(number) };
        is_open.then_some(Some(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_cut_at_their_dashes() {
        let cut = |text: &'static str| -> Option<Vec<(String, u32)>> {
            let versions = Versions::of(Part { text: text.as_bytes(), line: 7 })?;
            versions
                .map(|part| part.map(|part| (String::from_utf8_lossy(part.text).into_owned(), part.line)))
                .collect()
        };
        let owned = |parts: &[(&str, u32)]| {
            Some(parts.iter().map(|(text, line)| ((*text).to_owned(), *line)).collect::<Vec<_>>())
        };
        assert_eq!(
            cut("  a:\n  # c\n  - x: |\n      - y\n\n  -\n    z: 1\n  # end\n"),
            owned(&[("  # c\n  - x: |\n      - y\n\n", 8), ("  -\n    z: 1\n  # end\n", 12)])
        );
        assert_eq!(cut("  a:\n  - x\n  - y"), owned(&[("  - x\n", 8), ("  - y", 9)]));
        for text in [
            "  a: []\n",
            "  a:\n",
            "  a:",
            "  a:\n    x: 1\n",
            "  a:\n    - x\n   - y\n",
            "  a:\n  - x\n  y\n",
        ] {
            assert_eq!(cut(text), None, "{text}");
        }
    }

    fn cuts(text: &str) -> Option<Vec<(String, u32)>> {
        let parts = cut(text.as_bytes())?;
        let text = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
        Some(
            std::iter::once((text(&parts.head), 0))
                .chain(parts.charts.iter().map(|part| (text(part.text), part.line)))
                .collect(),
        )
    }

    #[test]
    fn charts_are_cut_where_helm_begins_them() {
        let text = "apiVersion: v1\nentries:\n  a:\n  - name: a\n    description: |-\n      x:\n\n  b:\n    - name: b\n# end\ngenerated: now\n";
        let wanted = [
            ("apiVersion: v1\ngenerated: now\n", 0),
            ("  a:\n  - name: a\n    description: |-\n      x:\n\n", 3),
            ("  b:\n    - name: b\n# end\n", 8),
        ];
        assert_eq!(cuts(text).unwrap(), wanted.map(|(text, line)| (text.to_owned(), line)));
        assert_eq!(cuts("---\nentries:\napiVersion: v1\n").unwrap().len(), 1);
    }

    #[test]
    fn what_is_written_otherwise_is_not_cut() {
        for text in [
            "",
            "apiVersion: v1\n",
            "{entries: {}}",
            "entries: {}\n",
            "entries:\n  a: []\nentries:\n",
            "entries:\n  a:\n b:\n",
            "entries:\n  a:\n---\nentries:\n",
            "entries:\n  a:\n...\n",
            "entries:\n\ta:\n",
            "entries:\n  - a\n",
        ] {
            assert_eq!(cuts(text), None, "{text}");
        }
    }
}
