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

#[cfg(test)]
mod tests {
    use super::*;

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
