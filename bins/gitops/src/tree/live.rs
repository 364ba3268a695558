//! `gitops tree kustomization` and `tree artifact generator`: what an object of a cluster looks after.

use crate::Failure;
use crate::cluster::{ClusterFlags, Target, address, fetch, node, run as run_async, text, within, worded};
use clap::{Subcommand, ValueEnum};
use gitops_core::object::{Gvk, ObjectId};
use gitops_core::ports::{Cluster, ObjectRef};
use gitops_kube::KubeCluster;
use gitops_yaml::{Dialect, FileId, Node, ReadOptions, print_sigs, read_stream};
use helm_rs::release::{Release, record_name};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Print what a Kustomization of a cluster has applied, and what that leads to.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops tree kustomization flux-system
  gitops tree ks flux-system --compact
  gitops tree ks flux-system -o json")]
pub(super) struct Kustomization {
    /// The Kustomization's name.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Objects of Flux's kinds alone.
    #[arg(long)]
    compact: bool,
    /// As json or yaml instead of a drawing.
    #[arg(long, short, value_enum)]
    output: Option<Format>,
    #[command(flatten)]
    cluster: ClusterFlags,
}

/// Print what is made of artifacts.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops tree artifact generator my-generator")]
pub(super) struct Artifact {
    #[command(subcommand)]
    what: Generators,
}

#[derive(Subcommand, Debug)]
enum Generators {
    Generator(Generator),
}

/// Print the artifacts that a generator of a cluster makes.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops tree artifact generator my-generator")]
struct Generator {
    /// The generator's name.
    #[arg(value_name = "NAME")]
    name: String,
    /// As json or yaml instead of a drawing.
    #[arg(long, short, value_enum)]
    output: Option<Format>,
    #[command(flatten)]
    cluster: ClusterFlags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
    Yaml,
}

/// An object and what it looks after.
struct Tree {
    object: ObjectId,
    below: Vec<Tree>,
}

impl Tree {
    fn of(object: ObjectId) -> Self {
        Self { object, below: Vec::new() }
    }

    fn draw(&self, lead: &str, text: &mut String) {
        for (index, tree) in self.below.iter().enumerate() {
            let (branch, next) =
                if index + 1 == self.below.len() { ("└── ", "    ") } else { ("├── ", "│   ") };
            text.push_str(&format!("{lead}{branch}{}\n", tree.object));
            tree.draw(&format!("{lead}{next}"), text);
        }
    }

    fn to_json(&self) -> Value {
        let ObjectId { group, kind, namespace, name } = &self.object;
        let group_kind = json!({"Group": &**group, "Kind": &**kind});
        let mut value =
            json!({"resource": {"Namespace": &**namespace, "Name": &**name, "GroupKind": group_kind}});
        if !self.below.is_empty() {
            value["resources"] = self.below.iter().map(Self::to_json).collect();
        }
        value
    }

    fn print(&self, format: Option<Format>) -> Result<(), Failure> {
        match format {
            None => {
                let mut text = format!("{}\n", self.object);
                self.draw("", &mut text);
                anstream::println!("{text}");
            }
            Some(Format::Json) => anstream::println!("{}", serde_json::to_string_pretty(&self.to_json())?),
            Some(Format::Yaml) => anstream::println!("{}", print_sigs(&node(&self.to_json())?, Dialect::V3)?),
        }
        Ok(())
    }
}

pub(super) fn kustomization(args: &Kustomization) -> Result<ExitCode, Failure> {
    let name = args.name.as_ref().ok_or("kustomization name is required")?;
    run_async(within(args.cluster.timeout.0, async {
        let namespace = args.cluster.namespace();
        let cluster = args.cluster.connect().await?;
        let object = fetch(&cluster, &address(Target::Kustomization.info(), &namespace, name)).await?;
        let mut above = Vec::new();
        inventory(&cluster, &object, args.compact, &mut above).await?.print(args.output)?;
        Ok(ExitCode::SUCCESS)
    }))
}

pub(super) fn artifact(args: &Artifact) -> Result<ExitCode, Failure> {
    let Generators::Generator(args) = &args.what;
    run_async(within(args.cluster.timeout.0, async {
        let namespace = args.cluster.namespace();
        let cluster = args.cluster.connect().await?;
        let object = fetch(&cluster, &address(Target::Generator.info(), &namespace, &args.name)).await?;
        let mut tree = Tree::of(ObjectId::of(&object));
        let made = object.at_path(&["status", "inventory"]).and_then(Node::items);
        let Gvk { group, kind, .. } = Target::External.info().gvk();
        tree.below.extend(made.unwrap_or_default().iter().map(|one| {
            let (namespace, name) = (text(one, &["namespace"]).into(), text(one, &["name"]).into());
            Tree::of(ObjectId { group: group.clone(), kind: kind.clone(), namespace, name })
        }));
        tree.print(args.output)?;
        Ok(ExitCode::SUCCESS)
    }))
}

/// Follows a Kustomization's inventory; one that leads to itself is not followed again.
async fn inventory(
    cluster: &KubeCluster,
    object: &Node,
    is_compact: bool,
    above: &mut Vec<ObjectId>,
) -> Result<Tree, Failure> {
    let own = ObjectId::of(object);
    let mut tree = Tree::of(own.clone());
    above.push(own);
    let is_remote = object.at_path(&["spec", "kubeConfig"]).is_some();
    let entries = object.at_path(&["status", "inventory", "entries"]).and_then(Node::items);
    for entry in entries.unwrap_or_default() {
        let id = text(entry, &["id"]);
        let id =
            ObjectId::parse_entry(id).ok_or_else(|| format!("the inventory's entry {id:?} can't be read"))?;
        if above.contains(&id) || (is_compact && !id.group.contains("toolkit.fluxcd.io")) {
            continue;
        }
        let find = |target: Target| address(target.info(), &id.namespace, &id.name);
        let of_kind =
            |target: Target| target.info().gvk().group == id.group && target.info().kind == &*id.kind;
        let mut below = Tree::of(id.clone());
        if of_kind(Target::Kustomization) && !is_remote {
            let found = fetch(cluster, &find(Target::Kustomization)).await;
            let found = found.map_err(|why| format!("failed to find object: {why}"))?;
            below = Box::pin(inventory(cluster, &found, is_compact, above)).await?;
        } else if of_kind(Target::HelmRelease) && !is_remote {
            let release = fetch(cluster, &find(Target::HelmRelease)).await?;
            below.below.extend(released(cluster, &release, is_compact).await?);
        }
        tree.below.push(below);
    }
    above.pop();
    Ok(tree)
}

/// The objects of a release's newest record.
async fn released(cluster: &KubeCluster, object: &Node, is_compact: bool) -> Result<Vec<Tree>, Failure> {
    let storage = text(object, &["status", "storageNamespace"]);
    let latest = object.at_path(&["status", "history"]).and_then(Node::items).and_then(<[Node]>::first);
    let (Some(latest), false, None) = (latest, storage.is_empty(), object.at_path(&["spec", "kubeConfig"]))
    else {
        return Ok(Vec::new());
    };
    let version =
        latest.get("version").and_then(Node::scalar).and_then(|text| text.parse().ok()).unwrap_or(0);
    let name = record_name(text(latest, &["name"]), version);
    let target = ObjectRef { gvk: Gvk::new("v1", "Secret"), namespace: storage.into(), name: name.into() };
    let Some(secret) = cluster.get(&target).await.map_err(worded)? else { return Ok(Vec::new()) };
    let failed = |why: &dyn std::fmt::Display| {
        let name = text(object, &["metadata", "name"]);
        format!("failed to decode the Helm storage object for HelmRelease '{name}': {why}")
    };
    let data = gitops_controllers::secret::secret_data(&secret).map_err(|why| failed(&why))?;
    let record = data.get("release").ok_or_else(|| failed(&"it has no release"))?;
    let release = Release::decode(&String::from_utf8_lossy(record)).map_err(|why| failed(&why))?;
    let documents = read_stream(release.manifest.as_bytes(), FileId::NONE, &ReadOptions::yaml11())?;
    let own = text(latest, &["namespace"]);
    let mut trees = Vec::new();
    for object in documents.iter().map(|document| &document.root).filter(|object| object.is_mapping()) {
        let mut id = ObjectId::of(object);
        if id.namespace.is_empty()
            && let Some(kind) = cluster.kind(&Gvk::of(object)).await.map_err(worded)?
            && kind.namespaced
        {
            id.namespace = own.into();
        }
        if !is_compact || id.group.contains("toolkit.fluxcd.io") {
            trees.push(Tree::of(id));
        }
    }
    Ok(trees)
}
