//! How registries are spoken to.

use crate::Keychain;
use crate::{Reference, ReferenceError};
use gitops_transport::Options;
use std::str::FromStr;

/// How registries are spoken to.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct OciOptions {
    /// Credentials by registry; none where empty.
    pub keychain: Keychain,
    /// Hosts that are spoken to over plain http.
    pub plain_http: Vec<String>,
    /// Other places to read from, tried in their order before the registry itself.
    pub mirrors: Vec<Mirror>,
    /// Hosts that may be given a credential to make a token of it, beside the registry's own and those of its domain.
    pub token_hosts: Vec<String>,
    /// How large answers may be.
    pub limits: RegistryLimits,
    /// Certificates, proxy, deadlines and retries.
    pub transport: Options,
}

/// Another place that holds a registry's content. Nothing is pushed to it.
///
/// ```
/// let mirror: gitops_oci::Mirror = "docker.io=mirror.example.org/hub".parse()?;
/// assert_eq!((mirror.of.as_str(), mirror.at.as_str()), ("docker.io", "mirror.example.org/hub"));
/// # Ok::<(), gitops_oci::ReferenceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// The registry: `docker.io`.
    pub of: String,
    /// Where it is mirrored: `mirror.example.org`, or a path of it that comes before the repository's. It begins with
    /// `http://` where no TLS is spoken there.
    pub at: String,
}

impl Mirror {
    /// Returns the place of a repository, and whether it is spoken to without TLS.
    pub(crate) fn place(&self, path: &str) -> (String, bool) {
        let at = self.at.trim_end_matches('/');
        let plain = at.strip_prefix("http://");
        let at = plain.or_else(|| at.strip_prefix("https://")).unwrap_or(at);
        (format!("{at}/{path}"), plain.is_some())
    }
}

/// Reads `REGISTRY=PLACE`.
impl FromStr for Mirror {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let wrong =
            || ReferenceError::new("a mirror is named as REGISTRY=PLACE: docker.io=mirror.example.org/hub");
        let (of, at) = text.split_once('=').ok_or_else(wrong)?;
        let mirror = Self { of: of.to_owned(), at: at.to_owned() };
        // What comes without a host is Docker's, and would be another place than the one that was named.
        for name in [format!("{of}/x"), mirror.place("x").0] {
            let host = name.split('/').next().unwrap_or_default();
            if host.is_empty() || name.parse::<Reference>()?.host() != host {
                return Err(wrong());
            }
        }
        Ok(mirror)
    }
}

/// How large answers may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegistryLimits {
    /// Bytes of a manifest; 4 MiB by default, as registries have it.
    pub manifest_bytes: u64,
    /// Bytes of a layer; 128 MiB by default.
    pub blob_bytes: u64,
    /// Bytes of one page of tags; 32 MiB by default: some registries put all on one.
    pub page_bytes: u64,
    /// Pages of tags; 2,000 by default.
    pub pages: usize,
    /// Tags in all; 1,000,000 by default.
    pub tags: usize,
}

impl Default for RegistryLimits {
    fn default() -> Self {
        Self {
            manifest_bytes: 4 << 20,
            blob_bytes: 128 << 20,
            page_bytes: 32 << 20,
            pages: 2_000,
            tags: 1_000_000,
        }
    }
}
