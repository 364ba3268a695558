//! The whole flow on an embedded cluster: sources, Kustomizations, a release, changes, drift, deletion.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests fail by panicking and say what they skip"
)]

mod crashes;
mod fleet;
#[allow(dead_code, reason = "it serves the tests of git as well")]
#[path = "../../../../adapters/git/tests/it/server.rs"]
mod git_server;
mod health;
mod how_to;
mod polls;
mod process;
mod quiet;
mod real_servers;
mod rendered;
#[path = "../../../../adapters/transport/tests/it/server.rs"]
mod server;
mod stage;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gitops_controller::{AnyCluster, Manager, ManagerOptions, RealWorld};
use gitops_controllers::fleet::seeds;
use gitops_controllers::{Context, Settings, World};
use gitops_core::object::Gvk;
use gitops_core::ports::{Cluster, FieldConflicts, ObjectRef, WriteOptions};
use gitops_fs::Folder;
use gitops_local_cluster::LocalCluster;
use gitops_yaml::{FileId, Node, ReadOptions, read_stream};

const FILES: [(&str, &str); 9] = [
    (
        "clusters/demo/source.yaml",
        "apiVersion: source.toolkit.fluxcd.io/v1beta2\nkind: GitRepository\nmetadata: {name: fleet, namespace: flux-system}\nspec: {interval: 1s, url: https://git.example/fleet, ref: {branch: main}}\n",
    ),
    (
        "clusters/demo/root.yaml",
        "apiVersion: kustomize.toolkit.fluxcd.io/v1beta1\nkind: Kustomization\nmetadata: {name: root, namespace: flux-system}\nspec: {interval: 10m, prune: true, validation: client, path: ./clusters/demo/apps, sourceRef: {kind: GitRepository, name: fleet}}\n",
    ),
    (
        "clusters/demo/apps/base.yaml",
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: base, namespace: flux-system}\nspec: {interval: 10m, prune: true, wait: true, path: ./base, sourceRef: {kind: GitRepository, name: fleet}}\n",
    ),
    (
        "clusters/demo/apps/echo.yaml",
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: echo, namespace: flux-system}\nspec: {interval: 10m, prune: true, path: ./apps/echo, sourceRef: {kind: GitRepository, name: fleet}, dependsOn: [{name: base}]}\n",
    ),
    ("base/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: echo}\n"),
    (
        "base/release.yaml",
        "apiVersion: helm.toolkit.fluxcd.io/v2beta1\nkind: HelmRelease\nmetadata: {name: web, namespace: flux-system}\nspec: {interval: 10m, targetNamespace: echo, chart: {spec: {chart: charts/web, sourceRef: {kind: GitRepository, name: fleet}}}}\n",
    ),
    ("charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
    (
        "charts/web/templates/map.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {from: chart}\n",
    ),
    (
        "apps/echo/kustomization.yaml",
        "namespace: echo\nresources: [deployment.yaml]\nconfigMapGenerator:\n  - name: settings\n    literals: [MESSAGE=one]\n",
    ),
];
const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: echo}\nspec:\n  selector: {matchLabels: {app: echo}}\n  template:\n    metadata: {labels: {app: echo}}\n    spec:\n      containers:\n        - name: echo\n          image: echo:1.0.0\n          envFrom: [{configMapRef: {name: settings}}]\n";

struct Flow {
    folder: tempfile::TempDir,
    context: Arc<Context<RealWorld>>,
    stop: tokio::sync::watch::Sender<bool>,
    controllers: tokio::task::JoinHandle<()>,
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn nodes(text: &str) -> Vec<Node> {
    let documents = read_stream(text.as_bytes(), FileId::NONE, &ReadOptions::yaml11()).unwrap();
    documents.into_iter().map(|document| document.root).collect()
}

fn options() -> WriteOptions {
    WriteOptions { manager: "test".into(), conflicts: FieldConflicts::TakenOver, ..WriteOptions::default() }
}

impl Flow {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in FILES {
            write(folder.path(), path, text);
        }
        write(folder.path(), "apps/echo/deployment.yaml", DEPLOYMENT);
        let cluster = AnyCluster::Local(LocalCluster::new());
        let world = RealWorld::new(cluster.clone()).unwrap();
        world.folders().replace(
            "https://git.example/fleet",
            gitops_controller::Instead::Folder(folder.path().to_owned()),
        );
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
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let manager = Manager::new(Arc::clone(&context), ManagerOptions::default());
        Self { folder, context, stop, controllers: tokio::spawn(manager.run(stopped)) }
    }

    async fn get(&self, version: &str, kind: &str, namespace: &str, name: &str) -> Option<Node> {
        let target =
            ObjectRef { gvk: Gvk::new(version, kind), namespace: namespace.into(), name: name.into() };
        self.context.world.cluster().get(&target).await.unwrap()
    }

    /// Waits until something is true; fails with what was seen last.
    async fn until(&self, what: &str, mut holds: impl AsyncFnMut(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self).await {
            if begun.elapsed() > Duration::from_secs(60) {
                let mut seen = String::new();
                for kind in gitops_controllers::Kind::ALL {
                    for object in self.context.cache.list(kind) {
                        let ready = gitops_controllers::status::condition_of(&object, "Ready");
                        let message = ready.and_then(|ready| ready.get("message")?.as_str());
                        seen.push_str(&format!("\n{}: {message:?}", ObjectRef::of(&object)));
                    }
                }
                panic!("not within a minute: {what}{seen}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Returns the ConfigMap that the Deployment reads.
    async fn settings(&self) -> Option<String> {
        let deployment = self.get("apps/v1", "Deployment", "echo", "echo").await?;
        let containers = deployment.at_path(&["spec", "template", "spec", "containers"])?.items()?;
        let from =
            containers.first()?.get("envFrom")?.items()?.first()?.at_path(&["configMapRef", "name"])?;
        from.as_str().map(str::to_owned)
    }

    async fn end(self) {
        self.stop.send(true).unwrap();
        self.controllers.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_runs_from_the_first_file_to_the_last_change() {
    let flow = Flow::start().await;
    flow.until("the overlay is applied", async |flow| flow.settings().await.is_some()).await;
    assert!(flow.get("v1", "ConfigMap", "echo", "echo-web").await.is_some(), "the release came first");
    let first = flow.settings().await.unwrap();
    assert!(flow.get("v1", "ConfigMap", "echo", &first).await.is_some());

    let (path, text) = FILES[8];
    write(flow.folder.path(), path, &text.replace("MESSAGE=one", "MESSAGE=two"));
    flow.until("the change rolls the Deployment", async |flow| {
        flow.settings().await.is_some_and(|settings| settings != first)
    })
    .await;
    flow.until("the old map is pruned", async |flow| {
        flow.get("v1", "ConfigMap", "echo", &first).await.is_none()
    })
    .await;

    let mut by_hand = flow.get("apps/v1", "Deployment", "echo", "echo").await.unwrap();
    let containers = by_hand.get_mut("spec").unwrap().get_mut("template").unwrap().get_mut("spec").unwrap();
    let container = &mut containers.get_mut("containers").unwrap().items_mut().unwrap()[0];
    container.set("image", Node::string("echo:by-hand"));
    flow.context.world.cluster().replace(&by_hand, &options()).await.unwrap();
    flow.until("what was changed by hand is set right", async |flow| {
        let live = flow.get("apps/v1", "Deployment", "echo", "echo").await.unwrap();
        let containers = live.at_path(&["spec", "template", "spec", "containers"]).and_then(Node::items);
        containers.unwrap()[0].get("image").and_then(Node::as_str) == Some("echo:1.0.0")
    })
    .await;

    std::fs::remove_file(flow.folder.path().join("clusters/demo/apps/echo.yaml")).unwrap();
    flow.until("what is deleted is pruned", async |flow| {
        flow.get("apps/v1", "Deployment", "echo", "echo").await.is_none()
    })
    .await;
    assert!(flow.get("v1", "ConfigMap", "echo", "echo-web").await.is_some(), "and nothing else");
    flow.end().await;
}
