//! `gitops build` of what lies elsewhere: repositories of git, and files of a web server.

use crate::remote::archive;
use crate::server::{Reply, Server};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: NAME\n";

fn map(name: &str) -> String {
    MAP.replace("NAME", name)
}

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("gitops-build-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path.canonicalize().unwrap())
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn url(&self, path: &str) -> String {
        format!("file://{}/{path}", self.0.display())
    }

    fn build(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_gitops"))
            .arg("build")
            .args(arguments)
            .current_dir(&self.0)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env_remove("HTTP_PROXY")
            .env_remove("http_proxy")
            .output()
            .unwrap()
    }

    #[track_caller]
    fn builds(&self, arguments: &[&str]) -> String {
        let output = self.build(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn refuses(&self, arguments: &[&str]) -> String {
        let output = self.build(arguments);
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Makes a repository with a base on a branch, another on a tag of the same name as a branch, and a submodule.
fn repository(folder: &Folder) -> String {
    folder.write("lib.git/kustomization.yaml", "resources: [lib.yaml]\n");
    folder.write("lib.git/lib.yaml", &map("lib"));
    let lib = folder.0.join("lib.git");
    git(&lib, &["init", "-q", "-b", "main"]);
    git(&lib, &["add", "."]);
    git(&lib, &["commit", "-qm", "one"]);
    folder.write("repo.git/base/kustomization.yaml", "resources: [map.yaml]\n");
    folder.write("repo.git/base/map.yaml", &map("first"));
    folder.write("repo.git/over/kustomization.yaml", "namePrefix: over-\nresources: [../base]\n");
    folder.write("repo.git/with-lib/kustomization.yaml", "resources: [../libs/lib]\n");
    let repo = folder.0.join("repo.git");
    git(&repo, &["init", "-q", "-b", "main"]);
    git(&repo, &["config", "uploadpack.allowAnySHA1InWant", "true"]);
    git(&repo, &["submodule", "--quiet", "add", "../lib.git", "libs/lib"]);
    git(&repo, &["config", "-f", ".gitmodules", "submodule.libs/lib.url", "../lib.git"]);
    git(&repo, &["add", "."]);
    git(&repo, &["commit", "-qm", "one"]);
    git(&repo, &["branch", "feature/x"]);
    git(&repo, &["tag", "v1"]);
    let first = git(&repo, &["rev-parse", "HEAD"]);
    folder.write("repo.git/base/map.yaml", &map("second"));
    git(&repo, &["commit", "-qam", "two"]);
    git(&repo, &["branch", "v1"]);
    first
}

#[test]
fn a_root_and_bases_of_repositories_are_fetched() {
    let folder = Folder::new("bases");
    let first = repository(&folder);
    let repo = folder.url("repo.git");
    assert_eq!(folder.builds(&[&format!("{repo}//base")]), map("second"));
    // A tag stands before a branch of the same name, as git has it.
    for reference in ["v1", "feature/x", "refs/tags/v1", "refs/heads/feature/x", "heads/feature/x", &first] {
        assert_eq!(folder.builds(&[&format!("{repo}//base?ref={reference}")]), map("first"), "{reference}");
    }
    assert_eq!(folder.builds(&[&format!("{repo}//base?version=refs/heads/v1")]), map("second"));
    assert_eq!(folder.builds(&[&format!("{repo}//with-lib")]), map("lib"));
    assert_eq!(
        folder.builds(&[&format!("{repo}/over"), &format!("{repo}//base?ref=v1")]),
        map("over-second") + "---\n" + &map("first")
    );

    let text = format!("namePrefix: app-\nresources:\n- {repo}//over?ref=v1\n- {}\n", folder.url("lib.git"));
    folder.write("app/kustomization.yaml", &text);
    let output = folder.build(&["app"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), map("app-lib") + "---\n" + &map("app-over-first"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.matches("fetching ").count(), 2, "{said}");
}

#[test]
fn what_can_not_be_fetched_is_said_with_its_place() {
    let folder = Folder::new("missing");
    repository(&folder);
    let app = |url: &str| folder.write("app/kustomization.yaml", &format!("resources:\n- {url}\n"));
    app(&folder.url("repo.git//base?ref=featur/x"));
    let error = folder.refuses(&["app"]);
    assert!(error.contains("app/kustomization.yaml:2:3: failed to fetch"), "{error}");
    assert!(error.contains("couldn't find remote ref \"featur/x\" (did you mean feature/x?)"), "{error}");
    app(&folder.url("repo.git//nothing"));
    let error = folder.refuses(&["app"]);
    assert!(error.contains("repo.git/nothing'") && !error.contains("remote:"), "{error}");
    app(&folder.url("repo.git//with-lib?submodules=false"));
    let error = folder.refuses(&["app"]);
    assert!(error.contains("unable to find one of 'kustomization.yaml'"), "{error}");
    // Nobody listens there; the password stays unsaid.
    let error = folder.refuses(&["https://bot:hunter2@127.0.0.1:1/org/repo"]);
    assert!(error.contains("https://127.0.0.1:1/org/repo") && !error.contains("hunter2"), "{error}");
    let error = folder.refuses(&["ssh://-oProxyCommand=touch%20x/org/repo"]);
    assert!(error.contains("no host name"), "{error}");
}

/// Serves files by their paths, and 404 for the rest; counts nothing and ends with the test.
fn web(files: Vec<(&'static str, &'static str, String)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(&stream);
            let mut request = String::new();
            let _ = reader.read_line(&mut request);
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
                line.clear();
            }
            let target = request.split_whitespace().nth(1).unwrap_or_default();
            let file = files.iter().find(|(path, ..)| *path == target);
            let (status, kind, body) =
                file.map_or((404, "text/plain", "none"), |(_, kind, body)| (200, *kind, body.as_str()));
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = (&stream).write_all((head + body).as_bytes());
        }
    });
    address
}

#[test]
fn files_of_a_web_server_are_resources_patches_and_data() {
    let patch = "- op: add\n  path: /data\n  value: {k: v}\n".to_owned();
    let address = web(vec![
        ("/m.yaml", "text/plain", map("m")),
        ("/o/r/n.yaml", "text/plain", map("n")),
        ("/o/r/p.yaml", "text/plain", patch),
        ("/o/r/f.txt", "text/plain", "text".to_owned()),
        ("/o/r/page", "text/html; charset=utf-8", map("page")),
    ]);
    let folder = Folder::new("web");
    folder.write(
        "kustomization.yaml",
        &format!(
            "resources: ['{address}/m.yaml', '{address}/o/r/n.yaml']\n\
             patches: [{{path: '{address}/o/r/p.yaml', target: {{name: m}}}}]\n\
             configMapGenerator: [{{name: c, files: ['{address}/o/r/f.txt'], options: {{disableNameSuffixHash: true}}}}]\n"
        ),
    );
    let output = folder.builds(&[]);
    assert!(output.contains("data:\n  f.txt: text\n") && output.contains("data:\n  k: v\n"), "{output}");
    assert_eq!(output.matches("kind: ConfigMap").count(), 3, "{output}");
    folder.write("kustomization.yaml", &format!("resources:\n- {address}/nothing.yaml\n"));
    let error = folder.refuses(&[]);
    assert!(error.contains("kustomization.yaml:2:3") && error.contains("404"), "{error}");
    folder.write("kustomization.yaml", &format!("resources:\n- {address}/o/r/page\n"));
    let error = folder.refuses(&[]);
    assert!(error.contains("it is a web page"), "{error}");
    folder.write("kustomization.yaml", &format!("resources:\n- {address}/o/r/f.txt\n"));
    let error = folder.refuses(&[]);
    assert!(error.contains("/o/r/f.txt:1:1"), "{error}");
}

#[test]
fn a_repository_of_a_real_server_is_fetched() {
    let (Ok(url), Ok(root)) = (std::env::var("GIT_URL"), std::env::var("GIT_ROOT")) else {
        eprintln!("skipped: GIT_URL and GIT_ROOT are not set");
        return;
    };
    let folder = Folder::new("server");
    repository(&folder);
    for (from, to) in [("repo.git", "build.git"), ("lib.git", "lib.git"), ("repo.git", "private/build.git")] {
        let target = Path::new(&root).join(to);
        let _ = std::fs::remove_dir_all(&target);
        git(&folder.0, &["clone", "-q", "--bare", from, &target.to_string_lossy()]);
    }
    assert_eq!(folder.builds(&[&format!("{url}/build.git//base?ref=v1")]), map("first"));
    assert_eq!(folder.builds(&[&format!("git::{url}/build.git//over")]), map("over-second"));
    let error = folder.refuses(&[&format!("{url}/private/build.git//base")]);
    assert!(error.contains("authentication required"), "{error}");
}

const TEMPLATE: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-{{ .Values.size }}\n";

/// A server of a repository with one chart, in two versions.
fn chart_server() -> Server {
    let chart = |version: &str| {
        archive(&[
            ("web/Chart.yaml", &format!("apiVersion: v2\nname: web\nversion: {version}\n")),
            ("web/values.yaml", "size: small\n"),
            ("web/values-large.yaml", "size: large\n"),
            ("web/templates/map.yaml", TEMPLATE),
        ])
    };
    let entry = |version: &str| format!("  - {{name: web, version: {version}, urls: [web-{version}.tgz]}}\n");
    let index = format!("apiVersion: v1\nentries:\n  web:\n{}{}", entry("2.0.0"), entry("1.0.0"));
    let (first, second) = (chart("1.0.0"), chart("2.0.0"));
    Server::start(move |asked| match asked.path.as_str() {
        "/index.yaml" => Reply::ok(&index),
        "/web-1.0.0.tgz" => Reply::ok(&first),
        "/web-2.0.0.tgz" => Reply::ok(&second),
        _ => Reply::new(404, ""),
    })
}

#[test]
fn charts_are_fetched_from_their_repositories() {
    let server = chart_server();
    let folder = Folder::new("charts");
    let entry = |rest: &str| format!("helmCharts:\n- {{name: web, repo: '{}', {rest}}}\n", server.url("/"));
    folder.write("app/kustomization.yaml", &entry("version: 1.0.0, releaseName: a"));
    assert_eq!(folder.builds(&["app", "--enable-helm"]), map("a-small"));
    assert!(!folder.0.join("app/charts").exists(), "nothing is written");
    assert!(folder.refuses(&["app"]).contains("must specify --enable-helm"));
    // A file of values may be one of the chart's own, and the chart's values win where that is asked for.
    folder
        .write("app/kustomization.yaml", &entry("releaseName: a, valuesFile: charts/web/values-large.yaml"));
    assert_eq!(folder.builds(&["app", "--enable-helm"]), map("a-large"));
    let own_wins = entry("releaseName: a, valuesInline: {size: none}, valuesMerge: merge");
    folder.write("app/kustomization.yaml", &own_wins);
    assert_eq!(folder.builds(&["app", "--enable-helm"]), map("a-small"));
    folder.write("app/kustomization.yaml", &entry("releaseName: a, version: 3.x"));
    let error = folder.refuses(&["app", "--enable-helm"]);
    assert!(
        error.contains("app/kustomization.yaml:2:10: chart \"web\" version \"3.x\" not found in"),
        "{error}"
    );
    // What is on the disk is taken from there.
    folder.write("app/charts/web-1.0.0/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    folder.write("app/charts/web-1.0.0/web/values.yaml", "size: own\n");
    folder.write("app/charts/web-1.0.0/web/templates/map.yaml", TEMPLATE);
    folder.write("app/kustomization.yaml", &entry("version: 1.0.0, releaseName: a"));
    assert_eq!(folder.builds(&["app", "--enable-helm"]), map("a-own"));
}

#[test]
fn charts_of_remote_bases_are_rendered() {
    let server = chart_server();
    let folder = Folder::new("remote-charts");
    let path = "repo.git/base/charts/own";
    folder.write(&format!("{path}/Chart.yaml"), "apiVersion: v2\nname: own\nversion: 1.0.0\n");
    folder.write(&format!("{path}/values.yaml"), "size: here\n");
    folder.write(&format!("{path}/templates/map.yaml"), TEMPLATE);
    let fetched = format!("{{name: web, repo: '{}', releaseName: b}}", server.url("/"));
    let charts = format!("helmCharts:\n- {{name: own, releaseName: a}}\n- {fetched}\n");
    folder.write("repo.git/base/kustomization.yaml", &charts);
    let repo = folder.0.join("repo.git");
    git(&repo, &["init", "-q", "-b", "main"]);
    git(&repo, &["add", "."]);
    git(&repo, &["commit", "-qm", "one"]);
    let base = format!("{}//base", folder.url("repo.git"));
    let expected = format!("{}---\n{}", map("a-here"), map("b-small"));
    assert_eq!(folder.builds(&[&base, "--enable-helm"]), expected);
    // A chart outside of the repository is none of its business.
    folder.write("repo.git/base/kustomization.yaml", "helmCharts: [{name: own, chartHome: ../../charts}]\n");
    git(&repo, &["commit", "-qam", "two"]);
    assert!(folder.refuses(&[&base, "--enable-helm"]).contains("security"));
}
