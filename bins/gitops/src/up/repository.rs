//! Where the repository is that runs: a folder, a URL or the example; and what stands for the servers that it names.

use super::stand_in::{MESSAGES, StandIn};
use super::{Args, example};
use crate::Failure;
use crate::scratch::ScratchFolder;
use gitops_controller::{Instead, RealWorld, fingerprint, read_folder};
use gitops_controllers::{Context, Key, Kind, World};
use gitops_core::git_location::{GitLocation, LocalRepositories};
use gitops_core::ports::{
    Clock, Cluster, FetchRequest, GitReference, GitRemote, ObjectRef, Patch, WriteOptions,
};
use gitops_core::tree::MemTree;
use gitops_git::Git;
use gitops_oci::Mirror;
use gitops_yaml::{FileId, Node};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What stands for others.
#[derive(Default)]
pub(super) struct StoodIn {
    /// Git URLs, and the folders that answer for them.
    pub(super) folders: Vec<(String, PathBuf)>,
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
        Ok(Self { name, tree: read_folder(&folder)?, instead: Instead::Folder(folder), example: None })
    }

    /// The folder that it is in.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        match &self.instead {
            Instead::Folder(folder) | Instead::Writable(folder) => Some(folder.clone()),
            Instead::Repository(_) => None,
        }
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
                world.folders().replace(&url, Instead::Folder(folder.clone()));
                made.folders.push((url, folder));
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

/// Asks for a new look at the GitRepositories whose folders changed, as `gitops reconcile source git` does.
pub(super) async fn follow(folders: Vec<(String, PathBuf)>, context: Arc<Context<RealWorld>>) {
    let mut seen: Vec<u64> = folders.iter().map(|(_, folder)| fingerprint(folder)).collect();
    loop {
        tokio::time::sleep(PERIOD).await;
        for ((url, folder), seen) in folders.iter().zip(&mut seen) {
            let found = fingerprint(folder);
            if std::mem::replace(seen, found) == found {
                continue;
            }
            for object in context.cache.list(Kind::GitRepository) {
                let of = object.at_path(&["spec", "url"]).and_then(Node::as_str);
                if of == Some(url)
                    && let Some(key) = Key::of(&object)
                    && let Err(error) = ask(&context, &object).await
                {
                    anstream::eprintln!("{key}: a change of {} goes unnoticed: {error}", folder.display());
                }
            }
        }
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
