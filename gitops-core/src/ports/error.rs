//! Why the world did not do as asked, and whether trying again can help.

use std::fmt;
use std::time::Duration;

/// What a caller should do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// The fault may pass: a time-out, a full queue, a conflict. Try again, not sooner than the server asked for.
    Retry {
        /// What the server asked to wait, where it said so (`Retry-After`).
        after: Option<Duration>,
    },
    /// Trying again is useless until somebody changes something: a wrong password, a name that does not exist.
    Stalled,
    /// The work itself is over: cancelled, or its object is gone.
    GiveUp,
}

/// A failed call of a port. Its text never holds a credential.
#[derive(Debug)]
pub struct PortError {
    outlook: Outlook,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl PortError {
    /// A fault that may pass.
    #[must_use]
    pub fn retry(message: impl Into<String>) -> Self {
        Self::new(Outlook::Retry { after: None }, message)
    }

    /// A fault that may pass after a time that the server named.
    #[must_use]
    pub fn retry_after(wait: Duration, message: impl Into<String>) -> Self {
        Self::new(Outlook::Retry { after: Some(wait) }, message)
    }

    /// A fault that stays until the configuration changes.
    #[must_use]
    pub fn stalled(message: impl Into<String>) -> Self {
        Self::new(Outlook::Stalled, message)
    }

    /// The end of the work.
    #[must_use]
    pub fn give_up(message: impl Into<String>) -> Self {
        Self::new(Outlook::GiveUp, message)
    }

    fn new(outlook: Outlook, message: impl Into<String>) -> Self {
        Self { outlook, message: message.into(), source: None }
    }

    /// Adds what caused the failure.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(cause.into());
        self
    }

    /// Puts what was being done in front of the message: `context: message`.
    #[must_use]
    pub fn while_doing(mut self, context: impl fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// Returns what the caller should do.
    #[must_use]
    pub fn outlook(&self) -> Outlook {
        self.outlook
    }

    /// Returns whether trying again can help.
    #[must_use]
    pub fn can_retry(&self) -> bool {
        matches!(self.outlook, Outlook::Retry { .. })
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for PortError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}
