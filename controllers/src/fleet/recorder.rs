//! Remembers what a build asks of a tree, so that the next one can tell whether anything of it has changed.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use gitops_core::tree::{EntryKind, IgnoreRules, Source, TreeError};
use sha2::{Digest as _, Sha256};

use super::ports::{Digests, NoDigests};

/// A SHA-256 of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Digests bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Digests several texts, none of which can be mistaken for two.
    #[must_use]
    pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

/// In hexadecimal.
impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What was asked about a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Question {
    Content,
    Kind,
    Listing,
    Real,
}

/// Everything that a build asked of a tree, with a digest of each answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads(pub(crate) BTreeMap<(String, Question), Digest>);

impl Reads {
    /// Lists the files that were read.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(|((_, question), answer)| *question == Question::Content && **answer != MISSING)
            .map(|((path, _), _)| path.as_str())
    }

    /// Returns whether every answer would be the same today.
    pub(crate) fn hold(&self, answers: &Answers<'_>) -> bool {
        self.0.iter().all(|((path, question), known)| answers.digest(path, *question) == *known)
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

/// The answer where there is nothing.
const MISSING: Digest = Digest([0; 32]);

/// A tree whose answers are digested once, however many builds ask.
pub(crate) struct Answers<'a> {
    held: Held<'a>,
    digests: &'a dyn Digests,
    /// What the repository's source leaves out of its artifact.
    rules: Option<IgnoreRules>,
    known: Mutex<HashMap<(String, Question), Digest>>,
}

/// The tree: the caller's, or one that was fetched.
enum Held<'a> {
    Borrowed(&'a (dyn Source + Sync)),
    Owned(Arc<dyn Source + Send + Sync>),
}

impl std::hash::Hash for Question {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (*self as u8).hash(state);
    }
}

impl<'a> Answers<'a> {
    pub(crate) fn new(source: &'a (dyn Source + Sync)) -> Self {
        Self { held: Held::Borrowed(source), digests: &NoDigests, rules: None, known: Mutex::default() }
    }

    pub(crate) fn owning(source: Arc<dyn Source + Send + Sync>) -> Self {
        Self { held: Held::Owned(source), digests: &NoDigests, rules: None, known: Mutex::default() }
    }

    pub(crate) fn source(&self) -> &(dyn Source + Sync) {
        match &self.held {
            Held::Borrowed(source) => *source,
            Held::Owned(source) => &**source,
        }
    }

    /// Sets who knows digests of files from before.
    pub(crate) fn digests(mut self, digests: &'a dyn Digests) -> Self {
        self.digests = digests;
        self
    }

    /// Sets what listings leave out.
    pub(crate) fn without(mut self, rules: IgnoreRules) -> Self {
        self.rules = Some(rules);
        self
    }

    fn list(&self, path: &str) -> Result<Vec<String>, TreeError> {
        let mut names = self.source().list(path)?;
        if let Some(rules) = &self.rules {
            let is_kept = |name: &String| {
                let Ok(path) = gitops_core::tree::join(path, name) else { return true };
                match (rules.ignores(&path, EntryKind::File), rules.ignores(&path, EntryKind::Directory)) {
                    (false, false) => true,
                    (true, true) => false,
                    (is_file_out, _) => self.source().is_file(&path) != is_file_out,
                }
            };
            names.retain(is_kept);
        }
        Ok(names)
    }

    /// Returns the digest of the answer to a question.
    pub(crate) fn digest(&self, path: &str, question: Question) -> Digest {
        let key = (path.to_owned(), question);
        self.known(&key).unwrap_or_else(|| {
            let digest = match question {
                Question::Content => of_content(&self.source().read(path)),
                Question::Kind => of_kind(&self.source().kind(path)),
                Question::Listing => of_listing(&self.list(path)),
                Question::Real => of_real(&self.source().resolve(path)),
            };
            self.note(key, digest);
            digest
        })
    }

    /// Reads a file, and returns its digest with it.
    pub(crate) fn read(&self, path: &str) -> (Digest, Result<Cow<'_, [u8]>, TreeError>) {
        let answer = self.source().read(path);
        let key = (path.to_owned(), Question::Content);
        let digest = self.known(&key).unwrap_or_else(|| {
            let digest = of_content(&answer);
            self.note(key, digest);
            digest
        });
        (digest, answer)
    }

    fn note(&self, key: (String, Question), digest: Digest) {
        if key.1 == Question::Content && digest != MISSING {
            self.digests.learn(&key.0, digest);
        }
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, digest);
    }

    fn known(&self, key: &(String, Question)) -> Option<Digest> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied();
        known.or_else(|| (key.1 == Question::Content).then(|| self.digests.known(&key.0))?)
    }
}

fn of_content(answer: &Result<Cow<'_, [u8]>, TreeError>) -> Digest {
    answer.as_ref().map_or(MISSING, |content| Digest::of(content))
}

fn of_kind(answer: &Result<EntryKind, TreeError>) -> Digest {
    let mut digest = MISSING;
    if let (Ok(kind), [first, ..]) = (answer, &mut digest.0) {
        *first = if *kind == EntryKind::File { 1 } else { 2 };
    }
    digest
}

fn of_listing(answer: &Result<Vec<String>, TreeError>) -> Digest {
    answer.as_ref().map_or(MISSING, |names| Digest::of_parts(names.iter().map(String::as_bytes)))
}

fn of_real(answer: &Result<String, TreeError>) -> Digest {
    answer.as_ref().map_or(MISSING, |path| Digest::of(path.as_bytes()))
}

/// A tree that takes note of every question.
pub(crate) struct Recorder<'a> {
    answers: &'a Answers<'a>,
    /// A file that is not in the tree, or that stands in front of one that is.
    extra: Option<(String, Vec<u8>)>,
    reads: RefCell<Reads>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(answers: &'a Answers<'a>) -> Self {
        Self { answers, extra: None, reads: RefCell::default() }
    }

    /// Puts a file in front of the tree.
    pub(crate) fn set_extra(&mut self, path: String, content: Vec<u8>) {
        self.extra = Some((path, content));
    }

    pub(crate) fn into_reads(self) -> Reads {
        self.reads.into_inner()
    }

    fn extra(&self, path: &str) -> Option<&[u8]> {
        let (extra, content) = self.extra.as_ref()?;
        (gitops_core::tree::clean(path).ok()? == *extra).then_some(content.as_slice())
    }

    fn note(&self, path: &str, question: Question, digest: impl FnOnce() -> Digest) {
        let path = gitops_core::tree::clean(path).unwrap_or_else(|_| path.to_owned());
        let key = (path, question);
        if self.reads.borrow().0.contains_key(&key) {
            return;
        }
        let digest = self.answers.known(&key).unwrap_or_else(|| {
            let digest = digest();
            self.answers.note(key.clone(), digest);
            digest
        });
        self.reads.borrow_mut().0.insert(key, digest);
    }
}

impl Source for Recorder<'_> {
    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, TreeError> {
        if let Some(content) = self.extra(path) {
            return Ok(Cow::Borrowed(content));
        }
        let answer = self.answers.source().read(path);
        self.note(path, Question::Content, || of_content(&answer));
        answer
    }

    fn kind(&self, path: &str) -> Result<EntryKind, TreeError> {
        if self.extra(path).is_some() {
            return Ok(EntryKind::File);
        }
        let answer = self.answers.source().kind(path);
        self.note(path, Question::Kind, || of_kind(&answer));
        answer
    }

    fn list(&self, path: &str) -> Result<Vec<String>, TreeError> {
        let answer = self.answers.list(path);
        self.note(path, Question::Listing, || of_listing(&answer));
        answer
    }

    fn resolve(&self, path: &str) -> Result<String, TreeError> {
        if self.extra(path).is_some() {
            return gitops_core::tree::clean(path);
        }
        let answer = self.answers.source().resolve(path);
        self.note(path, Question::Real, || of_real(&answer));
        answer
    }
}
