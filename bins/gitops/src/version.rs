//! `gitops version`: what this binary is.

use crate::Failure;
use clap::ValueEnum;
use std::process::ExitCode;

/// Print the version of this binary.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
    Yaml,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    match args.output {
        Format::Text => println!("gitops v{version}"),
        Format::Json => println!("{{\"version\":\"v{version}\"}}"),
        Format::Yaml => println!("version: v{version}"),
    }
    Ok(ExitCode::SUCCESS)
}
