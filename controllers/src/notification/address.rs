//! Provider: where events can go, read from the object and its Secrets.

use std::collections::BTreeMap;
use std::time::Duration;

use gitops_core::api::{Object, Provider};
use gitops_core::cel::Program;
use gitops_core::ports::{PortError, Secret};
use gitops_yaml::{FileId, Node, ReadOptions, read_document};

use super::endpoint::Endpoint;
use super::notice::{Involved, Notice, json};
use super::provider::ProviderKind;
use crate::context::{Context, Failure, Finalizer, Outcome, Run};
use crate::kind::Key;
use crate::world::{HttpAccess, World};

/// The time limit of one message where a Provider names none.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How long a Provider that is ready is believed to be so.
const LOOKED_AT_AGAIN: Duration = Duration::from_secs(600);

/// Looks at a Provider: what could never be sent to it is told in a condition before the first event needs it.
pub(crate) async fn reconcile<W: World>(mut run: Run<'_, W>) -> Outcome {
    if run.is_deleted() {
        return match run.finalize(Finalizer::Gone).await {
            Ok(()) => Outcome::on_change(),
            Err(_) => Outcome::backoff(),
        };
    }
    let spec = match Object::<Provider>::read(&run.object) {
        Ok(read) => read.spec,
        Err(error) => return run.fail(Failure::lasting("InvalidSpec", error.message)).await,
    };
    if let Err(mut failure) = check(&run, &spec).await {
        // What is wrong may stand in its Secret, which is mostly written beside it.
        if let Some(place) = run.context.origins.of(&run.key) {
            failure.message = format!("{place}: {}", failure.message);
        }
        return run.fail(failure).await;
    }
    run.status.ready("Succeeded", "Initialized");
    // A Secret that nobody watches may be changed; what is sent reads it anew anyway.
    let next = run.context.spread(LOOKED_AT_AGAIN);
    run.end(Outcome::after(next)).await
}

async fn check<W: World>(run: &Run<'_, W>, spec: &Provider) -> Result<(), Failure> {
    let lasting = |why: String| Failure::lasting("ValidationFailed", why);
    let kind = ProviderKind::named(&spec.provider_type).map_err(lasting)?;
    let sample = sample();
    if let Some(expression) = &spec.commit_status_expr {
        // What it makes of an event depends on the event; here it is only read.
        Program::parse(expression).map_err(|error| lasting(format!("spec.commitStatusExpr: {error}")))?;
    }
    let status = "sample".to_owned();
    let read = run.context.endpoint(&run.key, spec, kind, status, &run.object).await;
    // A Secret may come, or be set right; nobody watches it.
    let passing = |why: String| Failure::passing("ValidationFailed", why);
    let (endpoint, access) = read.map_err(|error| passing(error.to_string()))?;
    run.context.world.notifier(&access).map_err(|error| passing(error.to_string()))?;
    kind.exchange(&endpoint, &sample).map(drop).map_err(passing)
}

/// A notice such as any Provider takes.
fn sample() -> Notice {
    let object = Involved { kind: "Kustomization".into(), name: "sample".into(), ..Involved::default() };
    let revision = format!("main@sha1:{}", "0".repeat(40));
    Notice {
        involved_object: object,
        severity: "info".into(),
        metadata: [("revision".to_owned(), revision)].into(),
        ..Notice::default()
    }
}

/// Returns what a commit's status is called: what the Provider's expression makes of the notice, or `kind/name/id`; empty for
/// Providers of other kinds.
pub(super) fn commit_status(
    kind: ProviderKind,
    spec: &Provider,
    provider: &Node,
    alert: &Node,
    notice: &Notice,
) -> Result<String, String> {
    if !kind.is_commit_status() {
        return Ok(String::new());
    }
    if let Some(expression) = spec.commit_status_expr.as_deref().filter(|one| !one.is_empty()) {
        let failed = |why: &dyn std::fmt::Display| format!("spec.commitStatusExpr: {why}");
        let program = Program::parse(expression).map_err(|error| failed(&error))?;
        let text = String::from_utf8_lossy(&json(notice)).into_owned();
        let event = gitops_yaml::from_json(&text, FileId::NONE).map_err(|error| failed(&error))?;
        let variables = [("event", &event), ("alert", alert), ("provider", provider)];
        return program.string(&variables).map_err(|error| failed(&error));
    }
    let uid = uid(provider);
    let object = &notice.involved_object;
    let id = uid.split('-').next().unwrap_or_default();
    Ok(format!("{}/{}/{id}", object.kind, object.name).to_lowercase())
}

fn uid(object: &Node) -> &str {
    object.at_path(&["metadata", "uid"]).and_then(Node::as_str).unwrap_or_default()
}

impl<W: World> Context<W> {
    /// Reads where a Provider's messages go, and how its server is reached.
    pub(super) async fn endpoint(
        &self,
        key: &Key,
        spec: &Provider,
        kind: ProviderKind,
        commit_status: String,
        object: &Node,
    ) -> Result<(Endpoint, HttpAccess), PortError> {
        let name = |reference: &Option<gitops_core::api::LocalReference>| {
            reference.as_ref().map(|reference| reference.name.clone())
        };
        let (certificates, proxy) = (name(&spec.cert_secret_ref), name(&spec.proxy_secret_ref));
        let mut access =
            self.http_access(&key.namespace, None, certificates.as_deref(), proxy.as_deref()).await?;
        access.timeout = Some(spec.timeout.map_or(TIMEOUT, |timeout| timeout.0));
        let mut endpoint = Endpoint {
            address: Secret::new(spec.address.as_deref().unwrap_or_default().trim()),
            channel: spec.channel.clone().unwrap_or_default(),
            username: spec.username.clone().unwrap_or_default(),
            commit_status,
            uid: uid(object).to_owned(),
            ..Endpoint::default()
        };
        let mut old_proxy = spec.proxy.clone();
        if let Some(name) = name(&spec.secret_ref) {
            let data = self.secret(&key.namespace, &name).await?;
            old_proxy = text(&data, "proxy").or(old_proxy);
            read_secret(&mut endpoint, &data, kind)?;
            if kind.is_commit_status() && certificates.is_none() {
                access.read_certificates(&data)?;
            }
        }
        if access.proxy.is_none() {
            access.proxy = old_proxy.filter(|proxy| !proxy.is_empty()).map(Secret::new);
        }
        Ok((endpoint, access))
    }
}

fn read_secret(
    endpoint: &mut Endpoint,
    data: &BTreeMap<String, Vec<u8>>,
    kind: ProviderKind,
) -> Result<(), PortError> {
    if let Some(address) = text(data, "address") {
        if address.len() > 2048 {
            let message = "invalid address in secret: address exceeds maximum length of 2048 bytes";
            return Err(PortError::stalled(message));
        }
        endpoint.address = Secret::new(address);
    }
    if let Some(bytes) = data.get("token") {
        let token = String::from_utf8_lossy(bytes);
        // A key signs with each of its bytes; a token in a header has no line's end.
        endpoint.token = Secret::new(if kind.name() == "generic-hmac" { &token } else { token.trim_end() });
    }
    if let (Some(username), Some(password)) = (text(data, "username"), text(data, "password")) {
        endpoint.username = username;
        endpoint.password = Secret::new(password);
    }
    if let Some(bytes) = data.get("headers") {
        endpoint.headers = headers(bytes)?;
    }
    Ok(())
}

fn headers(bytes: &[u8]) -> Result<BTreeMap<String, Secret>, PortError> {
    // The texts are secrets: where they lie is not told.
    let refused =
        || PortError::stalled("failed to read headers from secret: 'headers' is no YAML map of texts");
    let document = read_document(bytes, FileId::NONE, &ReadOptions::yaml11()).map_err(|_| refused())?;
    let Some(document) = document else { return Ok(BTreeMap::new()) };
    let entries = document.root.entries().ok_or_else(refused)?;
    entries
        .iter()
        .map(|entry| {
            let (name, value) = entry.key.as_str().zip(entry.value.as_str()).ok_or_else(refused)?;
            Ok((name.to_owned(), Secret::new(value)))
        })
        .collect()
}

fn text(data: &BTreeMap<String, Vec<u8>>, key: &str) -> Option<String> {
    data.get(key).map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_and_not_shown() {
        let kind = ProviderKind::named("generic").unwrap();
        let data = |pairs: &[(&str, &str)]| -> BTreeMap<String, Vec<u8>> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect()
        };
        let mut endpoint = Endpoint::default();
        let all = data(&[("address", "https://a/b\n"), ("token", "t0ken\n"), ("headers", "X-Key: v4lue\n")]);
        read_secret(&mut endpoint, &all, kind).unwrap();
        assert_eq!(endpoint.address.reveal(), "https://a/b");
        assert_eq!((endpoint.token.reveal(), endpoint.headers["X-Key"].reveal()), ("t0ken", "v4lue"));
        let wrong = data(&[("headers", "- s3cret")]);
        let error = read_secret(&mut endpoint, &wrong, kind).unwrap_err().to_string();
        assert!(error.contains("no YAML map") && !error.contains("s3cret"), "{error}");
    }
}
