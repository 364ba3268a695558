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
    /// A chart of a repository is needed and the tree does not have it.
    Chart,
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
    /// The build would make more than it may.
    Limit,
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
    /// What the caller has to fetch; its URL may hold a password, and is never printed.
    needed: Option<Needed>,
}

/// What a build needs and does not have.
#[derive(Clone)]
enum Needed {
    Remote(String),
    Chart(NeededChart),
}

impl fmt::Debug for Needed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remote(url) => without_credentials(url).fmt(f),
            Self::Chart(chart) => chart.fmt(f),
        }
    }
}

/// A chart of a repository that a build needs: fetch it, put its files into the tree, and build again.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NeededChart {
    /// The chart's name.
    pub name: String,
    /// The repository's URL; `oci://` for a registry. It may hold a password, which `Debug` does not show.
    pub repository: String,
    /// The version or the range of versions, empty for the newest.
    pub version: String,
    /// Whether development versions count.
    pub devel: bool,
    /// The directory of the tree where the chart belongs.
    pub directory: String,
}

impl NeededChart {
    /// Returns the repository's URL without user and password, to be shown.
    #[must_use]
    pub fn shown_repository(&self) -> String {
        without_credentials(&self.repository).into_owned()
    }
}

impl fmt::Debug for NeededChart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NeededChart")
            .field("name", &self.name)
            .field("repository", &self.shown_repository())
            .field("version", &self.version)
            .field("devel", &self.devel)
            .field("directory", &self.directory)
            .finish()
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
                needed: None,
            }),
        }
    }

    /// Makes the error for a URL that the caller has to fetch first.
    pub(crate) fn remote(url: &str) -> Self {
        let message = format!(
            "'{url}' is remote, and a build fetches nothing by itself: fetch it and pass the tree that holds it"
        );
        let mut error = Self::new(ErrorKind::Remote, message);
        error.inner.needed = Some(Needed::Remote(url.to_owned()));
        error
    }

    /// Returns the URL that the build needs and does not have, where that is what went wrong ([`ErrorKind::Remote`]): the
    /// key for [`Options::remotes`](crate::Options::remotes). It may hold a password, which the error itself never shows.
    #[must_use]
    pub fn needed_remote(&self) -> Option<&str> {
        match &self.inner.needed {
            Some(Needed::Remote(url)) => Some(url),
            _ => None,
        }
    }

    /// Makes the error for a chart that the caller has to fetch first.
    pub(crate) fn chart(needed: NeededChart, shown: &str) -> Self {
        let message = format!(
            "chart '{}' of '{}' is not at '{shown}', and a build fetches nothing by itself: put it there",
            needed.name, needed.repository
        );
        let mut error = Self::new(ErrorKind::Chart, message);
        error.inner.needed = Some(Needed::Chart(needed));
        error
    }

    /// Returns the chart that the build needs and the tree does not have, where that is what went wrong
    /// ([`ErrorKind::Chart`]). Once its files stand in the tree, build again.
    #[must_use]
    pub fn needed_chart(&self) -> Option<&NeededChart> {
        match &self.inner.needed {
            Some(Needed::Chart(chart)) => Some(chart),
            _ => None,
        }
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
