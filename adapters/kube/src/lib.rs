//! Any Kubernetes API as a cluster: the [`Cluster`](gitops_core::ports::Cluster) port over kube's client.
//!
//! kube's client brings connections, TLS and logins; requests, discovery, answers and watches are made here, on nodes, so
//! that an object is never held in two forms. A [`Connection`] says where and as whom, a [`KubeCluster`] speaks.
//!
//! ```no_run
//! use gitops_core::object::Gvk;
//! use gitops_core::ports::{Cluster, ListOptions};
//! use gitops_kube::{Connection, KubeCluster};
//! # async fn list() -> Result<(), Box<dyn std::error::Error>> {
//! let cluster = KubeCluster::connect(Connection::from_environment(None).await?)?;
//! let pods = cluster.list(&Gvk::new("v1", "Pod"), &ListOptions::default()).await?;
//! println!("{} pods", pods.items.len());
//! # Ok(())
//! # }
//! ```

mod answer;
mod cluster;
mod connection;
mod discovery;
mod impersonation;
mod login;
mod request;
mod server;
mod session;
mod throttle;
mod watch;

pub use cluster::{KubeCluster, Limits};
pub use connection::{Connection, ConnectionError, Trust};
pub use impersonation::{Impersonation, ImpersonationError};
pub use login::{Compression, Login, Verification};
pub use server::{LogOptions, PodLog};
pub use throttle::Rate;
pub use watch::KubeWatch;
