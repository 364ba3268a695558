//! Looks a chart over for mistakes, as `helm lint` does.

mod chart_file;
mod deprecated;
mod names;
mod objects;

pub use deprecated::deprecated_api;

use std::fmt;

use crate::capabilities::KubeVersion;
use crate::chart::{Chart, File};
use crate::render::{Mode, Operation, ReleaseFacts, RenderOptions, render};
use crate::schema::{validate, validate_values};
use crate::values::{Nulls, Table, coalesce, coalesce_tables, process_dependencies, read_values_document};
use crate::{Capabilities, Error, Schemas, Warnings};

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Could be better.
    Info,
    /// Breaks a convention.
    Warning,
    /// Will not work.
    Error,
}

/// One thing that is wrong with a chart. Printed as `[WARNING] templates/: directory does not exist`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// How grave it is.
    pub severity: Severity,
    /// The file or folder that it is about.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Info => "INFO",
            Severity::Warning => "WARNING",
            Severity::Error => "ERROR",
        };
        write!(f, "[{severity}] {}: {}", self.path, self.message)
    }
}

/// What stands at a path of a chart's folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Entry {
    /// Nothing.
    #[default]
    Absent,
    /// A file with these bytes.
    File(Vec<u8>),
    /// A folder.
    Folder,
}

/// A chart's folder, as it is looked over: broken charts too.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LintTarget {
    /// The folder's absolute path, which some findings name.
    pub folder: String,
    /// `Chart.yaml`
    pub chart_file: Entry,
    /// `values.yaml`
    pub values: Entry,
    /// `values.schema.json`
    pub schema: Entry,
    /// `templates`
    pub templates: Entry,
    /// `crds`
    pub crds: Entry,
    /// All files but those that `.helmignore` names, or why they can't be read.
    pub files: Result<Vec<File>, String>,
}

impl LintTarget {
    /// Takes a folder's files; entries are found among them.
    #[must_use]
    pub fn new(folder: impl Into<String>, files: Vec<File>) -> Self {
        let file = |name: &str| match files.iter().find(|file| file.name == name) {
            Some(file) => Entry::File(file.data().to_vec()),
            None => Entry::Absent,
        };
        let directory = |name: &str| {
            let is_within =
                |file: &File| file.name.starts_with(name) && file.name[name.len()..].starts_with('/');
            if files.iter().any(is_within) { Entry::Folder } else { file(name) }
        };
        Self {
            folder: folder.into(),
            chart_file: file("Chart.yaml"),
            values: file("values.yaml"),
            schema: file("values.schema.json"),
            templates: directory("templates"),
            crds: directory("crds"),
            files: Ok(files),
        }
    }
}

/// How a chart is looked over.
#[derive(Debug)]
#[non_exhaustive]
pub struct LintOptions<'w> {
    /// The namespace that templates see.
    pub namespace: String,
    /// The version of Kubernetes that templates see and that APIs are checked against.
    pub kube_version: Option<KubeVersion>,
    /// Whether values are checked against schemas.
    pub schemas: Schemas,
    /// How templates are rendered: functions, world, limits. Release, mode and capabilities are set here.
    pub render: RenderOptions<'w>,
}

impl<'w> LintOptions<'w> {
    /// Looks a chart over with these rendering options.
    #[must_use]
    pub fn new(namespace: impl Into<String>, render: RenderOptions<'w>) -> Self {
        Self { namespace: namespace.into(), kube_version: None, schemas: Schemas::default(), render }
    }
}

/// Looks a chart over: `Chart.yaml`, values, templates, dependencies, definitions.
///
/// ```
/// use helm_rs::chart::File;
/// use helm_rs::render::{ReleaseFacts, RenderOptions};
/// use helm_rs::values::Table;
/// use helm_rs::{LintOptions, LintTarget, lint};
/// let files = vec![File::new("Chart.yaml", b"apiVersion: v2\nname: web\nversion: 1.2.3\nicon: https://x.org/i.png\n")];
/// let options = LintOptions::new("default", RenderOptions::new(ReleaseFacts::install("test", "default")));
/// let found = lint(&LintTarget::new("/charts/web", files), &Table::new(), &options);
/// let found: Vec<String> = found.iter().map(ToString::to_string).collect();
/// assert_eq!(found, ["[INFO] values.yaml: file does not exist", "[WARNING] templates/: directory does not exist"]);
/// ```
#[must_use]
pub fn lint(target: &LintTarget, values: &Table, options: &LintOptions<'_>) -> Vec<Finding> {
    let mut linter = Linter { found: Vec::new(), target, values, options };
    chart_file::check(&mut linter);
    linter.values();
    linter.templates();
    linter.dependencies();
    linter.definitions();
    linter.found
}

struct Linter<'a, 'w> {
    found: Vec<Finding>,
    target: &'a LintTarget,
    values: &'a Table,
    options: &'a LintOptions<'w>,
}

impl Linter<'_, '_> {
    fn add(&mut self, severity: Severity, path: &str, message: impl fmt::Display) {
        self.found.push(Finding { severity, path: path.to_owned(), message: message.to_string() });
    }

    fn load(&self) -> Result<Chart, Error> {
        match &self.target.files {
            Ok(files) => Chart::load(files, &mut Warnings::new()),
            Err(why) => Err(Error::new(crate::ErrorKind::Chart, why.clone())),
        }
    }

    fn values(&mut self) {
        const PATH: &str = "values.yaml";
        let text = match &self.target.values {
            Entry::Absent => return self.add(Severity::Info, PATH, "file does not exist"),
            Entry::Folder => {
                let folder = &self.target.folder;
                let message = format!("unable to parse YAML: read {folder}/values.yaml: is a directory");
                return self.add(Severity::Error, PATH, message);
            }
            Entry::File(text) => text,
        };
        let defaults = match read_values_document(text, "common.Values") {
            Ok(defaults) => defaults,
            Err(why) => return self.add(Severity::Error, PATH, format!("unable to parse YAML: {why}")),
        };
        let Entry::File(schema) = &self.target.schema else { return };
        if schema.is_empty() || self.options.schemas == Schemas::Skipped {
            return;
        }
        let mut all = Table::new();
        coalesce_tables(&mut all, self.values, Nulls::Remove, &mut Warnings::new());
        coalesce_tables(&mut all, &defaults, Nulls::Remove, &mut Warnings::new());
        if let Err(error) = validate_values(&crate::values::Value::table(all), schema) {
            self.add(Severity::Error, PATH, error);
        }
    }

    fn templates(&mut self) {
        const PATH: &str = "templates/";
        match &self.target.templates {
            Entry::Absent => return self.add(Severity::Warning, PATH, "directory does not exist"),
            Entry::File(_) => return self.add(Severity::Error, PATH, "not a directory"),
            Entry::Folder => {}
        }
        let mut chart = match self.load() {
            Ok(chart) => chart,
            Err(error) => return self.add(Severity::Error, PATH, error),
        };
        let mut warnings = Warnings::new();
        // What is wrong here is left to other commands, as in Helm.
        if process_dependencies(&mut chart, self.values, &mut warnings).is_err() {
            return;
        }
        let coalesced = coalesce(&chart, self.values, Nulls::Remove, &mut warnings)
            .and_then(|values| coalesce(&chart, &values, Nulls::Remove, &mut warnings));
        let Ok(values) = coalesced else { return };
        if self.options.schemas == Schemas::Checked
            && let Err(error) = validate(&chart, &values)
        {
            return self.add(Severity::Error, PATH, error);
        }
        let mut capabilities = Capabilities::default();
        if let Some(version) = &self.options.kube_version {
            capabilities.kube_version = version.clone();
        }
        let release = ReleaseFacts::install("test-release", self.options.namespace.as_str())
            .revision(0)
            .operation(Operation::Neither);
        let cluster = capabilities.kube_version.clone();
        let mut render_options = self.options.render.clone().capabilities(capabilities).mode(Mode::Lint);
        render_options.release = release;
        let rendered = match render(&chart, &values, &render_options) {
            Ok(rendered) => rendered,
            Err(error) => return self.add(Severity::Error, PATH, error),
        };
        for file in chart.templates() {
            let path = format!("{}/{}", chart.name(), file.name);
            let text = rendered.files.get(path.as_str()).map(crate::render::RenderedFile::text);
            if !objects::check_template(self, &file.name, text.unwrap_or_default(), &cluster) {
                return;
            }
        }
    }

    fn dependencies(&mut self) {
        let chart = match self.load() {
            Ok(chart) => chart,
            Err(error) => return self.add(Severity::Error, "", format!("unable to load chart\n\t{error}")),
        };
        let folder = self.target.folder.clone();
        let wanted: Vec<_> = chart.metadata().dependencies.iter().flatten().collect();
        let present = chart.dependencies().iter().map(Chart::name);
        let unnamed: Vec<&str> =
            present.filter(|name| !wanted.iter().any(|wanted| wanted.name == *name)).collect();
        if !unnamed.is_empty() {
            let message = format!("chart metadata is missing these dependencies: {}", unnamed.join(","));
            self.add(Severity::Error, &folder, message);
        }
        let mut seen = std::collections::HashSet::new();
        let twice: Vec<&str> = wanted
            .iter()
            .map(|wanted| wanted.name_in_chart().as_str())
            .filter(|name| !seen.insert(*name))
            .collect();
        if !twice.is_empty() {
            let message = format!("multiple dependencies with name or alias: {}", twice.join(","));
            self.add(Severity::Error, &folder, message);
        }
        let missing = chart.missing_dependencies();
        if !missing.is_empty() {
            let missing: Vec<&str> = missing.iter().map(gitops_yaml::Str::as_str).collect();
            let message = format!("chart directory is missing these dependencies: {}", missing.join(","));
            self.add(Severity::Warning, &folder, message);
        }
    }

    fn definitions(&mut self) {
        const PATH: &str = "crds/";
        match &self.target.crds {
            Entry::Absent => return,
            Entry::File(_) => return self.add(Severity::Error, PATH, "not a directory"),
            Entry::Folder => {}
        }
        let chart = match self.load() {
            Ok(chart) => chart,
            Err(error) => return self.add(Severity::Error, PATH, error),
        };
        for crd in chart.crds() {
            if !objects::check_definition(self, &crd.file.name, crd.file.data()) {
                return;
            }
        }
    }
}
