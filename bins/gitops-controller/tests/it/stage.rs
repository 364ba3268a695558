//! A stage for whole repositories: an embedded cluster, the controllers, a chart repository, and a web hook of Slack's form.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gitops_controller::{AnyCluster, Instead, Manager, ManagerOptions, Progress, RealWorld, serve};
use gitops_controllers::fleet::seeds;
use gitops_controllers::status::{condition_of, is_ready};
use gitops_controllers::{Context, Event, Key, Kind, Settings, World};
use gitops_core::object::Gvk;
use gitops_core::ports::{Cluster, FieldConflicts, ListOptions, ObjectRef, Part, Patch, WriteOptions};
use gitops_fs::Folder;
use gitops_local_cluster::LocalCluster;
use gitops_yaml::{FileId, Node, ReadOptions, read_stream};
use http::{Response, StatusCode};
use tokio::net::TcpListener;

pub(crate) struct Stage {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) context: Arc<Context<RealWorld>>,
    pub(crate) hook: Hook,
    events: Arc<Mutex<Vec<Event>>>,
    stop: tokio::sync::watch::Sender<bool>,
    controllers: tokio::task::JoinHandle<()>,
    others: tokio::task::JoinSet<()>,
}

/// A web hook on this machine that keeps what it is sent.
#[derive(Clone)]
pub(crate) struct Hook {
    pub(crate) url: String,
    sent: Arc<Mutex<Vec<serde_json::Value>>>,
}

impl Hook {
    pub(crate) fn sent(&self) -> Vec<serde_json::Value> {
        self.sent.lock().unwrap().clone()
    }
}

pub(crate) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

pub(crate) fn nodes(text: &str) -> Vec<Node> {
    let documents = read_stream(text.as_bytes(), FileId::NONE, &ReadOptions::yaml11()).unwrap();
    documents.into_iter().map(|document| document.root).filter(Node::is_mapping).collect()
}

pub(crate) fn options() -> WriteOptions {
    WriteOptions { manager: "test".into(), conflicts: FieldConflicts::TakenOver, ..WriteOptions::default() }
}

/// Copies a folder; every file's text goes through `change`.
pub(crate) fn copy(from: &Path, to: &Path, change: &impl Fn(String) -> String) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target, change),
            false => std::fs::write(target, change(std::fs::read_to_string(entry.path()).unwrap())).unwrap(),
        }
    }
}

impl Stage {
    /// Begins with a repository's files as `files` makes them, knowing where charts are served, read instead of a git URL.
    pub(crate) async fn begin(git: &str, files: impl FnOnce(&Path, &str)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut others = tokio::task::JoinSet::new();
        let charts = serve_charts(&mut others).await;
        let hook = serve_hook(&mut others).await;
        files(folder.path(), &charts);
        let cluster = AnyCluster::Local(LocalCluster::new());
        let world = RealWorld::new(cluster.clone()).unwrap();
        world.folders().replace(git, Instead::Folder(folder.path().to_owned()));
        for definition in gitops_core::api::open_definitions() {
            cluster.apply(&definition, &options()).await.unwrap();
        }
        for namespace in nodes("apiVersion: v1\nkind: Namespace\nmetadata: {name: flux-system}\n") {
            cluster.apply(&namespace, &options()).await.unwrap();
        }
        for seed in seeds(&Folder::new(folder.path()).unwrap(), ".") {
            cluster.apply(&seed, &options()).await.unwrap();
        }
        let context = Arc::new(Context::new(world, Settings::default()));
        let (progress, mut told) = tokio::sync::mpsc::unbounded_channel();
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let manager = Manager::new(Arc::clone(&context), ManagerOptions::default()).show(progress);
        let events = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&events);
        others.spawn(async move {
            while let Some(progress) = told.recv().await {
                if let Progress::Told(event) = progress {
                    heard.lock().unwrap().push(event);
                }
            }
        });
        others.spawn(run_workloads(Arc::clone(&context)));
        let controllers = tokio::spawn(manager.run(stopped));
        Self { folder, context, hook, events, stop, controllers, others }
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        std::fs::write(self.folder.path().join(path), text).unwrap();
    }

    pub(crate) fn edit(&self, path: &str, change: impl FnOnce(String) -> String) {
        let text = std::fs::read_to_string(self.folder.path().join(path)).unwrap();
        self.write(path, &change(text));
    }

    pub(crate) async fn apply(&self, text: &str) {
        for object in nodes(text) {
            self.context.world.cluster().apply(&object, &options()).await.unwrap();
        }
    }

    pub(crate) async fn get(&self, version: &str, kind: &str, namespace: &str, name: &str) -> Option<Node> {
        let target =
            ObjectRef { gvk: Gvk::new(version, kind), namespace: namespace.into(), name: name.into() };
        self.context.world.cluster().get(&target).await.unwrap()
    }

    /// Asks for a look at a repository's files before its interval is over.
    pub(crate) async fn fetch_again(&self, repository: &str) {
        let now = format!("{:?}", std::time::SystemTime::now());
        self.apply(&format!("apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: {repository}, namespace: flux-system, annotations: {{reconcile.fluxcd.io/requestedAt: \"{}\"}}}}\n", now.replace('"', ""))).await;
    }

    /// Returns the `Ready` condition of an object of namespace flux-system as `status reason: message`.
    pub(crate) fn ready(&self, kind: Kind, name: &str) -> String {
        let key = Key::new(kind, "flux-system", name.to_owned());
        self.context.cache.get(&key).map_or_else(|| "not there".to_owned(), |object| words(&object))
    }

    pub(crate) fn is_ready(&self, kind: Kind, namespace: &str, name: &str) -> bool {
        let key = Key::new(kind, namespace.to_owned(), name.to_owned());
        self.context.cache.get(&key).is_some_and(|object| is_ready(&object))
    }

    /// Returns what was told so far.
    pub(crate) fn told(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    /// Waits until something is true; fails with what was seen last.
    pub(crate) async fn until(&self, what: &str, mut holds: impl AsyncFnMut(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self).await {
            assert!(begun.elapsed() < Duration::from_secs(90), "not in time: {what}{}", self.seen());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Every object that is looked after, with its state.
    pub(crate) fn seen(&self) -> String {
        let mut seen = String::new();
        for kind in Kind::ALL {
            for object in self.context.cache.list(kind) {
                seen.push_str(&format!("\n{}: {}", ObjectRef::of(&object), words(&object)));
                let warnings = condition_of(&object, "Warnings").and_then(|warnings| warnings.get("message"));
                if let Some(warnings) = warnings.and_then(Node::as_str) {
                    seen.push_str(&format!("\n  {}", warnings.replace('\n', "\n  ")));
                }
            }
        }
        seen
    }

    pub(crate) async fn end(mut self) {
        self.stop.send(true).unwrap();
        self.controllers.await.unwrap();
        self.others.shutdown().await;
    }
}

pub(crate) fn words(object: &Node) -> String {
    let ready = condition_of(object, "Ready");
    let text = |field| ready.and_then(|ready| ready.get(field)).and_then(Node::as_str).unwrap_or_default();
    format!("{} {}: {}", text("status"), text("reason"), text("message"))
}

/// Packs the ingress chart of the examples and serves it as a chart repository.
async fn serve_charts(others: &mut tokio::task::JoinSet<()>) -> String {
    let folder = examples().join("charts/ingress-nginx");
    let file = |name: &str| helm_rs::chart::File::new(name, &std::fs::read(folder.join(name)).unwrap());
    let files = ["Chart.yaml", "values.yaml", "templates/controller.yaml"].map(file);
    let chart = helm_rs::chart::Chart::load(&files, &mut helm_rs::Warnings::new()).unwrap();
    let time = helm_rs::Time::from_seconds(1_700_000_000);
    let packed = helm_rs::package(&chart, &helm_rs::PackageOptions::new(time)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let index = format!(
        "apiVersion: v1\nentries:\n  ingress-nginx:\n    - {{apiVersion: v2, name: ingress-nginx, version: {}, urls: ['{address}/chart.tgz']}}\n",
        chart.metadata().version
    );
    let (index, archive) = (Bytes::from(index), Bytes::from(packed.archive));
    others.spawn(serve(listener, move |request| {
        let (index, archive) = (index.clone(), archive.clone());
        async move {
            match request.uri().path() {
                "/index.yaml" => Response::new(index),
                "/chart.tgz" => Response::new(archive),
                _ => gitops_controller::plain(StatusCode::NOT_FOUND, "not found\n"),
            }
        }
    }));
    address
}

async fn serve_hook(others: &mut tokio::task::JoinSet<()>) -> Hook {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sent = Arc::new(Mutex::new(Vec::new()));
    let url = format!("http://{}/services/T0/B0/k3y", listener.local_addr().unwrap());
    let kept = Arc::clone(&sent);
    others.spawn(serve(listener, move |request| {
        let kept = Arc::clone(&kept);
        async move {
            assert_eq!(request.uri().path(), "/services/T0/B0/k3y");
            kept.lock().unwrap().push(serde_json::from_slice(request.body()).unwrap());
            gitops_controller::plain(StatusCode::OK, "ok")
        }
    }));
    Hook { url, sent }
}

/// Says of every Deployment that it runs, as a cluster with nodes would after a while.
async fn run_workloads(context: Arc<Context<RealWorld>>) {
    let gvk = Gvk::new("apps/v1", "Deployment");
    let options = WriteOptions { part: Part::Status, ..options() };
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let list = context.world.cluster().list(&gvk, &ListOptions::default()).await.unwrap();
        for object in list.items {
            let number = |path: &[&str]| {
                object
                    .at_path(path)
                    .and_then(Node::as_str)
                    .and_then(|text| text.parse::<i64>().ok())
                    .unwrap_or(1)
            };
            let generation = number(&["metadata", "generation"]);
            let seen = object.at_path(&["status", "observedGeneration"]).and_then(Node::as_str);
            if seen == Some(generation.to_string().as_str()) {
                continue;
            }
            let replicas = number(&["spec", "replicas"]);
            let text = format!(
                "status: {{observedGeneration: {generation}, replicas: {replicas}, updatedReplicas: {replicas}, readyReplicas: {replicas}, availableReplicas: {replicas}, conditions: [{{type: Available, status: 'True'}}, {{type: Progressing, status: 'True', reason: NewReplicaSetAvailable}}]}}\n"
            );
            let patch = Patch::Merge(nodes(&text).remove(0));
            // It may be gone meanwhile.
            drop(context.world.cluster().patch(&ObjectRef::of(&object), &patch, &options).await);
        }
    }
}
