//! Artifacts as Flux stores them: a tree of files as one `.tar.gz` with a digest.
//!
//! An archive depends on the files alone: no time, user or mode of a disk is in it. Its entries are those of Flux's
//! source-controller (the root `.` first, directories before what they hold, 0750 and 0600, no links), and it reads
//! the archives of Flux. Reading never writes, follows no link, and stops at its limits.

use std::collections::HashMap;
use std::fmt;
use std::io::{Read, Write};

use flate2::read::MultiGzDecoder;
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

use crate::digest::sha256;
use crate::tree::{EntryKind, ErrorKind, FileMode, IgnoreRules, Limits, MemTree, Source, TreeError, join};

/// A tree as one archive.
#[derive(Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The `.tar.gz`.
    pub content: Vec<u8>,
    /// The digest of [`Artifact::content`]: `sha256:…`.
    pub digest: String,
    /// How many files are in it.
    pub files: usize,
}

impl fmt::Debug for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { content, digest, files } = self;
        f.debug_struct("Artifact")
            .field("digest", digest)
            .field("size", &content.len())
            .field("files", files)
            .finish()
    }
}

/// Packs a source, without the entries that the rules leave out. Links are left out.
///
/// ```
/// use gitops_core::artifact::{pack, unpack};
/// use gitops_core::tree::{Limits, MemTree, Source};
/// let mut tree = MemTree::new();
/// tree.add_file("apps/web.yaml", "kind: Deployment\n")?;
/// let artifact = pack(&tree, None)?;
/// assert_eq!(artifact.digest, pack(&tree, None)?.digest);
/// assert_eq!(unpack(&artifact.content, Limits::default())?.read("apps/web.yaml")?.as_ref(), b"kind: Deployment\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Where the source can't be read.
pub fn pack(source: &dyn Source, rules: Option<&IgnoreRules>) -> Result<Artifact, ArtifactError> {
    let sink = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
    let mut packer = Packer { source, rules, tar: Builder::new(sink), files: 0 };
    packer.entry(".", EntryType::Directory, 0o750, &[])?;
    packer.directory(".", 0)?;
    let files = packer.files;
    let content = packer.tar.into_inner().and_then(flate2::write::GzEncoder::finish).map_err(unwritten)?;
    Ok(Artifact { digest: sha256(&content), content, files })
}

struct Packer<'s, W: Write> {
    source: &'s dyn Source,
    rules: Option<&'s IgnoreRules>,
    tar: Builder<W>,
    files: usize,
}

impl<W: Write> Packer<'_, W> {
    fn directory(&mut self, directory: &str, depth: usize) -> Result<(), ArtifactError> {
        if depth > DEPTH {
            return Err(too_large(format!("{directory}: deeper than {DEPTH} directories")));
        }
        for name in self.source.list(directory)? {
            let path = join(directory, &name)?;
            // What resolves to another path is a link, and so is what leads nowhere.
            match self.source.resolve(&path) {
                Ok(resolved) if resolved == path => {}
                Ok(_) => continue,
                Err(error) if error.kind() == ErrorKind::Unreadable => return Err(error.into()),
                Err(_) => continue,
            }
            let kind = self.source.kind(&path)?;
            let is_kept = !self.rules.is_some_and(|rules| rules.ignores(&path, kind));
            match kind {
                EntryKind::File if is_kept => {
                    let content = self.source.read(&path)?;
                    let mode = match self.source.mode(&path)? {
                        FileMode::Plain => 0o600,
                        FileMode::Executable => 0o700,
                    };
                    self.entry(&path, EntryType::Regular, mode, &content)?;
                    self.files += 1;
                }
                EntryKind::File => {}
                EntryKind::Directory => {
                    if is_kept {
                        self.entry(&path, EntryType::Directory, 0o750, &[])?;
                    }
                    // A pattern may bring back what lies in a directory that is left out.
                    self.directory(&path, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &str, kind: EntryType, mode: u32, content: &[u8]) -> Result<(), ArtifactError> {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        if path.is_ascii() && header.set_path(path).is_ok() {
            header.set_cksum();
            return self.tar.append(&header, content).map_err(unwritten);
        }
        // Longer names and other scripts stand in a header of their own; the short form is for very old readers.
        self.tar.append_pax_extensions([("path", path.as_bytes())]).map_err(unwritten)?;
        let short: String = path.chars().filter(char::is_ascii).take(100).collect();
        let short = short.trim_matches('/');
        if short.is_empty() || header.set_path(short).is_err() {
            header.set_path("long-name").map_err(unwritten)?;
        }
        header.set_cksum();
        self.tar.append(&header, content).map_err(unwritten)
    }
}

/// Directories nested deeper than this are refused.
const DEPTH: usize = 256;
/// Bytes of one entry's long name or extended header.
const NAME_BYTES: u64 = 64 << 10;
/// How many times larger than its archive a tree may be, once it is over a megabyte.
const RATIO: u64 = 400;
const RATIO_FROM: u64 = 1 << 20;

/// Returns whether content is compressed as artifacts are.
#[must_use]
pub fn is_gzip(content: &[u8]) -> bool {
    content.starts_with(&[0x1f, 0x8b])
}

/// Unpacks an archive into memory. Links are left out, as Flux leaves them out; of a path that stands twice the last counts.
///
/// # Errors
/// When the archive is damaged, is larger unpacked than the limits or 400 times its own size, or holds a device,
/// a hard link, or a path that is absolute or has `..` in it.
pub fn unpack(archive: &[u8], limits: Limits) -> Result<MemTree, ArtifactError> {
    if !is_gzip(archive) {
        return Err(damaged("requires gzip-compressed body: gzip: invalid header"));
    }
    let by_ratio = RATIO.saturating_mul(archive.len() as u64).max(RATIO_FROM);
    let bytes = (limits.tree_bytes as u64).min(by_ratio);
    // Headers and padding come on top of the files' bytes.
    let stream = bytes.saturating_add((limits.entries as u64).saturating_mul(1_536)).saturating_add(1 << 20);
    let mut tar = tar::Archive::new(Bounded { inner: MultiGzDecoder::new(archive), left: stream });
    let mut tree = MemTree::with_limits(limits);
    let mut left = bytes;
    let mut extended = Extended::default();
    let mut count = 0_usize;
    for entry in tar.entries().map_err(unread)?.raw(true) {
        let mut entry = entry.map_err(unread)?;
        let kind = entry.header().entry_type();
        let size = entry.size();
        count += 1;
        // Extended headers are entries of their own.
        if count > limits.entries.saturating_mul(3) {
            return Err(too_large(format!("the archive holds more than {} entries", limits.entries)));
        }
        if kind.is_pax_global_extensions() {
            continue;
        }
        if kind.is_pax_local_extensions() || kind.is_gnu_longname() || kind.is_gnu_longlink() {
            extended.read(kind, size, &mut entry)?;
            continue;
        }
        let path = match std::mem::take(&mut extended).path {
            Some(path) => path,
            None => entry.path_bytes().into_owned(),
        };
        let path = checked(&path)?;
        if kind.is_dir() || ((kind.is_file() || kind.is_contiguous()) && path.ends_with('/')) {
            tree.add_directory(&path)?;
        } else if kind.is_file() || kind.is_contiguous() {
            if size > left {
                return Err(too_large(format!("{path}: the archive unpacks to more than {bytes} bytes")));
            }
            if size > limits.file_bytes as u64 {
                let most = limits.file_bytes;
                return Err(too_large(format!("{path}: {size} bytes, the limit is {most}")));
            }
            let mut content = Vec::with_capacity(usize::try_from(size.min(1 << 20)).unwrap_or_default());
            entry.read_to_end(&mut content).map_err(unread)?;
            if content.len() as u64 != size {
                return Err(damaged(format!("{path}: only {} bytes of {size}", content.len())));
            }
            left -= size;
            let is_program = entry.header().mode().is_ok_and(|mode| mode & 0o100 != 0);
            let mode = if is_program { FileMode::Executable } else { FileMode::Plain };
            tree.add_shared(&path, content.into(), mode)?;
        } else if !kind.is_symlink() {
            return Err(refused(format!("tar file entry {path} contained unsupported file type")));
        }
    }
    // The checksum stands at the end, behind what the last entry needs.
    std::io::copy(&mut tar.into_inner(), &mut std::io::sink()).map_err(unread)?;
    Ok(tree)
}

/// What an extended header says about the entry after it.
#[derive(Default)]
struct Extended {
    path: Option<Vec<u8>>,
}

impl Extended {
    fn read(&mut self, kind: EntryType, size: u64, entry: &mut impl Read) -> Result<(), ArtifactError> {
        if size > NAME_BYTES {
            return Err(too_large(format!("a name or header of {size} bytes, the limit is {NAME_BYTES}")));
        }
        let mut text = Vec::new();
        entry.read_to_end(&mut text).map_err(unread)?;
        if kind.is_gnu_longname() {
            let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
            text.truncate(end);
            self.path = Some(text);
        } else if kind.is_pax_local_extensions() {
            let fields: HashMap<&[u8], &[u8]> = tar::PaxExtensions::new(&text)
                .map(|field| field.map(|field| (field.key_bytes(), field.value_bytes())))
                .collect::<Result<_, _>>()
                .map_err(unread)?;
            let sparse = fields.keys().any(|key| key.starts_with(b"GNU.sparse"));
            if sparse || fields.contains_key(&b"size"[..]) {
                return Err(refused("the archive holds a sparse or giant file"));
            }
            if let Some(path) = fields.get(&b"path"[..]) {
                self.path = Some(path.to_vec());
            }
        }
        Ok(())
    }
}

/// Checks a path of an archive.
fn checked(path: &[u8]) -> Result<String, ArtifactError> {
    let text = std::str::from_utf8(path)
        .map_err(|_| refused(format!("tar contained a name that is no UTF-8: {}", path.escape_ascii())))?;
    let invalid = text.is_empty()
        || text.starts_with('/')
        || text.contains(['\\', '\0'])
        || text.split('/').any(|part| part == "..");
    if invalid {
        Err(refused(format!("tar contained invalid name error {text:?}")))
    } else {
        Ok(text.to_owned())
    }
}

/// A reader that fails, rather than ends, where it has given enough: an archive cut short must not pass for a whole one.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            std::io::Error::new(
                std::io::ErrorKind::FileTooLarge,
                "the archive unpacks to more than the limit",
            )
        })?;
        Ok(read)
    }
}

/// What is wrong with an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArtifactErrorKind {
    /// The archive can't be read to its end.
    Damaged,
    /// A path or a kind of entry is not allowed.
    Refused,
    /// A limit is passed.
    TooLarge,
    /// The source that is packed can't be read.
    Source,
}

/// An archive that was not made or read. None of its faults passes by trying again with the same content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactError {
    kind: ArtifactErrorKind,
    message: String,
}

impl ArtifactError {
    /// Returns what is wrong.
    #[must_use]
    pub fn kind(&self) -> ArtifactErrorKind {
        self.kind
    }
}

impl fmt::Display for ArtifactError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ArtifactError {}

impl From<TreeError> for ArtifactError {
    fn from(error: TreeError) -> Self {
        let kind = match error.kind() {
            ErrorKind::TooLarge => ArtifactErrorKind::TooLarge,
            ErrorKind::LeavesTree => ArtifactErrorKind::Refused,
            ErrorKind::IsDirectory | ErrorKind::NotDirectory => ArtifactErrorKind::Damaged,
            ErrorKind::NotFound | ErrorKind::LinkLoop | ErrorKind::Unreadable => ArtifactErrorKind::Source,
        };
        Self { kind, message: error.to_string() }
    }
}

impl From<ArtifactError> for crate::ports::PortError {
    fn from(error: ArtifactError) -> Self {
        Self::stalled(error.message.clone()).because(error)
    }
}

fn damaged(message: impl Into<String>) -> ArtifactError {
    ArtifactError { kind: ArtifactErrorKind::Damaged, message: message.into() }
}

fn refused(message: impl Into<String>) -> ArtifactError {
    ArtifactError { kind: ArtifactErrorKind::Refused, message: message.into() }
}

fn too_large(message: impl Into<String>) -> ArtifactError {
    ArtifactError { kind: ArtifactErrorKind::TooLarge, message: message.into() }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn unread(error: std::io::Error) -> ArtifactError {
    match error.kind() {
        std::io::ErrorKind::FileTooLarge => too_large(error.to_string()),
        _ => damaged(format!("tar error: {error}")),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn unwritten(error: std::io::Error) -> ArtifactError {
    refused(format!("the archive can't be made: {error}"))
}
