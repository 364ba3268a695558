//! A chart repository in memory.

use super::faults::{Fault, Faults, lock};
use crate::digest::sha256;
use crate::ports::{ChartRepository, PortError};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Files by their URL, `index.yaml` among them.
#[derive(Debug, Default)]
pub struct FakeCharts {
    /// Faults to come, for `index` and `chart`.
    pub faults: Faults,
    files: Mutex<BTreeMap<String, File>>,
    asked: Mutex<Vec<String>>,
}

/// What a file holds, and what it held before.
#[derive(Debug, Default)]
struct File {
    now: Arc<[u8]>,
    before: Option<Arc<[u8]>>,
}

impl FakeCharts {
    /// Adds or replaces a file.
    pub fn put(&self, url: &str, content: Arc<[u8]>) {
        let mut files = lock(&self.files);
        let before = files.remove(url).map(|file| file.now);
        files.insert(url.to_owned(), File { now: content, before });
    }

    /// Returns what was asked for, oldest first; an index that the caller has already is marked: `index.yaml (known)`.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        lock(&self.asked).clone()
    }

    /// Forgets what was asked for.
    pub fn forget(&self) {
        lock(&self.asked).clear();
    }

    fn get(&self, url: &str, is_stale: bool) -> Result<Arc<[u8]>, PortError> {
        let files = lock(&self.files);
        let found = files.get(url).and_then(|file| match is_stale {
            true => file.before.clone(),
            false => Some(Arc::clone(&file.now)),
        });
        found.ok_or_else(|| PortError::stalled(format!("{url}: 404 Not Found")))
    }
}

impl ChartRepository for FakeCharts {
    async fn index(&self, known: Option<&str>) -> Result<Option<(Arc<[u8]>, Option<String>)>, PortError> {
        let is_stale = self.faults.take("index").await? == Some(Fault::StaleRead);
        let index = self.get("index.yaml", is_stale)?;
        let tag = sha256(&index);
        let is_known = known == Some(&tag);
        let asked = if is_known { "index.yaml (known)" } else { "index.yaml" };
        lock(&self.asked).push(asked.to_owned());
        Ok((!is_known).then_some((index, Some(tag))))
    }

    async fn chart(&self, url: &str) -> Result<Arc<[u8]>, PortError> {
        let is_stale = self.faults.take("chart").await? == Some(Fault::StaleRead);
        lock(&self.asked).push(url.to_owned());
        self.get(url, is_stale)
    }
}
