//! The reference controller: every reconciler of Flux's API in one process, on any Kubernetes API.

mod args;
mod endpoints;

use std::process::ExitCode;
use std::sync::Arc;

use args::Args;
use clap::Parser;
use gitops_controller::{AnyCluster, Manager, Metrics, Progress, RealWorld, SystemClock};
use gitops_controllers::leader::Candidate;
use gitops_controllers::{Context, Severity, World};
use gitops_fs::FolderStore;
use gitops_kube::{Connection, KubeCluster};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Problem = Box<dyn std::error::Error + Send + Sync>;

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

async fn run(args: Args) -> Result<(), Problem> {
    let connection = match &args.kubeconfig {
        Some(file) => Connection::from_file(file, args.context.as_deref()).await?,
        None => Connection::from_environment(args.context.as_deref()).await?,
    };
    let cluster = KubeCluster::connect(connection)?.with_limits(args.limits());
    let mut world = RealWorld::new(AnyCluster::Kube(Box::new(cluster)))?.limit(args.limits());
    if let Some(folder) = &args.storage_path {
        let store = FolderStore::open(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        world = world.keep_in(store);
    }
    let context = Arc::new(Context::new(world, args.settings()));
    let metrics = Arc::new(Metrics::default());
    endpoints::open(&args, &context, &metrics).await?;

    let mut ended = Ended::listen()?;
    let mut candidate = match args.enable_leader_election {
        true => {
            let mut candidate = args.candidate();
            tracing::info!("waiting to lead");
            tokio::select! {
                () = candidate.wait(context.world.cluster(), &SystemClock) => tracing::info!("leading"),
                () = ended.wait() => return Ok(()),
            }
            Some(candidate)
        }
        false => None,
    };
    let (progress, told) = mpsc::unbounded_channel();
    let (stop, stopped) = watch::channel(false);
    let notes = tokio::spawn(note(told, metrics));
    let manager = Manager::new(Arc::clone(&context), args.manager()).show(progress);
    let manager = tokio::spawn(manager.run(stopped));
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "started");
    let lost = tokio::select! {
        () = ended.wait() => None,
        why = keep(candidate.as_mut(), &context) => Some(why),
    };
    if let Some(why) = lost {
        // Another works already: what still runs here must not go on.
        return Err(why.into());
    }
    tracing::info!("ending");
    stop.send_replace(true);
    manager.await?;
    notes.await?;
    if let Some(mut candidate) = candidate
        && let Err(error) = candidate.release(context.world.cluster(), &SystemClock).await
    {
        tracing::warn!(%error, "the lease was not given back");
    }
    Ok(())
}

/// Waits until the lease is lost; for ever where there is no election.
async fn keep(candidate: Option<&mut Candidate>, context: &Context<RealWorld>) -> String {
    match candidate {
        Some(candidate) => candidate.keep(context.world.cluster(), &SystemClock).await,
        None => std::future::pending().await,
    }
}

/// Writes what happens to the log and the figures.
async fn note(mut told: mpsc::UnboundedReceiver<Progress>, metrics: Arc<Metrics>) {
    while let Some(progress) = told.recv().await {
        match progress {
            Progress::Started(key) => metrics.started(&key),
            Progress::Ended(key, took, next) => {
                metrics.ended(&key, took, next);
                tracing::debug!(object = %key, seconds = took.as_secs_f64(), "reconciled");
            }
            Progress::Gone(key) => metrics.gone(&key),
            Progress::Told(event) if event.severity == Severity::Error => {
                tracing::error!(object = %event.key, reason = event.reason, "{}", event.message);
            }
            Progress::Told(event) => {
                tracing::info!(object = %event.key, reason = event.reason, "{}", event.message);
            }
        }
    }
}

/// The signals that ask a process to end.
struct Ended {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Ended {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
