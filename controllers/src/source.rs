//! Sources: what is fetched from the world becomes an artifact that others build from.

pub(crate) mod git_repository;
pub(crate) mod helm_chart;
pub(crate) mod helm_repository;
pub(crate) mod oci_repository;
mod tags;

use std::sync::Arc;
use std::time::Duration;

use gitops_core::artifact;
use gitops_core::ports::{ArtifactStore, Clock};
use gitops_core::tree::{Limits, MemTree};
use gitops_yaml::Node;

use crate::context::{Context, Failure, Finalizer, Outcome, Run};
use crate::kind::Key;
use crate::status::mapping;
use crate::time::rfc3339;
use crate::world::World;

pub(crate) use helm_chart::with_metadata;
pub(crate) use tags::CHART_LAYER;
pub use tags::{chart_tag, highest_tag};

/// The artifact of a source, as its status describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Where it is kept: `gitrepository/ns/name/hash.tar.gz`.
    pub path: String,
    /// Where it can be fetched.
    pub url: String,
    /// `main@sha1:…`
    pub revision: String,
    /// `sha256:…` of the archive.
    pub digest: String,
    /// `org.opencontainers.image.revision` of an OCI artifact.
    pub origin_revision: Option<String>,
}

impl Published {
    /// Reads a source's status; `None` where it has no artifact yet.
    #[must_use]
    pub fn of(source: &Node) -> Option<Self> {
        let artifact = source.at_path(&["status", "artifact"])?;
        let text = |field: &str| artifact.get(field).and_then(Node::as_str).map(str::to_owned);
        Some(Self {
            path: text("path")?,
            url: text("url").unwrap_or_default(),
            revision: text("revision")?,
            digest: text("digest").unwrap_or_default(),
            origin_revision: artifact
                .at_path(&["metadata", "org.opencontainers.image.revision"])
                .and_then(Node::as_str)
                .map(str::to_owned),
        })
    }
}

/// The path of the previous artifact, which may still be read.
struct Previous(String);

/// How long sources may take to store again what was in memory before a restart.
const STARTING: Duration = Duration::from_secs(30);

impl<W: World> Context<W> {
    /// Returns an artifact's content.
    ///
    /// # Errors
    /// Where it is not kept (any more), or is not what its digest says.
    pub async fn content(&self, published: &Published) -> Result<Arc<[u8]>, Failure> {
        let failed = |why: String| Failure::passing("ArtifactFailed", why);
        let content =
            self.world.store().get(&published.path).await.map_err(|error| failed(error.to_string()))?;
        let content = content.ok_or_else(|| {
            // Its source notices at its next reconciliation, which stores it anew and wakes who waits.
            let message =
                format!("the artifact {} of revision {} is not stored", published.path, published.revision);
            match self.world.clock().now().saturating_sub(self.begun) < STARTING {
                true => Failure::in_silence("ArtifactFailed", message, Duration::from_secs(10)),
                false => Failure::waiting("ArtifactFailed", message, Duration::from_secs(10)),
            }
        })?;
        let digest = gitops_core::digest::sha256(&content);
        if digest != published.digest {
            return Err(failed(format!(
                "the artifact {} has the digest {digest}, but should have {}",
                published.path, published.digest
            )));
        }
        Ok(content)
    }

    /// Returns an artifact's files.
    ///
    /// # Errors
    /// As [`Context::content`], and where it is no archive.
    pub async fn tree(&self, published: &Published) -> Result<Arc<MemTree>, Failure> {
        if let Some(tree) = self.trees.get(&published.digest) {
            return Ok(tree);
        }
        let content = self.content(published).await?;
        let tree = artifact::unpack(&content, Limits::default())
            .map_err(|error| Failure::passing("ArtifactFailed", format!("{}: {error}", published.path)))?;
        let tree = Arc::new(tree);
        self.trees.put(&published.digest, Arc::clone(&tree));
        Ok(tree)
    }
}

impl<W: World> Run<'_, W> {
    /// Returns the artifact that the object's status describes, where it is still kept.
    pub(crate) async fn kept_artifact(&self) -> Option<Published> {
        let published = Published::of(&self.object)?;
        if self.context.trees.get(&published.digest).is_some() {
            return Some(published);
        }
        let stored = self.context.world.store().get(&published.path).await;
        stored.ok().flatten().is_some().then_some(published)
    }

    /// Stores an artifact and describes it in the status. The one before it stays readable, the one before that goes.
    pub(crate) async fn publish(
        &mut self,
        file: &str,
        revision: &str,
        (content, digest): (Arc<[u8]>, String),
        metadata: &[(&str, &str)],
    ) -> Result<(), Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::passing("StorageOperationFailed", format!("failed to store the artifact: {error}"))
        };
        let context = self.context;
        let kind = self.key.kind.name().to_lowercase();
        let path = format!("{kind}/{}/{}/{file}", self.key.namespace, self.key.name);
        let size = i64::try_from(content.len()).unwrap_or(i64::MAX);
        context.world.store().put(&path, content).await.map_err(|error| failed(&error))?;
        let mut entries = vec![
            ("digest", Node::string(digest)),
            ("lastUpdateTime", Node::string(rfc3339(context.world.clock().now()))),
        ];
        if !metadata.is_empty() {
            let facts = metadata.iter().map(|(name, value)| (*name, Node::string(*value))).collect();
            entries.push(("metadata", mapping(facts)));
        }
        entries.extend([
            ("path", Node::string(path.as_str())),
            ("revision", Node::string(revision)),
            ("size", Node::int(size)),
            ("url", Node::string(format!("{}/{path}", context.settings.artifact_address))),
        ]);
        let before = self.status.text(&["artifact", "path"]).map(str::to_owned);
        self.status.set("artifact", mapping(entries));
        if let Some(before) = before.filter(|before| *before != path) {
            if let Some(older) = context.memory.get::<Previous>(&self.key)
                && older.0 != path
                && older.0 != before
            {
                // What stays behind is only space.
                drop(context.world.store().remove(&older.0).await);
            }
            context.memory.put(&self.key, Previous(before));
        }
        Ok(())
    }

    /// Ends the life of a source: its artifact goes, and the finalizer that an earlier controller may have set.
    pub(crate) async fn delete_source(self) -> Outcome {
        if let Some(published) = Published::of(&self.object) {
            drop(self.context.world.store().remove(&published.path).await);
            self.context.trees.remove(&published.digest);
        }
        match self.finalize(Finalizer::Gone).await {
            Ok(()) => Outcome::on_change(),
            Err(_) => Outcome::backoff(),
        }
    }
}

/// Returns the key that a reference names, seen from an object's namespace.
pub(crate) fn referenced(kind: crate::Kind, namespace: Option<&str>, name: &str, own: &str) -> Key {
    Key::new(kind, namespace.filter(|namespace| !namespace.is_empty()).unwrap_or(own), name)
}
