//! Where the repository is that runs: a folder, a URL or the example; and what stands for the servers that it names.

use super::stand_in::{MESSAGES, StandIn};
use super::{Args, example};
use crate::Failure;
use crate::printable::Printable;
use crate::scratch::ScratchFolder;
use gitops_controller::{Instead, RealWorld, fingerprint, read_folder};
use gitops_controllers::{Context, Key, Kind, World};
use gitops_core::git_location::{GitLocation, LocalRepositories};
use gitops_core::ports::{
    Checkout, Clock, Cluster, FetchRequest, GitReference, GitRemote, ObjectRef, Patch, PortError,
    WriteOptions,
};
use gitops_core::tree::MemTree;
use gitops_git::Git;
use gitops_oci::Mirror;
use gitops_yaml::{FileId, Node};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What stands for others.
#[derive(Default)]
pub(super) struct StoodIn {
    /// Git URLs, and what answers for them here.
    pub(super) folders: Vec<(String, Instead)>,
    /// Objects that the cluster has beside the repository's.
    pub(super) objects: Vec<Node>,
}

/// How often folders are looked at.
const PERIOD: Duration = Duration::from_secs(1);

/// What runs.
pub(super) struct Repository {
    /// What the user calls it.
    pub(super) name: String,
    /// Its files.
    pub(super) tree: MemTree,
    /// What answers where it is asked for.
    pub(super) instead: Instead,
    example: Option<ScratchFolder>,
}

impl Repository {
    /// Reads what the arguments name.
    pub(super) async fn of(args: &Args) -> Result<Self, Failure> {
        let Some(text) = &args.repository else {
            let example = example::lay_out()?;
            let folder = example.path().join("fleet");
            let name = folder.display().to_string();
            anstream::eprintln!("running the example, as no repository is named; change its files in {name}");
            let tree = read_folder(&folder)?;
            return Ok(Self { name, tree, instead: Instead::Writable(folder), example: Some(example) });
        };
        let is_url = text.contains("://") || (text.contains(':') && !Path::new(text).exists());
        if is_url {
            let location = GitLocation::of_user(text, LocalRepositories::Allowed)?;
            let reference = GitReference { branch: args.branch.clone(), ..GitReference::default() };
            let checkout = Git::default().fetch(&FetchRequest::new(location.clone(), reference)).await?;
            let instead = Instead::Repository(Box::new(location));
            return Ok(Self { name: text.clone(), tree: checkout.tree, instead, example: None });
        }
        let folder = Path::new(text).canonicalize().map_err(|error| format!("{text}: {error}"))?;
        let name = folder.display().to_string();
        if !args.worktree && folder.join(".git").exists() {
            match head(&folder).await {
                Ok(checkout) => {
                    say_commit(&folder, &checkout);
                    return Ok(Self {
                        name,
                        tree: checkout.tree,
                        instead: Instead::Commits(folder),
                        example: None,
                    });
                }
                Err(error) if !has_commit(&folder) => {
                    anstream::eprintln!(
                        "{name} has no commit yet, so that its files run as they are saved ({error})"
                    );
                }
                Err(error) => return Err(error.into()),
            }
        } else {
            anstream::eprintln!("running the files of {name} as they are saved");
        }
        Ok(Self { name, tree: read_folder(&folder)?, instead: Instead::Folder(folder), example: None })
    }

    /// What is looked at again and again, because it may change on this machine.
    pub(super) fn followed(&self) -> Option<Instead> {
        self.instead.fingerprint().map(|_| self.instead.clone())
    }

    /// Lets folders and lists answer for the servers that the flags name, or the example.
    pub(super) async fn stand_in(&self, args: &Args, world: &mut RealWorld) -> Result<StoodIn, Failure> {
        let mut pairs = Vec::new();
        for pair in &args.replace {
            let (url, folder) = pair.split_once('=').ok_or("--replace wants URL=FOLDER")?;
            let folder = Path::new(folder).canonicalize().map_err(|error| format!("{folder}: {error}"))?;
            pairs.push((url.to_owned(), folder));
        }
        let mut stand_in = StandIn::default();
        if let Some(example) = &self.example {
            let of_example =
                example::REPLACE.iter().map(|(url, folder)| ((*url).to_owned(), example.path().join(folder)));
            pairs.extend(of_example);
            stand_in.serve_tags(example::TAGS)?;
            stand_in.take_messages();
        }
        for tags in &args.tags {
            stand_in.serve_tags(tags)?;
        }
        let mut made = StoodIn::default();
        for (url, folder) in pairs {
            if !stand_in.serve_charts(&url, &folder)? {
                let instead = Instead::Folder(folder);
                world.folders().replace(&url, instead.clone());
                made.folders.push((url, instead));
            }
        }
        if !stand_in.is_empty() {
            let host = stand_in.start().await?;
            for (url, path) in &stand_in.charts {
                world.replace_charts(url, &format!("http://{host}{path}"));
            }
            for of in &stand_in.registries {
                world.mirror(Mirror { of: of.clone(), at: host.clone() });
            }
            if self.example.is_some() {
                let secret = example::web_hook(&format!("http://{host}{MESSAGES}")).to_string();
                made.objects.push(gitops_yaml::from_json(&secret, FileId::NONE)?);
            }
        }
        Ok(made)
    }
}

/// Reads the commit that a folder's own repository has checked out.
async fn head(folder: &Path) -> Result<Checkout, PortError> {
    let location =
        GitLocation::new(&format!("file://{}", folder.display()), None, LocalRepositories::Allowed)
            .map_err(|error| PortError::stalled(error.to_string()))?;
    Git::default().fetch(&FetchRequest::new(location, GitReference::default())).await
}

/// Whether any reference of a folder's repository names a commit.
fn has_commit(folder: &Path) -> bool {
    let git = folder.join(".git");
    let has_heads = std::fs::read_dir(git.join("refs/heads")).is_ok_and(|mut heads| heads.next().is_some());
    !git.is_dir() || has_heads || git.join("packed-refs").exists()
}

/// Says which commit runs, and which saved files do not because they are in no commit.
fn say_commit(folder: &Path, checkout: &Checkout) {
    let id = checkout.commit.id.get(..8).unwrap_or(&checkout.commit.id);
    let subject = checkout.commit.message.lines().next().unwrap_or_default();
    anstream::eprintln!("running commit {id} of {}: {}", folder.display(), Printable(subject));
    let uncommitted =
        read_folder(folder).map(|saved| differing(folder, &saved, &checkout.tree)).unwrap_or_default();
    let count = match uncommitted.len() {
        0 => return,
        1 => "1 file is not committed and is not run".to_owned(),
        count => format!("{count} files are not committed and are not run"),
    };
    let shown: Vec<&str> = uncommitted.iter().take(5).map(String::as_str).collect();
    let more = if uncommitted.len() > shown.len() { ", …" } else { "" };
    let names = shown.join(", ");
    anstream::eprintln!(
        "⚠ {count}: {}{more}; commit, or run what is saved with --worktree",
        Printable(&names)
    );
}

/// Lists the files that are saved otherwise than they are committed, or in one of the two alone.
fn differing(folder: &Path, saved: &MemTree, committed: &MemTree) -> Vec<String> {
    let committed: BTreeMap<String, _> = committed.files().into_iter().collect();
    let mut left: BTreeSet<&str> = committed.keys().map(String::as_str).collect();
    let mut found = BTreeSet::new();
    for (path, content) in saved.files() {
        left.remove(path.as_str());
        if committed.get(&path) != Some(&content) {
            found.insert(path);
        }
    }
    // What is committed counts, also where .gitignore would leave it out.
    left.retain(|path| {
        std::fs::read(folder.join(path)).ok().as_deref() != committed.get(*path).map(|content| &content[..])
    });
    found.extend(left.into_iter().map(str::to_owned));
    found.into_iter().collect()
}

/// Asks for a new look at the GitRepositories whose folders changed, as `gitops reconcile source git` does.
pub(super) async fn follow(folders: Vec<(String, Instead)>, context: Arc<Context<RealWorld>>) {
    let mut seen: Vec<Option<u64>> = folders.iter().map(|(_, instead)| instead.fingerprint()).collect();
    let mut saved: Vec<Option<u64>> = folders.iter().map(|(_, instead)| saved_beside(instead)).collect();
    loop {
        tokio::time::sleep(PERIOD).await;
        for (index, (url, instead)) in folders.iter().enumerate() {
            let (found, beside) = (instead.fingerprint(), saved_beside(instead));
            let is_new = std::mem::replace(&mut seen[index], found) != found;
            let is_saved = std::mem::replace(&mut saved[index], beside) != beside;
            if let Instead::Commits(folder) = instead
                && (is_new || is_saved)
                && let Ok(checkout) = head(folder).await
            {
                say_commit(folder, &checkout);
            }
            if !is_new {
                continue;
            }
            for object in context.cache.list(Kind::GitRepository) {
                let of = object.at_path(&["spec", "url"]).and_then(Node::as_str);
                if of == Some(url)
                    && let Some(key) = Key::of(&object)
                    && let Err(error) = ask(&context, &object).await
                {
                    anstream::eprintln!("{key}: a change goes unnoticed: {error}");
                }
            }
        }
    }
}

/// A number that changes with the files that are saved beside what runs.
fn saved_beside(instead: &Instead) -> Option<u64> {
    match instead {
        Instead::Commits(folder) => Some(fingerprint(folder)),
        Instead::Folder(_) | Instead::Writable(_) | Instead::Repository(_) => None,
    }
}

async fn ask(context: &Context<RealWorld>, object: &Node) -> Result<(), Failure> {
    let now = context.world.clock().now().as_nanos().to_string();
    let change = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": now}}}).to_string();
    let patch = Patch::Merge(gitops_yaml::from_json(&change, FileId::NONE)?);
    let options = WriteOptions { manager: "gitops".into(), ..WriteOptions::default() };
    context.world.cluster().patch(&ObjectRef::of(object), &patch, &options).await?;
    Ok(())
}
