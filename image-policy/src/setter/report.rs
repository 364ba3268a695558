//! What an update says about the files it read: markers that set nothing, files that were left alone.

use super::marker::MarkerProblem;
use std::fmt;

/// A marker that sets nothing, with its place; prints as `file:line:column: what is wrong`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
    /// The column in characters, counted from 1.
    pub column: u32,
    /// What is wrong.
    pub problem: MarkerProblem,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.problem)
    }
}

/// A file that has markers and was left alone; prints as `file: why`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub file: String,
    /// Why.
    pub reason: SkipReason,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            SkipReason::NotYaml { line, column, message } if *line > 0 => {
                write!(f, "{}:{line}:{column}: not changed, as it is not YAML: {message}", self.file)
            }
            reason => write!(f, "{}: {reason}", self.file),
        }
    }
}

/// Why a file was left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SkipReason {
    /// It can't be read as YAML, as a template of a chart can't.
    NotYaml {
        /// The line of the mistake, counted from 1; 0 where it is not known.
        line: u32,
        /// The column of the mistake.
        column: u32,
        /// What the reader says.
        message: String,
    },
    /// It is not text: it holds NUL bytes or is not UTF-8.
    Binary {
        /// The first byte that no text has.
        offset: usize,
    },
    /// It is larger than [`super::Limits`] allows.
    TooLarge {
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A new value can't be written where the old one stands without making other YAML of the file.
    Unwritable {
        /// The line of the old value, or of the first of several.
        line: u32,
    },
    /// Flux itself would leave it alone, for this reason; only in Flux's mode.
    LikeFlux(String),
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotYaml { message, .. } => write!(f, "not changed, as it is not YAML: {message}"),
            Self::Binary { offset } => {
                write!(f, "not changed, as it is not text: byte {offset} is none of UTF-8 text")
            }
            Self::TooLarge { size, limit } => {
                write!(f, "not changed, as it is larger than {}: {}", Size(*limit), Size(*size))
            }
            Self::Unwritable { line } => {
                write!(f, "not changed, as the new value can't be written in place on line {line} or below")
            }
            Self::LikeFlux(why) => write!(f, "not changed, as Flux does not change it: {why}"),
        }
    }
}

struct Size(u64);

impl fmt::Display for Size {
    #[allow(clippy::cast_precision_loss, reason = "one decimal is shown")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            small @ 0..1024 => write!(f, "{small} bytes"),
            middle @ 1024..1_048_576 => write!(f, "{:.1} KiB", middle as f64 / 1024.0),
            large => write!(f, "{:.1} MiB", large as f64 / 1_048_576.0),
        }
    }
}
