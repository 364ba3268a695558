//! `gitops source oci`: an artifact of a registry, as an OCIRepository would fetch it.

use super::{Output, Summary, show};
use crate::Failure;
use crate::remote::login::RegistryFlags;
use crate::remote::{refused, wait};
use gitops_controllers::source::highest_tag;
use gitops_core::artifact::unpack;
use gitops_core::ports::{ImageManifest, PortError, Registry};
use gitops_core::revision::Revision;
use gitops_core::tree::{Limits, MemTree};
use gitops_oci::{OciRegistry, Reference};
use std::process::ExitCode;

/// Fetch an artifact of a registry.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # The highest tag of a range
  gitops source oci oci://ghcr.io/stefanprodan/manifests/podinfo --semver '6.x'

  # A tag, as JSON, with the files written to a folder
  gitops source oci oci://ghcr.io/org/app --tag latest --export app -o json

  # A chart, as a HelmRelease's chartRef to an OCIRepository reads it
  gitops source oci oci://ghcr.io/stefanprodan/charts/podinfo --semver '6.x' \\
    --media-type application/vnd.cncf.helm.chart.content.v1.tar+gzip")]
pub(crate) struct Args {
    /// The repository: oci://host/path.
    url: String,
    /// A tag; latest where nothing is named.
    #[arg(long, conflicts_with_all = ["semver", "digest"])]
    tag: Option<String>,
    /// A range of versions; the highest tag in it is taken.
    #[arg(long, value_name = "RANGE", alias = "tag-semver", conflicts_with = "digest")]
    semver: Option<String>,
    /// A regular expression that tags must match before the range is asked.
    #[arg(long, value_name = "REGEX", requires = "semver")]
    semver_filter: Option<String>,
    /// A digest: sha256:…
    #[arg(long)]
    digest: Option<String>,
    /// The layer's media type; the first layer where none is named.
    #[arg(long, value_name = "TYPE", alias = "layer-media-type")]
    media_type: Option<String>,
    #[command(flatten)]
    login: RegistryFlags,
    #[command(flatten)]
    output: Output,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    if !args.url.starts_with("oci://") {
        return Err("URL must be in format 'oci://<domain>/<org>/<repo>'".into());
    }
    let reference: Reference = args.url.parse()?;
    let registry = args.login.registry(&reference)?;
    let fetched = wait(fetch(&registry, &reference, args))?;
    let (tag, manifest, tree) = fetched.map_err(|error| args.login.explain(&reference, error))?;
    let hash = manifest.digest.trim_start_matches("sha256:");
    let name = if tag.starts_with("sha256:") { "" } else { &tag };
    let revision = Revision::new(name, "sha256", hash).to_string();
    let mut summary = Summary::new(format!("oci://{}", reference.repository()), revision);
    summary.facts.extend(manifest.annotations);
    show(&summary, &tree, &args.output)?;
    Ok(ExitCode::SUCCESS)
}

async fn fetch(
    registry: &OciRegistry,
    reference: &Reference,
    args: &Args,
) -> Result<(String, ImageManifest, MemTree), PortError> {
    let repository = reference.repository();
    let tag = match (&args.digest, &args.semver, &args.tag) {
        (Some(digest), _, _) => digest.clone(),
        (None, Some(range), _) => {
            let tags = registry.tags(repository).await?;
            highest_tag(&tags, range, args.semver_filter.as_deref(), args.media_type.as_deref())
                .map_err(|why| refused(format!("{repository}: {why}")))?
                .to_owned()
        }
        (None, None, Some(tag)) => tag.clone(),
        (None, None, None) => reference.wanted().to_owned(),
    };
    let manifest = registry.manifest(repository, &tag).await?;
    let layer = manifest.layer(args.media_type.as_deref())?;
    let content = registry.blob(repository, layer).await?;
    let tree = unpack(&content, Limits::default())?;
    Ok((tag, manifest, tree))
}
