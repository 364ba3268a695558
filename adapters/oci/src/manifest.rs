//! Manifests and indexes, read from their bytes.

use gitops_core::digest::{is_sha256, sha256};
use gitops_core::ports::{Blob, ImageManifest};
use serde_json::Value;
use std::collections::BTreeMap;

/// What is asked for, the most wanted first.
pub(crate) const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";

/// The media type of the manifests that are pushed.
pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A document that a tag or digest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    Image(ImageManifest),
    /// Images of several platforms; the digest is the one that fits best.
    Index {
        best: String,
    },
}

/// Reads a document.
pub(crate) fn read(content: &[u8]) -> Result<Document, String> {
    let value: Value =
        serde_json::from_slice(content).map_err(|error| format!("the manifest is no JSON: {error}"))?;
    if value.get("layers").is_none()
        && let Some(manifests) = value.get("manifests").and_then(Value::as_array)
    {
        return best(manifests).map(|best| Document::Index { best });
    }
    if value.get("schemaVersion").and_then(Value::as_u64) != Some(2) {
        return Err("unsupported manifest: its schemaVersion is not 2".to_owned());
    }
    let layers = value.get("layers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let layers = layers.iter().map(blob).collect::<Result<Vec<_>, _>>()?;
    let annotations = value.get("annotations").and_then(Value::as_object).into_iter().flatten();
    let annotations: BTreeMap<String, String> =
        annotations.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
    let config = value.get("config").and_then(|config| config.get("mediaType")).and_then(Value::as_str);
    Ok(Document::Image(ImageManifest {
        digest: sha256(content),
        config_media_type: config.unwrap_or_default().to_owned(),
        layers,
        annotations,
    }))
}

fn blob(value: &Value) -> Result<Blob, String> {
    let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let digest = text("digest");
    if !is_sha256(&digest) {
        return Err(format!("a layer's digest is {digest:?}, which is no sha256:…"));
    }
    let size = value.get("size").and_then(Value::as_u64);
    let size = size.ok_or_else(|| format!("the layer {digest} has no valid size"))?;
    Ok(Blob { media_type: text("mediaType"), digest, size })
}

/// Picks linux/amd64, else the only one.
fn best(manifests: &[Value]) -> Result<String, String> {
    let platform = |value: &&Value| {
        let of = |field: &str| value.get("platform").and_then(|p| p.get(field)).and_then(Value::as_str);
        of("os") == Some("linux") && of("architecture") == Some("amd64")
    };
    let only = || manifests.first().filter(|_| manifests.len() == 1);
    let found = manifests.iter().find(platform).or_else(only).and_then(|value| value.get("digest")?.as_str());
    match found.filter(|digest| is_sha256(digest)) {
        Some(digest) => Ok(digest.to_owned()),
        None => Err(format!("none of {} manifests of the index is one for linux/amd64", manifests.len())),
    }
}
