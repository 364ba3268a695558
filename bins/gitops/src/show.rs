//! `gitops show`: prints what is in a chart, as `helm show` does.

use crate::Failure;
use crate::helm::{print_warnings, source};
use helm_rs::{Show, Warnings, show};
use std::io::Write;
use std::process::ExitCode;

/// Print what is in a chart: its metadata, values, readme, definitions, or all of it.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    part: Part,
}

#[derive(clap::Subcommand, Debug)]
enum Part {
    /// Print everything.
    All(Which),
    /// Print Chart.yaml.
    Chart(Which),
    /// Print values.yaml.
    Values(Which),
    /// Print the readme.
    Readme(Which),
    /// Print the custom resource definitions of crds/.
    Crds(Which),
}

#[derive(clap::Args, Debug)]
struct Which {
    /// The chart: a folder or a .tgz.
    chart: String,
    #[arg(long, hide = true)]
    devel: bool,
    #[arg(long, hide = true)]
    version: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let (which, part) = match &args.part {
        Part::All(which) => (which, Show::All),
        Part::Chart(which) => (which, Show::Chart),
        Part::Values(which) => (which, Show::Values),
        Part::Readme(which) => (which, Show::Readme),
        Part::Crds(which) => (which, Show::Crds),
    };
    let path = source::locate(&which.chart)?;
    let mut warnings = Warnings::new();
    let chart = source::load(&path, &mut warnings)?;
    print_warnings(&warnings);
    std::io::stdout().write_all(&show(&chart, part))?;
    Ok(ExitCode::SUCCESS)
}
