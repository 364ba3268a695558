//! Directories of a disk whose entries are opened from the directory itself, so that the system walks no path again.

#[cfg(not(unix))]
pub(super) use portable::{Directory, Entry};
#[cfg(unix)]
pub(super) use unix::{Directory, Entry};

/// What an entry is, links followed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    /// A pipe, a socket or a device.
    Other,
}

#[cfg(unix)]
mod unix {
    use super::Kind;
    use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};
    use std::borrow::Cow;
    use std::ffi::{CString, OsStr};
    use std::fs::File;
    use std::io::Result;
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::OsStrExt as _;
    use std::path::{Path, PathBuf};

    /// An open directory.
    pub(crate) struct Directory {
        path: PathBuf,
        handle: OwnedFd,
    }

    /// A name in a directory, with what the directory's own listing says of it.
    pub(crate) struct Entry {
        name: CString,
        listed: FileType,
    }

    impl Entry {
        /// Returns the name as text.
        pub(crate) fn shown(&self) -> Cow<'_, str> {
            self.name.to_string_lossy()
        }
    }

    impl Directory {
        /// Opens a directory by its path.
        pub(crate) fn open(path: &Path) -> Result<Self> {
            let handle = rustix::fs::open(path, FOLDER, Mode::empty())?;
            Ok(Self { path: path.to_owned(), handle })
        }

        pub(crate) fn path(&self) -> &Path {
            &self.path
        }

        /// Returns the path of an entry, for errors.
        pub(crate) fn path_of(&self, entry: &Entry) -> PathBuf {
            self.path.join(OsStr::from_bytes(entry.name.to_bytes()))
        }

        /// Lists the entries, sorted by the bytes of their names.
        pub(crate) fn list(&self) -> Result<Vec<Entry>> {
            let mut entries = Vec::new();
            for entry in Dir::read_from(&self.handle)? {
                let entry = entry?;
                if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                    entries.push(Entry { name: entry.file_name().to_owned(), listed: entry.file_type() });
                }
            }
            entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
            Ok(entries)
        }

        /// Returns what an entry is; only of links, and where the listing does not say, is the disk asked again.
        pub(crate) fn kind(&self, entry: &Entry) -> Result<Kind> {
            let found = match entry.listed {
                FileType::Symlink | FileType::Unknown => {
                    let found = statat(&self.handle, &*entry.name, AtFlags::empty())?;
                    FileType::from_raw_mode(found.st_mode)
                }
                listed => listed,
            };
            Ok(match found {
                FileType::RegularFile => Kind::File,
                FileType::Directory => Kind::Folder,
                _ => Kind::Other,
            })
        }

        /// Opens a directory in this one.
        pub(crate) fn folder(&self, entry: &Entry) -> Result<Self> {
            let handle = openat(&self.handle, &*entry.name, FOLDER, Mode::empty())?;
            Ok(Self { path: self.path_of(entry), handle })
        }

        /// Opens a file in this directory to read it.
        pub(crate) fn open_file(&self, entry: &Entry) -> Result<File> {
            let flags = OFlags::RDONLY | OFlags::CLOEXEC;
            Ok(File::from(openat(&self.handle, &*entry.name, flags, Mode::empty())?))
        }
    }

    const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
}

#[cfg(not(unix))]
mod portable {
    use super::Kind;
    use std::borrow::Cow;
    use std::ffi::OsString;
    use std::fs::File;
    use std::io::Result;
    use std::path::{Path, PathBuf};

    /// A directory, named by its path.
    pub(crate) struct Directory(PathBuf);

    /// A name in a directory.
    pub(crate) struct Entry(OsString);

    impl Entry {
        /// Returns the name as text.
        pub(crate) fn shown(&self) -> Cow<'_, str> {
            self.0.to_string_lossy()
        }
    }

    impl Directory {
        /// Opens a directory by its path.
        pub(crate) fn open(path: &Path) -> Result<Self> {
            Ok(Self(path.to_owned()))
        }

        pub(crate) fn path(&self) -> &Path {
            &self.0
        }

        /// Returns the path of an entry, for errors.
        pub(crate) fn path_of(&self, entry: &Entry) -> PathBuf {
            self.0.join(&entry.0)
        }

        /// Lists the entries, sorted by their names.
        pub(crate) fn list(&self) -> Result<Vec<Entry>> {
            let mut entries = Vec::new();
            for entry in std::fs::read_dir(&self.0)? {
                entries.push(Entry(entry?.file_name()));
            }
            entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            Ok(entries)
        }

        /// Returns what an entry is.
        pub(crate) fn kind(&self, entry: &Entry) -> Result<Kind> {
            let found = std::fs::metadata(self.path_of(entry))?;
            Ok(match found {
                found if found.is_file() => Kind::File,
                found if found.is_dir() => Kind::Folder,
                _ => Kind::Other,
            })
        }

        /// Opens a directory in this one.
        pub(crate) fn folder(&self, entry: &Entry) -> Result<Self> {
            Ok(Self(self.path_of(entry)))
        }

        /// Opens a file in this directory to read it.
        pub(crate) fn open_file(&self, entry: &Entry) -> Result<File> {
            File::open(self.path_of(entry))
        }
    }
}
