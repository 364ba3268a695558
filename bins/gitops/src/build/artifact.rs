//! `gitops build artifact`: the archive that `push artifact` would push.

use crate::Failure;
use crate::artifact::{FileFlags, Links};
use crate::cluster::say;
use gitops_core::artifact::pack;
use std::path::PathBuf;
use std::process::ExitCode;

/// Make an archive of manifests, as they are pushed to registries.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  # Of a folder
  gitops build artifact --path ./manifests --output ./artifact.tgz

  # Of what a kustomization builds
  gitops build overlay | gitops build artifact --path - --output ./artifact.tgz")]
pub(crate) struct Args {
    /// The folder or file; `-` reads standard input.
    #[arg(short, long, value_name = "PATH")]
    path: PathBuf,
    /// Where the archive is written.
    #[arg(short, long, value_name = "FILE", default_value = "artifact.tgz")]
    output: PathBuf,
    /// Copy what links lead to into the archive, as long as it lies in the folder.
    #[arg(long)]
    resolve_symlinks: bool,
    #[command(flatten)]
    files: FileFlags,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let links = if args.resolve_symlinks { Links::Copied } else { Links::Skipped };
    say::action(format_args!("building artifact from {}", args.path.display()));
    let packed = pack(&args.files.tree(&args.path, links)?, None)?;
    std::fs::write(&args.output, &packed.content)
        .map_err(|why| format!("building artifact failed, error: {}: {why}", args.output.display()))?;
    say::success(format_args!("artifact created at {}", args.output.display()));
    Ok(ExitCode::SUCCESS)
}
