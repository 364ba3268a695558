//! Walks a document: opens sealed values, and computes the digest that the seal is compared with.

use gitops_yaml::{Data, Dialect, Kind, Node, Str, Style, Tag, Timestamp};
use sha2::{Digest, Sha512};

use crate::SopsError;
use crate::cipher::{DataKey, is_sealed};
use crate::metadata::Metadata;

/// What the digest begins with where it is over sealed values alone: SHA-256 of `sops`, as SOPS has it.
const ONLY_ENCRYPTED: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b, 0x0b,
    0x97, 0x5b, 0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

pub(crate) struct Walk<'a> {
    pub(crate) metadata: &'a Metadata,
    pub(crate) key: &'a DataKey,
    pub(crate) dialect: Dialect,
    hash: Sha512,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(metadata: &'a Metadata, key: &'a DataKey, dialect: Dialect) -> Self {
        let mut hash = Sha512::new();
        if metadata.mac_only_encrypted {
            hash.update(ONLY_ENCRYPTED);
        }
        Self { metadata, key, dialect, hash }
    }

    /// Opens all values of a document in place.
    pub(crate) fn document(&mut self, root: &mut Node) -> Result<(), SopsError> {
        self.comments(root, ":");
        self.node(root, &mut Vec::new())
    }

    fn node(&mut self, node: &mut Node, path: &mut Vec<Str>) -> Result<(), SopsError> {
        match &mut node.data {
            Data::Mapping(entries) => {
                let own = joined(path);
                for entry in entries {
                    let key = entry.key.scalar().cloned();
                    let key = key.ok_or_else(|| SopsError::new("Only string keys are supported"))?;
                    self.comments(&mut entry.key, &own);
                    self.comments(&mut entry.value, &own);
                    path.push(key);
                    self.node(&mut entry.value, path)?;
                    path.pop();
                }
                Ok(())
            }
            Data::Sequence(items) => {
                let own = joined(path);
                for item in items {
                    self.comments(item, &own);
                    self.node(item, path)?;
                }
                Ok(())
            }
            Data::Scalar(_) => self.scalar(node, path),
            Data::Alias(_) => Err(SopsError::new("aliases are not supported in an encrypted document")),
        }
    }

    fn scalar(&mut self, node: &mut Node, path: &[Str]) -> Result<(), SopsError> {
        let kind = node.kind(self.dialect);
        if kind == Kind::Null {
            return Ok(());
        }
        let keys: Vec<&str> = path.iter().map(Str::as_str).collect();
        let sealed = self.metadata.is_sealed(&keys);
        let text = node.as_str().unwrap_or_default().to_owned();
        if !sealed {
            if !self.metadata.mac_only_encrypted {
                self.hash.update(plain_bytes(kind, &text));
            }
            return Ok(());
        }
        if text.is_empty() {
            return Ok(());
        }
        let failed =
            |why: String| SopsError::new(format!("Could not decrypt value at {}: {why}", keys.join(".")));
        let opened = self.key.open(&text, &joined(path)).map_err(|error| failed(error.to_string()))?;
        let text = String::from_utf8(opened.text).map_err(|_| failed("it is no UTF-8".into()))?;
        let (made, bytes) = match opened.kind.as_str() {
            "str" | "bytes" => (Node::string(text.as_str()), text),
            "int" => {
                text.parse::<i64>().map_err(|_| failed("it is no integer".into()))?;
                (Node::plain(text.as_str()), text)
            }
            "float" => {
                let value: f64 = text.parse().map_err(|_| failed("it is no number".into()))?;
                (Node::plain(gitops_yaml::go_float(value)).tagged(Tag::Float), value.to_string())
            }
            "bool" => match text.to_ascii_lowercase().as_str() {
                "true" => (Node::bool(true), "True".into()),
                "false" => (Node::bool(false), "False".into()),
                _ => return Err(failed("it is no boolean".into())),
            },
            "time" => (Node::plain(text.as_str()), text),
            other => return Err(failed(format!("Unknown datatype: {other}"))),
        };
        self.hash.update(bytes);
        let long = made.as_str().is_some_and(|text| text.contains('\n'));
        (node.data, node.tag) = (made.data, made.tag);
        node.style = if long { Style::Literal } else { made.style };
        Ok(())
    }

    /// Opens sealed comments; those that can't be opened were written later and stay.
    fn comments(&self, node: &mut Node, belongs_to: &str) {
        if node.comments().is_none_or(gitops_yaml::Comments::is_empty) {
            return;
        }
        let comments = node.comments_mut();
        for text in [&mut comments.head, &mut comments.line, &mut comments.foot] {
            if text.contains("ENC[") {
                let lines: Vec<String> =
                    text.split('\n').map(|line| self.comment(line, belongs_to)).collect();
                *text = lines.join("\n").into();
            }
        }
    }

    /// Opens a comment with its `#`.
    pub(crate) fn comment(&self, line: &str, belongs_to: &str) -> String {
        let opened = line.strip_prefix('#').filter(|text| is_sealed(text)).and_then(|text| {
            let opened = self.key.open(text, belongs_to).ok()?;
            Some(format!("#{}", String::from_utf8(opened.text).ok()?))
        });
        opened.unwrap_or_else(|| line.to_owned())
    }

    /// Compares the digest with the seal.
    ///
    /// # Errors
    /// Where they differ, or there is no seal: the document was changed after it was encrypted.
    pub(crate) fn verify(self) -> Result<(), SopsError> {
        let changed = |why: &str| SopsError::new(format!("failed to verify sops data integrity: {why}"));
        let mac = self.metadata.mac.as_deref().ok_or_else(|| changed("the document has no mac"))?;
        let mac = self.key.open(mac, &self.metadata.last_modified);
        let mac = mac.map_err(|_| changed("the mac can not be opened"))?;
        let digest: String = self.hash.finalize().iter().map(|byte| format!("{byte:02X}")).collect();
        if mac.text == digest.as_bytes() {
            Ok(())
        } else {
            Err(changed("MAC mismatch: the document was changed after it was encrypted"))
        }
    }
}

fn joined(path: &[Str]) -> String {
    let mut out = String::new();
    for (index, key) in path.iter().enumerate() {
        if index > 0 {
            out.push(':');
        }
        out.push_str(key);
    }
    out.push(':');
    out
}

/// Returns a clear value as it goes into the digest.
fn plain_bytes(kind: Kind, text: &str) -> String {
    match kind {
        Kind::Bool(true) => "True".into(),
        Kind::Bool(false) => "False".into(),
        Kind::Int(value) => value.to_string(),
        Kind::Uint(value) => value.to_string(),
        Kind::Float(value) => value.to_string(),
        Kind::Timestamp => Timestamp::parse(text).map_or_else(|| text.to_owned(), |time| time.to_string()),
        _ => text.to_owned(),
    }
}
