//! HelmRelease: installed where it is not, upgraded where chart or values have changed, repaired where that fails.

use std::time::Duration;

use gitops_core::api::{HelmRelease, Object, Remediation};
use gitops_core::ports::{Clock, ClusterFault};
use gitops_template::Seeded;
use gitops_yaml::{Dialect, Node, Str, print_sigs};
use helm_rs::release::{
    Crds, Install, NameReuse, NamespaceCreation, OperationOptions, Operator, Release, ReleaseStore, Rollback,
    Status as ReleaseStatus, UninstallOptions, Upgrade,
};
use helm_rs::render::{ReleaseFacts, RenderOptions};
use helm_rs::values::{SetKind, Table, Value, load_values, merge_tables, set};
use helm_rs::{Schemas, TemplateOptions, Warnings, template};

use super::chart::{Found, find, remove_chart};
use super::{ReleaseClock, ReleaseCluster, ReleaseSecrets, Waiting};
use crate::context::{Context, Failure, Finalizer, Outcome, Retry, Run};
use crate::event::{Event, Severity};
use crate::fleet::release::short_name;
use crate::health::readiness;
use crate::kind::Kind;
use crate::secret::secret_data;
use crate::source::referenced;
use crate::status::{Truth, is_ready, mapping};
use crate::world::World;

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
        return match uninstall(&run, &spec).await {
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
    let interval = spec.interval.unwrap_or_default().0;
    match bring_about(&mut run, &spec).await {
        Ok(()) => {
            let next = run.context.spread(interval);
            run.end(Outcome::after(next)).await
        }
        Err(failure) => run.fail(failure).await,
    }
}

/// The release's name and namespaces.
struct Names {
    name: String,
    namespace: Str,
    storage: Str,
}

fn names<W>(run: &Run<'_, W>, spec: &HelmRelease) -> Names {
    let target = spec.target_namespace.as_deref().filter(|target| !target.is_empty());
    let name = match (spec.release_name.as_deref().filter(|name| !name.is_empty()), target) {
        (Some(name), _) => name.to_owned(),
        (None, Some(target)) => format!("{target}-{}", run.key.name),
        (None, None) => run.key.name.to_string(),
    };
    let own = &run.key.namespace;
    Names {
        name: short_name(&name),
        namespace: target.map_or_else(|| own.clone(), Str::from),
        storage: spec.storage_namespace.as_deref().map_or_else(|| own.clone(), Str::from),
    }
}

fn dependencies<W: World>(run: &Run<'_, W>, spec: &HelmRelease) -> Result<(), Failure> {
    let wait = run.context.settings.requeue_dependency;
    for wanted in &spec.depends_on {
        let key =
            referenced(Kind::HelmRelease, wanted.namespace.as_deref(), &wanted.name, &run.key.namespace);
        let ready = match (run.context.cache.get(&key), &wanted.ready_expr) {
            (None, _) => false,
            (Some(object), None) => is_ready(&object),
            (Some(object), Some(expression)) => crate::health::is_ready_by(expression, &run.object, &object)
                .map_err(|why| Failure::lasting("InvalidCELExpression", why))?,
        };
        if !ready {
            let message = format!("dependency '{}/{}' is not ready", key.namespace, key.name);
            return Err(Failure::later("DependencyNotReady", message, wait));
        }
    }
    Ok(())
}

/// Merges the values: references in their order, single values at their paths, then what stands inline.
async fn values<W: World>(run: &Run<'_, W>, spec: &HelmRelease) -> Result<Table, Failure> {
    let mut all = Table::new();
    for reference in &spec.values_from {
        let key = reference.values_key.as_deref().unwrap_or("values.yaml");
        let shown = format!(
            "{} chart values reference '{}/{}' with key '{key}'",
            reference.kind, run.key.namespace, reference.name
        );
        let failed = |why: &dyn std::fmt::Display| {
            Failure::passing("ValuesError", format!("could not resolve {shown}: {why}"))
        };
        if !matches!(reference.kind.as_str(), "ConfigMap" | "Secret") {
            return Err(Failure::lasting(
                "ValuesError",
                format!("could not resolve {shown}: the kind must be ConfigMap or Secret"),
            ));
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
        match reference.target_path.as_deref().filter(|path| !path.is_empty()) {
            None => {
                // A text of a Secret is no part of an error.
                let table = load_values(content.as_bytes(), key)
                    .map_err(|_| failed(&"the values are no YAML mapping"))?;
                merge_tables(&mut all, &table);
            }
            Some(path) => {
                let quoted = content.len() > 1
                    && (content.starts_with('"') && content.ends_with('"')
                        || content.starts_with('\'') && content.ends_with('\''));
                let (text, kind) = if reference.literal {
                    (content.as_str(), SetKind::Literal)
                } else if quoted {
                    (content.get(1..content.len() - 1).unwrap_or_default(), SetKind::Text)
                } else {
                    (content.as_str(), SetKind::Typed)
                };
                set(&mut all, &format!("{path}={text}"), kind)
                    .map_err(|_| failed(&format!("the value does not fit the path '{path}'")))?;
            }
        }
    }
    let inline = run.object.at_path(&["spec", "values"]).map(Value::from_node);
    if let Some(table) = inline.as_ref().and_then(Value::as_table) {
        merge_tables(&mut all, table);
    }
    Ok(all)
}

/// A digest of all that decides what is rendered, beside the chart.
fn config_digest(values: &Table) -> String {
    let printed = print_sigs(&Value::table(values.clone()).to_node(), Dialect::V3).unwrap_or_default();
    gitops_core::digest::sha256(printed.as_bytes())
}

fn waiting(spec: &HelmRelease, own: Option<gitops_core::api::GoDuration>) -> Waiting {
    let timeout = own.or(spec.timeout).map_or(Duration::from_secs(300), |timeout| timeout.0);
    Waiting { timeout, ..Waiting::default() }
}

/// What renders a chart for a release, with a chance that differs from run to run.
fn seed<W: World>(context: &Context<W>) -> Seeded {
    let now = context.world.clock().now();
    let nanos = i64::try_from(now.as_nanos()).unwrap_or(i64::MAX);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number from 0 to 2^53")]
    let chance = (context.world.random() * 9_007_199_254_740_992.0) as u64;
    Seeded::new(chance, nanos.into())
}

async fn bring_about<W: World>(run: &mut Run<'_, W>, spec: &HelmRelease) -> Result<(), Failure> {
    let context = run.context;
    if !spec.post_renderers.is_empty() {
        return Err(Failure::lasting("InvalidSpec", "spec.postRenderers are not supported"));
    }
    if spec.kube_config.is_some() || spec.service_account_name.is_some() {
        return Err(Failure::lasting(
            "InvalidSpec",
            "spec.kubeConfig and spec.serviceAccountName are not supported",
        ));
    }
    dependencies(run, spec)?;
    let values = values(run, spec).await?;
    let found = find(run, spec).await?;
    let names = names(run, spec);
    let digest = config_digest(&values);
    let cluster = context.world.cluster();
    let clock = context.world.clock();
    let store = ReleaseSecrets::new(cluster, clock, names.storage.clone());
    let mut history = store
        .history(&names.name)
        .await
        .map_err(|error| Failure::passing("ReleaseFailed", error.to_string()))?;
    history.sort_by_key(|release| release.revision);
    let last = history.last();
    let attempted =
        (run.status.text(&["lastAttemptedConfigDigest"]), run.status.text(&["lastAttemptedRevision"]));
    let same = attempted == (Some(&digest), Some(&found.version)) && !run.is_new_generation();
    let chart_name = found.chart.name().to_owned();
    let described = |revision: i64| {
        format!("{}/{}.v{revision} with chart {chart_name}@{}", names.namespace, names.name, found.version)
    };
    let is_deployed = last.is_some_and(|last| last.info.status == ReleaseStatus::Deployed);
    if same && is_deployed {
        let revision = last.map_or(1, |last| last.revision);
        let reason = if revision == 1 { "InstallSucceeded" } else { "UpgradeSucceeded" };
        let action = if revision == 1 { "install" } else { "upgrade" };
        let message = format!("Helm {action} succeeded for release {}", described(revision));
        run.status.ready(reason, &message);
        return Ok(());
    }
    if !same {
        for field in ["installFailures", "upgradeFailures", "failures"] {
            run.status.unset(field);
        }
    }
    run.status.set_text("lastAttemptedConfigDigest", digest.as_str());
    run.status.set_text("lastAttemptedRevision", found.version.as_str());
    let gone = last.is_none_or(|last| last.info.status == ReleaseStatus::Uninstalled);
    if gone {
        install(run, spec, &names, found, values, &store).await
    } else {
        upgrade(run, spec, &names, found, values, &store).await
    }
}

fn failures<W: World>(run: &Run<'_, W>, field: &str) -> i64 {
    run.status.field(&[field]).and_then(Node::scalar).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Returns whether an action that has failed so often is tried again.
fn may_retry(failures: i64, remediation: Option<&Remediation>) -> bool {
    let retries = remediation.and_then(|remediation| remediation.retries).unwrap_or(0);
    retries < 0 || failures <= retries
}

async fn install<W: World>(
    run: &mut Run<'_, W>,
    spec: &HelmRelease,
    names: &Names,
    found: Found,
    values: Table,
    store: &ReleaseSecrets<'_, W::Cluster, W::Clock>,
) -> Result<(), Failure> {
    let context = run.context;
    let how = spec.install.clone().unwrap_or_default();
    let failed = failures(run, "installFailures");
    if failed > 0 && !may_retry(failed, how.remediation.as_ref()) {
        let message = format!("Failed to install after {failed} attempt(s)");
        return Err(Failure::lasting("RetriesExceeded", message));
    }
    let waiting = waiting(spec, how.timeout);
    let shown = gitops_core::api::GoDuration(waiting.timeout);
    run.status.progressing(&format!("Running 'install' action with timeout of {shown}"));
    drop(run.write_status().await);
    let clock = ReleaseClock(context.world.clock());
    let ready = |object: &Node| readiness(object);
    let cluster = ReleaseCluster::new(context.world.cluster(), context.world.clock(), &ready, waiting);
    let mut options = OperationOptions::default();
    options.history = usize::try_from(spec.max_history.unwrap_or(5)).unwrap_or(0);
    if how.disable_hooks {
        options.hooks = helm_rs::release::Hooks::Skipped;
    }
    let operator = Operator::new(&cluster, store, &clock, options);
    let mut wanted = Install::new(names.name.as_str(), names.namespace.clone());
    wanted.config = values.clone();
    wanted.crds = if how.crds.as_deref() == Some("Skip") { Crds::Skipped } else { Crds::Applied };
    wanted.name_reuse = NameReuse::Allowed;
    if how.create_namespace {
        wanted.namespace_creation = NamespaceCreation::Yes;
    }
    let chart_name = found.chart.name().to_owned();
    let crds = found.chart.crds();
    let world = seed(context);
    let facts = ReleaseFacts::install(names.name.as_str(), names.namespace.clone());
    let schemas = if how.disable_schema_validation { Schemas::Skipped } else { Schemas::Checked };
    let render = || {
        let options = TemplateOptions::new(RenderOptions::new(facts).world(&world)).schemas(schemas);
        template(found.chart, &values, &options, &mut Warnings::new()).map_err(|error| error.error)
    };
    let result = operator.install(&wanted, &crds, render, &mut Warnings::new()).await;
    let about = format!("{}/{}.v1 with chart {chart_name}@{}", names.namespace, names.name, found.version);
    match result {
        Ok(release) => {
            succeeded(run, &release, "install", "InstallSucceeded", &about, &found.version);
            Ok(())
        }
        Err(error) => {
            let message = format!("Helm install failed for release {about}: {error}");
            let failure = action_failed(run, "installFailures", "InstallFailed", message);
            let may_retry = may_retry(failed + 1, how.remediation.as_ref());
            if may_retry {
                // What a failed install left behind goes, so that the next begins anew.
                let uninstalled =
                    operator.uninstall(&names.name, &UninstallOptions::default(), &mut Warnings::new()).await;
                run.status.condition(
                    "Remediated",
                    if uninstalled.is_ok() { Truth::True } else { Truth::False },
                    if uninstalled.is_ok() { "UninstallSucceeded" } else { "UninstallFailed" },
                    &format!("Helm uninstall remediation for release {about}"),
                );
            }
            Err(Failure { retry: if may_retry { Retry::Backoff } else { Retry::Never }, ..failure })
        }
    }
}

async fn upgrade<W: World>(
    run: &mut Run<'_, W>,
    spec: &HelmRelease,
    names: &Names,
    found: Found,
    values: Table,
    store: &ReleaseSecrets<'_, W::Cluster, W::Clock>,
) -> Result<(), Failure> {
    let context = run.context;
    let how = spec.upgrade.clone().unwrap_or_default();
    let failed = failures(run, "upgradeFailures");
    if failed > 0 && !may_retry(failed, how.remediation.as_ref()) {
        let message = format!("Failed to upgrade after {failed} attempt(s)");
        return Err(Failure::lasting("RetriesExceeded", message));
    }
    let waiting = waiting(spec, how.timeout);
    let shown = gitops_core::api::GoDuration(waiting.timeout);
    run.status.progressing(&format!("Running 'upgrade' action with timeout of {shown}"));
    drop(run.write_status().await);
    unlock(store, names).await?;
    let clock = ReleaseClock(context.world.clock());
    let ready = |object: &Node| readiness(object);
    let cluster = ReleaseCluster::new(context.world.cluster(), context.world.clock(), &ready, waiting);
    let mut options = OperationOptions::default();
    options.history = usize::try_from(spec.max_history.unwrap_or(5)).unwrap_or(0);
    if how.disable_hooks {
        options.hooks = helm_rs::release::Hooks::Skipped;
    }
    let operator = Operator::new(&cluster, store, &clock, options);
    let mut wanted = Upgrade::new(names.name.as_str());
    wanted.values = values;
    let chart_name = found.chart.name().to_owned();
    let world = seed(context);
    let name = Str::from(names.name.as_str());
    let schemas = if how.disable_schema_validation { Schemas::Skipped } else { Schemas::Checked };
    let render = |facts: &helm_rs::release::UpgradeFacts| {
        let mut release = ReleaseFacts::install(name.clone(), facts.namespace.clone());
        release.revision = facts.revision;
        release.operation = helm_rs::render::Operation::Upgrade;
        let options = TemplateOptions::new(RenderOptions::new(release).world(&world)).schemas(schemas);
        template(facts.chart.clone(), &facts.values, &options, &mut Warnings::new())
            .map_err(|error| error.error)
    };
    let result = operator.upgrade(&wanted, found.chart, render, &mut Warnings::new()).await;
    match result {
        Ok(release) => {
            let about = format!(
                "{}/{}.v{} with chart {chart_name}@{}",
                names.namespace, names.name, release.revision, found.version
            );
            succeeded(run, &release, "upgrade", "UpgradeSucceeded", &about, &found.version);
            Ok(())
        }
        Err(error) => {
            let about =
                format!("{}/{} with chart {chart_name}@{}", names.namespace, names.name, found.version);
            let message = format!("Helm upgrade failed for release {about}: {error}");
            let failure = action_failed(run, "upgradeFailures", "UpgradeFailed", message);
            let remediation = how.remediation.as_ref();
            let again = may_retry(failed + 1, remediation);
            let retries = remediation.and_then(|remediation| remediation.retries).unwrap_or(0);
            let last_too =
                remediation.and_then(|remediation| remediation.remediate_last_failure).unwrap_or(retries > 0);
            if retries != 0 && (again || last_too) {
                let back =
                    operator.rollback(&Rollback::new(names.name.as_str(), 0), &mut Warnings::new()).await;
                let (truth, reason, message) = match back {
                    Ok(release) => (
                        Truth::True,
                        "RollbackSucceeded",
                        format!(
                            "Helm rollback to a previous release succeeded: {}/{}.v{}",
                            names.namespace, names.name, release.revision
                        ),
                    ),
                    Err(error) => (Truth::False, "RollbackFailed", format!("Helm rollback failed: {error}")),
                };
                run.status.condition("Remediated", truth, reason, &message);
            }
            Err(Failure { retry: if again { Retry::Backoff } else { Retry::Never }, ..failure })
        }
    }
}

/// A revision that an interrupted controller left in the middle of its action is said to have failed.
async fn unlock<S: ReleaseStore>(store: &S, names: &Names) -> Result<(), Failure> {
    let failed = |error: helm_rs::release::ClusterError| Failure::passing("ReleaseFailed", error.to_string());
    for mut release in store.history(&names.name).await.map_err(failed)? {
        if release.info.status.is_pending() {
            release.info.status = ReleaseStatus::Failed;
            release.info.description = "Release unlocked from stale 'pending' state".to_owned();
            store.update(&release).await.map_err(failed)?;
        }
    }
    Ok(())
}

fn action_failed<W: World>(
    run: &mut Run<'_, W>,
    counter: &str,
    reason: &'static str,
    message: String,
) -> Failure {
    let count = failures(run, counter) + 1;
    run.status.set(counter, Node::int(count));
    run.status.set("failures", Node::int(count));
    run.status.condition("Released", Truth::False, reason, &message);
    Failure::passing(reason, message)
}

fn succeeded<W: World>(
    run: &mut Run<'_, W>,
    release: &Release,
    action: &str,
    reason: &str,
    about: &str,
    version: &str,
) {
    let message = format!("Helm {action} succeeded for release {about}");
    for field in ["installFailures", "upgradeFailures", "failures"] {
        run.status.unset(field);
    }
    run.status.drop_condition("Remediated");
    let time = |time: helm_rs::Time| Node::string(time.to_string());
    let entry = mapping(vec![
        ("chartName", Node::string(release.chart.name())),
        ("chartVersion", Node::string(version)),
        ("configDigest", Node::string(config_digest(&release.config))),
        ("digest", Node::string(gitops_core::digest::sha256(release.to_json_text().as_bytes()))),
        ("firstDeployed", time(release.info.first_deployed)),
        ("lastDeployed", time(release.info.last_deployed)),
        ("name", Node::string(release.name.clone())),
        ("namespace", Node::string(release.namespace.clone())),
        ("status", Node::string("deployed")),
        ("version", Node::int(release.revision)),
    ]);
    let mut history: Vec<Node> =
        run.status.field(&["history"]).and_then(Node::items).map(<[_]>::to_vec).unwrap_or_default();
    for older in &mut history {
        older.set("status", Node::string("superseded"));
    }
    history.insert(0, entry);
    history.truncate(5);
    run.status.set("history", Node::sequence(history));
    run.status.condition("Released", Truth::True, reason, &message);
    run.status.ready(reason, &message);
    let event = Event::of(&run.key, &run.object, Severity::Info, reason_word(reason), message);
    run.send(event.with("revision", version));
}

fn reason_word(reason: &str) -> &str {
    reason
}

async fn uninstall<W: World>(run: &Run<'_, W>, spec: &HelmRelease) -> Result<(), Failure> {
    let context = run.context;
    let names = names(run, spec);
    let store = ReleaseSecrets::new(context.world.cluster(), context.world.clock(), names.storage.clone());
    let failed = |why: String| Failure::passing("UninstallFailed", why);
    let history = store.history(&names.name).await.map_err(|error| failed(error.to_string()))?;
    if history.is_empty() {
        return Ok(());
    }
    let how = spec.uninstall.clone().unwrap_or_default();
    let clock = ReleaseClock(context.world.clock());
    let ready = |object: &Node| readiness(object);
    let cluster = ReleaseCluster::new(
        context.world.cluster(),
        context.world.clock(),
        &ready,
        waiting(spec, how.timeout),
    );
    let mut options = OperationOptions::default();
    if how.disable_hooks {
        options.hooks = helm_rs::release::Hooks::Skipped;
    }
    let operator = Operator::new(&cluster, &store, &clock, options);
    operator.uninstall(&names.name, &UninstallOptions::default(), &mut Warnings::new()).await.map_err(
        |error| {
            failed(format!("Helm uninstall failed for release {}/{}: {error}", names.namespace, names.name))
        },
    )?;
    run.tell(
        Severity::Info,
        "UninstallSucceeded",
        format!("Helm uninstall succeeded for release {}/{}", names.namespace, names.name),
    );
    Ok(())
}
