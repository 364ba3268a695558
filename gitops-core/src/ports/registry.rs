//! A registry of container images and OCI artifacts.

use super::PortError;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

/// An artifact's manifest, as far as it is needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageManifest {
    /// The manifest's own digest: `sha256:…`.
    pub digest: String,
    /// The configuration's media type.
    pub config_media_type: String,
    /// The layers in order.
    pub layers: Vec<Blob>,
    /// The annotations.
    pub annotations: BTreeMap<String, String>,
}

impl ImageManifest {
    /// Returns the layer with a media type; without one the first, as Flux takes it.
    ///
    /// # Errors
    /// Where there is none.
    pub fn layer(&self, media_type: Option<&str>) -> Result<&Blob, PortError> {
        let Some(wanted) = media_type else {
            return self.layers.first().ok_or_else(|| PortError::stalled("no layers found in artifact"));
        };
        let found = self.layers.iter().find(|layer| layer.media_type == wanted);
        found.ok_or_else(|| {
            let known: Vec<&str> = self.layers.iter().map(|layer| layer.media_type.as_str()).collect();
            let known = known.join(", ");
            PortError::stalled(format!(
                "failed to find layer with media type '{wanted}' in artifact; it has {known}"
            ))
        })
    }
}

/// A layer's description.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blob {
    /// What it is.
    pub media_type: String,
    /// Its digest: `sha256:…`.
    pub digest: String,
    /// Its length in bytes.
    pub size: u64,
}

/// An OCI registry. Repositories are named with their host: `registry.example.org/team/app`.
pub trait Registry: Send + Sync {
    /// Lists all tags, in the registry's order.
    ///
    /// # Errors
    /// Where the registry can't be reached, refuses the login, or pages in a circle.
    fn tags(&self, repository: &str) -> impl Future<Output = Result<Vec<String>, PortError>> + Send;

    /// Returns the digest of a tag, at the cost of one request.
    ///
    /// # Errors
    /// As [`Registry::tags`].
    fn resolve(&self, repository: &str, tag: &str) -> impl Future<Output = Result<String, PortError>> + Send;

    /// Returns the manifest of a tag or digest.
    ///
    /// # Errors
    /// As [`Registry::tags`], and where the content does not have its digest.
    fn manifest(
        &self,
        repository: &str,
        reference: &str,
    ) -> impl Future<Output = Result<ImageManifest, PortError>> + Send;

    /// Returns a layer's content.
    ///
    /// # Errors
    /// As [`Registry::manifest`], and where it is larger than said or than the adapter's limit.
    fn blob(
        &self,
        repository: &str,
        blob: &Blob,
    ) -> impl Future<Output = Result<Arc<[u8]>, PortError>> + Send;

    /// Pushes an artifact of one layer and returns its manifest's digest.
    ///
    /// # Errors
    /// As [`Registry::tags`].
    fn push(
        &self,
        repository: &str,
        tag: &str,
        manifest: &ImageManifest,
        layer: Arc<[u8]>,
    ) -> impl Future<Output = Result<String, PortError>> + Send;
}

/// A registry that several share.
impl<R: Registry> Registry for Arc<R> {
    async fn tags(&self, repository: &str) -> Result<Vec<String>, PortError> {
        (**self).tags(repository).await
    }
    async fn resolve(&self, repository: &str, tag: &str) -> Result<String, PortError> {
        (**self).resolve(repository, tag).await
    }
    async fn manifest(&self, repository: &str, reference: &str) -> Result<ImageManifest, PortError> {
        (**self).manifest(repository, reference).await
    }
    async fn blob(&self, repository: &str, blob: &Blob) -> Result<Arc<[u8]>, PortError> {
        (**self).blob(repository, blob).await
    }
    async fn push(
        &self,
        repository: &str,
        tag: &str,
        manifest: &ImageManifest,
        layer: Arc<[u8]>,
    ) -> Result<String, PortError> {
        (**self).push(repository, tag, manifest, layer).await
    }
}
