//! `gitops source oci|chart|tags` against servers of the test's own.

use crate::server::{Reply, Server};
use gitops_core::artifact::pack;
use gitops_core::digest::sha256;
use gitops_core::tree::MemTree;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

pub(crate) fn gitops(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gitops"))
        .args(arguments)
        // Nobody's own login.
        .env("DOCKER_CONFIG", "/nonexistent")
        .env("HELM_REGISTRY_CONFIG", "/nonexistent")
        .output()
        .unwrap()
}

#[track_caller]
pub(crate) fn done(arguments: &[&str]) -> String {
    let output = gitops(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
pub(crate) fn failed(arguments: &[&str]) -> String {
    let output = gitops(arguments);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

/// An empty folder for one test alone.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("remote").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

pub(crate) fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tree = MemTree::new();
    for (path, content) in files {
        tree.add_file(path, *content).unwrap();
    }
    pack(&tree, None).unwrap().content
}

/// A registry with one artifact under several tags; it wants a name and a password.
fn registry() -> (Server, String) {
    let layer = archive(&[("app.yaml", "kind: ConfigMap\n"), ("logo.png", "x")]);
    let manifest = json!({
        "schemaVersion": 2,
        "config": {"mediaType": "application/vnd.cncf.flux.config.v1+json", "digest": sha256(b"{}"), "size": 2},
        "layers": [{"mediaType": "application/vnd.cncf.flux.content.v1.tar+gzip", "digest": sha256(&layer), "size": layer.len()}],
        "annotations": {"org.opencontainers.image.revision": "main@sha1:abc\u{1b}[2J"},
    })
    .to_string();
    let digest = sha256(manifest.as_bytes());
    let server = Server::start(move |asked| {
        if asked.header("authorization") != Some("Basic bWU6aHVudGVyMg==") {
            return Reply::new(401, "").with("WWW-Authenticate", &"Basic realm=\"r\"");
        }
        match asked.path.split('?').next().unwrap_or_default() {
            "/v2/org/app/tags/list" => Reply::ok(r#"{"tags": ["1.0.0", "1.2.0", "2.0.0-rc.1", "latest"]}"#),
            path if path.starts_with("/v2/org/app/manifests/") => Reply::ok(&manifest),
            path if path == format!("/v2/org/app/blobs/{}", sha256(&layer)) => Reply::ok(&layer),
            _ => Reply::new(404, ""),
        }
    });
    (server, digest)
}

#[test]
fn an_artifact_is_fetched_shown_and_written() {
    let (server, digest) = registry();
    let url = format!("oci://{}/org/app", server.address);
    let out = folder("oci").join("out");
    let login = ["--username", "me", "--password", "hunter2"];
    let arguments =
        ["source", "oci", &url, "--semver", "1.x", "-o", "json", "--export", out.to_str().unwrap()];
    let shown: Value = serde_json::from_str(&done(&[&arguments[..], &login].concat())).unwrap();
    assert_eq!(shown["revision"], format!("1.2.0@{digest}"));
    assert_eq!((&shown["url"], &shown["files"]), (&json!(url), &json!(1)), "Flux leaves pictures out");
    assert_eq!(fs::read_to_string(out.join("app.yaml")).unwrap(), "kind: ConfigMap\n");
    assert!(!out.join("logo.png").exists());
    let text = done(&["source", "oci", &url, "--digest", &digest, "--creds", "me:hunter2"]);
    assert!(text.contains(&format!("revision  {digest}\n")), "{text}");
    assert!(text.contains("main@sha1:abc [2J") && !text.contains('\u{1b}'), "{text}");
    let refused = failed(&["source", "oci", &url, "--semver", "3.x", "--creds", "me:hunter2"]);
    assert!(refused.contains("no match found for semver: 3.x"), "{refused}");
}

#[test]
fn a_mirror_is_read_first() {
    let mirror = Server::start(|_| Reply::ok(r#"{"tags": ["1.0.0"]}"#));
    let named = format!("127.0.0.1:1=http://{}/hub", mirror.address);
    // Nothing listens at the registry itself.
    let tags = ["source", "tags", "127.0.0.1:1/org/app"];
    assert_eq!(done(&[&tags[..], &["--mirror", &named]].concat()), "1.0.0\n");
    assert_eq!(mirror.asked()[0].path, "/v2/hub/org/app/tags/list?n=1000");
    let error = failed(&tags);
    assert!(error.ends_with("\nthis may pass: try again\n"), "{error}");
    let wrong = gitops(&[&tags[..], &["--mirror", "127.0.0.1:1"]].concat());
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn a_wrong_password_is_told_and_not_shown() {
    let (server, _) = registry();
    let image = format!("{}/org/app", server.address);
    assert_eq!(
        done(&["source", "tags", &image, "--creds", "me:hunter2"]),
        "1.0.0\n1.2.0\n2.0.0-rc.1\nlatest\n"
    );
    let error = failed(&["source", "tags", &image, "--creds", "me:hunter3"]);
    assert!(error.contains("refuses the credentials") && !error.contains("hunter3"), "{error}");
    assert!(error.ends_with("\ntrying again will not help until something is changed\n"), "{error}");
    let error = failed(&["source", "tags", &image]);
    assert!(error.contains("wants credentials, and none are given"), "{error}");
    let error = failed(&["source", "tags", &image, "--provider", "aws"]);
    assert!(error.contains("the provider aws is not supported"), "{error}");
}

#[test]
fn a_chart_is_found_in_an_index_and_checked() {
    let chart = archive(&[
        ("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.2.3\n"),
        ("web/templates/a.yaml", "kind: ConfigMap\n"),
    ]);
    let index = format!(
        "apiVersion: v1\nentries:\n  web:\n  - {{name: web, version: 1.2.3, urls: [charts/web-1.2.3.tgz], digest: {}}}\n  - {{name: web, version: 1.0.0, urls: [charts/old.tgz], digest: {}}}\n",
        sha256(&chart).trim_start_matches("sha256:"),
        "0".repeat(64),
    );
    let server = Server::start(move |asked| match asked.path.as_str() {
        "/repo/index.yaml" => Reply::ok(&index),
        "/repo/charts/web-1.2.3.tgz" | "/repo/charts/old.tgz" => Reply::ok(&chart),
        _ => Reply::new(404, ""),
    });
    let repo = server.url("/repo");
    let out = folder("chart").join("out");
    let shown = done(&[
        "source",
        "chart",
        "web",
        "--repo",
        &repo,
        "--version",
        "^1",
        "--export",
        out.to_str().unwrap(),
    ]);
    assert!(shown.contains("revision  1.2.3\n") && shown.contains("/repo/charts/web-1.2.3.tgz\n"), "{shown}");
    assert!(out.join("web/Chart.yaml").exists());
    let error = failed(&["source", "chart", "web", "--repo", &repo, "--version", "1.0.0"]);
    assert!(error.contains("the archive's digest is sha256:"), "{error}");
    let error = failed(&["source", "chart", "web", "--repo", &repo, "--version", "9.x"]);
    assert!(error.contains("chart \"web\" version \"9.x\" not found in"), "{error}");
    assert!(failed(&["source", "chart", "web"]).contains("--repo"));
}

/// The most memory that a program has held, in bytes, as the kernel counts it while it runs.
#[cfg(target_os = "linux")]
fn peak_of(mut child: std::process::Child) -> (u64, std::process::ExitStatus) {
    let file = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return (peak, status);
        }
        let text = fs::read_to_string(&file).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kilobytes.unwrap_or_default() << 10);
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_index_of_50_mb_is_read_in_little_memory() {
    let chart = archive(&[("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n")]);
    let mut index = String::from("apiVersion: v1\nentries:\n");
    for chart in 0..1_000 {
        index.push_str(&format!("  chart-{chart}:\n"));
        for version in 0..100 {
            index.push_str(&format!(
                "  - apiVersion: v2\n    created: \"2024-01-02T03:04:05.123456789Z\"\n    description: {:270}.\n    digest: {version:064x}\n    name: chart-{chart}\n    urls:\n    - charts/chart-{chart}-1.{version}.0.tgz\n    version: 1.{version}.0\n",
                "It does this and that"
            ));
        }
    }
    index.push_str("  web:\n  - {name: web, version: 1.0.0, urls: [web.tgz]}\n");
    assert!((46 << 20..50 << 20).contains(&index.len()), "{}", index.len());
    let server = Server::start(move |asked| match asked.path.as_str() {
        "/index.yaml" => Reply::ok(&index),
        _ => Reply::ok(&chart),
    });
    let run = Command::new(env!("CARGO_BIN_EXE_gitops"))
        .args(["source", "chart", "web", "--repo", &server.url("")])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let (peak, status) = peak_of(run);
    assert!(status.success());
    println!("an index of 50 MB with 100,000 versions: {} MB of memory at most", peak >> 20);
    assert!(peak > 0 && peak < 200 << 20, "{} MB", peak >> 20);
}
