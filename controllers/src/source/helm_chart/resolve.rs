//! Which chart and which version a HelmChart means, at little cost: nothing is downloaded yet.

use std::sync::Arc;

use gitops_core::api::{HelmChart, HelmRepository, Object};
use gitops_core::ports::{PortError, Registry};
use gitops_core::tree::{MemTree, Source as _, clean, join};
use gitops_semver::Version;
use helm_rs::chart::Metadata;
use helm_rs::{RepositoryIndex, Warnings};

use super::Packed;
use crate::context::{Failure, Run};
use crate::kind::{Key, Kind};
use crate::source::{Published, chart_tag};
use crate::status::generation;
use crate::world::World;

/// A chart that was found.
pub(super) struct Resolved {
    pub(super) name: String,
    /// The version, with what a source's revision or files of values add to it.
    pub(super) version: String,
    pub(super) place: Place,
}

/// Where a chart is.
pub(super) enum Place {
    /// Named by the index of a repository.
    Index { repository: Box<HelmRepository>, url: String, digest: String },
    /// A tag of a registry.
    Registry { repository: Box<HelmRepository>, name: String, tag: String },
    /// A folder of a source.
    Folder { tree: Arc<MemTree>, path: String },
    /// An archive in a source.
    Archive { tree: Arc<MemTree>, path: String },
}

impl Resolved {
    /// Tells whether the chart is packed here.
    pub(super) fn is_packed(&self, spec: &HelmChart) -> Packed {
        let is_folder = matches!(self.place, Place::Folder { .. });
        let is_changed = !spec.values_files.is_empty() || (self.is_local() && is_revision(spec));
        if is_folder || is_changed { Packed::Here } else { Packed::Pulled }
    }

    /// Returns whether the chart lies in a source's files.
    pub(super) fn is_local(&self) -> bool {
        matches!(self.place, Place::Folder { .. } | Place::Archive { .. })
    }
}

fn is_revision(spec: &HelmChart) -> bool {
    spec.reconcile_strategy.as_deref() == Some("Revision")
}

/// What the index of a revision said of a chart and a range, so that it is not read again.
struct Chosen {
    digest: String,
    chart: String,
    range: String,
    version: String,
    url: String,
    wanted: String,
}

pub(super) async fn resolve<W: World>(run: &mut Run<'_, W>, spec: &HelmChart) -> Result<Resolved, Failure> {
    let (key, published, repository) = source(run, spec)?;
    if let Some(published) = &published {
        run.status.set_text("observedSourceArtifactRevision", published.revision.as_str());
    }
    let mut resolved = match (key.kind, published, repository) {
        (Kind::HelmRepository, _, Some(repository)) if repository.url.starts_with("oci://") => {
            in_registry(run, spec, repository).await?
        }
        (Kind::HelmRepository, Some(published), Some(repository)) => {
            in_index(run, spec, repository, &published).await?
        }
        (_, Some(published), _) => in_tree(run, spec, &published).await?,
        (kind, None, _) => {
            let message = format!("no artifact available for {kind} source '{}'", key.name);
            let wait = run.context.settings.requeue_dependency;
            return Err(Failure::waiting("NoSourceArtifact", message, wait));
        }
    };
    let mut metadata = Vec::new();
    if is_revision(spec) && resolved.is_local() {
        let revision = run.status.text(&["observedSourceArtifactRevision"]).unwrap_or_default();
        let hash = revision.rsplit(':').next().unwrap_or_default();
        metadata.push(hash.get(..12).unwrap_or(hash).to_owned());
    }
    if !spec.values_files.is_empty() {
        metadata.push(generation(&run.object).to_string());
    }
    if !metadata.is_empty() {
        let metadata = metadata.join(".");
        resolved.version = with_metadata(&resolved.version, &metadata).ok_or_else(|| {
            let version = &resolved.version;
            let message = format!(
                "chart metadata patch error: failed to set SemVer metadata on chart version: '{version}' with '{metadata}'"
            );
            Failure::lasting("MetadataPatchError", message)
        })?;
    }
    Ok(resolved)
}

/// Puts build metadata in the place of those that a version has.
pub(crate) fn with_metadata(version: &str, metadata: &str) -> Option<String> {
    let read = Version::parse(version).ok()?;
    Some(Version::new(read.major(), read.minor(), read.patch(), read.prerelease(), metadata).to_string())
}

type Found = (Key, Option<Published>, Option<Box<HelmRepository>>);

/// Finds the source, which lies in the HelmChart's own namespace.
fn source<W: World>(run: &Run<'_, W>, spec: &HelmChart) -> Result<Found, Failure> {
    let reference = &spec.source_ref;
    let kind = Kind::named(&reference.kind)
        .filter(|kind| matches!(kind, Kind::HelmRepository | Kind::GitRepository | Kind::Bucket))
        .ok_or_else(|| {
            let message = format!(
                "failed to get source: unsupported source kind '{}', must be one of: [HelmRepository GitRepository Bucket]",
                reference.kind
            );
            Failure::lasting("UnsupportedSourceKind", message)
        })?;
    let key = Key::new(kind, run.key.namespace.clone(), reference.name.as_str());
    let wait = run.context.settings.requeue_dependency;
    let Some(object) = run.context.cache.get(&key) else {
        let message =
            format!("failed to get source: {kind}.{} \"{}\" not found", kind.group(), reference.name);
        return Err(Failure::later("SourceUnavailable", message, wait));
    };
    let repository = match kind {
        Kind::HelmRepository => {
            let read = Object::<HelmRepository>::read(&object).map_err(|error| {
                Failure::later("SourceUnavailable", format!("failed to get source: {}", error.message), wait)
            })?;
            Some(Box::new(read.spec))
        }
        _ => None,
    };
    Ok((key, Published::of(&object), repository))
}

fn range(spec: &HelmChart) -> &str {
    spec.version.as_deref().filter(|range| !range.is_empty()).unwrap_or("*")
}

/// Words that no version was found.
fn no_version(spec: &HelmChart, why: &str) -> String {
    format!(
        "invalid chart reference: failed to get chart version for remote reference: {why}: no '{}' chart with version matching '{}' found",
        spec.chart,
        range(spec)
    )
}

async fn in_index<W: World>(
    run: &Run<'_, W>,
    spec: &HelmChart,
    repository: Box<HelmRepository>,
    published: &Published,
) -> Result<Resolved, Failure> {
    let context = run.context;
    let known = context.memory.get::<Chosen>(&run.key).filter(|known| {
        known.digest == published.digest && known.chart == spec.chart && known.range == range(spec)
    });
    let chosen = match known {
        Some(known) => known,
        None => {
            let content = context.content(published).await?;
            let wanted = |name: &str| name == spec.chart;
            let index = RepositoryIndex::parse_only(&content, "index.yaml", wanted, &mut Warnings::new())
                .map_err(|error| Failure::passing("ChartPullError", format!("chart pull error: {error}")))?;
            let chosen = index.find(&spec.chart, range(spec)).map_err(|error| {
                // A new index wakes us.
                Failure::lasting("InvalidChartReference", no_version(spec, &error.to_string()))
            })?;
            let version = chosen.metadata.version.to_string();
            let url = chosen.urls.first().ok_or_else(|| {
                let message = format!(
                    "chart pull error: failed to download chart for remote reference: chart '{}' {version} has no download URL",
                    spec.chart
                );
                Failure::lasting("ChartPullError", message)
            })?;
            let chosen = Chosen {
                digest: published.digest.clone(),
                chart: spec.chart.clone(),
                range: range(spec).to_owned(),
                version,
                url: url.to_string(),
                wanted: chosen.digest.to_string(),
            };
            context.memory.put(&run.key, chosen);
            context
                .memory
                .get::<Chosen>(&run.key)
                .ok_or_else(|| Failure::passing("ChartPullError", "what the index said was forgotten"))?
        }
    };
    Ok(Resolved {
        name: spec.chart.clone(),
        version: chosen.version.clone(),
        place: Place::Index { repository, url: chosen.url.clone(), digest: chosen.wanted.clone() },
    })
}

async fn in_registry<W: World>(
    run: &Run<'_, W>,
    spec: &HelmChart,
    repository: Box<HelmRepository>,
) -> Result<Resolved, Failure> {
    let context = run.context;
    let access = context.chart_access(&run.key.namespace, &repository).await?;
    let failed = |error: PortError| {
        let message = format!(
            "chart pull error: failed to get chart version for remote reference: could not fetch tags for '{}': {error}",
            spec.chart
        );
        Failure::passing("ChartPullError", message)
    };
    let registry = context.world.registry(&access).map_err(failed)?;
    let base = repository.url.trim_start_matches("oci://").trim_end_matches('/');
    let name = format!("{base}/{}", spec.chart);
    let text = range(spec);
    // A whole version is a tag of its own: no list is needed.
    let tag = if Version::parse_strict(text).is_ok() {
        text.replace('+', "_")
    } else {
        let tags = registry.tags(&name).await.map_err(failed)?;
        chart_tag(&tags, text).map_err(|why| {
            // What is missing may be pushed, and nobody tells us.
            let wait = spec.interval.map_or(super::MINUTE, |interval| interval.0);
            Failure::later("InvalidChartReference", no_version(spec, &why), wait)
        })?
    };
    let name_of_chart = spec.chart.rsplit('/').next().unwrap_or_default().to_owned();
    let version = tag.replace('_', "+");
    Ok(Resolved { name: name_of_chart, version, place: Place::Registry { repository, name, tag } })
}

async fn in_tree<W: World>(
    run: &Run<'_, W>,
    spec: &HelmChart,
    published: &Published,
) -> Result<Resolved, Failure> {
    let tree = run.context.tree(published).await?;
    let failed = |why: &dyn std::fmt::Display| {
        // A new revision of the source wakes us.
        let message = format!("invalid chart reference: {}: {why}", spec.chart);
        Failure::lasting("InvalidChartReference", message)
    };
    let path = clean(spec.chart.trim_start_matches('/')).map_err(|error| failed(&error))?;
    if tree.is_file(&path) {
        let archive = tree.read(&path).map_err(|error| failed(&error))?;
        let chart = helm_rs::chart::Chart::load_archive(&archive, &mut Warnings::new())
            .map_err(|error| failed(&error))?;
        let version = chart.metadata().version.to_string();
        let name = chart.name().to_owned();
        drop(archive);
        return Ok(Resolved { name, version, place: Place::Archive { tree, path } });
    }
    let file = join(&path, "Chart.yaml").map_err(|error| failed(&error))?;
    let text = tree.read(&file).map_err(|error| failed(&error))?;
    let mut metadata = Metadata::parse(&text).map_err(|error| failed(&error))?;
    metadata.validate().map_err(|error| failed(&error))?;
    let (name, version) = (metadata.name.to_string(), metadata.version.to_string());
    drop(text);
    Ok(Resolved { name, version, place: Place::Folder { tree, path } })
}
