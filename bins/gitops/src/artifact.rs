//! `gitops push|pull|list|tag|diff artifact`: OCI artifacts as Flux makes them, with Flux's flags.

pub(crate) mod diff;
pub(crate) mod list;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod tag;

use crate::Failure;
use gitops_core::artifact::unpack;
use gitops_core::ports::{ImageManifest, PortError, Registry as _};
use gitops_core::tree::{EntryKind, FileMode, IgnoreRules, Limits, MemTree, Source, join};
use gitops_fs::Folder;
use gitops_oci::{OciRegistry, Reference};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

/// What is left out where nobody says otherwise; what git keeps for itself always is.
const IGNORED: &str = "*.jpg,*.jpeg,*.gif,*.png,*.wmv,*.flv,*.tar.gz,*.zip";

/// Reads an artifact's address, which begins with `oci://`.
fn reference(url: &str) -> Result<Reference, Failure> {
    if !url.starts_with("oci://") {
        return Err("URL must be in format 'oci://<domain>/<org>/<repo>'".into());
    }
    url.parse().map_err(|error| format!("'{url}' invalid URL: {error}").into())
}

/// Which local files an artifact is made of.
#[derive(clap::Args, Debug)]
pub(crate) struct FileFlags {
    /// Patterns of files to leave out, as in .gitignore.
    #[arg(long, value_name = "PATTERN", value_delimiter = ',', default_value = IGNORED)]
    ignore_paths: Vec<String>,
    /// Further patterns of files to leave out.
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    add_ignore_paths: Vec<String>,
}

/// Whether links within a folder stand for what they lead to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// They are left out.
    Skipped,
    /// What they lead to is copied.
    Copied,
}

impl FileFlags {
    fn rules(&self) -> IgnoreRules {
        let patterns: Vec<&str> =
            self.ignore_paths.iter().chain(&self.add_ignore_paths).map(String::as_str).collect();
        IgnoreRules::of(&patterns.join("\n"))
    }

    /// Reads a folder, a single file, or standard input where the path is `-`.
    pub(crate) fn tree(&self, path: &Path, links: Links) -> Result<MemTree, Failure> {
        let mut tree = MemTree::new();
        if path == Path::new("-") {
            let mut text = Vec::new();
            std::io::stdin().take(Limits::default().file_bytes as u64 + 1).read_to_end(&mut text)?;
            tree.add_file("manifests.yaml", text)?;
            return Ok(tree);
        }
        let shown = path.display();
        let invalid = |why: std::io::Error| {
            format!("invalid path '{shown}', must point to an existing directory or file: {why}")
        };
        let found = std::fs::metadata(path).map_err(invalid)?;
        if found.is_dir() {
            let folder = Folder::new(path).map_err(invalid)?;
            let mut copy = Copy { folder: &folder, rules: self.rules(), links, tree, open: Vec::new() };
            copy.directory(".")?;
            return Ok(copy.tree);
        }
        let real = path.canonicalize().map_err(invalid)?;
        let (Some(parent), Some(name)) = (real.parent(), path.file_name().and_then(|name| name.to_str()))
        else {
            return Err(format!("invalid path '{shown}', its name is no UTF-8").into());
        };
        let folder = Folder::new(parent).map_err(invalid)?;
        let inside = real.file_name().and_then(|name| name.to_str()).unwrap_or(name);
        tree.add_shared(name, folder.read(inside)?.as_ref().into(), folder.mode(inside)?)?;
        Ok(tree)
    }
}

/// A folder while it is read into memory.
struct Copy<'f> {
    folder: &'f Folder,
    rules: IgnoreRules,
    links: Links,
    tree: MemTree,
    /// The directories that lead here, links resolved: one that stands in itself has no end.
    open: Vec<String>,
}

impl Copy<'_> {
    fn directory(&mut self, path: &str) -> Result<(), Failure> {
        let real = self.folder.resolve(path)?;
        if self.open.contains(&real) {
            return Err(format!("{path}: a link leads back to a directory that holds it").into());
        }
        self.open.push(real);
        for name in self.folder.list(path)? {
            self.entry(&join(path, &name)?)?;
        }
        self.open.pop();
        Ok(())
    }

    fn entry(&mut self, path: &str) -> Result<(), Failure> {
        let resolved = self.folder.resolve(path);
        // A link within the folder above shows in each path below it: this entry's own step counts.
        let is_link = std::fs::symlink_metadata(self.folder.root().join(path))?.is_symlink();
        if is_link && self.links == Links::Skipped {
            return Ok(());
        }
        resolved?;
        let kind = self.folder.kind(path)?;
        let is_ignored = self.rules.ignores(path, kind);
        match kind {
            // A pattern may bring back what lies in a directory that is left out.
            EntryKind::Directory => {
                if !is_ignored {
                    self.tree.add_directory(path)?;
                }
                self.directory(path)
            }
            EntryKind::File if is_ignored => Ok(()),
            EntryKind::File => {
                let content = self.folder.read(path)?.as_ref().into();
                Ok(self.tree.add_shared(path, content, self.folder.mode(path)?)?)
            }
        }
    }
}

/// Fetches an artifact: its manifest, and the files of its first layer.
async fn fetch(registry: &OciRegistry, reference: &Reference) -> Result<(ImageManifest, MemTree), PortError> {
    let repository = reference.repository();
    let manifest = registry.manifest(repository, reference.wanted()).await?;
    let content = registry.blob(repository, manifest.layer(None)?).await?;
    let tree = unpack(&content, Limits::default())?;
    Ok((manifest, tree))
}

/// Returns what differs between two trees, a line a file: `+` only in the new one, `-` only in the old one, `~` in both.
fn differences(old: &MemTree, new: &MemTree) -> Vec<String> {
    let mode = |tree: &MemTree, path: &str| tree.mode(path).unwrap_or(FileMode::Plain);
    let before: BTreeMap<String, &[u8]> = old.files().into_iter().collect();
    let after: BTreeMap<String, &[u8]> = new.files().into_iter().collect();
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let line = |path: &String| match (before.get(path), after.get(path)) {
        (Some(before), Some(after)) if before != after => Some(format!("~ {path}")),
        (Some(_), Some(_)) => (mode(old, path) != mode(new, path)).then(|| format!("~ {path} (mode)")),
        (Some(_), None) => Some(format!("- {path}")),
        (None, _) => Some(format!("+ {path}")),
    };
    paths.into_iter().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_told_by_file() {
        let tree = |files: &[(&str, &str)]| {
            let mut tree = MemTree::new();
            for (path, content) in files {
                tree.add_file(path, content).unwrap();
            }
            tree
        };
        let old = tree(&[("a/x", "1"), ("a.yaml", "1"), ("gone", "1"), ("same", "1")]);
        let mut new = tree(&[("a/x", "2"), ("a.yaml", "1"), ("new", "1"), ("same", "1")]);
        assert_eq!(differences(&old, &new), ["~ a/x", "- gone", "+ new"]);
        new.add_shared("same", (*b"1").into(), FileMode::Executable).unwrap();
        assert!(differences(&old, &new).contains(&"~ same (mode)".to_owned()));
        assert!(differences(&old, &old).is_empty());
    }
}
