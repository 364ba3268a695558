//! Charts: files in memory, what `Chart.yaml` says, and the charts beneath.

mod archive;
mod dependency;
mod file;
mod ignore;
mod load;
mod metadata;
mod tree;

use std::sync::Arc;

use gitops_yaml::Str;

pub use archive::{ArchiveLimits, unpack};
pub(crate) use dependency::bad_time;
pub use dependency::{Dependency, ImportValues, Lock};
pub use file::File;
pub use ignore::{EntryType, IgnoreRules};
pub(crate) use load::check_name_for_path;
pub use metadata::{Maintainer, Metadata};
pub(crate) use metadata::{UnknownFields, unknown_field};
pub use tree::files_in;

use crate::go::extension;
use crate::places::site_of;
use crate::values::Table;
use crate::{Error, ErrorKind, Time};

/// A chart and all charts beneath it. Cloning shares files and values.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    pub(crate) metadata: Arc<Metadata>,
    pub(crate) lock: Option<Lock>,
    pub(crate) templates: Arc<[File]>,
    pub(crate) values: Option<Arc<Table>>,
    pub(crate) schema: Option<Arc<[u8]>>,
    pub(crate) schema_modified: Time,
    pub(crate) files: Arc<[File]>,
    pub(crate) raw: Arc<[File]>,
    pub(crate) modified: Time,
    pub(crate) dependencies: Vec<Chart>,
}

/// A file of `crds/`, of a chart or of one beneath it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Crd {
    /// The path seen from the uppermost chart, with that chart's name: `web/charts/db/crds/x.yaml`.
    pub path: String,
    /// The file; its name is seen from its own chart.
    pub file: File,
}

impl Chart {
    /// Returns the chart's name; its alias where a parent gave it one.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Returns what `Chart.yaml` says.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Returns the contents of `Chart.lock`.
    #[must_use]
    pub fn lock(&self) -> Option<&Lock> {
        self.lock.as_ref()
    }

    /// Returns the files of `templates/`.
    #[must_use]
    pub fn templates(&self) -> &[File] {
        &self.templates
    }

    /// Returns the defaults of the chart's values; `None` without `values.yaml`.
    #[must_use]
    pub fn values(&self) -> Option<&Table> {
        self.values.as_deref()
    }

    /// Returns the contents of `values.schema.json`.
    #[must_use]
    pub fn schema(&self) -> Option<&[u8]> {
        self.schema.as_deref()
    }

    /// Returns the files that are neither templates, values, metadata nor charts: what `.Files` holds.
    #[must_use]
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// Returns all files as they were read.
    #[must_use]
    pub fn raw(&self) -> &[File] {
        &self.raw
    }

    /// Returns the charts beneath.
    #[must_use]
    pub fn dependencies(&self) -> &[Chart] {
        &self.dependencies
    }

    /// Replaces the charts beneath.
    pub fn set_dependencies(&mut self, charts: Vec<Chart>) {
        self.dependencies = charts;
    }

    /// Replaces the chart's version, as it was told apart from others of the same number: `1.2.3+5f1c2a9d0b3e`.
    pub fn set_version(&mut self, version: impl Into<Str>) {
        Arc::make_mut(&mut self.metadata).version = version.into();
    }

    /// Replaces the defaults of the chart's values.
    pub fn set_values(&mut self, values: Table) {
        self.values = Some(Arc::new(values));
    }

    /// Lists the custom resource definitions of this chart and of all beneath, in Helm's order.
    #[must_use]
    pub fn crds(&self) -> Vec<Crd> {
        let mut found = Vec::new();
        self.collect_crds(self.name(), &mut found);
        found
    }

    fn collect_crds(&self, path: &str, found: &mut Vec<Crd>) {
        for file in self.files.iter() {
            let suffix = extension(&file.name);
            let is_manifest =
                [".yaml", ".yml", ".json"].iter().any(|known| suffix.eq_ignore_ascii_case(known));
            if file.name.starts_with("crds/") && is_manifest {
                found.push(Crd { path: format!("{path}/{}", file.name), file: file.clone() });
            }
        }
        for chart in &self.dependencies {
            chart.collect_crds(&format!("{path}/charts/{}", chart.name()), found);
        }
    }

    /// Checks that `charts/` holds all dependencies of `Chart.yaml`.
    ///
    /// # Errors
    /// The names of those that are missing, in Helm's words, and where `Chart.yaml` asks for them.
    pub fn check_dependencies(&self) -> Result<(), Error> {
        let missing = self.missing_dependencies();
        if missing.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = missing.iter().map(Str::as_str).collect();
        let message = format!("found in Chart.yaml, but missing in charts/ directory: {}", names.join(", "));
        let mut error = Error::new(ErrorKind::Chart, message);
        let metadata = self.raw.iter().find(|file| file.name == "Chart.yaml");
        let wanted = self.metadata.dependencies.iter().flatten().enumerate();
        for (index, _) in wanted.filter(|(_, wanted)| missing.contains(&wanted.name)) {
            let path = ["dependencies".to_owned(), index.to_string()];
            if let Some(site) = metadata.and_then(|file| site_of("Chart.yaml", file.data(), &path)) {
                error = error.also_at(site);
            }
        }
        Err(error.note("`gitops dependency update CHART` brings them into `charts/`"))
    }

    /// Names the dependencies in `Chart.yaml` that `charts/` does not hold.
    #[must_use]
    pub fn missing_dependencies(&self) -> Vec<Str> {
        let wanted = self.metadata.dependencies.iter().flatten();
        let missing =
            wanted.filter(|wanted| !self.dependencies.iter().any(|chart| wanted.name == chart.name()));
        missing.map(|wanted| wanted.name.clone()).collect()
    }
}
