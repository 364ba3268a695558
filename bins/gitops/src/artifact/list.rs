//! `gitops list artifacts`: a repository's tags, and what each of them holds.

use super::reference;
use crate::Failure;
use crate::remote::login::RegistryFlags;
use crate::remote::wait;
use clap::Subcommand;
use gitops_core::ports::{ImageManifest, PortError, Registry as _};
use gitops_oci::{OciRegistry, REVISION, Reference, SOURCE};
use gitops_regex::GoRegex;
use gitops_semver::{Constraint, Version};
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::task::JoinSet;

/// List what a registry holds.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(alias = "artifact")]
    Artifacts(Box<ArtifactsArgs>),
}

/// List the artifacts of a repository: tag, digest, source and revision.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # All artifacts
  gitops list artifacts oci://ghcr.io/org/config/app

  # The versions of a range
  gitops list artifacts oci://ghcr.io/org/config/app --filter-semver '>=1.0.0'")]
struct ArtifactsArgs {
    /// The repository: oci://host/path.
    #[arg(value_name = "URL")]
    url: String,
    /// Only tags that are versions in this range.
    #[arg(long, value_name = "RANGE")]
    filter_semver: Option<String>,
    /// Only tags that match this regular expression.
    #[arg(long, value_name = "REGEX")]
    filter_regex: Option<String>,
    #[command(flatten)]
    login: RegistryFlags,
}

/// How many manifests are asked for at a time.
const AT_ONCE: usize = 8;

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let Command::Artifacts(args) = &args.command;
    let reference = reference(&args.url)?;
    let filter = Filter::new(args)?;
    let registry = Arc::new(args.login.registry(&reference)?);
    let found = wait(manifests(&registry, &reference, &filter))?;
    let found = found.map_err(|error| args.login.explain(&reference, error))?;
    match std::io::stdout().lock().write_all(table(&reference, &found).as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

struct Filter {
    range: Option<Constraint>,
    expression: Option<GoRegex>,
}

impl Filter {
    fn new(args: &ArtifactsArgs) -> Result<Self, Failure> {
        let range = args.filter_semver.as_deref().filter(|range| !range.is_empty());
        let range = range.map(|range| {
            Constraint::parse(range).map_err(|error| format!("semver '{range}' parse error: {error}"))
        });
        let expression = args.filter_regex.as_deref().filter(|expression| !expression.is_empty());
        let expression = expression.map(|expression| {
            GoRegex::new(expression).map_err(|error| format!("regex '{expression}' parse error: {error}"))
        });
        Ok(Self { range: range.transpose()?, expression: expression.transpose()? })
    }

    /// What cosign keeps beside an artifact is none.
    fn takes(&self, tag: &str) -> bool {
        ![".att", ".sbom", ".sig"].iter().any(|ending| tag.ends_with(ending))
            && self
                .range
                .as_ref()
                .is_none_or(|range| Version::parse_tag(tag).is_ok_and(|version| range.check(&version)))
            && self.expression.as_ref().is_none_or(|expression| expression.is_match(tag))
    }
}

async fn manifests(
    registry: &Arc<OciRegistry>,
    reference: &Reference,
    filter: &Filter,
) -> Result<Vec<(String, ImageManifest)>, PortError> {
    let mut tags = registry.tags(reference.repository()).await?;
    tags.retain(|tag| filter.takes(tag));
    let mut found = Vec::with_capacity(tags.len());
    let mut asked = JoinSet::new();
    for tag in tags {
        if asked.len() >= AT_ONCE
            && let Some(Ok(answer)) = asked.join_next().await
        {
            found.push(answer?);
        }
        let (registry, repository) = (Arc::clone(registry), reference.repository().to_owned());
        asked.spawn(async move {
            let manifest = match registry.manifest(&repository, &tag).await {
                // A tag may hold what is no single artifact: images of many platforms, say.
                Err(error) if !error.can_retry() => {
                    let digest = registry.resolve(&repository, &tag).await?;
                    ImageManifest { digest, ..ImageManifest::default() }
                }
                manifest => manifest?,
            };
            Ok::<_, PortError>((tag, manifest))
        });
    }
    while let Some(answer) = asked.join_next().await {
        found.push(answer.map_err(|error| PortError::give_up(error.to_string()))??);
    }
    found.sort_by(|a, b| b.0.cmp(&a.0));
    Ok(found)
}

/// Lines up what was found as Flux does.
fn table(reference: &Reference, found: &[(String, ImageManifest)]) -> String {
    let clean = |text: Option<&String>| gitops_transport::clean(text.map_or("", String::as_str), &[]);
    let heading = ["ARTIFACT", "DIGEST", "SOURCE", "REVISION"].map(str::to_owned);
    let mut rows = vec![heading];
    rows.extend(found.iter().map(|(tag, manifest)| {
        [
            format!("{}:{tag}", reference.repository()),
            manifest.digest.clone(),
            clean(manifest.annotations.get(SOURCE)),
            clean(manifest.annotations.get(REVISION)),
        ]
    }));
    let mut widths = [0; 4];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join("\t").trim_end());
        text.push('\n');
    }
    text
}
