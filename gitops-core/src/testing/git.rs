//! A git server in memory.

use super::faults::{Fault, Faults, lock};
use crate::git_location::GitLocation;
use crate::ports::{
    Checkout, CommitInfo, FetchRequest, GitReference, GitRemote, MovedReference, PortError, PushRequest,
    SignatureError, SignatureProblem, Signer, SigningKey, Verification, VerificationMode,
};
use crate::revision::Revision;
use crate::tree::MemTree;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Repositories by their URL (as [`GitLocation`] prints it). References move only forwards; a push from an old parent is
/// refused as a conflict, as real servers do.
#[derive(Debug, Default)]
pub struct FakeGit {
    /// Faults to come, for `resolve`, `fetch` and `push`.
    pub faults: Faults,
    repositories: Mutex<BTreeMap<String, Repository>>,
}

#[derive(Debug, Default)]
struct Repository {
    commits: Vec<Commit>,
    references: BTreeMap<String, usize>,
}

#[derive(Clone, Debug)]
struct Commit {
    info: CommitInfo,
    tree: MemTree,
    signature: Option<String>,
}

impl Commit {
    /// Believes a signature where it is the text of a trusted key.
    fn check(&self, wanted: &Verification, location: &GitLocation) -> Result<Signer, PortError> {
        let fail = |problem, message: String| {
            let error = SignatureError { problem, message };
            PortError::stalled(error.message.clone()).because(error).while_doing(location)
        };
        if wanted.mode != VerificationMode::Head {
            let message = "cannot verify tag object's signature if a tag reference is not specified";
            return Err(fail(SignatureProblem::NoTag, message.into()));
        }
        let id = &self.info.id;
        let mut keys = wanted.pgp_keys.iter().chain(&wanted.ssh_keys);
        match keys.find(|key| self.signature.as_ref() == Some(*key)) {
            Some(key) => Ok(Signer { object: format!("commit '{id}'"), key: key.clone() }),
            None => {
                let message = format!("signature verification of commit '{id}' failed: no matching key");
                Err(fail(SignatureProblem::Commit, message))
            }
        }
    }
}

impl FakeGit {
    /// Adds a commit with these files and moves a branch to it; returns the commit's id.
    pub fn commit(&self, url: &str, branch: &str, tree: MemTree, message: &str) -> String {
        let mut repositories = lock(&self.repositories);
        let repository = repositories.entry(url.to_owned()).or_default();
        let info = CommitInfo { message: message.to_owned(), ..CommitInfo::default() };
        repository.add(info, tree, None, &[format!("refs/heads/{branch}")])
    }

    /// Puts a signature on a commit that is there: the text of the key that is to be trusted.
    pub fn sign(&self, url: &str, commit: &str, key: &str) {
        let mut repositories = lock(&self.repositories);
        let commits = repositories.get_mut(url).map(|r| r.commits.as_mut_slice()).unwrap_or_default();
        for commit in commits.iter_mut().filter(|known| known.info.id == commit) {
            commit.signature = Some(key.to_owned());
        }
    }

    /// Returns the signature of each commit that was made, oldest first: the secret text of the key that a push named.
    #[must_use]
    pub fn signatures(&self, url: &str) -> Vec<Option<String>> {
        let repositories = lock(&self.repositories);
        let commits = repositories.get(url).map(|r| r.commits.as_slice()).unwrap_or_default();
        commits.iter().map(|commit| commit.signature.clone()).collect()
    }

    /// Returns the messages of all commits that were made, oldest first.
    #[must_use]
    pub fn messages(&self, url: &str) -> Vec<String> {
        let repositories = lock(&self.repositories);
        let commits = repositories.get(url).map(|r| r.commits.as_slice()).unwrap_or_default();
        commits.iter().map(|commit| commit.info.message.clone()).collect()
    }

    fn find(
        &self,
        location: &GitLocation,
        reference: &GitReference,
        stale: bool,
    ) -> Result<(Revision, Commit), PortError> {
        let repositories = lock(&self.repositories);
        let url = location.to_string();
        let repository = repositories
            .get(&url)
            .ok_or_else(|| PortError::stalled(format!("{url}: repository not found")))?;
        let (name, full) = wanted(reference);
        let index = match &reference.commit {
            Some(id) => repository.commits.iter().position(|commit| commit.info.id == *id),
            None => repository.references.get(&full).copied(),
        };
        let index =
            index.ok_or_else(|| PortError::stalled(format!("{url}: couldn't find remote ref \"{full}\"")))?;
        let index = if stale { index.saturating_sub(1) } else { index };
        let commit = repository.commits[index].clone();
        Ok((Revision::git(name, commit.info.id.clone()), commit))
    }
}

/// The name that a revision shows and the full reference name.
fn wanted(reference: &GitReference) -> (String, String) {
    match reference {
        GitReference { name: Some(name), .. } => (name.clone(), name.clone()),
        GitReference { tag: Some(tag), .. } => (tag.clone(), format!("refs/tags/{tag}")),
        GitReference { branch: Some(branch), .. } => (branch.clone(), format!("refs/heads/{branch}")),
        GitReference { short: Some(name), .. } => (name.clone(), format!("refs/heads/{name}")),
        _ => ("master".into(), "refs/heads/master".into()),
    }
}

impl Repository {
    fn add(
        &mut self,
        mut info: CommitInfo,
        tree: MemTree,
        signature: Option<String>,
        references: &[String],
    ) -> String {
        // Short forms differ too.
        let number = self.commits.len() + 1;
        info.id = format!("{number:012x}{number:028x}");
        let id = info.id.clone();
        self.commits.push(Commit { info, tree, signature });
        for reference in references {
            self.references.insert(reference.clone(), self.commits.len() - 1);
        }
        id
    }
}

impl GitRemote for FakeGit {
    async fn resolve(&self, location: &GitLocation, reference: &GitReference) -> Result<Revision, PortError> {
        let stale = self.faults.take("resolve").await? == Some(Fault::StaleRead);
        Ok(self.find(location, reference, stale)?.0)
    }

    async fn fetch(&self, request: &FetchRequest) -> Result<Checkout, PortError> {
        let stale = self.faults.take("fetch").await? == Some(Fault::StaleRead);
        let (revision, commit) = self.find(&request.location, &request.reference, stale)?;
        let signers = match &request.verification {
            Some(verification) => vec![commit.check(verification, &request.location)?],
            None => Vec::new(),
        };
        Ok(Checkout { revision, commit: commit.info, tree: commit.tree, signers })
    }

    async fn push(&self, request: &PushRequest) -> Result<String, PortError> {
        let moved = || PortError::retry(format!("{}: non-fast-forward update", request.location));
        let fault = self.faults.take("push").await?;
        if fault == Some(Fault::Conflict) {
            return Err(moved());
        }
        let mut repositories = lock(&self.repositories);
        let repository = repositories.entry(request.location.to_string()).or_default();
        let parent =
            request.parent.as_ref().and_then(|id| repository.commits.iter().position(|c| c.info.id == *id));
        for reference in &request.references {
            let has_moved = repository.references.get(reference).is_some_and(|now| Some(*now) != parent);
            if has_moved && request.moved == MovedReference::Refused {
                return Err(moved());
            }
        }
        let mut tree = parent.map(|index| repository.commits[index].tree.clone()).unwrap_or_default();
        for (path, content) in &request.changes {
            match content {
                Some(content) => tree
                    .add_file(path, content)
                    .map_err(|error| PortError::stalled("a file can't be written").because(error))?,
                None => drop(tree.remove(path)),
            }
        }
        let info = CommitInfo {
            id: String::new(),
            author: request.author.clone(),
            time: request.time,
            message: request.message.clone(),
        };
        let signature = request.signing.as_ref().map(|key| match key {
            SigningKey::OpenPgp(key, _) | SigningKey::Ssh(key, _) => key.reveal().to_owned(),
        });
        if fault == Some(Fault::PartialWrite) {
            let half = request.references.len() / 2;
            repository.add(info, tree, signature, request.references.get(..half).unwrap_or_default());
            let why = "the connection broke before all references moved";
            return Err(PortError::retry(format!("{}: {why}", request.location)));
        }
        Ok(repository.add(info, tree, signature, &request.references))
    }
}
