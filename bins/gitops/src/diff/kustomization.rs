//! `gitops diff kustomization`: what a local folder would change in a cluster.

use super::painted;
use crate::Failure;
use crate::cluster::{run as run_async, say, within, worded};
use crate::local::{Ask, LocalFlags, build};
use gitops_controller::SystemClock;
use gitops_controllers::fleet::diff::{Action, FleetDiff};
use gitops_controllers::fleet::{Local, Severity, live};
use gitops_core::object::ObjectId;
use std::process::ExitCode;

/// Compare what a local folder would make of a Flux Kustomization with the cluster, by dry runs of the server.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  # What the local manifests would change
  gitops diff kustomization apps --path ./apps/production

  # With a Kustomization that is in a file, and may not be in the cluster yet
  gitops diff kustomization apps --path ./apps/production --kustomization-file ./clusters/apps.yaml --ignore-not-found

  # With all Kustomizations that it leads to
  gitops diff kustomization flux-system --path ./clusters/production --recursive \\
    --local-sources GitRepository/flux-system/flux-system=./

Exit codes: 0 nothing differs, 1 something does, 2 it can't be told")]
pub(crate) struct Args {
    #[command(flatten)]
    local: LocalFlags,
    /// A Kustomization that the cluster does not have is no error where a file has it.
    #[arg(long)]
    ignore_not_found: bool,
    /// Accepted as flux has it: progress is told line by line.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    progress_bar: Option<bool>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    if args.ignore_not_found && args.local.kustomization_file.is_none() {
        return Err("kustomization file is required when assuming new kustomizations".into());
    }
    run_async(within(args.local.cluster.timeout.0, async {
        let cluster = args.local.cluster.connect().await?;
        let may_lack = args.ignore_not_found || args.local.kustomization_file.is_some();
        let ask = if may_lack { Ask::ClusterOrFile(&cluster) } else { Ask::Cluster(&cluster) };
        let parts = build(&args.local, ask).await?;
        let diff = live::compare_local(&parts, &cluster, &SystemClock).await.map_err(worded)?;
        Ok(print(&parts, &diff))
    }))
}

/// Prints object by object, in the words of Flux.
fn print(parts: &[Local], diff: &FleetDiff) -> ExitCode {
    let of = |part: &Local| {
        let id = part.id();
        diff.changes.iter().filter(move |change| change.app == id)
    };
    for change in parts.iter().flat_map(of) {
        let id = &change.id;
        match &change.action {
            Action::Add => anstream::println!("► {id} created"),
            Action::Remove => anstream::println!("► {id} deleted"),
            // What has another name is another object to the server.
            Action::Rename(old) => {
                anstream::println!("► {id} created");
                anstream::println!("► {} deleted", ObjectId { name: old.clone(), ..id.clone() });
            }
            _ => {
                anstream::println!("► {id} drifted");
                change.to_lines().iter().for_each(|line| anstream::println!("{}", painted(line)));
            }
        }
    }
    let problems = diff.new_problems.iter().filter(|(_, gap)| gap.severity > Severity::Note);
    let errors = problems.map(|(_, gap)| say::failure(gap)).count();
    if errors > 0 {
        ExitCode::from(2)
    } else if diff.changes.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
