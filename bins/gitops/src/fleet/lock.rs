//! What ranges, branches and tags resolved to, in a file; and what was fetched, in a folder by digest.

use crate::Failure;
use gitops_core::digest::sha256;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a repository's lock file is called.
pub(super) const FILE: &str = "gitops.lock";
const VERSION: u32 = 1;

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Wanted {
    /// Where it comes from.
    pub(super) url: String,
    /// A chart's name; nothing where the URL names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) chart: String,
    /// A version, range, tag, branch or commit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) reference: String,
}

/// What it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Locked {
    /// A chart's version, or a revision such as `main@sha1:…`.
    pub(super) version: String,
    /// The archive's: `sha256:…`.
    pub(super) digest: String,
    /// A registry's digest of the manifest, by which the same is fetched again.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) manifest: String,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    wanted: Wanted,
    #[serde(flatten)]
    locked: Locked,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    lock_version: u32,
    resolved: Vec<Entry>,
}

/// The entries of a lock file.
pub(super) type Entries = BTreeMap<Wanted, Locked>;

/// Reads a lock file's text.
pub(super) fn read(text: &[u8], name: &str) -> Result<Entries, Failure> {
    let document: Document = serde_json::from_slice(text).map_err(|error| format!("{name}: {error}"))?;
    if document.lock_version != VERSION {
        let version = document.lock_version;
        return Err(format!("{name}: lock version {version} is not known here, only {VERSION} is").into());
    }
    Ok(document.resolved.into_iter().map(|entry| (entry.wanted, entry.locked)).collect())
}

/// Writes a lock file, where it would not be the same.
pub(super) fn write(path: &Path, entries: &Entries) -> Result<(), Failure> {
    let resolved = entries.iter().map(|(wanted, locked)| {
        let (wanted, locked) = (wanted.clone(), locked.clone());
        Entry { wanted, locked }
    });
    let document = Document { lock_version: VERSION, resolved: resolved.collect() };
    let text = format!("{:#}\n", serde_json::to_value(&document)?);
    if std::fs::read(path).is_ok_and(|known| known == text.as_bytes()) {
        return Ok(());
    }
    let fresh = path.with_extension("lock.new");
    let written = std::fs::write(&fresh, text).and_then(|()| std::fs::rename(&fresh, path));
    written.map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Archives by digest.
pub(super) struct Archives {
    folder: PathBuf,
}

impl Archives {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder that is used where none is named: the user's cache.
    pub(super) fn of_user() -> Option<PathBuf> {
        let variable =
            |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let cache = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
        Some(cache?.join("gitops").join("archives"))
    }

    fn path(&self, digest: &str) -> Option<PathBuf> {
        let hash = digest.strip_prefix("sha256:")?;
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hash.then(|| self.folder.join("sha256").join(hash))
    }

    /// Returns an archive; what is not what its name says is none.
    pub(super) fn get(&self, digest: &str) -> Option<Arc<[u8]>> {
        let content = std::fs::read(self.path(digest)?).ok()?;
        (sha256(&content) == digest).then(|| content.into())
    }

    /// Keeps an archive, and returns its digest.
    pub(super) fn put(&self, content: &[u8]) -> Result<String, String> {
        let digest = sha256(content);
        let path = self.path(&digest).ok_or("no digest")?;
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        if !path.exists() {
            std::fs::create_dir_all(path.parent().unwrap_or(&self.folder)).map_err(failed)?;
            let fresh = path.with_extension(format!("new-{}", std::process::id()));
            std::fs::write(&fresh, content).and_then(|()| std::fs::rename(&fresh, &path)).map_err(failed)?;
        }
        Ok(digest)
    }
}
