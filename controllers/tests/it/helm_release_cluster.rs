//! Helm's operations over a cluster in memory: objects, records in Secrets, waiting.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use gitops_controllers::helm_release::{
    ReleaseClock, ReleaseCluster, ReleaseSecrets, Waiting, WaitingStrategy,
};
use gitops_core::apply::Readiness;
use gitops_core::object::Gvk;
use gitops_core::ports::{Clock, ObjectRef};
use gitops_core::testing::{FakeCluster, FixedClock};
use gitops_yaml::{FileId, Node, from_json};
use helm_rs::chart::{Chart, File};
use helm_rs::release::{
    ApplyMethod, Install, OperationOptions, Operator, Release, ReleaseStore, Rollback, Status,
    UninstallOptions, Upgrade,
};
use helm_rs::render::{ReleaseFacts, RenderOptions};
use helm_rs::values::{SetKind, Table, set};
use helm_rs::{Error, TemplateOptions, Templated, template};

fn done<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing here waits"),
    }
}

fn chart() -> Chart {
    let files = [
        File::new("Chart.yaml", b"apiVersion: v2\nname: web\nversion: 1.2.3\n"),
        File::new("values.yaml", b"text: one\njob: false\n"),
        File::new(
            "templates/a.yaml",
            b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {text: '{{ .Values.text }}'}\n",
        ),
        File::new(
            "templates/b.yaml",
            b"{{ if .Values.job }}apiVersion: batch/v1\nkind: Job\nmetadata: {name: b, annotations: {helm.sh/hook: post-install}}\nspec: {completions: 2}\n{{ end }}",
        ),
    ];
    Chart::load(&files, &mut Vec::new()).unwrap()
}

fn values(text: &str) -> Table {
    let mut values = Table::new();
    set(&mut values, text, SetKind::Typed).unwrap();
    values
}

fn rendered(chart: Chart, values: &Table) -> Result<Templated, Error> {
    let options = TemplateOptions::new(RenderOptions::new(ReleaseFacts::install("web", "prod")));
    template(chart, values, &options, &mut Vec::new()).map_err(|failed| failed.error)
}

struct World {
    cluster: FakeCluster,
    clock: FixedClock,
}

const READY: &(dyn Fn(&Node) -> Readiness + Send + Sync) = &|_| Readiness::new("Current", "");

impl World {
    fn new() -> Self {
        Self { cluster: FakeCluster::default(), clock: FixedClock::at(Duration::from_secs(1_600_000_000)) }
    }

    fn operate<T>(
        &self,
        method: ApplyMethod,
        act: impl AsyncFnOnce(
            &Operator<
                '_,
                ReleaseCluster<'_, FakeCluster, FixedClock>,
                ReleaseSecrets<'_, FakeCluster, FixedClock>,
                ReleaseClock<'_, FixedClock>,
            >,
        ) -> T,
    ) -> T {
        let waiting = Waiting { strategy: WaitingStrategy::HooksOnly, ..Waiting::default() };
        let cluster = ReleaseCluster::new(&self.cluster, &self.clock, READY, waiting);
        let store = ReleaseSecrets::new(&self.cluster, &self.clock, "prod");
        let clock = ReleaseClock(&self.clock);
        let mut options = OperationOptions::default();
        options.apply_method = Some(method);
        done(act(&Operator::new(&cluster, &store, &clock, options)))
    }

    fn install(&self, method: ApplyMethod, given: &str) -> Result<Release, Error> {
        let mut install = Install::new("web", "prod");
        install.config = values(given);
        let render = || rendered(chart(), &install.config);
        self.operate(method, async |operator| operator.install(&install, &[], render, &mut Vec::new()).await)
    }

    fn upgrade(&self, method: ApplyMethod, given: &str) -> Result<Release, Error> {
        let mut upgrade = Upgrade::new("web");
        upgrade.values = values(given);
        self.operate(method, async |operator| {
            let render =
                |facts: &helm_rs::release::UpgradeFacts| rendered(facts.chart.clone(), &facts.values);
            operator.upgrade(&upgrade, chart(), render, &mut Vec::new()).await
        })
    }

    fn stored(&self, kind: &str, name: &str) -> Option<Node> {
        let gvk = Gvk::new("v1", kind);
        self.cluster.stored(&ObjectRef { gvk, namespace: "prod".into(), name: name.into() })
    }

    fn text(&self) -> String {
        let map = self.stored("ConfigMap", "a").unwrap();
        map.at_path(&["data", "text"]).and_then(Node::as_str).unwrap().to_owned()
    }
}

#[test]
fn releases_live_and_end() {
    for method in [ApplyMethod::ServerSide, ApplyMethod::ClientSide] {
        let world = World::new();
        world.install(method, "text=one").unwrap();
        let record = world.stored("Secret", "sh.helm.release.v1.web.v1").unwrap();
        let label = |name| record.at_path(&["metadata", "labels", name]).and_then(Node::as_str);
        assert_eq!((label("owner"), label("status")), (Some("helm"), Some("deployed")));
        assert_eq!(label("modifiedAt"), Some("1600000000"));
        assert_eq!(record.get("type").and_then(Node::as_str), Some("helm.sh/release.v1"));
        assert_eq!(world.text(), "one");

        let second = world.upgrade(method, "text=two").unwrap();
        assert_eq!((second.revision, world.text().as_str()), (2, "two"));
        let back = Rollback::new("web", 1);
        world.operate(method, async |operator| operator.rollback(&back, &mut Vec::new()).await).unwrap();
        assert_eq!(world.text(), "one");

        let store = ReleaseSecrets::new(&world.cluster, &world.clock, "prod");
        let mut history = done(store.history("web")).unwrap();
        history.sort_by_key(|release| release.revision);
        let states: Vec<_> = history.iter().map(|release| release.info.status).collect();
        assert_eq!(states, [Status::Superseded, Status::Superseded, Status::Deployed]);
        assert_eq!(done(store.deployed("web")).unwrap().len(), 1);
        assert_eq!(done(store.releases()).unwrap()[0].revision, 3);

        world
            .operate(method, async |operator| {
                operator.uninstall("web", &UninstallOptions::default(), &mut Vec::new()).await
            })
            .unwrap();
        assert_eq!(world.cluster.addresses(), []);
    }
}

#[test]
fn merges_by_the_client_keep_what_others_wrote() {
    let world = World::new();
    world.install(ApplyMethod::ClientSide, "text=one").unwrap();
    let mut map = world.stored("ConfigMap", "a").unwrap();
    map.get_mut("data").unwrap().set("others", Node::string("x"));
    world.cluster.put(map);
    world.upgrade(ApplyMethod::ClientSide, "text=two").unwrap();
    let map = world.stored("ConfigMap", "a").unwrap();
    assert_eq!(map.at_path(&["data", "others"]).and_then(Node::as_str), Some("x"));
    assert_eq!(world.text(), "two");
}

#[test]
fn hooks_are_waited_for_and_time_is_bounded() {
    let world = World::new();
    let error = world.install(ApplyMethod::ServerSide, "job=true").unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed post-install: resource Job/prod/b not ready. status: InProgress, message: Job in progress\ncontext deadline exceeded"
    );
    let store = ReleaseSecrets::new(&world.cluster, &world.clock, "prod");
    let failed = done(store.get("web", 1)).unwrap().unwrap();
    assert_eq!(failed.info.status, Status::Failed);
}

#[test]
fn records_that_cannot_be_read_are_passed_over() {
    let world = World::new();
    world.install(ApplyMethod::ServerSide, "text=one").unwrap();
    let broken = r#"{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "sh.helm.release.v1.web.v2",
        "namespace": "prod", "labels": {"name": "web", "owner": "helm"}}, "data": {"release": "bm9uZQ=="}}"#;
    world.cluster.put(from_json(broken, FileId::NONE).unwrap());
    let store = ReleaseSecrets::new(&world.cluster, &world.clock, "prod");
    assert_eq!(done(store.history("web")).unwrap().len(), 1);
    assert!(done(store.get("web", 2)).unwrap_err().to_string().starts_with("get: failed to decode data"));
}

/// A clock in whose pauses a Job ends, and is removed as its `ttlSecondsAfterFinished` asks.
struct EndsMeanwhile<'a> {
    cluster: &'a FakeCluster,
    clock: FixedClock,
    condition: &'static str,
}

impl Clock for EndsMeanwhile<'_> {
    fn now(&self) -> Duration {
        self.clock.now()
    }
    async fn sleep(&self, time: Duration) {
        let target =
            ObjectRef { gvk: Gvk::new("batch/v1", "Job"), namespace: "prod".into(), name: "b".into() };
        if let Some(mut job) = self.cluster.stored(&target) {
            let status = format!(r#"{{"conditions": [{{"type": "{}", "status": "True"}}]}}"#, self.condition);
            job.set("status", from_json(&status, FileId::NONE).unwrap());
            self.cluster.put(job);
            self.cluster.remove(&target);
        }
        self.clock.sleep(time).await;
    }
}

#[test]
fn jobs_that_are_removed_once_they_have_ended_are_not_missed() {
    for (condition, wanted) in [("Complete", Ok(())), ("Failed", Err("status: Failed"))] {
        let cluster = FakeCluster::default();
        let job = r#"{"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "b", "namespace": "prod"},
            "spec": {"ttlSecondsAfterFinished": 0}}"#;
        cluster.put(from_json(job, FileId::NONE).unwrap());
        let clock = EndsMeanwhile { cluster: &cluster, clock: FixedClock::at(Duration::ZERO), condition };
        let releases = ReleaseCluster::new(&cluster, &clock, READY, Waiting::default());
        let id = helm_rs::release::ObjectId {
            api_version: "batch/v1".into(),
            kind: "Job".into(),
            namespace: "prod".into(),
            name: "b".into(),
        };
        let ended =
            done(helm_rs::release::Cluster::wait(&releases, &[id], helm_rs::release::WaitFor::HookDone));
        match (ended, wanted) {
            (Ok(()), Ok(())) => {}
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (ended, _) => panic!("{condition}: {ended:?}"),
        }
    }
}
