//! `gitops graph`: who waits for whom.

use crate::Failure;
use crate::fleet::{FleetFlags, Repository, report};
use gitops_controllers::fleet::{Graph, KeepNodes};
use std::path::PathBuf;
use std::process::ExitCode;

/// Show the dependencies between apps, in the order in which they can be applied.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops graph
  gitops graph -o mermaid >> README.md
  gitops graph -o svg > fleet.svg")]
pub(crate) struct Args {
    /// A folder of the repository.
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
    #[command(flatten)]
    fleet: FleetFlags,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Text,
    Mermaid,
    Svg,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let repository = Repository::find(&args.folder)?;
    let rendered = args.fleet.render(&repository, KeepNodes::No)?;
    report(&rendered);
    let graph = Graph::of(&rendered);
    print!(
        "{}",
        match args.output {
            Format::Text => graph.to_text(),
            Format::Mermaid => graph.to_mermaid(),
            Format::Svg => graph.to_svg(),
        }
    );
    Ok(if graph.cycles.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
