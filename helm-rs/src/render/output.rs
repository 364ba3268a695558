//! What rendering gives: texts, and for each line the template line that printed it.

use std::collections::BTreeMap;

use gitops_template::Output;
use gitops_yaml::Str;

use super::help::of_manifest;
use crate::{Error, Site};

/// Rendered files by the path of their template: `web/charts/db/templates/service.yaml`.
#[derive(Clone, Debug, Default)]
pub struct Rendered {
    /// The files, notes included, partial templates left out.
    pub files: BTreeMap<Str, RenderedFile>,
}

/// One rendered file.
#[derive(Clone, Debug, Default)]
pub struct RenderedFile {
    output: Output,
    /// The text without `<no value>`, where it held some.
    cleaned: Option<String>,
}

/// The template line that printed a part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Origin {
    /// The template's path.
    pub file: Str,
    /// The line, counted from 1.
    pub line: u32,
}

/// What Go prints for nothing; Helm deletes it from each file, even where a template says it literally.
pub(crate) const NO_VALUE: &str = "<no value>";

impl RenderedFile {
    pub(crate) fn new(output: Output) -> Self {
        let holds_some = memchr::memmem::find(output.text.as_bytes(), NO_VALUE.as_bytes()).is_some();
        let cleaned = holds_some.then(|| output.text.replace(NO_VALUE, ""));
        Self { output, cleaned }
    }

    /// Returns the text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.cleaned.as_ref().unwrap_or(&self.output.text)
    }

    /// Returns the template line that printed a line of the text, counted from 1; `None` where the render was not
    /// [traced](super::Trace).
    #[must_use]
    pub fn origin(&self, line: u32) -> Option<Origin> {
        // What is deleted holds no line break, so both texts have the same lines.
        let text = &self.output.text;
        let mut start = 0;
        for _ in 1..line {
            start += memchr::memchr(b'\n', text.as_bytes().get(start..)?)? + 1;
        }
        // Indentation often comes from the line before.
        let content = text.get(start..)?;
        let blank = content.len() - content.trim_start_matches([' ', '\t']).len();
        let origin = self.output.origin(start + blank)?;
        Some(Origin { file: origin.file, line: u32::try_from(origin.line).unwrap_or(0) })
    }
}

impl AsRef<str> for RenderedFile {
    fn as_ref(&self) -> &str {
        self.text()
    }
}

impl Rendered {
    /// Takes all files out that are notes, and returns those of the chart itself; with `subcharts`, theirs too, each on
    /// lines of its own, in the order of their paths.
    pub fn take_notes(&mut self, chart: &str, subcharts: bool) -> String {
        const NOTES: &str = "NOTES.txt";
        let own = format!("{chart}/templates/{NOTES}");
        let paths: Vec<Str> = self.files.keys().filter(|path| path.ends_with(NOTES)).cloned().collect();
        let mut notes = String::new();
        for path in paths {
            let Some(file) = self.files.remove(&path) else { continue };
            if subcharts || path == own.as_str() {
                if !notes.is_empty() {
                    notes.push('\n');
                }
                notes.push_str(file.text());
            }
        }
        notes
    }

    /// Takes over where lines came from out of another render of the same templates, file by file where both printed the
    /// same.
    pub(crate) fn add_origins(&mut self, traced: Rendered) {
        for (path, traced) in traced.files {
            if let Some(file) = self.files.get_mut(&path)
                && file.output.text == traced.output.text
            {
                *file = traced;
            }
        }
    }

    /// Adds to an error about a rendered file the rendered lines around it and the template line that printed it.
    #[must_use]
    pub fn explain(&self, error: Error) -> Error {
        const AROUND: usize = 2;
        let Some(site) = error.sites().first().cloned() else { return error };
        let Some(file) = self.files.get(site.file.as_str()) else { return error };
        let mut error = error;
        if let Some(origin) = file.origin(site.line) {
            let printed_by =
                Site { file: format!("{} (template)", origin.file), line: origin.line, ..Site::default() };
            error = error.at(printed_by);
        }
        let wanted = site.line as usize;
        let help = of_manifest(&error.to_string(), file.text().lines().nth(wanted.saturating_sub(1)));
        let lines = file.text().lines().enumerate().skip(wanted.saturating_sub(AROUND + 1));
        let shown: Vec<String> = lines
            .take(2 * AROUND + 1)
            .map(|(index, line)| {
                let mark = if index + 1 == wanted { '>' } else { ' ' };
                format!("{mark} {:>4} | {line}", index + 1)
            })
            .collect();
        let error = error.note(format!("the rendered lines are\n{}", shown.join("\n")));
        match help {
            Some(help) => error.note(help),
            None => error,
        }
    }
}
