//! Files as kyaml reads and writes them back, keeping how their sequences are indented: what Flux's image automation
//! commits.

use crate::print::v3::{PrintOptions, SequenceIndent, print_nodes, print_v3};
use crate::{Document, Entry, Error, ErrorKind, FileId, Node, Place, ReadOptions, Str, read_document};

/// A document of a file that kyaml has read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KyamlDocument {
    /// The document, to be changed as one likes.
    pub document: Document,
    /// How the text indents its sequences; [`print_kyaml`] keeps to it.
    pub sequence_indent: SequenceIndent,
}

/// Reads a file as kyaml's `ByteReader` does with `PreserveSeqIndent`, lists left wrapped.
///
/// Carriage returns at line ends are dropped, documents are split at lines that start with `---`, empty ones are left
/// out. The traces that kyaml leaves behind by keeping its notes in annotations are made too: empty `annotations` and
/// `metadata` vanish, old-style path, index and id annotations get their new names beside them.
///
/// ```
/// use gitops_yaml::{FileId, print_kyaml, read_kyaml};
/// let text = "# settings\na:\n    - 1   # one\nb: {}\n";
/// let documents = read_kyaml(text, FileId::NONE).unwrap();
/// assert_eq!(print_kyaml(&documents).unwrap(), "# settings\na:\n- 1 # one\nb: {}\n");
/// ```
///
/// # Errors
/// As kyaml words them: `MalformedYAMLError: yaml: …`, `invalid document separator: …`, and `wrong node kind: …` for
/// documents that are no mappings.
pub fn read_kyaml(text: &str, file: FileId) -> Result<Vec<KyamlDocument>, Error> {
    let unix = if text.contains("\r\n") { text.replace("\r\n", "\n").into() } else { Str::from(text) };
    let parts = split_documents(&unix, file)?;
    let last = parts.len() - 1;
    let mut documents = Vec::new();
    for (index, (first_line, part)) in parts.into_iter().enumerate() {
        // The separator has taken the line break at the end of all but the last.
        let part = if index == last { part.to_owned() } else { format!("{part}\n") };
        let options = ReadOptions::v3().starting_at_line(first_line);
        let read = read_document(part.as_bytes(), file, &options).map_err(malformed)?;
        let Some(mut document) = read else { continue };
        if document.root.is_null() {
            continue;
        }
        annotate(&mut document.root)?;
        documents.push(KyamlDocument { document, sequence_indent: SequenceIndent::of(&part) });
    }
    Ok(documents)
}

/// Prints documents as kyaml's `ByteWriter` does: two spaces a level, sequences indented as they were read.
///
/// # Errors
/// As [`print_v3`].
pub fn print_kyaml(documents: &[KyamlDocument]) -> Result<String, Error> {
    print_nodes(documents.iter().map(|read| {
        let options = PrintOptions::kyaml().with_sequences(read.sequence_indent);
        (&read.document.root, Some(&read.document.comments), options)
    }))
}

impl SequenceIndent {
    /// Returns how a text indents its sequences, by kyaml's rule: as the first `- ` below a `key:` does.
    ///
    /// ```
    /// use gitops_yaml::SequenceIndent;
    /// assert_eq!(SequenceIndent::of("a:\n  - 1\n"), SequenceIndent::Wide);
    /// assert_eq!(SequenceIndent::of("a:\n- 1\n"), SequenceIndent::Compact);
    /// assert_eq!(SequenceIndent::of("a: 1\n"), SequenceIndent::Compact);
    /// ```
    #[must_use]
    pub fn of(text: &str) -> Self {
        // The last line that is no comment; none yet at the start.
        let mut key_line: Option<&str> = None;
        for line in text.split('\n') {
            if let Some((before, _)) = line.split_once("- ")
                && before.bytes().all(|byte| byte == b' ')
                && let Some(key_line) = key_line
                && let Some(found) = Self::below(key_line, before.len())
            {
                return found;
            }
            if !line.trim_matches(' ').starts_with('#') {
                key_line = Some(line);
            }
        }
        Self::Compact
    }

    /// Compares an item's depth with that of the line above it, if that is a key.
    fn below(key_line: &str, item_depth: usize) -> Option<Self> {
        let key_line = key_line.split('#').next().unwrap_or_default();
        let key = key_line.trim_matches(' ');
        if key.matches(':').count() != 1 || !key.ends_with(':') {
            return None;
        }
        let key_depth = key_line.len() - key_line.trim_start_matches(' ').len();
        match item_depth.checked_sub(key_depth)? {
            0 => Some(Self::Compact),
            2 => Some(Self::Wide),
            _ => None,
        }
    }
}

/// Splits a text at `\n---.*\n`; returns each part with the line on which it starts.
fn split_documents(text: &str, file: FileId) -> Result<Vec<(u32, &str)>, Error> {
    let mut parts = Vec::new();
    let (mut start, mut start_line) = (0, 1);
    let mut search = 0;
    let mut line = 1;
    while let Some(found) = text[search..].find("\n---") {
        let separator = search + found + 1;
        line += count_lines(&text[search..separator]);
        let Some(length) = text[separator..].find('\n') else { break };
        let end = separator + length + 1;
        let behind = text[separator + 3..end].trim();
        if !behind.is_empty() && !behind.starts_with('#') {
            let message = format!("invalid document separator: {}", text[separator..end].trim());
            let place = Place { file, line, column: 1 };
            return Err(Error::new(ErrorKind::Kyaml, place, message));
        }
        parts.push((start_line, &text[start..separator - 1]));
        line += 1;
        (start, start_line, search) = (end, line, end);
    }
    parts.push((start_line, &text[start..]));
    Ok(parts)
}

fn count_lines(text: &str) -> u32 {
    u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX / 2)
}

fn malformed(error: Error) -> Error {
    let message = format!("MalformedYAMLError: {error}");
    error.worded(ErrorKind::Kyaml, message)
}

const INDEX: &str = "internal.config.kubernetes.io/index";
const LEGACY_INDEX: &str = "config.kubernetes.io/index";
const SEQUENCE_INDENT: &str = "internal.config.kubernetes.io/seqindent";
/// Old names of annotations and their new ones.
const RENAMED: [(&str, &str); 2] = [
    ("config.kubernetes.io/path", "internal.config.kubernetes.io/path"),
    ("config.k8s.io/id", "internal.config.kubernetes.io/id"),
];

/// Leaves what kyaml leaves when it has set its annotations and cleared them again.
fn annotate(root: &mut Node) -> Result<(), Error> {
    if !root.is_mapping() {
        return Err(wrong_kind(root));
    }
    let metadata = root.get("metadata");
    if let Some(found) = metadata
        && !found.is_mapping()
        && !found.is_null()
    {
        return Err(wrong_kind(found));
    }
    for (old, new) in RENAMED {
        let Some(annotations) = root.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"))
        else {
            break;
        };
        let value =
            |name: &str| annotations.get(name).and_then(Node::scalar).filter(|v| !v.is_empty()).cloned();
        let (copied, value) = match (value(old), value(new)) {
            (None, Some(value)) => (old, value),
            (Some(value), None) => (new, value),
            _ => continue,
        };
        annotations.set(copied, Node::string(value).styled(crate::Style::SingleQuoted));
    }
    if let Some(annotations) = root.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations")) {
        for name in [INDEX, LEGACY_INDEX, SEQUENCE_INDENT] {
            annotations.remove(name);
        }
    }
    if let Some(metadata) = root.get_mut("metadata") {
        remove_if_empty(metadata, "annotations");
    }
    remove_if_empty(root, "metadata");
    Ok(())
}

/// Removes the first field of this name that has no content: scalars have none.
fn remove_if_empty(node: &mut Node, name: &str) {
    let Some(entries) = node.entries_mut() else { return };
    let is_empty = |entry: &Entry| {
        entry.key.as_str() == Some(name)
            && entry.value.entries().is_none_or(<[Entry]>::is_empty)
            && entry.value.items().is_none_or(<[Node]>::is_empty)
    };
    if let Some(index) = entries.iter().position(is_empty) {
        entries.remove(index);
    }
}

fn wrong_kind(node: &Node) -> Error {
    let kind = match &node.data {
        crate::Data::Scalar(_) => "ScalarNode",
        crate::Data::Sequence(_) => "SequenceNode",
        crate::Data::Mapping(_) => "MappingNode",
        crate::Data::Alias(_) => "AliasNode",
    };
    let contents = print_v3(node, &PrintOptions::kyaml()).unwrap_or_default();
    let message = format!("wrong node kind: expected MappingNode but got {kind}: node contents:\n{contents}");
    Error::new(ErrorKind::Kyaml, node.place, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_split_at_lines_of_dashes() {
        let parts = |text| split_documents(text, FileId::NONE).map_err(|error| error.to_string());
        assert_eq!(parts("---\na\n--- # x\nb").unwrap(), [(1, "---\na"), (4, "b")]);
        assert_eq!(parts("a\n---\n---\nb").unwrap(), [(1, "a"), (3, "---\nb")]);
        assert_eq!(parts("a\n---").unwrap(), [(1, "a\n---")]);
        assert_eq!(parts("a\n--- b\n").unwrap_err(), "invalid document separator: --- b");
    }

    #[test]
    fn the_first_key_above_an_item_decides() {
        for (text, wanted) in [
            ("a:\n  # c\n  - 1\nb:\n- 2\n", SequenceIndent::Wide),
            ("a: |\n  x:\n  - 1\nb:\n  - 2\n", SequenceIndent::Compact),
            ("a: b:\n  - 1\nc: # d\n  - 2", SequenceIndent::Wide),
            ("- 1\n", SequenceIndent::Compact),
        ] {
            assert_eq!(SequenceIndent::of(text), wanted, "{text}");
        }
    }
}
