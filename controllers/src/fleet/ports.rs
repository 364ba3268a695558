//! What rendering needs of the world, as small traits: charts and files from elsewhere, and hands to work with.

use std::sync::{Arc, Mutex, PoisonError};

use gitops_core::ports::GitReference;
use gitops_core::tree::MemTree;
use helm_rs::chart::Chart;

use super::recorder::Digest;

/// A chart that is not in the repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RemoteChart {
    /// The URL of the HelmRepository or OCIRepository: `https://charts.example.org`, `oci://registry.example.org/charts/web`.
    pub url: String,
    /// The chart's name; empty where the URL names it.
    pub name: String,
    /// The wanted version or range; empty for the newest.
    pub version: String,
    /// The tag or the digest of an OCIRepository, which is taken as it is; empty where a version or range is wanted.
    pub tag: String,
    /// The expression that tags of an OCIRepository must match before the range is asked; empty for all.
    pub semver_filter: String,
    /// Whether the registry is spoken to without TLS.
    pub insecure: bool,
}

/// The files of a repository that is not the one that is rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemoteTree {
    /// A commit, as a GitRepository asks for it.
    Git {
        /// The repository.
        url: String,
        /// The commit.
        reference: GitReference,
        /// Whether submodules are wanted too.
        submodules: bool,
        /// The wanted directories; all where empty.
        directories: Vec<String>,
    },
    /// A layer of an artifact, as an OCIRepository asks for it. A digest wins over a range, that over a tag; `latest` is
    /// meant where all are empty.
    Oci {
        /// `oci://host/path`
        url: String,
        /// `sha256:…`
        digest: String,
        /// A range of versions.
        semver: String,
        /// An expression that tags must match before the range is asked.
        semver_filter: String,
        /// A tag.
        tag: String,
        /// The layer's type; the first layer where empty.
        media_type: String,
        /// Whether the registry is spoken to without TLS.
        insecure: bool,
    },
}

/// Files that were fetched.
#[derive(Clone, Debug)]
pub struct RemoteFiles {
    /// The files.
    pub tree: Arc<MemTree>,
    /// Which revision they are, such as `main@sha1:…`: other files have another one.
    pub revision: String,
}

/// Where charts and files come from that are not in the repository.
pub trait Charts: Sync {
    /// Returns a chart.
    ///
    /// # Errors
    /// Says in words for the user why there is none, and what would help.
    fn chart(&self, chart: &RemoteChart) -> Result<Chart, String>;

    /// Returns a text that is another one whenever [`Charts::chart`] would return another chart or another error, without
    /// loading it, so that what was rendered from it is rendered anew. `None`, the default, where that can't be told: what
    /// is made of the chart is not cached then.
    fn identity(&self, chart: &RemoteChart) -> Option<String> {
        let _ = chart;
        None
    }

    /// Returns the files of another repository.
    ///
    /// # Errors
    /// Says in words for the user why there are none, and what would help. By default there are none.
    fn tree(&self, tree: &RemoteTree) -> Result<RemoteFiles, String> {
        let _ = tree;
        Err("its files are not at hand".to_owned())
    }
}

/// No charts from elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCharts;

impl Charts for NoCharts {
    fn chart(&self, chart: &RemoteChart) -> Result<Chart, String> {
        Err(format!("chart {} of {} is not in the repository", chart.name, chart.url))
    }

    fn identity(&self, _: &RemoteChart) -> Option<String> {
        Some(String::new())
    }
}

/// Digests of files that an earlier run took, for those that have not changed since.
pub trait Digests: Sync {
    /// Returns the digest of a file's content, if it is known without reading the file.
    fn known(&self, path: &str) -> Option<Digest>;

    /// Takes note of the digest of a file that was read.
    fn learn(&self, path: &str, digest: Digest);
}

/// No digests from earlier runs: every file is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoDigests;

impl Digests for NoDigests {
    fn known(&self, _: &str) -> Option<Digest> {
        None
    }

    fn learn(&self, _: &str, _: Digest) {}
}

/// Hands that do independent jobs, in any order, on as many threads as they like.
pub trait Workers: Sync {
    /// Calls `job` once with each number below `count`, and returns when all are done.
    fn run(&self, count: usize, job: &(dyn Fn(usize) + Sync));
}

/// Does one job after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct OneByOne;

impl Workers for OneByOne {
    fn run(&self, count: usize, job: &(dyn Fn(usize) + Sync)) {
        (0..count).for_each(job);
    }
}

/// Turns each item into another, by the workers; the order is kept.
pub(crate) fn map<T: Sync, R: Send>(
    workers: &dyn Workers,
    items: &[T],
    turn: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let slots: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    workers.run(items.len(), &|index| {
        if let (Some(item), Some(slot)) = (items.get(index), slots.get(index)) {
            let made = turn(item);
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
        }
    });
    slots.into_iter().filter_map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}
