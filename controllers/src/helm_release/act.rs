//! The actions on a release, each of which ends with what it noted in the status.

use std::sync::atomic::Ordering;
use std::time::Duration;

use gitops_core::api::{GoDuration, HelmRelease};
use gitops_core::apply::Readiness;
use gitops_core::object::Gvk;
use gitops_core::ports::{Clock, Cluster, FieldConflicts, ObjectRef, WriteOptions};
use gitops_template::Seeded;
use gitops_yaml::{FileId, Node, ReadOptions, Str, read_stream};
use helm_rs::release::{
    ApplyMethod, Cluster as _, Conflicts, Crds, History, Hooks, Install, NameReuse, NamespaceCreation,
    ObjectId, OldValues, OperationOptions, Operator, Ownership, Release, Rollback, Status as ReleaseStatus,
    TestOptions, UninstallOptions, Upgrade, WaitFor,
};
use helm_rs::render::{Operation, ReleaseFacts, RenderOptions};
use helm_rs::values::Table;
use helm_rs::{Capabilities, PostRender, Schemas, TemplateOptions, Templated, Warnings, template};

use super::chart::Found;
use super::finish::Finish;
use super::lookups::Lookups;
use super::reconcile::{history, observe_finish, unlock};
use super::{
    ReleaseClock, ReleaseCluster, ReleaseNames, ReleaseSecrets, Waiting, WaitingStrategy, config_digest,
};
use crate::context::{Context, Failure, Retry, Run};
use crate::event::{Event, Severity};
use crate::health::{Expressions, readiness};
use crate::status::{Truth, mapping};
use crate::world::World;

/// How many snapshots the status holds.
const SNAPSHOTS: usize = 5;

/// One release while it is worked on.
pub(super) struct Work<'a, 'r, W, C> {
    pub(super) run: &'a mut Run<'r, W>,
    spec: &'a HelmRelease,
    names: &'a ReleaseNames,
    pub(super) cluster: &'a C,
    /// How ready an object is, by the object's own expressions where it has some.
    ready: Box<dyn Fn(&Node) -> Readiness + Send + Sync>,
    wanted: Option<(Found, Table)>,
}

/// What the specs of all actions have in common.
#[derive(Clone, Copy, Debug, Default)]
struct How {
    timeout: Option<GoDuration>,
    disable_hooks: bool,
    disable_wait: bool,
    disable_wait_for_jobs: bool,
    method: Option<ApplyMethod>,
}

/// The names of an action that may fail: its counter, and the reasons of its conditions.
struct Words {
    action: &'static str,
    counter: &'static str,
    succeeded: &'static str,
    failed: &'static str,
}

const INSTALL: Words = Words {
    action: "install",
    counter: "installFailures",
    succeeded: "InstallSucceeded",
    failed: "InstallFailed",
};
const UPGRADE: Words = Words {
    action: "upgrade",
    counter: "upgradeFailures",
    succeeded: "UpgradeSucceeded",
    failed: "UpgradeFailed",
};

impl<'a, 'r, W: World, C: Cluster> Work<'a, 'r, W, C> {
    /// Begins to work.
    pub(super) fn new(
        run: &'a mut Run<'r, W>,
        spec: &'a HelmRelease,
        names: &'a ReleaseNames,
        cluster: &'a C,
    ) -> Result<Self, Failure> {
        let expressions = Expressions::compile(&spec.health_check_exprs)
            .map_err(|why| Failure::lasting("InvalidCELExpression", why))?;
        let ready = move |object: &Node| expressions.readiness(object).unwrap_or_else(|| readiness(object));
        Ok(Self { run, spec, names, cluster, ready: Box::new(ready), wanted: None })
    }

    /// Says what is to be released.
    pub(super) fn with_chart(self, found: Found, values: Table) -> Self {
        Self { wanted: Some((found, values)), ..self }
    }

    fn store(&self) -> ReleaseSecrets<'a, C, W::Clock> {
        ReleaseSecrets::new(self.cluster, self.run.context.world.clock(), self.names.storage.clone())
    }

    pub(super) async fn history(&self) -> Result<Vec<Release>, Failure> {
        history(&self.store(), &self.names.name).await
    }

    pub(super) async fn unlock(&self) -> Result<(), Failure> {
        unlock(&self.store(), &self.names.name).await
    }

    fn timeout(&self, own: Option<GoDuration>) -> Duration {
        own.or(self.spec.timeout).map_or(Duration::from_secs(300), |timeout| timeout.0)
    }

    fn options(&self, how: How) -> OperationOptions {
        let mut options = OperationOptions::default();
        options.history = usize::try_from(self.spec.max_history.unwrap_or(5)).unwrap_or(0);
        options.conflicts = Conflicts::TakenOver;
        options.apply_method = how.method;
        options.wait_for = if how.disable_wait_for_jobs { WaitFor::Ready } else { WaitFor::ReadyAndJobsDone };
        if how.disable_hooks {
            options.hooks = Hooks::Skipped;
        }
        options
    }

    fn waiting(&self, how: How) -> Waiting {
        let strategy = if how.disable_wait { WaitingStrategy::HooksOnly } else { WaitingStrategy::Objects };
        Waiting { timeout: self.timeout(how.timeout), strategy, ..Waiting::default() }
    }

    /// Sees the cluster as Helm's operations do, with what the action waits for.
    fn seen(&self, how: How) -> ReleaseCluster<'_, C, W::Clock> {
        ReleaseCluster::new(self.cluster, self.run.context.world.clock(), &*self.ready, self.waiting(how))
    }

    async fn begin(&mut self, action: &'static str, how: How) {
        let shown = GoDuration(self.timeout(how.timeout));
        self.run.status.progressing(&format!("Running '{action}' action with timeout of {shown}"));
        if matches!(action, "install" | "upgrade") {
            self.run.status.set_text("lastAttemptedReleaseAction", action);
        }
        // The next write says the same and more.
        drop(self.run.write_status().await);
    }

    /// Installs the release. The failure says whether and when to come back.
    pub(super) async fn install(&mut self) -> Result<(), Failure> {
        let Some((found, values)) = self.wanted.clone() else { return Ok(()) };
        let spec = self.spec.install.clone().unwrap_or_default();
        let how = How {
            timeout: spec.timeout,
            disable_hooks: spec.disable_hooks,
            disable_wait: spec.disable_wait,
            disable_wait_for_jobs: spec.disable_wait_for_jobs,
            method: Some(method(spec.server_side_apply.unwrap_or(true))),
        };
        self.begin("install", how).await;
        let about = format!(
            "{}/{}.v1 with chart {}@{}",
            self.names.namespace,
            self.names.name,
            found.chart.name(),
            found.version
        );
        let begun = self.run.context.world.clock().now();
        let result = match self.define(&found, spec.crds.as_deref().unwrap_or("Create"), how).await {
            Err(why) => Err(why),
            Ok(()) => {
                let mut wanted = Install::new(self.names.name.clone(), self.names.namespace.clone());
                wanted.config = values.clone();
                wanted.crds = Crds::Skipped;
                wanted.ownership = ownership(spec.disable_take_ownership);
                wanted.name_reuse = NameReuse::Allowed;
                if spec.create_namespace {
                    wanted.namespace_creation = NamespaceCreation::Yes;
                }
                let rendering = self.rendering(spec.disable_schema_validation).await;
                let facts = ReleaseFacts::install(self.names.name.clone(), self.names.namespace.clone());
                let render = || rendering.render(found.chart.clone(), &values, facts.clone());
                let (store, clock) = (self.store(), ReleaseClock(self.run.context.world.clock()));
                let stopping = || self.run.context.stopping.load(Ordering::Relaxed);
                let cluster = self.seen(how).until(&stopping);
                let operator = Operator::new(&cluster, &store, &clock, self.options(how));
                let done = loop {
                    let done = operator.install(&wanted, &[], render, &mut Warnings::new()).await;
                    if done.is_ok() || !rendering.lookups.answer(self.cluster).await {
                        break done;
                    }
                };
                done.map_err(|error| error.to_string())
            }
        };
        self.ended(&INSTALL, begun);
        match result {
            Ok(release) => {
                self.succeeded(&INSTALL, &release, &about, &found.version);
                Ok(())
            }
            Err(why) => {
                let strategy = spec.strategy;
                Err(self.failed(&INSTALL, &about, &why, &found.version, retry(strategy.as_ref())).await)
            }
        }
    }

    /// Upgrades the release. The failure says whether and when to come back.
    pub(super) async fn upgrade(&mut self) -> Result<(), Failure> {
        let Some((found, values)) = self.wanted.clone() else { return Ok(()) };
        let spec = self.spec.upgrade.clone().unwrap_or_default();
        let how = How {
            timeout: spec.timeout,
            disable_hooks: spec.disable_hooks,
            disable_wait: spec.disable_wait,
            disable_wait_for_jobs: spec.disable_wait_for_jobs,
            method: named_method(spec.server_side_apply.as_deref()),
        };
        self.begin("upgrade", how).await;
        let chart_name = found.chart.name().to_owned();
        let begun = self.run.context.world.clock().now();
        let result = match self.define(&found, spec.crds.as_deref().unwrap_or("Skip"), how).await {
            Err(why) => Err(why),
            Ok(()) => {
                let mut wanted = Upgrade::new(self.names.name.clone());
                wanted.values = values;
                wanted.old_values = if spec.preserve_values { OldValues::Reuse } else { OldValues::Reset };
                wanted.ownership = ownership(spec.disable_take_ownership);
                let rendering = self.rendering(spec.disable_schema_validation).await;
                let name = self.names.name.clone();
                let render = |facts: &helm_rs::release::UpgradeFacts| {
                    let mut release = ReleaseFacts::install(name.clone(), facts.namespace.clone());
                    release.revision = facts.revision;
                    release.operation = Operation::Upgrade;
                    rendering.render(facts.chart.clone(), &facts.values, release)
                };
                let (store, clock) = (self.store(), ReleaseClock(self.run.context.world.clock()));
                let stopping = || self.run.context.stopping.load(Ordering::Relaxed);
                let cluster = self.seen(how).until(&stopping);
                let operator = Operator::new(&cluster, &store, &clock, self.options(how));
                let done = loop {
                    let chart = found.chart.clone();
                    let done = operator.upgrade(&wanted, chart, render, &mut Warnings::new()).await;
                    if done.is_ok() || !rendering.lookups.answer(self.cluster).await {
                        break done;
                    }
                };
                done.map_err(|error| error.to_string())
            }
        };
        let (namespace, name, version) = (&self.names.namespace, &self.names.name, &found.version);
        match result {
            Ok(release) => {
                let about =
                    format!("{namespace}/{name}.v{} with chart {chart_name}@{version}", release.revision);
                self.ended(&UPGRADE, begun);
                self.succeeded(&UPGRADE, &release, &about, version);
                Ok(())
            }
            Err(why) => {
                let about = format!("{namespace}/{name} with chart {chart_name}@{version}");
                self.ended(&UPGRADE, begun);
                if spec.cleanup_on_fail {
                    self.clean_up().await;
                }
                let strategy = spec.strategy;
                Err(self.failed(&UPGRADE, &about, &why, version, retry(strategy.as_ref())).await)
            }
        }
    }

    /// Runs the tests of the release.
    pub(super) async fn test(&mut self) -> Result<(), Failure> {
        let spec = self.spec.test.clone().unwrap_or_default();
        let how = How { timeout: spec.timeout, ..How::default() };
        self.begin("test", how).await;
        let mut options = TestOptions::default();
        for filter in &spec.filters {
            let names = if filter.exclude { &mut options.without } else { &mut options.only };
            names.push(filter.name.clone());
        }
        let result = {
            let (store, clock) = (self.store(), ReleaseClock(self.run.context.world.clock()));
            let cluster = self.seen(how);
            let operator = Operator::new(&cluster, &store, &clock, self.options(how));
            operator.test(&self.names.name, &options, &mut Warnings::new()).await
        };
        let last = self.history().await?.pop();
        let about = last.as_ref().map(|last| about(last, self.version())).unwrap_or_default();
        match result {
            Ok(release) => {
                let run = release.hooks.iter().filter(|hook| runs_test(self.spec, &hook.name)).count();
                let count = release.hooks.iter().filter(|hook| is_test(hook)).count().min(run);
                let message = match count {
                    0 => "No test hooks".to_owned(),
                    _ => format!(
                        "Helm test succeeded for release {about}: {count} test hook(s) completed successfully"
                    ),
                };
                self.run.status.condition("TestSuccess", Truth::True, "TestSucceeded", &message);
                self.tell(Severity::Info, "TestSucceeded", message);
                Ok(())
            }
            Err(error) => {
                let message = format!("Helm test failed for release {about}: {error}");
                self.run.status.condition("TestSuccess", Truth::False, "TestFailed", &message);
                self.tell(Severity::Error, "TestFailed", message.clone());
                let is_install = self.run.status.text(&["lastAttemptedReleaseAction"]) == Some("install");
                let counter = if is_install { INSTALL.counter } else { UPGRADE.counter };
                if !spec.ignore_failures {
                    self.count(counter);
                }
                Err(Failure::passing("TestFailed", message))
            }
        }
    }

    /// Goes back to the last revision that was deployed.
    pub(super) async fn roll_back(&mut self, all: &[Release]) -> Result<(), Failure> {
        let Some(target) = previous(all) else {
            return Err(Failure::lasting("MissingRollbackTarget", "there is no revision to go back to"));
        };
        let spec = self.spec.rollback.clone().unwrap_or_default();
        let how = How {
            timeout: spec.timeout,
            disable_hooks: spec.disable_hooks,
            disable_wait: spec.disable_wait,
            disable_wait_for_jobs: spec.disable_wait_for_jobs,
            method: named_method(spec.server_side_apply.as_deref()),
        };
        self.begin("rollback", how).await;
        let result = {
            let (store, clock) = (self.store(), ReleaseClock(self.run.context.world.clock()));
            let cluster = self.seen(how);
            let operator = Operator::new(&cluster, &store, &clock, self.options(how));
            let wanted = Rollback::new(self.names.name.clone(), target.revision);
            operator.rollback(&wanted, &mut Warnings::new()).await
        };
        let about = about(target, &target.chart.metadata().version);
        match result {
            Ok(release) => {
                let version = release.chart.metadata().version.clone();
                self.snapshot(&release, &version, "rollback");
                let message = format!("Helm rollback to previous release {about} succeeded");
                self.repaired(Truth::True, "RollbackSucceeded", message);
                Ok(())
            }
            Err(error) => {
                let message = format!("Helm rollback to previous release {about} failed: {error}");
                self.repaired(Truth::False, "RollbackFailed", message.clone());
                Err(Failure::passing("RollbackFailed", message))
            }
        }
    }

    /// Uninstalls a release that has failed, so that the next begins anew.
    pub(super) async fn uninstall_to_repair(&mut self) -> Result<(), Failure> {
        let shown = format!("{}/{}", self.names.namespace, self.names.name);
        match self.uninstall().await {
            Ok(()) => {
                let message = format!("Helm uninstall remediation for release {shown} succeeded");
                self.repaired(Truth::True, "UninstallSucceeded", message);
                Ok(())
            }
            Err(why) => {
                let message = format!("Helm uninstall remediation for release {shown} failed: {why}");
                self.repaired(Truth::False, "UninstallFailed", message.clone());
                Err(Failure::passing("UninstallFailed", message))
            }
        }
    }

    /// Uninstalls the release because it is wanted no more; nothing happens where there is none.
    pub(super) async fn uninstall_for_good(&mut self) -> Result<(), Failure> {
        if self.history().await?.is_empty() {
            return Ok(());
        }
        let shown = format!("{}/{}", self.names.namespace, self.names.name);
        self.uninstall().await.map_err(|why| {
            Failure::passing("UninstallFailed", format!("Helm uninstall failed for release {shown}: {why}"))
        })?;
        self.tell(
            Severity::Info,
            "UninstallSucceeded",
            format!("Helm uninstall succeeded for release {shown}"),
        );
        Ok(())
    }

    async fn uninstall(&self) -> Result<(), String> {
        let spec = self.spec.uninstall.clone().unwrap_or_default();
        let how = How {
            timeout: spec.timeout,
            disable_hooks: spec.disable_hooks,
            disable_wait: spec.disable_wait,
            ..How::default()
        };
        let (store, clock) = (self.store(), ReleaseClock(self.run.context.world.clock()));
        let cluster = self.seen(how).propagating(spec.deletion_propagation.as_deref());
        let operator = Operator::new(&cluster, &store, &clock, self.options(how));
        let records = if spec.keep_history { History::Kept } else { History::Deleted };
        let options = UninstallOptions::default().history(records);
        let done = operator.uninstall(&self.names.name, &options, &mut Warnings::new()).await;
        done.map(drop).map_err(|error| error.to_string())
    }

    /// Applies the definitions of kinds that a chart brings, as the policy says, and waits for them.
    async fn define(&self, found: &Found, policy: &str, how: How) -> Result<(), String> {
        if policy == "Skip" {
            return Ok(());
        }
        let options = WriteOptions {
            manager: "helm".into(),
            conflicts: FieldConflicts::TakenOver,
            ..WriteOptions::default()
        };
        let mut applied = Vec::new();
        for crd in found.chart.crds() {
            let failed = |why: String| format!("failed to apply CRD {}: {why}", crd.file.name);
            let documents = read_stream(crd.file.text().as_bytes(), FileId::NONE, &ReadOptions::yaml11())
                .map_err(|error| failed(error.to_string()))?;
            let objects = documents.into_iter().map(|document| document.root).filter(Node::is_mapping);
            for mut object in objects {
                let target = ObjectRef { namespace: Str::EMPTY, ..ObjectRef::of(&object) };
                let there = self.cluster.get(&target).await.map_err(|error| failed(error.to_string()))?;
                if there.is_some() && policy != "CreateReplace" {
                    continue;
                }
                object.remove("status");
                self.cluster.apply(&object, &options).await.map_err(|error| failed(error.to_string()))?;
                applied.push(ObjectId {
                    api_version: target.gvk.api_version(),
                    kind: target.gvk.kind,
                    namespace: Str::EMPTY,
                    name: target.name,
                });
            }
        }
        if applied.is_empty() {
            return Ok(());
        }
        let cluster = self.seen(how);
        cluster.wait(&applied, WaitFor::Ready).await.map_err(|error| error.to_string())
    }

    /// Deletes what a failed upgrade has made and its release before did not have.
    async fn clean_up(&self) {
        let Ok(all) = self.history().await else { return };
        let (Some(last), Some(before)) = (all.last(), previous(&all)) else { return };
        let known: Vec<ObjectRef> = objects(&before.manifest, &self.names.namespace);
        for made in objects(&last.manifest, &self.names.namespace) {
            let same = |known: &&ObjectRef| {
                (&known.gvk.group, &known.gvk.kind, &known.namespace, &known.name)
                    == (&made.gvk.group, &made.gvk.kind, &made.namespace, &made.name)
            };
            if known.iter().find(same).is_none() {
                // What stays behind is deleted by the next upgrade that works.
                drop(self.cluster.delete(&made, &gitops_core::ports::DeleteOptions::default()).await);
            }
        }
    }

    async fn rendering(&self, skips_schemas: bool) -> Rendering<'a> {
        let mut capabilities = Capabilities::default();
        if let Ok(kinds) = self.cluster.kinds().await {
            let mut versions: Vec<Str> = Vec::with_capacity(kinds.len() * 2);
            for kind in kinds {
                let version = kind.gvk.api_version();
                versions.push(format!("{version}/{}", kind.gvk.kind).into());
                versions.push(version);
            }
            versions.extend(capabilities.api_versions);
            versions.sort();
            versions.dedup();
            capabilities.api_versions = versions;
        }
        Rendering {
            finish: Finish::new(&self.run.key.name, &self.run.key.namespace, self.spec),
            world: seed(self.run.context),
            capabilities,
            schemas: if skips_schemas { Schemas::Skipped } else { Schemas::Checked },
            lookups: Lookups::default(),
        }
    }

    fn version(&self) -> &str {
        self.wanted.as_ref().map_or("", |(found, _)| &found.version)
    }

    fn ended(&mut self, words: &Words, begun: Duration) {
        let took = GoDuration(self.run.context.world.clock().now().saturating_sub(begun));
        self.run.status.set_text("lastAttemptedReleaseAction", words.action);
        self.run.status.set_text("lastAttemptedReleaseActionDuration", took.to_string());
    }

    fn succeeded(&mut self, words: &Words, release: &Release, about: &str, version: &str) {
        let message = format!("Helm {} succeeded for release {about}", words.action);
        for field in [INSTALL.counter, UPGRADE.counter, "failures"] {
            self.run.status.unset(field);
        }
        for condition in ["Remediated", "TestSuccess"] {
            self.run.status.drop_condition(condition);
        }
        self.snapshot(release, version, words.action);
        observe_finish(self.run);
        self.run.status.condition("Released", Truth::True, words.succeeded, &message);
        self.run.status.ready(words.succeeded, &message);
        self.tell(Severity::Info, words.succeeded, message);
    }

    /// Counts a failure and says it; the new revision, where there is one, is noted as this controller's.
    async fn failed(
        &mut self,
        words: &Words,
        about: &str,
        why: &str,
        version: &str,
        retry: Retry,
    ) -> Failure {
        let message = format!("Helm {} failed for release {about}: {why}", words.action);
        self.count(words.counter);
        if let Ok(all) = self.history().await
            && let Some(last) = all.last().filter(|last| last.info.status == ReleaseStatus::Failed)
        {
            self.snapshot(last, version, words.action);
            observe_finish(self.run);
        }
        self.run.status.condition("Released", Truth::False, words.failed, &message);
        Failure { retry, ..Failure::passing(words.failed, message) }
    }

    fn count(&mut self, counter: &'static str) {
        let field = self.run.status.field(&[counter]).and_then(Node::scalar);
        let count: i64 = field.and_then(|text| text.parse().ok()).unwrap_or(0);
        let count = count.saturating_add(1);
        self.run.status.set(counter, Node::int(count));
        self.run.status.set("failures", Node::int(count));
    }

    fn repaired(&mut self, truth: Truth, reason: &'static str, message: String) {
        self.run.status.condition("Remediated", truth, reason, &message);
        let severity = if truth == Truth::True { Severity::Info } else { Severity::Error };
        self.tell(severity, reason, message);
    }

    pub(super) fn tell(&self, severity: Severity, reason: &str, message: String) {
        let event = Event::of(&self.run.key, &self.run.object, severity, reason, message);
        let event = match &self.wanted {
            Some((found, values)) => {
                event.with("revision", found.version.as_str()).with("token", config_digest(values))
            }
            None => event,
        };
        self.run.send(event);
    }

    /// Notes a revision as the newest in `status.history`.
    fn snapshot(&mut self, release: &Release, version: &str, action: &str) {
        let time = |time: helm_rs::Time| Node::string(time.to_string());
        let entry = mapping(vec![
            ("action", Node::string(action)),
            ("chartName", Node::string(release.chart.name())),
            ("chartVersion", Node::string(version)),
            ("configDigest", Node::string(config_digest(&release.config))),
            ("digest", Node::string(gitops_core::digest::sha256(release.to_json_text().as_bytes()))),
            ("firstDeployed", time(release.info.first_deployed)),
            ("lastDeployed", time(release.info.last_deployed)),
            ("name", Node::string(release.name.clone())),
            ("namespace", Node::string(release.namespace.clone())),
            ("status", Node::string(release.info.status.as_str())),
            ("version", Node::int(release.revision)),
        ]);
        let known = self.run.status.field(&["history"]).and_then(Node::items).unwrap_or_default();
        let mut entries = vec![entry];
        let is_newer = |older: &Node| {
            older.get("version").and_then(Node::as_str).and_then(|text| text.parse().ok())
                >= Some(release.revision)
        };
        for older in known.iter().filter(|older| !is_newer(older)) {
            let mut older = older.clone();
            let was_deployed = older.get("status").and_then(Node::as_str) == Some("deployed");
            if was_deployed && release.info.status == ReleaseStatus::Deployed {
                older.set("status", Node::string("superseded"));
            }
            entries.push(older);
        }
        entries.truncate(SNAPSHOTS);
        self.run.status.set("history", Node::sequence(entries));
    }

    /// Returns what is asked for.
    pub(super) fn spec(&self) -> &'a HelmRelease {
        self.spec
    }
}

/// What a chart is rendered with.
struct Rendering<'a> {
    finish: Finish<'a>,
    world: Seeded,
    capabilities: Capabilities,
    schemas: Schemas,
    lookups: Lookups,
}

impl Rendering<'_> {
    fn render(
        &self,
        chart: helm_rs::chart::Chart,
        values: &Table,
        facts: ReleaseFacts,
    ) -> Result<Templated, helm_rs::Error> {
        let render = RenderOptions::new(facts)
            .world(&self.world)
            .capabilities(self.capabilities.clone())
            .cluster(self.lookups.asked());
        let finish = PostRender { renderer: &self.finish, strategy: self.finish.hooks() };
        let options = TemplateOptions::new(render).schemas(self.schemas).post_render(finish);
        template(chart, values, &options, &mut Warnings::new()).map_err(|error| error.error)
    }
}

/// What renders a chart for a release, with a chance that differs from run to run.
fn seed<W: World>(context: &Context<W>) -> Seeded {
    let now = context.world.clock().now();
    let nanos = i64::try_from(now.as_nanos()).unwrap_or(i64::MAX);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number from 0 to 2^53")]
    let chance = (context.world.random() * 9_007_199_254_740_992.0) as u64;
    Seeded::new(chance, nanos.into())
}

fn method(by_server: bool) -> ApplyMethod {
    if by_server { ApplyMethod::ServerSide } else { ApplyMethod::ClientSide }
}

fn named_method(name: Option<&str>) -> Option<ApplyMethod> {
    match name {
        Some("enabled") => Some(ApplyMethod::ServerSide),
        Some("disabled") => Some(ApplyMethod::ClientSide),
        // As the last revision was.
        _ => None,
    }
}

fn ownership(is_checked: bool) -> Ownership {
    if is_checked { Ownership::Checked } else { Ownership::Taken }
}

fn retry(strategy: Option<&gitops_core::api::StrategySpec>) -> Retry {
    match strategy.filter(|strategy| strategy.name == "RetryOnFailure") {
        Some(strategy) => {
            Retry::After(strategy.retry_interval.map_or(Duration::from_secs(300), |interval| interval.0))
        }
        None => Retry::Backoff,
    }
}

fn about(release: &Release, version: &str) -> String {
    let (namespace, name, chart) = (&release.namespace, &release.name, release.chart.name());
    format!("{namespace}/{name}.v{} with chart {chart}@{version}", release.revision)
}

fn is_test(hook: &helm_rs::manifest::Hook) -> bool {
    hook.runs_at(helm_rs::manifest::HookEvent::Test)
}

/// Returns whether a test of this name runs.
pub(super) fn runs_test(spec: &HelmRelease, name: &str) -> bool {
    let filters = spec.test.as_ref().map(|test| test.filters.as_slice()).unwrap_or_default();
    let mut only = filters.iter().filter(|filter| !filter.exclude).peekable();
    let is_named = only.peek().is_none() || only.any(|filter| filter.name == name);
    is_named && !filters.iter().any(|filter| filter.exclude && filter.name == name)
}

/// Returns the newest revision before the last that was once deployed.
pub(super) fn previous(history: &[Release]) -> Option<&Release> {
    let (_, older) = history.split_last()?;
    older
        .iter()
        .rev()
        .find(|release| matches!(release.info.status, ReleaseStatus::Deployed | ReleaseStatus::Superseded))
}

/// Reads the addresses of a manifest's objects.
fn objects(manifest: &str, namespace: &str) -> Vec<ObjectRef> {
    manifest_objects(manifest, namespace).iter().map(ObjectRef::of).collect()
}

/// Reads a manifest's objects, each with its namespace where its kind has one.
pub(super) fn manifest_objects(manifest: &str, namespace: &str) -> Vec<Node> {
    let Ok(documents) = read_stream(manifest.as_bytes(), FileId::NONE, &ReadOptions::yaml11()) else {
        return Vec::new();
    };
    let schema = gitops_core::schema::Schema::kubernetes();
    let objects = documents.into_iter().map(|document| document.root).filter(Node::is_mapping);
    objects
        .map(|mut object| {
            let gvk = Gvk::of(&object);
            let is_namespaced =
                schema.scope(&gvk.api_version(), &gvk.kind) != Some(gitops_core::schema::Scope::Cluster);
            let own = object.at_path(&["metadata", "namespace"]).and_then(Node::as_str).unwrap_or_default();
            if is_namespaced
                && own.is_empty()
                && let Some(metadata) = object.get_mut("metadata")
            {
                metadata.set("namespace", Node::string(namespace));
            }
            object
        })
        .collect()
}
