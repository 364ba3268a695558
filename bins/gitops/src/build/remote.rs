//! Fetches what kustomizations take from elsewhere: repositories, and files of web servers, into memory.

use std::collections::BTreeMap;
use std::time::Duration;

use gitops_core::git_location::{GitLocation, LocalRepositories, Transport};
use gitops_core::ports::{FetchRequest, GitReference, GitRemote as _, PortError, Secret};
use gitops_core::tree::MemTree;
use gitops_git::{Git, Options, SshLogin};
use gitops_transport::{Call, Client};
use kustomize_rs::Remote;
use tokio::task::JoinSet;

use super::login;
use super::world::World;
use crate::Failure;

/// How many fetches run at a time.
const AT_A_TIME: usize = 8;
/// How many URLs one run may fetch: more than anybody includes, and an end to servers that always name another one.
const MOST: usize = 1_000;
/// Bytes that a file of a web server may have.
const FILE_BYTES: u64 = 64 << 20;

/// What was fetched so far.
#[derive(Debug, Default)]
pub(super) struct Remotes {
    /// The URLs as kustomizations write them, and where the world has them.
    pub(super) mounted: BTreeMap<String, String>,
    /// Where the world has a commit: several URLs may lead into one repository.
    repositories: BTreeMap<Checkout, String>,
}

/// A commit of a repository as a URL names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Checkout {
    repository: String,
    reference: String,
    submodules: bool,
}

impl Checkout {
    fn of(remote: &Remote) -> Option<Self> {
        Some(Self {
            repository: remote.repository.clone()?,
            reference: remote.reference.clone(),
            submodules: remote.submodules,
        })
    }
}

/// What a URL turned out to be.
enum Found {
    File(Vec<u8>),
    Repository(Checkout, Box<MemTree>),
}

impl Remotes {
    /// Fetches URLs and puts what they lead to into the world.
    pub(super) fn fetch(&mut self, urls: &[String], world: &mut World) -> Result<(), Failure> {
        if self.mounted.len() + urls.len() > MOST {
            return Err(format!("more than {MOST} remote bases and files are included").into());
        }
        let mut wanted = Vec::new();
        for url in urls {
            let remote = Remote::parse(url).ok_or("a path of this machine can't be fetched")?;
            wanted.push(remote);
        }
        for remotes in wanted.chunks(AT_A_TIME) {
            // Two URLs of one repository are one fetch.
            let mut alone: Vec<&Remote> = Vec::new();
            let mut shared: Vec<&Remote> = Vec::new();
            for remote in remotes {
                let is_same = |other: &&Remote| Checkout::of(other) == Checkout::of(remote);
                let is_known = Checkout::of(remote).is_some_and(|to| self.repositories.contains_key(&to));
                let comes = Checkout::of(remote).is_some() && alone.iter().any(is_same);
                if is_known || comes { shared.push(remote) } else { alone.push(remote) }
            }
            for (remote, found) in crate::remote::wait(fetch_all(alone))?? {
                self.mount(&remote, found, world)?;
            }
            for remote in shared {
                let known = Checkout::of(remote).and_then(|to| self.repositories.get(&to).cloned());
                match known {
                    Some(path) => drop(self.mounted.insert(remote.url.clone(), path)),
                    // The other URL was that of a file after all.
                    None => {
                        for (remote, found) in crate::remote::wait(fetch_all(vec![remote]))?? {
                            self.mount(&remote, found, world)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn mount(&mut self, remote: &Remote, found: Found, world: &mut World) -> Result<(), Failure> {
        let path = match found {
            Found::File(content) => world.add_file(&without_scheme(&remote.shown()), &content)?,
            Found::Repository(checkout, tree) => {
                let repository = remote.shown_repository();
                let name = without_scheme(&repository);
                let name = match checkout.reference.as_str() {
                    "" => name,
                    reference => format!("{name}@{}", reference.replace('/', "-")),
                };
                let path = world.add_repository(&name, &tree)?;
                self.repositories.insert(checkout, path.clone());
                path
            }
        };
        self.mounted.insert(remote.url.clone(), path);
        Ok(())
    }
}

/// The host and the path of a URL.
fn without_scheme(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.trim_start_matches('/').to_owned()
}

async fn fetch_all(remotes: Vec<&Remote>) -> Result<Vec<(Remote, Found)>, Failure> {
    let mut tasks = JoinSet::new();
    for remote in remotes {
        anstream::eprintln!("fetching {}", remote.shown());
        let remote = remote.clone();
        tasks.spawn(async move {
            let found = fetch(&remote).await;
            found.map(|found| (remote, found))
        });
    }
    let mut all = Vec::new();
    while let Some(result) = tasks.join_next().await {
        all.push(result??);
    }
    Ok(all)
}

/// Fetches one URL: as a file where it may be one, or else as a repository.
async fn fetch(remote: &Remote) -> Result<Found, Failure> {
    let mut as_file = None;
    if remote.may_be_file {
        match file(remote).await {
            Ok(content) if remote.repository.is_none() || Remote::is_resources(&content) => {
                return Ok(Found::File(content));
            }
            answer => as_file = Some(answer),
        }
    }
    let Some(checkout) = Checkout::of(remote) else {
        return Err(match as_file {
            Some(Err(error)) => error.into(),
            _ => format!("'{}' is neither a repository nor a file of a web server", remote.shown()).into(),
        });
    };
    match (repository(remote, &checkout).await, as_file) {
        (Ok(tree), _) => Ok(Found::Repository(checkout, Box::new(tree))),
        // Patches and the files of generators are no resources, and may be what is meant.
        (Err(_), Some(Ok(content))) => Ok(Found::File(content)),
        (Err(error), Some(Err(as_file))) => {
            Err(format!("failed to fetch '{}': {error} (as a file: {as_file})", remote.shown()).into())
        }
        (Err(error), None) => Err(format!("failed to fetch '{}': {error}", remote.shown()).into()),
    }
}

async fn file(remote: &Remote) -> Result<Vec<u8>, PortError> {
    let url = remote.url.as_str();
    let client = Client::new(gitops_transport::Options::default())?;
    let answer = client.call(&Call::get(url)?.limit(FILE_BYTES)).await?.success()?;
    // A page for people is never what a kustomization means.
    if answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
        return Err(answer.refused("it is a web page"));
    }
    Ok(answer.body.to_vec())
}

async fn repository(remote: &Remote, checkout: &Checkout) -> Result<MemTree, Failure> {
    let mut location = GitLocation::of_user(&checkout.repository, LocalRepositories::Allowed)?;
    let mut options = Options::default();
    options.timeout = remote.timeout;
    options.ssh_login = SshLogin::OfUser;
    let git = Git::new(options);
    let mut result = git.fetch(&request(&location, checkout)).await;
    let is_refused =
        result.as_ref().is_err_and(|error| error.to_string().contains("authentication required"));
    let may_ask = location.transport == Transport::Https && location.credentials.password.is_none();
    if is_refused
        && may_ask
        && let Some((user, password)) = login::of_user(&location)
    {
        location.credentials.username = Some(user);
        location.credentials.password = Some(Secret::new(password));
        result = git.fetch(&request(&location, checkout)).await;
    }
    match result {
        Ok(checkout) => Ok(checkout.tree),
        Err(error) if error.to_string().contains("in time") => {
            let double = Duration::from_secs(remote.timeout.as_secs().max(1) * 2);
            let mark = if remote.url.contains('?') { '&' } else { '?' };
            Err(format!("{error}; {mark}timeout={}s in the URL gives it more", double.as_secs()).into())
        }
        Err(error) => Err(error.into()),
    }
}

fn request(location: &GitLocation, checkout: &Checkout) -> FetchRequest {
    let text = checkout.reference.as_str();
    let is_commit = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let reference = match text {
        "" | "HEAD" => GitReference::default(),
        id if is_commit => GitReference { commit: Some(id.to_ascii_lowercase()), ..GitReference::default() },
        name => GitReference { short: Some(name.to_owned()), ..GitReference::default() },
    };
    let mut request = FetchRequest::new(location.clone(), reference);
    request.submodules = checkout.submodules;
    request
}
