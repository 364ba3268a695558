//! A folder of a disk, read when asked.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{ErrorKind as IoErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use gitops_core::did_you_mean;
#[cfg(unix)]
use gitops_core::tree::FileMode;
use gitops_core::tree::{EntryKind, ErrorKind, Source, TreeError, base_name, clean, parent};

/// Bytes that one file may have, as [`gitops_core::tree::Limits`] has it.
const FILE_BYTES: u64 = 64 << 20;

/// A folder and what lies below it. Symbolic links are followed as long as they stay below the folder.
///
/// ```
/// use gitops_core::tree::Source;
/// let folder = gitops_fs::Folder::new(env!("CARGO_MANIFEST_DIR"))?;
/// assert!(folder.is_file("src/lib.rs"));
/// assert!(folder.read("../../README.md").is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
    memory: Option<Arc<Mutex<Memory>>>,
}

/// What a folder remembers of the disk.
#[derive(Debug, Default)]
struct Memory {
    /// Where directories really are.
    directories: HashMap<String, Arc<Path>>,
    /// What stands at paths whose last name is no link.
    kinds: HashMap<String, EntryKind>,
}

impl Folder {
    /// Opens a folder.
    ///
    /// # Errors
    /// When it is not there.
    pub fn new(path: impl AsRef<Path>) -> std::io::Result<Self> {
        Ok(Self { root: path.as_ref().canonicalize()?, memory: None })
    }

    /// Remembers where directories lead and what is a file, so that the disk is asked once. For one run over files that nobody
    /// changes meanwhile; contents are read each time.
    #[must_use]
    pub fn remembering(self) -> Self {
        Self { memory: Some(Arc::default()), ..self }
    }

    /// Returns the folder's own path, links resolved.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns where a path really leads; it stays below the folder.
    fn real(&self, path: &str) -> Result<PathBuf, TreeError> {
        if let Some(memory) = &self.memory {
            return Ok(self.remember(memory, path)?.0);
        }
        self.ask_real(&clean(path)?)
    }

    /// Returns where a path really leads and what stands there, from memory where it can.
    fn remember(&self, memory: &Mutex<Memory>, path: &str) -> Result<(PathBuf, EntryKind), TreeError> {
        let inside = clean(path)?;
        match self.try_remember(memory, &inside) {
            Ok(Some(found)) => Ok(found),
            Ok(None) => {
                let real = self.ask_real(&inside)?;
                let found = std::fs::metadata(&real).map_err(|error| self.error(&inside, &error))?;
                Ok((real, kind(&found)))
            }
            Err(error) => Err(self.error(&inside, &error)),
        }
    }

    /// As [`Folder::remember`]; `None` for links and for directories that the disk has to be asked about in full.
    fn try_remember(
        &self,
        memory: &Mutex<Memory>,
        inside: &str,
    ) -> std::io::Result<Option<(PathBuf, EntryKind)>> {
        if inside == "." {
            return Ok(Some((self.root.clone(), EntryKind::Directory)));
        }
        let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = parent(inside);
        let directory = match memory.directories.get(directory) {
            Some(known) => Arc::clone(known),
            None => {
                let Ok(real) = self.root.join(directory).canonicalize() else { return Ok(None) };
                if !real.starts_with(&self.root) {
                    return Ok(None);
                }
                let real: Arc<Path> = real.into();
                memory.directories.insert(directory.to_owned(), Arc::clone(&real));
                real
            }
        };
        let real = directory.join(base_name(inside));
        if let Some(kind) = memory.kinds.get(inside) {
            return Ok(Some((real, *kind)));
        }
        let found = std::fs::symlink_metadata(&real)?;
        if found.is_symlink() {
            return Ok(None);
        }
        memory.kinds.insert(inside.to_owned(), kind(&found));
        Ok(Some((real, kind(&found))))
    }

    /// Asks the disk where a cleaned path really leads; it stays below the folder.
    fn ask_real(&self, inside: &str) -> Result<PathBuf, TreeError> {
        let real = self.root.join(inside).canonicalize().map_err(|error| self.error(inside, &error))?;
        if real.starts_with(&self.root) { Ok(real) } else { Err(TreeError::leaves_tree(inside)) }
    }

    /// Returns a path that may be opened or looked at, though links in it are not resolved. Nothing lies outside of the
    /// root of a disk, so that a path below it needs no look at every directory on the way.
    fn reachable(&self, path: &str) -> Result<PathBuf, TreeError> {
        if self.root.parent().is_some() { self.real(path) } else { Ok(self.root.join(clean(path)?)) }
    }

    fn error(&self, inside: &str, error: &std::io::Error) -> TreeError {
        match error.kind() {
            IoErrorKind::NotFound | IoErrorKind::NotADirectory => {
                TreeError::not_found(inside, self.near_miss(inside))
            }
            IoErrorKind::IsADirectory => TreeError::new(ErrorKind::IsDirectory, inside),
            _ => TreeError::not_found(inside, None).with_detail(error.to_string()),
        }
    }

    /// Returns whether something of a kind stands at a path. Where it does not, nobody wants to know what there is instead.
    fn stands(&self, path: &str, wanted: EntryKind) -> bool {
        let Some(memory) = &self.memory else {
            let found = self.reachable(path).ok().and_then(|real| std::fs::metadata(real).ok());
            return found.is_some_and(|found| kind(&found) == wanted);
        };
        let Ok(inside) = clean(path) else { return false };
        match self.try_remember(memory, &inside) {
            Ok(Some((_, found))) => found == wanted,
            Ok(None) => self.kind(path) == Ok(wanted),
            Err(_) => false,
        }
    }

    /// Returns a path beside a missing one whose name is nearly the same.
    fn near_miss(&self, inside: &str) -> Option<String> {
        let directory = parent(inside);
        let names = self.list(directory).ok()?;
        let name = did_you_mean(base_name(inside), names.iter().map(String::as_str))?;
        Some(if directory == "." { name.to_owned() } else { format!("{directory}/{name}") })
    }
}

/// Opens a file to read it. A pipe that nobody writes to is opened at once too, to be refused.
#[cfg(unix)]
fn open(path: &Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::File::open(path)
}

fn kind(found: &std::fs::Metadata) -> EntryKind {
    if found.is_dir() { EntryKind::Directory } else { EntryKind::File }
}

impl Source for Folder {
    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, TreeError> {
        let real = self.reachable(path)?;
        let wrong = |error: std::io::Error| self.error(path, &error);
        let file = open(&real).map_err(wrong)?;
        let found = file.metadata().map_err(wrong)?;
        if found.is_dir() {
            return Err(TreeError::new(ErrorKind::IsDirectory, path));
        }
        if !found.is_file() {
            return Err(
                TreeError::new(ErrorKind::Unreadable, path).with_detail("a pipe or a device is no file")
            );
        }
        let mut content =
            Vec::with_capacity(usize::try_from(found.len().min(FILE_BYTES)).unwrap_or_default() + 1);
        file.take(FILE_BYTES + 1).read_to_end(&mut content).map_err(wrong)?;
        if content.len() as u64 > FILE_BYTES {
            let detail = format!("a file has at most {} MiB here", FILE_BYTES >> 20);
            return Err(TreeError::new(ErrorKind::TooLarge, path).with_detail(detail));
        }
        Ok(Cow::Owned(content))
    }

    fn kind(&self, path: &str) -> Result<EntryKind, TreeError> {
        if let Some(memory) = &self.memory {
            return Ok(self.remember(memory, path)?.1);
        }
        let real = self.reachable(path)?;
        let found = std::fs::metadata(&real).map_err(|error| self.error(path, &error))?;
        Ok(kind(&found))
    }

    #[cfg(unix)]
    fn mode(&self, path: &str) -> Result<FileMode, TreeError> {
        use std::os::unix::fs::PermissionsExt as _;
        let real = self.reachable(path)?;
        let found = std::fs::metadata(&real).map_err(|error| self.error(path, &error))?;
        let is_program = found.is_file() && found.permissions().mode() & 0o100 != 0;
        Ok(if is_program { FileMode::Executable } else { FileMode::Plain })
    }

    fn is_directory(&self, path: &str) -> bool {
        self.stands(path, EntryKind::Directory)
    }

    fn is_file(&self, path: &str) -> bool {
        self.stands(path, EntryKind::File)
    }

    fn list(&self, path: &str) -> Result<Vec<String>, TreeError> {
        let real = self.real(path)?;
        let entries = std::fs::read_dir(&real).map_err(|error| self.error(path, &error))?;
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort_unstable();
        Ok(names)
    }

    fn resolve(&self, path: &str) -> Result<String, TreeError> {
        let real = self.real(path)?;
        let inside = real.strip_prefix(&self.root).map_err(|_| TreeError::leaves_tree(path))?;
        let text = inside
            .to_str()
            .ok_or_else(|| TreeError::not_found(path, None).with_detail("its name is no UTF-8"))?;
        Ok(if text.is_empty() { ".".to_owned() } else { text.replace(std::path::MAIN_SEPARATOR, "/") })
    }
}
