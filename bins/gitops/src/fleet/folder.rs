//! What the commands that look at one whole repository have in common.

use super::{FleetFlags, Repository, report};
use crate::Failure;
use gitops_controllers::fleet::{Fleet, KeepNodes, Rendered};
use std::path::{Path, PathBuf};

/// A repository, and how it is rendered.
#[derive(clap::Args, Debug)]
pub(crate) struct FolderArgs {
    /// A folder of the repository.
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    #[command(flatten)]
    fleet: FleetFlags,
}

impl FolderArgs {
    /// Renders the fleet and reports what is wrong with it. Returns it with the number of errors.
    pub(crate) fn render(&self) -> Result<(Rendered, usize), Failure> {
        let repository = Repository::find_to_render(&self.folder)?;
        let rendered = self.fleet.render(&repository, KeepNodes::No)?;
        let errors = report(&rendered);
        Ok((rendered, errors))
    }

    /// Does something with the fleet.
    pub(crate) fn with_fleet<R>(&self, job: impl FnOnce(Fleet<'_>) -> R) -> Result<R, Failure> {
        self.fleet.of_folder(&self.folder, job)
    }
}

impl FleetFlags {
    /// Does something with the fleet of the repository around a folder.
    pub(crate) fn of_folder<R>(&self, folder: &Path, job: impl FnOnce(Fleet<'_>) -> R) -> Result<R, Failure> {
        let repository = Repository::find_to_render(folder)?;
        let below = self.below(&repository.inside);
        self.with_fleet(&repository.root, &repository.folder, below, job)
    }
}

/// How findings and reasons are printed.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub(crate) enum TextOrJson {
    #[default]
    Text,
    Json,
}
