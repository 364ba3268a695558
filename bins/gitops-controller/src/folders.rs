//! Folders of this machine in the place of git repositories, so that a fleet runs from what is being edited.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use gitops_core::artifact;
use gitops_core::git_location::{GitLocation, LocalRepositories};
use gitops_core::ports::{
    Checkout, CommitInfo, FetchRequest, GitReference, GitRemote, PortError, PushRequest,
};
use gitops_core::revision::Revision;
use gitops_core::tree::{EntryKind, IgnoreRules, MemTree, Source, TreeError, clean};
use gitops_fs::Folder;
use gitops_git::Git;

/// Git, where some URLs are answered from folders: each state of a folder is a commit whose id is made of its files.
#[derive(Clone, Debug)]
pub struct FoldersOrGit {
    git: Git,
    folders: Arc<Mutex<BTreeMap<String, Instead>>>,
}

/// What answers for a repository.
#[derive(Clone, Debug)]
pub enum Instead {
    /// A folder, whose files only people change.
    Folder(PathBuf),
    /// A folder, into which commits are written too.
    Writable(PathBuf),
    /// A folder that is a git repository: the commit that is checked out, whatever is saved beside it. Nothing is pushed to it.
    Commits(PathBuf),
    /// Another repository.
    Repository(Box<GitLocation>),
}

impl FoldersOrGit {
    /// Answers from git alone.
    #[must_use]
    pub fn new(git: Git) -> Self {
        Self { git, folders: Arc::default() }
    }

    /// Answers a URL from elsewhere; a folder has every branch that is asked for.
    pub fn replace(&self, url: &str, instead: Instead) {
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.insert(canonical(url), instead);
    }

    fn instead(&self, location: &GitLocation) -> Option<Instead> {
        let folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.get(&canonical(&location.to_string())).cloned()
    }
}

impl Instead {
    /// Returns a number that changes when what would be answered changes; `None` where only a server knows.
    #[must_use]
    pub fn fingerprint(&self) -> Option<u64> {
        match self {
            Self::Folder(folder) | Self::Writable(folder) => Some(fingerprint(folder)),
            Self::Commits(folder) => Some(head_fingerprint(folder)),
            Self::Repository(_) => None,
        }
    }
}

/// Returns a number that changes with the commit that a folder's repository has checked out, read without git's help.
fn head_fingerprint(folder: &Path) -> u64 {
    let mut git = folder.join(".git");
    // A work tree of a repository that lies elsewhere names where.
    if let Some(elsewhere) =
        std::fs::read_to_string(&git).ok().as_deref().and_then(|text| text.strip_prefix("gitdir:"))
    {
        git = folder.join(elsewhere.trim());
    }
    let common = std::fs::read_to_string(git.join("commondir")).map(|path| git.join(path.trim()));
    let common = common.unwrap_or_else(|_| git.clone());
    let head = std::fs::read_to_string(git.join("HEAD")).unwrap_or_default();
    let reference = head.strip_prefix("ref:").map(|name| common.join(name.trim()));
    let commit = reference.and_then(|file| std::fs::read_to_string(file).ok());
    let packed = std::fs::metadata(common.join("packed-refs")).and_then(|found| found.modified()).ok();
    let mut hasher = DefaultHasher::new();
    (head, commit, packed).hash(&mut hasher);
    hasher.finish()
}

/// Where git finds a folder's own repository.
fn own_repository(folder: &Path) -> Result<GitLocation, PortError> {
    GitLocation::new(&format!("file://{}", folder.display()), None, LocalRepositories::Allowed)
        .map_err(|error| PortError::stalled(error.to_string()))
}

/// Names a commit as the branch's that was asked for: what is checked out stands for every branch.
fn checked_out(found: &Revision, reference: &GitReference) -> Revision {
    Revision::git(reference.branch.clone().unwrap_or_else(|| "HEAD".into()), found.hash())
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

/// Reads a folder into memory, without what git leaves out: `.git`, and what `.gitignore` names.
///
/// # Errors
/// Where a directory can't be listed, or all of it is larger than a tree may be.
pub fn read_folder(folder: &Path) -> Result<MemTree, PortError> {
    let failed = |error: &dyn std::fmt::Display| PortError::retry(format!("{}: {error}", folder.display()));
    let source = Folder::new(folder).map_err(|error| failed(&error))?;
    let mut tree = MemTree::new();
    for path in files(&source).map_err(|error| failed(&error))? {
        if let Ok(content) = source.read(&path) {
            tree.add_file(&path, content).map_err(|error| failed(&error))?;
        }
    }
    Ok(tree)
}

/// Returns a number that changes with the names, sizes and times of a folder's files, read without their contents.
#[must_use]
pub fn fingerprint(folder: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    for path in Folder::new(folder).ok().and_then(|source| files(&source).ok()).unwrap_or_default() {
        if let Ok(found) = std::fs::metadata(folder.join(&path)) {
            (path, found.len(), found.modified().ok()).hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// Returns the paths of the files that git would look at.
fn files(source: &Folder) -> Result<Vec<String>, TreeError> {
    let mut found = Vec::new();
    let mut rules: Vec<(String, IgnoreRules)> = Vec::new();
    let mut open = vec![String::from(".")];
    while let Some(directory) = open.pop() {
        rules.retain(|(above, _)| inside(above, &directory).is_some());
        let names = source.list(&directory)?;
        let below =
            |name: &str| if directory == "." { name.to_owned() } else { format!("{directory}/{name}") };
        if names.iter().any(|name| name == ".gitignore")
            && let Ok(text) = source.read(&below(".gitignore"))
        {
            let text = String::from_utf8_lossy(&text).into_owned();
            // Rules without a pattern would be those of an artifact that has none.
            if text.lines().any(|line| !line.starts_with('#') && !line.trim().is_empty()) {
                rules.push((directory.clone(), IgnoreRules::of(&text)));
            }
        }
        for name in names {
            let path = below(&name);
            let kind = if source.is_directory(&path) { EntryKind::Directory } else { EntryKind::File };
            let is_ignored = |(above, rules): &(String, IgnoreRules)| {
                inside(above, &path).is_some_and(|path| rules.ignores(path, kind))
            };
            if name == ".git" || rules.iter().any(is_ignored) {
                continue;
            }
            if kind == EntryKind::File {
                found.push(path);
            } else if source.resolve(&path).is_ok_and(|real| real == path) {
                // A link to a folder above would never end.
                open.push(path);
            }
        }
    }
    Ok(found)
}

/// Returns a path as it is seen from a directory above it.
fn inside<'a>(directory: &str, path: &'a str) -> Option<&'a str> {
    match directory {
        "." => Some(path),
        _ if directory == path => Some("."),
        _ => path.strip_prefix(directory)?.strip_prefix('/'),
    }
}

/// Writes a commit's changes into a folder.
fn write(folder: &Path, request: &PushRequest) -> Result<String, PortError> {
    let failed = |error: &dyn std::fmt::Display| PortError::stalled(format!("{}: {error}", folder.display()));
    let branch = request.references.first().and_then(|name| name.strip_prefix("refs/heads/"));
    let reference = GitReference { branch: branch.map(str::to_owned), ..GitReference::default() };
    let found = revision(&read_folder(folder)?, &reference)?;
    if request.parent.as_deref() != Some(found.hash()) {
        return Err(PortError::retry(format!("{} has changed meanwhile", folder.display())));
    }
    for (path, content) in &request.changes {
        let path = clean(path).map_err(|error| failed(&error))?;
        match content {
            Some(content) => {
                gitops_fs::write_below(folder, Path::new(&path), content).map_err(|error| failed(&error))?;
            }
            None => std::fs::remove_file(folder.join(path)).map_err(|error| failed(&error))?,
        }
    }
    Ok(revision(&read_folder(folder)?, &reference)?.hash().to_owned())
}

fn revision(tree: &MemTree, reference: &GitReference) -> Result<Revision, PortError> {
    let packed = artifact::pack(tree, None).map_err(|error| PortError::retry(error.to_string()))?;
    let hash = packed.digest.rsplit(':').next().unwrap_or_default();
    let branch = reference.branch.clone().unwrap_or_else(|| "worktree".into());
    Ok(Revision::git(branch, hash.get(..40).unwrap_or(hash)))
}

impl GitRemote for FoldersOrGit {
    async fn resolve(&self, location: &GitLocation, reference: &GitReference) -> Result<Revision, PortError> {
        match self.instead(location) {
            Some(Instead::Folder(folder) | Instead::Writable(folder)) => {
                revision(&read_folder(&folder)?, reference)
            }
            Some(Instead::Commits(folder)) => {
                let found = self.git.resolve(&own_repository(&folder)?, &GitReference::default()).await?;
                Ok(checked_out(&found, reference))
            }
            Some(Instead::Repository(other)) => self.git.resolve(&other, reference).await,
            None => self.git.resolve(location, reference).await,
        }
    }

    async fn fetch(&self, request: &FetchRequest) -> Result<Checkout, PortError> {
        let folder = match self.instead(&request.location) {
            Some(Instead::Folder(folder) | Instead::Writable(folder)) => folder,
            Some(Instead::Commits(folder)) => {
                let own = FetchRequest {
                    location: own_repository(&folder)?,
                    reference: GitReference::default(),
                    ..request.clone()
                };
                let mut checkout = self.git.fetch(&own).await?;
                checkout.revision = checked_out(&checkout.revision, &request.reference);
                return Ok(checkout);
            }
            Some(Instead::Repository(location)) => {
                return self.git.fetch(&FetchRequest { location: *location, ..request.clone() }).await;
            }
            None => return self.git.fetch(request).await,
        };
        let tree = read_folder(&folder)?;
        let revision = revision(&tree, &request.reference)?;
        let message = format!("the files of {} as they are", folder.display());
        let commit = CommitInfo { id: revision.hash().to_owned(), message, ..CommitInfo::default() };
        Ok(Checkout { revision, commit, tree, signers: Vec::new() })
    }

    async fn push(&self, request: &PushRequest) -> Result<String, PortError> {
        match self.instead(&request.location) {
            Some(Instead::Writable(folder)) => write(&folder, request),
            Some(Instead::Folder(folder) | Instead::Commits(folder)) => {
                let message =
                    format!("{} stands for a repository here and is not written to", folder.display());
                Err(PortError::stalled(message))
            }
            Some(Instead::Repository(location)) => {
                self.git.push(&PushRequest { location: *location, ..request.clone() }).await
            }
            None => self.git.push(request).await,
        }
    }
}
