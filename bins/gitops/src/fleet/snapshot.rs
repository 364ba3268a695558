//! A folder of the disk as it was when it was listed, once: what stands where is answered from memory, and small files are
//! read once.

use super::stats::Stats;
use gitops_core::did_you_mean;
use gitops_core::tree::{EntryKind, ErrorKind, Source, TreeError, base_name, clean, parent};
use gitops_fs::Folder;
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Files up to this size are kept once they were read.
const SMALL: usize = 32 << 10;
/// Deeper folders are looked at one by one.
const DEPTH: usize = 64;

pub(crate) struct Snapshot {
    folder: Folder,
    entries: HashMap<String, Entry>,
    /// Links are followed by the folder itself, which knows how to stay inside.
    has_links: bool,
    /// Digests of files, where a run wants them.
    stats: OnceLock<Stats>,
}

enum Entry {
    File(OnceLock<Box<[u8]>>),
    Directory(Vec<String>),
}

impl Snapshot {
    pub(crate) fn new(folder: Folder) -> Self {
        let mut snapshot = Self { folder, entries: HashMap::new(), has_links: false, stats: OnceLock::new() };
        let root = snapshot.folder.root().to_owned();
        snapshot.walk(&root, ".", 0);
        snapshot
    }

    /// Takes digests of files from a file that earlier runs left, and for later ones.
    pub(crate) fn remember(&self, file: PathBuf) -> &Stats {
        self.stats.get_or_init(|| Stats::open(self.folder.root(), file))
    }

    /// Returns whether something may be at a path.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.has_links || self.entries.contains_key(path)
    }

    fn walk(&mut self, folder: &Path, inside: &str, depth: usize) {
        let Ok(listing) = std::fs::read_dir(folder) else { return };
        let mut names = Vec::new();
        for entry in listing.flatten() {
            let (Ok(name), Ok(kind)) = (entry.file_name().into_string(), entry.file_type()) else { continue };
            let path = if inside == "." { name.clone() } else { format!("{inside}/{name}") };
            if kind.is_dir() && depth < DEPTH {
                if name != ".git" {
                    self.walk(&entry.path(), &path, depth + 1);
                }
            } else if kind.is_file() {
                self.entries.insert(path, Entry::File(OnceLock::new()));
            } else {
                self.has_links = true;
            }
            names.push(name);
        }
        names.sort_unstable();
        self.entries.insert(inside.to_owned(), Entry::Directory(names));
    }

    /// What the listing knows of a path; where there are links the folder may know more.
    fn find(&self, path: &str) -> Result<(String, Option<&Entry>), TreeError> {
        let path = clean(path)?;
        let entry = self.entries.get(&path);
        if entry.is_some() || self.has_links || path.starts_with(".git") {
            return Ok((path, entry));
        }
        let above = parent(&path);
        let near = match self.entries.get(above) {
            Some(Entry::Directory(names)) => did_you_mean(base_name(&path), names.iter().map(String::as_str))
                .map(|name| if above == "." { name.to_owned() } else { format!("{above}/{name}") }),
            _ => None,
        };
        Err(TreeError::not_found(path, near))
    }
}

impl Source for Snapshot {
    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, TreeError> {
        let (path, entry) = self.find(path)?;
        if let Some(stats) = self.stats.get() {
            // Before it is read: what changes in between shows later.
            let _ = stats.look(&path);
        }
        match entry {
            Some(Entry::Directory(_)) => Err(TreeError::new(ErrorKind::IsDirectory, path)),
            Some(Entry::File(content)) => {
                if let Some(content) = content.get() {
                    return Ok(Cow::Borrowed(content));
                }
                let Ok(read) = std::fs::read(self.folder.root().join(&path)) else {
                    return Ok(Cow::Owned(self.folder.read(&path)?.into_owned()));
                };
                if read.len() > SMALL {
                    return Ok(Cow::Owned(self.folder.read(&path)?.into_owned()));
                }
                Ok(Cow::Borrowed(content.get_or_init(|| read.into())))
            }
            None => self.folder.read(&path),
        }
    }

    fn kind(&self, path: &str) -> Result<EntryKind, TreeError> {
        match self.find(path)? {
            (_, Some(Entry::File(_))) => Ok(EntryKind::File),
            (_, Some(Entry::Directory(_))) => Ok(EntryKind::Directory),
            (path, None) => self.folder.kind(&path),
        }
    }

    fn list(&self, path: &str) -> Result<Vec<String>, TreeError> {
        match self.find(path)? {
            (path, Some(Entry::File(_))) => Err(TreeError::new(ErrorKind::NotDirectory, path)),
            (_, Some(Entry::Directory(names))) => Ok(names.clone()),
            (path, None) => self.folder.list(&path),
        }
    }

    fn resolve(&self, path: &str) -> Result<String, TreeError> {
        match self.find(path)? {
            (path, Some(_)) => Ok(path),
            (path, None) => self.folder.resolve(&path),
        }
    }
}
