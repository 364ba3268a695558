//! `gitops diff artifact`: an OCI artifact compared with local files.

use super::{FileFlags, Links, differences, fetch, reference};
use crate::Failure;
use crate::remote::login::RegistryFlags;
use crate::remote::wait;
use std::path::PathBuf;
use std::process::ExitCode;

/// Show which files of an artifact differ from local ones.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  # What a push would change
  gitops diff artifact oci://ghcr.io/stefanprodan/manifests:podinfo --path ./kustomize

Exit codes: 0 nothing differs, 1 something does or the artifact can't be had")]
pub(crate) struct Args {
    /// The artifact: oci://host/path:tag or oci://host/path@sha256:…
    #[arg(value_name = "URL")]
    url: String,
    /// The folder or file to compare with.
    #[arg(long, value_name = "PATH")]
    path: PathBuf,
    #[command(flatten)]
    files: FileFlags,
    #[command(flatten)]
    login: RegistryFlags,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let reference = reference(&args.url)?;
    let local = args.files.tree(&args.path, Links::Skipped)?;
    let registry = args.login.registry(&reference)?;
    let fetched = wait(fetch(&registry, &reference))?;
    let (_, remote) = fetched.map_err(|error| args.login.explain(&reference, error))?;
    let lines = differences(&remote, &local);
    if lines.is_empty() {
        anstream::eprintln!("✔ no changes detected");
        return Ok(ExitCode::SUCCESS);
    }
    for line in lines {
        anstream::println!("{line}");
    }
    Err("the remote artifact contents differs from the local one".into())
}
