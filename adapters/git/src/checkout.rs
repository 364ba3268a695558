//! A commit's directories and files as a tree in memory.
//!
//! Names that git itself refuses to check out are refused: `.git` in all its disguises, `..`, a name that stands twice, and
//! names that no text holds. Links are kept as they are; the tree refuses those that lead out of it when they are used.

use crate::error::Failure;
use crate::object::{self, EntryKind};
use crate::options::Limits;
use crate::pack::Objects;
use gitops_core::tree::{FileMode, MemTree, clean};
use gix_hash::ObjectId;
use gix_object::Kind;
use gix_validate::path::component;
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How deep directories may nest.
const DEPTH: usize = 250;

/// Which directories are read.
#[derive(Debug)]
pub(crate) struct Selection {
    directories: Vec<String>,
}

impl Selection {
    /// `None` of the directories means all.
    pub(crate) fn new(directories: &[String]) -> Result<Self, Failure> {
        let clean = |directory: &String| {
            clean(directory)
                .map_err(|error| Failure::Bad(format!("failed to sparse checkout directory: {error}")))
        };
        let mut directories = directories.iter().map(clean).collect::<Result<Vec<_>, _>>()?;
        if directories.iter().any(|directory| directory == ".") {
            directories.clear();
        }
        Ok(Self { directories })
    }

    /// Returns whether a path lies in what is read.
    fn has(&self, path: &str) -> bool {
        self.directories.is_empty() || self.directories.iter().any(|directory| is_within(path, directory))
    }

    /// Returns whether something below a directory may be read.
    fn leads_to(&self, path: &str) -> bool {
        self.has(path) || self.directories.iter().any(|directory| is_within(directory, path))
    }

    /// Fails where a directory that was asked for is not there.
    pub(crate) fn check(&self, tree: &MemTree) -> Result<(), Failure> {
        use gitops_core::tree::Source as _;
        match self.directories.iter().find(|directory| !tree.is_directory(directory)) {
            None => Ok(()),
            Some(directory) => Err(Failure::NotFound(format!(
                "failed to sparse checkout directory '{directory}': no such directory"
            ))),
        }
    }
}

fn is_within(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A commit of another repository at a path.
#[derive(Debug)]
pub(crate) struct Submodule {
    pub(crate) path: String,
    pub(crate) commit: ObjectId,
}

/// Reads the files beneath a directory object, and adds to `seen` the entries that were looked at: a few directories that hold
/// one another many times make more of them than there are objects.
pub(crate) fn read(
    objects: &Objects,
    root: ObjectId,
    selection: &Selection,
    limits: &Limits,
    seen: &AtomicUsize,
) -> Result<(MemTree, Vec<Submodule>), Failure> {
    let mut most = gitops_core::tree::Limits::default();
    most.file_bytes = limits.object_bytes;
    most.tree_bytes = limits.total_bytes;
    most.entries = limits.entries;
    let mut tree = MemTree::with_limits(most);
    let mut submodules = Vec::new();
    let mut todo = vec![(String::new(), root, 0_usize)];
    while let Some((directory, id, depth)) = todo.pop() {
        if depth > DEPTH {
            return Err(Failure::Bad(format!("{directory}: deeper than {DEPTH} directories")));
        }
        let content = objects.get(&id, Kind::Tree)?;
        let mut names = HashSet::new();
        for entry in object::entries(content, id.kind()) {
            let entry = entry?;
            if seen.fetch_add(1, Ordering::Relaxed) >= limits.entries {
                return Err(Failure::Bad(format!(
                    "the tree has more than {} files, directories and links",
                    limits.entries
                )));
            }
            let name = checked_name(entry.name, entry.kind, &directory)?;
            if !names.insert(name) {
                return Err(Failure::Bad(format!(
                    "{directory}/{name}: the name stands twice in its directory"
                )));
            }
            let path = if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") };
            let is_selected = selection.has(&path);
            let too_large = |error: gitops_core::tree::TreeError| Failure::Bad(error.to_string());
            match entry.kind {
                EntryKind::Directory if selection.leads_to(&path) => todo.push((path, entry.id, depth + 1)),
                EntryKind::Submodule if selection.leads_to(&path) => {
                    tree.add_directory(&path).map_err(too_large)?;
                    submodules.push(Submodule { path, commit: entry.id });
                }
                EntryKind::File | EntryKind::Program if is_selected => {
                    let content = objects.get(&entry.id, Kind::Blob)?;
                    let mode = match entry.kind {
                        EntryKind::Program => FileMode::Executable,
                        _ => FileMode::Plain,
                    };
                    tree.add_shared(&path, content.clone(), mode).map_err(too_large)?;
                }
                EntryKind::Link if is_selected => {
                    let target = objects.get(&entry.id, Kind::Blob)?;
                    if let Ok(target) = std::str::from_utf8(target) {
                        tree.add_link(&path, target).map_err(too_large)?;
                    }
                }
                _ => {}
            }
        }
    }
    Ok((tree, submodules))
}

/// Refuses names that could do harm on some disk.
pub(crate) fn checked_name<'a>(name: &'a [u8], kind: EntryKind, directory: &str) -> Result<&'a str, Failure> {
    let refused = |why: &str| {
        let name = String::from_utf8_lossy(name);
        Failure::Bad(format!("the name {name:?} in directory {directory:?} is refused: {why}"))
    };
    let options = component::Options { protect_windows: false, protect_hfs: true, protect_ntfs: true };
    let mode = (kind == EntryKind::Link).then_some(component::Mode::Symlink);
    gix_validate::path::component(name.into(), mode, options).map_err(|error| refused(&error.to_string()))?;
    let text = std::str::from_utf8(name).map_err(|_| refused("it is no UTF-8"))?;
    if text.chars().any(char::is_control) {
        return Err(refused("it has control characters"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_git_refuses_are_refused() {
        let bad: [&[u8]; 20] = [
            b"git~1.",
            b"GIT~1 ",
            b".git.",
            b".git . .",
            b".git:x",
            ".GI\u{200d}T".as_bytes(),
            b"a\x1b[2J",
            b"",
            b".",
            b"..",
            b".git",
            b".GIT",
            b".Git",
            b"git~1",
            b".git ",
            b".git::$INDEX_ALLOCATION",
            b"a/b",
            b"a\0b",
            b"\xff",
            ".g\u{200c}it".as_bytes(),
        ];
        for name in bad {
            assert!(checked_name(name, EntryKind::File, "").is_err(), "{}", String::from_utf8_lossy(name));
        }
        assert!(checked_name(b".gitmodules", EntryKind::Link, "").is_err());
        for name in ["a", ".gitignore", "aux.yaml", "a:b", "...", "häßlich", ".github", "a\\b"] {
            assert_eq!(checked_name(name.as_bytes(), EntryKind::File, "").ok(), Some(name));
        }
    }

    #[test]
    fn a_selection_keeps_what_lies_in_its_directories() {
        let selection = Selection::new(&["./apps/web".into(), "base/".into()]).unwrap();
        assert!(selection.has("apps/web/a.yaml") && selection.has("base/a.yaml"));
        assert!(!selection.has("apps/webhook") && !selection.has("apps") && !selection.has("README"));
        assert!(selection.leads_to("apps") && !selection.leads_to("app"));
        assert!(Selection::new(&["../x".into()]).is_err());
    }
}
