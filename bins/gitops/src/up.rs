//! `gitops up`: a repository's whole flow on an embedded cluster, with nothing installed.

mod example;
mod repository;
mod show;
mod stand_in;

use crate::Failure;
use crate::local_cluster::Serving;
use gitops_controller::{AnyCluster, Manager, ManagerOptions, RealWorld, serve_webhooks};
use gitops_controllers::fleet::{seeds, source_of};
use gitops_controllers::{Context, Key, Kind, Settings, World};
use gitops_core::ports::{Cluster, FieldConflicts, ObjectRef, Outlook, WriteOptions};
use gitops_kube::{Connection, KubeCluster};
use gitops_yaml::Node;
use repository::Repository;
use show::{look_on, summary};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Run a repository's whole flow: sources, Kustomizations, releases, on an embedded cluster or a real one.
///
/// A folder stands for the repository that its root Kustomizations read. Where it is a git repository, the commit that is
/// checked out runs, and each that follows: files that are not committed are named and not run. With --worktree, and where it is
/// none, what is saved in it is applied and what is deleted from it is pruned; what .gitignore names is left out. Nothing needs
/// to be installed, and nothing is left behind.
///
/// Workloads of the embedded cluster pretend to run, so that what waits for them goes on.
///
/// Without a repository an example runs: a fleet with an overlay, a Helm release and image updates, laid out in a folder to
/// play with. It needs no network.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  # The example
  gitops up
  gitops up --exit-when-ready

  # A repository
  gitops up . --path clusters/staging --exit-when-ready --timeout 2m
  gitops up . --worktree
  gitops up https://github.com/org/fleet --branch main
  gitops up . --kubeconfig-out /tmp/up.kubeconfig --state up.state
  gitops up . --kubeconfig ~/.kube/config

  # Without a network: another repository, charts and tags from here
  gitops up . --replace https://github.com/org/infra=../infra \\
    --replace https://charts.example.org=../charts --tags registry.example.org/web=1.0.0,1.1.0")]
pub(crate) struct Args {
    /// The repository: a folder, or a URL that git clones.
    #[arg(value_name = "DIR|URL")]
    repository: Option<String>,
    /// The branch of a repository that a URL names; the remote's default where it is missing.
    #[arg(long)]
    branch: Option<String>,
    /// Run a folder's files as they are saved, whatever is committed.
    #[arg(long)]
    worktree: bool,
    /// Look for root Kustomizations below this folder of the repository only, such as one cluster's.
    #[arg(long, default_value = ".")]
    path: String,
    /// Answer a git URL, or a chart repository's, from a folder (repeatable).
    #[arg(long, value_name = "URL=FOLDER")]
    replace: Vec<String>,
    /// Answer for an image with these tags (repeatable).
    #[arg(long, value_name = "IMAGE=TAG,TAG")]
    tags: Vec<String>,
    /// End once everything is ready (exit code 0), or once the time is over (1).
    #[arg(long)]
    exit_when_ready: bool,
    /// How long to wait for everything to be ready.
    #[arg(long, default_value = "5m", value_parser = duration)]
    timeout: Duration,
    /// Answer the web hooks of Receivers at this address, such as 127.0.0.1:9292.
    #[arg(long, value_name = "ADDRESS")]
    webhook_listen: Option<std::net::SocketAddr>,
    /// Apply to the cluster of this kubeconfig instead of an embedded one.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig.
    #[arg(long, requires = "kubeconfig")]
    context: Option<String>,
    #[command(flatten)]
    embedded: Serving,
}

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    text.parse::<gitops_core::api::GoDuration>().map(|time| time.0)
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(up(args))
}

async fn up(args: &Args) -> Result<ExitCode, Failure> {
    let repository = Repository::of(args).await?;
    let wanted = seeds(&repository.tree, &args.path);
    if !wanted.iter().any(|object| Key::of(object).is_some_and(|key| key.kind == Kind::Kustomization)) {
        let message = format!(
            "no Flux Kustomization was found in {} below {}: name a repository that has one",
            repository.name, args.path
        );
        return Err(message.into());
    }
    let mut world = RealWorld::new(cluster(args).await?)?;
    let mut stood_in = repository.stand_in(args, &mut world).await?;
    // The repository is the one that its roots read.
    let read: BTreeSet<Key> = wanted.iter().filter_map(source_of).collect();
    for object in &wanted {
        let url = object.at_path(&["spec", "url"]).and_then(Node::as_str);
        if let Some(url) = url.filter(|_| Key::of(object).is_some_and(|key| read.contains(&key))) {
            world.folders().replace(url, repository.instead.clone());
            stood_in.folders.extend(repository.followed().map(|instead| (url.to_owned(), instead)));
        }
    }
    let context = Arc::new(Context::new(world, Settings { local_git: true, ..Settings::default() }));
    stood_in.objects.extend(wanted);
    plant(&context, stood_in.objects, &read).await?;
    if let Some(address) = args.webhook_listen {
        let listener = tokio::net::TcpListener::bind(address).await;
        let listener = listener.map_err(|error| format!("--webhook-listen {address}: {error}"))?;
        tokio::spawn(serve_webhooks(listener, Arc::clone(&context)));
    }
    let (stop, stopped) = watch::channel(false);
    let (progress, told) = mpsc::unbounded_channel();
    let manager = Manager::new(Arc::clone(&context), ManagerOptions::default()).show(progress);
    let controllers = tokio::spawn(manager.run(stopped));
    tokio::spawn(repository::follow(stood_in.folders, Arc::clone(&context)));
    let watched = look_on(args, &context, told);
    let ready = tokio::select! {
        ready = watched => ready,
        result = tokio::signal::ctrl_c() => {
            result?;
            None
        }
    };
    stop.send_replace(true);
    controllers.await?;
    summary(&context);
    Ok(if ready == Some(false) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn cluster(args: &Args) -> Result<AnyCluster, Failure> {
    let Some(file) = &args.kubeconfig else {
        let cluster = args.embedded.open()?;
        if args.embedded.is_served() {
            tokio::spawn(args.embedded.bind(&cluster).await?.serve());
        }
        return Ok(AnyCluster::Local(cluster));
    };
    let connection = Connection::from_file(file, args.context.as_deref()).await?;
    Ok(AnyCluster::Kube(Box::new(KubeCluster::connect(connection)?)))
}

/// Gives a definition the label by which `gitops check` and Flux's own commands find it.
fn label_part_of_flux(definition: &mut Node) {
    let Some(metadata) = definition.get_mut("metadata") else { return };
    if metadata.get("labels").is_none() {
        metadata.set("labels", Node::mapping(Vec::new()));
    }
    if let Some(labels) = metadata.get_mut("labels") {
        labels.set("app.kubernetes.io/part-of", Node::string("flux"));
    }
}

/// Puts the definitions, the namespaces and the roots into the cluster.
async fn plant(context: &Context<RealWorld>, wanted: Vec<Node>, read: &BTreeSet<Key>) -> Result<(), Failure> {
    let cluster = context.world.cluster();
    let options = WriteOptions {
        manager: "gitops".into(),
        conflicts: FieldConflicts::TakenOver,
        ..WriteOptions::default()
    };
    for mut definition in gitops_core::api::open_definitions() {
        label_part_of_flux(&mut definition);
        let name = definition.at_path(&["metadata", "name"]).and_then(Node::as_str).unwrap_or_default();
        cluster.apply(&definition, &options).await.map_err(|error| format!("{name}: {error}"))?;
    }
    let mut namespaces: BTreeSet<String> = ["flux-system".to_owned()].into();
    let mut objects = wanted;
    for key in read {
        if key.kind == Kind::GitRepository
            && !objects.iter().any(|object| Key::of(object).as_ref() == Some(key))
        {
            let message = format!("{key} is read by a root, but stands in no file of the repository");
            return Err(message.into());
        }
    }
    for object in &mut objects {
        let namespace = object.at_path(&["metadata", "namespace"]).and_then(Node::as_str).map(str::to_owned);
        match namespace {
            Some(namespace) => {
                namespaces.insert(namespace);
            }
            None => {
                if let Some(metadata) = object.get_mut("metadata") {
                    metadata.set("namespace", Node::string("flux-system"));
                }
            }
        }
    }
    for name in namespaces {
        let text =
            format!("{{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{{\"name\":\"{name}\"}}}}");
        let namespace = gitops_yaml::from_json(&text, gitops_yaml::FileId::NONE)?;
        cluster.apply(&namespace, &options).await?;
    }
    for object in objects {
        let name = ObjectRef::of(&object);
        let mut tries = 0;
        // A definition that was just stored is served a moment later.
        while let Err(error) = cluster.apply(&object, &options).await {
            tries += 1;
            if tries > 50 || !matches!(error.outlook(), Outlook::Retry { .. }) {
                return Err(format!("{name}: {error}").into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(())
}
