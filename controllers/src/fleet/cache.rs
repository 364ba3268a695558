//! What earlier renders made, kept as long as nothing that it was made from has changed.

use std::collections::HashMap;
use std::sync::Arc;

use gitops_core::object::ObjectId;
use gitops_yaml::Str;
use serde::{Deserialize, Serialize};

use super::app::{Gap, RenderedObject, Severity};
use super::recorder::{Answers, Digest, Question, Reads};
use super::sealed::Secrets;

/// Rendered apps by what they were rendered from. A value of the caller's: kept in memory between renders, or as bytes
/// between processes.
#[derive(Clone, Default)]
pub struct Cache {
    entries: HashMap<Digest, Arc<Entry>>,
    hits: usize,
    misses: usize,
}

/// What one app was rendered to.
#[derive(Clone, Default)]
pub(crate) struct Entry {
    pub(crate) objects: Vec<RenderedObject>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) reads: Reads,
    /// What went into it decrypted: it is kept in memory alone then.
    pub(crate) secrets: Option<Arc<Secrets>>,
}

impl Entry {
    /// Takes decrypted values out of what is told.
    pub(crate) fn hide_secrets(&mut self) {
        if let Some(secrets) = &self.secrets {
            self.gaps.iter_mut().for_each(|gap| secrets.hide_in(gap));
        }
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}

impl Cache {
    /// Returns how many apps of the last render were taken from here, and how many were rendered.
    #[must_use]
    pub fn hits_and_misses(&self) -> (usize, usize) {
        (self.hits, self.misses)
    }

    pub(crate) fn get(&self, key: Digest, answers: &Answers<'_>) -> Option<Arc<Entry>> {
        self.entries.get(&key).filter(|entry| entry.reads.hold(answers)).map(Arc::clone)
    }

    /// Keeps what a render used and made; all else is forgotten.
    pub(crate) fn replace(&mut self, entries: HashMap<Digest, Arc<Entry>>, hits: usize) {
        self.misses = entries.len().saturating_sub(hits);
        self.hits = hits;
        self.entries = entries;
    }

    /// Writes the cache as bytes, to be [read](Cache::from_bytes) by the same version of this program. What was rendered
    /// from decrypted values is left out.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut entries: Vec<Stored> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.secrets.is_none())
            .map(|(key, entry)| Stored::of(*key, entry))
            .collect();
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        serde_json::to_vec(&(VERSION, entries)).unwrap_or_default()
    }

    /// Reads what [`Cache::to_bytes`] wrote; an empty cache where that can't be read.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let Ok((version, entries)) = serde_json::from_slice::<(String, Vec<Stored>)>(bytes) else {
            return Self::default();
        };
        if version != VERSION {
            return Self::default();
        }
        let entries = entries.into_iter().filter_map(Stored::read).collect();
        Self { entries, ..Self::default() }
    }
}

/// Entries of other versions may have been rendered otherwise.
const VERSION: &str = concat!("fleet-2-", env!("CARGO_PKG_VERSION"));

#[derive(Serialize, Deserialize)]
struct Stored {
    key: String,
    reads: Vec<(String, u8, String)>,
    /// Group, kind, namespace, name, version, manifest, place.
    objects: Vec<[String; 7]>,
    gaps: Vec<(u8, String, String, String)>,
}

impl Stored {
    fn of(key: Digest, entry: &Entry) -> Self {
        let object = |object: &RenderedObject| {
            let ObjectId { group, kind, namespace, name } = &object.id;
            let texts = [group, kind, namespace, name, &object.api_version];
            let [group, kind, namespace, name, version] = texts.map(ToString::to_string);
            [group, kind, namespace, name, version, object.yaml.to_string(), object.place.to_string()]
        };
        let gap = |gap: &Gap| {
            let severity = match gap.severity {
                Severity::Note => 0,
                Severity::Warning => 1,
                Severity::Error => 2,
                Severity::Unresolved => 3,
            };
            (severity, gap.place.clone(), gap.message.clone(), gap.help.clone())
        };
        let reads = entry.reads.0.iter();
        Self {
            key: hex(key),
            reads: reads
                .map(|((path, question), digest)| (path.clone(), *question as u8, hex(*digest)))
                .collect(),
            objects: entry.objects.iter().map(object).collect(),
            gaps: entry.gaps.iter().map(gap).collect(),
        }
    }

    fn read(self) -> Option<(Digest, Arc<Entry>)> {
        let mut entry = Entry::default();
        for (path, question, digest) in self.reads {
            let question = match question {
                0 => Question::Content,
                1 => Question::Kind,
                2 => Question::Listing,
                _ => Question::Real,
            };
            entry.reads.0.insert((path, question), unhex(&digest)?);
        }
        for [group, kind, namespace, name, version, yaml, place] in self.objects {
            let [group, kind, namespace, name] = [group, kind, namespace, name].map(Str::from);
            entry.objects.push(RenderedObject {
                id: ObjectId { group, kind, namespace, name },
                api_version: version.into(),
                yaml: yaml.into(),
                place: place.into(),
                node: None,
                secrets: None,
            });
        }
        for (severity, place, message, help) in self.gaps {
            let severity = match severity {
                0 => Severity::Note,
                1 => Severity::Warning,
                3 => Severity::Unresolved,
                _ => Severity::Error,
            };
            entry.gaps.push(Gap::new(severity, place, message).help(help));
        }
        Some((unhex(&self.key)?, Arc::new(entry)))
    }
}

fn hex(digest: Digest) -> String {
    digest.to_string()
}

fn unhex(text: &str) -> Option<Digest> {
    let mut bytes = [0; 32];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(Digest(bytes))
}
