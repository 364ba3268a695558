//! What a build has read, so that it need not be done again where none of it has changed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use gitops_core::tree::{EntryKind, Source, TreeError};
use sha2::{Digest, Sha256};

/// A question to a source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    Read(String),
    Kind(String),
    List(String),
    Resolve(String),
}

/// A source that notes every question and a digest of its answer; errors are answers too.
///
/// ```
/// use gitops_controllers::read_set::Recorder;
/// use gitops_core::tree::{MemTree, Source};
/// let mut tree = MemTree::new();
/// tree.add_file("apps/a.yaml", "a: 1")?;
/// tree.add_file("docs/b.md", "b")?;
/// let recorder = Recorder::new(&tree);
/// recorder.read("apps/a.yaml")?;
/// let reads = recorder.finish();
/// tree.add_file("docs/b.md", "changed")?;
/// assert!(reads.holds(&tree));
/// tree.add_file("apps/a.yaml", "a: 2")?;
/// assert!(!reads.holds(&tree));
/// # Ok::<(), gitops_core::tree::TreeError>(())
/// ```
pub struct Recorder<'a> {
    source: &'a dyn Source,
    answers: Mutex<BTreeMap<Question, Answer>>,
}

type Answer = [u8; 32];

impl<'a> Recorder<'a> {
    /// Notes what is asked of a source.
    #[must_use]
    pub fn new(source: &'a dyn Source) -> Self {
        Self { source, answers: Mutex::default() }
    }

    /// Returns what was asked and answered.
    #[must_use]
    pub fn finish(self) -> ReadSet {
        let answers = self.answers.into_inner().unwrap_or_else(PoisonError::into_inner);
        ReadSet { answers: answers.into_iter().collect() }
    }

    fn note(&self, question: Question, answer: impl FnOnce() -> Answer) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.entry(question).or_insert_with(answer);
    }
}

impl Source for Recorder<'_> {
    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, TreeError> {
        let result = self.source.read(path);
        self.note(Question::Read(path.to_owned()), || digest_read(&result));
        result
    }

    fn kind(&self, path: &str) -> Result<EntryKind, TreeError> {
        let result = self.source.kind(path);
        self.note(Question::Kind(path.to_owned()), || digest_kind(&result));
        result
    }

    fn list(&self, path: &str) -> Result<Vec<String>, TreeError> {
        let result = self.source.list(path);
        self.note(Question::List(path.to_owned()), || digest_list(&result));
        result
    }

    fn resolve(&self, path: &str) -> Result<String, TreeError> {
        let result = self.source.resolve(path);
        self.note(Question::Resolve(path.to_owned()), || digest_resolve(&result));
        result
    }
}

/// What a build has read: it holds for another tree where every question has the same answer there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadSet {
    answers: Vec<(Question, Answer)>,
}

impl ReadSet {
    /// Returns whether a source answers as the one that was read.
    #[must_use]
    pub fn holds(&self, source: &dyn Source) -> bool {
        self.answers.iter().all(|(question, answer)| {
            *answer
                == match question {
                    Question::Read(path) => digest_read(&source.read(path)),
                    Question::Kind(path) => digest_kind(&source.kind(path)),
                    Question::List(path) => digest_list(&source.list(path)),
                    Question::Resolve(path) => digest_resolve(&source.resolve(path)),
                }
        })
    }

    /// Returns the paths of the files that were read, sorted.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.answers.iter().filter_map(|(question, _)| match question {
            Question::Read(path) => Some(path.as_str()),
            _ => None,
        })
    }

    /// Returns one digest of all that was read, for keys of caches.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for (question, answer) in &self.answers {
            let (name, path) = match question {
                Question::Read(path) => (0u8, path),
                Question::Kind(path) => (1, path),
                Question::List(path) => (2, path),
                Question::Resolve(path) => (3, path),
            };
            hash.update([name]);
            hash.update((path.len() as u64).to_le_bytes());
            hash.update(path);
            hash.update(answer);
        }
        hash.finalize().into()
    }
}

fn digest<T>(result: &Result<T, TreeError>, feed: impl FnOnce(&T, &mut Sha256)) -> Answer {
    let mut hash = Sha256::new();
    match result {
        Ok(value) => {
            hash.update([1]);
            feed(value, &mut hash);
        }
        // The kind alone: texts may name what lies near, which was not read.
        Err(error) => hash.update([0, error.kind() as u8]),
    }
    hash.finalize().into()
}

fn digest_read(result: &Result<Cow<'_, [u8]>, TreeError>) -> Answer {
    digest(result, |content, hash| hash.update(content))
}

fn digest_kind(result: &Result<EntryKind, TreeError>) -> Answer {
    digest(result, |kind, hash| hash.update([u8::from(*kind == EntryKind::Directory)]))
}

fn digest_list(result: &Result<Vec<String>, TreeError>) -> Answer {
    digest(result, |names, hash| {
        for name in names {
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name);
        }
    })
}

fn digest_resolve(result: &Result<String, TreeError>) -> Answer {
    digest(result, |path, hash| hash.update(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::tree::MemTree;

    #[test]
    fn what_was_not_there_counts() {
        let mut tree = MemTree::new();
        tree.add_file("a/x", "1").unwrap();
        let recorder = Recorder::new(&tree);
        assert!(recorder.read("a/y").is_err());
        let reads = recorder.finish();
        assert!(reads.holds(&tree));
        tree.add_file("a/y", "2").unwrap();
        assert!(!reads.holds(&tree));
    }

    #[test]
    fn listings_count() {
        let mut tree = MemTree::new();
        tree.add_file("a/x", "1").unwrap();
        let recorder = Recorder::new(&tree);
        recorder.list("a").unwrap();
        let reads = recorder.finish();
        tree.add_file("a/x", "2").unwrap();
        assert!(reads.holds(&tree), "the content was not read");
        tree.add_file("a/y", "2").unwrap();
        assert!(!reads.holds(&tree));
    }
}
