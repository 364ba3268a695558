//! The regular expressions that selectors hold, with a short way for those that are plain text.

use gitops_regex::GoRegex;

use crate::error::{Error, ErrorKind};

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    /// The whole text must be this.
    Exactly(String),
    /// The text must match.
    Regex(GoRegex),
}

impl Pattern {
    /// Compiles a pattern that must match the whole text.
    ///
    /// # Errors
    /// In the words of Go's regexp, when the pattern is none.
    pub(super) fn whole(pattern: &str) -> Result<Self, Error> {
        if is_literal(pattern) {
            return Ok(Self::Exactly(pattern.to_owned()));
        }
        Self::anywhere(&format!("^(?:{pattern})$"))
    }

    /// Compiles a pattern that may match anywhere in the text.
    ///
    /// # Errors
    /// As [`Pattern::whole`].
    pub(super) fn anywhere(pattern: &str) -> Result<Self, Error> {
        match GoRegex::new(pattern) {
            Ok(regex) => Ok(Self::Regex(regex)),
            Err(error) => Err(Error::new(ErrorKind::Kustomization, error.to_string())),
        }
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exactly(wanted) => wanted == text,
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

/// Returns whether a pattern matches itself alone.
pub(super) fn is_literal(pattern: &str) -> bool {
    !pattern.contains(['\\', '.', '+', '*', '?', '(', ')', '|', '[', ']', '{', '}', '^', '$'])
}
