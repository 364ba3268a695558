//! A source's revision as Flux writes it: a name and a digest, `main@sha1:…`.

use std::fmt;
use std::str::FromStr;

/// What was fetched: the reference's name, which may be missing, and the content's digest.
///
/// Both forms of Flux are read, today's `main@sha1:…` and the older `main/…`; today's is printed.
///
/// ```
/// use gitops_core::revision::Revision;
/// let old: Revision = "main/5394cb7f48332b2de7c17dd8b8384bbc84b7e738".parse()?;
/// assert_eq!(old.to_string(), "main@sha1:5394cb7f48332b2de7c17dd8b8384bbc84b7e738");
/// assert_eq!((old.name(), old.algorithm()), ("main", "sha1"));
/// # Ok::<(), gitops_core::revision::RevisionError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Revision {
    name: String,
    algorithm: String,
    hash: String,
}

/// A text that is no revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionError {
    text: String,
}

impl fmt::Display for RevisionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is no revision: it would be like main@sha1:HASH or sha256:HASH", self.text)
    }
}

impl std::error::Error for RevisionError {}

impl Revision {
    /// Makes a revision; the name may be empty.
    #[must_use]
    pub fn new(name: impl Into<String>, algorithm: impl Into<String>, hash: impl Into<String>) -> Self {
        Self { name: name.into(), algorithm: algorithm.into(), hash: hash.into() }
    }

    /// Makes the revision of a git commit, whose algorithm its length tells.
    #[must_use]
    pub fn git(name: impl Into<String>, commit: impl Into<String>) -> Self {
        let hash = commit.into();
        Self { name: name.into(), algorithm: algorithm_of(&hash).to_owned(), hash }
    }

    /// Returns the reference's name: a branch, a tag, a full reference; empty where only a commit was asked for.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the digest's algorithm: `sha1`, `sha256`.
    #[must_use]
    pub fn algorithm(&self) -> &str {
        &self.algorithm
    }

    /// Returns the digest in hexadecimal.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Returns whether there is no revision yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hash.is_empty()
    }
}

/// Tells SHA-1 from SHA-256 by the length of the hexadecimal form.
fn algorithm_of(hash: &str) -> &'static str {
    if hash.len() == 64 { "sha256" } else { "sha1" }
}

fn is_hash(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

impl FromStr for Revision {
    type Err = RevisionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let refused = || RevisionError { text: text.to_owned() };
        // A branch may hold an @ itself, so the last one counts.
        let (name, digest) = text.rsplit_once('@').unwrap_or(("", text));
        if let Some((algorithm, hash)) = digest.split_once(':') {
            if algorithm.is_empty() || hash.is_empty() || !hash.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(refused());
            }
            return Ok(Self::new(name, algorithm, hash));
        }
        let (name, hash) = text.rsplit_once('/').unwrap_or(("", text));
        if is_hash(hash) { Ok(Self::git(name, hash)) } else { Err(refused()) }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.hash.is_empty() {
            return f.write_str(&self.name);
        }
        if !self.name.is_empty() {
            write!(f, "{}@", self.name)?;
        }
        write!(f, "{}:{}", self.algorithm, self.hash)
    }
}
