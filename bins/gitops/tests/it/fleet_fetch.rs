//! Fleets whose charts and files come from elsewhere: fetched, locked, and rendered again without a network.

use crate::git_server;
use crate::remote::{archive, folder};
use crate::server::{Reply, Server};
use gitops_core::digest::sha256;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CHART_LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

struct Fleet {
    folder: PathBuf,
}

impl Fleet {
    fn new(name: &str, objects: &[String]) -> Self {
        let folder = folder(&format!("fleet-{name}"));
        fs::create_dir_all(folder.join("fleet/.git")).unwrap();
        let fleet = Self { folder };
        let flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: \
                    flux-system}\nspec: {interval: 5m, prune: true, path: ./cluster, sourceRef: {kind: GitRepository, name: flux-system}}\n";
        let own =
            source("GitRepository", "flux-system", "url: https://example.org/fleet, ref: {branch: main}");
        fleet.write("cluster/flux.yaml", flux);
        fleet.write("cluster/objects.yaml", &format!("{own}---\n{}", objects.join("---\n")));
        fleet
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn root(&self) -> PathBuf {
        self.folder.join("fleet")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_gitops"))
            .args(arguments)
            .arg("--archives")
            .arg(self.folder.join("archives"))
            .current_dir(self.root())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env_remove("HTTP_PROXY")
            .env_remove("http_proxy")
            .output()
            .unwrap()
    }

    #[track_caller]
    fn renders(&self, arguments: &[&str]) -> String {
        let output = self.run(&[&["render", "--strict"], arguments].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn refuses(&self, arguments: &[&str]) -> String {
        let output = self.run(&[&["render", "--strict"], arguments].concat());
        assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    }

    fn locked(&self) -> Value {
        serde_json::from_slice(&fs::read(self.root().join("gitops.lock")).unwrap()).unwrap()
    }
}

fn source(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: flux-system}}\nspec: \
         {{interval: 5m, {spec}}}\n"
    )
}

fn release(chart: &str) -> String {
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: web, namespace: flux-system}}\nspec:\n  \
         interval: 5m\n  {chart}\n  values: {{color: red}}\n"
    )
}

fn kustomization(source: &str, path: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: there, namespace: flux-system}}\n\
         spec: {{interval: 5m, prune: true, path: {path}, targetNamespace: apps, sourceRef: {source}}}\n"
    )
}

fn chart(version: &str) -> Vec<u8> {
    archive(&[
        ("web/Chart.yaml", &format!("apiVersion: v2\nname: web\nversion: {version}\n")),
        (
            "web/templates/map.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {color: '{{ .Values.color }}', version: '{{ .Chart.Version }}'}\n",
        ),
    ])
}

/// A repository of charts; it wants a login where one is given.
fn charts(versions: &[&str], login: Option<&'static str>) -> Server {
    let mut index = "apiVersion: v1\nentries:\n  web:\n".to_owned();
    let mut files = Vec::new();
    for version in versions {
        let content = chart(version);
        let digest = sha256(&content);
        let digest = digest.trim_start_matches("sha256:");
        index.push_str(&format!(
            "  - {{name: web, version: {version}, urls: [web-{version}.tgz], digest: {digest}}}\n"
        ));
        files.push((format!("/web-{version}.tgz"), content));
    }
    Server::start(move |asked| {
        if login.is_some() && asked.header("authorization") != login {
            return Reply::new(401, "");
        }
        match files.iter().find(|(path, _)| *path == asked.path) {
            Some((_, content)) => Reply::ok(content),
            None if asked.path == "/index.yaml" => Reply::ok(&index),
            None => Reply::new(404, ""),
        }
    })
}

fn charted(server: &Server, version: &str) -> [String; 2] {
    let reference = format!(
        "chart: {{spec: {{chart: web, version: '{version}', sourceRef: {{kind: HelmRepository, name: charts}}}}}}"
    );
    [source("HelmRepository", "charts", &format!("url: {}", server.url(""))), release(&reference)]
}

#[test]
fn a_chart_is_fetched_once_and_then_the_same_without_a_network() {
    let server = charts(&["1.0.0", "1.2.0", "2.0.0"], None);
    let fleet = Fleet::new("charts", &charted(&server, "1.x"));
    let missing = fleet.refuses(&[]);
    assert!(missing.contains("cluster/objects.yaml:") && missing.contains("--fetch"), "{missing}");
    assert_eq!(server.asked().len(), 0, "nothing is fetched unasked");
    let first = fleet.renders(&["--fetch"]);
    assert!(first.contains("color: red") && first.contains("version: 1.2.0"), "{first}");
    assert_eq!(fleet.locked()["resolved"][0]["version"], "1.2.0");
    let asked = server.asked().len();
    assert_eq!(fleet.renders(&[]), first);
    assert_eq!(fleet.renders(&["--fetch"]), first);
    assert_eq!(server.asked().len(), asked);
    // What was kept is fetched again as the lock file names it, once it is gone.
    fs::remove_dir_all(fleet.folder.join("archives")).unwrap();
    assert!(fleet.refuses(&[]).contains("version 1.2.0 is locked"));
    assert_eq!(fleet.renders(&["--fetch"]), first);
}

#[test]
fn a_lock_holds_until_it_is_updated() {
    let fleet = Fleet::new("update", &charted(&charts(&["1.0.0"], None), "1.x"));
    assert!(fleet.renders(&["--fetch"]).contains("version: 1.0.0"));
    let newer = charts(&["1.0.0", "1.3.0"], None);
    let [repository, release] = charted(&newer, "1.x");
    let text = fs::read_to_string(fleet.root().join("gitops.lock")).unwrap();
    let old = fleet.locked()["resolved"][0]["url"].as_str().unwrap().to_owned();
    fs::write(fleet.root().join("gitops.lock"), text.replace(&old, &newer.url(""))).unwrap();
    let own = source("GitRepository", "flux-system", "url: https://example.org/fleet, ref: {branch: main}");
    fleet.write("cluster/objects.yaml", &[own, repository, release].join("---\n"));
    let cache = fleet.folder.join("cache");
    let cached = ["--cache", cache.to_str().unwrap()];
    assert!(fleet.renders(&[&["--fetch"], &cached[..]].concat()).contains("version: 1.0.0"));
    assert!(fleet.renders(&[&["--update"], &cached[..]].concat()).contains("version: 1.3.0"));
    assert!(fleet.renders(&cached).contains("version: 1.3.0"));
}

#[test]
fn another_archive_than_the_locked_one_is_refused() {
    let server = charts(&["1.0.0"], None);
    let fleet = Fleet::new("swapped", &charted(&server, "1.0.0"));
    fleet.renders(&["--fetch"]);
    let text = fs::read_to_string(fleet.root().join("gitops.lock")).unwrap();
    let digest = fleet.locked()["resolved"][0]["digest"].as_str().unwrap().to_owned();
    let other = sha256(b"another");
    fs::write(fleet.root().join("gitops.lock"), text.replace(&digest, &other)).unwrap();
    let error = fleet.refuses(&["--fetch"]);
    assert!(error.contains(&other) && error.contains(&digest) && error.contains("--update"), "{error}");
}

#[test]
fn a_login_goes_to_its_own_host_and_is_not_shown() {
    let server = charts(&["1.0.0"], Some("Basic bWU6aHVudGVyMg=="));
    let fleet = Fleet::new("login", &charted(&server, "1.0.0"));
    let login = format!("{}=me:hunter2", server.address);
    assert!(fleet.renders(&["--fetch", "--login", &login]).contains("version: 1.0.0"));
    let other = Fleet::new("login-other", &charted(&server, "1.0.0"));
    let error = other.refuses(&["--fetch", "--login", "example.org=me:hunter2"]);
    assert!(!error.contains("hunter2") && error.contains("401"), "{error}");
    let error = other.refuses(&["--fetch", "--login", "hunter2"]);
    assert!(!error.contains("hunter2") && error.contains("HOST=NAME:PASSWORD"), "{error}");
}

/// A registry with a chart at charts/web and files at org/app.
fn registry() -> Server {
    let packed = [
        ("charts/web", CHART_LAYER, chart("1.2.0")),
        ("org/app", "application/vnd.cncf.flux.content.v1.tar+gzip", files()),
    ];
    let packed = packed.map(|(name, media, layer)| {
        let manifest = json!({
            "schemaVersion": 2,
            "config": {"mediaType": "application/vnd.cncf.flux.config.v1+json", "digest": sha256(b"{}"), "size": 2},
            "layers": [{"mediaType": media, "digest": sha256(&layer), "size": layer.len()}],
        });
        (name, manifest.to_string(), layer)
    });
    Server::start(move |asked| {
        let path = asked.path.split('?').next().unwrap_or_default();
        for (name, manifest, layer) in &packed {
            match path.strip_prefix(&format!("/v2/{name}/")) {
                Some("tags/list") => return Reply::ok(r#"{"tags": ["1.0.0", "1.2.0", "2.0.0"]}"#),
                Some(rest) if rest.starts_with("manifests/") => return Reply::ok(manifest),
                Some(rest) if rest.starts_with("blobs/") => return Reply::ok(layer),
                _ => {}
            }
        }
        Reply::new(404, "")
    })
}

fn files() -> Vec<u8> {
    archive(&[
        ("deploy/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: there}\ndata: {a: b}\n"),
        ("notes.txt", "x"),
    ])
}

#[test]
fn registries_give_charts_and_files() {
    let server = registry();
    let host = &server.address;
    let chart =
        source("OCIRepository", "web", &format!("url: 'oci://{host}/charts/web', ref: {{semver: 1.x}}"));
    let app = source("OCIRepository", "app", &format!("url: 'oci://{host}/org/app', ref: {{tag: 2.0.0}}"));
    let objects = [
        chart,
        release("chartRef: {kind: OCIRepository, name: web}"),
        app,
        kustomization("{kind: OCIRepository, name: app}", "./deploy"),
    ];
    let fleet = Fleet::new("registry", &objects);
    let first = fleet.renders(&["--fetch"]);
    assert!(first.contains("version: 1.2.0") && first.contains("namespace: apps"), "{first}");
    let asked = server.asked().len();
    assert_eq!(fleet.renders(&[]), first);
    assert_eq!(server.asked().len(), asked);
    let version = &fleet.locked()["resolved"][1]["version"];
    assert!(version.as_str().unwrap().starts_with("2.0.0@sha256:"), "{version}");
}

fn git(folder: &Path, arguments: &[&str]) {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=A", "-c", "user.email=a@example.org"]).args(arguments).current_dir(folder);
    assert!(git.env("GIT_CONFIG_GLOBAL", "/dev/null").status().unwrap().success());
}

#[test]
fn other_repositories_give_kustomizations_and_charts() {
    let root = folder("fleet-git-server");
    let there = root.join("there.git");
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: there}\ndata: {a: ONE}\n";
    for (path, text) in [
        ("base/kustomization.yaml", "resources: [map.yaml]\n"),
        ("base/map.yaml", map),
        ("charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n"),
        ("charts/web/templates/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: charted}\n"),
    ] {
        fs::create_dir_all(there.join(path).parent().unwrap()).unwrap();
        fs::write(there.join(path), text).unwrap();
    }
    git(&there, &["init", "-q", "-b", "main"]);
    git(&there, &["add", "."]);
    git(&there, &["commit", "-qm", "one"]);
    let server = git_server::Server::of(&root);
    let objects = [
        source(
            "GitRepository",
            "there",
            &format!("url: {}/there.git, ref: {{branch: main}}", server.address),
        ),
        kustomization("{kind: GitRepository, name: there}", "./base"),
        release("chart: {spec: {chart: ./charts/web, sourceRef: {kind: GitRepository, name: there}}}"),
    ];
    let fleet = Fleet::new("git", &objects);
    assert!(fleet.refuses(&[]).contains("another repository than this one"));
    let first = fleet.renders(&["--fetch", "--sources"]);
    assert!(
        first
            .contains("# kustomization/flux-system/there: GitRepository/flux-system/there/base/map.yaml:1:1"),
        "{first}"
    );
    assert!(first.contains("name: charted") && first.contains("a: ONE"), "{first}");
    // A newer commit of the branch counts once the lock is updated.
    fs::write(there.join("base/map.yaml"), map.replace("ONE", "TWO")).unwrap();
    git(&there, &["commit", "-qam", "two"]);
    assert_eq!(fleet.renders(&["--sources"]), first);
    fs::remove_dir_all(fleet.folder.join("archives")).unwrap();
    assert_eq!(fleet.renders(&["--fetch", "--sources"]), first);
    assert!(fleet.renders(&["--update"]).contains("a: TWO"));
    let why = fleet.run(&["explain", "ConfigMap/there", "data.a"]);
    let why = String::from_utf8(why.stdout).unwrap();
    assert!(why.contains("GitRepository/flux-system/there/base/map.yaml:4:11: TWO"), "{why}");
}

#[test]
fn folders_of_this_machine_are_not_fetched_for_a_repository() {
    let there = folder("fleet-local");
    git(&there, &["init", "-q"]);
    let objects = [
        source("GitRepository", "there", &format!("url: 'file://{}'", there.display())),
        kustomization("{kind: GitRepository, name: there}", "./"),
    ];
    let error = Fleet::new("local", &objects).refuses(&["--fetch"]);
    assert!(error.contains("another repository than this one"), "{error}");
}
