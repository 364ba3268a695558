//! A registry in memory.

use super::faults::{Fault, Faults, lock};
use crate::ports::{Blob, ImageManifest, PortError, Registry};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Tags, manifests and layers by repository.
#[derive(Debug, Default)]
pub struct FakeRegistry {
    /// Faults to come, for `tags`, `resolve`, `manifest`, `blob` and `push`.
    pub faults: Faults,
    repositories: Mutex<BTreeMap<String, Repository>>,
}

#[derive(Debug, Default)]
struct Repository {
    tags: BTreeMap<String, String>,
    /// The tags before the last write.
    before: BTreeMap<String, String>,
    manifests: BTreeMap<String, ImageManifest>,
    blobs: BTreeMap<String, Arc<[u8]>>,
}

impl Repository {
    fn seen(&self, stale: bool) -> &BTreeMap<String, String> {
        if stale { &self.before } else { &self.tags }
    }
}

impl FakeRegistry {
    /// Gives a repository these tags, each with a digest made from its text.
    pub fn set_tags<'a>(&self, repository: &str, tags: impl IntoIterator<Item = &'a str>) {
        let tags = tags.into_iter().map(|tag| (tag.to_owned(), digest(tag.as_bytes()))).collect();
        let mut repositories = lock(&self.repositories);
        let found = repositories.entry(repository.to_owned()).or_default();
        found.before = std::mem::replace(&mut found.tags, tags);
    }
}

/// A digest in form only: the fake trusts itself.
fn digest(content: &[u8]) -> String {
    let sum = content
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    format!("sha256:{sum:064x}")
}

fn unknown(name: &str) -> PortError {
    PortError::stalled(format!("{name}: not found"))
}

impl Registry for FakeRegistry {
    async fn tags(&self, repository: &str) -> Result<Vec<String>, PortError> {
        let stale = self.faults.take("tags").await? == Some(Fault::StaleRead);
        let repositories = lock(&self.repositories);
        let found = repositories.get(repository).ok_or_else(|| unknown(repository))?;
        Ok(found.seen(stale).keys().cloned().collect())
    }

    async fn resolve(&self, repository: &str, tag: &str) -> Result<String, PortError> {
        let stale = self.faults.take("resolve").await? == Some(Fault::StaleRead);
        let repositories = lock(&self.repositories);
        let found = repositories.get(repository).and_then(|r| r.seen(stale).get(tag));
        found.cloned().ok_or_else(|| unknown(&format!("{repository}:{tag}")))
    }

    async fn manifest(&self, repository: &str, reference: &str) -> Result<ImageManifest, PortError> {
        let stale = self.faults.take("manifest").await? == Some(Fault::StaleRead);
        let repositories = lock(&self.repositories);
        let found = repositories.get(repository).and_then(|r| {
            let digest = r.seen(stale).get(reference).map_or(reference, String::as_str);
            r.manifests.get(digest)
        });
        found.cloned().ok_or_else(|| unknown(&format!("{repository}:{reference}")))
    }

    async fn blob(&self, repository: &str, blob: &Blob) -> Result<Arc<[u8]>, PortError> {
        self.faults.take("blob").await?;
        let repositories = lock(&self.repositories);
        let found = repositories.get(repository).and_then(|r| r.blobs.get(&blob.digest));
        found.cloned().ok_or_else(|| unknown(&blob.digest))
    }

    async fn push(
        &self,
        repository: &str,
        tag: &str,
        manifest: &ImageManifest,
        layer: Arc<[u8]>,
    ) -> Result<String, PortError> {
        let fault = self.faults.take("push").await?;
        if fault == Some(Fault::Conflict) {
            return Err(PortError::retry("somebody else wrote first"));
        }
        let mut repositories = lock(&self.repositories);
        let entry = repositories.entry(repository.to_owned()).or_default();
        let name = digest(&layer);
        let media_type = manifest.layers.first().map(|l| l.media_type.clone()).unwrap_or_default();
        let layers = vec![Blob { media_type, digest: name.clone(), size: layer.len() as u64 }];
        entry.blobs.insert(name.clone(), layer);
        if fault == Some(Fault::PartialWrite) {
            return Err(PortError::retry("the connection was cut after the layer"));
        }
        entry
            .manifests
            .insert(name.clone(), ImageManifest { digest: name.clone(), layers, ..manifest.clone() });
        entry.before.clone_from(&entry.tags);
        entry.tags.insert(tag.to_owned(), name.clone());
        Ok(name)
    }
}
