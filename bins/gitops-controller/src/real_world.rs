//! The world as it is: adapters put together for the reconcilers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gitops_controllers::{ClusterAccess, CredentialScope, HttpAccess, Transport, World};
use gitops_core::ports::{ArtifactStore, Clock, PortError};
use gitops_fs::FolderStore;
use gitops_git::Git;
use gitops_http::{HttpNotify, HttpRepository, PassCredentials, RepositoryOptions};
use gitops_kube::{Connection, Impersonation, KubeCluster, Limits, Trust};
use gitops_oci::{Keychain, Mirror, OciOptions, OciRegistry};
use gitops_transport::{Authorization, Options, Proxy, Retries, Tls, Verification};

use crate::any_cluster::AnyCluster;
use crate::folders::FoldersOrGit;
use crate::made::Made;

/// The clock of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// Artifacts in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<BTreeMap<String, Arc<[u8]>>>);

impl ArtifactStore for MemoryStore {
    async fn put(&self, name: &str, content: Arc<[u8]>) -> Result<(), PortError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), content);
        Ok(())
    }
    async fn get(&self, name: &str) -> Result<Option<Arc<[u8]>>, PortError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned())
    }
    async fn remove(&self, name: &str) -> Result<(), PortError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        Ok(())
    }
}

/// Artifacts in memory, or in a folder that outlives the process.
#[derive(Debug)]
pub enum Store {
    /// In memory.
    Memory(MemoryStore),
    /// In a folder.
    Folder(FolderStore),
}

impl ArtifactStore for Store {
    async fn put(&self, name: &str, content: Arc<[u8]>) -> Result<(), PortError> {
        match self {
            Self::Memory(store) => store.put(name, content).await,
            Self::Folder(store) => store.put(name, content).await,
        }
    }
    async fn get(&self, name: &str) -> Result<Option<Arc<[u8]>>, PortError> {
        match self {
            Self::Memory(store) => store.get(name).await,
            Self::Folder(store) => store.get(name).await,
        }
    }
    async fn remove(&self, name: &str) -> Result<(), PortError> {
        match self {
            Self::Memory(store) => store.remove(name).await,
            Self::Folder(store) => store.remove(name).await,
        }
    }
}

/// Real adapters.
#[derive(Debug)]
pub struct RealWorld {
    cluster: AnyCluster,
    git: FoldersOrGit,
    registries: Made<HttpAccess, OciRegistry>,
    charts: Made<(String, HttpAccess), HttpRepository>,
    notifiers: Made<HttpAccess, HttpNotify>,
    store: Store,
    clock: SystemClock,
    random: Mutex<u64>,
    limits: Limits,
    chart_places: BTreeMap<String, String>,
    mirrors: Vec<Mirror>,
    plain_hosts: Vec<String>,
}

impl RealWorld {
    /// Puts the adapters together around a cluster.
    ///
    /// # Errors
    /// Where TLS can not be set up.
    pub fn new(cluster: AnyCluster) -> Result<Self, PortError> {
        Ok(Self {
            cluster,
            git: FoldersOrGit::new(Git::default()),
            registries: Made::default(),
            charts: Made::default(),
            notifiers: Made::default(),
            store: Store::Memory(MemoryStore::default()),
            clock: SystemClock,
            random: Mutex::new(SystemClock.now().subsec_nanos().into()),
            limits: Limits::default(),
            chart_places: BTreeMap::new(),
            mirrors: Vec::new(),
            plain_hosts: Vec::new(),
        })
    }

    /// Sets what requests to the clusters that kubeconfigs in Secrets name may cost.
    #[must_use]
    pub fn limit(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Keeps artifacts in a folder, so that they outlive the process.
    #[must_use]
    pub fn keep_in(mut self, folder: FolderStore) -> Self {
        self.store = Store::Folder(folder);
        self
    }

    /// Reads a chart repository from another address.
    pub fn replace_charts(&mut self, url: &str, address: &str) {
        self.chart_places.insert(url.trim_end_matches('/').to_owned(), address.to_owned());
    }

    /// Reads a registry's content from another place first; over plain HTTP where that is on this machine.
    pub fn mirror(&mut self, mirror: Mirror) {
        let host = mirror.at.split('/').next().unwrap_or_default();
        if host.starts_with("127.0.0.1:") || host.starts_with("localhost:") {
            self.plain_hosts.push(host.to_owned());
        }
        self.mirrors.push(mirror);
    }

    /// Returns git, to answer URLs from folders.
    #[must_use]
    pub fn folders(&self) -> &FoldersOrGit {
        &self.git
    }
}

fn transport(access: &HttpAccess) -> Result<Options, PortError> {
    let mut options = Options::default();
    options.tls = Tls {
        authorities: access.ca.as_ref().map(|ca| ca.as_bytes().to_vec()),
        certificate: access.client_certificate.as_ref().map(|text| text.as_bytes().to_vec()),
        key: access.client_key.clone(),
        verification: match access.transport {
            Transport::Secure => Verification::Full,
            Transport::Insecure => Verification::Skipped,
        },
    };
    if let Some(proxy) = &access.proxy {
        options.proxy = Some(Proxy::from_url(proxy.reveal())?);
    }
    if let Some(timeout) = access.timeout {
        options.total = timeout;
    }
    Ok(options)
}

fn authorization(access: &HttpAccess) -> Option<Authorization> {
    let username = access.username.clone()?;
    Some(Authorization::Basic { username, password: access.password.clone().unwrap_or_default() })
}

impl World for RealWorld {
    type Cluster = AnyCluster;
    type Git = FoldersOrGit;
    type Registry = Arc<OciRegistry>;
    type Charts = Arc<HttpRepository>;
    type Notify = Arc<HttpNotify>;
    type Store = Store;
    type Clock = SystemClock;

    fn cluster(&self) -> &AnyCluster {
        &self.cluster
    }

    async fn cluster_through(&self, access: &ClusterAccess) -> Result<AnyCluster, PortError> {
        let impersonation = match &access.service_account {
            Some((namespace, name)) => Some(
                Impersonation::service_account(namespace, name)
                    .map_err(|error| PortError::stalled(error.to_string()))?,
            ),
            None => None,
        };
        let refused = |error: gitops_kube::ConnectionError| PortError::stalled(error.to_string());
        match (&access.kubeconfig, &self.cluster, impersonation) {
            (Some(config), _, impersonation) => {
                let mut connection =
                    Connection::from_text(config.reveal(), None, Trust::Secret).await.map_err(refused)?;
                if let Some(impersonation) = impersonation {
                    connection = connection.impersonating(impersonation);
                }
                let cluster = KubeCluster::connect(connection).map_err(refused)?;
                Ok(AnyCluster::Kube(Box::new(cluster.with_limits(self.limits))))
            }
            (None, AnyCluster::Kube(cluster), Some(impersonation)) => {
                Ok(AnyCluster::Kube(Box::new(cluster.impersonating(&impersonation).map_err(refused)?)))
            }
            // The embedded cluster has one user.
            (None, cluster, _) => Ok(cluster.clone()),
        }
    }

    fn git(&self) -> &FoldersOrGit {
        &self.git
    }

    fn registry(&self, access: &HttpAccess) -> Result<Arc<OciRegistry>, PortError> {
        self.registries.get(access.clone(), || {
            let mut options = OciOptions::default();
            if let Some(config) = &access.docker_config {
                options.keychain = Keychain::from_docker_config(config.reveal().as_bytes())?;
            } else if let Some(authorization) = authorization(access) {
                options.keychain = Keychain::default().with("", authorization);
            }
            options.plain_http = [&access.plain_http_hosts[..], &self.plain_hosts].concat();
            options.mirrors.clone_from(&self.mirrors);
            options.transport = transport(access)?;
            OciRegistry::new(options)
        })
    }

    fn charts(&self, url: &str, access: &HttpAccess) -> Result<Arc<HttpRepository>, PortError> {
        self.charts.get((url.to_owned(), access.clone()), || {
            let place = self.chart_places.get(url.trim_end_matches('/')).map_or(url, String::as_str);
            let mut options = RepositoryOptions::new(place);
            options.authorization = authorization(access);
            options.pass_credentials = match access.credentials_for {
                CredentialScope::SameHost => PassCredentials::OwnHost,
                CredentialScope::AnyHost => PassCredentials::Everywhere,
            };
            options.transport = transport(access)?;
            HttpRepository::new(options)
        })
    }

    fn notifier(&self, access: &HttpAccess) -> Result<Arc<HttpNotify>, PortError> {
        self.notifiers.get(access.clone(), || {
            let mut options = transport(access)?;
            // Whoever sends waits between tries itself, and longer.
            options.retries = Retries::none();
            HttpNotify::new(options)
        })
    }

    fn store(&self) -> &Store {
        &self.store
    }

    fn clock(&self) -> &SystemClock {
        &self.clock
    }

    #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
    fn random(&self) -> f64 {
        // SplitMix64: to spread work, not to keep secrets.
        let mut state = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}
