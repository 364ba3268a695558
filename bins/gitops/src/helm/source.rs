//! Charts from disk: folders, without what `.helmignore` names, and packed charts.

use super::directory::{Directory, Entry, Kind};
use crate::Failure;
use crate::remote::chart::{ChartFlags, fetch};
use helm_rs::chart::{ArchiveLimits, Chart, EntryType, File, IgnoreRules};
use helm_rs::{Time, Warnings};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Finds a chart as Helm does, and returns its absolute path.
pub(crate) fn locate(name: &str) -> Result<PathBuf, Failure> {
    let name = name.trim();
    if Path::new(name).exists() {
        return Ok(absolute(Path::new(name)));
    }
    if name.starts_with(['/', '.']) {
        return Err(format!("path \"{name}\" not found").into());
    }
    Err(format!("path \"{name}\" not found: --repo URL names the repository of a chart that is not on disk")
        .into())
}

/// Makes a path absolute without following links.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    let joined = std::env::current_dir().unwrap_or_default().join(path);
    let mut clean = PathBuf::new();
    for part in joined.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean
}

/// Loads a chart from disk, or from where the flags or its address say; returns what relative paths are seen from as well.
pub(crate) fn find(
    name: &str,
    flags: &ChartFlags,
    warnings: &mut Warnings,
) -> Result<(PathBuf, Chart), Failure> {
    if flags.is_remote(name) {
        let fetched = fetch(name, flags)?;
        check_archive(Path::new(&fetched.url), &fetched.archive)?;
        return Ok((absolute(Path::new(".")), Chart::load_archive(&fetched.archive, warnings)?));
    }
    let path = locate(name)?;
    let chart = load(&path, warnings)?;
    Ok((path, chart))
}

/// Loads a chart from a folder or an archive. Of a folder's files no times are read.
pub(crate) fn load(path: &Path, warnings: &mut Warnings) -> Result<Chart, Failure> {
    load_with(path, Times::Skipped, warnings)
}

/// Whether the times of a folder's files are read: a packed chart holds them, a rendered one does not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Times {
    Read,
    Skipped,
}

/// Loads a chart from a folder or an archive.
pub(crate) fn load_with(path: &Path, times: Times, warnings: &mut Warnings) -> Result<Chart, Failure> {
    if path.is_dir() {
        return Ok(Chart::load(&read_with(path, times)?, warnings)?);
    }
    let archive = read_file(path)?;
    check_archive(path, &archive)?;
    Ok(Chart::load_archive(&archive, warnings)?)
}

pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| open_error(&path.display().to_string(), &error).into())
}

/// Words a file that can't be read as Go does.
pub(crate) fn open_error(name: &str, error: &std::io::Error) -> String {
    let why = match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::NotADirectory => "not a directory".to_owned(),
        std::io::ErrorKind::IsADirectory => return format!("read {name}: is a directory"),
        _ => error.to_string(),
    };
    format!("open {name}: {why}")
}

/// Says early and kindly that a file is no packed chart.
fn check_archive(path: &Path, archive: &[u8]) -> Result<(), Failure> {
    if archive.starts_with(&[0x1f, 0x8b, 0x08]) {
        return Ok(());
    }
    let shown = path.display();
    if path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml") {
        return Err(format!("file '{shown}' seems to be a YAML file, but expected a gzipped archive").into());
    }
    let head = archive.get(..512).unwrap_or(archive);
    let is_binary = |b: &u8| matches!(b, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    let kind = if archive.len() < 512 || head.iter().any(is_binary) {
        "application/octet-stream"
    } else {
        "text/plain; charset=utf-8"
    };
    Err(format!("file '{shown}' does not appear to be a gzipped archive; got '{kind}'").into())
}

/// Reads a chart's folder, without what `.helmignore` names. Links are followed.
pub(crate) fn read_folder(folder: &Path) -> Result<Vec<File>, Failure> {
    read_with(folder, Times::Skipped)
}

fn read_with(folder: &Path, times: Times) -> Result<Vec<File>, Failure> {
    let ignore = folder.join(".helmignore");
    let rules = if ignore.exists() {
        IgnoreRules::parse(&String::from_utf8_lossy(&read_file(&ignore)?))?
    } else {
        IgnoreRules::default()
    };
    let left = ArchiveLimits::default().bytes;
    let mut reader = FolderReader { rules, times, left, files: Vec::new(), buffer: vec![0; FIRST_READ] };
    reader.folder(&Directory::open(folder)?, "", 0)?;
    Ok(reader.files)
}

/// How many bytes are asked for first: nearly all files of charts end before.
const FIRST_READ: usize = 64 << 10;

struct FolderReader {
    rules: IgnoreRules,
    times: Times,
    /// How many bytes may still be read.
    left: u64,
    files: Vec<File>,
    /// Where each file is read, one after the other.
    buffer: Vec<u8>,
}

/// How deep folders may nest; a link to a folder above ends here.
const DEPTH: usize = 100;

impl FolderReader {
    fn folder(&mut self, folder: &Directory, prefix: &str, depth: usize) -> Result<(), Failure> {
        if depth > DEPTH {
            let shown = folder.path().display();
            return Err(format!("{shown}: folders are nested more than {DEPTH} deep").into());
        }
        for entry in folder.list()? {
            let name = format!("{prefix}{}", entry.shown());
            let kind = folder.kind(&entry)?;
            let listed = if kind == Kind::Folder { EntryType::Directory } else { EntryType::File };
            if self.rules.ignores(&name, listed) {
                continue;
            }
            match kind {
                Kind::Folder => self.folder(&folder.folder(&entry)?, &format!("{name}/"), depth + 1)?,
                Kind::File => {
                    let file = self.file(folder, &entry, name)?;
                    self.files.push(file);
                }
                Kind::Other => {
                    let path = folder.path_of(&entry);
                    let shown = path.display();
                    return Err(format!(
                        "cannot load irregular file {shown} as it has file mode type bits set"
                    )
                    .into());
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, folder: &Directory, entry: &Entry, name: String) -> Result<File, Failure> {
        let mut file = folder
            .open_file(entry)
            .map_err(|error| open_error(&folder.path_of(entry).display().to_string(), &error))?;
        let read = self.fill(&mut file)?;
        if read as u64 > self.left {
            let most = ArchiveLimits::default().bytes;
            return Err(format!(
                "error reading {name}: chart exceeds maximum decompressed size of {most} bytes"
            )
            .into());
        }
        self.left -= read as u64;
        let read = File::new(name, &self.buffer[..read]);
        if self.times == Times::Skipped {
            return Ok(read);
        }
        let modified = file.metadata()?.modified().ok();
        let passed = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        Ok(read.modified(Time::new(i64::try_from(passed.as_secs()).unwrap_or(0), passed.subsec_nanos())))
    }

    /// Reads a file to its end, or to one byte more than may still be read.
    fn fill(&mut self, file: &mut std::fs::File) -> std::io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).saturating_add(1);
        let mut read = 0;
        while read < most {
            if read == self.buffer.len() {
                self.buffer.resize(2 * read, 0);
            }
            let end = self.buffer.len().min(most);
            match file.read(&mut self.buffer[read..end]) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }
}
