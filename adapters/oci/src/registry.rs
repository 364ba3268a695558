//! The port: tags, digests, manifests, layers.

use crate::link;
use crate::manifest::{ACCEPTED, Document, read};
use crate::session::{Access, Place, Session};
use crate::{OciOptions, Push};
use gitops_core::digest::{is_sha256, sha256};
use gitops_core::ports::{Blob, ImageManifest, PortError, Registry};
use gitops_transport::{Answer, Call, Method};
use serde_json::Value;
use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

/// OCI registries. It keeps connections and tokens, so that one value should serve all that a program asks.
pub struct OciRegistry {
    pub(crate) session: Session,
}

impl fmt::Debug for OciRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OciRegistry").finish_non_exhaustive()
    }
}

/// A document as the registry sent it.
#[derive(Clone, Debug)]
pub(crate) struct Fetched {
    pub answer: Answer,
    pub digest: String,
}

impl OciRegistry {
    /// Makes the adapter. Nothing is asked yet.
    ///
    /// # Errors
    /// Where a certificate, a key or the proxy's address can't be read.
    pub fn new(options: OciOptions) -> Result<Self, PortError> {
        Ok(Self { session: Session::new(options)? })
    }

    /// Does something within the time of one call, at the first place that serves.
    async fn anywhere<T, F>(&self, repository: &str, work: impl Fn(Place) -> F) -> Result<T, PortError>
    where
        F: Future<Output = Result<T, PortError>>,
    {
        let places = self.session.places(repository)?;
        let last = places.len().saturating_sub(1);
        for (index, place) in places.into_iter().enumerate() {
            match self.in_time(&place.repository.clone(), work(place)).await {
                Err(_) if index < last => {}
                result => return result,
            }
        }
        Err(PortError::stalled(format!("{repository}: no registry")))
    }

    pub(crate) async fn in_time<T>(
        &self,
        repository: &str,
        work: impl Future<Output = Result<T, PortError>>,
    ) -> Result<T, PortError> {
        let total = self.session.options.transport.total;
        match tokio::time::timeout(total, work).await {
            Ok(result) => result,
            Err(_) => Err(PortError::retry(format!("{repository}: not done within {total:?}"))),
        }
    }

    async fn tags_at(&self, place: &Place) -> Result<Vec<String>, PortError> {
        let limits = self.session.options.limits;
        let mut url = place.url("tags/list")?;
        url.set_query(Some("n=1000"));
        let mut visited = HashSet::new();
        let mut seen: HashSet<String> = HashSet::new();
        let mut tags = Vec::new();
        loop {
            if !visited.insert(url.clone()) {
                return Err(circle(place, "a page leads back to one before it"));
            }
            if visited.len() > limits.pages {
                return Err(too_many(place, &format!("{} pages", limits.pages)));
            }
            let call = Call::to(Method::GET, url.clone())?
                .header("accept", "application/json")?
                .limit(limits.page_bytes);
            let answer = self.session.ask(place, Access::Pull, call).await?;
            if !answer.status.is_success() {
                return Err(self.session.refusal(place, &answer));
            }
            let page = page(&answer)?;
            let before = tags.len();
            let is_empty = page.is_empty();
            for tag in page {
                if seen.insert(tag.clone()) {
                    tags.push(tag);
                }
            }
            if tags.len() > limits.tags {
                return Err(too_many(place, &format!("{} tags", limits.tags)));
            }
            let Some(target) = link::next(&answer.headers) else { return Ok(tags) };
            if tags.len() == before && !is_empty {
                return Err(circle(place, "a page holds nothing but what came before"));
            }
            url = link::resolved(&url, target)
                .ok_or_else(|| answer.refused("the next page is at another host"))?;
        }
    }

    async fn resolve_at(&self, place: &Place, reference: &str) -> Result<String, PortError> {
        let url = place.url(&format!("manifests/{}", checked(reference)?))?;
        let call = Call::to(Method::HEAD, url)?.header("accept", ACCEPTED)?;
        let answer = self.session.ask(place, Access::Pull, call).await?;
        match answer.status.as_u16() {
            200 => {}
            // Only the answer to a GET says why.
            404 | 405 | 501 => return Ok(self.fetch_at(place, Access::Pull, reference).await?.digest),
            _ => return Err(self.session.refusal(place, &answer)),
        }
        match answer.header("docker-content-digest") {
            Some(digest) if is_sha256(digest) => Ok(digest.to_owned()),
            Some(_) => Err(answer.refused("the registry's digest is no sha256:…")),
            None => Ok(self.fetch_at(place, Access::Pull, reference).await?.digest),
        }
    }

    /// Fetches a document and checks its digest.
    pub(crate) async fn fetch_at(
        &self,
        place: &Place,
        access: Access,
        reference: &str,
    ) -> Result<Fetched, PortError> {
        let url = place.url(&format!("manifests/{}", checked(reference)?))?;
        let limit = self.session.options.limits.manifest_bytes;
        let call = Call::to(Method::GET, url)?.header("accept", ACCEPTED)?.limit(limit);
        let answer = self.session.ask(place, access, call).await?;
        if !answer.status.is_success() {
            return Err(self.session.refusal(place, &answer));
        }
        let digest = sha256(&answer.body);
        let said = answer.header("docker-content-digest").unwrap_or(&digest);
        if is_sha256(reference) && reference != digest {
            return Err(answer.refused(format_args!("the manifest's digest is {digest}, wanted {reference}")));
        }
        if said != digest {
            return Err(
                answer.refused(format_args!("the manifest's digest is {digest}, the registry says {said}"))
            );
        }
        Ok(Fetched { answer, digest })
    }

    async fn manifest_at(&self, place: &Place, reference: &str) -> Result<ImageManifest, PortError> {
        let fetched = self.fetch_at(place, Access::Pull, reference).await?;
        let document = read(&fetched.answer.body).map_err(|why| fetched.answer.refused(why))?;
        let best = match document {
            Document::Image(manifest) => return Ok(manifest),
            Document::Index { best } => best,
        };
        let inner = self.fetch_at(place, Access::Pull, &best).await?;
        match read(&inner.answer.body).map_err(|why| inner.answer.refused(why))? {
            // What was asked for is the index: its digest is the revision.
            Document::Image(manifest) => Ok(ImageManifest { digest: fetched.digest, ..manifest }),
            Document::Index { .. } => Err(inner.answer.refused("an index within an index")),
        }
    }

    async fn blob_at(&self, place: &Place, blob: &Blob) -> Result<Arc<[u8]>, PortError> {
        let url = place.url(&format!("blobs/{}", checked(&blob.digest)?))?;
        // One byte more than announced is enough to tell a liar.
        let call = Call::to(Method::GET, url)?.limit(blob.size);
        let answer = self.session.ask(place, Access::Pull, call).await?;
        if !answer.status.is_success() {
            return Err(self.session.refusal(place, &answer));
        }
        let size = answer.body.len() as u64;
        if size != blob.size {
            return Err(answer.refused(format_args!("{size} bytes came, the manifest says {}", blob.size)));
        }
        let digest = sha256(&answer.body);
        if digest != blob.digest {
            return Err(answer.refused(format_args!("the content's digest is {digest}")));
        }
        Ok(Arc::from(&answer.body[..]))
    }
}

/// Checks what becomes a part of a path.
fn checked(reference: &str) -> Result<&str, PortError> {
    let is_tag = !reference.is_empty()
        && reference.len() <= 128
        && !reference.starts_with(['.', '-'])
        && reference.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    if is_tag || is_sha256(reference) {
        return Ok(reference);
    }
    Err(PortError::stalled(format!("{reference:?} is neither a tag nor a digest like sha256:…")))
}

fn page(answer: &Answer) -> Result<Vec<String>, PortError> {
    let value: Value = serde_json::from_slice(&answer.body)
        .map_err(|error| answer.refused(format_args!("the list of tags is no JSON: {error}")))?;
    let tags = match value.get("tags") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(tags) => tags.as_array().ok_or_else(|| answer.refused("the tags are no list"))?,
    };
    // A tag that no tag can be could be anything on a terminal or in a path.
    Ok(tags.iter().filter_map(Value::as_str).filter(|tag| checked(tag).is_ok()).map(str::to_owned).collect())
}

fn circle(place: &Place, how: &str) -> PortError {
    PortError::stalled(format!("{}: the registry's list of tags has no end: {how}", place.repository))
}

fn too_many(place: &Place, what: &str) -> PortError {
    PortError::stalled(format!("{}: the registry lists more than {what}", place.repository))
}

impl Registry for OciRegistry {
    async fn tags(&self, repository: &str) -> Result<Vec<String>, PortError> {
        self.anywhere(repository, |place| async move { self.tags_at(&place).await }).await
    }

    async fn resolve(&self, repository: &str, tag: &str) -> Result<String, PortError> {
        self.anywhere(repository, |place| async move { self.resolve_at(&place, tag).await }).await
    }

    async fn manifest(&self, repository: &str, reference: &str) -> Result<ImageManifest, PortError> {
        self.anywhere(repository, |place| async move { self.manifest_at(&place, reference).await }).await
    }

    async fn blob(&self, repository: &str, blob: &Blob) -> Result<Arc<[u8]>, PortError> {
        let limit = self.session.options.limits.blob_bytes;
        if blob.size > limit {
            let size = blob.size;
            let message =
                format!("{repository}@{}: a layer of {size} bytes, the limit is {limit}", blob.digest);
            return Err(PortError::stalled(message));
        }
        self.anywhere(repository, |place| async move { self.blob_at(&place, blob).await }).await
    }

    /// The configuration is empty, or for a Flux artifact the one that Flux writes.
    async fn push(
        &self,
        repository: &str,
        tag: &str,
        manifest: &ImageManifest,
        layer: Arc<[u8]>,
    ) -> Result<String, PortError> {
        let push = Push::of(manifest, layer)?;
        self.push_artifact(repository, tag, &push).await
    }
}
