//! Reads the files below a folder, and never what links lead to outside of it.

use crate::Failure;
use image_policy::Updater;
use std::fs;
use std::path::{Path, PathBuf};

/// A folder, or a single file, whose manifests are read one by one.
pub(super) struct Tree {
    /// Paths are seen from here.
    root: PathBuf,
    /// The files that may hold markers, sorted, as paths below the root with `/`.
    files: Vec<String>,
    /// What was left out, and why.
    pub(super) notes: Vec<String>,
}

impl Tree {
    pub(super) fn new(path: &Path) -> Result<Self, Failure> {
        let about = |error: std::io::Error| format!("{}: {error}", path.display());
        let metadata = fs::metadata(path).map_err(about)?;
        let whole = path.canonicalize().map_err(about)?;
        if metadata.is_file() {
            let name = whole.file_name().and_then(|name| name.to_str());
            let name = name.ok_or_else(|| format!("{}: the name is not UTF-8", path.display()))?.to_owned();
            let root = whole.parent().unwrap_or(&whole).to_owned();
            return Ok(Self { root, files: vec![name], notes: Vec::new() });
        }
        let mut tree = Self { root: whole.clone(), files: Vec::new(), notes: Vec::new() };
        tree.walk(&whole, "")?;
        tree.files.sort();
        Ok(tree)
    }

    fn walk(&mut self, folder: &Path, below: &str) -> Result<(), Failure> {
        let about = |error: std::io::Error| format!("{}: {error}", folder.display());
        for entry in fs::read_dir(folder).map_err(about)? {
            let entry = entry.map_err(about)?;
            let kind = entry.file_type().map_err(about)?;
            let Ok(name) = entry.file_name().into_string() else {
                self.notes.push(format!("{}: not read, as its name is not UTF-8", entry.path().display()));
                continue;
            };
            let path = if below.is_empty() { name } else { format!("{below}/{name}") };
            if kind.is_symlink() {
                self.note_link(&entry.path(), &path);
            } else if kind.is_dir() {
                if !path.ends_with(".git") {
                    self.walk(&entry.path(), &path)?;
                }
            } else if kind.is_file() && Updater::looks_at(&path) {
                self.files.push(path);
            }
        }
        Ok(())
    }

    /// What a link inside the tree leads to is read where it really is; one that leads out is said.
    fn note_link(&mut self, link: &Path, path: &str) {
        match link.canonicalize() {
            Ok(target) if target.starts_with(&self.root) => {}
            Ok(target) if target.is_dir() || Updater::looks_at(path) => {
                self.notes.push(format!("{path}: not followed, as the link leads out of the folder"));
            }
            Err(_) if Updater::looks_at(path) => {
                self.notes.push(format!("{path}: not followed, as the link leads nowhere"));
            }
            _ => {}
        }
    }

    /// Reads each file and hands it on.
    pub(super) fn each(
        &self,
        mut take: impl FnMut(&str, &[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for file in &self.files {
            let bytes = fs::read(self.root.join(file)).map_err(|error| format!("{file}: {error}"))?;
            take(file, &bytes)?;
        }
        Ok(())
    }

    /// Reads one file again.
    pub(super) fn read(&self, file: &str) -> Result<String, Failure> {
        match fs::read_to_string(self.root.join(file)) {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(format!("{file}: {error}").into()),
        }
    }

    /// Replaces a file in one step, so that no reader sees half of it.
    pub(super) fn write(&self, file: &str, text: &str) -> Result<(), Failure> {
        let about = |error: std::io::Error| format!("{file}: {error}");
        let path = self.root.join(file);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(about)?;
            if !folder.canonicalize().map_err(about)?.starts_with(&self.root) {
                return Err(format!("{file}: not written, as a link leads out of the folder").into());
            }
        }
        let mut beside = path.clone().into_os_string();
        beside.push(".gitops-new");
        fs::write(&beside, text).map_err(about)?;
        if let Ok(metadata) = fs::metadata(&path) {
            fs::set_permissions(&beside, metadata.permissions()).map_err(about)?;
        }
        Ok(fs::rename(&beside, &path).map_err(about)?)
    }
}
