//! `gitops push artifact`: local manifests as an OCI artifact.

use super::{FileFlags, Links, reference};
use crate::Failure;
use crate::remote::login::RegistryFlags;
use crate::remote::wait;
use clap::{Subcommand, ValueEnum};
use gitops_controllers::time::{parse_rfc3339, rfc3339};
use gitops_core::artifact::pack;
use gitops_oci::{ArtifactInfo, CREATED, Push, Reference};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Push to a registry.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Artifact(Box<ArtifactArgs>),
}

/// Push manifests to a registry as an artifact that Flux reads.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # A folder, tagged by the commit
  gitops push artifact oci://ghcr.io/org/config/app:$(git rev-parse --short HEAD) --path ./manifests \\
    --source $(git config --get remote.origin.url) \\
    --revision $(git branch --show-current)@sha1:$(git rev-parse HEAD)

  # What a kustomization builds; the digest is the same whenever the files are
  gitops build overlay | gitops push artifact oci://ghcr.io/org/app:1.0 -f - --reproducible \\
    --source https://github.com/org/app --revision main@sha1:3fe2c98 -o json")]
struct ArtifactArgs {
    /// The artifact: oci://host/path:tag.
    #[arg(value_name = "URL")]
    url: String,
    /// The folder or file to push; `-` reads standard input.
    #[arg(short = 'f', long, value_name = "PATH")]
    path: PathBuf,
    /// The source's address, such as that of its git repository.
    #[arg(long, value_name = "URL")]
    source: String,
    /// The source's revision: <branch|tag>@sha1:<commit>.
    #[arg(long, value_name = "REVISION")]
    revision: String,
    /// An annotation (repeatable).
    #[arg(short, long, value_name = "KEY=VALUE")]
    annotations: Vec<String>,
    /// Set the time of making to 1970-01-01T00:00:00Z, so that equal files have equal digests.
    #[arg(long)]
    reproducible: bool,
    /// Copy what links lead to into the artifact, as long as it lies in the folder.
    #[arg(long)]
    resolve_symlinks: bool,
    /// Print what was pushed.
    #[arg(short, long, value_enum)]
    output: Option<Form>,
    #[command(flatten)]
    files: FileFlags,
    #[command(flatten)]
    login: RegistryFlags,
    /// Accepted as flux has it; every fault is told in any case.
    #[arg(long)]
    debug: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    Json,
    Yaml,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let Command::Artifact(args) = &args.command;
    let reference = reference(&args.url)?;
    if reference.digest().is_some() {
        return Err("an artifact is pushed to a tag, not to a digest".into());
    }
    let tag = reference.wanted();
    let push = artifact(args)?;
    if args.output.is_none() {
        anstream::eprintln!("► pushing artifact to {reference}");
    }
    let registry = args.login.registry(&reference)?;
    let digest = wait(registry.push_artifact(reference.repository(), tag, &push))?;
    let digest = digest.map_err(|error| args.login.explain(&reference, error))?;
    print(args, &reference, &digest)?;
    Ok(ExitCode::SUCCESS)
}

fn artifact(args: &ArtifactArgs) -> Result<Push, Failure> {
    let mut annotations = BTreeMap::new();
    for text in &args.annotations {
        let pair = text.split_once('=').filter(|(key, _)| !key.is_empty());
        let (key, value) =
            pair.ok_or_else(|| format!("invalid annotation {text}, must be in the format key=value"))?;
        annotations.insert(key.to_owned(), value.to_owned());
    }
    if let Some(created) = annotations.get(CREATED).filter(|created| parse_rfc3339(created).is_none()) {
        return Err(format!("invalid created timestamp {created:?}").into());
    }
    let links = if args.resolve_symlinks { Links::Copied } else { Links::Skipped };
    let packed = pack(&args.files.tree(&args.path, links)?, None)?;
    let now = if args.reproducible {
        Duration::ZERO
    } else {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    };
    let info = ArtifactInfo {
        source: args.source.clone(),
        revision: args.revision.clone(),
        created: rfc3339(now),
        annotations,
    };
    Ok(Push::flux(packed.content.into(), &info)?)
}

fn print(args: &ArtifactArgs, reference: &Reference, digest: &str) -> Result<(), Failure> {
    let repository = reference.repository();
    let tag = reference.wanted();
    match args.output {
        None => anstream::eprintln!("✔ artifact successfully pushed to {repository}@{digest}"),
        Some(Form::Json) => {
            let pushed = serde_json::json!({
                "url": format!("oci://{repository}@{digest}"),
                "repository": repository,
                "tag": tag,
                "digest": digest,
            });
            anstream::println!("{}", serde_json::to_string_pretty(&pushed)?);
        }
        // A tag may look like a number.
        Some(Form::Yaml) => anstream::println!(
            "digest: {digest}\nrepository: {repository}\ntag: {}\nurl: oci://{repository}@{digest}",
            serde_json::Value::from(tag)
        ),
    }
    Ok(())
}
