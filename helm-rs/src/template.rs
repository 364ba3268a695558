//! From a chart and a user's values to manifests, as `helm template` and the first half of an installation do it.

use std::collections::BTreeMap;
use std::fmt;

use gitops_yaml::Str;

use crate::chart::{Chart, Crd};
use crate::go::path_match;
use crate::manifest::{Hook, HookEvent, KindOrder, Manifest, Sorted, sort_manifests, split_manifests};
use crate::post_render::{PostRender, post_render};
use crate::render::{RenderOptions, Rendered, Trace, render};
use crate::schema::validate_given;
use crate::values::{Nulls, Table, UserValues, coalesce, process_dependencies};
use crate::{Error, ErrorKind, Warnings};

/// How a chart becomes manifests.
#[derive(Debug)]
#[non_exhaustive]
pub struct TemplateOptions<'w> {
    /// How templates are rendered.
    pub render: RenderOptions<'w>,
    /// Whether values are checked against the charts' schemas.
    pub schemas: Schemas,
    /// What changes the manifests before they are sorted.
    pub post_render: Option<PostRender<'w>>,
    /// Whether the notes of subcharts are kept.
    pub subchart_notes: bool,
    /// What gave the user's values, where errors shall show the place in its files.
    pub given: Option<&'w UserValues>,
}

/// Whether values are checked against `values.schema.json`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Schemas {
    /// They are.
    #[default]
    Checked,
    /// They are not.
    Skipped,
}

impl<'w> TemplateOptions<'w> {
    /// Checks schemas, runs no post-renderer and drops the notes of subcharts.
    #[must_use]
    pub fn new(render: RenderOptions<'w>) -> Self {
        Self { render, schemas: Schemas::default(), post_render: None, subchart_notes: false, given: None }
    }

    /// Says whether values are checked against the charts' schemas.
    #[must_use]
    pub fn schemas(mut self, schemas: Schemas) -> Self {
        self.schemas = schemas;
        self
    }

    /// Sets what changes the manifests before they are sorted.
    #[must_use]
    pub fn post_render(mut self, post_render: PostRender<'w>) -> Self {
        self.post_render = Some(post_render);
        self
    }

    /// Says what gave the user's values, so that errors show the place in its files.
    #[must_use]
    pub fn given(mut self, given: &'w UserValues) -> Self {
        self.given = Some(given);
        self
    }
}

/// What a chart became.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Templated {
    /// The chart with its dependencies switched on and off, aliased, and its imported values.
    pub chart: Chart,
    /// The values of all charts, as templates saw them.
    pub values: Table,
    /// Objects of the release, in the order of installation.
    pub manifests: Vec<Manifest>,
    /// Objects that run at moments of its life.
    pub hooks: Vec<Hook>,
    /// The notes to show to the user.
    pub notes: String,
    /// The files of `crds/`.
    pub crds: Vec<Crd>,
}

/// Why a chart did not become manifests.
#[derive(Debug)]
#[non_exhaustive]
pub struct TemplateError {
    /// What is wrong.
    pub error: Error,
    /// Whether it went wrong after the values were ready: Helm then offers to print what was rendered.
    pub while_rendering: bool,
    /// What was rendered, where the rendered text is what is wrong.
    pub rendered: Option<Rendered>,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for TemplateError {}

impl From<Error> for TemplateError {
    fn from(error: Error) -> Self {
        Self { error, while_rendering: false, rendered: None }
    }
}

/// Turns a chart and a user's values into manifests: dependencies, values, schemas, templates, post-renderer, order.
///
/// # Errors
/// The first step that fails, in Helm's words.
///
/// ```
/// use helm_rs::chart::{Chart, File};
/// use helm_rs::render::{ReleaseFacts, RenderOptions};
/// use helm_rs::{TemplateOptions, template};
/// use helm_rs::values::Table;
/// let files = [
///     File::new("Chart.yaml", b"apiVersion: v2\nname: web\nversion: 1.2.3\n"),
///     File::new("values.yaml", b"replicas: 2\n"),
///     File::new("templates/a.yaml", b"kind: Deployment\nreplicas: {{ .Values.replicas }}\n"),
/// ];
/// let chart = Chart::load(&files, &mut Vec::new())?;
/// let options = TemplateOptions::new(RenderOptions::new(ReleaseFacts::install("prod", "default")));
/// let templated = template(chart, &Table::new(), &options, &mut Vec::new())?;
/// assert_eq!(templated.print(), "---\n# Source: web/templates/a.yaml\nkind: Deployment\nreplicas: 2\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn template(
    chart: Chart,
    values: &Table,
    options: &TemplateOptions<'_>,
    warnings: &mut Warnings,
) -> Result<Templated, TemplateError> {
    let mut chart = chart;
    process_dependencies(&mut chart, values, warnings)
        .map_err(|error| error.within("chart dependencies processing failed"))?;
    let own = values;
    let values = coalesce(&chart, own, Nulls::Remove, warnings)?;
    if options.schemas == Schemas::Checked {
        validate_given(&chart, &values, own, options.given)?;
    }
    let rendering = |error: Error| TemplateError { error, while_rendering: true, rendered: None };
    options.render.capabilities.check(&chart).map_err(rendering)?;
    // Most renders succeed, and then nobody asks where lines came from.
    let untraced = options.render.clone().trace(Trace::Off);
    let mut rendered = render(&chart, &values, &untraced).map_err(rendering)?;
    let notes = rendered.take_notes(chart.name(), options.subchart_notes);
    let sorted = match &options.post_render {
        None => sort_manifests(&rendered.files, KindOrder::Install, warnings),
        Some(step) => post_render(&rendered, step, warnings)
            .and_then(|files| sort_manifests(&files, KindOrder::Install, warnings)),
    };
    let Sorted { manifests, hooks } = match sorted {
        Ok(sorted) => sorted,
        Err(error) => {
            if options.render.trace == Trace::On
                && let Ok(traced) = render(&chart, &values, &options.render)
            {
                rendered.add_origins(traced);
            }
            let error = rendered.explain(error);
            return Err(TemplateError { error, while_rendering: true, rendered: Some(rendered) });
        }
    };
    Ok(Templated { crds: chart.crds(), chart, values, manifests, hooks, notes })
}

/// One part of an output: a file's path and text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutputPart {
    /// The path, seen from the output folder.
    pub path: String,
    /// The text, with its `---` and `# Source:`.
    pub text: String,
}

fn part(path: &str, content: &str) -> String {
    let mut text = String::with_capacity(path.len() + content.len() + AROUND_PART);
    push_part(&mut text, path, content);
    text
}

/// How many bytes a part has besides its path and content.
const AROUND_PART: usize = "---\n# Source: \n\n".len();

fn push_part(text: &mut String, path: &str, content: &str) {
    for piece in ["---\n# Source: ", path, "\n", content, "\n"] {
        text.push_str(piece);
    }
}

impl Templated {
    /// Prints the release's manifest as Helm stores it, hooks left out; with the custom resource definitions first where
    /// `with_crds` holds them.
    #[must_use]
    pub fn manifest(&self, with_crds: &[Crd]) -> String {
        let crds: usize =
            with_crds.iter().map(|crd| crd.path.len() + crd.file.data().len() + AROUND_PART).sum();
        let manifests: usize =
            self.manifests.iter().map(|m| m.file.len() + m.content.len() + AROUND_PART).sum();
        let mut text = String::with_capacity(crds + manifests + 1);
        for crd in with_crds {
            push_part(&mut text, &crd.path, &crd.file.text());
        }
        for manifest in &self.manifests {
            push_part(&mut text, &manifest.file, &manifest.content);
        }
        text
    }

    /// Prints everything as `helm template` does: manifests, then hooks.
    #[must_use]
    pub fn print(&self) -> String {
        self.print_with(&[], &self.hooks.iter().collect::<Vec<_>>())
    }

    /// Prints custom resource definitions, manifests and hooks as `helm template` does.
    #[must_use]
    pub fn print_with(&self, crds: &[Crd], hooks: &[&Hook]) -> String {
        let mut text = String::new();
        self.pieces_with(crds, hooks, |piece| {
            text.push_str(piece);
            Ok::<(), std::convert::Infallible>(())
        })
        .unwrap_or_else(|never| match never {});
        text
    }

    /// Hands out what [`print_with`](Self::print_with) prints piece by piece, so that a large release needs no text of its
    /// own.
    ///
    /// # Errors
    /// The first error of `write`.
    pub fn pieces_with<E>(
        &self,
        crds: &[Crd],
        hooks: &[&Hook],
        mut write: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        if crds.is_empty() && self.manifests.is_empty() {
            write("\n")?;
        }
        // White space after the last manifest is dropped.
        let mut part = |path: &str, content: &str, is_last: bool| {
            let content = if is_last { content.trim_end() } else { content };
            let end = if is_last && content.is_empty() { "" } else { "\n" };
            ["---\n# Source: ", path, "\n", content, end].into_iter().try_for_each(&mut write)
        };
        for (i, crd) in crds.iter().enumerate() {
            let is_last = self.manifests.is_empty() && i + 1 == crds.len();
            part(&crd.path, &crd.file.text(), is_last)?;
        }
        for (i, manifest) in self.manifests.iter().enumerate() {
            part(&manifest.file, &manifest.content, i + 1 == self.manifests.len())?;
        }
        hooks.iter().try_for_each(|hook| part(&hook.path, &hook.manifest, false))
    }

    /// Returns the hooks; those that test the release only where they are wanted.
    #[must_use]
    pub fn hooks_without_tests(&self) -> Vec<&Hook> {
        self.hooks.iter().filter(|hook| !hook.runs_at(HookEvent::Test)).collect()
    }

    /// Lists what `--output-dir` writes, in order; parts of one path follow each other in one file.
    #[must_use]
    pub fn parts(&self, crds: &[Crd], hooks: &[&Hook]) -> Vec<OutputPart> {
        let crds = crds.iter().map(|crd| (crd.path.as_str(), crd.file.text()));
        let manifests = self.manifests.iter().map(|m| (m.file.as_str(), m.content.clone()));
        let hooks = hooks.iter().map(|hook| (hook.path.as_str(), hook.manifest.clone()));
        crds.chain(manifests)
            .chain(hooks)
            .map(|(path, text)| OutputPart { path: path.to_owned(), text: part(path, &text) })
            .collect()
    }
}

/// Keeps the documents of an output that were made by these templates, as `--show-only` does. Names are seen from the
/// chart's root and may hold `*` and `?`.
///
/// # Errors
/// `could not find template … in chart`, with the nearest one.
pub fn show_only(printed: &str, wanted: &[String]) -> Result<String, Error> {
    let documents: Vec<(&str, &str)> = split_manifests(printed)
        .into_iter()
        .filter_map(|document| {
            let (_, after) = document.split_once("# Source: ")?;
            let (_, path) = after.lines().next()?.split_once('/')?;
            Some((path, document))
        })
        .collect();
    let mut text = String::new();
    for wanted in wanted {
        let mut found = false;
        for (path, document) in &documents {
            if path_match(wanted, path).unwrap_or(false) {
                text.push_str(&format!("---\n{document}\n"));
                found = true;
            }
        }
        if !found {
            let error = Error::new(ErrorKind::Render, format!("could not find template {wanted} in chart"));
            let near = gitops_core::did_you_mean(wanted, documents.iter().map(|(path, _)| *path));
            return Err(match near {
                Some(near) => error.note(format!("did you mean {near}?")),
                None => error,
            });
        }
    }
    Ok(text)
}

/// Prints rendered files that are no manifests, for a user who wants to see what is wrong with them.
#[must_use]
pub fn print_rendered(rendered: &Rendered) -> String {
    let files: BTreeMap<&Str, &str> = rendered.files.iter().map(|(path, file)| (path, file.text())).collect();
    let filled = files.into_iter().filter(|(_, text)| !text.trim().is_empty());
    filled.map(|(path, text)| part(path, text)).collect()
}
