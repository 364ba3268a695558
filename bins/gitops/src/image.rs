//! `gitops image`: pick tags, list markers, write images into files.

mod files;
mod latest;
mod setters;
mod update;

use crate::Failure;
use clap::{Subcommand, ValueEnum};
use std::io::Write;
use std::process::ExitCode;

/// Choose image tags and write them into files, as Flux's image automation does
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    ListSetters(setters::Args),
    Update(update::Args),
    Latest(latest::Args),
}

/// How results are printed.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    match &args.command {
        Command::ListSetters(args) => setters::run(args),
        Command::Update(args) => update::run(args),
        Command::Latest(args) => latest::run(args),
    }
}

/// Prints what is wrong with markers and files, a line each.
fn warn(lines: impl IntoIterator<Item = impl std::fmt::Display>) {
    for line in lines {
        anstream::eprintln!("{WARNING}warning{WARNING:#}: {}", crate::printable::Printable(line));
    }
}

const WARNING: anstyle::Style = anstyle::AnsiColor::Yellow.on_default().bold();

/// The exit code of `--strict`: a failure where anything was warned of.
fn strictly(strict: bool, warnings: usize) -> ExitCode {
    if strict && warnings > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn print_json(value: &serde_json::Value) -> Result<(), Failure> {
    print(&format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// Prints with colours where stdout is a terminal. A reader that has seen enough is no failure.
fn print(text: &str) -> Result<(), Failure> {
    match anstream::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}
