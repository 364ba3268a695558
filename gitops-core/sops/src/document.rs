//! The forms that documents have, and what is asked of one.

use gitops_yaml::{
    Data, Dialect, FileId, HtmlEscape, JsonPrinter, Kind, Node, PrintOptions, ReadOptions, from_json,
    print_documents, print_v3, read_stream,
};

use crate::SopsError;
use crate::age::AgeKeys;
use crate::metadata::Metadata;
use crate::tree::Walk;

/// The largest document that is read: 5 MiB, as Flux has it.
const LARGEST: usize = 5 << 20;

/// The form of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// YAML, perhaps of several documents.
    Yaml,
    /// JSON.
    Json,
    /// Lines of `NAME=value`.
    Dotenv,
    /// Anything, sealed as one value within JSON.
    Binary,
}

/// Whether the seal over all values is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// It must hold: the document is as SOPS wrote it.
    Verify,
    /// It is not looked at: others have changed clear values of the document meanwhile. Each sealed value is still bound
    /// to its place by its own seal.
    Trust,
}

impl Format {
    /// Tells a form by the end of a file's name, as SOPS does; whatever is not known is binary.
    #[must_use]
    pub fn of_path(path: &str) -> Self {
        if path.ends_with(".yaml") || path.ends_with(".yml") {
            Self::Yaml
        } else if path.ends_with(".json") {
            Self::Json
        } else if path.ends_with(".env") {
            Self::Dotenv
        } else {
            Self::Binary
        }
    }

    /// Returns whether a text looks as if SOPS had encrypted it in this form.
    #[must_use]
    pub fn is_encrypted(self, content: &[u8]) -> bool {
        let marker: &[u8] = match self {
            Self::Yaml => b"mac: ENC[",
            Self::Json | Self::Binary => b"\"mac\": \"ENC[",
            Self::Dotenv => b"sops_mac=ENC[",
        };
        content.windows(marker.len()).any(|window| window == marker)
    }

    /// Tells the form of an encrypted text by how it looks; `None` where it is not encrypted.
    #[must_use]
    pub fn detect(content: &[u8]) -> Option<Self> {
        [Self::Json, Self::Yaml, Self::Dotenv].into_iter().find(|format| format.is_encrypted(content))
    }
}

/// Decrypts a document and writes it in a form, after its seal was verified.
///
/// # Errors
/// Where it is no document of its form, is too large, no key opens it, or it was changed after it was encrypted.
pub fn decrypt(content: &[u8], from: Format, to: Format, keys: &AgeKeys) -> Result<Vec<u8>, SopsError> {
    if content.len() > LARGEST {
        return Err(SopsError::new(format!(
            "a document of {} bytes exceeds the limit of {LARGEST}",
            content.len()
        )));
    }
    if from == Format::Dotenv {
        return dotenv(content, to, keys);
    }
    if from == Format::Yaml {
        let documents = read_stream(content, FileId::NONE, &ReadOptions::v3());
        // The texts of parsers may quote what they could not read.
        let mut documents = documents.map_err(|_| SopsError::new("failed to load encrypted YAML data"))?;
        open(documents.iter_mut().map(|document| &mut document.root).collect(), keys)?;
        if to == Format::Yaml {
            return print_documents(&documents, &PrintOptions::v3())
                .map(String::into_bytes)
                .map_err(unprinted);
        }
        let first = documents.first().ok_or_else(|| SopsError::new("there is no document"))?;
        return print(&first.root, to);
    }
    let text =
        std::str::from_utf8(content).map_err(|_| SopsError::new("failed to load encrypted JSON data"))?;
    let root = from_json(text, FileId::NONE);
    let mut root = root.map_err(|_| SopsError::new("failed to load encrypted JSON data"))?;
    open(vec![&mut root], keys)?;
    print(&root, to)
}

pub(crate) fn unprinted(_: gitops_yaml::Error) -> SopsError {
    SopsError::new("failed to write the decrypted document")
}

/// Opens the documents of one file, whose envelopes are alike.
fn open(mut roots: Vec<&mut Node>, keys: &AgeKeys) -> Result<(), SopsError> {
    let mut metadata = None;
    for root in &mut roots {
        let found = root.remove("sops").filter(Node::is_mapping);
        metadata = metadata.or(found);
    }
    let metadata = Metadata::read(&metadata.ok_or_else(|| SopsError::new("sops metadata not found"))?)?;
    let key = metadata.data_key(keys)?;
    let mut walk = Walk::new(&metadata, &key, Dialect::V3);
    for root in roots {
        walk.document(root)?;
    }
    walk.verify()
}

/// Decrypts an object in place and takes SOPS' envelope off it. Values of JSON and YAML 1.1 are meant.
///
/// # Errors
/// As [`decrypt`]; where the seal is not asked for, changes of clear values are none.
pub fn decrypt_node(node: &mut Node, keys: &AgeKeys, integrity: Integrity) -> Result<(), SopsError> {
    let metadata = node.get("sops").filter(|sops| sops.is_mapping());
    let metadata = Metadata::read(metadata.ok_or_else(|| SopsError::new("sops metadata not found"))?)?;
    let key = metadata.data_key(keys)?;
    let mut opened = node.clone();
    opened.remove("sops");
    let mut walk = Walk::new(&metadata, &key, Dialect::Yaml11);
    walk.document(&mut opened)?;
    if integrity == Integrity::Verify {
        walk.verify()?;
    }
    *node = opened;
    Ok(())
}

pub(crate) fn print(root: &Node, to: Format) -> Result<Vec<u8>, SopsError> {
    match to {
        Format::Yaml => print_v3(root, &PrintOptions::v3()).map(String::into_bytes).map_err(unprinted),
        Format::Json => {
            let mut printer = JsonPrinter::pretty(HtmlEscape::Yes, "\t");
            json(root, &mut printer);
            let mut text = printer.finish().map_err(unprinted)?;
            text.push('\n');
            Ok(text.into_bytes())
        }
        Format::Binary => {
            let data = root.get("data").filter(|data| data.kind(Dialect::V3) == Kind::Str);
            let data = data
                .and_then(Node::as_str)
                .ok_or_else(|| SopsError::new("error emitting binary store: no binary data found in tree"))?;
            Ok(data.as_bytes().to_vec())
        }
        Format::Dotenv => {
            let mut out = String::new();
            for entry in root.entries().unwrap_or_default() {
                let (Some(name), Some(value)) = (entry.key.as_str(), entry.value.as_str()) else {
                    return Err(SopsError::new("cannot use complex value in dotenv file"));
                };
                out.push_str(&format!("{name}={}\n", value.replace('\n', "\\n")));
            }
            Ok(out.into_bytes())
        }
    }
}

fn json(node: &Node, printer: &mut JsonPrinter) {
    match &node.data {
        Data::Mapping(entries) => {
            printer.begin_map();
            for entry in entries {
                printer.key(entry.key.as_str().unwrap_or_default());
                json(&entry.value, printer);
            }
            printer.end();
        }
        Data::Sequence(items) => {
            printer.begin_seq();
            for item in items {
                json(item, printer);
            }
            printer.end();
        }
        _ => match node.kind(Dialect::V3) {
            Kind::Null => printer.null(),
            Kind::Bool(value) => printer.bool(value),
            Kind::Int(value) => printer.int(value),
            Kind::Uint(value) => printer.uint(value),
            Kind::Float(value) => printer.float(value),
            _ => printer.str(node.as_str().unwrap_or_default()),
        },
    }
}

/// One line of a dotenv document.
enum Line {
    Comment(String),
    Value(String, Node),
}

fn dotenv(content: &[u8], to: Format, keys: &AgeKeys) -> Result<Vec<u8>, SopsError> {
    let text =
        std::str::from_utf8(content).map_err(|_| SopsError::new("failed to load encrypted dotenv data"))?;
    let mut lines = Vec::new();
    let mut envelope = Node::mapping(Vec::new());
    for (index, line) in text.split('\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        if line.starts_with('#') {
            lines.push(Line::Comment(line.to_owned()));
            continue;
        }
        let (name, value) = line
            .split_once('=')
            .ok_or_else(|| SopsError::new(format!("invalid dotenv input line {}", index + 1)))?;
        let value = Node::string(value.replace("\\n", "\n"));
        match name.strip_prefix("sops_") {
            Some(name) => unflatten(&mut envelope, name, value)?,
            None => lines.push(Line::Value(name.to_owned(), value)),
        }
    }
    if envelope.entries().is_none_or(<[_]>::is_empty) {
        return Err(SopsError::new("sops metadata not found"));
    }
    let metadata = Metadata::read(&envelope)?;
    let key = metadata.data_key(keys)?;
    let mut walk = Walk::new(&metadata, &key, Dialect::V3);
    let mut root = Node::mapping(Vec::new());
    let mut out = String::new();
    for line in lines {
        match line {
            Line::Comment(line) => out.push_str(&format!("{}\n", walk.comment(&line, ":"))),
            Line::Value(name, value) => {
                let mut one = Node::mapping(Vec::new());
                one.set(name.as_str(), value);
                walk.document(&mut one)?;
                let value = one.get(&name).and_then(Node::as_str).unwrap_or_default();
                out.push_str(&format!("{name}={}\n", value.replace('\n', "\\n")));
                root.set(name, Node::string(value));
            }
        }
    }
    walk.verify()?;
    if to == Format::Dotenv {
        return Ok(out.into_bytes());
    }
    print(&root, to)
}

/// Puts a value where a flattened name says: `age__list_0__map_enc` is `age[0].enc`.
fn unflatten(root: &mut Node, name: &str, value: Node) -> Result<(), SopsError> {
    let refused = || SopsError::new("sops metadata: a flattened name is malformed");
    let Some(at) = name.find("__list_") else {
        root.set(name, value);
        return Ok(());
    };
    let (field, rest) = (&name[..at], &name[at + "__list_".len()..]);
    let (index, rest) = rest.split_once("__map_").ok_or_else(refused)?;
    let index: usize = index.parse().map_err(|_| refused())?;
    if root.get(field).is_none() {
        root.set(field, Node::sequence(Vec::new()));
    }
    let items = root.get_mut(field).and_then(Node::items_mut).ok_or_else(refused)?;
    // Names come in the order of their lists.
    if index == items.len() {
        items.push(Node::mapping(Vec::new()));
    }
    let item = items.get_mut(index).ok_or_else(refused)?;
    unflatten(item, rest, value)
}
