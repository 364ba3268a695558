//! `gitops delete`: takes an object out of a cluster, after a question.

use crate::Failure;
use crate::cluster::{ClusterFlags, address, fetch, run as run_async, say, within, worded};
use crate::confirm::confirm;
use crate::named::Named;
use gitops_core::ports::{Cluster, DeleteOptions};
use std::process::ExitCode;

/// Delete sources, Kustomizations, releases, image objects and alerts.
///
/// What a Kustomization has applied goes with it where it prunes.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops delete kustomization podinfo
  gitops delete source git podinfo --silent -n apps")]
pub(crate) struct Args {
    /// Do not ask.
    #[arg(long, short, global = true)]
    silent: bool,
    #[command(flatten)]
    cluster: ClusterFlags,
    #[command(subcommand)]
    what: Named,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    run_async(delete(args))
}

async fn delete(args: &Args) -> Result<ExitCode, Failure> {
    let (target, names) = args.what.target();
    let kind = target.info();
    let human = kind.human;
    let name = names.first().ok_or_else(|| format!("{human} name is required"))?;
    let namespace = args.cluster.namespace();
    let target = address(kind, &namespace, name);
    let time = args.cluster.timeout.0;
    let cluster = args.cluster.connect().await?;
    within(time, fetch(&cluster, &target)).await?;
    if !args.silent && !confirm(&format!("Are you sure you want to delete this {human}"))? {
        return Err("aborting".into());
    }
    say::action(format_args!("deleting {human} {name} in {namespace} namespace"));
    within(time, async { cluster.delete(&target, &DeleteOptions::default()).await.map_err(worded) }).await?;
    say::success(format_args!("{human} deleted"));
    Ok(ExitCode::SUCCESS)
}
