//! ImageUpdateAutomation: what policies chose is written into files, committed and pushed.

use std::sync::Arc;

use gitops_core::api::{GitRepository, ImageUpdateAutomation, Object};
use gitops_core::ports::{
    Author, Clock, FetchRequest, GitRemote, MovedReference, PushRequest, Secret, SigningKey,
};
use gitops_core::tree::Source;
use gitops_yaml::Node;
use image_policy::{
    CheckoutRef, CommitPlan, CommitSpec, MessageTemplate, Policies, PolicyName, SigningFormat,
    SigningRequest, Subject, SwitchBranch, Updater,
};

use super::policy::chosen;
use crate::context::{CrossNamespace, Failure, Finalizer, Outcome, Run};
use crate::event::{Event, Severity};
use crate::kind::{Key, Kind};
use crate::source::git_repository::git_reference;
use crate::source::referenced;
use crate::status::{Truth, mapping};
use crate::world::World;

/// How often a push is tried on a fresh checkout when others were first.
const TRIES: usize = 3;

pub(crate) async fn reconcile<W: World>(mut run: Run<'_, W>) -> Outcome {
    if run.is_deleted() {
        return match run.finalize(Finalizer::Gone).await {
            Ok(()) => Outcome::on_change(),
            Err(_) => Outcome::backoff(),
        };
    }
    let spec = match Object::<ImageUpdateAutomation>::read(&run.object) {
        Ok(read) => read.spec,
        Err(error) => return run.fail(Failure::lasting("InvalidSpec", error.message)).await,
    };
    let interval = run.context.spread(spec.interval.unwrap_or_default().0);
    match update(&mut run, &spec).await {
        Ok(wake) => {
            let outcome = Outcome { wake, ..Outcome::after(interval) };
            run.end(outcome).await
        }
        Err(failure) => run.fail(failure).await,
    }
}

/// The policies of the automation's namespace that it follows, and what each chose.
fn policies<W: World>(
    run: &Run<'_, W>,
    spec: &ImageUpdateAutomation,
) -> Result<(Policies, Vec<(String, String)>), Failure> {
    let mut policies = Policies::default();
    let mut observed = Vec::new();
    for object in run.context.cache.list(Kind::ImagePolicy) {
        let Some(key) = Key::of(&object).filter(|key| key.namespace == run.key.namespace) else { continue };
        let label = |name: &str| object.at_path(&["metadata", "labels", name]).and_then(Node::as_str);
        if spec.policy_selector.as_ref().is_some_and(|selector| !selector.matches(label)) {
            continue;
        }
        let image = chosen(&object);
        if let Some(image) = &image {
            observed.push((key.name.to_string(), image.to_string()));
        }
        policies
            .insert(PolicyName::new(&key.namespace, &key.name), image)
            .map_err(|error| Failure::lasting("UpdateFailed", error.to_string()))?;
    }
    Ok((policies, observed))
}

/// Says where an automation can never change a file.
fn warn_in_vain<W: World>(run: &mut Run<'_, W>, policies: &Policies, has_markers: bool, path: &str) {
    let mut found = Vec::new();
    if policies.is_empty() {
        let namespace = &run.key.namespace;
        found.push(format!(
            "no ImagePolicy in namespace {namespace}: no file is ever changed; add an ImageRepository and an ImagePolicy"
        ));
    }
    if !has_markers {
        let path = if path.is_empty() { "the repository" } else { path };
        found.push(format!(
            "no $imagepolicy markers found in {path}: mark the images to update with # {{\"$imagepolicy\": \"namespace:policy\"}}"
        ));
    }
    if found.is_empty() {
        run.status.drop_condition("Warnings");
        return;
    }
    let place = run.context.origins.of(&run.key).map(|place| format!("{place}: ")).unwrap_or_default();
    let found: Vec<String> = found.iter().map(|why| format!("{place}{why}")).collect();
    run.status.condition("Warnings", Truth::True, "SlipsFound", &found.join("\n"));
}

async fn update<W: World>(run: &mut Run<'_, W>, spec: &ImageUpdateAutomation) -> Result<Vec<Key>, Failure> {
    let context = run.context;
    let source = &spec.source_ref;
    if source.kind != "GitRepository" {
        let message = format!("source kind '{}' not supported", source.kind);
        return Err(Failure::lasting("InvalidSourceConfiguration", message));
    }
    let key = referenced(Kind::GitRepository, source.namespace.as_deref(), &source.name, &run.key.namespace);
    if context.settings.cross_namespace == CrossNamespace::Blocked && key.namespace != run.key.namespace {
        let message = format!("can't access '{key}', cross-namespace references have been blocked");
        return Err(Failure::lasting("AccessDenied", message));
    }
    let object = context.cache.get(&key).ok_or_else(|| {
        let message =
            format!("failed to get source: GitRepository '{}/{}' not found", key.namespace, key.name);
        Failure::later("SourceManagerFailed", message, context.settings.requeue_dependency)
    })?;
    let repository = Object::<GitRepository>::read(&object)
        .map_err(|error| Failure::passing("InvalidSourceConfiguration", error.message))?
        .spec;
    let (policies, observed) = policies(run, spec)?;
    let git = spec.git.clone().ok_or_else(|| {
        Failure::lasting("InvalidSourceConfiguration", "spec.git is required: it says who commits")
    })?;
    let reference =
        git.checkout.as_ref().map(|checkout| &checkout.reference).or(repository.reference.as_ref());
    let commit_spec = commit_spec(&git, reference);
    let location = context.git_location(&key.namespace, &repository).await?;
    let failed =
        |error: gitops_core::ports::PortError| Failure::passing("GitOperationFailed", error.to_string());
    let signing = signing_key(run, &git).await?;
    let subject = Subject::new(&run.key.namespace, &run.key.name);
    let wanted = git_reference(reference);
    let mut tries = 0;
    loop {
        tries += 1;
        let request = FetchRequest::new(location.clone(), wanted.clone());
        let checkout = context.world.git().fetch(&request).await.map_err(failed)?;
        let mut updater = Updater::new(&policies);
        let path = spec.update.path.clone().unwrap_or_default();
        let root = gitops_core::tree::clean(path.trim_start_matches('/'))
            .map_err(|error| Failure::lasting("UpdateFailed", error.to_string()))?;
        if !checkout.tree.is_directory(&root) {
            let near = crate::kustomization::near_directory(&checkout.tree, &root);
            let hint = near.map(|near| format!("; did you mean ./{near}?")).unwrap_or_default();
            return Err(Failure::passing("UpdateFailed", format!("update path '{path}' not found{hint}")));
        }
        let mut has_markers = false;
        for (file, content) in checkout.tree.files() {
            let is_below = root == "." || file.strip_prefix(&root).is_some_and(|rest| rest.starts_with('/'));
            if is_below && Updater::looks_at(&file) {
                has_markers |= String::from_utf8_lossy(content).contains("$imagepolicy");
                updater
                    .file(&file, content)
                    .map_err(|error| Failure::lasting("UpdateFailed", error.to_string()))?;
            }
        }
        warn_in_vain(run, &policies, has_markers, &path);
        let update = updater.finish();
        for problem in update.problems() {
            context.warn(&run.key, &problem.to_string());
        }
        let plan = CommitPlan::new(&commit_spec, &subject, update.changes())
            .map_err(|error| Failure::lasting("InvalidSourceConfiguration", error.to_string()))?;
        let revision = checkout.revision.to_string();
        run.status.set_text("observedSourceRevision", revision.as_str());
        run.status.set(
            "observedPolicies",
            mapping(observed.iter().map(|(name, image)| (name.as_str(), image_node(image))).collect()),
        );
        let Some(plan) = plan else {
            if run.status.truth("Ready").is_none() || run.is_new_generation() {
                run.status.set_text("lastAutomationRunTime", context.now());
            }
            run.status.ready("Succeeded", "repository up-to-date");
            return Ok(Vec::new());
        };
        let mut push = PushRequest::new(location.clone(), Some(checkout.commit.id.clone()), &plan.branch);
        push.changes =
            update.files().map(|(file, text)| (file.to_owned(), Some(Arc::from(text.as_bytes())))).collect();
        push.author = Author { name: plan.author.name.clone(), email: plan.author.email.clone() };
        push.time = i64::try_from(context.world.clock().now().as_secs()).unwrap_or(i64::MAX);
        push.message.clone_from(&plan.message);
        if let Some(refspec) = &plan.refspec {
            push.references.extend(refspec.split(':').next_back().map(str::to_owned));
        }
        if plan.switch_branch == SwitchBranch::Yes {
            push.moved = MovedReference::Replaced;
        }
        push.signing.clone_from(&signing);
        push.options = plan.push_options.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        match context.world.git().push(&push).await {
            Ok(commit) => {
                let now = context.now();
                run.status.set_text("lastAutomationRunTime", now.as_str());
                run.status.set_text("lastPushCommit", commit.as_str());
                run.status.set_text("lastPushTime", now);
                let message = plan.summary(&commit);
                let event = Event::of(&run.key, &run.object, Severity::Info, "Succeeded", message.as_str());
                run.send(event.with("revision", format!("{}@sha1:{commit}", plan.branch)));
                run.status.ready("Succeeded", &message);
                // The new revision is fetched at once, not at the next interval.
                return Ok(vec![key]);
            }
            // Others pushed first: the change is made anew on theirs.
            Err(error) if error.can_retry() && tries < TRIES => {}
            Err(error) => return Err(failed(error.while_doing("failed to push to remote"))),
        }
    }
}

fn image_node(image: &str) -> Node {
    let (name, tag) = image.rsplit_once(':').unwrap_or((image, ""));
    mapping(vec![("name", Node::string(name)), ("tag", Node::string(tag))])
}

fn commit_spec(
    git: &gitops_core::api::GitSpec,
    reference: Option<&gitops_core::api::GitReferenceSpec>,
) -> CommitSpec {
    let push = git.push.clone().unwrap_or_default();
    let template = git.commit.message_template.as_deref().unwrap_or_default();
    CommitSpec {
        author: image_policy::Author {
            name: git.commit.author.name.clone().unwrap_or_default(),
            email: git.commit.author.email.clone(),
        },
        message: MessageTemplate::go(template),
        values: git.commit.message_template_values.clone(),
        signing: git.commit.signing_key.as_ref().map(|key| SigningRequest {
            format: SigningFormat::parse(key.key_type.as_deref().unwrap_or_default()).unwrap_or_default(),
            secret: key.secret_ref.name.clone(),
        }),
        checkout: reference
            .map(|reference| CheckoutRef { branch: reference.branch.clone().unwrap_or_default() }),
        push_branch: push.branch.unwrap_or_default(),
        push_refspec: push.refspec.unwrap_or_default(),
        push_options: push.options,
    }
}

async fn signing_key<W: World>(
    run: &Run<'_, W>,
    git: &gitops_core::api::GitSpec,
) -> Result<Option<SigningKey>, Failure> {
    let Some(key) = &git.commit.signing_key else { return Ok(None) };
    let failed = |message: String| Failure::passing("InvalidSourceConfiguration", message);
    let kind = key.key_type.as_deref().unwrap_or_default();
    let format = SigningFormat::parse(kind)
        .ok_or_else(|| failed(format!("spec.git.commit.signingKey.type '{kind}' is none of gpg and ssh")))?;
    let data = run
        .context
        .secret(&run.key.namespace, &key.secret_ref.name)
        .await
        .map_err(|error| failed(error.to_string()))?;
    let text = |field: &str| data.get(field).map(|bytes| Secret::new(String::from_utf8_lossy(bytes)));
    let secret = text(format.key_field()).ok_or_else(|| {
        let name = &key.secret_ref.name;
        failed(format!("the secret '{}/{name}' has no key '{}'", run.key.namespace, format.key_field()))
    })?;
    let passphrase = text(format.passphrase_field());
    Ok(Some(match format {
        SigningFormat::Ssh => SigningKey::Ssh(secret, passphrase),
        _ => SigningKey::OpenPgp(secret, passphrase),
    }))
}
