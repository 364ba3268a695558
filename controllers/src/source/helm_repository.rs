//! HelmRepository: the index of a chart repository as an artifact.

use gitops_core::api::{HelmRepository, Object};
use gitops_core::ports::{ChartRepository, PortError};
use gitops_core::revision::Revision;

use crate::context::{Context, Failure, Outcome, Run};
use crate::event::{Event, Severity};
use crate::status::Truth;
use crate::world::{CredentialScope, HttpAccess, World};

/// The entity tag of the index that is stored.
struct Known(String);

pub(crate) async fn reconcile<W: World>(mut run: Run<'_, W>) -> Outcome {
    if run.is_deleted() {
        return run.delete_source().await;
    }
    let spec = match Object::<HelmRepository>::read(&run.object) {
        Ok(read) => read.spec,
        Err(error) => return run.fail(Failure::lasting("InvalidSpec", error.message)).await,
    };
    let is_registry = spec.repository_type.as_deref() == Some("oci");
    if is_registry != spec.url.starts_with("oci://") {
        let message = if is_registry {
            format!("'{}' is no OCI URL: a repository of type 'oci' begins with oci://", spec.url)
        } else {
            "'oci' URL scheme cannot be used with 'default' HelmRepository type: set spec.type to 'oci'"
                .to_owned()
        };
        return run.fail(Failure::lasting("URLInvalid", message)).await;
    }
    if is_registry {
        // Nothing is fetched: charts are asked for by name.
        run.status.ready("Succeeded", "Helm repository is ready");
        return run.end(Outcome::on_change()).await;
    }
    let interval = spec.interval.map_or(std::time::Duration::from_secs(60), |interval| interval.0);
    match fetch(&mut run, &spec).await {
        Ok(()) => {
            let next = run.context.spread(interval);
            run.end(Outcome::after(next)).await
        }
        Err(failure) => {
            run.status.condition("FetchFailed", Truth::True, failure.reason, &failure.message);
            run.fail(failure).await
        }
    }
}

impl<W: World> Context<W> {
    /// Reads how a chart repository is reached.
    pub(crate) async fn chart_access(
        &self,
        namespace: &str,
        spec: &HelmRepository,
    ) -> Result<HttpAccess, Failure> {
        let login = spec.secret_ref.as_ref().map(|secret| secret.name.as_str());
        let certificates = spec.cert_secret_ref.as_ref().map(|secret| secret.name.as_str());
        let mut access = self
            .http_access(namespace, login, certificates, None)
            .await
            .map_err(|error| Failure::passing("AuthenticationFailed", error.to_string()))?;
        if spec.pass_credentials {
            access.credentials_for = CredentialScope::AnyHost;
        }
        if spec.insecure {
            let host = spec.url.trim_start_matches("oci://").split('/').next().unwrap_or_default();
            access.plain_http_hosts = vec![host.to_owned()];
        }
        access.timeout = spec.timeout.map(|timeout| timeout.0);
        Ok(access)
    }
}

async fn fetch<W: World>(run: &mut Run<'_, W>, spec: &HelmRepository) -> Result<(), Failure> {
    let context = run.context;
    let access = context.chart_access(&run.key.namespace, spec).await?;
    let failed = |error: PortError| {
        Failure::passing("IndexationFailed", format!("failed to fetch Helm repository index: {error}"))
    };
    let repository = context.world.charts(&spec.url, &access).map_err(failed)?;
    let kept = run.kept_artifact().await.filter(|_| !run.is_new_generation());
    let known = kept.as_ref().and_then(|_| context.memory.get::<Known>(&run.key));
    let answer = repository.index(known.as_ref().map(|known| known.0.as_str())).await.map_err(failed)?;
    let Some((index, tag)) = answer else {
        if let Some(kept) = kept {
            ready(run, &kept.revision);
        }
        return Ok(());
    };
    let digest = gitops_core::digest::sha256(&index);
    let hash = digest.rsplit(':').next().unwrap_or_default().to_owned();
    let revision = Revision::new("", "sha256", hash.clone());
    let is_new = kept.is_none_or(|kept| kept.digest != digest);
    if is_new {
        let mut warnings = helm_rs::Warnings::new();
        helm_rs::RepositoryIndex::parse_only(&index, "index.yaml", |_| false, &mut warnings)
            .map_err(|error| Failure::passing("IndexationFailed", format!("{}: {error}", spec.url)))?;
        let size = index.len();
        run.publish(&format!("index-{hash}.yaml"), &revision.to_string(), (index, digest.clone()), &[])
            .await?;
        let message = format!("stored fetched index of size {} from '{}'", shown(size), spec.url);
        let event = Event::of(&run.key, &run.object, Severity::Info, "NewArtifact", message);
        run.send(event.with("revision", revision.to_string()).with("digest", digest));
    }
    if let Some(tag) = tag {
        context.memory.put(&run.key, Known(tag));
    }
    run.status.drop_condition("FetchFailed");
    ready(run, &revision.to_string());
    Ok(())
}

fn ready<W: World>(run: &mut Run<'_, W>, revision: &str) {
    let message = format!("stored artifact: revision '{revision}'");
    run.status.condition("ArtifactInStorage", Truth::True, "Succeeded", &message);
    run.status.ready("Succeeded", &message);
}

#[allow(clippy::cast_precision_loss, reason = "for people")]
fn shown(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes}B"),
        1_000..1_000_000 => format!("{:.2}kB", bytes as f64 / 1e3),
        _ => format!("{:.2}MB", bytes as f64 / 1e6),
    }
}
