//! The controller's binary is killed, or the API that it works on fails, while a person and its own bot push to one branch:
//! in the end all is as git says, and nothing was done twice.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use gitops_core::object::Gvk;
use gitops_core::ports::{Cluster, ListOptions, ObjectRef};
use gitops_local_cluster::{ApiServer, LocalCluster};
use gitops_yaml::Node;

use crate::git_server;
use crate::process::{Controller, git};
use crate::server::{Reply, Server};
use crate::stage::{nodes, options};

const MAPS: usize = 20;
const ROUNDS: usize = 10;

/// An embedded cluster behind HTTP, a git server and a registry, and a person's clone.
struct Scene {
    scratch: tempfile::TempDir,
    cluster: LocalCluster,
    api: SocketAddr,
    kubeconfig: String,
    image: String,
    tags: Arc<Mutex<Vec<String>>>,
    served: tokio::task::JoinHandle<()>,
    random: Mutex<u64>,
    servers: (git_server::Server, Server),
}

impl Scene {
    async fn begin() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let cluster = LocalCluster::new();
        let api = ApiServer::bind(&cluster, "127.0.0.1:0").await.unwrap();
        let (address, kubeconfig) = (api.address().unwrap(), api.kubeconfig().unwrap());
        let served = tokio::spawn(async move { api.serve().await.unwrap() });
        let tags = Arc::new(Mutex::new(vec![String::from("1.0.0")]));
        let listed = Arc::clone(&tags);
        let registry = Server::start(move |asked| match asked.path.contains("/tags/list") {
            true => {
                let tags = listed.lock().unwrap().clone();
                Reply::ok(serde_json::json!({"name": "team/echo", "tags": tags}).to_string())
                    .with("Content-Type", &"application/json")
            }
            false => Reply::ok("{}"),
        });
        let image = format!("{}/team/echo", registry.address);
        let root = scratch.path().join("git");
        std::fs::create_dir(&root).unwrap();
        git(&root, &["init", "-q", "--bare", "-b", "main", "repo.git"]);
        git(&root.join("repo.git"), &["config", "http.receivepack", "true"]);
        let server = git_server::Server::of(&root);
        git(scratch.path(), &["clone", "-q", &server.url(), "work"]);
        git(&scratch.path().join("work"), &["checkout", "-q", "-B", "main"]);
        let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
        println!("seed {seed}");
        let scene = Self {
            cluster,
            api: address,
            kubeconfig,
            image,
            tags,
            served,
            random: Mutex::new(seed.into()),
            scratch,
            servers: (server, registry),
        };
        scene.plant().await;
        scene
    }

    async fn plant(&self) {
        let map = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: image, namespace: default}}\ndata:\n  image: {}:1.0.0 # {{\"$imagepolicy\": \"flux-system:echo\"}}\n",
            self.image
        );
        std::fs::create_dir(self.work().join("apps")).unwrap();
        std::fs::write(self.work().join("apps/image.yaml"), map).unwrap();
        self.push(0);
        for definition in gitops_core::api::open_definitions() {
            self.cluster.apply(&definition, &options()).await.unwrap();
        }
        let (url, image) = (self.servers.0.url(), &self.image);
        let objects = format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: flux-system}}\n---\n\
             apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: fleet, namespace: flux-system}}\n\
             spec: {{url: '{url}', interval: 1s, ref: {{branch: main}}}}\n---\n\
             apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: apps, namespace: flux-system}}\n\
             spec: {{interval: 10m, retryInterval: 1s, prune: true, path: apps, sourceRef: {{kind: GitRepository, name: fleet}}}}\n---\n\
             apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {{name: echo, namespace: flux-system}}\n\
             spec: {{image: '{image}', interval: 1s, insecure: true}}\n---\n\
             apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {{name: echo, namespace: flux-system}}\n\
             spec: {{imageRepositoryRef: {{name: echo}}, policy: {{semver: {{range: 1.x}}}}}}\n---\n\
             apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageUpdateAutomation\nmetadata: {{name: fleet, namespace: flux-system}}\n\
             spec:\n  interval: 5s\n  sourceRef: {{kind: GitRepository, name: fleet}}\n  git:\n    commit:\n      author: {{name: bot, email: bot@example.org}}\n\
            \x20     messageTemplate: 'Use{{{{ range .Changed.Changes }}}} {{{{ .NewValue }}}}{{{{ end }}}}'\n  update: {{path: apps, strategy: Setters}}\n"
        );
        for object in nodes(&objects) {
            self.cluster.apply(&object, &options()).await.unwrap();
        }
    }

    fn work(&self) -> PathBuf {
        self.scratch.path().join("work")
    }

    fn random(&self, below: u64) -> u64 {
        let mut state = self.random.lock().unwrap();
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 33) % below
    }

    /// The maps of a round: one goes and one comes each time.
    fn names(round: usize) -> BTreeSet<String> {
        (round..round + MAPS).map(|number| format!("map-{number}")).collect()
    }

    fn write_maps(&self, names: &BTreeSet<String>, round: usize) {
        for entry in std::fs::read_dir(self.work().join("apps")).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap() != "image.yaml" {
                std::fs::remove_file(path).unwrap();
            }
        }
        for name in names {
            let text = format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: default}}\ndata: {{round: '{round}'}}\n"
            );
            std::fs::write(self.work().join(format!("apps/{name}.yaml")), text).unwrap();
        }
        git(&self.work(), &["add", "-A"]);
        git(&self.work(), &["commit", "-q", "-m", &format!("Round {round}")]);
    }

    /// Commits a round as a person, and pushes it beside the bot.
    fn push(&self, round: usize) {
        self.write_maps(&Self::names(round), round);
        self.send(round);
    }

    fn send(&self, round: usize) {
        let pushed = |args: &[&str]| {
            let status = std::process::Command::new("git").current_dir(self.work()).args(args).output();
            status.unwrap().status.success()
        };
        for _ in 0..20 {
            if pushed(&["push", "-q", "origin", "main"]) {
                return;
            }
            git(&self.work(), &["pull", "-q", "--rebase", "origin", "main"]);
        }
        panic!("round {round} can't be pushed");
    }

    fn release(&self, round: usize) {
        self.tags.lock().unwrap().push(format!("1.{round}.0"));
    }

    fn controller(&self, api: SocketAddr) -> Controller {
        let file = self.scratch.path().join("kubeconfig");
        std::fs::write(&file, self.kubeconfig.replace(&self.api.to_string(), &api.to_string())).unwrap();
        Controller::start(&file, self.scratch.path())
    }

    /// What is applied: names with their rounds, the image, and the ids of the inventory.
    async fn seen(&self) -> (BTreeSet<(String, String)>, Option<String>, BTreeSet<String>) {
        let options = ListOptions { namespace: Some("default".into()), ..ListOptions::default() };
        let list = self.cluster.list(&Gvk::new("v1", "ConfigMap"), &options).await.unwrap();
        let text =
            |object: &Node, path: &[&str]| object.at_path(path).and_then(Node::as_str).map(str::to_owned);
        let maps = list.items.iter();
        let maps =
            maps.filter_map(|map| Some((text(map, &["metadata", "name"])?, text(map, &["data", "round"])?)));
        let image = list.items.iter().find_map(|map| text(map, &["data", "image"]));
        let owner = ObjectRef {
            gvk: Gvk::new("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
            namespace: "flux-system".into(),
            name: "apps".into(),
        };
        let owner = self.cluster.get(&owner).await.unwrap().unwrap();
        let entries = owner.at_path(&["status", "inventory", "entries"]).and_then(Node::items);
        let ids = entries.unwrap_or_default().iter().filter_map(|entry| text(entry, &["id"]));
        (maps.collect(), image, ids.collect())
    }

    /// Waits until the cluster holds what git says, no more and no less.
    async fn converges(&self, names: &BTreeSet<String>, round: usize, tag: &str, controller: &Controller) {
        let maps = names.iter().map(|name| (name.clone(), round.to_string())).collect();
        let of = |name: &str| format!("default_{name}__ConfigMap");
        let ids = names.iter().map(String::as_str).chain(["image"]).map(of).collect();
        let wanted = (maps, Some(format!("{}:{tag}", self.image)), ids);
        let begun = Instant::now();
        loop {
            let seen = self.seen().await;
            if seen == wanted {
                return;
            }
            let words = || controller.last_words();
            assert!(begun.elapsed() < Duration::from_secs(90), "{seen:?}\nand not {wanted:?}\n{}", words());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Every commit of the person is there once, and no image was committed twice.
    fn assert_history(&self, rounds: usize) {
        let repository = self.scratch.path().join("git/repo.git");
        let log = git(&repository, &["log", "--format=%an %s", "main"]);
        let mut subjects: Vec<&str> = log.lines().collect();
        let all = subjects.len();
        subjects.sort_unstable();
        subjects.dedup();
        assert_eq!(subjects.len(), all, "{log}");
        for round in 0..=rounds {
            assert!(
                subjects.contains(&format!("Person Round {round}").as_str()),
                "round {round} is lost: {log}"
            );
        }
        let bot = subjects.iter().filter(|subject| subject.starts_with("bot Use ")).count();
        assert_eq!(bot + rounds + 1, all, "{log}");
        assert!(bot >= 1, "{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_that_is_killed_at_any_time_loses_nothing_and_repeats_nothing() {
    let scene = Scene::begin().await;
    let mut controller = scene.controller(scene.api);
    scene.converges(&Scene::names(0), 0, "1.0.0", &controller).await;
    for round in 1..=ROUNDS {
        // The bot and the person push at about the same time.
        scene.release(round);
        scene.push(round);
        tokio::time::sleep(Duration::from_millis(scene.random(1500))).await;
        controller.kill();
        controller = scene.controller(scene.api);
    }
    scene.converges(&Scene::names(ROUNDS), ROUNDS, "1.10.0", &controller).await;
    scene.assert_history(ROUNDS);
    // What was ever applied is still known: it goes where git no longer has it.
    git(&scene.work(), &["pull", "-q", "--rebase", "origin", "main"]);
    scene.write_maps(&BTreeSet::new(), ROUNDS + 1);
    scene.send(ROUNDS + 1);
    scene.converges(&BTreeSet::new(), ROUNDS + 1, "1.10.0", &controller).await;
    scene.assert_history(ROUNDS + 1);
    scene.served.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_that_fails_at_random_is_outlived() {
    outlive(Duration::from_secs(20)).await;
}

/// `cargo test -p gitops-controller --test it for_a_minute -- --ignored`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes more than a minute"]
async fn an_api_that_fails_at_random_for_a_minute_is_outlived() {
    outlive(Duration::from_secs(60)).await;
}

/// Works against an API that fails for a time.
async fn outlive(time: Duration) {
    let scene = Scene::begin().await;
    let fails = Arc::new(AtomicBool::new(true));
    let proxy = faulty(scene.api, scene.random(u64::MAX), Arc::clone(&fails));
    let controller = scene.controller(proxy);
    for round in 1..=ROUNDS {
        scene.release(round);
        scene.push(round);
        tokio::time::sleep(time / u32::try_from(ROUNDS).unwrap()).await;
    }
    fails.store(false, Ordering::Relaxed);
    scene.converges(&Scene::names(ROUNDS), ROUNDS, "1.10.0", &controller).await;
    scene.assert_history(ROUNDS);
    scene.served.abort();
}

/// Stands before an API: while `fails`, about half of all connections are refused with 500, 409 or 429, stay silent or
/// break off, and the others live for less than a second.
fn faulty(upstream: SocketAddr, seed: u64, fails: Arc<AtomicBool>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut state = seed;
        for client in listener.incoming().flatten() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (roll, life) = ((state >> 33) % 10, Duration::from_millis(100 + (state >> 40) % 800));
            let is_over = !fails.load(Ordering::Relaxed);
            std::thread::spawn(move || match roll {
                _ if is_over => pass(client, upstream, None),
                0 => refuse(client, 500, "InternalError"),
                1 => refuse(client, 409, "Conflict"),
                2 => refuse(client, 429, "TooManyRequests"),
                3 => std::thread::sleep(life),
                4 => drop(client),
                _ => pass(client, upstream, Some(life)),
            });
        }
    });
    address
}

fn refuse(mut client: TcpStream, code: u16, reason: &str) {
    drop(client.set_read_timeout(Some(Duration::from_millis(100))));
    let mut request = vec![0; 1 << 16];
    drop(client.read(&mut request));
    let body = format!(
        r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","message":"by chance","reason":"{reason}","code":{code}}}"#
    );
    let head = format!(
        "HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    drop(client.write_all(format!("{head}{body}").as_bytes()));
}

fn pass(client: TcpStream, upstream: SocketAddr, life: Option<Duration>) {
    let Ok(server) = TcpStream::connect(upstream) else { return };
    let (Ok(mut from), Ok(mut to)) = (client.try_clone(), server.try_clone()) else { return };
    if let Some(life) = life {
        let (Ok(client), Ok(server)) = (client.try_clone(), server.try_clone()) else { return };
        std::thread::spawn(move || {
            std::thread::sleep(life);
            drop(client.shutdown(Shutdown::Both));
            drop(server.shutdown(Shutdown::Both));
        });
    }
    let up = std::thread::spawn(move || {
        drop(std::io::copy(&mut from, &mut to));
        drop(to.shutdown(Shutdown::Both));
    });
    let (mut server, mut client) = (server, client);
    drop(std::io::copy(&mut server, &mut client));
    drop(client.shutdown(Shutdown::Both));
    drop(up.join());
}
