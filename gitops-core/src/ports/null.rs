//! The null form of every port: it reaches nothing.

use super::{
    ArtifactStore, Blob, ChartRepository, Checkout, Clock, Cluster, ClusterError, ClusterFault,
    DeleteOptions, FetchRequest, GitReference, GitRemote, ImageManifest, ListOptions, Notify, ObjectList,
    ObjectRef, Patch, PortError, PushRequest, Registry, Request, Response, ServedKind, Watch, WatchEvent,
    WriteOptions,
};
use crate::git_location::GitLocation;
use crate::object::Gvk;
use crate::revision::Revision;
use gitops_yaml::Node;
use std::sync::Arc;
use std::time::Duration;

/// A world without a network: reading is refused as stalled, storing forgets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Null;

fn refused<T>(what: &str) -> Result<T, PortError> {
    Err(PortError::stalled(format!("{what} can not be reached: no adapter is configured")))
}

impl GitRemote for Null {
    async fn resolve(&self, location: &GitLocation, _: &GitReference) -> Result<Revision, PortError> {
        refused(&location.to_string())
    }
    async fn fetch(&self, request: &FetchRequest) -> Result<Checkout, PortError> {
        refused(&request.location.to_string())
    }
    async fn push(&self, request: &PushRequest) -> Result<String, PortError> {
        refused(&request.location.to_string())
    }
}

impl Registry for Null {
    async fn tags(&self, repository: &str) -> Result<Vec<String>, PortError> {
        refused(repository)
    }
    async fn resolve(&self, repository: &str, _: &str) -> Result<String, PortError> {
        refused(repository)
    }
    async fn manifest(&self, repository: &str, _: &str) -> Result<ImageManifest, PortError> {
        refused(repository)
    }
    async fn blob(&self, repository: &str, _: &Blob) -> Result<Arc<[u8]>, PortError> {
        refused(repository)
    }
    async fn push(
        &self,
        repository: &str,
        _: &str,
        _: &ImageManifest,
        _: Arc<[u8]>,
    ) -> Result<String, PortError> {
        refused(repository)
    }
}

impl ChartRepository for Null {
    async fn index(&self, _: Option<&str>) -> Result<Option<(Arc<[u8]>, Option<String>)>, PortError> {
        refused("the chart repository")
    }
    async fn chart(&self, _: &str) -> Result<Arc<[u8]>, PortError> {
        refused("the chart repository")
    }
}

impl ArtifactStore for Null {
    async fn put(&self, _: &str, _: Arc<[u8]>) -> Result<(), PortError> {
        Ok(())
    }
    async fn get(&self, _: &str) -> Result<Option<Arc<[u8]>>, PortError> {
        Ok(None)
    }
    async fn remove(&self, _: &str) -> Result<(), PortError> {
        Ok(())
    }
}

impl Notify for Null {
    async fn send(&self, _: &Request) -> Result<Response, PortError> {
        Ok(Response { status: 200, body: Arc::default() })
    }
}

fn no_cluster<T>() -> Result<T, ClusterError> {
    Err(ClusterError::new(
        ClusterFault::Unreachable,
        "the cluster can not be reached: no adapter is configured",
    ))
}

impl Cluster for Null {
    type Watch = Self;

    async fn kind(&self, _: &Gvk) -> Result<Option<ServedKind>, ClusterError> {
        no_cluster()
    }
    async fn kinds(&self) -> Result<Vec<ServedKind>, ClusterError> {
        no_cluster()
    }
    async fn get(&self, _: &ObjectRef) -> Result<Option<Node>, ClusterError> {
        no_cluster()
    }
    async fn list(&self, _: &Gvk, _: &ListOptions) -> Result<ObjectList, ClusterError> {
        no_cluster()
    }
    async fn watch(&self, _: &Gvk, _: &ListOptions, _: &str) -> Result<Self, ClusterError> {
        no_cluster()
    }
    async fn create(&self, _: &Node, _: &WriteOptions) -> Result<Node, ClusterError> {
        no_cluster()
    }
    async fn replace(&self, _: &Node, _: &WriteOptions) -> Result<Node, ClusterError> {
        no_cluster()
    }
    async fn apply(&self, _: &Node, _: &WriteOptions) -> Result<Node, ClusterError> {
        no_cluster()
    }
    async fn patch(&self, _: &ObjectRef, _: &Patch, _: &WriteOptions) -> Result<Node, ClusterError> {
        no_cluster()
    }
    async fn delete(&self, _: &ObjectRef, _: &DeleteOptions) -> Result<bool, ClusterError> {
        no_cluster()
    }
}

impl Watch for Null {
    async fn next(&mut self) -> Option<Result<WatchEvent, ClusterError>> {
        None
    }
}

/// It is always the first of January 1970, and nobody waits.
impl Clock for Null {
    fn now(&self) -> Duration {
        Duration::ZERO
    }
    async fn sleep(&self, _: Duration) {}
}
