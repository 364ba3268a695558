//! Brings what a chart in a source's folder depends on and its `charts/` lacks: from the same source, an index or a registry.

use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_core::api::{HelmRepository, Object};
use gitops_core::ports::{ChartRepository, PortError, Registry};
use gitops_core::tree::{MemTree, Source as _, join};
use gitops_semver::{Constraint, Version};
use helm_rs::chart::{Chart, Dependency, File, files_in};
use helm_rs::{RepositoryIndex, Warnings};

use super::build::{from_index, from_registry};
use crate::context::{Context, Failure};
use crate::kind::{Key, Kind};
use crate::source::{Published, chart_tag};
use crate::world::World;

/// Adds to a chart's files what it depends on and lacks. `Chart.lock` decides over versions where there is one.
///
/// A dependency keeps its own name in `charts/`; its alias is Helm's matter.
pub(super) async fn bring<W: World>(
    context: &Context<W>,
    key: &Key,
    place: (&MemTree, &str),
    chart: &Chart,
) -> Result<Vec<File>, Failure> {
    let mut job = Job { context, key, place, indexes: BTreeMap::new() };
    let mut brought: Vec<File> = Vec::new();
    for wanted in missing(chart) {
        let is_local = wanted.repository.is_empty() || wanted.repository.starts_with("file://");
        let (found, whence) = match is_local {
            true => (job.local(wanted), "local"),
            false => (job.remote(wanted).await, "remote"),
        };
        let files = found.map_err(|failure| {
            let message = format!(
                "dependency build error: failed to add {whence} dependency '{}': {}",
                wanted.name_in_chart(),
                failure.message
            );
            Failure { reason: "DependencyBuildError", message, ..failure }
        })?;
        // Two aliases of one chart are one archive.
        brought.extend(
            files
                .into_iter()
                .filter(|file| !brought.iter().any(|known| known.name == file.name))
                .collect::<Vec<_>>(),
        );
    }
    Ok(brought)
}

/// What a chart wants and has not.
fn missing(chart: &Chart) -> Vec<&Dependency> {
    let wanted = match chart.lock() {
        Some(lock) => &lock.dependencies,
        None => &chart.metadata().dependencies,
    };
    let has = |wanted: &Dependency| chart.dependencies().iter().any(|known| wanted.name == known.name());
    wanted.iter().flatten().filter(|wanted| !has(wanted)).collect()
}

struct Job<'a, W: World> {
    context: &'a Context<W>,
    key: &'a Key,
    /// The source's files, and the chart's folder among them.
    place: (&'a MemTree, &'a str),
    /// The indexes that were fetched, by the address of their repository.
    indexes: BTreeMap<String, Arc<[u8]>>,
}

fn refused(why: impl Into<String>) -> Failure {
    Failure::lasting("DependencyBuildError", why)
}

impl<W: World> Job<'_, W> {
    fn local(&self, wanted: &Dependency) -> Result<Vec<File>, Failure> {
        let (tree, folder) = self.place;
        let reference = wanted.repository.as_str();
        let local = match reference.strip_prefix("file://") {
            Some(local) => local.trim_start_matches('/').to_owned(),
            None => format!("charts/{}", wanted.name),
        };
        let path = join(folder, &local).map_err(|error| refused(error.to_string()))?;
        let prefix = format!("charts/{}", wanted.name);
        let unreadable = |why: &dyn std::fmt::Display| {
            refused(format!("failed to load chart from '/{path}' (reference '{reference}'): {why}"))
        };
        let (files, found) = if tree.is_file(&path) {
            let archive = tree.read(&path).map_err(|error| unreadable(&error))?;
            let found =
                Chart::load_archive(&archive, &mut Warnings::new()).map_err(|error| unreadable(&error))?;
            (vec![File::new(format!("{prefix}.tgz"), &archive)], found)
        } else if tree.is_directory(&path) {
            let files = files_in(tree, &path).map_err(|error| unreadable(&error))?;
            let found = Chart::load(&files, &mut Warnings::new()).map_err(|error| unreadable(&error))?;
            let named = files.iter().map(|file| File::new(format!("{prefix}/{}", file.name), file.data()));
            (named.collect(), found)
        } else {
            return Err(refused(format!("no chart found at '/{path}' (reference '{reference}')")));
        };
        fits(wanted, &found)?;
        Ok(files)
    }

    async fn remote(&mut self, wanted: &Dependency) -> Result<Vec<File>, Failure> {
        let url = wanted.repository.trim_end_matches('/');
        if !["https://", "http://", "oci://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(refused(format!(
                "repository '{url}' is no URL: aliases are known to helm's own configuration alone, write the \
                 repository's https:// or oci:// address"
            )));
        }
        let (repository, published) = self.repository(url);
        let archive = match url.strip_prefix("oci://") {
            Some(base) => self.pulled(&repository, &format!("{base}/{}", wanted.name), wanted).await?,
            None => self.downloaded(&repository, url, published, wanted).await?,
        };
        let found = Chart::load_archive(&archive, &mut Warnings::new())
            .map_err(|error| refused(format!("failed to load downloaded archive: {error}")))?;
        fits(wanted, &found)?;
        let name = format!("charts/{}-{}.tgz", wanted.name, found.metadata().version);
        Ok(vec![File::new(name, &archive)])
    }

    /// The HelmRepository of this address, whose login is used; without one the address is asked as anybody may.
    fn repository(&self, url: &str) -> (HelmRepository, Option<Published>) {
        for object in self.context.cache.list(Kind::HelmRepository) {
            let is_near = Key::of(&object).is_some_and(|key| key.namespace == self.key.namespace);
            let Ok(Object { spec, .. }) = Object::<HelmRepository>::read(&object) else { continue };
            if is_near && spec.url.trim_end_matches('/') == url {
                return (spec, Published::of(&object));
            }
        }
        (HelmRepository { url: url.to_owned(), ..HelmRepository::default() }, None)
    }

    async fn downloaded(
        &mut self,
        repository: &HelmRepository,
        url: &str,
        published: Option<Published>,
        wanted: &Dependency,
    ) -> Result<Arc<[u8]>, Failure> {
        let index = match (self.indexes.get(url), published) {
            (Some(index), _) => Arc::clone(index),
            (None, Some(published)) => self.context.content(&published).await?,
            (None, None) => self.index(repository).await?,
        };
        self.indexes.insert(url.to_owned(), Arc::clone(&index));
        let is_wanted = |name: &str| wanted.name == name;
        let index = RepositoryIndex::parse_only(&index, "index.yaml", is_wanted, &mut Warnings::new())
            .map_err(|error| Failure::passing("ChartPullError", format!("{url}: {error}")))?;
        let chosen = index.find(&wanted.name, &wanted.version).map_err(|error| no_version(wanted, &error))?;
        let address = chosen.urls.first().ok_or_else(|| no_version(wanted, &"it has no download URL"))?;
        from_index(self.context, self.key, repository, address, &chosen.digest).await
    }

    async fn index(&self, repository: &HelmRepository) -> Result<Arc<[u8]>, Failure> {
        let access = self.context.chart_access(&self.key.namespace, repository).await?;
        let failed = |error: PortError| Failure::passing("ChartPullError", error.to_string());
        let source = self.context.world.charts(&repository.url, &access).map_err(failed)?;
        let index = source.index(None).await.map_err(failed)?;
        index
            .map(|(index, _)| index)
            .ok_or_else(|| Failure::passing("ChartPullError", format!("{} sent no index", repository.url)))
    }

    async fn pulled(
        &self,
        repository: &HelmRepository,
        name: &str,
        wanted: &Dependency,
    ) -> Result<Arc<[u8]>, Failure> {
        let tag = if Version::parse_strict(&wanted.version).is_ok() {
            wanted.version.replace('+', "_")
        } else {
            let access = self.context.chart_access(&self.key.namespace, repository).await?;
            let failed = |error: PortError| Failure::passing("ChartPullError", error.to_string());
            let registry = self.context.world.registry(&access).map_err(failed)?;
            let tags = registry.tags(name).await.map_err(failed)?;
            chart_tag(&tags, &wanted.version).map_err(|why| no_version(wanted, &why))?
        };
        from_registry(self.context, self.key, repository, name, &tag).await
    }
}

/// What is missing may be published, and nobody tells.
fn no_version(wanted: &Dependency, why: &dyn std::fmt::Display) -> Failure {
    let Dependency { name, version, repository, .. } = wanted;
    let message = format!("failed to get chart '{name}' version '{version}' from '{repository}': {why}");
    Failure::passing("DependencyBuildError", message)
}

/// Looks whether a chart is the one that is wanted.
fn fits(wanted: &Dependency, found: &Chart) -> Result<(), Failure> {
    if wanted.name != found.name() {
        return Err(refused(format!("it is the chart '{}', not '{}'", found.name(), wanted.name)));
    }
    let range = Constraint::parse(&wanted.version).map_err(|error| {
        refused(format!("invalid version/constraint format '{}': {error}", wanted.version))
    })?;
    let version = &found.metadata().version;
    match Version::parse(version) {
        Ok(read) if range.check(&read) => Ok(()),
        _ => Err(refused(format!(
            "can't get a valid version for constraint '{}': it is {version}",
            wanted.version
        ))),
    }
}
