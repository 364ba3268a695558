//! `gitops source chart`: a chart of a repository or registry, as a HelmChart would fetch it.

use super::summary::{OutputFlags, Summary};
use crate::Failure;
use crate::remote::chart::{ChartFlags, fetch};
use gitops_core::artifact::unpack;
use gitops_core::digest::sha256;
use gitops_core::tree::Limits;
use helm_rs::Warnings;
use helm_rs::chart::Chart;
use std::process::ExitCode;

/// Fetch a chart of a repository or registry.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops source chart podinfo --repo https://stefanprodan.github.io/podinfo --version '6.x'
  gitops source chart podinfo --repo oci://ghcr.io/stefanprodan/charts -o json
  gitops source chart oci://ghcr.io/stefanprodan/charts/podinfo --export ./charts")]
pub(super) struct Args {
    /// The chart's name in the repository, or its own address.
    name: String,
    #[command(flatten)]
    flags: ChartFlags,
    #[command(flatten)]
    output: OutputFlags,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    if !args.flags.is_remote(&args.name) {
        return Err(format!("which repository holds {}? Name it with --repo", args.name).into());
    }
    let fetched = fetch(&args.name, &args.flags)?;
    let chart = Chart::load_archive(&fetched.archive, &mut Warnings::new())?;
    let tree = unpack(&fetched.archive, Limits::default())?;
    let mut metadata = vec![("name".to_owned(), chart.name().to_string())];
    metadata.extend(fetched.manifest_digest.map(|digest| ("manifest".to_owned(), digest)));
    args.output.finish(&Summary {
        url: fetched.url,
        revision: chart.metadata().version.to_string(),
        digest: Some(sha256(&fetched.archive)),
        tree: &tree,
        ignored: false,
        metadata,
    })
}
