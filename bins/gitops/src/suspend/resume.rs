//! `gitops resume`.

use super::{chosen, set_suspended};
use crate::Failure;
use crate::cluster::ready::wait_ready;
use crate::cluster::{ClusterFlags, address, list, run as run_async, say, within, worded};
use crate::named::Named;
use crate::reconcile::done_message;
use std::process::ExitCode;

/// Start the controllers' work on objects again, and wait for one of them.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops resume kustomization podinfo
  gitops resume hr --all --wait -n apps")]
pub(crate) struct Args {
    /// All objects of the kind in the namespace.
    #[arg(long, global = true)]
    all: bool,
    /// Wait for each to be ready; so it is where one is named.
    #[arg(long, global = true)]
    wait: bool,
    #[command(flatten)]
    cluster: ClusterFlags,
    #[command(subcommand)]
    what: Named,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    run_async(resume(args))
}

async fn resume(args: &Args) -> Result<ExitCode, Failure> {
    let (target, names) = args.what.target();
    let kind = target.info();
    if names.is_empty() && !args.all {
        return Err(format!("{} name is required", kind.human).into());
    }
    let namespace = args.cluster.namespace();
    let time = args.cluster.timeout.0;
    let cluster = args.cluster.connect().await?;
    let listing = async { list(&cluster, kind, Some(&namespace), "").await.map_err(worded) };
    let objects = within(time, listing).await?;
    if names.is_empty() && objects.is_empty() {
        say::failure(format_args!("no {} objects found in {namespace} namespace", kind.kind));
    }
    let mut resumed = Vec::new();
    for (name, object) in chosen(&objects, names) {
        if object.is_none() {
            say::failure(format_args!("{} object '{name}' not found in {namespace} namespace", kind.kind));
            continue;
        }
        say::action(format_args!("resuming {} {name} in {namespace} namespace", kind.human));
        within(time, set_suspended(&cluster, target, &namespace, name, false)).await?;
        say::success(format_args!("{} resumed", kind.human));
        resumed.push(name);
    }
    if !args.wait && names.len() != 1 {
        return Ok(ExitCode::SUCCESS);
    }
    let mut failed = 0;
    for name in resumed {
        say::waiting(format_args!("waiting for {} reconciliation", kind.kind));
        match within(time, wait_ready(&cluster, kind, &address(kind, &namespace, name))).await {
            Ok(object) => {
                say::success(format_args!("{} {name} reconciliation completed", kind.kind));
                say::success(done_message(target, &object));
            }
            Err(why) => {
                say::failure(format_args!("{} {name} reconciliation failed: {why}", kind.kind));
                failed += 1;
            }
        }
    }
    if failed > 0 {
        return Err(format!("reconciliation failed for {failed} {}(s)", kind.kind).into());
    }
    Ok(ExitCode::SUCCESS)
}
