//! What a notification says: Flux's event, as its `generic` provider sends it.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};
use serde_json::ser::{CharEscape, Formatter};

/// One event on its way to people; its JSON has the fields and the order of Flux's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Notice {
    /// The object that it is about.
    pub involved_object: Involved,
    /// `info`, `error`, or `trace`.
    pub severity: String,
    /// When, in RFC 3339.
    pub timestamp: String,
    /// The text.
    pub message: String,
    /// One word for machines.
    pub reason: String,
    /// More facts, without the prefixes of groups.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Who tells it: `kustomize-controller`.
    pub reporting_controller: String,
    /// Which instance of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reporting_instance: String,
}

/// An object, named in full.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Involved {
    /// Its kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Its namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Its name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its uid.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// Its group and version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// Its version in the cluster.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource_version: String,
}

impl Notice {
    /// Returns whether something failed.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == "error"
    }

    /// Returns whether it tells of work that goes on, which most who look after incidents do not want to know.
    #[must_use]
    pub fn is_progress(&self) -> bool {
        self.reason == "Progressing"
    }

    /// Returns `kind/name.namespace`, the kind in lower case.
    #[must_use]
    pub fn subject(&self) -> String {
        let object = &self.involved_object;
        format!("{}/{}.{}", object.kind.to_lowercase(), object.name, object.namespace)
    }

    /// Returns the revision that it is about: a commit that was named, the origin's revision, or the source's.
    #[must_use]
    pub fn revision(&self) -> Option<&str> {
        ["commit", "originRevision", "revision"]
            .iter()
            .find_map(|key| self.metadata.get(*key))
            .map(String::as_str)
    }

    /// Returns the reason in words: `health check failed`.
    #[must_use]
    pub fn reason_in_words(&self) -> String {
        words(&self.reason).join(" ").to_lowercase()
    }
}

/// Splits a word where its letters change between upper, lower, digits and others; `PDFLoader` is `PDF`, `Loader`.
fn words(text: &str) -> Vec<String> {
    let class = |c: char| match c {
        _ if c.is_lowercase() => 1,
        _ if c.is_uppercase() => 2,
        _ if c.is_numeric() => 3,
        _ => 4,
    };
    let mut runs: Vec<Vec<char>> = Vec::new();
    for c in text.chars() {
        match runs.last_mut() {
            Some(run) if run.first().is_some_and(|first| class(*first) == class(c)) => run.push(c),
            _ => runs.push(vec![c]),
        }
    }
    for index in 1..runs.len() {
        let (before, after) = runs.split_at_mut(index);
        let (Some(upper), Some(lower)) = (before.last_mut(), after.first_mut()) else { continue };
        let starts = |run: &[char], wanted| run.first().is_some_and(|first| class(*first) == wanted);
        if starts(upper, 2) && starts(lower, 1) {
            lower.splice(0..0, upper.pop());
        }
    }
    runs.into_iter().filter(|run| !run.is_empty()).map(String::from_iter).collect()
}

/// Writes JSON byte for byte as Go's `encoding/json` does, so that signatures over it agree.
pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut out, Go);
    // Texts, numbers and maps of texts can't fail to be written to memory.
    drop(value.serialize(&mut writer));
    out
}

/// Go's way: no spaces, and what HTML gives a meaning is escaped.
struct Go;

impl Formatter for Go {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (plain, special) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut chars = special.chars();
            if let Some(c) = chars.next() {
                write!(writer, "\\u{:04x}", u32::from(c))?;
            }
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        serde_json::ser::CompactFormatter.write_char_escape(writer, escape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_as_go_writes_it() {
        let text = String::from_utf8(json(&"<a> & \u{2028}\"\n\u{1}é")).unwrap();
        assert_eq!(text, r#""\u003ca\u003e \u0026 \u2028\"\n\u0001é""#);
    }

    #[test]
    fn reasons_become_words() {
        let check = |reason: &str, wanted: &str| {
            let notice = Notice { reason: reason.into(), ..Notice::default() };
            assert_eq!(notice.reason_in_words(), wanted);
        };
        check("HealthCheckFailed", "health check failed");
        check("OCIPullFailed", "oci pull failed");
        check("", "");
    }
}
