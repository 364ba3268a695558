//! Artifacts as Flux pushes them, and charts as Helm does.

use crate::Push;
use flate2::read::MultiGzDecoder;
use gitops_core::digest::Digester;
use gitops_core::ports::PortError;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

/// The media type of a Flux artifact's configuration.
pub const FLUX_CONFIG: &str = "application/vnd.cncf.flux.config.v1+json";
/// The media type of a Flux artifact's files.
pub const FLUX_CONTENT: &str = "application/vnd.cncf.flux.content.v1.tar+gzip";
/// The media type of a chart's configuration.
pub const HELM_CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
/// The media type of a chart's archive.
pub const HELM_CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// The annotation that holds the source's address.
pub const SOURCE: &str = "org.opencontainers.image.source";
/// The annotation that holds the source's revision: `main@sha1:…`.
pub const REVISION: &str = "org.opencontainers.image.revision";
/// The annotation that holds the time of making.
pub const CREATED: &str = "org.opencontainers.image.created";

/// Where an artifact comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArtifactInfo {
    /// The source's address.
    pub source: String,
    /// The source's revision: `main@sha1:…`.
    pub revision: String,
    /// When it was made: `2006-01-02T15:04:05Z`.
    pub created: String,
    /// Further annotations; they win over the three above.
    pub annotations: BTreeMap<String, String>,
}

impl ArtifactInfo {
    fn annotations(&self) -> BTreeMap<String, String> {
        let known = [(CREATED, &self.created), (SOURCE, &self.source), (REVISION, &self.revision)];
        let mut all: BTreeMap<String, String> =
            known.into_iter().map(|(key, value)| (key.to_owned(), value.clone())).collect();
        all.extend(self.annotations.clone());
        all
    }
}

/// How large a layer may be unpacked; it is only hashed.
const UNPACKED: u64 = 4 << 30;

impl Push {
    /// Makes a Flux artifact of a `.tar.gz`.
    ///
    /// # Errors
    /// Where the layer is no such file.
    pub fn flux(layer: Arc<[u8]>, info: &ArtifactInfo) -> Result<Self, PortError> {
        let annotations = info.annotations();
        let created = annotations.get(CREATED).cloned().unwrap_or_default();
        let config = json!({
            "architecture": "",
            "created": created,
            "history": [{"created": "0001-01-01T00:00:00Z"}],
            "os": "",
            "rootfs": {"type": "layers", "diff_ids": [unpacked_digest(&layer)?]},
            "config": {},
        });
        Ok(Self {
            config_media_type: FLUX_CONFIG.to_owned(),
            config: config.to_string().into_bytes(),
            layers: vec![(FLUX_CONTENT.to_owned(), layer)],
            annotations,
        })
    }

    /// Makes a chart's artifact of its archive and its `Chart.yaml` as JSON.
    #[must_use]
    pub fn chart(archive: Arc<[u8]>, metadata: Vec<u8>, annotations: BTreeMap<String, String>) -> Self {
        Self {
            config_media_type: HELM_CONFIG.to_owned(),
            config: metadata,
            layers: vec![(HELM_CHART.to_owned(), archive)],
            annotations,
        }
    }
}

fn unpacked_digest(layer: &[u8]) -> Result<String, PortError> {
    let mut digester = Digester::new();
    let mut reader = MultiGzDecoder::new(layer).take(UNPACKED);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = reader
            .read(&mut buffer)
            .map_err(|error| PortError::stalled(format!("the layer is no gzip archive: {error}")))?;
        if read == 0 {
            return Ok(digester.finish());
        }
        digester.update(buffer.get(..read).unwrap_or_default());
    }
}
