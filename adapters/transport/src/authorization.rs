//! Who asks: a name with a password, or a token.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gitops_core::ports::{PortError, Secret};
use reqwest::header::HeaderValue;

/// A credential for one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// A name and a password.
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A token.
    Bearer(Secret),
}

impl Authorization {
    /// Makes a name and a password.
    #[must_use]
    pub fn basic(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Basic { username: username.into(), password: Secret::new(password) }
    }

    /// Makes a token.
    #[must_use]
    pub fn bearer(token: impl Into<String>) -> Self {
        Self::Bearer(Secret::new(token))
    }

    /// Returns the header's value, marked so that it is never printed.
    pub(crate) fn header(&self) -> Result<HeaderValue, PortError> {
        let text = match self {
            Self::Basic { .. } => format!("Basic {}", self.encoded().unwrap_or_default()),
            Self::Bearer(token) => format!("Bearer {}", token.reveal()),
        };
        let mut value = HeaderValue::try_from(text)
            .map_err(|_| PortError::stalled("the token has characters that no HTTP header may have"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn encoded(&self) -> Option<String> {
        match self {
            Self::Basic { username, password } => {
                Some(STANDARD.encode(format!("{username}:{}", password.reveal())))
            }
            Self::Bearer(_) => None,
        }
    }

    /// Returns the texts that no message may show.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        let own = match self {
            Self::Basic { password, .. } => password,
            Self::Bearer(token) => token,
        };
        self.encoded().map(Secret::new).into_iter().chain([own.clone()]).collect()
    }
}
