//! The port through which engines read files.

use std::borrow::Cow;

use super::{FileMode, TreeError};

/// What stands at a path, after links are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    File,
    /// A directory.
    Directory,
}

/// Files that an engine may read: a tree in memory, a folder of a disk, a commit.
///
/// Paths are as [`clean`](super::clean) returns them, but every method takes any path and cleans it. Symbolic links are
/// followed; nothing outside the source is reached.
pub trait Source {
    /// Reads a file.
    ///
    /// # Errors
    /// Where there is no file: nothing, a directory, a link that leads out.
    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, TreeError>;

    /// Tells what stands at a path.
    ///
    /// # Errors
    /// Where there is nothing, or a link that leads out.
    fn kind(&self, path: &str) -> Result<EntryKind, TreeError>;

    /// Tells whether a file is a program; where a source knows no modes, none is.
    ///
    /// # Errors
    /// As [`Source::read`].
    fn mode(&self, path: &str) -> Result<FileMode, TreeError> {
        self.kind(path).map(|_| FileMode::Plain)
    }

    /// Lists the names in a directory, sorted by their bytes; links stand under their own names.
    ///
    /// # Errors
    /// Where there is no directory.
    fn list(&self, path: &str) -> Result<Vec<String>, TreeError>;

    /// Returns the path with all symbolic links resolved: two paths of one file give the same text.
    ///
    /// # Errors
    /// Where there is nothing, or a link that leads out.
    fn resolve(&self, path: &str) -> Result<String, TreeError>;

    /// Returns whether a directory stands at the path.
    fn is_directory(&self, path: &str) -> bool {
        self.kind(path) == Ok(EntryKind::Directory)
    }

    /// Returns whether a file stands at the path.
    fn is_file(&self, path: &str) -> bool {
        self.kind(path) == Ok(EntryKind::File)
    }
}

impl<S: Source + ?Sized> Source for &S {
    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, TreeError> {
        (**self).read(path)
    }
    fn kind(&self, path: &str) -> Result<EntryKind, TreeError> {
        (**self).kind(path)
    }
    fn mode(&self, path: &str) -> Result<FileMode, TreeError> {
        (**self).mode(path)
    }
    fn list(&self, path: &str) -> Result<Vec<String>, TreeError> {
        (**self).list(path)
    }
    fn resolve(&self, path: &str) -> Result<String, TreeError> {
        (**self).resolve(path)
    }
}
