//! Finds the chart that a HelmRelease names.

use std::sync::Arc;

use gitops_core::api::{ChartSpec, HelmRelease, HelmRepository, Object};
use gitops_core::ports::{Blob, ChartRepository, PortError, Registry};
use helm_rs::chart::Chart;
use helm_rs::{RepositoryIndex, Warnings};

use crate::context::{CrossNamespace, Failure, Run};
use crate::fleet::release::chart_files;
use crate::kind::{Key, Kind};
use crate::source::{Published, referenced};
use crate::world::World;

/// The media type of a chart in a registry.
const CHART_LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// A chart, ready to be rendered.
pub(super) struct Found {
    pub(super) chart: Chart,
    /// The version, with the revision of its source where that is a part of it.
    pub(super) version: String,
}

/// The archive of the last run, so that an unchanged chart is not downloaded again.
struct Kept {
    url: String,
    archive: Arc<[u8]>,
}

/// Returns the chart of a release.
pub(super) async fn find<W: World>(run: &Run<'_, W>, spec: &HelmRelease) -> Result<Found, Failure> {
    let Some(chart) = &spec.chart else {
        let message = match &spec.chart_ref {
            Some(reference) => {
                format!("spec.chartRef to a {} is not supported: use spec.chart", reference.kind)
            }
            None => "neither spec.chart nor spec.chartRef is set".to_owned(),
        };
        return Err(Failure::lasting("InvalidSpec", message));
    };
    let chart = &chart.spec;
    if chart.verify.is_some() {
        let message = "signatures of charts are not verified here: remove spec.chart.spec.verify, or nothing is installed";
        return Err(Failure::lasting("ArtifactFailed", message));
    }
    let reference = &chart.source_ref;
    let not_ready = |why: String| {
        let message = format!("HelmChart '{}/{}' is not ready: {why}", run.key.namespace, chart.chart);
        Failure::later("SourceNotReady", message, run.context.settings.requeue_dependency)
    };
    let kind = Kind::named(&reference.kind).filter(|kind| kind.is_source()).ok_or_else(|| {
        Failure::lasting(
            "InvalidSpec",
            format!("spec.chart.spec.sourceRef.kind '{}' is not a source", reference.kind),
        )
    })?;
    let key: Key = referenced(kind, reference.namespace.as_deref(), &reference.name, &run.key.namespace);
    if run.context.settings.cross_namespace == CrossNamespace::Blocked && key.namespace != run.key.namespace {
        let message = format!("can't access '{key}', cross-namespace references have been blocked");
        return Err(Failure::lasting("AccessDenied", message));
    }
    let object = run
        .context
        .cache
        .get(&key)
        .ok_or_else(|| not_ready(format!("failed to get source: {kind} \"{}\" not found", key.name)))?;
    let mut found = match kind {
        Kind::HelmRepository => {
            let repository =
                Object::<HelmRepository>::read(&object).map_err(|error| not_ready(error.message))?.spec;
            if repository.url.starts_with("oci://") {
                from_registry(run, chart, &repository, &key).await?
            } else {
                let published = Published::of(&object)
                    .ok_or_else(|| not_ready(format!("no artifact available for {key}")))?;
                from_index(run, chart, &repository, &key, &published).await?
            }
        }
        Kind::GitRepository | Kind::Bucket | Kind::ExternalArtifact | Kind::OciRepository => {
            let published = Published::of(&object)
                .ok_or_else(|| not_ready(format!("no artifact available for {key}")))?;
            from_tree(run, chart, &published).await?
        }
        _ => return Err(Failure::lasting("InvalidSpec", format!("a chart does not come from a {kind}"))),
    };
    values_files(&mut found, chart)?;
    Ok(found)
}

fn load(archive: &[u8]) -> Result<Chart, Failure> {
    Chart::load_archive(archive, &mut Warnings::new())
        .map_err(|error| Failure::passing("ArtifactFailed", error.to_string()))
}

async fn from_index<W: World>(
    run: &Run<'_, W>,
    chart: &ChartSpec,
    repository: &HelmRepository,
    key: &Key,
    published: &Published,
) -> Result<Found, Failure> {
    let context = run.context;
    let content = context.content(published).await?;
    let index =
        RepositoryIndex::parse_only(&content, "index.yaml", |name| name == chart.chart, &mut Warnings::new())
            .map_err(|error| Failure::passing("ArtifactFailed", error.to_string()))?;
    let range = chart.version.as_deref().unwrap_or("*");
    let chosen = index.find(&chart.chart, range).map_err(|error| {
        let message =
            format!("invalid chart reference: failed to get chart version for remote reference: {error}");
        Failure::later("InvalidChartReference", message, context.settings.requeue_dependency)
    })?;
    let url = chosen.urls.first().ok_or_else(|| {
        let message = format!("chart '{}' {} has no download URL", chart.chart, chosen.metadata.version);
        Failure::passing("ChartPullError", message)
    })?;
    let version = chosen.metadata.version.to_string();
    let id = format!("{url} {}", chosen.digest);
    let kept = context.memory.get::<Kept>(&chart_memory(run)).filter(|kept| kept.url == id);
    let archive = match kept {
        Some(kept) => Arc::clone(&kept.archive),
        None => {
            let access = context.chart_access(&key.namespace, repository).await?;
            let failed = |error: PortError| Failure::passing("ChartPullError", error.to_string());
            let source = context.world.charts(&repository.url, &access).map_err(failed)?;
            let archive = source.chart(url).await.map_err(failed)?;
            let digest = gitops_core::digest::sha256(&archive);
            let wanted = chosen.digest.trim_start_matches("sha256:");
            if !wanted.is_empty() && digest.trim_start_matches("sha256:") != wanted {
                let message = format!("{url} has the digest {digest}, but the index says {wanted}");
                return Err(Failure::passing("ChartPullError", message));
            }
            context.memory.put(&chart_memory(run), Kept { url: id, archive: Arc::clone(&archive) });
            archive
        }
    };
    Ok(Found { chart: load(&archive)?, version })
}

/// Charts are remembered beside what the release itself remembers.
fn chart_memory<W: World>(run: &Run<'_, W>) -> Key {
    Key::new(Kind::HelmChart, run.key.namespace.clone(), format!("{}/chart", run.key.name))
}

async fn from_registry<W: World>(
    run: &Run<'_, W>,
    chart: &ChartSpec,
    repository: &HelmRepository,
    key: &Key,
) -> Result<Found, Failure> {
    let context = run.context;
    let access = context.chart_access(&key.namespace, repository).await?;
    let failed = |error: PortError| Failure::passing("ChartPullError", error.to_string());
    let registry = context.world.registry(&access).map_err(failed)?;
    let base = repository.url.trim_start_matches("oci://").trim_end_matches('/');
    let name = format!("{base}/{}", chart.chart);
    let range = chart.version.as_deref().unwrap_or("*");
    let tags = registry.tags(&name).await.map_err(failed)?;
    let tag = newest(&tags, range).ok_or_else(|| {
        let message = format!("no '{}' chart with version matching '{range}' found in {name}", chart.chart);
        Failure::later("InvalidChartReference", message, context.settings.requeue_dependency)
    })?;
    let manifest = registry.manifest(&name, &tag).await.map_err(failed)?;
    let layer: &Blob = manifest
        .layers
        .iter()
        .find(|layer| layer.media_type == CHART_LAYER)
        .ok_or_else(|| Failure::passing("ChartPullError", format!("{name}:{tag} holds no chart")))?;
    let id = format!("{name}@{}", layer.digest);
    let kept = context.memory.get::<Kept>(&chart_memory(run)).filter(|kept| kept.url == id);
    let archive = match kept {
        Some(kept) => Arc::clone(&kept.archive),
        None => {
            let archive = registry.blob(&name, layer).await.map_err(failed)?;
            context.memory.put(&chart_memory(run), Kept { url: id, archive: Arc::clone(&archive) });
            archive
        }
    };
    // A plus sign is no part of a tag.
    Ok(Found { chart: load(&archive)?, version: tag.replace('_', "+") })
}

fn newest(tags: &[String], range: &str) -> Option<String> {
    let versions: Vec<String> = tags.iter().map(|tag| tag.replace('_', "+")).collect();
    let policy = image_policy::Policy::semver(range).ok()?;
    let chosen = policy.latest(&versions).ok()?;
    let index = versions.iter().position(|version| version == chosen)?;
    tags.get(index).cloned()
}

async fn from_tree<W: World>(
    run: &Run<'_, W>,
    chart: &ChartSpec,
    published: &Published,
) -> Result<Found, Failure> {
    let tree = run.context.tree(published).await?;
    let failed = |why: String| Failure::passing("InvalidChartReference", why);
    let path = gitops_core::tree::clean(chart.chart.trim_start_matches('/'))
        .map_err(|error| failed(error.to_string()))?;
    let files = chart_files(&*tree, &path).map_err(failed)?;
    let mut loaded = Chart::load(&files, &mut Warnings::new())
        .map_err(|error| failed(format!("{}: {error}", chart.chart)))?;
    // In a repository, files of values are seen from its root.
    if !chart.values_files.is_empty() {
        let mut all = helm_rs::values::Table::new();
        for name in &chart.values_files {
            use gitops_core::tree::Source as _;
            let Ok(content) = tree.read(name) else {
                if chart.ignore_missing_values_files {
                    continue;
                }
                return Err(Failure::passing("ValuesFilesError", format!("values file '{name}' not found")));
            };
            let table = helm_rs::values::load_values(&content, name)
                .map_err(|error| Failure::passing("ValuesFilesError", error.to_string()))?;
            helm_rs::values::merge_tables(&mut all, &table);
        }
        loaded.set_values(all);
    }
    let mut version = loaded.metadata().version.to_string();
    if chart.reconcile_strategy.as_deref() == Some("Revision") {
        let hash = published.revision.rsplit(':').next().unwrap_or_default();
        version = format!("{version}+{}", hash.get(..12).unwrap_or(hash));
    }
    Ok(Found { chart: loaded, version })
}

/// Files of values within a chart's archive.
fn values_files(found: &mut Found, chart: &ChartSpec) -> Result<(), Failure> {
    if chart.values_files.is_empty() || matches!(chart.source_ref.kind.as_str(), "GitRepository" | "Bucket") {
        return Ok(());
    }
    let mut all = helm_rs::values::Table::new();
    for name in &chart.values_files {
        let file = found.chart.raw().iter().find(|file| *file.name == *name.trim_start_matches("./"));
        let Some(file) = file else {
            if chart.ignore_missing_values_files {
                continue;
            }
            return Err(Failure::passing(
                "ValuesFilesError",
                format!("values file '{name}' not found in the chart"),
            ));
        };
        let table = helm_rs::values::load_values(&file.data, name)
            .map_err(|error| Failure::passing("ValuesFilesError", error.to_string()))?;
        helm_rs::values::merge_tables(&mut all, &table);
    }
    found.chart.set_values(all);
    Ok(())
}
