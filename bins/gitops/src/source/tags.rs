//! `gitops source tags`: the tags of an image, as an ImageRepository would list them.

use super::oci::RegistryFlags;
use super::summary::Format;
use crate::Failure;
use crate::remote::wait;
use gitops_core::ports::{PortError, Registry};
use gitops_oci::Reference;
use std::io::Write;
use std::process::ExitCode;

/// List the tags of an image, one a line, in the registry's order.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops source tags ghcr.io/stefanprodan/podinfo
  gitops source tags ghcr.io/org/app | gitops image latest --policy 'semver:>=1.0'")]
pub(super) struct Args {
    /// The image: host/path.
    image: String,
    #[command(flatten)]
    login: RegistryFlags,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let reference: Reference = args.image.parse()?;
    let login = args.login.login();
    let registry = login.registry(&reference)?;
    let tags = wait(registry.tags(reference.repository()));
    let tags = tags.map_err(|failure| match failure.downcast::<PortError>() {
        Ok(error) => login.explain(&reference, *error),
        Err(failure) => failure,
    })?;
    let text = match args.output {
        Format::Text => tags.iter().map(|tag| format!("{tag}\n")).collect(),
        Format::Json => serde_json::to_string_pretty(&tags)? + "\n",
    };
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}
