//! One request, as it should be made.

use crate::Authorization;
use bytes::Bytes;
use gitops_core::ports::PortError;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use std::fmt;

/// A request and its bounds.
#[derive(Clone)]
pub struct Call {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) authorization: Option<Authorization>,
    pub(crate) body: Bytes,
    pub(crate) limit: u64,
    /// Whether an answer beyond the limit is cut there instead of refused.
    pub(crate) cut: bool,
    pub(crate) redirects: Redirects,
    pub(crate) shown: Shown,
}

/// Which redirects are followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redirects {
    /// All, without the credential and headers of the caller where they lead to another host.
    #[default]
    Followed,
    /// All, with the credential wherever they lead: the user asked for it.
    WithCredentials,
    /// Those that stay at the host; others are returned as they are.
    SameHost,
}

/// How much of a URL errors show. Names, passwords and queries are never shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// Host and path.
    #[default]
    Path,
    /// The host alone: the path is a secret, as those of webhooks are.
    Host,
}

impl Call {
    /// Makes a request without a body. A name and a password in the URL become the credential.
    ///
    /// # Errors
    /// Where the URL is none of http or https.
    pub fn new(method: Method, url: &str) -> Result<Self, PortError> {
        // The text itself may hold a password, so that it is not repeated.
        let url = Url::parse(url).map_err(|error| PortError::stalled(format!("invalid URL: {error}")))?;
        Self::to(method, url)
    }

    /// Makes a `GET`.
    ///
    /// # Errors
    /// As [`Call::new`].
    pub fn get(url: &str) -> Result<Self, PortError> {
        Self::new(Method::GET, url)
    }

    /// Makes a request to a URL that is parsed already.
    ///
    /// # Errors
    /// As [`Call::new`].
    pub fn to(method: Method, mut url: Url) -> Result<Self, PortError> {
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(PortError::stalled(format!(
                "scheme \"{}\" not supported: a URL starts with http:// or https://",
                url.scheme()
            )));
        }
        let named = !url.username().is_empty() || url.password().is_some();
        let authorization = named.then(|| {
            let decoded = |text: &str| decoded(text);
            Authorization::basic(decoded(url.username()), decoded(url.password().unwrap_or_default()))
        });
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_fragment(None);
        Ok(Self {
            method,
            url,
            headers: HeaderMap::new(),
            authorization,
            body: Bytes::new(),
            limit: 4 << 20,
            cut: false,
            redirects: Redirects::default(),
            shown: Shown::default(),
        })
    }

    /// Adds a header.
    ///
    /// # Errors
    /// Where the name or the value is none that a header may have.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, PortError> {
        let name = HeaderName::try_from(name)
            .map_err(|_| PortError::stalled(format!("invalid header name {name:?}")))?;
        let value = HeaderValue::try_from(value)
            .map_err(|_| PortError::stalled(format!("invalid value of the header {name}")))?;
        self.headers.append(name, value);
        Ok(self)
    }

    /// Sets the credential; `None` keeps the one of the URL.
    #[must_use]
    pub fn authorization(mut self, authorization: Option<Authorization>) -> Self {
        self.authorization = authorization.or(self.authorization);
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets how many bytes of an answer are read; more is an error. 4 MiB by default.
    #[must_use]
    pub fn limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// Cuts a longer answer at the limit, where its rest is not needed.
    #[must_use]
    pub fn cut(mut self) -> Self {
        self.cut = true;
        self
    }

    /// Sets which redirects are followed.
    #[must_use]
    pub fn redirects(mut self, redirects: Redirects) -> Self {
        self.redirects = redirects;
        self
    }

    /// Sets how much of the URL errors show.
    #[must_use]
    pub fn shown(mut self, shown: Shown) -> Self {
        self.shown = shown;
        self
    }

    /// Returns the credential, where there is one.
    #[must_use]
    pub fn credential(&self) -> Option<&Authorization> {
        self.authorization.as_ref()
    }

    /// Returns the URL without its name and password.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) fn describe(&self, url: &Url) -> String {
        format!("{} {}", self.method, shown(url, self.shown))
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe(&self.url))
    }
}

pub(crate) fn shown(url: &Url, how: Shown) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let path = if how == Shown::Path { url.path() } else { "" };
    format!("{}://{host}{port}{path}", url.scheme())
}

/// Returns whether a credential for one URL may go to another: the same host and port, or its change from http to https.
#[must_use]
pub fn same_host(a: &Url, b: &Url) -> bool {
    let upgraded = a.scheme() == "http" && b.scheme() == "https" && a.port().is_none() && b.port().is_none();
    let same_port = a.scheme() == b.scheme() && a.port_or_known_default() == b.port_or_known_default();
    a.host() == b.host() && (same_port || upgraded)
}

/// Undoes the percent signs of a URL's name or password.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = |at: usize| after.get(at).and_then(|b| char::from(*b).to_digit(16));
        match (byte, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'%'));
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_url_holds_of_credentials_is_never_shown() {
        let call = Call::get("https://me:p%40ss@example.org:8443/a/b?token=x#f").unwrap();
        assert_eq!(format!("{call:?}"), "GET https://example.org:8443/a/b");
        assert_eq!(call.authorization, Some(Authorization::basic("me", "p@ss")));
        let hidden = call.shown(Shown::Host);
        assert_eq!(format!("{hidden:?}"), "GET https://example.org:8443");
        let error = Call::get("https://me:hunter2@exa mple.org").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert!(Call::get("file:///etc/passwd").is_err() && Call::get("javascript:x").is_err());
    }

    #[test]
    fn credentials_stay_at_their_host() {
        let url = |text: &str| Url::parse(text).unwrap();
        let same = |a: &str, b: &str| same_host(&url(a), &url(b));
        assert!(same("https://a.org/x", "https://A.org:443/y"));
        assert!(same("http://a.org", "https://a.org/"));
        assert!(!same("https://a.org", "http://a.org"));
        assert!(!same("https://a.org", "https://b.a.org"));
        assert!(!same("https://a.org", "https://a.org:8443"));
        assert!(!same("http://a.org:8080", "https://a.org:8443"));
    }
}
