//! `gitops install`: the definitions of Flux's kinds, printed or put into a cluster.

use crate::Failure;
use gitops_core::api::{ServedVersions, definitions};
use gitops_core::apply::{WaitOptions, wait};
use gitops_core::health;
use gitops_core::ports::{Clock, Cluster, FieldConflicts, ObjectRef, WriteMode, WriteOptions};
use gitops_kube::{Connection, KubeCluster};
use gitops_yaml::{Dialect, Entry, Node, print_sigs};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Install the definitions of Flux's kinds, and a namespace, into a cluster.
///
/// Definitions that Flux has installed serve as well and need not be replaced. No controller is installed.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # Print what would be installed
  gitops install --export > crds.yaml

  # Install into the cluster that kubectl talks to, taking in manifests of every version that Flux ever had
  gitops install --all-versions

  # See what would change
  gitops install --dry-run --context staging")]
pub(crate) struct Args {
    /// Print the objects as YAML and ask no cluster.
    #[arg(long)]
    export: bool,
    /// The namespace that is made.
    #[arg(long, short, default_value = "flux-system", value_name = "NAME")]
    namespace: String,
    /// Serve every version that Flux has ever served, the older ones as deprecated.
    #[arg(long)]
    all_versions: bool,
    /// Ask the server what would happen, and keep nothing.
    #[arg(long, conflicts_with = "export")]
    dry_run: bool,
    /// Take over fields that another program, such as Flux, manages.
    #[arg(long, conflicts_with = "export")]
    force_conflicts: bool,
    /// The kubeconfig file; by default where kubectl looks, and inside a cluster its service account.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context; by default its current one.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// How many seconds the definitions may take to be established.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    timeout: u64,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let versions = if args.all_versions { ServedVersions::All } else { ServedVersions::Newest };
    let mut objects = vec![namespace(&args.namespace)];
    objects.extend(definitions(versions));
    if args.export {
        let mut text = String::new();
        for object in &objects {
            text.push_str("---\n");
            text.push_str(&print_sigs(object, Dialect::V3)?);
        }
        std::io::stdout().write_all(text.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let installed = runtime.block_on(install(args, &objects));
    runtime.shutdown_background();
    installed.map(|()| ExitCode::SUCCESS)
}

fn namespace(name: &str) -> Node {
    let pair = |key: &'static str, value: Node| Entry { key: Node::string(key), value };
    Node::mapping(vec![
        pair("apiVersion", Node::string("v1")),
        pair("kind", Node::string("Namespace")),
        pair("metadata", Node::mapping(vec![pair("name", Node::string(name))])),
    ])
}

async fn install(args: &Args, objects: &[Node]) -> Result<(), Failure> {
    let connection = match &args.kubeconfig {
        Some(path) => Connection::from_file(path, args.context.as_deref()).await?,
        None => Connection::from_environment(args.context.as_deref()).await?,
    };
    let cluster = KubeCluster::connect(connection)?;
    let options = WriteOptions {
        manager: "gitops".into(),
        conflicts: if args.force_conflicts { FieldConflicts::TakenOver } else { FieldConflicts::Refused },
        mode: if args.dry_run { WriteMode::DryRun } else { WriteMode::Real },
        ..WriteOptions::default()
    };
    for object in objects {
        let target = ObjectRef::of(object);
        let named = |error| format!("{target}: {error}");
        let before = cluster.get(&target).await.map_err(named)?;
        let after = cluster.apply(object, &options).await.map_err(named)?;
        let mark = |node: &Node| node.at_path(&["metadata", "generation"]).and_then(Node::scalar).cloned();
        let done = match &before {
            None => "created",
            Some(before) if mark(before) == mark(&after) => "unchanged",
            Some(_) => "configured",
        };
        let tried = if args.dry_run { " (dry run)" } else { "" };
        anstream::println!("{target} {done}{tried}");
    }
    if args.dry_run {
        return Ok(());
    }
    let targets: Vec<ObjectRef> = objects.iter().map(ObjectRef::of).collect();
    let mut options = WaitOptions::default();
    options.timeout = Duration::from_secs(args.timeout);
    let readiness = |object: &Node| health::status(object).into();
    wait(&cluster, &SystemClock, &targets, &readiness, &options, &|| false).await?;
    Ok(())
}

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}
