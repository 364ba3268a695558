//! `gitops pull artifact`: an OCI artifact's files, written to a folder.

use super::{fetch, reference};
use crate::Failure;
use crate::remote::login::RegistryFlags;
use crate::remote::wait;
use clap::Subcommand;
use gitops_fs::export;
use gitops_oci::{REVISION, SOURCE};
use std::path::PathBuf;
use std::process::ExitCode;

/// Pull from a registry.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Artifact(Box<ArtifactArgs>),
}

/// Pull an artifact and write its files to a folder.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # The files that a tag names
  mkdir app && gitops pull artifact oci://ghcr.io/org/manifests/app:v0.0.1 --output app")]
struct ArtifactArgs {
    /// The artifact: oci://host/path:tag or oci://host/path@sha256:…
    #[arg(value_name = "URL")]
    url: String,
    /// The folder to write to; it must be there.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    #[command(flatten)]
    login: RegistryFlags,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let Command::Artifact(args) = &args.command;
    if !args.output.is_dir() {
        return Err(
            format!("invalid output path {:?}: it is no folder", args.output.display().to_string()).into()
        );
    }
    let reference = reference(&args.url)?;
    let registry = args.login.registry(&reference)?;
    anstream::eprintln!("► pulling artifact from {reference}");
    let fetched = wait(fetch(&registry, &reference))?;
    let (manifest, tree) = fetched.map_err(|error| args.login.explain(&reference, error))?;
    export(&tree, &args.output)?;
    for (name, annotation) in [("source", SOURCE), ("revision", REVISION)] {
        if let Some(value) = manifest.annotations.get(annotation).filter(|value| !value.is_empty()) {
            anstream::eprintln!("✔ {name} {}", gitops_transport::clean(value, &[]));
        }
    }
    anstream::eprintln!("✔ digest {}@{}", reference.repository(), manifest.digest);
    anstream::eprintln!("✔ artifact content extracted to {}", args.output.display());
    Ok(ExitCode::SUCCESS)
}
