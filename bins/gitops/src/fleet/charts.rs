//! Charts from folders of the disk, for fleets that are rendered without a network.

use super::stats::Stat;
use crate::helm::source;
use gitops_controllers::fleet::RemoteChart;
use helm_rs::Warnings;
use helm_rs::chart::Chart;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Folders that hold charts, packed or not.
pub(crate) struct ChartFolders<'a> {
    folders: &'a [PathBuf],
}

impl<'a> ChartFolders<'a> {
    pub(crate) fn new(folders: &'a [PathBuf]) -> Self {
        Self { folders }
    }

    /// The newest chart of a name and range in the folders, and the versions that are not in the range.
    fn find(&self, name: &str, range: &str) -> Result<(Option<Chart>, Vec<String>), String> {
        let mut best: Option<Chart> = None;
        let mut others = Vec::new();
        for folder in self.folders {
            let entries =
                std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
            for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
                let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let is_packed = file.starts_with(&format!("{name}-")) && file.ends_with(".tgz");
                let is_folder = file == name && path.join("Chart.yaml").is_file();
                if !is_packed && !is_folder {
                    continue;
                }
                let chart = source::load(&path, &mut Warnings::new()).map_err(|error| error.to_string())?;
                if chart.name() != name {
                    continue;
                }
                let version = chart.metadata().version.clone();
                if !range.is_empty() && !helm_rs::is_in_range(range, &version) {
                    others.push(version.to_string());
                    continue;
                }
                let newer =
                    |old: &Chart| helm_rs::is_in_range(&format!(">{}", old.metadata().version), &version);
                if best.as_ref().is_none_or(newer) {
                    best = Some(chart);
                }
            }
        }
        Ok((best, others))
    }
}

impl ChartFolders<'_> {
    /// The chart that is asked for, where one of the folders holds it; and the other versions of it that they hold.
    pub(crate) fn chart(&self, chart: &RemoteChart) -> Result<(Option<Chart>, Vec<String>), String> {
        // A tag of a chart is its version; a digest says nothing of it.
        let range = if chart.tag.is_empty() { &chart.version } else { &chart.tag };
        let range = if range.starts_with("sha256:") || range == "latest" { "" } else { range };
        self.find(name_of(chart), range)
    }

    /// The files that the answer depends on, with their sizes and times; nothing where one is so young that it may change
    /// again without a trace.
    pub(crate) fn identity(&self, chart: &RemoteChart) -> Option<String> {
        let name = name_of(chart);
        let now = SystemTime::now();
        let mut found = String::new();
        for folder in self.folders {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let file = entry.file_name().to_string_lossy().into_owned();
                if file == name || file.starts_with(&format!("{name}-")) {
                    identify(&entry.path(), now, 0, &mut found)?;
                }
            }
        }
        Some(found)
    }
}

/// Adds what a file, or everything below a folder, is known by.
fn identify(path: &Path, now: SystemTime, depth: usize, found: &mut String) -> Option<()> {
    const DEPTH: usize = 32;
    let facts = std::fs::metadata(path).ok()?;
    let stat = Stat::of(&facts);
    found.push_str(&format!("{} {stat:?}\n", path.display()));
    if facts.is_dir() && depth < DEPTH {
        let mut names: Vec<PathBuf> =
            std::fs::read_dir(path).ok()?.flatten().map(|entry| entry.path()).collect();
        names.sort_unstable();
        return names.iter().try_for_each(|name| identify(name, now, depth + 1, found));
    }
    stat.is_settled(now).then_some(())
}

fn name_of(chart: &RemoteChart) -> &str {
    let last = chart.url.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    if chart.name.is_empty() { last } else { &chart.name }
}
