//! Receiver: a web hook whose call reconciles what it names at once.

use gitops_core::api::{Object, Receiver, ReceiverResource};
use gitops_core::cel::Program;
use gitops_core::object::Gvk;
use gitops_core::ports::{Clock, Cluster, ListOptions, ObjectRef, Patch, WriteOptions};
use gitops_yaml::{FileId, Node};

use super::alert::labelled;
use super::hook::{Hook, ReceiverKind, webhook_path};
use crate::context::{Context, CrossNamespace, Failure, Finalizer, Outcome, REQUESTED_AT, Run};
use crate::kind::{Key, Kind};
use crate::status::{is_ready, mapping};
use crate::time::rfc3339_nano;
use crate::world::World;

/// How often a Receiver is looked at where it does not say.
const INTERVAL: u64 = 600;

pub(crate) async fn reconcile<W: World>(mut run: Run<'_, W>) -> Outcome {
    if run.is_deleted() {
        return match run.finalize(Finalizer::Gone).await {
            Ok(()) => Outcome::on_change(),
            Err(_) => Outcome::backoff(),
        };
    }
    let spec = match Object::<Receiver>::read(&run.object) {
        Ok(read) => read.spec,
        Err(error) => return run.fail(Failure::lasting("InvalidSpec", error.message)).await,
    };
    let token = match check(&spec) {
        Ok(()) => {
            run.context.token(&run.key, &spec).await.map_err(|why| Failure::passing("TokenNotFound", why))
        }
        Err(why) => Err(Failure::lasting("ValidationFailed", why)),
    };
    match token {
        Ok(token) => {
            let path = webhook_path(&token, &run.key.name, &run.key.namespace);
            run.status.ready("Succeeded", &format!("Receiver initialized for path: {path}"));
            run.status.set_text("webhookPath", path);
            let interval = spec.interval.unwrap_or(gitops_core::api::GoDuration::seconds(INTERVAL)).0;
            let next = run.context.spread(interval);
            run.end(Outcome::after(next)).await
        }
        Err(failure) => {
            run.status.unset("webhookPath");
            run.fail(failure).await
        }
    }
}

fn check(spec: &Receiver) -> Result<(), String> {
    ReceiverKind::named(&spec.receiver_type)?;
    if spec.secret_ref.is_none() {
        return Err("secretRef is required when type is not generic-oidc".into());
    }
    if spec.resources.is_empty() {
        return Err("spec.resources is required: what is reconciled when the web hook is called".into());
    }
    Filter::parse(spec.resource_filter.as_deref())
        .map_err(|why| format!("invalid resourceFilter expression: {why}"))?;
    for (index, resource) in spec.resources.iter().enumerate() {
        let named = format!("resources[{index}] (kind=\"{}\", name=\"{}\")", resource.kind, resource.name);
        Filter::parse(resource.filter.as_deref())
            .map_err(|why| format!("invalid filter expression for {named}: {why}"))?;
        if resource.name == "*" && resource.match_labels.is_empty() {
            return Err(format!("{named}: matchLabels field not set when using wildcard '*' as name"));
        }
        gvk(resource).map_err(|why| format!("{named}: {why}"))?;
    }
    Ok(())
}

/// The group, version and kind that a resource names.
fn gvk(resource: &ReceiverResource) -> Result<Gvk, String> {
    if let Some(version) = resource.api_version.as_deref().filter(|version| !version.is_empty()) {
        return Ok(Gvk::new(version, resource.kind.as_str()));
    }
    if resource.kind == "ArtifactGenerator" {
        return Ok(Gvk::new("source.extensions.fluxcd.io/v1beta1", "ArtifactGenerator"));
    }
    Kind::named(&resource.kind)
        .map(Kind::gvk)
        .ok_or_else(|| format!("apiVersion must be specified for kind \"{}\"", resource.kind))
}

/// An expression over `req`, the request's JSON, and `res`, a resource's metadata; all resources pass where there is none.
struct Filter(Option<Program>);

impl Filter {
    fn parse(text: Option<&str>) -> Result<Self, String> {
        let program = text.filter(|text| !text.is_empty()).map(Program::parse).transpose();
        program.map(Self).map_err(|error| error.to_string())
    }

    fn accepts(&self, request: &Node, resource: &Node) -> Result<bool, String> {
        let Some(program) = &self.0 else { return Ok(true) };
        let field = |name: &'static str| Some((name, resource.get(name)?.clone()));
        let shown = mapping(["apiVersion", "kind", "metadata"].into_iter().filter_map(field).collect());
        program.holds(&[("req", request), ("res", &shown)]).map_err(|error| error.to_string())
    }
}

/// The body as JSON where it says that it is, else nothing.
fn payload(hook: &Hook) -> Result<Node, String> {
    let content = hook.header("Content-Type");
    let is_json = content
        .split(',')
        .any(|one| one.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json"));
    if !is_json {
        return Ok(mapping(Vec::new()));
    }
    let text = String::from_utf8_lossy(&hook.body);
    gitops_yaml::from_json(&text, FileId::NONE)
        .map_err(|error| format!("failed to parse request body as JSON: {error}"))
}

/// What a call of a web hook is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookAnswer {
    /// All that was named is reconciled: 200.
    Accepted,
    /// The request is not what it should be: 400.
    Refused,
    /// No web hook lies there: 404.
    Unknown,
    /// Something could not be reconciled: 500.
    Failed,
    /// The Receiver is suspended, or not ready: 503.
    Unavailable,
}

impl HookAnswer {
    /// Returns the status of HTTP.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Accepted => 200,
            Self::Refused => 400,
            Self::Unknown => 404,
            Self::Failed => 500,
            Self::Unavailable => 503,
        }
    }
}

impl<W: World> Context<W> {
    /// Reads a Receiver's token.
    async fn token(&self, key: &Key, spec: &Receiver) -> Result<Vec<u8>, String> {
        let name = spec.secret_ref.as_ref().map(|reference| reference.name.as_str()).unwrap_or_default();
        let place = format!("{}/{name}", key.namespace);
        let mut data = self
            .secret(&key.namespace, name)
            .await
            .map_err(|error| format!("unable to read token from secret '{place}' error: {error}"))?;
        match data.remove("token") {
            Some(token) if token.is_empty() => {
                Err(format!("invalid '{place}' secret data: an empty 'token' would let everybody in"))
            }
            Some(token) => Ok(token),
            None => Err(format!("invalid '{place}' secret data: required fields 'token'")),
        }
    }

    /// Answers a call of a web hook: where it is what it claims to be, all that its Receiver names is reconciled at once.
    ///
    /// The reason of a refusal is returned beside the answer, to be logged; who called learns the answer alone.
    pub async fn receive(&self, hook: &Hook) -> (HookAnswer, String) {
        let lies = |receiver: &&std::sync::Arc<Node>| {
            receiver.at_path(&["status", "webhookPath"]).and_then(Node::as_str) == Some(hook.path.as_str())
        };
        let receivers = self.cache.list(Kind::Receiver);
        let found = receivers.iter().find(lies).and_then(|receiver| Some((Key::of(receiver)?, receiver)));
        let Some((key, receiver)) = found else {
            return (HookAnswer::Unknown, "no receiver has this path".into());
        };
        let spec = match Object::<Receiver>::read(receiver) {
            Ok(read) if read.spec.suspend => return (HookAnswer::Unavailable, format!("{key} is suspended")),
            Ok(read) if is_ready(receiver) => read.spec,
            _ => return (HookAnswer::Unavailable, format!("{key} is not ready")),
        };
        let checked = match self.token(&key, &spec).await {
            // A token that was changed has another path.
            Ok(token) if webhook_path(&token, &key.name, &key.namespace) != hook.path => {
                return (HookAnswer::Unknown, format!("the token of {key} has changed"));
            }
            Ok(token) => ReceiverKind::named(&spec.receiver_type)
                .and_then(|kind| kind.check(hook, &token, &spec.events)),
            Err(why) => Err(why),
        };
        if let Err(why) = checked {
            return (HookAnswer::Refused, format!("{key}: unable to validate payload: {why}"));
        }
        let mut failures = Vec::new();
        for resource in &spec.resources {
            if let Err(why) = self.request(&key, &spec, resource, hook).await {
                failures.push(format!("{} '{}': {why}", resource.kind, resource.name));
            }
        }
        match failures.is_empty() {
            true => (HookAnswer::Accepted, format!("{key} was called")),
            false => (HookAnswer::Failed, format!("{key}: {}", failures.join("; "))),
        }
    }

    /// Asks for the reconciliation of what a resource names.
    async fn request(
        &self,
        receiver: &Key,
        spec: &Receiver,
        resource: &ReceiverResource,
        hook: &Hook,
    ) -> Result<(), String> {
        let given = resource.namespace.as_deref().filter(|namespace| !namespace.is_empty());
        let namespace = given.unwrap_or(&receiver.namespace);
        if self.settings.cross_namespace == CrossNamespace::Blocked && namespace != &*receiver.namespace {
            return Err("cross-namespace references are not allowed".into());
        }
        let filters =
            [Filter::parse(spec.resource_filter.as_deref())?, Filter::parse(resource.filter.as_deref())?];
        let gvk = gvk(resource)?;
        let cluster = self.world.cluster();
        let found = if resource.name == "*" {
            let options = ListOptions { namespace: Some(namespace.into()), ..ListOptions::default() };
            let list = cluster.list(&gvk, &options).await.map_err(|error| error.to_string())?;
            let labelled =
                list.items.into_iter().filter(|object| labelled(&resource.match_labels, Some(object)));
            labelled.collect()
        } else {
            let name = resource.name.as_str().into();
            let target = ObjectRef { gvk: gvk.clone(), namespace: namespace.into(), name };
            let object = cluster.get(&target).await.map_err(|error| error.to_string())?;
            vec![object.ok_or_else(|| format!("unable to read {target}: not found"))?]
        };
        for object in &found {
            let mut accepted = true;
            if filters.iter().any(|filter| filter.0.is_some()) {
                let request = payload(hook)?;
                for filter in &filters {
                    accepted = accepted && filter.accepts(&request, object)?;
                }
            }
            if accepted {
                self.ask(&ObjectRef { gvk: gvk.clone(), ..ObjectRef::of(object) }).await?;
            }
        }
        Ok(())
    }

    async fn ask(&self, target: &ObjectRef) -> Result<(), String> {
        let now = Node::string(rfc3339_nano(self.world.clock().now()));
        let annotations = mapping(vec![(REQUESTED_AT, now)]);
        let patch = mapping(vec![("metadata", mapping(vec![("annotations", annotations)]))]);
        let options = WriteOptions { manager: "gitops-controller".into(), ..WriteOptions::default() };
        let patched = self.world.cluster().patch(target, &Patch::Merge(patch), &options).await;
        patched.map(drop).map_err(|error| format!("failed to annotate resource: '{target}': {error}"))
    }
}
