//! Everything outside that the reconcilers reach, as one value.

use std::future::Future;
use std::time::Duration;

use gitops_core::ports::{
    ArtifactStore, ChartRepository, Clock, Cluster, GitRemote, Notify, PortError, Registry, Secret,
};

/// The ports of `gitops-core`, put together: a binary makes one of real adapters, a test one of fakes.
pub trait World: Send + Sync + 'static {
    /// A Kubernetes API.
    type Cluster: Cluster;
    /// Git servers.
    type Git: GitRemote;
    /// Registries, seen with one login.
    type Registry: Registry;
    /// A chart repository, seen with one login.
    type Charts: ChartRepository;
    /// Web hooks of others.
    type Notify: Notify;
    /// Where artifacts are kept.
    type Store: ArtifactStore;
    /// What time it is.
    type Clock: Clock;

    /// Returns the cluster that the reconciled objects lie in.
    fn cluster(&self) -> &Self::Cluster;

    /// Returns a cluster seen through another account, or another cluster.
    ///
    /// # Errors
    /// Where the access is malformed or asks for what is not allowed: programs, paths of files.
    fn cluster_through(
        &self,
        access: &ClusterAccess,
    ) -> impl Future<Output = Result<Self::Cluster, PortError>> + Send;

    /// Returns the git servers.
    fn git(&self) -> &Self::Git;

    /// Returns registries, logged in as told.
    ///
    /// # Errors
    /// Where the access is malformed.
    fn registry(&self, access: &HttpAccess) -> Result<Self::Registry, PortError>;

    /// Returns the chart repository at a URL.
    ///
    /// # Errors
    /// Where the URL or the access is malformed.
    fn charts(&self, url: &str, access: &HttpAccess) -> Result<Self::Charts, PortError>;

    /// Returns a sender of notifications.
    ///
    /// # Errors
    /// Where the access is malformed.
    fn notifier(&self, access: &HttpAccess) -> Result<Self::Notify, PortError>;

    /// Returns where artifacts are kept.
    fn store(&self) -> &Self::Store;

    /// Returns the clock.
    fn clock(&self) -> &Self::Clock;

    /// Returns a number from 0 to 1, exclusive, to spread work with.
    fn random(&self) -> f64;
}

/// How a cluster is reached, beyond the reconciler's own account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterAccess {
    /// A kubeconfig's text; the own cluster where `None`.
    pub kubeconfig: Option<Secret>,
    /// The namespace and name of a service account to act as.
    pub service_account: Option<(String, String)>,
}

impl ClusterAccess {
    /// Returns whether this is the own cluster through the own account.
    #[must_use]
    pub fn is_own(&self) -> bool {
        *self == Self::default()
    }
}

/// How a server that speaks HTTP is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct HttpAccess {
    /// A user's name.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The text of docker's `config.json`.
    pub docker_config: Option<Secret>,
    /// Certificates to trust beside the system's, as PEM.
    pub ca: Option<String>,
    /// A client's certificate as PEM.
    pub client_certificate: Option<String>,
    /// Its key as PEM.
    pub client_key: Option<Secret>,
    /// A proxy's URL.
    pub proxy: Option<Secret>,
    /// Hosts that are spoken to over plain HTTP.
    pub plain_http_hosts: Vec<String>,
    /// Which transports will do.
    pub transport: Transport,
    /// Who gets the credentials.
    pub credentials_for: CredentialScope,
    /// The time limit of one exchange; the adapter's where `None`.
    pub timeout: Option<Duration>,
}

/// Which transports will do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TLS with a certificate that is trusted.
    #[default]
    Secure,
    /// Plain HTTP too, and any certificate: Flux's `insecure`.
    Insecure,
}

/// Who gets the credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CredentialScope {
    /// The host that they are for.
    #[default]
    SameHost,
    /// Every host that a URL leads to: Flux's `passCredentials`.
    AnyHost,
}
