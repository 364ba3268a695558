//! `gitops source chart`: a chart of a repository or registry, as a HelmChart would fetch it.

use super::{Output, Summary};
use crate::Failure;
use crate::helm::print_warnings;
use crate::remote::chart::{ChartFlags, fetch};
use gitops_core::artifact::unpack;
use gitops_core::digest::sha256;
use gitops_core::tree::Limits;
use helm_rs::Warnings;
use helm_rs::chart::Chart;
use std::process::ExitCode;

/// Fetch a chart of a repository or registry.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # The newest version of a range
  gitops source chart podinfo --repo https://stefanprodan.github.io/podinfo --version '6.x'

  # From a registry, as JSON
  gitops source chart podinfo --repo oci://ghcr.io/stefanprodan/charts -o json

  # By its own address, with the files written to a folder
  gitops source chart oci://ghcr.io/stefanprodan/charts/podinfo --export charts")]
pub(crate) struct Args {
    /// The chart's name in the repository, or its own address.
    name: String,
    #[command(flatten)]
    flags: ChartFlags,
    #[command(flatten)]
    output: Output,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    if !args.flags.is_remote(&args.name) {
        return Err(format!("which repository holds {}? Name it with --repo", args.name).into());
    }
    let fetched = fetch(&args.name, &args.flags)?;
    let mut warnings = Warnings::new();
    let chart = Chart::load_archive(&fetched.archive, &mut warnings)?;
    print_warnings(&warnings);
    let tree = unpack(&fetched.archive, Limits::default())?;
    let mut summary = Summary::new(fetched.url, chart.metadata().version.to_string());
    summary.facts.push(("chart".to_owned(), chart.name().to_string()));
    summary.facts.extend(fetched.manifest_digest.map(|digest| ("manifest".to_owned(), digest)));
    summary.show(&sha256(&fetched.archive), fetched.archive.len(), &tree, &args.output)?;
    Ok(ExitCode::SUCCESS)
}
