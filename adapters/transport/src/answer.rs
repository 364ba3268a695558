//! What a server said.

use crate::fault::clean;
use crate::retry::retry_after;
use bytes::Bytes;
use gitops_core::ports::{PortError, Secret};
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use reqwest::{StatusCode, Url};
use std::fmt;
use std::io::Read;

/// An answer, whatever its status.
#[derive(Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, not longer than the call's limit.
    pub body: Bytes,
    /// Where it came from at last, after redirects.
    pub url: Url,
    pub(crate) described: String,
    pub(crate) secrets: Vec<Secret>,
}

impl Answer {
    /// Returns a header as text; `None` where it is missing or no text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the answer of a request that succeeded.
    ///
    /// # Errors
    /// For every other status, as [`Answer::failure`] words it.
    pub fn success(self) -> Result<Self, PortError> {
        if self.status.is_success() { Ok(self) } else { Err(self.failure(None)) }
    }

    /// Words the answer as an error: the request, the status, and what the server said, where it said something.
    #[must_use]
    pub fn failure(&self, said: Option<&str>) -> PortError {
        let said = match said {
            Some(said) => format!(": {}", self.cleaned(said)),
            None => String::new(),
        };
        let message = format!("{}: {}{said}", self.described, self.status);
        match self.status.as_u16() {
            408 | 425 | 429 | 500..=599 => match retry_after(&self.headers) {
                Some(wait) => PortError::retry_after(wait, message),
                None => PortError::retry(message),
            },
            _ => PortError::stalled(message),
        }
    }

    /// Makes an error about this answer that trying again does not mend.
    #[must_use]
    pub fn refused(&self, why: impl fmt::Display) -> PortError {
        PortError::stalled(self.cleaned(&format!("{}: {why}", self.described)))
    }

    /// Returns a text of the server as a message may show it: one line, not too long, without a credential.
    #[must_use]
    pub fn cleaned(&self, text: &str) -> String {
        clean(text, &self.secrets)
    }

    /// Returns the body as it was before the server compressed it for the transfer.
    ///
    /// # Errors
    /// Where it is damaged, longer than the limit, or compressed in another way than gzip.
    pub fn decoded(&self, limit: u64) -> Result<Bytes, PortError> {
        match self.headers.get(CONTENT_ENCODING).map_or("", |value| value.to_str().unwrap_or("?")) {
            "" | "identity" => Ok(self.body.clone()),
            "gzip" | "x-gzip" => {
                let mut body = Vec::new();
                let decoder = flate2::read::MultiGzDecoder::new(&self.body[..]);
                let read = decoder.take(limit.saturating_add(1)).read_to_end(&mut body);
                read.map_err(|error| self.refused(format_args!("the body is damaged: {error}")))?;
                if body.len() as u64 > limit {
                    return Err(self.refused(format_args!("larger than the limit of {limit} bytes")));
                }
                Ok(body.into())
            }
            _ => Err(self.refused("the body is compressed in an unknown way")),
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({} bytes)", self.described, self.status, self.body.len())
    }
}
