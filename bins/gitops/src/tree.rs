//! `gitops tree`: what a repository leads to.

mod live;

use crate::Failure;
use crate::fleet::FolderArgs;
use gitops_controllers::fleet::Detail;
use std::process::ExitCode;

/// Draw a fleet as a tree: sources, apps and their objects.
#[derive(clap::Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  # What this repository leads to
  gitops tree
  gitops tree --compact --path clusters/production

  # What a Kustomization of a cluster has applied
  gitops tree kustomization flux-system"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    live: Option<Live>,
    /// Show apps alone, without their objects.
    #[arg(long)]
    compact: bool,
    #[command(flatten)]
    folder: FolderArgs,
}

#[derive(clap::Subcommand, Debug)]
enum Live {
    Artifact(Box<live::Artifact>),
    #[command(visible_alias = "ks")]
    Kustomization(Box<live::Kustomization>),
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    match &args.live {
        Some(Live::Kustomization(args)) => return live::kustomization(args),
        Some(Live::Artifact(args)) => return live::artifact(args),
        None => {}
    }
    let (rendered, errors) = args.folder.render()?;
    let detail = if args.compact { Detail::Apps } else { Detail::Objects };
    print!("{}", rendered.to_tree(detail));
    Ok(if errors > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
