//! Fetches a chart, and packs it anew where files of values are merged or it is a folder.

use std::sync::Arc;

use gitops_core::api::{HelmChart, HelmRepository};
use gitops_core::digest::sha256;
use gitops_core::ports::{ChartRepository, PortError, Registry};
use gitops_core::tree::{MemTree, Source as _};
use gitops_yaml::{Dialect, print_sigs};
use helm_rs::chart::{Chart, File};
use helm_rs::values::{Table, Value, load_values, merge_tables};
use helm_rs::{PackageOptions, Time, Warnings, package};

use super::resolve::{Place, Resolved};
use super::{Packed, dependencies};
use crate::context::{Context, Failure};
use crate::kind::Key;
use crate::source::CHART_LAYER;
use crate::world::World;
use helm_rs::chart::files_in;

/// A chart, ready to be stored.
pub(super) struct Built {
    pub(super) archive: Arc<[u8]>,
    /// The files of values that were merged.
    pub(super) values_files: Vec<String>,
}

pub(super) async fn build<W: World>(
    context: &Context<W>,
    key: &Key,
    spec: &HelmChart,
    resolved: &Resolved,
) -> Result<Built, Failure> {
    let archive = match &resolved.place {
        Place::Index { repository, url, digest } => {
            Some(from_index(context, key, repository, url, digest).await?)
        }
        Place::Registry { repository, name, tag } => {
            Some(from_registry(context, key, repository, name, tag).await?)
        }
        Place::Archive { tree, path } => {
            let archive = tree.read(path).map_err(|error| pull_error(&error))?;
            Some(Arc::from(archive.as_ref()))
        }
        Place::Folder { .. } => None,
    };
    let files = match (&archive, &resolved.place) {
        (Some(archive), _) => {
            let chart = Chart::load_archive(archive, &mut Warnings::new())
                .map_err(|error| pull_error(&format!("failed to load downloaded chart: {error}")))?;
            if resolved.is_packed(spec) == Packed::Pulled {
                return Ok(Built { archive: Arc::clone(archive), values_files: Vec::new() });
            }
            chart.raw().to_vec()
        }
        (None, Place::Folder { tree, path }) => files_in(&**tree, path).map_err(|why| package_error(&why))?,
        (None, _) => return Err(package_error(&"there is no chart")),
    };
    let (mut files, values_files) = merged(spec, resolved, files)?;
    let mut chart = Chart::load(&files, &mut Warnings::new()).map_err(|error| package_error(&error))?;
    if let Place::Folder { tree, path } = &resolved.place {
        let brought = dependencies::bring(context, key, (tree, path), &chart).await?;
        if !brought.is_empty() {
            files.extend(brought);
            chart = Chart::load(&files, &mut Warnings::new()).map_err(|error| package_error(&error))?;
        }
    }
    if let Err(missing) = chart.check_dependencies() {
        let mut message = format!("dependency build error: {missing}");
        if chart.lock().is_some() {
            message.push_str(": Chart.lock does not name it, update it with `gitops dependency update`");
        }
        return Err(Failure::lasting("DependencyBuildError", message));
    }
    // The same files give the same bytes, whenever they are packed.
    let mut options = PackageOptions::new(Time::from_seconds(0));
    options.version = Some(resolved.version.clone());
    options.stamp = Some(Time::from_seconds(0));
    let packed = package(&chart, &options).map_err(|error| package_error(&error))?;
    Ok(Built { archive: packed.archive.into(), values_files })
}

fn pull_error(why: &dyn std::fmt::Display) -> Failure {
    let message = format!("chart pull error: failed to download chart for remote reference: {why}");
    Failure::passing("ChartPullError", message)
}

fn package_error(why: &dyn std::fmt::Display) -> Failure {
    Failure::lasting("ChartPackageError", format!("chart package error: {why}"))
}

pub(super) async fn from_index<W: World>(
    context: &Context<W>,
    key: &Key,
    repository: &HelmRepository,
    url: &str,
    wanted: &str,
) -> Result<Arc<[u8]>, Failure> {
    let access = context.chart_access(&key.namespace, repository).await?;
    let failed = |error: PortError| pull_error(&error);
    let source = context.world.charts(&repository.url, &access).map_err(failed)?;
    let archive = source.chart(url).await.map_err(failed)?;
    let digest = sha256(&archive);
    let wanted = wanted.trim_start_matches("sha256:").to_ascii_lowercase();
    if !wanted.is_empty() && digest.trim_start_matches("sha256:") != wanted {
        return Err(pull_error(&format!("{url} has the digest {digest}, but the index says {wanted}")));
    }
    Ok(archive)
}

pub(super) async fn from_registry<W: World>(
    context: &Context<W>,
    key: &Key,
    repository: &HelmRepository,
    name: &str,
    tag: &str,
) -> Result<Arc<[u8]>, Failure> {
    let access = context.chart_access(&key.namespace, repository).await?;
    let failed = |error: PortError| pull_error(&error);
    let registry = context.world.registry(&access).map_err(failed)?;
    let manifest = registry.manifest(name, tag).await.map_err(failed)?;
    let layer = manifest.layer(Some(CHART_LAYER)).map_err(failed)?;
    registry.blob(name, layer).await.map_err(failed)
}

/// Puts merged files of values in the place of `values.yaml`. Files of a source are seen from its root, those of an archive from
/// the chart.
fn merged(
    spec: &HelmChart,
    resolved: &Resolved,
    mut files: Vec<File>,
) -> Result<(Vec<File>, Vec<String>), Failure> {
    if spec.values_files.is_empty() {
        return Ok((files, Vec::new()));
    }
    let failed =
        |why: String| Failure::lasting("ValuesFilesError", format!("values files merge error: {why}"));
    let (mut all, mut used) = (Table::new(), Vec::new());
    for name in &spec.values_files {
        let content = match &resolved.place {
            Place::Folder { tree, .. } | Place::Archive { tree, .. } => in_tree(tree, name),
            Place::Index { .. } | Place::Registry { .. } => {
                let clean = name.trim_start_matches("./");
                let file = files.iter().find(|file| *file.name == *clean);
                file.map(|file| file.data().to_vec())
            }
        };
        let Some(content) = content else {
            if spec.ignore_missing_values_files {
                continue;
            }
            return Err(failed(format!("no values file found at path '{name}'")));
        };
        let table = load_values(&content, name)
            .map_err(|error| failed(format!("unmarshaling values from '{name}' failed: {error}")))?;
        merge_tables(&mut all, &table);
        used.push(name.clone());
    }
    if !used.is_empty() {
        let text = print_sigs(&Value::table(all).to_node(), Dialect::Yaml11)
            .map_err(|error| failed(error.to_string()))?;
        files.retain(|file| file.name != "values.yaml");
        files.push(File::new("values.yaml", text.as_bytes()));
    }
    Ok((files, used))
}

fn in_tree(tree: &MemTree, name: &str) -> Option<Vec<u8>> {
    tree.read(name.trim_start_matches('/')).ok().map(std::borrow::Cow::into_owned)
}
