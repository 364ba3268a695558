//! What earlier renders made, kept as long as nothing that it was made from has changed.
//!
//! As bytes it is a line that tells who wrote it, and then records: a length, an age, a key, a checksum, a body. A record is
//! looked into only when it is asked for, and one that is still good is copied as it stands.

pub(crate) mod codec;

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use super::app::{Gap, RenderedObject};
use super::recorder::{Answers, Digest, Reads};
use super::roots::Declared;
use super::scan::Scans;
use super::sealed::Secrets;
use codec::{Reader, Writer};

/// Rendered apps by what they were rendered from. A value of the caller's: kept in memory between renders, or as bytes
/// between processes.
#[derive(Clone, Default)]
pub struct Cache {
    entries: HashMap<Digest, Arc<Entry>>,
    scans: Scans,
    stored: Stored,
    hits: usize,
    misses: usize,
    has_changed: bool,
}

/// What one app was rendered to.
#[derive(Clone, Default)]
pub(crate) struct Entry {
    pub(crate) objects: Vec<RenderedObject>,
    /// Apps and sources among the objects.
    pub(crate) declared: Vec<Declared>,
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

    /// Writes it; nothing where it may not be kept as bytes.
    fn write(&self) -> Option<Vec<u8>> {
        if self.secrets.is_some() {
            return None;
        }
        let mut writer = Writer::default();
        writer.reads(&self.reads);
        writer.number(self.objects.len());
        self.objects.iter().for_each(|object| writer.object(object));
        writer.number(self.declared.len());
        self.declared.iter().for_each(|declared| writer.declared(declared));
        writer.number(self.gaps.len());
        self.gaps.iter().for_each(|gap| writer.gap(gap));
        (!writer.has_failed).then_some(writer.bytes)
    }

    /// Reads what was written, if the tree still answers as it did.
    fn read(body: &[u8], answers: &Answers<'_>) -> Option<Self> {
        let mut reader = Reader { rest: body };
        // In the order in which they are written.
        let entry = Self {
            reads: reader.reads(&|path, question, known| answers.digest(path, question) == *known)?,
            objects: (0..reader.count()?).map(|_| reader.object()).collect::<Option<_>>()?,
            declared: (0..reader.count()?).map(|_| reader.declared()).collect::<Option<_>>()?,
            gaps: (0..reader.count()?).map(|_| reader.gap()).collect::<Option<_>>()?,
            secrets: None,
        };
        reader.rest.is_empty().then_some(entry)
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

    /// Returns whether the last render found out anything that the bytes which were read do not hold.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.has_changed
    }

    /// Takes what is known of files out, until [`Cache::replace`].
    pub(crate) fn take_scans(&mut self) -> Scans {
        std::mem::take(&mut self.scans)
    }

    pub(crate) fn get(&self, key: Digest, answers: &Answers<'_>) -> Option<Arc<Entry>> {
        if let Some(entry) = self.entries.get(&key) {
            return entry.reads.hold(answers).then(|| Arc::clone(entry));
        }
        Entry::read(self.stored.body(&key)?, answers).map(Arc::new)
    }

    /// Keeps what a render used and made. What it did not use is forgotten, in bytes after a while.
    pub(crate) fn replace(&mut self, used: Used) {
        let Used { entries, scans, has_new_scans, hits, misses, missed } = used;
        for key in &missed {
            self.stored.forget(key);
        }
        let is_new =
            |(key, entry): (&Digest, &Arc<Entry>)| entry.secrets.is_none() && !self.stored.holds(key);
        self.has_changed = has_new_scans || entries.iter().any(is_new);
        (self.hits, self.misses) = (hits, misses);
        self.entries = entries;
        self.scans = scans;
    }

    /// Writes the cache, to be [read](Cache::from_bytes) by the program that the stamp names. What was rendered from decrypted
    /// values is left out, as are charts that may be others next time.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_to(&self, stamp: &str, out: &mut impl Write) -> std::io::Result<()> {
        out.write_all(&head(stamp))?;
        let mut written = append(out, 0, &SCANS, &self.scans.write())?;
        let mut keys: Vec<&Digest> = self.entries.keys().collect();
        keys.sort_unstable();
        for key in keys {
            let body = match self.stored.body(key) {
                Some(known) => Some(Cow::Borrowed(known)),
                None => self.entries.get(key).and_then(|entry| entry.write()).map(Cow::Owned),
            };
            if let Some(body) = body {
                written += append(out, 0, key, &body)?;
            }
        }
        let room = written.max(LEAST_ROOM);
        let mut kept = 0;
        for (age, key, body) in self.stored.unused(&self.entries) {
            kept += body.len();
            if kept > room {
                break;
            }
            append(out, age, key, body)?;
        }
        Ok(())
    }

    /// Writes the cache into memory, as [`Cache::write_to`] does.
    #[must_use]
    pub fn to_bytes(&self, stamp: &str) -> Vec<u8> {
        let mut all = Vec::new();
        // Memory takes whatever is written.
        let _ = self.write_to(stamp, &mut all);
        all
    }

    /// Reads what [`Cache::write_to`] wrote with the same stamp; what is damaged or of another program is left out.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>, stamp: &str) -> Self {
        let stored = Stored::read(bytes, stamp);
        let scans = stored.body(&SCANS).and_then(Scans::read).unwrap_or_default();
        Self { scans, stored, ..Self::default() }
    }
}

/// What one render used.
#[derive(Default)]
pub(crate) struct Used {
    pub(crate) entries: HashMap<Digest, Arc<Entry>>,
    pub(crate) scans: Scans,
    pub(crate) has_new_scans: bool,
    /// How many apps were taken from the cache.
    pub(crate) hits: usize,
    /// How many were rendered.
    pub(crate) misses: usize,
    /// Their keys, where they have one.
    pub(crate) missed: Vec<Digest>,
}

/// The key of what is known of files.
const SCANS: Digest = Digest([0xff; 32]);
/// Unused entries of small fleets are kept up to this many bytes; of large ones up to as many as those in use.
const LEAST_ROOM: usize = 1 << 20;
/// Entries that were not used in this many changes of a cache are dropped.
const OLDEST: u8 = 8;

fn head(stamp: &str) -> Vec<u8> {
    format!("gitops fleet 5 {} {stamp}\n", env!("CARGO_PKG_VERSION")).into_bytes()
}

/// Length, age, key, checksum.
const RECORD: usize = 4 + 1 + 32 + 4;

fn checksum(age: u8, key: &Digest, body: &[u8]) -> [u8; 4] {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&[age]);
    sum.update(&key.0);
    sum.update(body);
    sum.finalize().to_le_bytes()
}

/// Writes a record, and returns how many bytes it has; one that is too long for its length is left out.
fn append(out: &mut impl Write, age: u8, key: &Digest, body: &[u8]) -> std::io::Result<usize> {
    let Ok(length) = u32::try_from(body.len()) else { return Ok(0) };
    out.write_all(&length.to_le_bytes())?;
    out.write_all(&[age])?;
    out.write_all(&key.0)?;
    out.write_all(&checksum(age, key, body))?;
    out.write_all(body)?;
    Ok(RECORD + body.len())
}

/// Bytes of an earlier run, with the place of each record.
#[derive(Clone, Default)]
struct Stored {
    bytes: Arc<Vec<u8>>,
    records: HashMap<Digest, Record>,
}

#[derive(Clone)]
struct Record {
    age: u8,
    sum: [u8; 4],
    body: Range<usize>,
}

impl Stored {
    fn read(bytes: Vec<u8>, stamp: &str) -> Self {
        let mut records = HashMap::new();
        let head = head(stamp);
        let mut reader = Reader { rest: bytes.strip_prefix(head.as_slice()).unwrap_or_default() };
        while let Some(record) = reader.take(RECORD) {
            let mut parts = Reader { rest: record };
            let Some(length) = parts.take(4).and_then(|length| length.try_into().ok()) else { break };
            let length = u32::from_le_bytes(length) as usize;
            let (Some(age), Some(key)) = (parts.byte(), parts.digest()) else { break };
            let Ok(sum) = parts.rest.try_into() else { break };
            let begin = bytes.len() - reader.rest.len();
            if reader.take(length).is_none() {
                break;
            }
            records.insert(key, Record { age, sum, body: begin..begin + length });
        }
        Self { bytes: Arc::new(bytes), records }
    }

    fn holds(&self, key: &Digest) -> bool {
        self.records.contains_key(key)
    }

    fn forget(&mut self, key: &Digest) {
        self.records.remove(key);
    }

    /// The body of a record that is whole.
    fn body(&self, key: &Digest) -> Option<&[u8]> {
        let record = self.records.get(key)?;
        let body = self.bytes.get(record.body.clone())?;
        (checksum(record.age, key, body) == record.sum).then_some(body)
    }

    /// Records that were not used, a change older than before, the youngest first.
    fn unused(&self, used: &HashMap<Digest, Arc<Entry>>) -> Vec<(u8, &Digest, &[u8])> {
        let is_unused = |key: &&Digest| **key != SCANS && !used.contains_key(key);
        let older = |key| Some((self.records.get(key)?.age.saturating_add(1), key, self.body(key)?));
        let mut unused: Vec<_> = self.records.keys().filter(is_unused).filter_map(older).collect();
        unused.retain(|(age, _, _)| *age <= OLDEST);
        unused.sort_unstable_by_key(|(age, key, _)| (*age, *key));
        unused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::tree::MemTree;

    fn cache(keys: &[u8]) -> Cache {
        let entry = || {
            let gap = Gap::error("a.yaml:1:1", "x".repeat(100));
            Arc::new(Entry { gaps: vec![gap], ..Entry::default() })
        };
        let entries = keys.iter().map(|key| (Digest([*key; 32]), entry())).collect();
        Cache { entries, ..Cache::default() }
    }

    fn held(cache: &Cache, keys: std::ops::RangeInclusive<u8>) -> Vec<u8> {
        let tree = MemTree::new();
        let answers = Answers::new(&tree);
        keys.filter(|key| cache.get(Digest([*key; 32]), &answers).is_some()).collect()
    }

    #[test]
    fn a_damaged_byte_costs_one_entry_and_a_cut_those_behind_it() {
        let bytes = cache(&[1, 2, 3]).to_bytes("a");
        assert_eq!(held(&Cache::from_bytes(bytes.clone(), "a"), 1..=3), [1, 2, 3]);
        assert_eq!(held(&Cache::from_bytes(bytes.clone(), "b"), 1..=3), [0; 0], "of another program");
        let begin = head("a").len();
        for at in begin..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            assert!(held(&Cache::from_bytes(damaged, "a"), 1..=3).len() < 3 || at < begin + 45, "{at}");
            assert!(held(&Cache::from_bytes(bytes[..at].to_vec(), "a"), 1..=3).len() < 3, "{at}");
        }
    }

    #[test]
    fn what_is_not_used_is_dropped_after_a_while() {
        let mut bytes = cache(&[1, 2]).to_bytes("a");
        for turn in 1..=12 {
            let mut next = Cache::from_bytes(bytes, "a");
            assert_eq!(held(&next, 1..=1).is_empty(), turn > 1 + usize::from(OLDEST), "{turn}");
            next.entries = cache(&[2]).entries;
            bytes = next.to_bytes("a");
            assert_eq!(held(&Cache::from_bytes(bytes.clone(), "a"), 2..=2), [2]);
        }
    }
}
