//! Fetches what kustomizations take from elsewhere, each time anew, and puts it beside the source's files for one build.

use std::collections::BTreeMap;

use gitops_core::api::Kustomization;
use gitops_core::git_location::{GitLocation, LocalRepositories};
use gitops_core::ports::{ChartRepository, FetchRequest, GitReference, GitRemote, PortError};
use gitops_core::tree::{MemTree, TreeError};
use kustomize_rs::Remote;

use super::build::missing_remotes;
use crate::context::{Context, Failure, RemoteBases};
use crate::world::{HttpAccess, World};

/// How many URLs one Kustomization may fetch: an end to servers that always name another one.
const MOST: usize = 64;

/// What a build takes from elsewhere.
#[derive(Debug, Default)]
pub(super) struct Remotes {
    /// The source's files, and beside them what was fetched.
    pub(super) tree: MemTree,
    /// The URLs as kustomizations write them, and where the tree has them.
    pub(super) mounted: BTreeMap<String, String>,
    /// The repositories and the commits that were taken.
    pub(super) revisions: BTreeMap<String, String>,
}

/// Fetches what a build needs beside its source; `None` where that is nothing.
pub(super) async fn fetch<W: World>(
    context: &Context<W>,
    spec: &Kustomization,
    tree: &MemTree,
) -> Result<Option<Remotes>, Failure> {
    let mut missing = missing_remotes(tree, spec, &BTreeMap::new());
    if missing.is_empty() {
        return Ok(None);
    }
    let mut remotes = Remotes { tree: tree.clone(), ..Remotes::default() };
    while !missing.is_empty() {
        if remotes.mounted.len() + missing.len() > MOST {
            return Err(refused(format!("more than {MOST} remote bases and files are included")));
        }
        for url in missing {
            let remote =
                Remote::parse(&url).ok_or_else(|| refused("a path of this machine can't be fetched"))?;
            if context.settings.remote_bases == RemoteBases::Refused {
                return Err(refused(format!(
                    "'{}' is a remote base, and this controller takes none (--no-remote-bases)",
                    remote.shown()
                )));
            }
            remotes.bring(context, &remote).await?;
        }
        missing = missing_remotes(&remotes.tree, spec, &remotes.mounted);
    }
    Ok(Some(remotes))
}

fn refused(why: impl Into<String>) -> Failure {
    Failure::lasting("BuildFailed", format!("kustomize build failed: {}", why.into()))
}

impl Remotes {
    async fn bring<W: World>(&mut self, context: &Context<W>, remote: &Remote) -> Result<(), Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            let message = format!("kustomize build failed: failed to fetch '{}': {error}", remote.shown());
            Failure::passing("BuildFailed", message)
        };
        let mut as_file = None;
        if remote.may_be_file {
            match file(context, remote).await {
                Ok(content) if remote.repository.is_none() || Remote::is_resources(&content) => {
                    return self.add_file(remote, &content).map_err(|error| failed(&error));
                }
                answer => as_file = Some(answer),
            }
        }
        let Some(repository) = &remote.repository else {
            return Err(match as_file {
                Some(Err(error)) => failed(&error),
                _ => failed(&"it is neither a repository nor a file of a web server"),
            });
        };
        let known = format!("{}@{}", remote.shown_repository(), remote.reference);
        let path = format!("remote:{}", known.split_once("://").map_or(known.as_str(), |(_, rest)| rest));
        if self.revisions.contains_key(&known) {
            self.mounted.insert(remote.url.clone(), path);
            return Ok(());
        }
        let local = match context.settings.local_git {
            true => LocalRepositories::Allowed,
            false => LocalRepositories::Refused,
        };
        let location = GitLocation::of_user(repository, local).map_err(|error| failed(&error))?;
        let mut request = FetchRequest::new(location, reference(&remote.reference));
        request.submodules = remote.submodules;
        match (context.world.git().fetch(&request).await, as_file) {
            (Ok(checkout), _) => {
                self.tree.mount(&path, &checkout.tree).map_err(|error| failed(&error))?;
                self.revisions.insert(known, checkout.revision.to_string());
                self.mounted.insert(remote.url.clone(), path);
                Ok(())
            }
            // Patches and the files of generators are no resources, and may be what is meant.
            (Err(_), Some(Ok(content))) => self.add_file(remote, &content).map_err(|error| failed(&error)),
            (Err(error), _) => Err(failed(&error)),
        }
    }

    fn add_file(&mut self, remote: &Remote, content: &[u8]) -> Result<(), TreeError> {
        let path = format!("remote:files/{}", self.mounted.len());
        self.tree.add_file(&path, content)?;
        self.mounted.insert(remote.url.clone(), path);
        Ok(())
    }
}

/// A file of a web server is had as a chart's archive is: with a bound, and without a login.
async fn file<W: World>(context: &Context<W>, remote: &Remote) -> Result<Vec<u8>, PortError> {
    let access = HttpAccess { timeout: Some(remote.timeout), ..HttpAccess::default() };
    let content = context.world.charts(&remote.url, &access)?.chart(&remote.url).await?;
    Ok(content.to_vec())
}

fn reference(text: &str) -> GitReference {
    let is_commit = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text {
        "" | "HEAD" => GitReference::default(),
        id if is_commit => GitReference { commit: Some(id.to_ascii_lowercase()), ..GitReference::default() },
        name => GitReference { short: Some(name.to_owned()), ..GitReference::default() },
    }
}
