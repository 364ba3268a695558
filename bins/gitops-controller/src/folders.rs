//! Folders of this machine in the place of git repositories, so that a fleet runs from what is being edited.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use gitops_core::artifact;
use gitops_core::git_location::GitLocation;
use gitops_core::ports::{
    Checkout, CommitInfo, FetchRequest, GitReference, GitRemote, PortError, PushRequest,
};
use gitops_core::revision::Revision;
use gitops_core::tree::{MemTree, Source};
use gitops_fs::Folder;
use gitops_git::Git;

/// Git, where some URLs are answered from folders: each state of a folder is a commit whose id is made of its files.
#[derive(Clone, Debug)]
pub struct FoldersOrGit {
    git: Git,
    folders: Arc<Mutex<BTreeMap<String, PathBuf>>>,
}

impl FoldersOrGit {
    /// Answers from git alone.
    #[must_use]
    pub fn new(git: Git) -> Self {
        Self { git, folders: Arc::default() }
    }

    /// Answers a URL from a folder, whatever branch is asked for.
    pub fn replace(&self, url: &str, folder: PathBuf) {
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.insert(canonical(url), folder);
    }

    fn folder(&self, location: &GitLocation) -> Option<PathBuf> {
        let folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.get(&canonical(&location.to_string())).cloned()
    }
}

fn canonical(url: &str) -> String {
    let url = url.trim_end_matches('/').trim_end_matches(".git");
    // A user in the URL is no part of where the repository is.
    match url.split_once("://") {
        Some((scheme, rest)) => match rest.split_once('@') {
            Some((user, rest)) if !user.contains('/') => format!("{scheme}://{rest}"),
            _ => url.to_owned(),
        },
        None => url.to_owned(),
    }
}

/// Reads a folder into memory, without `.git`.
fn read(folder: &std::path::Path) -> Result<MemTree, PortError> {
    let failed = |error: &dyn std::fmt::Display| PortError::retry(format!("{}: {error}", folder.display()));
    let source = Folder::new(folder).map_err(|error| failed(&error))?;
    let mut tree = MemTree::new();
    let mut open = vec![String::from(".")];
    while let Some(directory) = open.pop() {
        for name in source.list(&directory).map_err(|error| failed(&error))? {
            if name == ".git" {
                continue;
            }
            let path = if directory == "." { name } else { format!("{directory}/{name}") };
            if source.is_directory(&path) {
                // A link to a folder above would never end.
                if source.resolve(&path).is_ok_and(|real| real == path) {
                    open.push(path);
                }
            } else if let Ok(content) = source.read(&path) {
                tree.add_file(&path, content).map_err(|error| failed(&error))?;
            }
        }
    }
    Ok(tree)
}

fn revision(tree: &MemTree, reference: &GitReference) -> Result<Revision, PortError> {
    let packed = artifact::pack(tree, None).map_err(|error| PortError::retry(error.to_string()))?;
    let hash = packed.digest.rsplit(':').next().unwrap_or_default();
    let branch = reference.branch.clone().unwrap_or_else(|| "worktree".into());
    Ok(Revision::git(branch, hash.get(..40).unwrap_or(hash)))
}

impl GitRemote for FoldersOrGit {
    async fn resolve(&self, location: &GitLocation, reference: &GitReference) -> Result<Revision, PortError> {
        match self.folder(location) {
            Some(folder) => revision(&read(&folder)?, reference),
            None => self.git.resolve(location, reference).await,
        }
    }

    async fn fetch(&self, request: &FetchRequest) -> Result<Checkout, PortError> {
        let Some(folder) = self.folder(&request.location) else { return self.git.fetch(request).await };
        let tree = read(&folder)?;
        let revision = revision(&tree, &request.reference)?;
        let message = format!("the files of {} as they are", folder.display());
        let commit = CommitInfo { id: revision.hash().to_owned(), message, ..CommitInfo::default() };
        Ok(Checkout { revision, commit, tree, signers: Vec::new() })
    }

    async fn push(&self, request: &PushRequest) -> Result<String, PortError> {
        match self.folder(&request.location) {
            Some(folder) => {
                let message =
                    format!("{} stands for a repository here and is not written to", folder.display());
                Err(PortError::stalled(message))
            }
            None => self.git.push(request).await,
        }
    }
}
