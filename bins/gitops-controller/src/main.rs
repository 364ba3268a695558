//! The reference controller: every reconciler of Flux's API in one process, on any Kubernetes API.

use clap::Parser;
use gitops_controller::{AnyCluster, Manager, ManagerOptions, Progress, RealWorld};
use gitops_controllers::{Context, CrossNamespace, Settings, Severity};
use gitops_core::api::GoDuration;
use gitops_core::substitute::Strictness;
use gitops_kube::{Connection, KubeCluster};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Reconcile sources, Kustomizations, releases and images of a cluster, as Flux's six controllers do.
///
/// The definitions of the kinds must be there: `gitops install` prints and applies them.
#[derive(Parser, Debug)]
#[command(name = "gitops-controller", version)]
#[command(after_help = "Examples:
  gitops-controller --kubeconfig ~/.kube/config
  gitops-controller --no-cross-namespace-refs --default-service-account default --concurrent 8")]
struct Args {
    /// The kubeconfig; where kubectl looks, or the pod's own account, by default.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig.
    #[arg(long)]
    context: Option<String>,
    /// How many objects of one kind are reconciled at once.
    #[arg(long, default_value_t = 4)]
    concurrent: usize,
    /// Watch this namespace alone.
    #[arg(long, value_name = "NAMESPACE")]
    watch_namespace: Option<String>,
    /// Look after objects with these labels alone, such as one shard's.
    #[arg(long, default_value = "", value_name = "SELECTOR")]
    watch_label_selector: String,
    /// Refuse references to other namespaces.
    #[arg(long)]
    no_cross_namespace_refs: bool,
    /// The account that Kustomizations without one act as.
    #[arg(long, value_name = "NAME")]
    default_service_account: Option<String>,
    /// How long an object waits for another that is not ready, where no watch tells.
    #[arg(long, default_value = "30s")]
    requeue_dependency: GoDuration,
    /// How much intervals are spread, in percent.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(0..=100))]
    interval_jitter_percentage: u8,
    /// Take unset variables of postBuild as empty, as Flux did before 2.9.
    #[arg(long)]
    lenient_substitution: bool,
    /// `json` or `console`.
    #[arg(long, default_value = "json", value_parser = ["json", "console"])]
    log_encoding: String,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    #[arg(long, default_value = "info")]
    log_level: String,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::try_new(&args.log_level).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if args.log_encoding == "json" {
        log.json().init();
    } else {
        log.init();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "no runtime");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let connection = match &args.kubeconfig {
        Some(file) => Connection::from_file(file, args.context.as_deref()).await?,
        None => Connection::from_environment(args.context.as_deref()).await?,
    };
    let cluster = AnyCluster::Kube(Box::new(KubeCluster::connect(connection)?));
    let world = RealWorld::new(cluster)?;
    let settings = Settings {
        requeue_dependency: args.requeue_dependency.0,
        jitter: f64::from(args.interval_jitter_percentage) / 100.0,
        cross_namespace: if args.no_cross_namespace_refs {
            CrossNamespace::Blocked
        } else {
            CrossNamespace::Allowed
        },
        default_service_account: args.default_service_account,
        substitution: if args.lenient_substitution { Strictness::Lenient } else { Strictness::Strict },
        ..Settings::default()
    };
    let context = Arc::new(Context::new(world, settings));
    let options = ManagerOptions {
        concurrent: args.concurrent,
        namespace: args.watch_namespace,
        labels: args.watch_label_selector,
        ..ManagerOptions::default()
    };
    let (progress, mut told) = mpsc::unbounded_channel();
    let (stop, stopped) = watch::channel(false);
    let logger = tokio::spawn(async move {
        while let Some(progress) = told.recv().await {
            match progress {
                Progress::Started(_) => {}
                Progress::Ended(key, took) => {
                    tracing::debug!(object = %key, seconds = took.as_secs_f64(), "reconciled");
                }
                Progress::Told(event) if event.severity == Severity::Error => {
                    tracing::error!(object = %event.key, reason = event.reason, "{}", event.message);
                }
                Progress::Told(event) => {
                    tracing::info!(object = %event.key, reason = event.reason, "{}", event.message);
                }
            }
        }
    });
    let manager = tokio::spawn(Manager::new(context, options).show(progress).run(stopped));
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "started");
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result?,
        _ = terminate.recv() => {}
    }
    tracing::info!("ending");
    stop.send_replace(true);
    manager.await?;
    logger.await?;
    Ok(())
}
