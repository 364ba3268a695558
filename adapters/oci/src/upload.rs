//! Pushing: blobs first, then the manifest that names them, so that a tag never points at what is not there.

use crate::flux::FLUX_CONFIG;
use crate::manifest::OCI_MANIFEST;
use crate::session::{Access, Place};
use crate::{ArtifactInfo, OciRegistry};
use gitops_core::digest::sha256;
use gitops_core::ports::{ImageManifest, PortError};
use gitops_transport::{Call, Method};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// An artifact to push.
#[derive(Clone, PartialEq, Eq)]
pub struct Push {
    /// The configuration's media type.
    pub config_media_type: String,
    /// The configuration.
    pub config: Vec<u8>,
    /// Media types and contents.
    pub layers: Vec<(String, Arc<[u8]>)>,
    /// The manifest's annotations.
    pub annotations: BTreeMap<String, String>,
}

impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layers: Vec<_> =
            self.layers.iter().map(|(media_type, content)| (media_type, content.len())).collect();
        f.debug_struct("Push")
            .field("config", &self.config_media_type)
            .field("layers", &layers)
            .finish_non_exhaustive()
    }
}

impl Push {
    pub(crate) fn of(manifest: &ImageManifest, layer: Arc<[u8]>) -> Result<Self, PortError> {
        let media_type = manifest.layers.first().map(|layer| layer.media_type.clone()).unwrap_or_default();
        if manifest.config_media_type == FLUX_CONFIG {
            let info = ArtifactInfo { annotations: manifest.annotations.clone(), ..ArtifactInfo::default() };
            let mut push = Self::flux(layer, &info)?;
            push.annotations.clone_from(&manifest.annotations);
            if let Some((named, _)) = push.layers.first_mut().filter(|_| !media_type.is_empty()) {
                *named = media_type;
            }
            return Ok(push);
        }
        Ok(Self {
            config_media_type: manifest.config_media_type.clone(),
            config: b"{}".to_vec(),
            layers: vec![(media_type, layer)],
            annotations: manifest.annotations.clone(),
        })
    }

    /// Returns the manifest's text; the same artifact always has the same.
    fn manifest(&self) -> Vec<u8> {
        let described = |media_type: &str, content: &[u8]| json!({"mediaType": media_type, "size": content.len(), "digest": sha256(content)});
        let layers: Vec<Value> =
            self.layers.iter().map(|(media_type, content)| described(media_type, content)).collect();
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": described(&self.config_media_type, &self.config),
            "layers": layers,
        });
        if !self.annotations.is_empty() {
            manifest["annotations"] = json!(self.annotations);
        }
        manifest.to_string().into_bytes()
    }
}

impl OciRegistry {
    /// Pushes an artifact and returns its manifest's digest. What the registry has already is not sent again.
    ///
    /// # Errors
    /// As [`Registry::tags`](gitops_core::ports::Registry::tags), and where the registry stores something else.
    pub async fn push_artifact(&self, repository: &str, tag: &str, push: &Push) -> Result<String, PortError> {
        let place = self.session.origin(repository)?;
        self.in_time(repository, async {
            self.upload(&place, &Arc::from(&push.config[..])).await?;
            for (_, layer) in &push.layers {
                self.upload(&place, layer).await?;
            }
            self.put_manifest(&place, tag, OCI_MANIFEST, push.manifest()).await
        })
        .await
    }

    /// Gives what a tag or digest names another tag, and returns its digest. The content is not moved.
    ///
    /// # Errors
    /// As [`Registry::tags`](gitops_core::ports::Registry::tags).
    pub async fn tag(&self, repository: &str, reference: &str, tag: &str) -> Result<String, PortError> {
        let place = self.session.origin(repository)?;
        self.in_time(repository, async {
            let fetched = self.fetch_at(&place, Access::Push, reference).await?;
            let media_type = fetched.answer.header("content-type").unwrap_or(OCI_MANIFEST).to_owned();
            self.put_manifest(&place, tag, &media_type, fetched.answer.body.to_vec()).await
        })
        .await
    }

    async fn put_manifest(
        &self,
        place: &Place,
        tag: &str,
        media_type: &str,
        manifest: Vec<u8>,
    ) -> Result<String, PortError> {
        let digest = sha256(&manifest);
        // The reference's own check keeps a tag from becoming a path.
        let named: crate::Reference = format!("{}:{tag}", place.repository)
            .parse()
            .map_err(|error: crate::ReferenceError| PortError::stalled(error.to_string()))?;
        let url = place.url(&format!("manifests/{}", named.wanted()))?;
        let call = Call::to(Method::PUT, url)?.header("content-type", media_type)?.body(manifest);
        let answer = self.session.ask(place, Access::Push, call).await?;
        if !answer.status.is_success() {
            return Err(self.session.refusal(place, &answer));
        }
        match answer.header("docker-content-digest") {
            Some(stored) if stored != digest => {
                Err(answer.refused(format_args!("the registry stored {stored}, sent was {digest}")))
            }
            _ => Ok(digest),
        }
    }

    async fn upload(&self, place: &Place, content: &Arc<[u8]>) -> Result<(), PortError> {
        let digest = sha256(content);
        let url = place.url(&format!("blobs/{digest}"))?;
        let answer = self.session.ask(place, Access::Push, Call::to(Method::HEAD, url)?).await?;
        if answer.status.is_success() {
            return Ok(());
        }
        if answer.status.as_u16() != 404 {
            return Err(self.session.refusal(place, &answer));
        }
        // An upload that broke off can't be gone on with everywhere: it is begun anew.
        match self.upload_once(place, &digest, content).await {
            Err(error) if error.can_retry() => self.upload_once(place, &digest, content).await,
            result => result,
        }
    }

    async fn upload_once(&self, place: &Place, digest: &str, content: &Arc<[u8]>) -> Result<(), PortError> {
        let start = Call::to(Method::POST, place.url("blobs/uploads/")?)?;
        let answer = self.session.ask(place, Access::Push, start).await?;
        if !answer.status.is_success() {
            return Err(self.session.refusal(place, &answer));
        }
        let mut url = answer
            .header("location")
            .and_then(|location| answer.url.join(location).ok())
            .ok_or_else(|| answer.refused("the registry names no place to upload to"))?;
        if place.base.scheme() == "https" && url.scheme() != "https" {
            // Behind a proxy that ends TLS, registries name themselves with http.
            let is_own = url.host() == place.base.host();
            if !is_own || url.set_scheme("https").is_err() || url.set_port(place.base.port()).is_err() {
                return Err(answer.refused("the registry wants an unprotected upload"));
            }
        }
        url.query_pairs_mut().append_pair("digest", digest);
        let call = Call::to(Method::PUT, url)?
            .header("content-type", "application/octet-stream")?
            .body(content.to_vec());
        let answer = self.session.ask(place, Access::Push, call).await?;
        if answer.status.is_success() { Ok(()) } else { Err(self.session.refusal(place, &answer)) }
    }
}
