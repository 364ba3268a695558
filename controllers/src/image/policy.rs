//! ImagePolicy: one tag of an image's.

use gitops_core::api::{ImagePolicy, ImageRepository, Object};
use gitops_core::ports::Registry;
use gitops_yaml::Node;
use image_policy::{DigestReflection, DigestStep, Order, Policy, PolicyError, Reference, TagFilter};

use super::repository::{Tags, image};
use crate::context::{Context, CrossNamespace, Failure, Finalizer, Outcome, Run};
use crate::event::Severity;
use crate::kind::{Key, Kind};
use crate::source::referenced;
use crate::status::mapping;
use crate::world::World;

pub(crate) async fn reconcile<W: World>(mut run: Run<'_, W>) -> Outcome {
    if run.is_deleted() {
        return match run.finalize(Finalizer::Gone).await {
            Ok(()) => Outcome::on_change(),
            Err(_) => Outcome::backoff(),
        };
    }
    let spec = match Object::<ImagePolicy>::read(&run.object) {
        Ok(read) => read.spec,
        Err(error) => return run.fail(Failure::lasting("InvalidSpec", error.message)).await,
    };
    let again = match DigestReflection::parse(spec.digest_reflection_policy.as_deref().unwrap_or_default()) {
        Some(reflection) if reflection.needs_interval() => spec.interval,
        _ => None,
    };
    match choose(&mut run, &spec).await {
        Ok(()) => {
            let outcome = match again {
                Some(interval) => Outcome::after(run.context.spread(interval.0)),
                None => Outcome::on_change(),
            };
            run.end(outcome).await
        }
        Err(failure) => run.fail(failure).await,
    }
}

fn policy(spec: &ImagePolicy) -> Result<Policy, Failure> {
    let wrong = |error: PolicyError| Failure::lasting("InvalidPolicy", error.to_string());
    let order = |order: &gitops_core::api::PolicyOrder| Order::parse(order.order.as_deref().unwrap_or("asc"));
    let choice = &spec.policy;
    let policy = match (&choice.semver, &choice.alphabetical, &choice.numerical) {
        (Some(range), None, None) => Policy::semver(&range.range).map_err(wrong)?,
        (None, Some(by), None) => Policy::alphabetical(order(by).map_err(wrong)?),
        (None, None, Some(by)) => Policy::numerical(order(by).map_err(wrong)?),
        _ => {
            let message = "spec.policy must have one of semver, alphabetical and numerical";
            return Err(Failure::lasting("InvalidPolicy", message));
        }
    };
    Ok(match &spec.filter_tags {
        Some(filter) => policy.filtered(TagFilter::new(&filter.pattern, &filter.extract).map_err(wrong)?),
        None => policy,
    })
}

/// Returns the image that a policy chose.
pub(super) fn chosen(policy: &Node) -> Option<Reference> {
    let text = |field: &str| policy.at_path(&["status", "latestRef", field]).and_then(Node::as_str);
    Reference::of(text("name")?, text("tag")?, text("digest").unwrap_or_default()).ok()
}

/// Asks whether a repository may be used from a namespace, by the namespace's labels.
async fn allowed<W: World>(
    context: &Context<W>,
    repository: &ImageRepository,
    key: &Key,
    namespace: &str,
) -> Result<(), Failure> {
    let denied = |why: &str| {
        let message =
            format!("'{}/{}' can't be accessed from namespace '{namespace}': {why}", key.namespace, key.name);
        Failure::lasting("AccessDenied", message)
    };
    let selectors = match &repository.access_from {
        Some(access) => &access.namespace_selectors,
        None => return Err(denied("its spec.accessFrom names no namespace")),
    };
    let found = context.read("Namespace", "", namespace).await;
    let found = found.map_err(|error| Failure::passing("AccessDenied", error.to_string()))?;
    let label = |name: &str| found.at_path(&["metadata", "labels", name]).and_then(Node::as_str);
    match selectors.iter().any(|selector| selector.matches(label)) {
        true => Ok(()),
        false => Err(denied("none of its spec.accessFrom.namespaceSelectors matches the namespace's labels")),
    }
}

async fn choose<W: World>(run: &mut Run<'_, W>, spec: &ImagePolicy) -> Result<(), Failure> {
    let context = run.context;
    let reference = &spec.image_repository_ref;
    let key: Key = referenced(
        Kind::ImageRepository,
        reference.namespace.as_deref(),
        &reference.name,
        &run.key.namespace,
    );
    if context.settings.cross_namespace == CrossNamespace::Blocked && key.namespace != run.key.namespace {
        let message = format!("can't access '{key}', cross-namespace references have been blocked");
        return Err(Failure::lasting("AccessDenied", message));
    }
    let wait = context.settings.requeue_dependency;
    let later = |message: String| Failure::later("DependencyNotReady", message, wait);
    let Some(repository) = context.cache.get(&key) else {
        return Err(later(format!(
            "referenced ImageRepository '{}/{}' does not exist",
            key.namespace, key.name
        )));
    };
    let policy = policy(spec)?;
    let Some(tags) = context.memory.get::<Tags>(&key) else {
        return Err(later("referenced ImageRepository has not been scanned yet".into()));
    };
    let its = Object::<ImageRepository>::read(&repository).map_err(|error| later(error.message))?.spec;
    if key.namespace != run.key.namespace {
        allowed(context, &its, &key, &run.key.namespace).await?;
    }
    let name = image(&its.image)?.name().to_owned();
    let tag = policy.latest(&tags.0).map_err(|error| {
        // What a person asks next is which tags there were.
        let some: Vec<&str> = tags.0.iter().rev().take(5).map(String::as_str).collect();
        let seen = if some.is_empty() {
            "no tags".to_owned()
        } else {
            format!("{} tags such as {}", tags.0.len(), some.join(", "))
        };
        Failure::lasting("ReadOperationFailed", format!("{error} ({seen} were looked at)"))
    })?;
    let before = chosen(&run.object);
    let reflection = spec.digest_reflection_policy.as_deref().unwrap_or_default();
    let reflection = DigestReflection::parse(reflection).ok_or_else(|| {
        Failure::lasting(
            "InvalidPolicy",
            format!("spec.digestReflectionPolicy '{reflection}' is none of Never, IfNotPresent and Always"),
        )
    })?;
    let digest = match reflection.step(&name, tag, before.as_ref()) {
        DigestStep::Keep(digest) => digest,
        DigestStep::Fetch => {
            let access = run.registry_access(&its).await?;
            let failed = |error: gitops_core::ports::PortError| {
                Failure::passing(
                    "ReadOperationFailed",
                    format!("failed fetching digest of '{name}:{tag}': {error}"),
                )
            };
            let registry = context.world.registry(&access).map_err(failed)?;
            registry.resolve(&name, tag).await.map_err(failed)?
        }
        _ => String::new(),
    };
    let image = Reference::of(&name, tag, &digest)
        .map_err(|error| Failure::lasting("ReadOperationFailed", error.to_string()))?;
    let node = |image: &Reference| {
        let mut entries = vec![
            ("name", Node::string(image.name())),
            ("tag", Node::string(image.tag().unwrap_or_default())),
        ];
        if let Some(digest) = image.digest() {
            entries.push(("digest", Node::string(digest)));
        }
        mapping(entries)
    };
    run.status.set("latestRef", node(&image));
    let mut message = format!("Latest image tag for {name} resolved to {tag}");
    if !digest.is_empty() {
        message.push_str(&format!(" with digest {digest}"));
    }
    if let Some(before) = before.filter(|before| *before != image) {
        run.status.set("observedPreviousRef", node(&before));
    }
    if let Some(previous) = run.status.field(&["observedPreviousRef"]) {
        let text = |field: &str| previous.get(field).and_then(Node::as_str).unwrap_or_default();
        message.push_str(&format!(" (previously {}:{})", text("name"), text("tag")));
    }
    if chosen(&run.object).as_ref() != Some(&image) {
        run.tell(Severity::Info, "Succeeded", &message);
    }
    run.status.ready("Succeeded", &message);
    Ok(())
}
