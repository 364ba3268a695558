//! Where nothing has changed, nothing is asked of the API: no write, no dry run, no read.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gitops_controller::{AnyCluster, Instead, Manager, ManagerOptions, Progress, RealWorld};
use gitops_controllers::fleet::seeds;
use gitops_controllers::status::is_ready;
use gitops_controllers::{Context, Key, Kind, Settings};
use gitops_core::ports::{Cluster, Patch};
use gitops_fs::Folder;
use gitops_kube::{Connection, KubeCluster};
use gitops_local_cluster::{ApiServer, LocalCluster};
use gitops_yaml::Node;

use crate::stage::{nodes, options};

const KUSTOMIZATIONS: usize = 10;
const OBJECTS: usize = 100;
const GIT: &str = "https://git.example.org/fleet";

/// Stands before an API and counts what it is asked, by method.
#[derive(Clone, Default)]
struct Counter {
    reads: Arc<AtomicUsize>,
    writes: Arc<Mutex<Vec<String>>>,
}

impl Counter {
    fn listen(&self, upstream: SocketAddr) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let counter = self.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let counter = counter.clone();
                std::thread::spawn(move || counter.pass(client, upstream));
            }
        });
        address
    }

    fn pass(&self, mut client: TcpStream, upstream: SocketAddr) {
        let Ok(mut server) = TcpStream::connect(upstream) else { return };
        let (Ok(mut back), Ok(mut answers)) = (client.try_clone(), server.try_clone()) else { return };
        std::thread::spawn(move || {
            drop(std::io::copy(&mut answers, &mut back));
            drop(back.shutdown(Shutdown::Both));
        });
        let mut buffer = vec![0; 1 << 16];
        while let Ok(read @ 1..) = client.read(&mut buffer) {
            // A request begins what is sent after an answer.
            let line = buffer[..read].split(|byte| *byte == b'\r').next().unwrap_or_default();
            let line = String::from_utf8_lossy(&line[..line.len().min(200)]).into_owned();
            match line.split(' ').next() {
                Some("GET") if !line.contains("watch=") => drop(self.reads.fetch_add(1, Ordering::Relaxed)),
                Some("POST" | "PUT" | "PATCH" | "DELETE") => self.writes.lock().unwrap().push(line),
                _ => {}
            }
            if server.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        drop(server.shutdown(Shutdown::Both));
    }

    fn forget(&self) {
        self.reads.store(0, Ordering::Relaxed);
        self.writes.lock().unwrap().clear();
    }

    fn seen(&self) -> (usize, Vec<String>) {
        (self.reads.load(Ordering::Relaxed), self.writes.lock().unwrap().clone())
    }
}

fn name(number: usize) -> String {
    format!("apps-{number}")
}

fn keys() -> Vec<Key> {
    (0..KUSTOMIZATIONS).map(|number| Key::new(Kind::Kustomization, "flux-system", name(number))).collect()
}

fn write_files(folder: &std::path::Path) {
    let mut root = format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: fleet, namespace: flux-system}}\nspec: {{interval: 1s, url: '{GIT}', ref: {{branch: main}}}}\n"
    );
    for number in 0..KUSTOMIZATIONS {
        let apps = name(number);
        root.push_str(&format!(
            "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {apps}, namespace: flux-system}}\nspec: {{interval: 1s, prune: true, path: ./{apps}, sourceRef: {{kind: GitRepository, name: fleet}}}}\n"
        ));
        std::fs::create_dir(folder.join(&apps)).unwrap();
        let map = |object: usize| {
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {apps}-{object}, namespace: default}}\ndata: {{k: v}}\n"
            )
        };
        let maps: Vec<String> = (0..OBJECTS).map(map).collect();
        std::fs::write(folder.join(&apps).join("maps.yaml"), maps.join("---\n")).unwrap();
    }
    std::fs::write(folder.join("root.yaml"), root).unwrap();
}

/// A controller on a cluster behind a counter, until it is ended.
struct Running {
    context: Arc<Context<RealWorld>>,
    /// How often each object was reconciled.
    ended: Arc<Mutex<Vec<Key>>>,
    stop: tokio::sync::watch::Sender<bool>,
    controllers: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start(kubeconfig: &std::path::Path, folder: &std::path::Path) -> Self {
        let connection = Connection::from_file(kubeconfig, None).await.unwrap();
        let cluster = AnyCluster::Kube(Box::new(KubeCluster::connect(connection).unwrap()));
        let world = RealWorld::new(cluster).unwrap();
        world.folders().replace(GIT, Instead::Folder(folder.to_owned()));
        let context = Arc::new(Context::new(world, Settings::default()));
        let (progress, mut told) = tokio::sync::mpsc::unbounded_channel();
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let manager = Manager::new(Arc::clone(&context), ManagerOptions::default()).show(progress);
        let ended = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&ended);
        tokio::spawn(async move {
            while let Some(progress) = told.recv().await {
                if let Progress::Ended(key, ..) = progress {
                    heard.lock().unwrap().push(key);
                }
            }
        });
        Self { context, ended, stop, controllers: tokio::spawn(manager.run(stopped)) }
    }

    async fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(begun.elapsed() < Duration::from_secs(90), "not in time: {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn until_ready(&self) {
        let is_ready = |key: &Key| self.context.cache.get(key).is_some_and(|object| is_ready(&object));
        self.until("all is ready", |_| keys().iter().all(is_ready)).await;
    }

    /// Waits until every object was reconciled twice more.
    async fn rounds(&self) {
        self.ended.lock().unwrap().clear();
        let twice = |running: &Self, key: &Key| {
            running.ended.lock().unwrap().iter().filter(|ended| *ended == key).count() >= 2
        };
        let source = Key::new(Kind::GitRepository, "flux-system", "fleet");
        let all: Vec<Key> = keys().into_iter().chain([source]).collect();
        self.until("two rounds", |running| all.iter().all(|key| twice(running, key))).await;
    }

    async fn end(self) {
        self.stop.send(true).unwrap();
        self.controllers.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_objects_that_have_not_changed_cost_no_request() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("fleet");
    std::fs::create_dir(&folder).unwrap();
    write_files(&folder);
    let cluster = LocalCluster::new();
    let api = ApiServer::bind(&cluster, "127.0.0.1:0").await.unwrap();
    let counter = Counter::default();
    let upstream = api.address().unwrap();
    let address = counter.listen(upstream);
    let kubeconfig = scratch.path().join("kubeconfig");
    let text = api.kubeconfig().unwrap().replace(&upstream.to_string(), &address.to_string());
    std::fs::write(&kubeconfig, text).unwrap();
    let served = tokio::spawn(async move { api.serve().await.unwrap() });
    for definition in gitops_core::api::open_definitions() {
        cluster.apply(&definition, &options()).await.unwrap();
    }
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: flux-system}\n";
    cluster.apply(&nodes(namespace)[0], &options()).await.unwrap();
    for seed in seeds(&Folder::new(&folder).unwrap(), ".") {
        cluster.apply(&seed, &options()).await.unwrap();
    }

    let running = Running::start(&kubeconfig, &folder).await;
    running.until_ready().await;
    assert!(counter.seen().1.len() >= KUSTOMIZATIONS * OBJECTS, "what is asked is counted");
    // The watches over the objects begin, and the first look at what they show ends.
    running.rounds().await;
    running.rounds().await;
    counter.forget();
    running.rounds().await;
    assert_eq!(counter.seen(), (0, vec![]), "two rounds over all of them");

    // A person who asks is answered, with one write for each object and nothing else.
    for key in keys() {
        let ask = nodes("metadata: {annotations: {reconcile.fluxcd.io/requestedAt: now}}\n").remove(0);
        cluster.patch(&key.address(None), &Patch::Merge(ask), &options()).await.unwrap();
    }
    let handled = |key: &Key| {
        let object = running.context.cache.get(key)?;
        let answered = object.at_path(&["status", "lastHandledReconcileAt"])?.as_str() == Some("now");
        (answered && is_ready(&object)).then_some(())
    };
    running.until("all are answered", |_| keys().iter().all(|key| handled(key).is_some())).await;
    let (reads, writes) = counter.seen();
    assert_eq!((reads, writes.len()), (0, KUSTOMIZATIONS), "{writes:?}");
    assert!(writes.iter().all(|line| line.contains("/status")), "{writes:?}");
    running.end().await;

    // A controller that starts anew compares everything, and finds nothing to write either.
    let versions = async || {
        let mut versions = Vec::new();
        for key in keys() {
            let object = cluster.get(&key.address(None)).await.unwrap().unwrap();
            let version = object.at_path(&["metadata", "resourceVersion"]).and_then(Node::as_str);
            versions.push(version.map(str::to_owned));
        }
        versions
    };
    let before = versions().await;
    let running = Running::start(&kubeconfig, &folder).await;
    running.until_ready().await;
    running.rounds().await;
    assert_eq!(versions().await, before);
    running.end().await;
    served.abort();
}
