//! `gitops tree`: what a repository leads to.

use crate::Failure;
use crate::fleet::{FleetFlags, Repository, report};
use gitops_controllers::fleet::{Detail, KeepNodes};
use std::path::PathBuf;
use std::process::ExitCode;

/// Draw a fleet as a tree: sources, apps and their objects.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops tree
  gitops tree --compact --path clusters/production")]
pub(crate) struct Args {
    /// A folder of the repository.
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// Show apps alone, without their objects.
    #[arg(long)]
    compact: bool,
    #[command(flatten)]
    fleet: FleetFlags,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let repository = Repository::find(&args.folder)?;
    let below = args.fleet.below(&repository.inside);
    let rendered = args.fleet.render(&repository.folder, below, KeepNodes::No)?;
    let errors = report(&rendered);
    let detail = if args.compact { Detail::Apps } else { Detail::Objects };
    print!("{}", rendered.to_tree(detail));
    Ok(if errors > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
