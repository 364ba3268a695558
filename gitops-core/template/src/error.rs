//! Failures of parsing and rendering: Go's own words, and beside them where and why.

use gitops_yaml::Str;
use std::fmt;

/// A template that can't be parsed. Its text is Go's: `template: NAME:LINE: …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The template's name.
    pub template: Str,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// The byte of the text where the mistake stands, counted from 0. Go's line is that of the token read last; the mistake
    /// may stand before it, as a block does that nothing ends.
    pub offset: usize,
    /// What may help to mend it.
    pub help: Option<ParseHelp>,
}

/// What may help to mend a template that can't be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseHelp {
    /// The text ends, and this block has no `{{ end }}`: its keyword.
    Unclosed(&'static str),
    /// An `{{ end }}` or `{{ else }}` where no block is open.
    NothingOpen,
    /// A key that is no name to Go and has to be asked for with `index`, as in `.Values.my-key`.
    NoName {
        /// The path before the key: `.Values`.
        path: String,
        /// The key: `my-key`.
        key: String,
    },
    /// A function or variable that is not there.
    Unknown {
        /// Its name.
        name: String,
        /// The names that are known there.
        known: Vec<String>,
    },
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "template: {}:{}: {}", self.template, self.line, self.message)
    }
}

impl std::error::Error for ParseError {}

/// Where in a template a render failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The template's file, as it was named when it was parsed.
    pub file: Str,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in bytes, counted from 0 as Go does.
    pub column: usize,
    /// The part of the template that was being evaluated, printed back as Go prints it.
    pub action: String,
    /// The source's line.
    pub source_line: String,
}

/// A path of fields that could not be followed, and what stands where it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadEnd {
    /// The path as the template wrote it: `.Values.ingress.host.name`.
    pub path: String,
    /// The part of it that has no such field: `.Values.ingress.host`; the whole path where its last field has to be set and
    /// is not.
    pub end: String,
    /// Go's name of the type that stands there: `string`, `[]interface {}`; `nil` where there is nothing.
    pub found: String,
    /// The keys of the value that holds the end.
    pub siblings: Vec<Str>,
}

/// A failed render. `Display` gives Go's text; [`RenderError::location`], [`RenderError::inner`] and
/// [`RenderError::dead_end`] tell the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderError {
    pub(crate) template: Str,
    pub(crate) location: Option<Location>,
    pub(crate) message: String,
    pub(crate) inner: Option<Box<RenderError>>,
    pub(crate) dead_end: Option<DeadEnd>,
    pub(crate) limit: bool,
}

impl RenderError {
    /// Returns where the render failed; `None` where it did not start.
    #[must_use]
    pub fn location(&self) -> Option<&Location> {
        self.location.as_ref()
    }

    /// Returns the failure of the template that was included here, if that was the cause.
    #[must_use]
    pub fn inner(&self) -> Option<&RenderError> {
        self.inner.as_deref()
    }

    /// Returns the failure at the end of the chain of includes.
    #[must_use]
    pub fn root(&self) -> &RenderError {
        let mut error = self;
        while let Some(inner) = &error.inner {
            error = inner;
        }
        error
    }

    /// Returns the message without its location, and without the failure of a template that was included.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the path of fields that could not be followed, where that was the cause.
    #[must_use]
    pub fn dead_end(&self) -> Option<&DeadEnd> {
        self.dead_end.as_ref()
    }

    /// Returns whether a limit ended the render.
    #[must_use]
    pub fn is_limit(&self) -> bool {
        self.limit
    }
}

impl RenderError {
    /// Writes one link of the chain.
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(at) => write!(
                f,
                "template: {}:{}:{}: executing {} at <{}>: {}",
                at.file,
                at.line,
                at.column,
                crate::quote::quote(&self.template),
                at.action,
                self.message
            ),
            None => write!(f, "template: {}: {}", self.template, self.message),
        }
    }
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        std::iter::successors(Some(self), |error| error.inner()).try_for_each(|error| error.write(f))
    }
}

impl Drop for RenderError {
    /// Chains of includes are longer than a stack is deep.
    fn drop(&mut self) {
        let mut inner = self.inner.take();
        while let Some(mut error) = inner {
            inner = error.inner.take();
        }
    }
}

impl std::error::Error for RenderError {}
