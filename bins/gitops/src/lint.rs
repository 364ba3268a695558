//! `gitops lint`: looks charts over, as `helm lint` does.

use crate::Failure;
use crate::helm::flags::ValueFlags;
use crate::helm::world::ThisMachine;
use crate::helm::{namespace, source};
use helm_rs::chart::{ArchiveLimits, unpack};
use helm_rs::render::{ReleaseFacts, RenderOptions};
use helm_rs::values::Table;
use helm_rs::{Entry, Finding, KubeVersion, LintOptions, LintTarget, Schemas, Severity, lint};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Look charts over for mistakes.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops lint ./charts/web
  gitops lint ./charts/web -f values-production.yaml --strict
  gitops lint ./charts/web ./charts/worker --quiet

Exit codes: 0 no errors, 1 errors (with --strict warnings too)")]
#[allow(clippy::struct_excessive_bools, reason = "flags are booleans")]
pub(crate) struct Args {
    /// The charts: folders or .tgz files.
    #[arg(required = true)]
    charts: Vec<String>,
    #[command(flatten)]
    values: ValueFlags,
    /// The namespace that templates see.
    #[arg(short = 'n', long)]
    namespace: Option<String>,
    /// Fail on warnings too.
    #[arg(long)]
    strict: bool,
    /// Look the charts in charts/ over too.
    #[arg(long)]
    with_subcharts: bool,
    /// Print warnings and errors alone.
    #[arg(long)]
    quiet: bool,
    /// Don't check values against the charts' schemas.
    #[arg(long)]
    skip_schema_validation: bool,
    /// The Kubernetes version that templates see and that APIs are checked against.
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let mut charts = args.charts.clone();
    if args.with_subcharts {
        for chart in &args.charts {
            find_charts(&Path::new(chart).join("charts"), &mut charts, 0);
        }
    }
    let kube_version = match &args.kube_version {
        None => None,
        Some(version) => Some(
            KubeVersion::parse(version)
                .map_err(|error| format!("invalid kube version '{version}': {error}"))?,
        ),
    };
    let (values, _) = args.values.merge()?;
    let namespace = namespace(args.namespace.as_deref());
    let facts = ReleaseFacts::install("test-release", namespace.as_str());
    let mut options = LintOptions::new(namespace, RenderOptions::new(facts).world(&ThisMachine));
    options.kube_version = kube_version;
    if args.skip_schema_validation {
        options.schemas = Schemas::Skipped;
    }
    let tolerated = if args.strict { Severity::Info } else { Severity::Warning };
    let (mut text, mut failed, mut remarked) = (String::new(), 0, 0);
    for chart in &charts {
        let found = look_over(chart, &values, &options);
        let is_remarkable = match &found {
            Ok(found) => found.iter().any(|finding| finding.severity > Severity::Info),
            Err(_) => true,
        };
        remarked += usize::from(is_remarkable);
        if args.quiet && !is_remarkable {
            continue;
        }
        writeln!(text, "==> Linting {chart}")?;
        match found {
            Err(error) => {
                failed += 1;
                writeln!(text, "Error {error}")?;
            }
            Ok(found) => {
                failed += usize::from(found.iter().any(|finding| finding.severity > tolerated));
                for finding in found.iter().filter(|f| !args.quiet || f.severity > Severity::Info) {
                    writeln!(text, "{finding}")?;
                }
            }
        }
        text.push('\n');
    }
    print!("{text}");
    let summary = format!("{} chart(s) linted, {failed} chart(s) failed", charts.len());
    if failed > 0 {
        return Err(summary.into());
    }
    if !args.quiet || remarked > 0 {
        println!("{summary}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Lists the charts beneath a folder.
fn find_charts(folder: &Path, found: &mut Vec<String>, depth: usize) {
    const DEPTH: usize = 50;
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut entries: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    for path in entries {
        let is_link = std::fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink());
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name == "Chart.yaml" {
            found.push(folder.display().to_string());
        } else if name.ends_with(".tgz") || name.ends_with(".tar.gz") {
            found.push(path.display().to_string());
        } else if path.is_dir() && !is_link && depth < DEPTH {
            find_charts(&path, found, depth + 1);
        }
    }
}

fn look_over(chart: &str, values: &Table, options: &LintOptions<'_>) -> Result<Vec<Finding>, Failure> {
    if chart.ends_with(".tgz") || chart.ends_with(".tar.gz") {
        let archive = std::fs::read(chart)
            .map_err(|error| format!("unable to open tarball: {}", source::open_error(chart, &error)))?;
        let files = unpack(&archive, ArchiveLimits::default())
            .map_err(|error| format!("unable to extract tarball: {error}"))?;
        return Ok(lint(&LintTarget::new(chart, files), values, options));
    }
    let folder = source::absolute(Path::new(chart));
    let chart_file = folder.join("Chart.yaml");
    if std::fs::metadata(&chart_file).is_err() {
        let shown = Path::new(chart).join("Chart.yaml");
        return Err(format!(
            "unable to check Chart.yaml file in chart: stat {}: no such file or directory",
            shown.display()
        )
        .into());
    }
    let entry = |name: &str| {
        let path = folder.join(name);
        if path.is_dir() { Entry::Folder } else { std::fs::read(&path).map_or(Entry::Absent, Entry::File) }
    };
    let mut target = LintTarget::new(folder.display().to_string(), Vec::new());
    target.chart_file = entry("Chart.yaml");
    target.values = entry("values.yaml");
    target.schema = entry("values.schema.json");
    target.templates = entry("templates");
    target.crds = entry("crds");
    target.files = source::read_folder(&folder).map_err(|error| error.to_string());
    Ok(lint(&target, values, options))
}
