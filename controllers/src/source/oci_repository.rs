//! OCIRepository: a layer of an artifact in a registry as an artifact.

use std::sync::Arc;
use std::time::Duration;

use gitops_core::api::{LayerSelector, Object, OciRepository};
use gitops_core::artifact;
use gitops_core::digest::sha256;
use gitops_core::ports::{ImageManifest, PortError, Registry};
use gitops_core::revision::Revision;
use gitops_core::tree::{IgnoreRules, Limits};
use gitops_yaml::Node;
use image_policy::Reference;

use super::highest_tag;
use crate::context::{Context, Failure, Outcome, Run};
use crate::event::{Event, Severity};
use crate::status::{Truth, mapping};
use crate::world::{HttpAccess, Transport, World};

/// The annotations that say where an artifact's files come from.
const ORIGIN_SOURCE: &str = "org.opencontainers.image.source";
const ORIGIN_REVISION: &str = "org.opencontainers.image.revision";

pub(crate) async fn reconcile<W: World>(mut run: Run<'_, W>) -> Outcome {
    if run.is_deleted() {
        return run.delete_source().await;
    }
    let spec = match Object::<OciRepository>::read(&run.object) {
        Ok(read) => read.spec,
        Err(error) => return run.fail(Failure::lasting("InvalidSpec", error.message)).await,
    };
    let interval = run.context.spread(spec.interval.unwrap_or_default().0);
    match fetch(&mut run, &spec).await {
        Ok(()) => run.end(Outcome::after(interval)).await,
        Err(failure) => {
            run.status.condition("FetchFailed", Truth::True, failure.reason, &failure.message);
            run.fail(failure).await
        }
    }
}

/// What is fetched: a repository, and the tag or digest in it.
struct Wanted {
    repository: String,
    /// The tag that was picked; `None` where a digest is named.
    tag: Option<String>,
    digest: String,
}

impl Wanted {
    fn revision(&self) -> Revision {
        let hash = self.digest.trim_start_matches("sha256:");
        Revision::new(self.tag.as_deref().unwrap_or_default(), "sha256", hash)
    }
}

async fn fetch<W: World>(run: &mut Run<'_, W>, spec: &OciRepository) -> Result<(), Failure> {
    let context = run.context;
    let repository = repository(&spec.url)?;
    let operation = operation(spec)?;
    if let Some(verify) = &spec.verify {
        let message = format!(
            "failed to verify the signature using provider '{}': signatures of artifacts are not verified here: nothing is stored while spec.verify stands",
            verify.provider
        );
        run.status.condition("SourceVerified", Truth::False, "VerificationError", &message);
        return Err(Failure::lasting("VerificationError", message));
    }
    run.status.drop_condition("SourceVerified");
    let access = access(context, &run.key.namespace, spec, &repository).await?;
    let registry = context.world.registry(&access).map_err(|error| pull_failed(&spec.url, &error))?;
    let wanted = wanted(&registry, spec, repository).await?;
    let revision = wanted.revision();
    let known = run.kept_artifact().await.filter(|known| {
        known.revision == revision.to_string()
            && same_content(run, spec)
            && run.status.truth("ArtifactInStorage") == Some(Truth::True)
    });
    if let Some(known) = known {
        let recovered = run.status.truth("FetchFailed").is_some();
        run.status.drop_condition("FetchFailed");
        ready(run, &known.revision);
        if recovered {
            let facts = run.object.at_path(&["status", "artifact", "metadata"]).cloned();
            let fact = |name: &str| facts.as_ref()?.get(name)?.as_str();
            let message = stored(spec, &known.revision, fact(ORIGIN_SOURCE), fact(ORIGIN_REVISION));
            tell(run, "Succeeded", message, &known.revision, &known.digest);
        }
        return Ok(());
    }
    let reference = match &wanted.tag {
        Some(tag) => format!("{}:{tag}", wanted.repository),
        None => format!("{}@{}", wanted.repository, wanted.digest),
    };
    run.status.progressing(&format!("building artifact: new revision '{revision}' for '{reference}'"));
    let pulled = |error: PortError| pull_failed(&spec.url, &error);
    let manifest = registry.manifest(&wanted.repository, &wanted.digest).await.map_err(pulled)?;
    let (content, digest) = content(&registry, spec, operation, &wanted, &manifest).await?;
    let hash = digest.rsplit(':').next().unwrap_or_default();
    let file = format!("{}-{}.tar.gz", revision.hash(), hash.get(..12).unwrap_or(hash));
    let metadata: Vec<(&str, &str)> =
        manifest.annotations.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let is_new = run.status.text(&["artifact", "digest"]) != Some(&digest);
    run.publish(&file, &revision.to_string(), (content, digest.clone()), &metadata).await?;
    observe(run, spec);
    run.status.drop_condition("FetchFailed");
    ready(run, &revision.to_string());
    if is_new {
        let fact = |name: &str| manifest.annotations.get(name).map(String::as_str);
        let message = stored(spec, &revision.to_string(), fact(ORIGIN_SOURCE), fact(ORIGIN_REVISION));
        tell(run, "NewArtifact", message, &revision.to_string(), &digest);
    }
    Ok(())
}

fn ready<W: World>(run: &mut Run<'_, W>, revision: &str) {
    let message = format!("stored artifact for digest '{revision}'");
    run.status.condition("ArtifactInStorage", Truth::True, "Succeeded", &message);
    run.status.ready("Succeeded", &message);
}

fn stored(
    spec: &OciRepository,
    revision: &str,
    origin_source: Option<&str>,
    origin_revision: Option<&str>,
) -> String {
    let message = format!("stored artifact with revision '{revision}' from '{}'", spec.url);
    match (origin_source.filter(|text| !text.is_empty()), origin_revision.filter(|text| !text.is_empty())) {
        (Some(source), Some(revision)) => {
            format!("{message}, origin source '{source}', origin revision '{revision}'")
        }
        _ => message,
    }
}

fn tell<W: World>(run: &Run<'_, W>, reason: &str, message: String, revision: &str, digest: &str) {
    let event = Event::of(&run.key, &run.object, Severity::Info, reason, message);
    run.send(event.with("revision", revision.to_owned()).with("digest", digest.to_owned()));
}

/// Reads the URL, which begins with `oci://` and names no tag.
fn repository(url: &str) -> Result<String, Failure> {
    let wrong =
        |why: String| Failure::lasting("URLInvalid", format!("URL validation failed for '{url}': {why}"));
    let name = url
        .strip_prefix("oci://")
        .ok_or_else(|| wrong("URL must be in format 'oci://<domain>/<org>/<repo>'".to_owned()))?;
    let reference = Reference::parse(name).map_err(|error| wrong(error.to_string()))?;
    if let Some(tag) = reference.tag() {
        return Err(wrong(format!("URL must not contain a tag; remove ':{tag}'")));
    }
    if let Some(digest) = reference.digest() {
        return Err(wrong(format!("URL must not contain a digest; remove '@{digest}'")));
    }
    Ok(reference.name().to_owned())
}

/// What is done with the layer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    /// It is unpacked, and packed anew without what is ignored.
    Extract,
    /// It is the artifact as it stands.
    Copy,
}

fn operation(spec: &OciRepository) -> Result<Operation, Failure> {
    match spec.layer_selector.as_ref().and_then(|selector| selector.operation.as_deref()).unwrap_or_default()
    {
        "" | "extract" => Ok(Operation::Extract),
        "copy" => Ok(Operation::Copy),
        other => {
            let message = format!("unsupported layer operation: {other}; it is extract or copy");
            Err(Failure::lasting("OCIArtifactLayerOperationFailed", message))
        }
    }
}

fn media_type(spec: &OciRepository) -> Option<&str> {
    spec.layer_selector.as_ref()?.media_type.as_deref().filter(|media_type| !media_type.is_empty())
}

async fn access<W: World>(
    context: &Context<W>,
    namespace: &str,
    spec: &OciRepository,
    repository: &str,
) -> Result<HttpAccess, Failure> {
    if let Some(provider) = spec.provider.as_deref().filter(|provider| !matches!(*provider, "" | "generic")) {
        let message = format!("the provider '{provider}' is not supported: put a login into secretRef");
        return Err(Failure::lasting("AuthenticationFailed", message));
    }
    let name = |reference: &Option<gitops_core::api::LocalReference>| {
        reference.as_ref().map(|reference| reference.name.clone()).filter(|name| !name.is_empty())
    };
    let (login, certificates, proxy) =
        (name(&spec.secret_ref), name(&spec.cert_secret_ref), name(&spec.proxy_secret_ref));
    let failed = |error: PortError| {
        Failure::passing("AuthenticationFailed", format!("failed to get credential: {error}"))
    };
    let mut access = context
        .http_access(namespace, login.as_deref(), certificates.as_deref(), proxy.as_deref())
        .await
        .map_err(failed)?;
    if let Some(account) = spec.service_account_name.as_deref().filter(|name| !name.is_empty()) {
        context.add_pull_secrets(namespace, account, &mut access).await.map_err(failed)?;
    }
    if spec.insecure {
        access.plain_http_hosts = vec![repository.split('/').next().unwrap_or_default().to_owned()];
        if certificates.is_none() {
            access.transport = Transport::Insecure;
        }
    }
    access.timeout = Some(spec.timeout.map_or(Duration::from_secs(60), |timeout| timeout.0));
    Ok(access)
}

/// Finds what is wanted: a digest costs no request, a tag one, a range a list of tags more.
async fn wanted(
    registry: &impl Registry,
    spec: &OciRepository,
    repository: String,
) -> Result<Wanted, Failure> {
    let reference = spec.reference.clone().unwrap_or_default();
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    if let Some(digest) = given(reference.digest) {
        if !gitops_core::digest::is_sha256(&digest) {
            let message =
                format!("failed to determine artifact digest: '{digest}' is no digest like sha256:…");
            return Err(Failure::lasting("OCIArtifactPullFailed", message));
        }
        return Ok(Wanted { repository, tag: None, digest });
    }
    let tag = match (given(reference.semver), given(reference.tag)) {
        (Some(range), _) => {
            let failed = |why: &dyn std::fmt::Display| {
                format!("failed to determine the artifact tag for '{}': {why}", spec.url)
            };
            let tags = registry
                .tags(&repository)
                .await
                .map_err(|error| refused("ReadOperationFailed", failed(&error), &error))?;
            highest_tag(&tags, &range, given(reference.semver_filter).as_deref(), media_type(spec))
                .map_err(|why| Failure::passing("ReadOperationFailed", failed(&why)))?
                .to_owned()
        }
        (None, Some(tag)) => tag,
        (None, None) => "latest".to_owned(),
    };
    let digest = registry.resolve(&repository, &tag).await.map_err(|error| {
        let message = format!("failed to determine artifact digest: {error}");
        refused("OCIArtifactPullFailed", message, &error)
    })?;
    Ok(Wanted { repository, tag: Some(tag), digest })
}

fn pull_failed(url: &str, error: &PortError) -> Failure {
    refused("OCIArtifactPullFailed", format!("failed to pull artifact from '{url}': {error}"), error)
}

/// A registry's refusal is tried again later: what it lacks may be pushed, and a password be mended.
fn refused(reason: &'static str, message: String, error: &PortError) -> Failure {
    match error.outlook() {
        gitops_core::ports::Outlook::Retry { after: Some(time) } => Failure::later(reason, message, time),
        _ => Failure::passing(reason, message),
    }
}

/// Returns the artifact's archive and its digest.
async fn content(
    registry: &impl Registry,
    spec: &OciRepository,
    operation: Operation,
    wanted: &Wanted,
    manifest: &ImageManifest,
) -> Result<(Arc<[u8]>, String), Failure> {
    let failed = |why: String| Failure::passing("OCIArtifactLayerOperationFailed", why);
    let layer = manifest.layer(media_type(spec)).map_err(|error| failed(error.to_string()))?;
    let blob =
        registry.blob(&wanted.repository, layer).await.map_err(|error| pull_failed(&spec.url, &error))?;
    if operation == Operation::Copy {
        let digest = sha256(&blob);
        return Ok((blob, digest));
    }
    let unpacked = artifact::unpack(&blob, Limits::default())
        .map_err(|error| failed(format!("failed to extract layer contents from artifact: {error}")))?;
    drop(blob);
    let archived = |why: &dyn std::fmt::Display| {
        Failure::passing("ArchiveOperationFailed", format!("unable to archive artifact to storage: {why}"))
    };
    let rules = IgnoreRules::load(&unpacked, spec.ignore.as_deref()).map_err(|error| archived(&error))?;
    let packed = artifact::pack(&unpacked, Some(&rules)).map_err(|error| archived(&error))?;
    Ok((packed.content.into(), packed.digest))
}

/// Returns whether the stored artifact was made of its revision in the way that is asked for now.
fn same_content<W: World>(run: &Run<'_, W>, spec: &OciRepository) -> bool {
    let text = |path: &[&str]| run.status.text(path).map(str::to_owned);
    let observed = run.status.field(&["observedLayerSelector"]).map(|_| LayerSelector {
        media_type: text(&["observedLayerSelector", "mediaType"]),
        operation: text(&["observedLayerSelector", "operation"]),
    });
    text(&["observedIgnore"]) == spec.ignore && observed == spec.layer_selector
}

fn observe<W: World>(run: &mut Run<'_, W>, spec: &OciRepository) {
    match &spec.ignore {
        Some(ignore) => run.status.set_text("observedIgnore", ignore.as_str()),
        None => run.status.unset("observedIgnore"),
    }
    match &spec.layer_selector {
        Some(selector) => {
            let fields = [("mediaType", &selector.media_type), ("operation", &selector.operation)];
            let fields = fields
                .into_iter()
                .filter_map(|(name, value)| Some((name, Node::string(value.as_deref()?))))
                .collect();
            run.status.set("observedLayerSelector", mapping(fields));
        }
        None => run.status.unset("observedLayerSelector"),
    }
}
