//! How requests are made: certificates, proxy, deadlines, retries.

use crate::call::decoded;
use gitops_core::ports::{PortError, Secret};
use reqwest::Url;
use std::time::Duration;

/// How a client makes its requests.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Certificates.
    pub tls: Tls,
    /// A proxy; where `None`, the one that the environment names.
    pub proxy: Option<Proxy>,
    /// The program's name as servers see it: `gitops-rs/0.1.0`.
    pub user_agent: String,
    /// How long connecting may take; 10 seconds by default.
    pub connect: Duration,
    /// How long a server may be silent, before or within an answer; 30 seconds by default.
    pub stall: Duration,
    /// How long one call may take with all its retries and redirects; 60 seconds by default, as Flux's timeout.
    pub total: Duration,
    /// How often faults that may pass are tried again.
    pub retries: Retries,
    /// How many redirects are followed; 5 by default.
    pub redirects: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tls: Tls::default(),
            proxy: None,
            user_agent: concat!("gitops-rs/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            total: Duration::from_secs(60),
            retries: Retries::default(),
            redirects: 5,
        }
    }
}

/// Whom a client trusts, and how it proves itself.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Certificates of authorities in PEM, trusted beside those of the system.
    pub authorities: Option<Vec<u8>>,
    /// The client's certificate in PEM.
    pub certificate: Option<Vec<u8>>,
    /// The key of [`Tls::certificate`] in PEM.
    pub key: Option<Secret>,
    /// Whether the server's certificate is checked.
    pub verification: Verification,
}

/// Whether a server's certificate is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verification {
    /// It is.
    #[default]
    Full,
    /// Any is taken; anybody may be the server.
    Skipped,
}

/// A proxy.
#[derive(Clone, Debug, Default)]
pub struct Proxy {
    /// Its address: `http://proxy:3128`, `socks5://…`.
    pub address: String,
    /// The user's name, where it wants one.
    pub username: String,
    /// The password.
    pub password: Secret,
}

impl Proxy {
    /// Reads a proxy's URL, in which a name and a password may stand.
    ///
    /// ```
    /// let proxy = gitops_transport::Proxy::from_url("http://me:p%40ss@proxy:3128")?;
    /// assert_eq!((proxy.address.as_str(), proxy.username.as_str()), ("http://proxy:3128/", "me"));
    /// assert_eq!(proxy.password.reveal(), "p@ss");
    /// # Ok::<(), gitops_core::ports::PortError>(())
    /// ```
    ///
    /// # Errors
    /// Where it is no URL; the error does not show it.
    pub fn from_url(text: &str) -> Result<Self, PortError> {
        let mut url = Url::parse(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h") && url.has_host())
            .ok_or_else(|| PortError::stalled("the proxy's address is no URL like http://proxy:3128"))?;
        let username = decoded(url.username());
        let password = Secret::new(decoded(url.password().unwrap_or_default()));
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Ok(Self { address: url.to_string(), username, password })
    }
}

/// How often and how fast a call is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// Attempts in all; 4 by default, 1 tries nothing again.
    pub attempts: u32,
    /// The first wait; each later one is twice as long. 500 ms by default.
    pub first: Duration,
    /// The longest wait, and the longest `Retry-After` that is waited for; 10 seconds by default.
    pub longest: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self { attempts: 4, first: Duration::from_millis(500), longest: Duration::from_secs(10) }
    }
}

impl Retries {
    /// Tries everything once.
    #[must_use]
    pub fn none() -> Self {
        Self { attempts: 1, ..Self::default() }
    }
}
