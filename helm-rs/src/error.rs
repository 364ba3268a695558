//! What is wrong with a chart, its values or a release: Helm's words, with the place that Helm keeps to itself.

use std::fmt;

/// A refusal. [`fmt::Display`] prints what Helm says; [`Error::report`] adds the file, line and column, the source line
/// with a caret, and help.
#[derive(Clone, Debug)]
pub struct Error(Box<Details>);

/// What part of the work an [`Error`] comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An archive that is damaged, or holds what a chart may not hold.
    Archive,
    /// A chart's files, metadata or dependencies.
    Chart,
    /// Values: files, `--set` texts, coalescing.
    Values,
    /// Values that break a chart's schema, or a schema that can't be read.
    Schema,
    /// A template that can't be parsed or executed.
    Render,
    /// Rendered text that is no manifest.
    Manifest,
    /// A repository's index.
    Repository,
    /// A release's record or an operation on it.
    Release,
    /// A bound on size, depth or count is passed.
    Limit,
}

/// Where a mistake stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Site {
    /// The file, seen from the chart's root or as the user named it.
    pub file: String,
    /// The line, counted from 1; 0 where it is unknown.
    pub line: u32,
    /// The column in characters, counted from 1; 0 where it is unknown.
    pub column: u32,
    /// The text of that line, where it is known.
    pub source_line: Option<String>,
}

#[derive(Clone, Debug)]
struct Details {
    kind: ErrorKind,
    message: String,
    sites: Vec<Site>,
    /// Whether each place is a mistake of its own.
    apart: bool,
    notes: Vec<String>,
}

impl Error {
    /// Makes an error with Helm's words.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            kind,
            message: message.into(),
            sites: Vec::new(),
            apart: false,
            notes: Vec::new(),
        }))
    }

    /// Adds a place; the first is where the mistake is, later ones say how it was reached.
    #[must_use]
    pub fn at(mut self, site: Site) -> Self {
        self.0.sites.push(site);
        self
    }

    /// Adds the place of a mistake that stands beside those before it.
    #[must_use]
    pub(crate) fn also_at(mut self, site: Site) -> Self {
        self.0.apart = true;
        self.at(site)
    }

    /// Puts a folder before the files of all places.
    #[must_use]
    pub(crate) fn beneath(mut self, folder: &str) -> Self {
        for site in &mut self.0.sites {
            site.file = format!("{folder}/{}", site.file);
        }
        self
    }

    /// Adds a line of help to the report.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.0.notes.push(note.into());
        self
    }

    /// Puts `context: ` before the message.
    #[must_use]
    pub fn within(mut self, context: impl fmt::Display) -> Self {
        self.0.message = format!("{context}: {}", self.0.message);
        self
    }

    /// Returns what part of the work the error comes from.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns where the mistake stands, as far as that is known: first the mistake itself, then how it was reached.
    #[must_use]
    pub fn sites(&self) -> &[Site] {
        &self.0.sites
    }

    /// Returns what may help.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.0.notes
    }

    /// Renders all that is known: the message, then each place with its source line and a caret, then help.
    ///
    /// ```
    /// use helm_rs::{Error, ErrorKind};
    /// let error = Error::new(ErrorKind::Values, "key map \"a\" has no value").note("write a=1");
    /// assert_eq!(error.report(), "key map \"a\" has no value\nhelp: write a=1");
    /// ```
    #[must_use]
    pub fn report(&self) -> String {
        let mut text = shortened(self.0.message.trim_end());
        let last = self.0.sites.len().saturating_sub(LAST_SITES);
        for (index, site) in self.0.sites.iter().enumerate() {
            if (FIRST_SITES..last).contains(&index) {
                if index == FIRST_SITES {
                    text.push_str(&format!("\n  … and {} places more", last - FIRST_SITES));
                }
                continue;
            }
            text.push_str(if index == 0 || self.0.apart { "\n --> " } else { "\n  in " });
            text.push_str(&site.to_string());
            if let Some(source) = &site.source_line {
                text.push_str(&caret(site, source));
            }
        }
        for note in &self.0.notes {
            text.push_str("\nhelp: ");
            text.push_str(note);
        }
        text
    }
}

/// How many places a report names: those around the mistake, and those that led there first.
const FIRST_SITES: usize = 16;
const LAST_SITES: usize = 4;

/// Leaves out the middle of a message that nobody could read: templates that include each other without end.
fn shortened(message: &str) -> String {
    const LONGEST: usize = 16 << 10;
    const SHOWN: usize = 2 << 10;
    if message.len() <= LONGEST {
        return message.to_owned();
    }
    let boundary = |from: usize| (from..).find(|at| message.is_char_boundary(*at)).unwrap_or(message.len());
    let (start, end) = (boundary(SHOWN), boundary(message.len() - SHOWN));
    let left_out = end - start;
    format!("{} … {left_out} bytes left out … {}", &message[..start], &message[end..])
}

/// Draws the source line with a caret beneath the column; control characters of strangers are never printed raw.
fn caret(site: &Site, source: &str) -> String {
    const WIDEST: usize = 160;
    let shown: String = source.chars().take(WIDEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let number = site.line.to_string();
    let margin = " ".repeat(number.len());
    let mut text = format!("\n{number} | {shown}");
    let before = site.column.saturating_sub(1) as usize;
    if site.column > 0 && before < WIDEST {
        text.push_str(&format!("\n{margin} | {}^", " ".repeat(before)));
    }
    text
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
            if self.column > 0 {
                write!(f, ":{}", self.column)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_of_endless_chains_are_short() {
        let site = |line| Site { file: "a".to_owned(), line, ..Site::default() };
        let error = Error::new(ErrorKind::Render, format!("first{}last", "ü".repeat(50_000)));
        let report = (1..=1_000).fold(error, |error, line| error.at(site(line))).report();
        assert!(report.starts_with("firstü") && report.len() < 6_000, "{}", report.len());
        assert!(report.contains("ülast\n --> a:1\n  in a:2\n"), "{report}");
        assert!(
            report.ends_with(
                "in a:16\n  … and 980 places more\n  in a:997\n  in a:998\n  in a:999\n  in a:1000"
            )
        );
    }
}
