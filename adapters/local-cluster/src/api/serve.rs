//! The API on a TCP port.

use super::ApiService;
use crate::cluster::LocalCluster;
use crate::store::Surroundings;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, ToSocketAddrs};

/// A cluster's API on a TCP port, without TLS. Whoever knows its token, a part of the
/// kubeconfig's URL, may do everything; nobody else may do anything.
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
        let token = format!("{:032x}", cluster.state().world.random());
        let service = ApiService { token: Some(token.into()), ..cluster.service() };
        Ok(Self { listener: TcpListener::bind(address).await?, service })
    }

    /// Returns the address that it listens on.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Returns a kubeconfig by which kubectl and other clients reach it: a secret.
    ///
    /// # Errors
    /// Where the system does not tell the address.
    pub fn kubeconfig(&self) -> io::Result<String> {
        let address = self.address()?;
        let token = self.service.token.as_deref().unwrap_or_default();
        Ok(kubeconfig(&format!("http://{address}/{token}")))
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
                // Too many files are open: those that have a connection will end some.
                Err(why) if matches!(why.raw_os_error(), Some(23 | 24)) => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
                Err(why) => return Err(why),
            };
            // Answers are whole when they are sent: nothing is to be gathered.
            let _ = socket.set_nodelay(true);
            let service = TowerToHyperService::new(self.service.clone());
            tokio::spawn(async move {
                let _ =
                    Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
            });
        }
    }
}

fn kubeconfig(url: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: local\n  cluster:\n    server: {url}\nusers:\n- name: local\n  user: {{}}\ncontexts:\n- name: local\n  context:\n    cluster: local\n    user: local\ncurrent-context: local\n"
    )
}
