//! `gitops up`: a repository's whole flow on an embedded cluster, with nothing installed.

use crate::Failure;
use crate::local_cluster::Serving;
use gitops_controller::{AnyCluster, Manager, ManagerOptions, Progress, RealWorld, serve_webhooks};
use gitops_controllers::fleet::{seeds, source_of};
use gitops_controllers::status::{condition_of, is_ready};
use gitops_controllers::{Context, Event, Key, Kind, Settings, Severity, World};
use gitops_core::apply::Inventory;
use gitops_core::ports::{Cluster, FieldConflicts, WriteOptions};
use gitops_fs::Folder;
use gitops_kube::{Connection, KubeCluster};
use gitops_yaml::Node;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// Run a repository's whole flow: sources, Kustomizations, releases, on an embedded cluster or a real one.
///
/// The folder stands for the repository that its root Kustomizations read: what is saved in it is applied, and what is
/// deleted from it is pruned. Nothing needs to be installed, and nothing is left behind. Workloads of the embedded cluster
/// pretend to run, so that what waits for them goes on.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops up examples/fleet
  gitops up . --path clusters/staging --exit-when-ready --timeout 2m
  gitops up . --replace https://github.com/org/infra=../infra
  gitops up . --kubeconfig-out /tmp/up.kubeconfig --state up.state
  gitops up . --kubeconfig ~/.kube/config")]
pub(crate) struct Args {
    /// The folder of the repository.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Look for root Kustomizations below this folder of the repository only, such as one cluster's.
    #[arg(long, default_value = ".")]
    path: String,
    /// Answer a git URL from a folder (repeatable).
    #[arg(long, value_name = "URL=FOLDER")]
    replace: Vec<String>,
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
    let root = args.folder.canonicalize().map_err(|error| format!("{}: {error}", args.folder.display()))?;
    let source = Folder::new(&root).map_err(|error| format!("{}: {error}", root.display()))?;
    let wanted = seeds(&source, &args.path);
    if !wanted.iter().any(|object| Key::of(object).is_some_and(|key| key.kind == Kind::Kustomization)) {
        let message = format!(
            "no Flux Kustomization was found below {}: name the folder of a repository that has one",
            root.join(&args.path).display()
        );
        return Err(message.into());
    }
    let cluster = cluster(args).await?;
    let world = RealWorld::new(cluster)?;
    for pair in &args.replace {
        let (url, folder) = pair.split_once('=').ok_or("--replace wants URL=FOLDER")?;
        world.folders().replace(url, PathBuf::from(folder).canonicalize()?);
    }
    // The folder is the repository that its roots read.
    let read: BTreeSet<Key> = wanted.iter().filter_map(source_of).collect();
    for object in &wanted {
        let url = object.at_path(&["spec", "url"]).and_then(Node::as_str);
        if let Some(url) = url.filter(|_| Key::of(object).is_some_and(|key| read.contains(&key))) {
            world.folders().replace(url, root.clone());
        }
    }
    let context = Arc::new(Context::new(world, Settings { local_git: true, ..Settings::default() }));
    plant(&context, wanted, &read).await?;
    if let Some(address) = args.webhook_listen {
        let listener = tokio::net::TcpListener::bind(address).await;
        let listener = listener.map_err(|error| format!("--webhook-listen {address}: {error}"))?;
        tokio::spawn(serve_webhooks(listener, Arc::clone(&context)));
    }
    let (stop, stopped) = watch::channel(false);
    let (progress, told) = mpsc::unbounded_channel();
    let manager = Manager::new(Arc::clone(&context), ManagerOptions::default()).show(progress);
    let controllers = tokio::spawn(manager.run(stopped));
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

/// Puts the definitions, the namespaces and the roots into the cluster.
async fn plant(context: &Context<RealWorld>, wanted: Vec<Node>, read: &BTreeSet<Key>) -> Result<(), Failure> {
    let cluster = context.world.cluster();
    let options = WriteOptions {
        manager: "gitops".into(),
        conflicts: FieldConflicts::TakenOver,
        ..WriteOptions::default()
    };
    for definition in gitops_core::api::open_definitions() {
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
        let name = gitops_core::ports::ObjectRef::of(&object);
        let mut tries = 0;
        // A definition that was just stored is served a moment later.
        while let Err(error) = cluster.apply(&object, &options).await {
            tries += 1;
            if tries > 50 || !error.outlook().can_retry_soon() {
                return Err(format!("{name}: {error}").into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(())
}

/// Whether a failure is worth another try at once.
trait Soon {
    fn can_retry_soon(&self) -> bool;
}

impl Soon for gitops_core::ports::Outlook {
    fn can_retry_soon(&self) -> bool {
        matches!(self, Self::Retry { .. })
    }
}

/// Prints what happens until all is ready or the time is over; returns whether all is ready.
async fn look_on(
    args: &Args,
    context: &Context<RealWorld>,
    mut told: mpsc::UnboundedReceiver<Progress>,
) -> Option<bool> {
    let begun = Instant::now();
    let mut quiet = 0;
    loop {
        let wait = tokio::time::timeout(Duration::from_millis(100), told.recv()).await;
        match wait {
            Ok(Some(Progress::Told(event))) => {
                print(&event, begun);
                quiet = 0;
                continue;
            }
            Ok(Some(_)) => {
                quiet = 0;
                continue;
            }
            Ok(None) => return None,
            Err(_) => quiet += 1,
        }
        if args.exit_when_ready {
            if quiet >= 3 && all_ready(context) {
                return Some(true);
            }
            if begun.elapsed() > args.timeout {
                return Some(false);
            }
        }
    }
}

fn print(event: &Event, begun: Instant) {
    let mark = match event.severity {
        Severity::Info => "✔",
        Severity::Error => "✗",
    };
    let time = begun.elapsed().as_secs_f64();
    for (index, line) in event.message.lines().enumerate() {
        if index == 0 {
            anstream::eprintln!("{time:7.2}s {mark} {}: {line}", event.key);
        } else {
            anstream::eprintln!("{:>10} {line}", "");
        }
    }
}

/// The kinds that come to be ready.
const KINDS: [Kind; 9] = [
    Kind::GitRepository,
    Kind::OciRepository,
    Kind::HelmRepository,
    Kind::HelmChart,
    Kind::Kustomization,
    Kind::HelmRelease,
    Kind::ImageRepository,
    Kind::ImagePolicy,
    Kind::ImageUpdateAutomation,
];

fn all_ready(context: &Context<RealWorld>) -> bool {
    KINDS.iter().all(|kind| {
        context.cache.list(*kind).iter().all(|object| {
            object.at_path(&["spec", "suspend"]).and_then(Node::as_str) == Some("true") || is_ready(object)
        })
    })
}

/// Prints every object that is looked after, with its state, and what was applied.
fn summary(context: &Context<RealWorld>) {
    let mut ready = 0;
    let mut total = 0;
    let mut applied = 0;
    for kind in KINDS {
        for object in context.cache.list(kind) {
            let Some(key) = Key::of(&object) else { continue };
            total += 1;
            let is_ready = is_ready(&object);
            ready += usize::from(is_ready);
            let message = condition_of(&object, "Ready").and_then(|ready| ready.get("message")?.as_str());
            let mark = if is_ready { "✔" } else { "✗" };
            anstream::println!("{mark} {key}: {}", message.unwrap_or("nobody has looked at it yet"));
            let inventory = object.at_path(&["status", "inventory"]).map(Inventory::read);
            if let Some(Ok(inventory)) = inventory {
                for target in inventory.iter() {
                    applied += 1;
                    anstream::println!("    {target}");
                }
            }
        }
    }
    anstream::println!("{ready} of {total} ready, {applied} objects applied");
}
