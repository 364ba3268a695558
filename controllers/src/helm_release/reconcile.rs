//! HelmRelease: looks at what is there, decides, acts, and looks again until nothing is left to do.

use std::time::Duration;

use gitops_core::api::{HelmRelease, Object};
use gitops_core::ports::{Clock, Cluster, ClusterFault};
use gitops_yaml::{Dialect, Node, Str, print_sigs};
use helm_rs::Time;
use helm_rs::manifest::HookEvent;
use helm_rs::release::{Release, ReleaseStore, Status as ReleaseStatus};
use helm_rs::values::{Table, Value};

use super::act::Work;
use super::chart::{find, remove_chart};
use super::decide::{Failures, Standing, Step, Tests, next};
use super::{Form, ReleaseNames, ReleaseSecrets, ReleaseValues, config_digest, unfollowed};
use crate::context::{Failure, Finalizer, Outcome, Retry, Run};
use crate::event::Severity;
use crate::health::{Answer, is_ready_by};
use crate::kind::Kind;
use crate::secret::secret_data;
use crate::source::referenced;
use crate::status::{Truth, is_ready};
use crate::world::World;

/// How many steps one reconciliation takes at most: unlock, an action, its tests, a repair, and one more look.
const STEPS: usize = 6;

pub(crate) async fn reconcile<W: World>(mut run: Run<'_, W>) -> Outcome {
    let spec = match Object::<HelmRelease>::read(&run.object) {
        Ok(read) => read.spec,
        Err(error) if run.is_deleted() => {
            run.tell(Severity::Error, "InvalidSpec", format!("the release stays: {error}"));
            return run.let_go().await;
        }
        Err(error) => return run.fail(Failure::lasting("InvalidSpec", error.message)).await,
    };
    if run.is_deleted() {
        return match delete(&mut run, &spec).await {
            Ok(()) => match remove_chart(&mut run).await {
                Ok(()) => run.let_go().await,
                Err(failure) => run.fail(failure).await,
            },
            Err(failure) => run.fail(failure).await,
        };
    }
    if run.finalize(Finalizer::Stands).await.is_err() {
        return Outcome::backoff();
    }
    unfollowed::note(&mut run, &spec);
    let interval = spec.interval.unwrap_or_default().0;
    match bring_about(&mut run, &spec).await {
        Ok(()) => {
            let next = run.context.spread(interval);
            run.end(Outcome::after(next)).await
        }
        Err(failure) => run.fail(failure).await,
    }
}

async fn bring_about<W: World>(run: &mut Run<'_, W>, spec: &HelmRelease) -> Result<(), Failure> {
    let context = run.context;
    dependencies(run, spec)?;
    let account = spec.service_account_name.as_deref();
    let access =
        context.cluster_access(&run.key, spec.kube_config.as_ref(), account, "ReconcileError").await?;
    if access.is_own() {
        return release(run, spec, context.world.cluster()).await;
    }
    let cluster = context.world.cluster_through(&access).await.map_err(|error| {
        Failure::passing("ReconcileError", format!("the cluster can not be reached: {error}"))
    })?;
    release(run, spec, &cluster).await
}

/// Ends what the object has released.
async fn delete<W: World>(run: &mut Run<'_, W>, spec: &HelmRelease) -> Result<(), Failure> {
    let context = run.context;
    if spec.suspend {
        // Who suspends a release and then deletes the object wants to keep what it has made.
        return Ok(());
    }
    let account = spec.service_account_name.as_deref();
    let access =
        context.cluster_access(&run.key, spec.kube_config.as_ref(), account, "UninstallFailed").await?;
    let names = ReleaseNames::of(&run.key.name, &run.key.namespace, spec);
    if access.is_own() {
        return Work::new(run, spec, &names, context.world.cluster())?.uninstall_for_good().await;
    }
    let cluster = context.world.cluster_through(&access).await.map_err(|error| {
        Failure::passing("UninstallFailed", format!("the cluster can not be reached: {error}"))
    })?;
    Work::new(run, spec, &names, &cluster)?.uninstall_for_good().await
}

fn dependencies<W: World>(run: &Run<'_, W>, spec: &HelmRelease) -> Result<(), Failure> {
    let wait = run.context.settings.requeue_dependency;
    for wanted in &spec.depends_on {
        let key =
            referenced(Kind::HelmRelease, wanted.namespace.as_deref(), &wanted.name, &run.key.namespace);
        let shown = format!("dependency '{}/{}'", key.namespace, key.name);
        let why = match (run.context.cache.get(&key), &wanted.ready_expr) {
            (Some(object), None) if is_ready(&object) => continue,
            (Some(object), Some(expression)) => {
                let answer = is_ready_by(expression, &run.object, &object)
                    .map_err(|why| Failure::lasting("InvalidCELExpression", format!("{shown}: {why}")))?;
                match answer {
                    Answer::Ready => continue,
                    Answer::NotReady => " according to readyExpr eval".to_owned(),
                    Answer::Unknown(why) => format!(" according to readyExpr eval: {why}"),
                }
            }
            (None, _) | (Some(_), None) => String::new(),
        };
        return Err(Failure::later("DependencyNotReady", format!("{shown} is not ready{why}"), wait));
    }
    Ok(())
}

/// Merges the values: references in their order, then what stands inline.
async fn values<W: World>(run: &Run<'_, W>, spec: &HelmRelease) -> Result<Table, Failure> {
    let inline = run.object.at_path(&["spec", "values"]).map(Value::from_node);
    let mut all = ReleaseValues::new(inline.as_ref().and_then(Value::as_table).cloned().unwrap_or_default());
    for reference in &spec.values_from {
        let key = reference.values_key.as_deref().filter(|key| !key.is_empty()).unwrap_or("values.yaml");
        let shown = format!(
            "{} chart values reference '{}/{}' with key '{key}'",
            reference.kind, run.key.namespace, reference.name
        );
        let failed = |why: &dyn std::fmt::Display| {
            Failure::passing("ValuesError", format!("could not resolve {shown}: {why}"))
        };
        if !matches!(reference.kind.as_str(), "ConfigMap" | "Secret") {
            let why = "the kind must be ConfigMap or Secret";
            return Err(Failure { retry: Retry::Never, ..failed(&why) });
        }
        let found = match run.context.read(&reference.kind, &run.key.namespace, &reference.name).await {
            Ok(found) => found,
            Err(error) if error.fault == ClusterFault::NotFound && reference.optional => continue,
            Err(error) => return Err(failed(&error)),
        };
        let content = if reference.kind == "Secret" {
            let data = secret_data(&found).map_err(|why| failed(&why))?;
            data.get(key).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        } else {
            found.at_path(&["data", key]).and_then(Node::as_str).map(str::to_owned)
        };
        let Some(content) = content else {
            if reference.optional {
                continue;
            }
            return Err(failed(&"key not found"));
        };
        let form = Form::of(reference.target_path.as_deref(), reference.literal);
        all.lay(&content, form).map_err(|error| match (reference.kind.as_str(), form) {
            ("ConfigMap", _) => failed(&error),
            // A text of a Secret is no part of an error.
            (_, Form::File) => failed(&"the values are no YAML mapping"),
            (_, Form::At(path) | Form::LiteralAt(path)) => {
                failed(&format!("the value does not fit the path '{path}'"))
            }
        })?;
    }
    Ok(all.finish())
}

/// Digests of what changes the rendered objects, by which a change of them is told.
fn digest_of(object: &Node, field: &str) -> Option<String> {
    let value = object.at_path(&["spec", field])?;
    let is_empty = value.items().is_some_and(<[_]>::is_empty) || value.entries().is_some_and(<[_]>::is_empty);
    let printed = print_sigs(value, Dialect::V3).unwrap_or_default();
    (!is_empty).then(|| gitops_core::digest::sha256(printed.as_bytes()))
}

/// The fields of the status that hold those digests.
const OBSERVED: [(&str, &str); 2] =
    [("postRenderers", "observedPostRenderersDigest"), ("commonMetadata", "observedCommonMetadataDigest")];

async fn release<W: World, C: Cluster>(
    run: &mut Run<'_, W>,
    spec: &HelmRelease,
    cluster: &C,
) -> Result<(), Failure> {
    let context = run.context;
    let values = values(run, spec).await?;
    let found = find(run, spec).await?;
    let names = ReleaseNames::of(&run.key.name, &run.key.namespace, spec);
    leave_old(run, spec, &names, cluster).await?;
    let digest = config_digest(&values);
    let attempted =
        (run.status.text(&["lastAttemptedConfigDigest"]), run.status.text(&["lastAttemptedRevision"]));
    let generation = Node::int(crate::status::generation(&run.object));
    let is_new = attempted != (Some(&digest), Some(&found.version))
        || run.status.text(&["lastAttemptedGeneration"]) != generation.as_str();
    let asked = run.asked_for("reconcile.fluxcd.io/resetAt", "lastHandledResetAt");
    if is_new || asked {
        for field in ["installFailures", "upgradeFailures", "failures"] {
            run.status.unset(field);
        }
    }
    let mut forced = run.asked_for("reconcile.fluxcd.io/forceAt", "lastHandledForceAt");
    run.status.set_text("lastAttemptedConfigDigest", digest.as_str());
    run.status.set_text("lastAttemptedRevision", found.version.as_str());
    run.status.set("lastAttemptedGeneration", generation);
    run.status.set_text("storageNamespace", names.storage.clone());
    let version = found.version.clone();
    let mut work = Work::new(run, spec, &names, cluster)?.with_chart(found, values);
    let mut failed: Option<Failure> = None;
    for _ in 0..STEPS {
        let history = work.history().await?;
        let last = history.last();
        let standing = last.map(|last| standing(work.run, last, &history, &digest, &version, spec));
        let failures = failures(work.run);
        let step = next(standing, failures, spec, forced);
        if matches!(step, Step::Install | Step::Upgrade)
            && let Some(failure) = failed.take()
        {
            // What was repaired is tried again, but not at once.
            return Err(failure);
        }
        match step {
            Step::Rest => {
                if let Some(last) = last {
                    work.correct_drift(last).await?;
                    settled(work.run, last, &version);
                }
                return Ok(());
            }
            Step::GiveUp { action, attempts } => {
                let message = format!("Failed to {action} after {attempts} attempt(s)");
                let told = Failure::lasting("RetriesExceeded", message);
                return Err(failed.map_or(told, |failure| Failure { retry: Retry::Never, ..failure }));
            }
            Step::Unlock => work.unlock().await?,
            Step::Install => failed = work.install().await.err(),
            Step::Upgrade => failed = work.upgrade().await.err(),
            Step::Test => failed = work.test().await.err(),
            Step::Rollback => work.roll_back(&history).await?,
            Step::Uninstall => work.uninstall_to_repair().await?,
        }
        forced = false;
    }
    let wait = context.spread(Duration::from_secs(5));
    Err(Failure::later("ReconcileError", "the release does not come to rest", wait))
}

/// Uninstalls what stands under another name or in other namespaces, after these were changed.
async fn leave_old<W: World, C: Cluster>(
    run: &mut Run<'_, W>,
    spec: &HelmRelease,
    names: &ReleaseNames,
    cluster: &C,
) -> Result<(), Failure> {
    let text = |field: &str| {
        let snapshot = run.status.field(&["history"]).and_then(Node::items)?.first()?;
        snapshot.get(field).and_then(Node::scalar).cloned()
    };
    let (Some(name), Some(namespace)) = (text("name"), text("namespace")) else { return Ok(()) };
    let storage = run.status.text(&["storageNamespace"]).map_or_else(|| names.storage.clone(), Str::from);
    let old = ReleaseNames { name, namespace, storage };
    if old == *names {
        return Ok(());
    }
    Work::new(run, spec, &old, cluster)?.uninstall_for_good().await?;
    run.status.unset("history");
    Ok(())
}

fn failures<W: World>(run: &Run<'_, W>) -> Failures {
    let count = |field| run.status.field(&[field]).and_then(Node::scalar).and_then(|text| text.parse().ok());
    Failures {
        install: count("installFailures").unwrap_or(0),
        upgrade: count("upgradeFailures").unwrap_or(0),
        last_was_install: run.status.text(&["lastAttemptedReleaseAction"]) == Some("install"),
    }
}

/// Compares the last revision with what was noted of it, and with what is wanted.
fn standing<W: World>(
    run: &Run<'_, W>,
    last: &Release,
    history: &[Release],
    digest: &str,
    version: &str,
    spec: &HelmRelease,
) -> Standing {
    let snapshots = run.status.field(&["history"]).and_then(Node::items).unwrap_or_default();
    let snapshot = snapshots.first();
    let text = |field: &str| snapshot.and_then(|snapshot| snapshot.get(field)).and_then(Node::as_str);
    let own_digest = config_digest(&last.config);
    let same_time = text("lastDeployed")
        .and_then(Time::parse)
        .is_some_and(|time| time.seconds() == last.info.last_deployed.seconds());
    let is_own = text("version") == Some(&*last.revision.to_string())
        && text("configDigest") == Some(&own_digest)
        && same_time;
    let same_finish = OBSERVED
        .iter()
        .all(|(field, observed)| digest_of(&run.object, field).as_deref() == run.status.text(&[observed]));
    let runs: Vec<&str> = last
        .hooks
        .iter()
        .filter(|hook| hook.runs_at(HookEvent::Test))
        .filter(|hook| super::act::runs_test(spec, &hook.name))
        .map(|hook| hook.last_run.phase.as_str())
        .collect();
    let tests = match () {
        () if runs.contains(&"Failed") => Some(Tests::Failed),
        () if runs.iter().any(|phase| phase.is_empty() || *phase == "Unknown") => None,
        () => Some(Tests::Passed),
    };
    Standing {
        status: last.info.status,
        is_own,
        is_current: own_digest == digest && text("chartVersion") == Some(version) && same_finish,
        tests,
        has_previous: super::act::previous(history).is_some(),
    }
}

/// Notes that a release is as wanted.
fn settled<W: World>(run: &mut Run<'_, W>, last: &Release, version: &str) {
    let words = run.status.words("Released").map(|(reason, message)| (reason.to_owned(), message.to_owned()));
    let (reason, message) = match (run.status.truth("Released"), words) {
        (Some(Truth::True), Some(words)) => words,
        _ => {
            let (reason, action) = if last.revision == 1 {
                ("InstallSucceeded", "install")
            } else {
                ("UpgradeSucceeded", "upgrade")
            };
            let (namespace, name, chart) = (&last.namespace, &last.name, last.chart.name());
            let about = format!("{namespace}/{name}.v{} with chart {chart}@{version}", last.revision);
            (reason.to_owned(), format!("Helm {action} succeeded for release {about}"))
        }
    };
    let (reason, message) = match (run.status.truth("TestSuccess"), run.status.words("TestSuccess")) {
        (Some(Truth::True), Some((reason, message))) => (reason.to_owned(), message.to_owned()),
        _ => (reason, message),
    };
    run.status.ready(&reason, &message);
}

impl<W: World> Run<'_, W> {
    /// Returns whether an annotation asks for something together with a reconciliation, once; notes that it was heard.
    fn asked_for(&mut self, annotation: &str, handled: &str) -> bool {
        let Some(asked) = self.annotation(annotation).map(str::to_owned) else { return false };
        let is_now = self.annotation(crate::context::REQUESTED_AT) == Some(&asked);
        let is_new = self.status.text(&[handled]) != Some(&asked);
        if is_now && is_new {
            self.status.set_text(handled, asked);
        }
        is_now && is_new
    }
}

/// Notes what was done with which changes of the rendered objects.
pub(super) fn observe_finish<W: World>(run: &mut Run<'_, W>) {
    for (field, observed) in OBSERVED {
        match digest_of(&run.object, field) {
            Some(digest) => run.status.set_text(observed, digest),
            None => run.status.unset(observed),
        }
    }
}

/// Reads the records of a release, oldest first.
pub(super) async fn history<C: Cluster, K: Clock>(
    store: &ReleaseSecrets<'_, C, K>,
    name: &str,
) -> Result<Vec<Release>, Failure> {
    let mut history = store
        .history(name)
        .await
        .map_err(|error| Failure::passing("ReconcileError", format!("the records can't be read: {error}")))?;
    history.sort_by_key(|release| release.revision);
    Ok(history)
}

/// Says that interrupted actions have failed.
pub(super) async fn unlock<S: ReleaseStore>(store: &S, name: &str) -> Result<(), Failure> {
    let failed =
        |error: helm_rs::release::ClusterError| Failure::passing("ReconcileError", error.to_string());
    for mut release in store.history(name).await.map_err(failed)? {
        if release.info.status.is_pending() {
            release.info.status = ReleaseStatus::Failed;
            release.info.description = "Release unlocked from stale 'pending' state".to_owned();
            store.update(&release).await.map_err(failed)?;
        }
    }
    Ok(())
}
