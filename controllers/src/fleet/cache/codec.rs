//! Entries as bytes: numbers of variable length, texts behind their length, trees in the order in which they are written.
//!
//! Nothing that is read is believed: what is cut off or makes no sense is `None`.

use std::collections::HashMap;
use std::sync::Arc;

use gitops_core::object::ObjectId;
use gitops_yaml::{Data, Entry as Pair, FileId, Files, Node, Place, Str, Style, Tag};

use super::super::app::{Gap, RenderedObject, Severity};
use super::super::recorder::{Digest, Question, Reads};
use super::super::roots::Declared;

/// Deeper trees are not written: reading them would take too much of the stack.
const DEPTH: usize = 200;

/// Bytes that grow.
#[derive(Default)]
pub(crate) struct Writer {
    pub(crate) bytes: Vec<u8>,
    /// Whether something could not be written.
    pub(crate) has_failed: bool,
}

impl Writer {
    pub(crate) fn number(&mut self, number: usize) {
        let mut rest = number as u64;
        while rest >= 0x80 {
            self.bytes.push(rest.to_le_bytes()[0] | 0x80);
            rest >>= 7;
        }
        self.bytes.push(rest.to_le_bytes()[0]);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.number(text.len());
        self.bytes.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn digest(&mut self, digest: &Digest) {
        self.bytes.extend_from_slice(&digest.0);
    }

    pub(crate) fn gap(&mut self, gap: &Gap) {
        let severity = SEVERITIES.iter().position(|one| *one == gap.severity).unwrap_or_default();
        self.number(severity);
        [&gap.place, &gap.message, &gap.help].into_iter().for_each(|text| self.text(text));
    }

    pub(crate) fn object(&mut self, object: &RenderedObject) {
        let ObjectId { group, kind, namespace, name } = &object.id;
        for text in [group, kind, namespace, name, &object.api_version, &object.place] {
            self.text(text);
        }
        self.text(&object.yaml);
    }

    pub(crate) fn reads(&mut self, reads: &Reads) {
        self.number(reads.0.len());
        for ((path, question), digest) in &reads.0 {
            self.text(path);
            self.number(*question as usize);
            self.digest(digest);
        }
    }

    /// Writes an object of a file with all its places.
    pub(crate) fn declared(&mut self, declared: &Declared) {
        self.text(&declared.path);
        self.text(&declared.place);
        let mut known = HashMap::new();
        let mut names = Vec::new();
        collect_files(&declared.node, &declared.files, &mut known, &mut names);
        self.number(names.len());
        names.iter().for_each(|name| self.text(name));
        self.node(&declared.node, &known, 0);
    }

    fn node(&mut self, node: &Node, files: &HashMap<FileId, usize>, depth: usize) {
        if depth > DEPTH {
            self.has_failed = true;
            return;
        }
        let form = match &node.data {
            Data::Scalar(_) => 0u8,
            Data::Sequence(_) => 1,
            Data::Mapping(_) => 2,
            Data::Alias(_) => 3,
        };
        let form = form | if node.tag_is_written() { WRITTEN } else { 0 };
        let style = STYLES.iter().position(|style| *style == node.style).unwrap_or_default();
        let tag = TAGS.iter().position(|tag| *tag == node.tag).unwrap_or_default();
        self.bytes.extend([form, short(style), short(tag)]);
        if node.tag == Tag::Custom {
            self.text(node.custom_tag().map_or("", Str::as_str));
        }
        self.text(node.anchor().map_or("", Str::as_str));
        self.number(files.get(&node.place.file).map_or(0, |index| index + 1));
        self.number(node.place.line as usize);
        self.number(node.place.column as usize);
        match &node.data {
            Data::Scalar(text) | Data::Alias(text) => self.text(text),
            Data::Sequence(items) => {
                self.number(items.len());
                items.iter().for_each(|item| self.node(item, files, depth + 1));
            }
            Data::Mapping(entries) => {
                self.number(entries.len());
                for entry in entries {
                    self.node(&entry.key, files, depth + 1);
                    self.node(&entry.value, files, depth + 1);
                }
            }
        }
    }
}

fn short(index: usize) -> u8 {
    u8::try_from(index).unwrap_or(u8::MAX)
}

/// Gives each file that a tree's places name a number, in the order in which they come.
fn collect_files<'f>(
    node: &Node,
    files: &'f Files,
    known: &mut HashMap<FileId, usize>,
    names: &mut Vec<&'f str>,
) {
    if let Some(name) = files.name(node.place.file)
        && !known.contains_key(&node.place.file)
    {
        known.insert(node.place.file, names.len());
        names.push(name);
    }
    match &node.data {
        Data::Sequence(items) => items.iter().for_each(|item| collect_files(item, files, known, names)),
        Data::Mapping(entries) => {
            for entry in entries {
                collect_files(&entry.key, files, known, names);
                collect_files(&entry.value, files, known, names);
            }
        }
        Data::Scalar(_) | Data::Alias(_) => {}
    }
}

/// The form of a node whose tag is printed again.
const WRITTEN: u8 = 0x10;
const SEVERITIES: [Severity; 4] = [Severity::Note, Severity::Unresolved, Severity::Warning, Severity::Error];
const STYLES: [Style; 6] =
    [Style::Default, Style::SingleQuoted, Style::DoubleQuoted, Style::Literal, Style::Folded, Style::Flow];
const TAGS: [Tag; 12] = [
    Tag::Implicit,
    Tag::Null,
    Tag::Bool,
    Tag::Int,
    Tag::Float,
    Tag::Str,
    Tag::Timestamp,
    Tag::Binary,
    Tag::Merge,
    Tag::Seq,
    Tag::Map,
    Tag::Custom,
];
const QUESTIONS: [Question; 4] = [Question::Content, Question::Kind, Question::Listing, Question::Real];

/// Bytes that are read from the front.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'b> {
    pub(crate) rest: &'b [u8],
}

impl<'b> Reader<'b> {
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    pub(crate) fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    pub(crate) fn number(&mut self) -> Option<usize> {
        let mut number = 0u64;
        for shift in (0..63).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(number).ok();
            }
        }
        None
    }

    /// A number of things, each at least a byte long.
    pub(crate) fn count(&mut self) -> Option<usize> {
        self.number().filter(|count| *count <= self.rest.len())
    }

    pub(crate) fn text(&mut self) -> Option<&'b str> {
        let length = self.number()?;
        std::str::from_utf8(self.take(length)?).ok()
    }

    pub(crate) fn digest(&mut self) -> Option<Digest> {
        Some(Digest(self.take(32)?.try_into().ok()?))
    }

    pub(crate) fn gap(&mut self) -> Option<Gap> {
        let severity = *SEVERITIES.get(self.number()?)?;
        Some(Gap::new(severity, self.text()?, self.text()?).help(self.text()?))
    }

    pub(crate) fn object(&mut self) -> Option<RenderedObject> {
        let [group, kind, namespace, name] =
            [self.text()?, self.text()?, self.text()?, self.text()?].map(Str::from);
        Some(RenderedObject {
            id: ObjectId { group, kind, namespace, name },
            api_version: self.text()?.into(),
            place: self.text()?.into(),
            yaml: self.text()?.into(),
            node: None,
            secrets: None,
        })
    }

    /// Reads what was read of a tree, as long as each answer suits.
    pub(crate) fn reads(&mut self, suits: &dyn Fn(&str, Question, &Digest) -> bool) -> Option<Reads> {
        let mut reads = Reads::default();
        for _ in 0..self.count()? {
            let path = self.text()?;
            let question = *QUESTIONS.get(self.number()?)?;
            let digest = self.digest()?;
            if !suits(path, question, &digest) {
                return None;
            }
            reads.0.insert((path.to_owned(), question), digest);
        }
        Some(reads)
    }

    pub(crate) fn declared(&mut self) -> Option<Declared> {
        let (path, place) = (self.text()?.to_owned(), self.text()?.to_owned());
        let mut files = Files::default();
        let mut ids = Vec::new();
        for _ in 0..self.count()? {
            ids.push(files.add(self.text()?));
        }
        let node = self.node(&ids, 0)?;
        Some(Declared { node, path, place, files: Arc::new(files), secrets: None })
    }

    fn node(&mut self, files: &[FileId], depth: usize) -> Option<Node> {
        if depth > DEPTH {
            return None;
        }
        let (form, style, tag) = (self.byte()?, self.byte()?, self.byte()?);
        let (style, tag) = (*STYLES.get(usize::from(style))?, *TAGS.get(usize::from(tag))?);
        let custom = if tag == Tag::Custom { Some(self.text()?) } else { None };
        let anchor = self.text()?;
        let file = match self.number()? {
            0 => FileId::NONE,
            index => *files.get(index - 1)?,
        };
        let line = u32::try_from(self.number()?).ok()?;
        let column = u32::try_from(self.number()?).ok()?;
        let node = match form & !WRITTEN {
            0 => Node::plain(self.text()?),
            1 => {
                let count = self.count()?;
                Node::sequence((0..count).map(|_| self.node(files, depth + 1)).collect::<Option<_>>()?)
            }
            2 => {
                let count = self.count()?;
                let mut entry = || {
                    let key = self.node(files, depth + 1)?;
                    Some(Pair { key, value: self.node(files, depth + 1)? })
                };
                Node::mapping((0..count).map(|_| entry()).collect::<Option<_>>()?)
            }
            3 => Node::alias(self.text()?),
            _ => return None,
        };
        let mut node = node.styled(style).tagged(tag).at(Place { file, line, column });
        if let Some(custom) = custom {
            node.set_custom_tag(custom);
        }
        node.set_anchor(anchor);
        node.set_tag_is_written(form & WRITTEN != 0);
        Some(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_yaml::{Dialect, ReadOptions, print_sigs, read_document};

    fn declared(text: &str) -> Declared {
        let mut files = Files::default();
        files.add("other.yaml");
        let file = files.add("c/apps.yaml");
        let node = read_document(text.as_bytes(), file, &ReadOptions::v3().without_comments())
            .unwrap()
            .unwrap()
            .root;
        let place = files.show(node.place);
        Declared { node, path: "c/apps.yaml".to_owned(), place, files: Arc::new(files), secrets: None }
    }

    const TEXT: &str = "a: &x {b: \"1\", c: [2, 'd']}\ne: *x\nf: |\n  g\nh: !own i\nj: !!str 3\n";

    #[test]
    fn a_tree_comes_back_with_its_places() {
        let before = declared(TEXT);
        let mut writer = Writer::default();
        writer.declared(&before);
        let mut reader = Reader { rest: &writer.bytes };
        let after = reader.declared().unwrap();
        assert!(reader.rest.is_empty());
        assert_eq!(format!("{:?}", after.node.style), format!("{:?}", before.node.style));
        let print = |declared: &Declared| print_sigs(&declared.node, Dialect::V3).unwrap_or_default();
        assert_eq!(print(&after), print(&before));
        let at = |declared: &Declared| {
            declared
                .node
                .at_path(&["a", "c"])
                .and_then(|list| list.items()?.get(1))
                .map(|node| declared.show(node))
        };
        assert_eq!(at(&after).as_deref(), Some("c/apps.yaml:1:23"));
        assert_eq!(at(&after), at(&before));
        assert_eq!(after.node.get("h").and_then(Node::custom_tag).map(Str::as_str), Some("!own"));
        let mut again = Writer::default();
        again.declared(&after);
        assert_eq!(again.bytes, writer.bytes);
    }

    #[test]
    fn what_is_cut_off_is_nothing() {
        let mut writer = Writer::default();
        writer.declared(&declared(TEXT));
        for length in 0..writer.bytes.len() {
            assert!(Reader { rest: &writer.bytes[..length] }.declared().is_none(), "{length}");
        }
    }
}
