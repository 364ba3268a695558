//! `gitops graph`: who waits for whom.

use crate::Failure;
use crate::fleet::FolderArgs;
use gitops_controllers::fleet::Graph;
use std::process::ExitCode;

/// Show the dependencies between apps, in the order in which they can be applied.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops graph
  gitops graph -o mermaid >> README.md
  gitops graph -o svg > fleet.svg

Exit codes: 0, or 1 where apps wait for each other in a circle")]
pub(crate) struct Args {
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
    #[command(flatten)]
    folder: FolderArgs,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Text,
    Mermaid,
    Svg,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let (rendered, _) = args.folder.render()?;
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
