//! Charts from folders of the disk, for fleets that are rendered without a network.

use crate::helm::source;
use gitops_controllers::fleet::{Charts, RemoteChart};
use helm_rs::Warnings;
use helm_rs::chart::Chart;
use std::path::PathBuf;

/// Folders that hold charts, packed or not.
pub(crate) struct ChartFolders<'a> {
    folders: &'a [PathBuf],
}

impl<'a> ChartFolders<'a> {
    pub(crate) fn new(folders: &'a [PathBuf]) -> Self {
        Self { folders }
    }

    /// The newest chart of a name and range in the folders.
    fn find(&self, name: &str, range: &str) -> Result<Option<Chart>, String> {
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
        match best {
            None if !others.is_empty() => {
                Err(format!("no chart {name} {range} in the folders given: there are {}", others.join(", ")))
            }
            best => Ok(best),
        }
    }
}

impl Charts for ChartFolders<'_> {
    fn chart(&self, chart: &RemoteChart) -> Result<Chart, String> {
        let last = chart.url.rsplit('/').next().unwrap_or_default();
        let name = if chart.name.is_empty() { last } else { &chart.name };
        match self.find(name, &chart.version)? {
            Some(found) => Ok(found),
            None => {
                let version = if chart.version.is_empty() { "" } else { &format!(" {}", chart.version) };
                Err(format!(
                    "chart {name}{version} of {} is not in this repository: its objects are not shown; name a folder that \
                     holds it with --charts",
                    chart.url
                ))
            }
        }
    }
}
