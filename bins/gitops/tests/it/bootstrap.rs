//! `gitops bootstrap git` against git's own server and the embedded cluster; the test plays the controller.

use crate::cluster::Embedded;
use crate::git_server::{Answer, Server};
use gitops_core::object::Gvk;
use gitops_core::ports::{Cluster, ObjectRef, Part, Patch, WriteOptions};
use gitops_yaml::{FileId, Node, from_json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A bare repository that goes with the value.
pub(crate) struct Repository(pub(crate) PathBuf);

impl Repository {
    pub(crate) fn new(name: &str) -> Self {
        let root = std::env::temp_dir().join(format!("gitops-bootstrap-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&root).unwrap();
        let made = Self(root);
        git(&made.0, &["init", "-q", "--bare", "--initial-branch=main", "repo.git"]);
        made.git(&["config", "http.receivepack", "true"]);
        made.git(&["config", "receive.fsckObjects", "true"]);
        made
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        git(&self.0.join("repo.git"), args)
    }

    pub(crate) fn head(&self) -> Option<String> {
        let done = Command::new("git")
            .args(["rev-parse", "-q", "--verify", "main"])
            .current_dir(self.0.join("repo.git"))
            .output();
        let done = done.unwrap();
        done.status.success().then(|| String::from_utf8(done.stdout).unwrap().trim().to_owned())
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn git(folder: &Path, args: &[&str]) -> String {
    let done = Command::new("git").args(args).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim_end().to_owned()
}

/// A text as a Secret holds it.
pub(crate) fn encoded(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// Says of an object what its controller would.
fn play(embedded: &Embedded, repository: &Repository) {
    let name = "flux-system";
    let write = |target: &ObjectRef, status: &str| {
        let Ok(Some(object)) = embedded.runtime.block_on(embedded.cluster.get(target)) else { return };
        let generation =
            object.at_path(&["metadata", "generation"]).and_then(Node::as_str).unwrap_or("1").to_owned();
        let status = status.replace("GENERATION", &generation);
        let patch = Patch::Merge(from_json(&status, FileId::NONE).unwrap());
        let options = WriteOptions { manager: "test".into(), part: Part::Status, ..WriteOptions::default() };
        // What another has written meanwhile is written with the next round.
        let _ = embedded.runtime.block_on(embedded.cluster.patch(target, &patch, &options));
    };
    let at = |version: &str, kind: &str, name: &str| ObjectRef {
        gvk: Gvk::new(version, kind),
        namespace: "flux-system".into(),
        name: name.into(),
    };
    let conditions = |kinds: &[&str]| {
        let condition = |kind: &&str| {
            format!(
                r#"{{"type":"{kind}","status":"True","reason":"NewReplicaSetAvailable","message":"m","lastTransitionTime":"2026-01-01T00:00:00Z"}}"#
            )
        };
        let all: Vec<String> = kinds.iter().map(condition).collect();
        format!(r#""observedGeneration":GENERATION,"conditions":[{}]"#, all.join(","))
    };
    let ready = conditions(&["Ready"]);
    if let Some(head) = repository.head() {
        let revision = format!("main@sha1:{head}");
        write(
            &at("source.toolkit.fluxcd.io/v1", "GitRepository", name),
            &format!(
                r#"{{"status":{{{ready},"artifact":{{"revision":"{revision}","path":"p","url":"u","digest":"sha256:0","lastUpdateTime":"2026-01-01T00:00:00Z"}}}}}}"#
            ),
        );
        write(
            &at("kustomize.toolkit.fluxcd.io/v1", "Kustomization", name),
            &format!(
                r#"{{"status":{{{ready},"lastAttemptedRevision":"{revision}","lastAppliedRevision":"{revision}"}}}}"#
            ),
        );
    }
    let counts = r#""replicas":1,"updatedReplicas":1,"readyReplicas":1,"availableReplicas":1"#;
    let available = conditions(&["Available", "Progressing"]);
    write(
        &at("apps/v1", "Deployment", "gitops-controller"),
        &format!(r#"{{"status":{{{available},{counts}}}}}"#),
    );
}

fn run(embedded: &Embedded, repository: &Repository, words: &[&str]) -> Output {
    played(embedded, repository, embedded.command(words))
}

/// Runs a command while its cluster does what controllers would.
pub(crate) fn played(embedded: &Embedded, repository: &Repository, mut command: Command) -> Output {
    let running = std::thread::spawn(move || command.output().unwrap());
    while !running.is_finished() {
        play(embedded, repository);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    running.join().unwrap()
}

#[test]
fn a_cluster_comes_to_follow_its_repository() {
    let embedded = Embedded::start("bootstrap");
    let repository = Repository::new("follow");
    // "git:hunter2"
    let server = Server::with(&repository.0, |seen| {
        let is_known = seen.authorization.as_deref() == Some("Basic Z2l0Omh1bnRlcjI=");
        (!is_known).then(|| Answer::new(401, &[("WWW-Authenticate", "Basic realm=\"git\"")], b""))
    });
    let url = format!("--url={}/repo.git", server.address);
    let line = |path: &'static str| {
        [
            "bootstrap",
            "git",
            &url,
            "--allow-insecure-http",
            "--token-auth",
            "--password=hunter2",
            path,
            "--author-name=Ann",
            "--author-email=ann@example.org",
            "--commit-message-appendix=[ci skip]",
            "--components-extra=image-reflector-controller",
            "--network-policy=false",
            "--timeout=40s",
        ]
        .map(str::to_owned)
    };
    let run = |path: &'static str| {
        let words = line(path);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        run(&embedded, &repository, &words)
    };

    let first = run("--path=./clusters/a");
    let said = String::from_utf8_lossy(&first.stderr);
    assert!(first.status.success(), "{said}");
    assert!(
        said.ends_with("✔ gitops-controller: deployment ready\n✔ all components are healthy\n"),
        "{said}"
    );
    assert_eq!(
        repository.git(&["ls-tree", "-r", "--name-only", "main"]),
        "clusters/a/flux-system/gotk-components.yaml\nclusters/a/flux-system/gotk-sync.yaml\nclusters/a/flux-system/kustomization.yaml"
    );
    let log = repository.git(&["log", "--format=%an <%ae> %s|%b", "main"]);
    assert!(log.starts_with("Ann <ann@example.org> Add Flux sync manifests|[ci skip]\n"), "{log}");
    let components = repository.git(&["show", "main:clusters/a/flux-system/gotk-components.yaml"]);
    assert!(components.contains("kind: Deployment") && !components.contains("NetworkPolicy"));
    let sync = repository.git(&["show", "main:clusters/a/flux-system/gotk-sync.yaml"]);
    assert!(sync.contains(&format!("  url: {}/repo.git\n", server.address)), "{sync}");
    assert!(sync.contains("  path: ./clusters/a\n"), "{sync}");
    for text in [&*said, &components, &sync] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    let secret = embedded.get("v1", "Secret", "flux-system", "flux-system").unwrap();
    assert_eq!(secret.at_path(&["data", "password"]).and_then(Node::as_str), Some("aHVudGVyMg=="));

    // A patch of the repository's owner stays, and what is the same is not committed again.
    let before = repository.head();
    let second = run("--path=clusters/a/");
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(second.status.success(), "{said}");
    assert!(said.contains("✔ component manifests are up to date\n✔ reconciled components\n"), "{said}");
    assert!(said.contains("✔ sync manifests are up to date\n"), "{said}");
    assert_eq!(repository.head(), before);

    let other = run("--path=clusters/b");
    assert_eq!(other.status.code(), Some(1));
    let said = String::from_utf8_lossy(&other.stderr);
    assert!(said.ends_with("✗ sync path configuration (\"./clusters/b\") would overwrite path (\"./clusters/a\") of existing Kustomization\n"), "{said}");
}

#[test]
fn what_can_not_be_bootstrapped_says_why() {
    let refused = |words: &[&str]| {
        let done = Command::new(env!("CARGO_BIN_EXE_gitops"))
            .args(words)
            .env_remove("GIT_PASSWORD")
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        assert_eq!(done.status.code(), Some(1), "{words:?}");
        String::from_utf8(done.stderr).unwrap()
    };
    for (words, why) in [
        (
            &["bootstrap", "bitbucket-server", "--owner=me"][..],
            "✗ Bitbucket is not asked to make repositories",
        ),
        (&["bootstrap", "git"], "✗ --url is required"),
        (
            &["bootstrap", "git", "--url=http://example.com/a"],
            "✗ scheme http is insecure, pass --allow-insecure-http=true",
        ),
        (&["bootstrap", "git", "--url=ftp://example.com/a"], "✗ scheme \"ftp\" is not supported"),
        (
            &["bootstrap", "git", "--url=https://example.com/a", "--components=helm-controller"],
            "✗ component source-controller is required",
        ),
        (
            &["bootstrap", "git", "--url=https://example.com/a", "--path=../b"],
            "✗ the path \"../b\" can not be used",
        ),
    ] {
        let said = refused(words);
        assert!(said.contains(why), "{words:?}: {said}");
    }
    let said = refused(&["bootstrap", "git", "--url=https://example.com/a", "--token-auth"]);
    assert!(said.contains("could not read token"), "{said}");
}
