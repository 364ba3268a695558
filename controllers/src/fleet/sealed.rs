//! Values that SOPS encrypted: opened where a key is given, else a word in their place; and what keeps opened ones from
//! being told.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gitops_sops::{
    AgeKeys, Format, Integrity, PLACEHOLDER, SopsError, decrypt, decrypt_node, redact, redact_node,
};
use gitops_yaml::{Data, FileId, Node, ReadOptions, Str, read_document};

use super::app::{Gap, Severity};
use super::flux::{kind, text};
use crate::kustomization::decrypt::Seals;

/// Shorter values are in every text, and no secrets.
const SHORTEST: usize = 3;
/// Base64 of the placeholder, as far as it is the same whatever follows.
const PACKED_PLACEHOLDER: &str = "KipTT1BTKi";
/// The same of what stands in place of docker's configuration.
const PACKED_MASK: &str = "eyJtYXNrIjoiKipTT1BTKi";
/// What stands in place of a sealed value that goes into another text: unlike [`PLACEHOLDER`], which YAML takes for an alias
/// where it begins a value, it is a plain word wherever it is put.
pub(crate) const SEALED_WORD: &str = "__SOPS__";
/// What is shown in place of a value.
const HIDDEN: &str = "***";

/// Values that were decrypted, so that no message, cache or comparison tells them.
#[derive(Default)]
pub(crate) struct Secrets {
    values: Vec<Str>,
    /// Whether anything was decrypted, however short.
    is_any: bool,
}

impl Secrets {
    pub(crate) fn is_empty(&self) -> bool {
        !self.is_any
    }

    /// Adds a value.
    pub(crate) fn add(&mut self, value: &str) {
        self.is_any = true;
        let value = value.trim_end_matches('\n');
        if value.len() >= SHORTEST && value != PLACEHOLDER && !self.values.iter().any(|known| known == value)
        {
            self.values.push(value.into());
        }
    }

    /// Adds a text and, where it is a document, each of its values.
    pub(crate) fn add_document(&mut self, text: &str) {
        self.add(text);
        if text.contains([':', '{', '['])
            && let Ok(Some(document)) = read_document(text.as_bytes(), FileId::NONE, &ReadOptions::yaml11())
        {
            self.add_below(&document.root, 0);
        }
    }

    fn add_below(&mut self, node: &Node, depth: usize) {
        if depth > 100 {
            return;
        }
        for entry in node.entries().unwrap_or_default() {
            self.add_value(&entry.value, depth);
        }
        for item in node.items().unwrap_or_default() {
            self.add_value(item, depth);
        }
    }

    fn add_value(&mut self, node: &Node, depth: usize) {
        match node.as_str() {
            Some(text) => self.add(text),
            None => self.add_below(node, depth + 1),
        }
    }

    /// Adds what differs between an encrypted object and the same one opened.
    fn add_opened(&mut self, sealed: &Node, opened: &Node) {
        match (&sealed.data, &opened.data) {
            (Data::Mapping(_), Data::Mapping(entries)) => {
                for entry in entries {
                    if let Some(old) = entry.key.as_str().and_then(|key| sealed.get(key)) {
                        self.add_opened(old, &entry.value);
                    }
                }
            }
            (Data::Sequence(old), Data::Sequence(new)) => {
                old.iter().zip(new).for_each(|(old, new)| self.add_opened(old, new));
            }
            _ => {
                if let Some(value) = opened.as_str().filter(|value| sealed.as_str() != Some(value)) {
                    self.add(value);
                    let bytes = STANDARD.decode(value).ok();
                    if let Some(decoded) = bytes.and_then(|bytes| String::from_utf8(bytes).ok()) {
                        self.add(&decoded);
                    }
                }
            }
        }
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        self.is_any |= other.is_any;
        other.values.iter().for_each(|value| self.add(value));
    }

    /// Returns whether a text tells one of them.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.values.iter().any(|value| text.contains(value.as_str()))
    }

    /// Hides them in a text.
    pub(crate) fn hide(&self, text: &str) -> String {
        let mut shown = text.to_owned();
        for value in &self.values {
            if shown.contains(value.as_str()) {
                shown = shown.replace(value.as_str(), HIDDEN);
            }
        }
        shown
    }

    /// Hides them in a gap.
    pub(crate) fn hide_in(&self, gap: &mut Gap) {
        gap.message = self.hide(&gap.message);
        gap.help = self.hide(&gap.help);
    }

    /// Hides them in an object.
    pub(crate) fn hide_below(&self, node: &mut Node) {
        if let Some(text) = node.as_str() {
            if self.is_in(text) {
                *node = Node::string(self.hide(text)).at(node.place);
            }
            return;
        }
        match &mut node.data {
            Data::Mapping(entries) => entries.iter_mut().for_each(|entry| self.hide_below(&mut entry.value)),
            Data::Sequence(items) => items.iter_mut().for_each(|item| self.hide_below(item)),
            Data::Scalar(_) | Data::Alias(_) => {}
        }
    }
}

/// Opens what it can, and takes note of what it opened and what it could not.
pub(crate) struct Opener<'k> {
    keys: Option<&'k AgeKeys>,
    opened: RefCell<Secrets>,
    /// Why, by file.
    locked: RefCell<BTreeMap<String, String>>,
}

impl<'k> Opener<'k> {
    pub(crate) fn new(keys: Option<&'k AgeKeys>) -> Self {
        Self { keys, opened: RefCell::default(), locked: RefCell::default() }
    }

    /// Returns what was opened, and one note for each file that was not.
    pub(crate) fn finish(self) -> (Secrets, Vec<Gap>) {
        let note = |(file, why): (String, String)| {
            let message = format!("values that SOPS encrypted are shown as {PLACEHOLDER}: {why}");
            Gap::new(Severity::Unresolved, file, message).help("give an age key that opens the file")
        };
        (self.opened.into_inner(), self.locked.into_inner().into_iter().map(note).collect())
    }

    /// Tries a key; takes note of a file for which there is none.
    fn try_keys<T>(
        &self,
        file: &str,
        open: impl Fn(&AgeKeys) -> Result<T, SopsError>,
    ) -> Result<Option<T>, SopsError> {
        let keys = self.keys.filter(|keys| !keys.is_empty());
        let why = match keys.map(open) {
            Some(Ok(opened)) => return Ok(Some(opened)),
            Some(Err(error)) if error.is_locked() => error.to_string(),
            Some(Err(error)) => return Err(error),
            None => "no key is given".to_owned(),
        };
        self.locked.borrow_mut().insert(file.to_owned(), why);
        Ok(None)
    }
}

impl Seals for Opener<'_> {
    fn document(&self, file: &str, content: &[u8], from: Format, to: Format) -> Result<Vec<u8>, SopsError> {
        let Some(opened) = self.try_keys(file, |keys| decrypt(content, from, to, keys))? else {
            return redact(content, from, to);
        };
        let mut secrets = self.opened.borrow_mut();
        let text = String::from_utf8_lossy(&opened);
        match to {
            Format::Dotenv => {
                text.lines()
                    .filter_map(|line| line.split_once('='))
                    .for_each(|(_, value)| secrets.add(value));
            }
            _ => secrets.add_document(&text),
        }
        secrets.add(&text);
        drop(secrets);
        Ok(opened)
    }

    fn node(&self, file: &str, node: &mut Node) -> Result<(), SopsError> {
        let opened = self.try_keys(file, |keys| {
            let mut opened = node.clone();
            decrypt_node(&mut opened, keys, Integrity::Trust).map(|()| opened)
        })?;
        match opened {
            Some(opened) => {
                self.opened.borrow_mut().add_opened(node, &opened);
                *node = opened;
            }
            None => hold_places(node),
        }
        Ok(())
    }
}

/// Takes the envelope off an object and puts the placeholder in place of its values, in the form that its kind asks for.
pub(crate) fn hold_places(node: &mut Node) {
    redact_node(node);
    if kind(node) != "Secret" {
        return;
    }
    let form = text(node, &["type"]);
    for field in ["data", "stringData"] {
        for entry in node.get_mut(field).and_then(Node::entries_mut).into_iter().flatten() {
            if entry.value.as_str() != Some(PLACEHOLDER) {
                continue;
            }
            let word = match (form.as_str(), entry.key.as_str()) {
                ("kubernetes.io/dockerconfigjson", Some(".dockerconfigjson")) => {
                    format!("{{\"mask\":\"{PLACEHOLDER}\"}}")
                }
                _ => PLACEHOLDER.to_owned(),
            };
            let word = if field == "data" { STANDARD.encode(word) } else { word };
            entry.value = Node::string(word).at(entry.value.place);
        }
    }
}

/// Returns whether a value holds a placeholder, in base64 too.
pub(crate) fn is_placeholder(text: &str) -> bool {
    text.contains(PLACEHOLDER)
        || text.contains(SEALED_WORD)
        || text.starts_with(PACKED_PLACEHOLDER)
        || text.starts_with(PACKED_MASK)
}

/// A value as it may be put into another text.
pub(crate) fn as_word(value: Str) -> Str {
    if value.contains(PLACEHOLDER) { value.replace(PLACEHOLDER, SEALED_WORD).into() } else { value }
}

/// What several apps have decrypted.
pub(crate) fn joined<'s>(all: impl IntoIterator<Item = &'s Arc<Secrets>>) -> Secrets {
    let mut joined = Secrets::default();
    let mut seen: Vec<*const Secrets> = Vec::new();
    for one in all {
        if !seen.contains(&Arc::as_ptr(one)) {
            seen.push(Arc::as_ptr(one));
            joined.extend(one);
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_known_in_every_form() {
        for (kind, key) in [("Opaque", "a"), ("kubernetes.io/dockerconfigjson", ".dockerconfigjson")] {
            for field in ["data", "stringData"] {
                let text = format!(
                    "kind: Secret\ntype: {kind}\n{field}: {{{key}: 'ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]'}}\nsops: {{}}\n"
                );
                let document = read_document(text.as_bytes(), FileId::NONE, &ReadOptions::yaml11());
                let mut node = document.unwrap().unwrap().root;
                hold_places(&mut node);
                let value = node.at_path(&[field, key]).and_then(Node::as_str).unwrap();
                assert!(is_placeholder(value), "{value}");
                assert!(node.get("sops").is_none());
            }
        }
    }
}
