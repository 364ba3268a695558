//! The null form of every port: it reaches nothing.

use super::{
    ArtifactStore, Blob, ChartRepository, Checkout, FetchRequest, GitReference, GitRemote, ImageManifest,
    Notify, PortError, PushRequest, Registry, Request, Response,
};
use crate::git_location::GitLocation;
use crate::revision::Revision;
use std::sync::Arc;

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
