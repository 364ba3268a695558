//! `gitops show`: prints what is in a chart, as `helm show` does.

use crate::Failure;
use crate::helm::{print_warnings, source};
use crate::remote::chart::ChartFlags;
use helm_rs::{Show, Warnings, show};
use std::io::Write;
use std::process::ExitCode;

/// Print what is in a chart: its metadata, values, readme, definitions, or all of it.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops show values ./charts/web
  gitops show chart web --repo https://charts.example.com --version '>=1.0 <2.0'
  gitops show all oci://registry.example.com/charts/web --version 1.2.3")]
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
#[command(after_help = "Examples:
  gitops show values ./charts/web
  gitops show values web --repo https://charts.example.com --version '>=1.0 <2.0'")]
struct Which {
    /// The chart: a folder, a .tgz, an address, or a name in --repo.
    chart: String,
    #[command(flatten)]
    remote: ChartFlags,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let (which, part) = match &args.part {
        Part::All(which) => (which, Show::All),
        Part::Chart(which) => (which, Show::Chart),
        Part::Values(which) => (which, Show::Values),
        Part::Readme(which) => (which, Show::Readme),
        Part::Crds(which) => (which, Show::Crds),
    };
    let mut warnings = Warnings::new();
    let (_, chart) = source::find(&which.chart, &which.remote, &mut warnings)?;
    print_warnings(&warnings);
    std::io::stdout().write_all(&show(&chart, part))?;
    Ok(ExitCode::SUCCESS)
}
