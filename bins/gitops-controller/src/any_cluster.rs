//! A cluster that is embedded or somewhere else, behind one type.

use gitops_core::object::Gvk;
use gitops_core::ports::{
    Cluster, ClusterError, DeleteOptions, ListOptions, ObjectList, ObjectRef, Patch, ServedKind, Watch,
    WatchEvent, WriteOptions,
};
use gitops_kube::{KubeCluster, KubeWatch};
use gitops_local_cluster::{LocalCluster, LocalWatch};
use gitops_yaml::Node;

/// An embedded cluster or any Kubernetes API. Clones are handles of one cluster.
#[derive(Clone)]
pub enum AnyCluster {
    /// Embedded, in this process.
    Local(LocalCluster),
    /// Reached over the network.
    Kube(Box<KubeCluster>),
}

impl std::fmt::Debug for AnyCluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Local(_) => "AnyCluster::Local",
            Self::Kube(_) => "AnyCluster::Kube",
        })
    }
}

/// A watch on either.
#[allow(missing_debug_implementations, reason = "holds a connection")]
pub enum AnyWatch {
    /// On the embedded cluster.
    Local(Box<LocalWatch>),
    /// Over the network.
    Kube(Box<KubeWatch>),
}

impl Watch for AnyWatch {
    async fn next(&mut self) -> Option<Result<WatchEvent, ClusterError>> {
        match self {
            Self::Local(watch) => watch.next().await,
            Self::Kube(watch) => watch.next().await,
        }
    }
}

macro_rules! either {
    ($self:ident, $call:ident $(, $argument:expr)*) => {
        match $self {
            Self::Local(cluster) => cluster.$call($($argument),*).await,
            Self::Kube(cluster) => cluster.$call($($argument),*).await,
        }
    };
}

impl Cluster for AnyCluster {
    type Watch = AnyWatch;

    async fn kind(&self, gvk: &Gvk) -> Result<Option<ServedKind>, ClusterError> {
        either!(self, kind, gvk)
    }
    async fn kinds(&self) -> Result<Vec<ServedKind>, ClusterError> {
        either!(self, kinds)
    }
    async fn get(&self, target: &ObjectRef) -> Result<Option<Node>, ClusterError> {
        either!(self, get, target)
    }
    async fn list(&self, gvk: &Gvk, options: &ListOptions) -> Result<ObjectList, ClusterError> {
        either!(self, list, gvk, options)
    }
    async fn watch(
        &self,
        gvk: &Gvk,
        options: &ListOptions,
        resource_version: &str,
    ) -> Result<AnyWatch, ClusterError> {
        match self {
            Self::Local(cluster) => cluster
                .watch(gvk, options, resource_version)
                .await
                .map(|watch| AnyWatch::Local(Box::new(watch))),
            Self::Kube(cluster) => cluster
                .watch(gvk, options, resource_version)
                .await
                .map(|watch| AnyWatch::Kube(Box::new(watch))),
        }
    }
    async fn create(&self, object: &Node, options: &WriteOptions) -> Result<Node, ClusterError> {
        either!(self, create, object, options)
    }
    async fn replace(&self, object: &Node, options: &WriteOptions) -> Result<Node, ClusterError> {
        either!(self, replace, object, options)
    }
    async fn apply(&self, object: &Node, options: &WriteOptions) -> Result<Node, ClusterError> {
        either!(self, apply, object, options)
    }
    async fn patch(
        &self,
        target: &ObjectRef,
        patch: &Patch,
        options: &WriteOptions,
    ) -> Result<Node, ClusterError> {
        either!(self, patch, target, patch, options)
    }
    async fn delete(&self, target: &ObjectRef, options: &DeleteOptions) -> Result<bool, ClusterError> {
        either!(self, delete, target, options)
    }
}
