//! Digests of files from earlier runs, by what the disk says of a file without reading it: size, times, inode.
//!
//! A file that was changed again within the tick of the clock in which it was looked at says nothing of the change. So only
//! what had settled before a run began is kept, as git's index has it.

use gitops_controllers::fleet::{Digest, Digests};
use std::collections::{BTreeMap, HashMap};
use std::fs::Metadata;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// What the disk says of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stat {
    size: u64,
    /// Nanoseconds since 1970.
    modified: i64,
    /// The same of the last change of its content, name or owner; nobody can set it.
    changed: i64,
    inode: u64,
}

/// Clocks of disks tick at least this often.
const TICK: Duration = Duration::from_millis(50);
/// Those that know no fractions of a second.
const SLOW_TICK: Duration = Duration::from_millis(2100);

impl Stat {
    #[cfg(unix)]
    pub(crate) fn of(facts: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        let nanos = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Self {
            size: facts.len(),
            modified: nanos(facts.mtime(), facts.mtime_nsec()),
            changed: nanos(facts.ctime(), facts.ctime_nsec()),
            inode: facts.ino(),
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn of(facts: &Metadata) -> Self {
        let modified = facts.modified().map_or(i64::MAX, nanos);
        Self { size: facts.len(), modified, changed: modified, inode: 0 }
    }

    /// Returns whether a change at this time or later is sure to show.
    pub(crate) fn is_settled(&self, now: SystemTime) -> bool {
        let last = self.modified.max(self.changed);
        let tick = if last % 1_000_000_000 == 0 { SLOW_TICK } else { TICK };
        now.checked_sub(tick).is_some_and(|time| last < nanos(time))
    }
}

fn nanos(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// The digests that are known of the files of one folder.
pub(crate) struct Stats {
    root: PathBuf,
    /// Where they are kept.
    file: PathBuf,
    begun: SystemTime,
    before: HashMap<String, (Stat, Digest)>,
    looked: Mutex<HashMap<String, Option<Stat>>>,
    learned: Mutex<BTreeMap<String, Digest>>,
}

/// Size, two times, inode, digest.
const FACTS: usize = 8 * 4 + 32;

impl Stats {
    /// Reads what earlier runs left in a file; nothing where it is damaged or about another folder.
    pub(crate) fn open(root: &Path, file: PathBuf) -> Self {
        let begun = SystemTime::now();
        let before = std::fs::read(&file).ok().and_then(|bytes| read(&bytes, root)).unwrap_or_default();
        let (looked, learned) = (Mutex::default(), Mutex::default());
        Self { root: root.to_owned(), file, begun, before, looked, learned }
    }

    /// Looks at a file, once; it is to be looked at before it is read.
    pub(crate) fn look(&self, path: &str) -> Option<Stat> {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stat) = looked.get(path) {
            return *stat;
        }
        let facts = std::fs::symlink_metadata(self.root.join(path)).ok();
        let stat = facts.filter(Metadata::is_file).map(|facts| Stat::of(&facts));
        looked.insert(path.to_owned(), stat);
        stat
    }

    /// Returns whether no file that was read has changed since it was looked at.
    pub(crate) fn is_steady(&self) -> bool {
        let learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        learned.keys().all(|path| {
            let now = std::fs::symlink_metadata(self.root.join(path)).ok();
            self.look(path) == now.map(|facts| Stat::of(&facts))
        })
    }

    /// Keeps what is known of the files that are still there, where that is more than before.
    pub(crate) fn save(&self, is_there: impl Fn(&str) -> bool) -> std::io::Result<()> {
        let learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh: BTreeMap<&str, (Stat, Digest)> = learned
            .iter()
            .filter_map(|(path, digest)| Some((path.as_str(), (self.look(path)?, *digest))))
            .filter(|(_, (stat, _))| stat.is_settled(self.begun))
            .collect();
        if fresh.is_empty() {
            return Ok(());
        }
        let mut all: BTreeMap<&str, (Stat, Digest)> =
            self.before.iter().map(|(path, known)| (path.as_str(), *known)).collect();
        all.retain(|path, _| is_there(path) && !learned.contains_key(*path));
        all.extend(fresh);
        super::write_private(&self.file, |out| out.write_all(&write(&all, &self.root)))
    }
}

impl Digests for Stats {
    fn known(&self, path: &str) -> Option<Digest> {
        let (stat, digest) = self.before.get(path)?;
        (self.look(path)? == *stat).then_some(*digest)
    }

    fn learn(&self, path: &str, digest: Digest) {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), digest);
    }
}

fn head(root: &Path) -> Vec<u8> {
    format!("gitops files 1 {}\n", root.display()).into_bytes()
}

fn write(all: &BTreeMap<&str, (Stat, Digest)>, root: &Path) -> Vec<u8> {
    let mut bytes = head(root);
    for (path, (stat, digest)) in all {
        let Ok(length) = u32::try_from(path.len()) else { continue };
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(path.as_bytes());
        bytes.extend_from_slice(&stat.size.to_le_bytes());
        bytes.extend_from_slice(&stat.modified.to_le_bytes());
        bytes.extend_from_slice(&stat.changed.to_le_bytes());
        bytes.extend_from_slice(&stat.inode.to_le_bytes());
        bytes.extend_from_slice(&digest.0);
    }
    let sum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

fn read(bytes: &[u8], root: &Path) -> Option<HashMap<String, (Stat, Digest)>> {
    let (content, sum) = bytes.split_last_chunk::<4>()?;
    if crc32fast::hash(content) != u32::from_le_bytes(*sum) {
        return None;
    }
    let mut rest = content.strip_prefix(head(root).as_slice())?;
    let mut all = HashMap::with_capacity(rest.len() / 100);
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (path, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let (facts, after) = after.split_first_chunk::<FACTS>()?;
        let part =
            |at: usize| facts.get(at..at + 8).and_then(|part| part.try_into().ok()).unwrap_or_default();
        let stat = Stat {
            size: u64::from_le_bytes(part(0)),
            modified: i64::from_le_bytes(part(8)),
            changed: i64::from_le_bytes(part(16)),
            inode: u64::from_le_bytes(part(24)),
        };
        let digest = Digest(*facts.last_chunk::<32>()?);
        all.insert(std::str::from_utf8(path).ok()?.to_owned(), (stat, digest));
        rest = after;
    }
    rest.is_empty().then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_damage_is_noticed() {
        let stat = Stat { size: 3, modified: 5, changed: -7, inode: 11 };
        let all = BTreeMap::from([
            ("a/b.yaml", (stat, Digest([1; 32]))),
            ("c", (Stat::default(), Digest([2; 32]))),
        ]);
        let root = Path::new("/srv/fleet");
        let bytes = write(&all, root);
        let back = read(&bytes, root).unwrap();
        assert_eq!(back.len(), 2);
        assert_eq!(back.get("a/b.yaml"), Some(&(stat, Digest([1; 32]))));
        assert!(read(&bytes, Path::new("/srv/other")).is_none());
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(read(&damaged, root).is_none(), "{at}");
            assert!(read(&bytes[..at], root).is_none(), "{at}");
        }
    }

    #[test]
    fn what_is_young_is_not_trusted() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_700_000_000_123_456_789);
        let settled =
            |modified: i64, changed: i64| Stat { modified, changed, ..Stat::default() }.is_settled(now);
        let at = nanos(now);
        assert!(settled(at - 100_000_000, at - 100_000_000));
        assert!(!settled(at, at) && !settled(at - 10_000_000, at - 10_000_000));
        assert!(!settled(at - 100_000_000, at), "its time was set back");
        assert!(!settled(at + 1_000_000_000, at + 1_000_000_000), "it is of tomorrow");
        let whole = at / 1_000_000_000 * 1_000_000_000;
        assert!(!settled(whole, whole) && settled(whole - 3_000_000_000, whole - 3_000_000_000));
    }
}
