//! Kustomization: what its path builds is applied, what it no longer builds goes, what was asked for is waited for.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gitops_core::api::{GoDuration, Kustomization, Object};
use gitops_core::apply::{
    Action, Applier, ApplyOptions, ApplySet, Change, Checkpoint, DeletionPolicy, Desired, IgnoreRules,
    Inventory, Outcome as Applied, Owner, SetOptions, WaitOptions, show_errors, wait,
};
use gitops_core::object::{Gvk, ObjectId};
use gitops_core::ports::{
    Clock, Cluster, ClusterError, ClusterFault, ObjectRef, Outlook, Part, Patch, PortError, WriteOptions,
};
use gitops_core::substitute::Variables;
use gitops_core::tree::MemTree;
use gitops_sops::AgeKeys;
use gitops_yaml::{Node, Str};

use super::build::{Built, build_with};
use super::generate::generate;
use super::warnings::Warnings;
use super::{decrypt, remotes, variables};
use crate::context::{
    Context, CrossNamespace, Failure, Finalizer, Outcome, REQUESTED_AT, Retry, Run, passes_soon,
};
use crate::event::{Event, Severity};
use crate::health::{Answer, is_ready_by, readiness};
use crate::kind::{Key, Kind};
use crate::read_set::{ReadSet, Recorder};
use crate::source::{Published, referenced};
use crate::status::{Truth, generation, is_ready, mapping};
use crate::time::rfc3339;
use crate::world::{ClusterAccess, World};

/// How many entries `status.history` holds.
const HISTORY: usize = 5;

/// What the last run that ended well was made of.
struct Last {
    generation: i64,
    reads: ReadSet,
    variables: Variables,
    /// The repositories that were taken from elsewhere, and their commits.
    remotes: BTreeMap<String, String>,
    /// When everything was compared.
    compared: Duration,
}

pub(crate) async fn reconcile<W: World>(mut run: Run<'_, W>) -> Outcome {
    let begun = run.context.world.clock().now();
    let read = match Object::<Kustomization>::read(&run.object) {
        Ok(read) => read,
        Err(error) if run.is_deleted() => {
            // What can not be read can not say what becomes of its objects: they stay.
            run.tell(Severity::Error, "InvalidSpec", format!("the objects stay: {error}"));
            return run.let_go().await;
        }
        Err(error) => return run.fail(Failure::lasting("InvalidSpec", error.message)).await,
    };
    if run.is_deleted() {
        return delete(run, &read.spec).await;
    }
    if run.finalize(Finalizer::Stands).await.is_err() {
        return Outcome::backoff();
    }
    let spec = &read.spec;
    let interval = spec.interval.unwrap_or_default().0;
    let retry = spec.retry_interval.map_or(interval, |retry| retry.0);
    match bring_about(&mut run, &read, begun).await {
        Ok(()) => {
            let next = run.context.spread(interval);
            run.end(Outcome::after(next)).await
        }
        Err(mut failure) => {
            match failure.retry {
                Retry::Backoff => failure.retry = Retry::After(run.context.spread(retry)),
                Retry::Soon(most) => failure.retry = Retry::Soon(most.min(retry)),
                Retry::After(_) | Retry::Never => {}
            }
            run.fail(failure).await
        }
    }
}

async fn bring_about<W: World>(
    run: &mut Run<'_, W>,
    read: &Object<Kustomization>,
    begun: Duration,
) -> Result<(), Failure> {
    let (context, spec) = (run.context, &read.spec);
    let source_key = source_key(run, spec)?;
    let published = published(run, &source_key)?;
    run.revision = Some(published.revision.clone());
    dependencies(run, spec, &source_key, &published)?;
    let keys = decrypt::keys(context, &run.key.namespace, spec).await?;
    let variables = variables::collect(context, &run.key.namespace, spec).await?;
    let tree = context.tree(&published).await?;
    let now = context.world.clock().now();
    let interval = spec.interval.unwrap_or_default().0;
    let last = context.memory.get::<Last>(&run.key);
    let same = last.filter(|last| {
        last.generation == generation(&run.object)
            && last.variables == variables
            // Now and then everything is compared, in case a watch has missed something.
            && now.saturating_sub(last.compared) < (interval * 10).max(Duration::from_secs(3600))
            && last.reads.holds(&*tree)
    });
    if same.is_some() {
        let unchanged = is_ready(&run.object) && context.drift.is_quiet(&run.key);
        if unchanged {
            applied(run, &published);
            if run.request().is_some() {
                remember(run, &published, begun);
            }
            return Ok(());
        }
    }
    let is_new =
        run.status.text(&["lastAppliedRevision"]) != Some(&published.revision) || run.is_new_generation();
    if is_new {
        let timeout = GoDuration(timeout(spec));
        run.status.progressing(&format!(
            "Fetching manifests for revision {} with a timeout of {timeout}",
            published.revision
        ));
    }
    run.status.set_text("lastAttemptedRevision", published.revision.as_str());
    let mut warnings = Warnings::of_itself(run, read);
    let mut made = recorded(&tree, spec, keys.as_ref(), &BTreeMap::new());
    let mut commits = BTreeMap::new();
    if made.is_err()
        && let Some(elsewhere) = remotes::fetch(context, spec, &tree).await?
    {
        made = recorded(&elsewhere.tree, spec, keys.as_ref(), &elsewhere.mounted);
        commits = elsewhere.revisions;
        tell_remotes(run, &commits);
    }
    let (built, reads) = match made {
        Ok(made) => made,
        Err(failure) => {
            if let (Ok(generated), None) = (generate(&*tree, spec), &keys) {
                warnings.of_parts(&tree, &generated);
            }
            warnings.note(run);
            return Err(failure);
        }
    };
    let built = variables::substitute(built, spec, &variables, context.settings.substitution)
        .map_err(|error| Failure::passing("BuildFailed", error.message))?;
    for warning in &built.warnings {
        context.warn(&run.key, warning);
    }
    warnings.of_built(&built, spec, &source_key);
    warnings.note(run);
    let access = access(context, &run.key, spec).await?;
    let compared = same.map_or(now, |same| same.compared);
    let has_written = if access.is_own() {
        apply(run, spec, &published, built, context.world.cluster(), is_new).await?
    } else {
        let cluster = context.world.cluster_through(&access).await.map_err(|error| {
            Failure::soon("ReconciliationFailed", format!("the cluster can not be reached: {error}"))
        })?;
        apply(run, spec, &published, built, &cluster, is_new).await?
    };
    let last = Last { generation: generation(&run.object), reads, variables, remotes: commits, compared };
    context.memory.put(&run.key, last);
    applied(run, &published);
    // A run that found all as it was leaves no trace: each would be a write for every Kustomization.
    if has_written || run.status.has_changed() || run.request().is_some() {
        remember(run, &published, begun);
    }
    if is_new {
        let took = GoDuration(context.world.clock().now().saturating_sub(begun));
        let next = GoDuration(interval);
        let event = Event::of(
            &run.key,
            &run.object,
            Severity::Info,
            "ReconciliationSucceeded",
            format!("Reconciliation finished in {took}, next run in {next}"),
        );
        run.send(event.with("revision", published.revision.as_str()).with("commit_status", "update"));
    }
    Ok(())
}

fn recorded(
    tree: &MemTree,
    spec: &Kustomization,
    keys: Option<&AgeKeys>,
    remotes: &BTreeMap<String, String>,
) -> Result<(Built, ReadSet), Failure> {
    let recorder = Recorder::new(tree);
    let built = build_with(&recorder, spec, keys, remotes)
        .map_err(|error| Failure::passing("BuildFailed", error.message))?;
    Ok((built, recorder.finish()))
}

/// Tells which commits of other repositories are built, where they are not those of the last run.
fn tell_remotes<W: World>(run: &Run<'_, W>, commits: &BTreeMap<String, String>) {
    let last = run.context.memory.get::<Last>(&run.key);
    if commits.is_empty() || last.is_some_and(|last| last.remotes == *commits) {
        return;
    }
    let all: Vec<String> = commits.iter().map(|(known, revision)| format!("{known} is {revision}")).collect();
    run.tell(Severity::Info, "RemoteBasesFetched", all.join("\n"));
}

fn applied<W: World>(run: &mut Run<'_, W>, published: &Published) {
    run.status.set_text("lastAppliedRevision", published.revision.as_str());
    run.status.set_text("lastAttemptedRevision", published.revision.as_str());
    match &published.origin_revision {
        Some(origin) => run.status.set_text("lastAppliedOriginRevision", origin.as_str()),
        None => run.status.unset("lastAppliedOriginRevision"),
    }
    run.status.ready("ReconciliationSucceeded", &format!("Applied revision: {}", published.revision));
}

fn source_key<W: World>(run: &Run<'_, W>, spec: &Kustomization) -> Result<Key, Failure> {
    let reference = &spec.source_ref;
    let kind = Kind::named(&reference.kind).filter(|kind| kind.is_source()).ok_or_else(|| {
        let message = format!("spec.sourceRef.kind '{}' is not a source", reference.kind);
        Failure::lasting("InvalidSpec", message)
    })?;
    let key = referenced(kind, reference.namespace.as_deref(), &reference.name, &run.key.namespace);
    if run.context.settings.cross_namespace == CrossNamespace::Blocked && key.namespace != run.key.namespace {
        let message = format!("can't access '{key}', cross-namespace references have been blocked");
        return Err(Failure::lasting("AccessDenied", message));
    }
    Ok(key)
}

fn published<W: World>(run: &Run<'_, W>, source: &Key) -> Result<Published, Failure> {
    let wait = run.context.settings.requeue_dependency;
    let Some(object) = run.context.cache.get(source) else {
        let kind = source.kind;
        let message = format!("{kind}.{} \"{}\" not found", kind.group(), source.name);
        return Err(Failure::later("ArtifactFailed", message, wait));
    };
    Published::of(&object).ok_or_else(|| {
        let shown = GoDuration(wait);
        Failure::waiting("ArtifactFailed", format!("Source artifact not found, retrying in {shown}"), wait)
    })
}

fn dependencies<W: World>(
    run: &Run<'_, W>,
    spec: &Kustomization,
    source: &Key,
    published: &Published,
) -> Result<(), Failure> {
    let wait = run.context.settings.requeue_dependency;
    for wanted in &spec.depends_on {
        let key =
            referenced(Kind::Kustomization, wanted.namespace.as_deref(), &wanted.name, &run.key.namespace);
        let shown = format!("{}/{}", key.namespace, key.name);
        let later = |message: String| Failure::later("DependencyNotReady", message, wait);
        let Some(object) = run.context.cache.get(&key) else {
            let known = run.context.cache.list(Kind::Kustomization);
            let known: Vec<Key> = known.iter().filter_map(|object| Key::of(object)).collect();
            let names = known.iter().filter(|other| other.namespace == key.namespace && **other != run.key);
            let near = gitops_yaml::did_you_mean(&key.name, names.map(|other| &*other.name));
            let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            return Err(later(format!("dependency '{shown}' not found{near}")));
        };
        if let Some(cycle) = cycle(run.context, &run.key) {
            let message =
                format!("dependencies lead back to where they began: {cycle}; remove one of these dependsOn");
            return Err(Failure::lasting("DependencyNotReady", message));
        }
        if let Some(expression) = &wanted.ready_expr {
            let answer = is_ready_by(expression, &run.object, &object).map_err(|why| {
                Failure::lasting("InvalidCELExpression", format!("dependency '{shown}': {why}"))
            })?;
            let unready = format!("dependency '{shown}' is not ready according to readyExpr eval");
            match answer {
                Answer::Ready => continue,
                Answer::NotReady => return Err(later(unready)),
                Answer::Unknown(why) => return Err(later(format!("{unready}: {why}"))),
            }
        }
        if !is_ready(&object) {
            return Err(later(format!("dependency '{shown}' is not ready")));
        }
        // A dependency on the same source must have applied the same revision.
        let its_source = Object::<Kustomization>::read(&object).ok().map(|its| {
            let reference = its.spec.source_ref;
            (
                Kind::named(&reference.kind),
                reference.namespace.unwrap_or_else(|| key.namespace.to_string()),
                reference.name,
            )
        });
        let same_source = its_source.is_some_and(|(kind, namespace, name)| {
            kind == Some(source.kind) && namespace == *source.namespace && name == *source.name
        });
        let has = object.at_path(&["status", "lastAppliedRevision"]).and_then(Node::as_str);
        if same_source && has != Some(&published.revision) {
            return Err(later(format!("dependency '{shown}' revision is not up to date")));
        }
    }
    Ok(())
}

/// Follows dependencies; returns the way back to the object where there is one.
fn cycle<W: World>(context: &Context<W>, start: &Key) -> Option<String> {
    let mut open = vec![(start.clone(), vec![start.clone()])];
    let mut seen = std::collections::HashSet::new();
    while let Some((key, way)) = open.pop() {
        let Some(object) = context.cache.get(&key) else { continue };
        let list = object.at_path(&["spec", "dependsOn"]).and_then(Node::items).unwrap_or_default();
        for one in list {
            let text = |field| one.get(field).and_then(Node::as_str);
            let next =
                referenced(key.kind, text("namespace"), text("name").unwrap_or_default(), &key.namespace);
            if next == *start {
                let names: Vec<&str> = way.iter().chain([start]).map(|key| &*key.name).collect();
                return Some(names.join(" → "));
            }
            if seen.insert(next.clone()) {
                let mut way = way.clone();
                way.push(next.clone());
                open.push((next, way));
            }
        }
    }
    None
}

fn timeout(spec: &Kustomization) -> Duration {
    let least = Duration::from_secs(30);
    match spec.timeout {
        Some(timeout) => timeout.0.max(least),
        None => spec.interval.unwrap_or_default().0.saturating_sub(least).max(least),
    }
}

/// Reads through which account, and on which cluster, the objects are applied.
async fn access<W: World>(
    context: &Context<W>,
    key: &Key,
    spec: &Kustomization,
) -> Result<ClusterAccess, Failure> {
    let account = spec.service_account_name.as_deref();
    context.cluster_access(key, spec.kube_config.as_ref(), account, "ReconciliationFailed").await
}

/// Keeps the inventory in the object's status.
struct InStatus<'a, C> {
    cluster: &'a C,
    target: ObjectRef,
}

impl<C: Cluster> Checkpoint for InStatus<'_, C> {
    async fn store(&self, inventory: &Inventory) -> Result<(), PortError> {
        let patch = mapping(vec![("status", mapping(vec![("inventory", inventory.to_node())]))]);
        let options = WriteOptions {
            manager: "gitops-controller".into(),
            part: Part::Status,
            ..WriteOptions::default()
        };
        self.cluster.patch(&self.target, &Patch::Merge(patch), &options).await?;
        Ok(())
    }
}

fn inventory<W: World>(run: &Run<'_, W>) -> Result<Inventory, Failure> {
    match run.status.field(&["inventory"]) {
        Some(node) => {
            Inventory::read(node).map_err(|error| Failure::lasting("ReconciliationFailed", error.to_string()))
        }
        None => Ok(Inventory::default()),
    }
}

/// Brings the objects about; returns whether any had to be written.
async fn apply<W: World, C: Cluster>(
    run: &mut Run<'_, W>,
    spec: &Kustomization,
    published: &Published,
    built: Built,
    cluster: &C,
    is_new: bool,
) -> Result<bool, Failure> {
    let context = run.context;
    let owner = Owner::kustomization(run.key.namespace.clone(), run.key.name.clone());
    let Built { objects, files, .. } = built;
    let unknown = context.origins.note(&objects, &files);
    let objects = served(cluster, objects, context, &run.key)
        .await
        .map_err(|error| Failure::of_cluster("ReconciliationFailed", error.to_string(), &error))?;
    let mut options = SetOptions::default();
    if let Some(common) = &spec.common_metadata {
        let pairs = |map: &BTreeMap<String, String>| {
            map.iter().map(|(name, value)| (Str::from(name.as_str()), Str::from(value.as_str()))).collect()
        };
        options.labels = pairs(&common.labels);
        options.annotations = pairs(&common.annotations);
    }
    let set = ApplySet::prepare(objects, &owner, &options)
        .map_err(|errors| Failure::passing("ReconciliationFailed", show_errors(&errors, &files)))?;
    let addresses: Vec<ObjectRef> = set.objects.iter().map(|desired| desired.target.clone()).collect();
    let brief = set.objects.iter().filter(|desired| desired.removes_itself()).map(Desired::id).collect();
    let before = inventory(run)?;
    let mut how = ApplyOptions::default();
    how.force = spec.force;
    how.prune = spec.prune;
    how.timeout = Some(timeout(spec));
    how.ignore = ignore_rules(spec)?;
    let source = source_key(run, spec)?;
    let revision = published.revision.clone();
    let wish = Wish::of(&run.object);
    let key = run.key.clone();
    let newer = || {
        let is_changed = || context.cache.get(&key).is_some_and(|current| Wish::of(&current) != wish);
        if context.stopping.load(Ordering::Relaxed) || is_changed() {
            return true;
        }
        let current = context.cache.get(&source);
        current.as_deref().and_then(Published::of).is_some_and(|current| current.revision != revision)
    };
    let ready = |object: &Node| readiness(object);
    let applier =
        Applier::new(cluster, context.world.clock(), &owner, &ready).with_options(how).until(&newer);
    let checkpoint =
        InStatus { cluster: context.world.cluster(), target: run.key.address(Some(&run.version())) };
    let mut drift = context.drift.lend(&run.key);
    let outcome = applier.apply(set, &before, &checkpoint, &mut drift).await;
    context.drift.give_back(&run.key, drift);
    for warning in &outcome.warnings {
        context.warn(&run.key, &warning.show(&files));
    }
    tell_changes(run, &outcome, published);
    run.status.set("inventory", outcome.inventory.to_node());
    if !outcome.errors.is_empty() {
        let message = show_errors(&outcome.errors, &files);
        let done = outcome.changes.len();
        let message = [vec![message], unknown].concat().join("\n");
        let message = format!(
            "{message}\n{done} objects are as wanted, {} failed, {} were not reached",
            outcome.errors.len(),
            outcome.unreached
        );
        let faults = || outcome.errors.iter().map(|error| error.cause.fault);
        if faults().all(|fault| fault == ClusterFault::Cancelled) {
            return Err(Failure::waiting("ReconciliationFailed", message, Duration::ZERO));
        }
        let waits = outcome.errors.iter().filter_map(|error| match error.outlook() {
            Outlook::Retry { after } => after,
            Outlook::Stalled | Outlook::GiveUp => None,
        });
        return Err(match waits.max() {
            Some(wait) => Failure::later("ReconciliationFailed", message, wait),
            None if faults().all(passes_soon) => Failure::soon("ReconciliationFailed", message),
            None => Failure::passing("ReconciliationFailed", message),
        });
    }
    let has_written = !outcome.changed().is_empty();
    let is_there =
        |change: &&Change| matches!(change.action, Action::Created | Action::Configured | Action::Unchanged);
    let present = outcome.changes.iter().filter(is_there).map(|change| change.id.clone()).collect();
    let there = There { addresses, present, brief, tells: is_new || has_written };
    health(run, spec, published, there, cluster, &newer).await?;
    Ok(has_written)
}

/// What is asked of a Kustomization: a run ends where it changes meanwhile.
#[derive(PartialEq, Eq)]
struct Wish {
    generation: i64,
    is_deleted: bool,
    requested_at: Option<String>,
}

impl Wish {
    fn of(object: &Node) -> Self {
        let requested_at = object.at_path(&["metadata", "annotations", REQUESTED_AT]);
        Self {
            generation: generation(object),
            is_deleted: object.at_path(&["metadata", "deletionTimestamp"]).is_some(),
            requested_at: requested_at.and_then(Node::as_str).map(str::to_owned),
        }
    }
}

/// Objects of Flux's API in a version that the cluster does not serve (any more), in one that it does.
async fn served<W: World, C: Cluster>(
    cluster: &C,
    mut objects: Vec<Node>,
    context: &Context<W>,
    key: &Key,
) -> Result<Vec<Node>, ClusterError> {
    for object in &mut objects {
        let gvk = Gvk::of(object);
        let Some(kind) = Kind::of(&gvk) else { continue };
        if cluster.kind(&gvk).await?.is_some() {
            continue;
        }
        for version in kind.versions() {
            let other = kind.gvk_of(version);
            if cluster.kind(&other).await?.is_some() {
                let name = ObjectRef::of(object);
                let message = format!(
                    "{name}: {} is not served here and is read as {}",
                    gvk.api_version(),
                    other.api_version()
                );
                context.warn(key, &message);
                object.set("apiVersion", Node::string(other.api_version()));
                break;
            }
        }
    }
    Ok(objects)
}

fn ignore_rules(spec: &Kustomization) -> Result<IgnoreRules, Failure> {
    let rules: Vec<_> = spec.ignore.iter().map(ignore_rule).collect();
    IgnoreRules::new(&rules).map_err(|error| Failure::lasting("InvalidSpec", format!("spec.ignore: {error}")))
}

/// Turns a rule of the API into the applier's.
pub(crate) fn ignore_rule(rule: &gitops_core::api::IgnoreRule) -> gitops_core::apply::IgnoreRule {
    let target = rule.target.clone().unwrap_or_default();
    let text = |text: Option<String>| Str::from(text.unwrap_or_default());
    let mut made = gitops_core::apply::IgnoreRule::default();
    made.paths = rule.paths.iter().map(|path| Str::from(path.as_str())).collect();
    made.group = text(target.group);
    made.version = text(target.version);
    made.kind = text(target.kind);
    made.namespace = text(target.namespace);
    made.name = text(target.name);
    made.label_selector = text(target.label_selector);
    made.annotation_selector = text(target.annotation_selector);
    made
}

fn tell_changes<W: World>(run: &Run<'_, W>, outcome: &Applied, published: &Published) {
    let changed = outcome.changed();
    if changed.is_empty() {
        return;
    }
    let event = Event::of(&run.key, &run.object, Severity::Info, "Progressing", changed);
    run.send(event.with("revision", published.revision.as_str()));
}

/// What a run has applied.
struct There {
    /// All that it builds.
    addresses: Vec<ObjectRef>,
    /// What of it was there when the run had applied it.
    present: Vec<ObjectId>,
    /// Jobs that remove themselves once they are done.
    brief: Vec<ObjectId>,
    /// Whether people are told what is waited for.
    tells: bool,
}

/// Waits for what the Kustomization asks to be waited for.
async fn health<W: World, C: Cluster>(
    run: &mut Run<'_, W>,
    spec: &Kustomization,
    published: &Published,
    there: There,
    cluster: &C,
    newer: &(dyn Fn() -> bool + Send + Sync),
) -> Result<(), Failure> {
    let There { addresses, present, brief, tells } = there;
    let targets: Vec<ObjectRef> = if spec.wait {
        addresses
    } else {
        let own = &run.key.namespace;
        let check = |check: &gitops_core::api::HealthCheck| ObjectRef {
            gvk: Gvk::new(&check.api_version, check.kind.as_str()),
            namespace: check.namespace.as_deref().map_or_else(|| own.clone(), Str::from),
            name: check.name.as_str().into(),
        };
        spec.health_checks.iter().map(check).collect()
    };
    if targets.is_empty() {
        run.status.drop_condition("Healthy");
        return Ok(());
    }
    let context = run.context;
    let expressions = crate::health::Expressions::compile(&spec.health_check_exprs)
        .map_err(|why| Failure::lasting("InvalidCELExpression", why))?;
    let ready = |object: &Node| expressions.readiness(object).unwrap_or_else(|| readiness(object));
    let mut options = WaitOptions::default();
    options.timeout = timeout(spec);
    options.interval = Duration::from_secs(1);
    (options.may_be_gone, options.present) = (brief, present);
    if tells {
        let message = format!(
            "Running health checks for revision {} with a timeout of {}",
            published.revision,
            GoDuration(options.timeout)
        );
        run.status.progressing(&message);
        run.status.condition("Healthy", Truth::Unknown, "Progressing", &message);
        // Whoever looks on sees what is waited for.
        drop(run.write_status().await);
    }
    let begun = context.world.clock().now();
    let clock = context.world.clock();
    let mut result = wait(cluster, clock, &targets, &ready, &options, newer).await;
    if result.as_ref().is_err_and(|error| !error.cancelled) {
        context.drift.set_unhealthy(&run.key, true);
        // What has changed between the last look and now brings no run about: one more look sees it.
        options.timeout = Duration::ZERO;
        let again = wait(cluster, clock, &targets, &ready, &options, newer).await;
        result = again.or(result);
    }
    if result.is_ok() {
        context.drift.set_unhealthy(&run.key, false);
    }
    let took = GoDuration(context.world.clock().now().saturating_sub(begun));
    match result {
        Ok(()) => {
            let message = format!("Health check passed in {took}");
            let was = run.object.at_path(&["status", "conditions"]).is_some()
                && crate::status::condition_of(&run.object, "Healthy")
                    .and_then(|healthy| healthy.get("status"))
                    .and_then(Node::as_str)
                    == Some("True");
            if tells || !was {
                run.status.condition("Healthy", Truth::True, "Succeeded", &message);
                let event = Event::of(&run.key, &run.object, Severity::Info, "Progressing", message);
                run.send(event.with("revision", published.revision.as_str()));
            }
            Ok(())
        }
        Err(error) if error.cancelled => {
            let message = "New reconciliation triggered by a newer revision of the source, or a change of the Kustomization";
            run.status.condition("Healthy", Truth::False, "HealthCheckCanceled", message);
            Err(Failure::later("HealthCheckCanceled", message, Duration::ZERO))
        }
        Err(error) => {
            // What fails early fails again and again at other times: one message stays one message.
            let message = match error.timed_out {
                true => format!("health check failed after {took}: {error}"),
                false => format!("health check {error}"),
            };
            run.status.condition("Healthy", Truth::False, "HealthCheckFailed", &message);
            Err(match error.deleted {
                true => Failure::soon("HealthCheckFailed", message),
                false => Failure::passing("HealthCheckFailed", message),
            })
        }
    }
}

/// Notes the run in `status.history`, newest first; runs that made the same of the same are one entry.
fn remember<W: World>(run: &mut Run<'_, W>, published: &Published, begun: Duration) {
    let now = run.context.world.clock().now();
    let (at, took) = (Node::string(rfc3339(now)), GoDuration(now.saturating_sub(begun)).to_string());
    let mut entries: Vec<Node> =
        run.status.field(&["history"]).and_then(Node::items).map(<[_]>::to_vec).unwrap_or_default();
    let is_same = |entry: &Node| {
        entry.get("digest").and_then(Node::as_str) == Some(&published.digest)
            && entry.get("lastReconciledStatus").and_then(Node::as_str) == Some("ReconciliationSucceeded")
    };
    if let Some(entry) = entries.first_mut().filter(|entry| is_same(entry)) {
        let times = entry.get("totalReconciliations").and_then(Node::as_str);
        let times: i64 = times.and_then(|times| times.parse().ok()).unwrap_or(0);
        entry.set("lastReconciled", at);
        entry.set("lastReconciledDuration", Node::string(took));
        entry.set("totalReconciliations", Node::int(times.saturating_add(1)));
    } else {
        let entry = mapping(vec![
            ("digest", Node::string(published.digest.as_str())),
            ("firstReconciled", at.clone()),
            ("lastReconciled", at),
            ("lastReconciledDuration", Node::string(took)),
            ("lastReconciledStatus", Node::string("ReconciliationSucceeded")),
            ("metadata", mapping(vec![("revision", Node::string(published.revision.as_str()))])),
            ("totalReconciliations", Node::int(1)),
        ]);
        entries.insert(0, entry);
        entries.truncate(HISTORY);
    }
    run.status.set("history", Node::sequence(entries));
}

async fn delete<W: World>(mut run: Run<'_, W>, spec: &Kustomization) -> Outcome {
    let context = run.context;
    let policy = DeletionPolicy::parse(spec.deletion_policy.as_deref().unwrap_or_default());
    let policy = policy.unwrap_or_default();
    if !spec.suspend && policy.deletes(spec.prune) {
        let inventory = match inventory(&run) {
            Ok(inventory) => inventory,
            Err(failure) => return run.fail(failure).await,
        };
        let result = async {
            let access = access(context, &run.key, spec).await?;
            if access.is_own() {
                remove(&run, spec, policy, &inventory, context.world.cluster()).await?;
            } else {
                let cluster = context
                    .world
                    .cluster_through(&access)
                    .await
                    .map_err(|error| Failure::passing("PruneFailed", error.to_string()))?;
                remove(&run, spec, policy, &inventory, &cluster).await?;
            }
            Ok::<_, Failure>(())
        };
        if let Err(failure) = result.await {
            return run.fail(failure).await;
        }
        run.status.set("inventory", Inventory::default().to_node());
    }
    run.let_go().await
}

async fn remove<W: World, C: Cluster>(
    run: &Run<'_, W>,
    spec: &Kustomization,
    policy: DeletionPolicy,
    inventory: &Inventory,
    cluster: &C,
) -> Result<(), Failure> {
    let owner = Owner::kustomization(run.key.namespace.clone(), run.key.name.clone());
    let ready = |object: &Node| readiness(object);
    let applier = Applier::new(cluster, run.context.world.clock(), &owner, &ready);
    let mut options = WaitOptions::default();
    options.timeout = timeout(spec);
    let waits = policy == DeletionPolicy::WaitForTermination;
    let outcome = applier.delete_all(inventory, waits.then_some(&options)).await;
    let changed = outcome.changed();
    if !changed.is_empty() {
        run.tell(Severity::Info, "ReconciliationSucceeded", changed);
    }
    if outcome.errors.is_empty() {
        return Ok(());
    }
    let files = gitops_yaml::Files::default();
    Err(Failure::passing("PruneFailed", show_errors(&outcome.errors, &files)))
}

impl<W: World> Run<'_, W> {
    /// Ends the life of an object that has nothing more to do.
    pub(crate) async fn let_go(self) -> Outcome {
        self.context.drift.remove(&self.key);
        self.context.memory.remove(&self.key);
        match self.finalize(Finalizer::Gone).await {
            Ok(()) => Outcome::on_change(),
            Err(_) => Outcome::backoff(),
        }
    }
}
