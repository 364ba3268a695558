//! `gitops create source chart`.

use super::manifest::{Fields, object};
use super::source_oci::Verify;
use super::upsert::{Wording, fetched, finish};
use super::{Creation, Name};
use crate::Failure;
use crate::cluster::{Target, say};
use crate::flags::Reference;

/// Create or update a `HelmChart`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops create source chart podinfo --source=HelmRepository/podinfo --chart=podinfo --chart-version=6.x
  gitops create source chart podinfo --source=GitRepository/podinfo --chart=./charts/podinfo --export")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) name: Name,
    /// The chart's name or path.
    #[arg(long, default_value = "", hide_default_value = true)]
    chart: String,
    /// The chart's version or range.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "RANGE")]
    chart_version: String,
    /// The source: KIND/NAME, of HelmRepository, GitRepository or Bucket.
    #[arg(long, value_name = "KIND/NAME", value_parser = source)]
    source: Option<Reference>,
    /// When a chart is made anew: ChartVersion or Revision.
    #[arg(long, default_value = "ChartVersion", value_name = "STRATEGY")]
    reconcile_strategy: String,
    #[command(flatten)]
    verify: Verify,
}

/// The kinds that charts come from.
pub(super) const CHART_SOURCES: [&str; 3] = ["HelmRepository", "GitRepository", "Bucket"];

fn source(text: &str) -> Result<Reference, String> {
    let made = Reference::kind_and_name(text);
    if text.trim().is_empty() {
        return Err("no helm chart source given, please specify source that contains the chart in the format '<kind>/<name>', where kind must be one of: (HelmRepository, GitRepository, Bucket)".to_owned());
    }
    if made.kind.is_empty() || made.name.is_empty() {
        return Err(format!("invalid helm chart source '{text}', must be in format <kind>/<name>"));
    }
    made.of_kind(&CHART_SOURCES)
}

pub(super) async fn run(args: &Args, creation: &Creation<'_>) -> Result<(), Failure> {
    let source = args.source.as_ref().ok_or("chart source is required")?;
    if args.chart.is_empty() {
        return Err("chart name or path is required".into());
    }
    say::generate("generating HelmChart source");
    creation.labels()?;
    let spec = Fields::new()
        .put("chart", &*args.chart)
        .text("version", &args.chart_version)
        .put("interval", creation.interval().to_string())
        .text("reconcileStrategy", &args.reconcile_strategy)
        .put("sourceRef", Fields::new().put("kind", &*source.kind).put("name", &*source.name))
        .fields("verify", args.verify.fields()?);
    let kind = Target::Chart.info();
    let wording = Wording { stored: "source", ..Wording::of("HelmChart source") };
    let ready = finish(creation, kind, &object(kind, creation, spec)?, &wording).await?;
    let missing = "HelmChart source reconciliation completed but no artifact was found";
    ready.map_or(Ok(()), |ready| fetched(&ready, missing))
}
