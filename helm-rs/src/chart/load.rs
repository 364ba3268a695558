//! Turns files into a chart, with the charts beneath it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::metadata::UnknownFields;
use super::{ArchiveLimits, Chart, File, Lock, Metadata, unpack};
use crate::decode::DecodeError;
use crate::go::{extension, quoted};
use crate::places::site_of;
use crate::values::load_values;
use crate::{Error, ErrorKind, Warning, Warnings};

/// How deep packed or unpacked charts may nest.
const DEPTH: usize = 64;

/// What loading needs to know of the charts around.
struct Loader<'a> {
    limits: ArchiveLimits,
    warnings: &'a mut Warnings,
}

impl Chart {
    /// Loads a chart from its files, in the order in which Helm would read them. Leave out what `.helmignore` names:
    /// see [`IgnoreRules`](super::IgnoreRules).
    ///
    /// Charts beneath are taken from `charts/`, as folders or as `.tgz`; names that start with `_` or `.` are skipped.
    /// Where Helm takes those that `Chart.yaml` does not name in random order, they are sorted by their file's name.
    ///
    /// # Errors
    /// In Helm's words: a file that is missing or malformed, metadata that break a rule, a broken chart beneath.
    ///
    /// ```
    /// use helm_rs::chart::{Chart, File};
    /// let files = [
    ///     File::new("Chart.yaml", b"apiVersion: v2\nname: web\nversion: 1.2.3\n"),
    ///     File::new("values.yaml", b"replicas: 2\n"),
    /// ];
    /// let chart = Chart::load(&files, &mut Vec::new())?;
    /// assert_eq!(chart.name(), "web");
    /// # Ok::<(), helm_rs::Error>(())
    /// ```
    pub fn load(files: &[File], warnings: &mut Warnings) -> Result<Self, Error> {
        Loader { limits: ArchiveLimits::default(), warnings }.files(files, 0)
    }

    /// Loads a packed chart. `.helmignore` has no say here.
    ///
    /// # Errors
    /// As [`Chart::load`] and [`unpack`].
    pub fn load_archive(archive: &[u8], warnings: &mut Warnings) -> Result<Self, Error> {
        Self::load_archive_within(archive, ArchiveLimits::default(), warnings)
    }

    /// Loads a packed chart within other limits.
    ///
    /// # Errors
    /// As [`Chart::load_archive`].
    pub fn load_archive_within(
        archive: &[u8],
        limits: ArchiveLimits,
        warnings: &mut Warnings,
    ) -> Result<Self, Error> {
        let files = unpack(archive, limits)?;
        Loader { limits, warnings }.files(&files, 0)
    }
}

impl Loader<'_> {
    fn files(&mut self, files: &[File], depth: usize) -> Result<Chart, Error> {
        if depth > DEPTH {
            return Err(Error::new(ErrorKind::Limit, format!("charts are nested more than {DEPTH} deep")));
        }
        let mut chart = Chart::default();
        let mut metadata = None;
        for file in files.iter().filter(|file| file.name == "Chart.yaml") {
            let read: &mut Metadata = metadata.get_or_insert_default();
            read.merge(file.data(), UnknownFields::Skipped).map_err(|error| in_file(error, file))?;
            if read.api_version.is_empty() {
                // Charts of Helm 2 need not say it.
                read.api_version = "v1".into();
            }
            chart.modified = file.modified;
        }
        let (mut templates, mut others) = (Vec::new(), Vec::new());
        let mut beneath: BTreeMap<&str, Vec<File>> = BTreeMap::new();
        for file in files {
            let is_v1 = metadata.as_ref().is_some_and(|metadata| metadata.api_version == "v1");
            match file.name.as_str() {
                "Chart.yaml" => {}
                "Chart.lock" => chart.lock = read_lock(file)?,
                "values.yaml" => {
                    let values = load_values(file.data(), "values.yaml");
                    chart.values = Some(Arc::new(values.map_err(|e| e.within("cannot load values.yaml"))?));
                }
                "values.schema.json" => {
                    chart.schema = Some(Arc::clone(file.data()));
                    chart.schema_modified = file.modified;
                }
                "requirements.yaml" => {
                    let read = metadata.get_or_insert_default();
                    read.merge(file.data(), UnknownFields::Skipped).map_err(|error| in_file(error, file))?;
                    if is_v1 {
                        others.push(file.clone());
                    } else {
                        self.warnings.push(Warning::info(
                            "Warning: Dependencies are handled in Chart.yaml since apiVersion \"v2\". We recommend migrating dependencies to Chart.yaml.",
                        ));
                    }
                }
                "requirements.lock" => {
                    chart.lock = read_lock(file)?;
                    if is_v1 {
                        others.push(file.clone());
                    } else {
                        self.warnings.push(Warning::info(
                            "Warning: Dependency locking is handled in Chart.lock since apiVersion \"v2\". We recommend migrating to Chart.lock.",
                        ));
                    }
                }
                name => {
                    if name.starts_with("templates/") {
                        templates.push(file.clone());
                    } else if let Some(rest) = name.strip_prefix("charts/")
                        && extension(name) != ".prov"
                    {
                        let folder = rest.split('/').next().unwrap_or(rest);
                        let mut file = file.clone();
                        file.name = rest.into();
                        beneath.entry(folder).or_default().push(file);
                    } else {
                        others.push(file.clone());
                    }
                }
            }
        }
        chart.templates = templates.into();
        chart.files = others.into();
        chart.raw = files.into();
        let Some(mut metadata) = metadata else {
            return Err(Error::new(ErrorKind::Chart, "Chart.yaml file is missing"));
        };
        metadata.validate().map_err(|error| at_field(error, files))?;
        let name = metadata.name.clone();
        chart.metadata = Arc::new(metadata);
        let mut dependencies = Vec::new();
        for (folder, files) in beneath {
            if folder.starts_with(['_', '.']) {
                continue;
            }
            let loaded = self.beneath(folder, files, &name, depth + 1).map_err(|error| {
                let error = error.beneath(&format!("charts/{folder}"));
                if error.to_string().starts_with("error unpacking subchart tar") {
                    error
                } else {
                    error.within(format!("error unpacking subchart {folder} in {name}"))
                }
            })?;
            dependencies.push(loaded);
        }
        chart.dependencies = dependencies;
        Ok(chart)
    }

    /// Loads what stands in one entry of `charts/`.
    fn beneath(
        &mut self,
        folder: &str,
        files: Vec<File>,
        parent: &str,
        depth: usize,
    ) -> Result<Chart, Error> {
        if extension(folder) == ".tgz" {
            let found = files.first().map(|file| file.name.clone()).unwrap_or_default();
            if found != folder {
                let message =
                    format!("error unpacking subchart tar in {parent}: expected {folder}, got {found}");
                return Err(Error::new(ErrorKind::Chart, message));
            }
            let data = files.first().map(|file| Arc::clone(file.data())).unwrap_or_default();
            let unpacked = unpack(&data, self.limits)?;
            // What is packed within counts against the same limits.
            let size: u64 = unpacked.iter().map(|file| file.data().len() as u64).sum();
            self.limits.bytes = self.limits.bytes.saturating_sub(size);
            self.limits.entries = self.limits.entries.saturating_sub(unpacked.len());
            return self.files(&unpacked, depth);
        }
        let mut inner = Vec::with_capacity(files.len());
        for mut file in files {
            if let Some((_, rest)) = file.name.split_once('/') {
                file.name = rest.into();
                inner.push(file);
            }
        }
        self.files(&inner, depth)
    }
}

/// Adds where `Chart.yaml` has the field that a refusal begins with: `validation: chart.metadata.version "x" is invalid`.
fn at_field(error: Error, files: &[File]) -> Error {
    let message = error.to_string();
    let field = message.strip_prefix("validation: chart.metadata.").and_then(|rest| rest.split(' ').next());
    let metadata = files.iter().rev().find(|file| file.name == "Chart.yaml");
    let site = field.zip(metadata).and_then(|(field, file)| site_of("Chart.yaml", file.data(), &[field]));
    match site {
        Some(site) => error.at(site),
        None => error,
    }
}

fn in_file(error: DecodeError, file: &File) -> Error {
    error.into_error(ErrorKind::Chart, &file.name, file.data()).within(format!("cannot load {}", file.name))
}

fn read_lock(file: &File) -> Result<Option<Lock>, Error> {
    Lock::read(file.data()).map_err(|error| in_file(error, file))
}

/// Refuses a name that would change where a chart is written.
pub(crate) fn check_name_for_path(name: &str) -> Result<(), Error> {
    let is_element =
        crate::go::base_name(name) == name && name != "." && name != ".." && !name.contains('\\');
    if is_element && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Chart, format!("{} is not a valid chart name", quoted(name))))
}
