//! Failures of the wire, put into the words and the outlook of a port.

use gitops_core::git_location::GitLocation;
use gitops_core::ports::{PortError, SignatureError};
use std::io::ErrorKind;
use std::time::Duration;

/// A failure on the way to a remote, before it is known whose.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Login refused: 401, 403, `Permission denied`.
    Refused(String),
    /// No such repository or reference.
    NotFound(String),
    /// The content is malformed, too large, or of a kind that is not supported.
    Bad(String),
    /// Anything that may pass: time-outs, cut connections, 5xx.
    Passing(String),
    /// The server is busy and said how long.
    Busy(String, Duration),
    /// The remote's reference moved while a push was under way.
    Moved(String),
    /// A signature that is wanted is missing or none of the keys made it.
    Signature(SignatureError),
}

impl Failure {
    /// Changes the words.
    pub(crate) fn with(self, words: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Refused(why) => Self::Refused(words(why)),
            Self::NotFound(why) => Self::NotFound(words(why)),
            Self::Bad(why) => Self::Bad(words(why)),
            Self::Passing(why) => Self::Passing(words(why)),
            Self::Busy(why, wait) => Self::Busy(words(why), wait),
            Self::Moved(why) => Self::Moved(words(why)),
            Self::Signature(error) => {
                Self::Signature(SignatureError { message: words(error.message), ..error })
            }
        }
    }

    /// Names the repository and tells whether a retry can help.
    pub(crate) fn of(self, location: &GitLocation) -> PortError {
        match self {
            Self::Refused(why) => {
                PortError::stalled(format!("authentication required: {why}")).while_doing(location)
            }
            Self::NotFound(why) | Self::Bad(why) => PortError::stalled(why).while_doing(location),
            Self::Passing(why) | Self::Moved(why) => PortError::retry(why).while_doing(location),
            Self::Signature(error) => {
                PortError::stalled(error.message.clone()).because(error).while_doing(location)
            }
            Self::Busy(why, wait) => PortError::retry_after(wait, why).while_doing(location),
        }
    }
}

/// Sorts an input-output error.
pub(crate) fn from_io(error: &std::io::Error) -> Failure {
    let why = match error.kind() {
        ErrorKind::TimedOut => "the server did not answer in time".to_owned(),
        ErrorKind::BrokenPipe => "the server closed the connection".to_owned(),
        _ => error.to_string(),
    };
    match error.kind() {
        ErrorKind::PermissionDenied => Failure::Refused(why),
        ErrorKind::InvalidData | ErrorKind::InvalidInput => Failure::Bad(why),
        _ => Failure::Passing(why),
    }
}

/// Sorts an HTTP status.
pub(crate) fn from_status(status: u16, wait: Option<Duration>) -> Failure {
    let why = format!("the server answered {status}");
    match (status, wait) {
        (401 | 403 | 407, _) => Failure::Refused(why),
        (404 | 410, _) => Failure::NotFound(format!("repository not found: {why}")),
        (408 | 425 | 429 | 500..=599, Some(wait)) => Failure::Busy(why, wait),
        (408 | 425 | 429 | 500..=599, None) => Failure::Passing(why),
        _ => Failure::Bad(why),
    }
}
