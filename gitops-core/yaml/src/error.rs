//! What is wrong with a text, in the words that go-yaml uses and with the place that it keeps to itself.

use std::fmt;

use crate::{Files, Place, Str};

/// A refusal. [`fmt::Display`] prints exactly what go-yaml says, such as `yaml: line 4: did not find expected key`;
/// [`Error::report`] adds the exact place, the line itself and what would be right.
#[derive(Clone, Debug)]
pub struct Error(Box<Details>);

/// What kind of refusal an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes are not UTF-8 or UTF-16, or hold a control character.
    Encoding,
    /// The text is not YAML.
    Syntax,
    /// An alias names no anchor, or an anchor's value contains itself.
    Alias,
    /// A mapping holds a key twice.
    DuplicateKey,
    /// A bound of [`Limits`](crate::Limits) is passed.
    Limit,
    /// The text is YAML, but a value is not what was asked for.
    Value,
    /// JSON can't hold a value, or a text is not JSON; worded by Go's encoding/json, without `yaml: ` in front.
    Json,
    /// kyaml refuses a document; worded by it, without `yaml: ` in front.
    Kyaml,
    /// A field path can't be read.
    Path,
}

#[derive(Clone, Debug)]
struct Details {
    kind: ErrorKind,
    place: Place,
    message: Str,
    reported_line: Option<u32>,
    since: Option<(Str, Place)>,
    hint: Option<Str>,
    source_line: Option<Str>,
}

impl Error {
    /// Makes an error; `message` is what stands after go-yaml's `yaml: ` and line.
    #[must_use]
    pub fn new(kind: ErrorKind, place: Place, message: impl Into<Str>) -> Self {
        Self(Box::new(Details {
            kind,
            place,
            message: message.into(),
            reported_line: None,
            since: None,
            hint: None,
            source_line: None,
        }))
    }

    /// Returns the error with another place.
    #[must_use]
    pub(crate) fn placed(mut self, place: Place) -> Self {
        self.0.place = place;
        self
    }

    /// Returns the error in other words, with its place kept.
    #[must_use]
    pub(crate) fn worded(mut self, kind: ErrorKind, message: impl Into<Str>) -> Self {
        self.0.kind = kind;
        self.0.message = message.into();
        self
    }

    /// Sets the line that go-yaml names, which is often not the line of the mistake.
    #[must_use]
    pub fn reporting_line(mut self, line: u32) -> Self {
        self.0.reported_line = Some(line);
        self
    }

    #[must_use]
    pub(crate) fn of_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Says what was going on (`while parsing a block mapping`) and where that began.
    #[must_use]
    pub fn since(mut self, what: impl Into<Str>, place: Place) -> Self {
        self.0.since = Some((what.into(), place));
        self
    }

    /// Says what would be right.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Str>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the line of the source at [`Error::place`], shown by [`Error::snippet`].
    #[must_use]
    pub fn with_source_line(mut self, line: impl Into<Str>) -> Self {
        self.0.source_line = Some(line.into());
        self
    }

    /// Returns what kind of refusal it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns where the mistake was noticed.
    #[must_use]
    pub fn place(&self) -> Place {
        self.0.place
    }

    /// Returns the message alone, without `yaml: line N: `.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the line that go-yaml names, if it names one.
    #[must_use]
    pub fn reported_line(&self) -> Option<u32> {
        self.0.reported_line
    }

    /// Returns what would be right, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Renders the line of the mistake with a caret beneath it; empty where the source is not known.
    #[must_use]
    pub fn snippet(&self) -> String {
        let Some(line) = &self.0.source_line else { return String::new() };
        let number = self.0.place.line.to_string();
        let margin = " ".repeat(number.len());
        let before = self.0.place.column.saturating_sub(1) as usize;
        // Tabs before the caret are kept, so that both lines are indented alike wherever they are shown.
        let indent: String = line
            .chars()
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .chain(std::iter::repeat(' '))
            .take(before)
            .collect();
        format!("{number} | {line}\n{margin} | {indent}^")
    }

    /// Renders all that is known: `file:line:column: message`, the line with a caret, what was going on, and a hint.
    #[must_use]
    pub fn report(&self, files: &Files) -> String {
        let mut text = files.show(self.0.place);
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&self.0.message);
        let snippet = self.snippet();
        if !snippet.is_empty() {
            text.push('\n');
            text.push_str(&snippet);
        }
        if let Some((what, place)) = &self.0.since
            && place.is_known()
        {
            text.push_str(&format!("\n{what}, which begins at {}", files.show(*place)));
        }
        if let Some(hint) = &self.0.hint {
            text.push_str("\nhelp: ");
            text.push_str(hint);
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.reported_line {
            _ if matches!(self.0.kind, ErrorKind::Json | ErrorKind::Kyaml | ErrorKind::Path) => {
                f.write_str(&self.0.message)
            }
            Some(line) => write!(f, "yaml: line {line}: {}", self.0.message),
            None => write!(f, "yaml: {}", self.0.message),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FileId;

    #[test]
    fn a_report_points_at_the_column() {
        let mut files = Files::default();
        let file = files.add("a.yaml");
        let error = Error::new(
            ErrorKind::Syntax,
            Place { file, line: 12, column: 4 },
            "mapping values are not allowed",
        )
        .with_source_line("a: b: c")
        .with_hint("quote the value");
        let wanted =
            "a.yaml:12:4: mapping values are not allowed\n12 | a: b: c\n   |    ^\nhelp: quote the value";
        assert_eq!(error.report(&files), wanted);
    }

    #[test]
    fn display_says_what_go_says() {
        let place = Place { file: FileId::NONE, line: 5, column: 1 };
        let error = Error::new(ErrorKind::Syntax, place, "did not find expected key").reporting_line(4);
        assert_eq!(error.to_string(), "yaml: line 4: did not find expected key");
    }
}
