//! The disk, and beside it what was fetched, as one tree.

use std::borrow::Cow;
use std::collections::BTreeSet;

use gitops_core::tree::{EntryKind, FileMode, MemTree, Source, TreeError, base_name, clean, join, parent};
use gitops_fs::Folder;
use helm_rs::chart::File;

/// What the names of fetched trees begin with: no directory of a disk's root has such a name.
pub(super) const FETCHED: &str = "remote:";

/// The root of the disk, fetched trees under names such as `remote:github.com/org/repo@v1`, and fetched charts where their
/// kustomizations look for them.
#[derive(Debug)]
pub(super) struct World {
    disk: Folder,
    fetched: MemTree,
    /// The folders of charts that are not on the disk, though their kustomizations are.
    charts: BTreeSet<String>,
}

impl World {
    pub(super) fn new(disk: Folder) -> Self {
        Self { disk, fetched: MemTree::new(), charts: BTreeSet::new() }
    }

    /// Puts a repository beside the disk, and returns its path.
    pub(super) fn add_repository(&mut self, wished: &str, tree: &MemTree) -> Result<String, TreeError> {
        let path = self.free(wished);
        self.fetched.mount(&path, tree)?;
        Ok(path)
    }

    /// Puts a file beside the disk, and returns its path.
    pub(super) fn add_file(&mut self, wished: &str, content: &[u8]) -> Result<String, TreeError> {
        let path = self.free(wished);
        self.fetched.add_file(&path, content)?;
        Ok(path)
    }

    /// Puts a chart where a kustomization looks for it; nothing is written to the disk.
    pub(super) fn add_chart(&mut self, folder: &str, files: &[File]) -> Result<(), TreeError> {
        self.fetched.add_directory(folder)?;
        for file in files {
            self.fetched.add_shared(&join(folder, &file.name)?, file.data().clone(), FileMode::default())?;
        }
        self.charts.insert(folder.to_owned());
        Ok(())
    }

    /// Returns the tree that holds a path, where that is not the disk.
    pub(super) fn fetched(&self, path: &str) -> Option<&MemTree> {
        let is_fetched = |path: &str| {
            path.starts_with(FETCHED)
                || self.charts.iter().any(|chart| {
                    path.strip_prefix(chart.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                })
        };
        let may_be = !self.charts.is_empty() || path.contains(FETCHED);
        (may_be && clean(path).is_ok_and(|path| is_fetched(&path))).then_some(&self.fetched)
    }

    /// Finds a path that is nearly what was wished for and not taken.
    fn free(&self, wished: &str) -> String {
        let wished = clean(&format!("{FETCHED}{wished}")).unwrap_or_else(|_| FETCHED.to_owned());
        let mut path = wished.clone();
        let mut number = 1;
        while self.fetched.kind(&path).is_ok() {
            number += 1;
            path = match parent(&wished) {
                "." => format!("{FETCHED}{number}"),
                directory => format!("{directory}/{number}-{}", base_name(&wished)),
            };
        }
        path
    }

    /// Returns the tree that a path belongs to.
    fn of(&self, path: &str) -> &dyn Source {
        match self.fetched(path) {
            Some(tree) => tree,
            None => &self.disk,
        }
    }
}

impl Source for World {
    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, TreeError> {
        self.of(path).read(path)
    }

    fn kind(&self, path: &str) -> Result<EntryKind, TreeError> {
        self.of(path).kind(path)
    }

    fn mode(&self, path: &str) -> Result<FileMode, TreeError> {
        self.of(path).mode(path)
    }

    fn list(&self, path: &str) -> Result<Vec<String>, TreeError> {
        self.of(path).list(path)
    }

    fn resolve(&self, path: &str) -> Result<String, TreeError> {
        self.of(path).resolve(path)
    }
}
