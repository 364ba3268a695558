//! Why a path could not be used.

use std::fmt;

/// A path of a tree that can't be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeError {
    kind: ErrorKind,
    path: String,
    suggestion: Option<String>,
    detail: String,
}

/// What is wrong with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Nothing is there.
    NotFound,
    /// A directory is there, a file was wanted.
    IsDirectory,
    /// A file is there, a directory was wanted.
    NotDirectory,
    /// The path, or a symbolic link on it, leads out of the tree.
    LeavesTree,
    /// Symbolic links lead to each other.
    LinkLoop,
    /// A file, or the whole tree, is larger than its limit.
    TooLarge,
    /// The source behind the tree failed: a disk, an archive.
    Unreadable,
}

impl TreeError {
    /// Makes an error of any kind.
    #[must_use]
    pub fn new(kind: ErrorKind, path: impl Into<String>) -> Self {
        Self { kind, path: path.into(), suggestion: None, detail: String::new() }
    }

    /// Makes the error of a path where nothing is; `suggestion` is a path that exists and looks alike.
    #[must_use]
    pub fn not_found(path: impl Into<String>, suggestion: Option<String>) -> Self {
        Self { suggestion, ..Self::new(ErrorKind::NotFound, path) }
    }

    /// Makes the error of a path that leads out of the tree.
    #[must_use]
    pub fn leaves_tree(path: impl Into<String>) -> Self {
        Self::new(ErrorKind::LeavesTree, path)
    }

    /// Returns the error with a cause in words: a limit, an operating system's text.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Returns what is wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the path as it was asked for.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns a path that exists and looks like the one that does not.
    #[must_use]
    pub fn suggestion(&self) -> Option<&str> {
        self.suggestion.as_deref()
    }
}

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ErrorKind::NotFound => "no such file or directory",
            ErrorKind::IsDirectory => "is a directory",
            ErrorKind::NotDirectory => "not a directory",
            ErrorKind::LeavesTree => "path leaves the tree",
            ErrorKind::LinkLoop => "too many levels of symbolic links",
            ErrorKind::TooLarge => "too large",
            ErrorKind::Unreadable => "can't be read",
        };
        write!(f, "{what}: {}", self.path)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        match &self.suggestion {
            Some(suggestion) => write!(f, " (did you mean {suggestion}?)"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for TreeError {}
