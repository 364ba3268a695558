//! Why a pattern is refused.

use std::fmt;

/// A refusal; prints as Go does: ``error parsing regexp: missing closing ): `a(` ``.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    problem: &'static str,
    part: String,
}

impl Error {
    pub(crate) fn new(problem: &'static str, part: &str) -> Self {
        Self { problem, part: part.to_owned() }
    }

    /// Returns what is wrong, in Go's words.
    #[must_use]
    pub fn problem(&self) -> &str {
        self.problem
    }

    /// Returns the part of the pattern that is wrong.
    #[must_use]
    pub fn part(&self) -> &str {
        &self.part
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error parsing regexp: {}: `{}`", self.problem, self.part)
    }
}

impl std::error::Error for Error {}

pub(crate) const CHAR_RANGE: &str = "invalid character class range";
pub(crate) const ESCAPE: &str = "invalid escape sequence";
pub(crate) const MISSING_ARGUMENT: &str = "missing argument to repetition operator";
pub(crate) const MISSING_BRACKET: &str = "missing closing ]";
pub(crate) const MISSING_PAREN: &str = "missing closing )";
pub(crate) const NAMED_CAPTURE: &str = "invalid named capture";
pub(crate) const NESTING: &str = "expression nests too deeply";
pub(crate) const PERL_OPERATOR: &str = "invalid or unsupported Perl syntax";
pub(crate) const REPEAT_OPERATOR: &str = "invalid nested repetition operator";
pub(crate) const REPEAT_SIZE: &str = "invalid repeat count";
pub(crate) const TRAILING_BACKSLASH: &str = "trailing backslash at end of expression";
pub(crate) const UNEXPECTED_PAREN: &str = "unexpected )";
