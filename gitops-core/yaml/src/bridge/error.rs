//! Why a value is not of the type that was asked for.

use std::fmt;

use crate::{Error, ErrorKind, FieldPath, FieldStep, Files, Place, did_you_mean};

/// A value that does not fit a type: where in the tree, where in the file, and why.
///
/// ```
/// use gitops_yaml::{Files, from_str};
/// #[derive(Debug, serde::Deserialize)]
/// #[serde(deny_unknown_fields)]
/// #[allow(dead_code)]
/// struct Image {
///     name: String,
///     #[serde(default)]
///     tags: Vec<u16>,
/// }
/// let error = from_str::<Vec<Image>>("- name: app\n  tags: [1, x]\n").unwrap_err();
/// assert_eq!(error.to_string(), "[0].tags[1]: invalid type: string \"x\", expected u16");
/// assert_eq!((error.place().line, error.place().column), (2, 13));
///
/// let error = from_str::<Vec<Image>>("- nmae: app\n").unwrap_err();
/// assert_eq!(error.unknown_field().unwrap().name, "nmae");
/// assert_eq!(error.hint(), Some("did you mean `name`?"));
/// ```
#[derive(Debug)]
pub struct DecodeError(Box<Details>);

#[derive(Debug)]
struct Details {
    error: Error,
    /// From the innermost step outwards.
    steps: Vec<FieldStep>,
    unknown: Option<UnknownField>,
    is_reading: bool,
}

/// A field that a type does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownField {
    /// The name that was written.
    pub name: String,
    /// The fields that the type has.
    pub expected: &'static [&'static str],
}

impl DecodeError {
    fn new(message: String) -> Self {
        let error = Error::new(ErrorKind::Value, Place::NONE, message);
        Self(Box::new(Details { error, steps: Vec::new(), unknown: None, is_reading: false }))
    }

    /// Says in which field or item the error is.
    pub(super) fn within(mut self, step: FieldStep) -> Self {
        self.0.steps.push(step);
        self
    }

    /// Says where the error is, unless that is known better already.
    pub(super) fn at(mut self, place: Place) -> Self {
        if !self.0.error.place().is_known() {
            self.0.error = self.0.error.placed(place);
        }
        self
    }

    /// Returns where the value stands.
    #[must_use]
    pub fn place(&self) -> Place {
        self.0.error.place()
    }

    /// Returns the way from the root to the value.
    #[must_use]
    pub fn path(&self) -> FieldPath {
        self.0.steps.iter().rev().cloned().collect()
    }

    /// Returns why, without the path.
    #[must_use]
    pub fn message(&self) -> &str {
        self.0.error.message()
    }

    /// Returns the field that the type does not have, if that is the matter.
    #[must_use]
    pub fn unknown_field(&self) -> Option<&UnknownField> {
        self.0.unknown.as_ref()
    }

    /// Returns what would be right, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.error.hint()
    }

    /// Renders all that is known: `file:line:column: path: message` and a hint.
    #[must_use]
    pub fn report(&self, files: &Files) -> String {
        if self.0.is_reading {
            return self.0.error.report(files);
        }
        let mut text = files.show(self.place());
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&self.to_string());
        if let Some(hint) = self.hint() {
            text.push_str("\nhelp: ");
            text.push_str(hint);
        }
        text
    }
}

/// Prints `path: message`; where the text could not be read at all, what sigs.k8s.io/yaml says.
impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_reading {
            return write!(f, "error converting YAML to JSON: {}", self.0.error);
        }
        if !self.0.steps.is_empty() {
            write!(f, "{}: ", self.path())?;
        }
        f.write_str(self.0.error.message())
    }
}

impl std::error::Error for DecodeError {}

impl From<Error> for DecodeError {
    fn from(error: Error) -> Self {
        Self(Box::new(Details { error, steps: Vec::new(), unknown: None, is_reading: true }))
    }
}

impl serde::de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let mut error = Self::new(format!("unknown field `{field}`"));
        if let Some(near) = did_you_mean(field, expected.iter().copied()) {
            error.0.error = error.0.error.with_hint(format!("did you mean `{near}`?"));
        } else if !expected.is_empty() {
            let known: Vec<String> = expected.iter().map(|name| format!("`{name}`")).collect();
            error.0.error = error.0.error.with_hint(format!("known fields are {}", known.join(", ")));
        }
        error.0.unknown = Some(UnknownField { name: field.to_owned(), expected });
        error
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let known: Vec<String> = expected.iter().map(|name| format!("`{name}`")).collect();
        let mut error = Self::new(format!("unknown value `{variant}`, expected one of {}", known.join(", ")));
        if let Some(near) = did_you_mean(variant, expected.iter().copied()) {
            error.0.error = error.0.error.with_hint(format!("did you mean `{near}`?"));
        }
        error
    }
}

impl serde::ser::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(ErrorKind::Value, Place::NONE, message.to_string())
    }
}
