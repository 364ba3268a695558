//! `gitops source tags`: the tags of an image, as an ImageRepository would list them.

use super::Form;
use crate::Failure;
use crate::remote::login::RegistryFlags;
use crate::remote::wait;
use gitops_core::ports::Registry;
use gitops_oci::Reference;
use std::io::Write;
use std::process::ExitCode;

/// List the tags of an image, one a line, in the registry's order.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # All tags
  gitops source tags ghcr.io/stefanprodan/podinfo

  # The newest of them
  gitops source tags ghcr.io/org/app | gitops image latest --policy 'semver:>=1.0'")]
pub(crate) struct Args {
    /// The image: host/path.
    image: String,
    #[command(flatten)]
    login: RegistryFlags,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let reference: Reference = args.image.parse()?;
    if reference.tag().is_some() || reference.digest().is_some() {
        return Err(format!("name the repository alone: {}", reference.repository()).into());
    }
    let registry = args.login.registry(&reference)?;
    let tags = wait(registry.tags(reference.repository()))?;
    let tags = tags.map_err(|error| args.login.explain(&reference, error))?;
    let text = match args.output {
        Form::Text => tags.iter().map(|tag| format!("{tag}\n")).collect(),
        Form::Json => serde_json::to_string_pretty(&tags)? + "\n",
    };
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}
