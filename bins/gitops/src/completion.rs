//! `gitops completion`: scripts that complete commands and flags in a shell.

use crate::{Failure, commands};
use clap_complete::Shell;
use std::io::Write;
use std::process::ExitCode;

/// Print a completion script for a shell.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  source <(gitops completion bash)
  gitops completion zsh > \"${fpath[1]}/_gitops\"
  gitops completion fish > ~/.config/fish/completions/gitops.fish")]
pub(crate) struct Args {
    /// The shell that will read the script.
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut commands::definition(None), "gitops", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
