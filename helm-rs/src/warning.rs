//! What Helm would log while it works. A pure crate logs nothing: warnings are collected and returned.

use std::fmt;

/// How grave a [`Warning`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Good to know; Helm prints coalescing warnings at this level.
    Info,
    /// Probably a mistake.
    Warn,
    /// Precedes a failure.
    Error,
}

/// One line of Helm's log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// How grave it is.
    pub level: Level,
    /// What is the matter.
    pub message: String,
    /// Details, in order.
    pub details: Vec<(&'static str, String)>,
}

/// Warnings in the order in which they came up.
pub type Warnings = Vec<Warning>;

impl Warning {
    pub(crate) fn info(message: impl Into<String>) -> Self {
        Self { level: Level::Info, message: message.into(), details: Vec::new() }
    }

    pub(crate) fn warn(message: impl Into<String>) -> Self {
        Self { level: Level::Warn, ..Self::info(message) }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.details.push((name, value.to_string()));
        self
    }
}

impl fmt::Display for Warning {
    /// Prints the line as Helm does: `level=WARN msg="…" name=value`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
        };
        write!(f, "level={level} msg={}", attribute(&self.message))?;
        for (name, value) in &self.details {
            write!(f, " {name}={}", attribute(value))?;
        }
        Ok(())
    }
}

/// Quotes where Go's slog does: nothing, white space, quotes, `=` and what can't be printed.
fn attribute(text: &str) -> String {
    let plain = |c: char| c > ' ' && c != '"' && c != '=' && crate::go::is_printable(c);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { crate::go::quoted(text) }
}
