//! `gitops build kustomization`: what a Kustomization's controller would apply, from a local folder.

use crate::Failure;
use crate::cluster::{run as run_async, within};
use crate::local::{Ask, LocalFlags, build};
use gitops_yaml::{Dialect, print_sigs};
use std::io::Write as _;
use std::process::ExitCode;

/// Build a Flux Kustomization from a local folder: what its controller would apply.
///
/// Variables are put in, labels and annotations added, and values that SOPS has sealed masked. The Kustomization and the
/// ConfigMaps and Secrets with its variables are read from the cluster, or with --dry-run from nowhere.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  # The local manifests, as the cluster would have them
  gitops build kustomization apps --path ./apps/production

  # With a Kustomization that is in a file, and without a cluster
  gitops build kustomization apps --path ./apps/production --kustomization-file ./clusters/apps.yaml --dry-run

  # With all Kustomizations that it leads to
  gitops build kustomization flux-system --path ./clusters/production --recursive \\
    --local-sources GitRepository/flux-system/flux-system=./")]
pub(crate) struct Args {
    #[command(flatten)]
    local: LocalFlags,
    /// Ask no cluster: variables of ConfigMaps and Secrets are left as they are.
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    run_async(within(args.local.cluster.timeout.0, async {
        let parts = if args.dry_run {
            build(&args.local, Ask::Nothing).await?
        } else {
            let cluster = args.local.cluster.connect().await?;
            let ask = match args.local.kustomization_file {
                Some(_) => Ask::ClusterOrFile(&cluster),
                None => Ask::Cluster(&cluster),
            };
            build(&args.local, ask).await?
        };
        let mut text = String::new();
        for object in parts.iter().flat_map(|part| &part.objects) {
            text.push_str("---\n");
            text.push_str(&print_sigs(object, Dialect::V3)?);
        }
        std::io::stdout().lock().write_all(text.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }))
}
