//! Packs a chart into an archive, as `helm package` does.

use std::io::Write;

use flate2::{Compression, GzBuilder};
use gitops_yaml::{Dialect, print_sigs};

use crate::chart::{Chart, check_name_for_path};
use crate::{Error, ErrorKind, Time, semver};

/// How a chart is packed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PackageOptions {
    /// The version to give to the chart.
    pub version: Option<String>,
    /// The `appVersion` to give to the chart.
    pub app_version: Option<String>,
    /// The time to give to all files, as `SOURCE_DATE_EPOCH` asks for, so that the same files give the same bytes.
    pub stamp: Option<Time>,
    /// The time of files that have none.
    pub now: Time,
}

impl PackageOptions {
    /// Keeps the chart's versions and the files' times; files without one get this.
    #[must_use]
    pub fn new(now: Time) -> Self {
        Self { version: None, app_version: None, stamp: None, now }
    }
}

/// A packed chart.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Packaged {
    /// `NAME-VERSION.tgz`
    pub file_name: String,
    /// The archive.
    pub archive: Vec<u8>,
}

/// Packs a chart with all beneath. `Chart.yaml` and `Chart.lock` are written anew, so comments in them are lost.
///
/// # Errors
/// In Helm's words: a version that is none, a dependency that is missing, a schema that is no JSON.
///
/// ```
/// use helm_rs::chart::{Chart, File};
/// use helm_rs::{PackageOptions, Time, package};
/// let files = [File::new("Chart.yaml", b"apiVersion: v2\nname: web\nversion: 1.2.3\n")];
/// let chart = Chart::load(&files, &mut Vec::new())?;
/// let packed = package(&chart, &PackageOptions::new(Time::from_seconds(0)))?;
/// assert_eq!(packed.file_name, "web-1.2.3.tgz");
/// assert_eq!(Chart::load_archive(&packed.archive, &mut Vec::new())?.name(), "web");
/// # Ok::<(), helm_rs::Error>(())
/// ```
pub fn package(chart: &Chart, options: &PackageOptions) -> Result<Packaged, Error> {
    let mut chart = chart.clone();
    let metadata = std::sync::Arc::make_mut(&mut chart.metadata);
    if let Some(version) = &options.version {
        metadata.version = version.into();
    }
    if !semver::is_version(&metadata.version) {
        return Err(refused("invalid semantic version"));
    }
    if let Some(version) = &options.app_version {
        metadata.app_version = version.into();
    }
    chart.check_dependencies()?;
    std::sync::Arc::make_mut(&mut chart.metadata).validate().map_err(|e| e.within("chart validation"))?;
    let file_name = format!("{}-{}.tgz", chart.name(), chart.metadata.version);
    let archive = save(&chart, options).map_err(|error| error.within("failed to save"))?;
    Ok(Packaged { file_name, archive })
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Chart, message)
}

/// The extra field of Helm's gzip header.
const EXTRA: &[u8] = b"rr\x28\x00aHR0cHM6Ly95b3V0dS5iZS96OVV6MWljandyTQo=";

fn save(chart: &Chart, options: &PackageOptions) -> Result<Vec<u8>, Error> {
    const UNKNOWN_SYSTEM: u8 = 255;
    let gzip = GzBuilder::new()
        .extra(EXTRA)
        .comment("Helm")
        .operating_system(UNKNOWN_SYSTEM)
        .write(Vec::new(), Compression::default());
    let mut writer = Writer { tar: tar::Builder::new(gzip), options };
    writer.chart(chart, "")?;
    let gzip = writer.tar.into_inner().map_err(|error| refused(error.to_string()))?;
    gzip.finish().map_err(|error| refused(error.to_string()))
}

struct Writer<'a, W: Write> {
    tar: tar::Builder<W>,
    options: &'a PackageOptions,
}

impl<W: Write> Writer<'_, W> {
    fn chart(&mut self, chart: &Chart, prefix: &str) -> Result<(), Error> {
        check_name_for_path(chart.name())?;
        let base = format!("{prefix}{}/", chart.name());
        let metadata = chart.metadata.without_dependencies_of_v1().to_node();
        let text = print_sigs(&metadata, Dialect::Yaml11).map_err(|error| refused(error.to_string()))?;
        self.file(&format!("{base}Chart.yaml"), text.as_bytes(), chart.modified)?;
        if let Some(lock) = chart.lock.as_ref().filter(|_| chart.metadata.api_version == "v2") {
            let mut lock = lock.clone();
            if let Some(stamp) = self.options.stamp {
                lock.generated = stamp;
            }
            let text = print_sigs(&lock.to_node(), Dialect::Yaml11).map_err(|e| refused(e.to_string()))?;
            self.file(&format!("{base}Chart.lock"), text.as_bytes(), lock.generated)?;
        }
        for file in chart.raw.iter().filter(|file| file.name == "values.yaml") {
            self.file(&format!("{base}values.yaml"), file.data(), file.modified)?;
        }
        if let Some(schema) = &chart.schema {
            if !crate::json::is_valid(schema) {
                return Err(refused("invalid JSON in values.schema.json"));
            }
            self.file(&format!("{base}values.schema.json"), schema, chart.schema_modified)?;
        }
        for file in chart.templates.iter().chain(chart.files.iter()) {
            self.file(&format!("{base}{}", file.name), file.data(), file.modified)?;
        }
        for sub in &chart.dependencies {
            self.chart(sub, &format!("{base}charts/"))?;
        }
        Ok(())
    }

    fn file(&mut self, path: &str, data: &[u8], modified: Time) -> Result<(), Error> {
        let time = match self.options.stamp {
            Some(stamp) => stamp,
            None if modified.is_zero() => self.options.now,
            None => modified,
        };
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o644);
        header.set_size(data.len() as u64);
        header.set_mtime(u64::try_from(time.seconds()).unwrap_or(0));
        header.set_entry_type(tar::EntryType::Regular);
        self.tar.append_data(&mut header, path, data).map_err(|error| refused(error.to_string()))
    }
}
