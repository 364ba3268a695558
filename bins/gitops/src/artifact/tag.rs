//! `gitops tag artifact`: further tags for an OCI artifact.

use super::reference;
use crate::Failure;
use crate::remote::login::RegistryFlags;
use crate::remote::wait;
use clap::Subcommand;
use std::process::ExitCode;

/// Tag in a registry.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Artifact(Box<ArtifactArgs>),
}

/// Give an artifact further tags; its content is not moved.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # A version is the latest one
  gitops tag artifact oci://ghcr.io/org/manifests/app:v0.0.1 --tag latest")]
struct ArtifactArgs {
    /// The artifact: oci://host/path:tag or oci://host/path@sha256:…
    #[arg(value_name = "URL")]
    url: String,
    /// A tag (repeatable, comma-separated).
    #[arg(long = "tag", value_name = "TAG", value_delimiter = ',', required = true)]
    tags: Vec<String>,
    #[command(flatten)]
    login: RegistryFlags,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let Command::Artifact(args) = &args.command;
    let reference = reference(&args.url)?;
    // All are looked at before the first is set.
    let tagged = args.tags.iter().map(|tag| reference.with_tag(tag)).collect::<Result<Vec<_>, _>>()?;
    let registry = args.login.registry(&reference)?;
    anstream::eprintln!("► tagging artifact");
    for wanted in tagged {
        let set = wait(registry.tag(reference.repository(), reference.wanted(), wanted.wanted()))?;
        set.map_err(|error| args.login.explain(&reference, error.while_doing("tagging artifact failed")))?;
        anstream::eprintln!("✔ artifact tagged as {wanted}");
    }
    Ok(ExitCode::SUCCESS)
}
