//! ImageRepository: the tags of an image.

use gitops_core::api::{ImageRepository, Object};
use gitops_core::ports::{Clock, PortError, Registry};
use gitops_yaml::{Node, Str};
use image_policy::{Exclusions, Reference};
use sha2::{Digest, Sha256};

use crate::context::{Failure, Finalizer, Outcome, Run};
use crate::event::Severity;
use crate::status::mapping;
use crate::time::parse_rfc3339;
use crate::world::{HttpAccess, World};

/// What is excluded where the object does not say: signatures of cosign.
const DEFAULT_EXCLUSION: &str = "^.*\\.sig$";
/// How many tags the status shows.
const SHOWN: usize = 10;

/// The tags of the last scan. After a restart an image is scanned anew.
pub(super) struct Tags(pub(super) Vec<String>);

pub(crate) async fn reconcile<W: World>(mut run: Run<'_, W>) -> Outcome {
    if run.is_deleted() {
        return match run.finalize(Finalizer::Gone).await {
            Ok(()) => Outcome::on_change(),
            Err(_) => Outcome::backoff(),
        };
    }
    let spec = match Object::<ImageRepository>::read(&run.object) {
        Ok(read) => read.spec,
        Err(error) => return run.fail(Failure::lasting("InvalidSpec", error.message)).await,
    };
    let interval = spec.interval.unwrap_or_default().0;
    match scan(&mut run, &spec).await {
        Ok(()) => {
            let next = run.context.spread(interval);
            run.end(Outcome::after(next)).await
        }
        Err(failure) => run.fail(failure).await,
    }
}

/// Reads an image's name, which carries no scheme and no tag.
pub(super) fn image(written: &str) -> Result<Reference, Failure> {
    let wrong = |message: String| Failure::lasting("ImageURLInvalid", message);
    if let Some((scheme, _)) = written.split_once("://") {
        let message = format!("image '{written}' should not include URL scheme; remove '{scheme}://'");
        return Err(wrong(message));
    }
    let reference = Reference::parse(written).map_err(|error| wrong(error.to_string()))?;
    if let (Some(tag), true) =
        (reference.tag(), written.rsplit('/').next().is_some_and(|last| last.contains(':')))
    {
        return Err(wrong(format!("image '{written}' should not include a tag; remove ':{tag}'")));
    }
    Ok(reference)
}

impl<W: World> Run<'_, W> {
    /// Reads how an image's registry is reached.
    pub(super) async fn registry_access(&self, spec: &ImageRepository) -> Result<HttpAccess, Failure> {
        if let Some(provider) = spec.provider.as_deref().filter(|provider| *provider != "generic") {
            let message = format!("the provider '{provider}' is not supported: put a login into secretRef");
            return Err(Failure::lasting("AuthenticationFailed", message));
        }
        let name = |reference: &Option<gitops_core::api::LocalReference>| {
            reference.as_ref().map(|reference| reference.name.clone())
        };
        let (login, certificates, proxy) =
            (name(&spec.secret_ref), name(&spec.cert_secret_ref), name(&spec.proxy_secret_ref));
        let mut access = self
            .context
            .http_access(&self.key.namespace, login.as_deref(), certificates.as_deref(), proxy.as_deref())
            .await
            .map_err(|error| Failure::passing("AuthenticationFailed", error.to_string()))?;
        if let Some(account) = spec.service_account_name.as_deref().filter(|name| !name.is_empty()) {
            let added = self.context.add_pull_secrets(&self.key.namespace, account, &mut access).await;
            added.map_err(|error| Failure::passing("AuthenticationFailed", error.to_string()))?;
        }
        if spec.insecure {
            access.plain_http_hosts = vec![spec.image.split('/').next().unwrap_or_default().to_owned()];
        }
        access.timeout = spec.timeout.or(spec.interval).map(|timeout| timeout.0);
        Ok(access)
    }
}

async fn scan<W: World>(run: &mut Run<'_, W>, spec: &ImageRepository) -> Result<(), Failure> {
    let context = run.context;
    let reference = image(&spec.image)?;
    let canonical = reference.canonical_name();
    let interval = spec.interval.unwrap_or_default().0;
    let now = context.world.clock().now();
    let scanned = run.status.text(&["lastScanResult", "scanTime"]).and_then(parse_rfc3339);
    let is_fresh = scanned.is_some_and(|scanned| now < scanned + interval.mul_f64(0.9));
    if is_fresh
        && run.request().is_none()
        && !run.is_new_generation()
        && run.status.text(&["canonicalImageName"]) == Some(&canonical)
        && context.memory.get::<Tags>(&run.key).is_some()
    {
        return Ok(());
    }
    let exclusions = spec.exclusion_list.clone().unwrap_or_else(|| vec![DEFAULT_EXCLUSION.to_owned()]);
    let compiled = Exclusions::new(&exclusions)
        .map_err(|error| Failure::lasting("InvalidSpec", format!("spec.exclusionList: {error}")))?;
    let access = run.registry_access(spec).await?;
    let failed = |error: PortError| {
        let text = error.to_string();
        let is_login = text.contains("authenti") || text.contains("unauthorized") || text.contains("denied");
        let reason = if is_login { "AuthenticationFailed" } else { "ReadOperationFailed" };
        Failure::passing(reason, text)
    };
    let registry = context.world.registry(&access).map_err(failed)?;
    let mut tags = registry.tags(reference.name()).await.map_err(failed)?;
    tags.retain(|tag| compiled.matching(tag).is_none());
    tags.sort();
    let mut hash = Sha256::new();
    for tag in &tags {
        hash.update(tag);
        hash.update([0]);
    }
    let digest: String = hash.finalize().iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    let text = |text: &str| Node::string(text);
    run.status.set_text("canonicalImageName", canonical.as_str());
    run.status.set(
        "observedExclusionList",
        Node::sequence(exclusions.iter().map(|pattern| text(pattern)).collect()),
    );
    let changed = run.status.text(&["lastScanResult", "revision"]) != Some(&digest);
    run.status.set(
        "lastScanResult",
        mapping(vec![
            ("latestTags", Node::sequence(tags.iter().rev().take(SHOWN).map(|tag| text(tag)).collect())),
            ("revision", text(&digest)),
            ("scanTime", Node::string(Str::from(context.now()))),
            ("tagCount", Node::int(i64::try_from(tags.len()).unwrap_or(i64::MAX))),
        ]),
    );
    let message = format!("successful scan: found {} tags with checksum {digest}", tags.len());
    context.memory.put(&run.key, Tags(tags));
    if changed {
        run.tell(Severity::Info, "Succeeded", &message);
    }
    run.status.ready("Succeeded", &message);
    Ok(())
}
