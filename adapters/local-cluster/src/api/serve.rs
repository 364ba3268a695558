//! The API on a TCP port.

use super::ApiService;
use crate::cluster::LocalCluster;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use tokio::net::{TcpListener, ToSocketAddrs};

/// A cluster's API on a TCP port, without TLS and without users: whoever reaches the port may do everything.
#[derive(Debug)]
pub struct ApiServer {
    listener: TcpListener,
    service: ApiService,
}

impl ApiServer {
    /// Listens on an address; port 0 takes a free one.
    ///
    /// # Errors
    /// Where the address can't be had.
    pub async fn bind(cluster: &LocalCluster, address: impl ToSocketAddrs) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, service: cluster.service() })
    }

    /// Returns the address that it listens on.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until the future is dropped.
    ///
    /// # Errors
    /// Where no connection can be accepted any more.
    pub async fn serve(self) -> io::Result<()> {
        loop {
            let (socket, _) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                // A client that is gone already is nobody's fault.
                Err(why) if why.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(why) => return Err(why),
            };
            let service = TowerToHyperService::new(self.service.clone());
            tokio::spawn(async move {
                let _ =
                    Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
            });
        }
    }
}

/// Returns a kubeconfig for a cluster at a URL.
///
/// ```
/// let text = gitops_local_cluster::kubeconfig("http://127.0.0.1:6443");
/// assert!(text.contains("server: http://127.0.0.1:6443\n"));
/// ```
#[must_use]
pub fn kubeconfig(url: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: local\n  cluster:\n    server: {url}\nusers:\n- name: local\n  user: {{}}\ncontexts:\n- name: local\n  context:\n    cluster: local\n    user: local\ncurrent-context: local\n"
    )
}
