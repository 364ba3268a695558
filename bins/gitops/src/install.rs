//! `gitops install`: the definitions of Flux's kinds, the controller and its rights, printed or put into a cluster.

mod manifests;

pub(crate) use manifests::{Controller, ControllerFlags};

use crate::Failure;
use crate::cluster::{ClusterFlags, run as run_async, say, within};
use gitops_core::api::ServedVersions;
use gitops_core::apply::{WaitOptions, wait};
use gitops_core::health;
use gitops_core::ports::{Clock, Cluster, FieldConflicts, ObjectRef, WriteMode, WriteOptions};
use gitops_kube::KubeCluster;
use gitops_yaml::Node;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Install the definitions of Flux's kinds, the controller and its rights into a cluster.
///
/// One small Deployment does what Flux's six do. Definitions that Flux has installed serve as well.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  # Print what would be installed
  gitops install --watch-all-namespaces --namespace=flux-system --components-extra=image-reflector-controller,image-automation-controller --export > install.yaml

  # Install into the cluster that kubectl talks to, taking in manifests of every version that Flux ever had
  gitops install --all-versions

  # The definitions alone, for `gitops up --kubeconfig` or a controller that runs elsewhere
  gitops install --crds-only

  # See what would change
  gitops install --dry-run --context staging")]
pub(crate) struct Args {
    /// Print the objects as YAML and ask no cluster.
    #[arg(long)]
    export: bool,
    /// The definitions and the namespace alone, without a controller.
    #[arg(long)]
    crds_only: bool,
    /// Serve every version that Flux has ever served, the older ones as deprecated.
    #[arg(long)]
    all_versions: bool,
    /// Ask the server what would happen, and keep nothing.
    #[arg(long, conflicts_with = "export")]
    dry_run: bool,
    /// Take over fields that another program, such as Flux, manages.
    #[arg(long, visible_alias = "force-conflicts", conflicts_with = "export")]
    force: bool,
    #[command(flatten)]
    controller: ControllerFlags,
    #[command(flatten)]
    cluster: ClusterFlags,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let versions = if args.all_versions { ServedVersions::All } else { ServedVersions::Newest };
    let namespace = args.cluster.namespace();
    let controller = Controller::new(&args.controller, &namespace)?;
    let objects =
        if args.crds_only { controller.definitions(versions)? } else { controller.objects(versions)? };
    if args.export {
        anstream::print!("{}", controller.print(&objects)?);
        return Ok(ExitCode::SUCCESS);
    }
    if args.cluster.verbose {
        anstream::print!("{}", controller.print(&objects)?);
    }
    run_async(async {
        let cluster = args.cluster.connect().await?;
        say::action(format_args!("installing components in {namespace} namespace"));
        let options = WriteOptions {
            manager: "gitops".into(),
            conflicts: if args.force { FieldConflicts::TakenOver } else { FieldConflicts::Refused },
            mode: if args.dry_run { WriteMode::DryRun } else { WriteMode::Real },
            ..WriteOptions::default()
        };
        install(&cluster, &objects, &options, args.cluster.timeout.0).await?;
        if !args.dry_run {
            say::success("install finished");
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Applies objects in their order, tells what becomes of each, and waits until all are ready.
pub(crate) async fn install(
    cluster: &KubeCluster,
    objects: &[Node],
    options: &WriteOptions,
    time: Duration,
) -> Result<(), Failure> {
    let is_tried = options.mode == WriteMode::DryRun;
    within(time, async {
        for object in objects {
            let target = ObjectRef::of(object);
            let named = |error| format!("{target}: {error}");
            let before = cluster.get(&target).await.map_err(named)?;
            let after = match cluster.apply(object, options).await {
                Ok(after) => after,
                // What is tried is not there, and so is nothing in it.
                Err(why) if is_tried && before.is_none() && !target.namespace.is_empty() => {
                    anstream::println!("{target} not tried: {why}");
                    continue;
                }
                Err(why) => return Err(named(why).into()),
            };
            let mark =
                |node: &Node| node.at_path(&["metadata", "generation"]).and_then(Node::scalar).cloned();
            let done = match &before {
                None => "created",
                Some(before) if mark(before) == mark(&after) => "unchanged",
                Some(_) => "configured",
            };
            let tried = if is_tried { " (dry run)" } else { "" };
            anstream::println!("{target} {done}{tried}");
        }
        Ok(())
    })
    .await?;
    if is_tried {
        return Ok(());
    }
    say::waiting("verifying installation");
    let targets: Vec<ObjectRef> = objects.iter().map(ObjectRef::of).collect();
    let mut waiting = WaitOptions::default();
    waiting.timeout = time;
    let readiness = |object: &Node| health::status(object).into();
    wait(cluster, &SystemClock, &targets, &readiness, &waiting, &|| false).await?;
    Ok(())
}

pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}
