//! The one error of a build: what failed, where it stands in which file, and through which kustomizations it was reached.

use std::fmt;

use gitops_yaml::{Files, Place};

use crate::candidates::Candidates;
use crate::remote::without_credentials;

/// What went wrong, for callers that treat some failures differently from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file or a directory does not exist, or is of the other sort.
    NotFound,
    /// A path leads out of what the load restrictions allow.
    Restricted,
    /// Kustomizations include each other in a circle.
    Cycle,
    /// A remote base or file is needed and nobody mounted it.
    Remote,
    /// A file is not the YAML or JSON that is asked for.
    Syntax,
    /// A kustomization file, or a plugin's configuration, says something that it may not say.
    Kustomization,
    /// A resource is malformed.
    Resource,
    /// Two resources share one id.
    Duplicate,
    /// A generator cannot make its resource.
    Generator,
    /// A patch does not apply.
    Patch,
    /// A transformer cannot change a resource.
    Transform,
    /// A name could refer to more than one resource.
    Reference,
    /// The kustomization asks for something that this build does not do, such as running a program.
    Unsupported,
}

/// Why a build failed.
///
/// It prints as upstream's errors do: the outermost circumstance first, then the cause, with `file:line:column` where
/// the cause stands in a file.
#[derive(Clone, Debug)]
pub struct Error {
    inner: Box<Inner>,
}

#[derive(Clone, Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    place: Place,
    location: String,
    /// From the innermost to the outermost.
    circumstances: Vec<String>,
    /// What the user may have meant.
    candidates: Option<Candidates>,
    suggestion: String,
    /// The URL that is needed; it may hold a password, and is never printed.
    needed: Url,
}

/// A URL whose `Debug` shows no credentials.
#[derive(Clone, Default)]
struct Url(Option<String>);

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_deref().map(without_credentials).fmt(f)
    }
}

impl Error {
    /// Makes an error with a lower-case message without a full stop. URLs in it lose their users and passwords, here as in
    /// [`Error::within`].
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                message: without_credentials(&message.into()).into_owned(),
                place: Place::NONE,
                location: String::new(),
                circumstances: Vec::new(),
                candidates: None,
                suggestion: String::new(),
                needed: Url::default(),
            }),
        }
    }

    /// Makes the error for a URL that the caller has to fetch first.
    pub(crate) fn remote(url: &str) -> Self {
        let message = format!(
            "'{url}' is remote, and a build fetches nothing by itself: fetch it and pass the tree that holds it"
        );
        let mut error = Self::new(ErrorKind::Remote, message);
        error.inner.needed = Url(Some(url.to_owned()));
        error
    }

    /// Returns the URL that the build needs and does not have, where that is what went wrong ([`ErrorKind::Remote`]): the
    /// key for [`Options::remotes`](crate::Options::remotes). It may hold a password, which the error itself never shows.
    #[must_use]
    pub fn needed_remote(&self) -> Option<&str> {
        self.inner.needed.0.as_deref()
    }

    /// Says where the cause stands, unless a better place is known already.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        if !self.inner.place.is_known() && self.inner.location.is_empty() {
            self.inner.place = place;
        }
        self
    }

    /// Adds a circumstance around the error, to be printed in front of it.
    #[must_use]
    pub fn within(mut self, circumstance: impl Into<String>) -> Self {
        self.inner.circumstances.push(without_credentials(&circumstance.into()).into_owned());
        self
    }

    /// Adds what the user may have meant, to be printed at the end.
    pub(crate) fn suggesting(mut self, candidates: Candidates) -> Self {
        self.inner.candidates = Some(candidates);
        self
    }

    /// Adds a text of what the user may have meant, to be printed at the end.
    pub(crate) fn hinting(mut self, text: &str) -> Self {
        if !text.is_empty() {
            self.inner.suggestion = format!("; {text}");
        }
        self
    }

    /// Writes the places out as `file:line:column`, once the files are known.
    #[must_use]
    pub fn located(mut self, files: &Files) -> Self {
        if self.inner.location.is_empty() {
            self.inner.location = files.show(self.inner.place);
        }
        if let Some(candidates) = self.inner.candidates.take() {
            self.inner.suggestion = candidates.show(files);
        }
        self
    }

    /// Returns what went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// Returns the cause alone, without place and circumstances.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// Returns what the user may have meant, as it stands at the end of the printed error; mostly empty.
    #[must_use]
    pub fn suggestion(&self) -> &str {
        self.inner.suggestion.trim_start_matches("; ")
    }

    /// Returns where the cause stands, as `file:line:column`; empty where that is not known.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.inner.location
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for circumstance in self.inner.circumstances.iter().rev() {
            write!(f, "{circumstance}: ")?;
        }
        if !self.inner.location.is_empty() {
            write!(f, "{}: ", self.inner.location)?;
        }
        f.write_str(&self.inner.message)?;
        f.write_str(&self.inner.suggestion)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_circumstances_from_the_outermost_and_the_place_before_the_cause() {
        let mut files = Files::default();
        let file = files.add("base/a.yaml");
        let error = Error::new(ErrorKind::Resource, "missing metadata.name")
            .at(Place { file, line: 3, column: 1 })
            .within("inner")
            .within("outer")
            .located(&files);
        assert_eq!(error.to_string(), "outer: inner: base/a.yaml:3:1: missing metadata.name");
    }
}
