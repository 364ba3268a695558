//! `gitops envsubst`: what Flux's substitution makes of a text, with the environment's variables.

use crate::Failure;
use gitops_core::substitute::{Strictness, Variables};
use std::io::{BufRead, Write};
use std::process::ExitCode;

/// Replace ${variables} in what is piped in with those of the environment, as Kustomizations do after a build.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  # What a Kustomization with this variable would apply
  cluster_region=eu-central-1 sh -c 'gitops build . | gitops envsubst'

  # Refuse variables that are not set
  gitops build . | gitops envsubst --strict")]
pub(crate) struct Args {
    /// Fail where a variable is neither set nor has a default.
    #[arg(long)]
    strict: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let mut variables = Variables::default();
    for (name, value) in std::env::vars_os() {
        // What is no text is no variable of a manifest.
        if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) {
            variables.set(name, &value);
        }
    }
    let strictness = if args.strict { Strictness::Strict } else { Strictness::Lenient };
    let mut out = std::io::stdout().lock();
    for (index, line) in std::io::stdin().lock().lines().enumerate() {
        let replaced =
            variables.replace_in(&line?, strictness).map_err(|why| format!("line {}: {why}", index + 1))?;
        writeln!(out, "{replaced}")?;
    }
    Ok(ExitCode::SUCCESS)
}
