//! How registries are spoken to.

use crate::Keychain;
use gitops_transport::Options;

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

/// Another place that holds a registry's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// The registry: `docker.io`.
    pub of: String,
    /// Where it is mirrored: `mirror.example.org`, or a path of it that comes before the repository's.
    pub at: String,
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
