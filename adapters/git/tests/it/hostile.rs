//! Servers and repositories that mean harm or are broken: each ends in time with an error that tells whether to try again.

use crate::repository::{Repository, git, location};
use crate::server::{Answer, Server};
use gitops_core::git_location::GitLocation;
use gitops_core::ports::{Checkout, FetchRequest, GitReference, GitRemote, PortError};
use gitops_core::tree::Source;
use gitops_git::{Git, Options, PlainHttp};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

async fn fetch_with(options: Options, location: GitLocation) -> Result<Checkout, PortError> {
    let main = GitReference { branch: Some("main".into()), ..GitReference::default() };
    Git::new(options).fetch(&FetchRequest::new(location, main)).await
}

async fn fetch(location: GitLocation) -> Result<Checkout, PortError> {
    fetch_with(Options::default(), location).await
}

/// Gives bytes to git and returns what it prints.
fn git_reads(repository: &Repository, args: &[&str], bytes: &[u8]) -> String {
    let mut child = Command::new("git")
        .args(args)
        .current_dir(repository.bare())
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs([("GIT_AUTHOR_NAME", "Eve"), ("GIT_AUTHOR_EMAIL", "eve@example.org")])
        .envs([("GIT_COMMITTER_NAME", "Eve"), ("GIT_COMMITTER_EMAIL", "eve@example.org")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
}

/// Makes main a commit of a directory with these entries, past all of git's checks.
fn put(repository: &Repository, entries: &[(&str, &[u8], &str)]) {
    let mut bytes = Vec::new();
    for (mode, name, id) in entries {
        bytes.extend_from_slice(mode.as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend((0..id.len() / 2).map(|at| u8::from_str_radix(&id[at * 2..at * 2 + 2], 16).unwrap()));
    }
    let write = ["hash-object", "-t", "tree", "-w", "--literally", "--stdin"];
    let tree = git_reads(repository, &write, &bytes);
    let commit = git_reads(repository, &["commit-tree", "-m", "evil", &tree], b"");
    git(&repository.bare(), &["update-ref", "refs/heads/main", &commit]);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_lead_out_of_a_tree_are_refused() {
    let repository = Repository::with(&[("a", "1")]);
    let blob = git_reads(&repository, &["hash-object", "-w", "--stdin"], b"x");
    let tree = git_reads(&repository, &["mktree"], format!("100644 blob {blob}\tconfig\n").as_bytes());
    let evil: [&[u8]; 9] = [
        b"..",
        b".",
        b".git",
        b".GIT",
        b"git~1",
        ".g\u{200c}it".as_bytes(),
        b".git ",
        b"../../etc/passwd",
        b".git::$INDEX_ALLOCATION",
    ];
    for name in evil {
        for (mode, id) in [("100644", &blob), ("40000", &tree)] {
            put(&repository, &[(mode, name, id)]);
            let error = fetch(repository.local()).await.unwrap_err();
            assert!(!error.can_retry(), "{error}");
        }
    }
    // A link, and a directory or a file that would be written through it.
    for entries in
        [[("100644", "a", &blob), ("120000", "a", &blob)], [("120000", "a", &blob), ("40000", "a", &tree)]]
    {
        put(&repository, &entries.map(|(mode, name, id)| (mode, name.as_bytes(), id.as_str())));
        let error = fetch(repository.local()).await.unwrap_err();
        assert!(error.to_string().contains("the name stands twice") && !error.can_retry(), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn directories_that_hold_one_another_many_times_end_at_the_limit() {
    let repository = Repository::with(&[("a", "1")]);
    let blob = git_reads(&repository, &["hash-object", "-w", "--stdin"], b"x");
    let empty = git_reads(&repository, &["mktree"], b"");
    for leaf in [format!("100644 blob {blob}"), format!("040000 tree {empty}")] {
        // Ten entries in each of ten levels: 10,000,000,000 of them in eleven objects.
        let mut below = leaf;
        for _ in 0..10 {
            let listing: String = (0..10).map(|name| format!("{below}\td{name}\n")).collect();
            below = format!("040000 tree {}", git_reads(&repository, &["mktree"], listing.as_bytes()));
        }
        let tree = below.rsplit(' ').next().unwrap();
        let commit = git_reads(&repository, &["commit-tree", "-m", "bomb", tree], b"");
        git(&repository.bare(), &["update-ref", "refs/heads/main", &commit]);
        let mut options = Options::default();
        options.limits.entries = 10_000;
        let error = fetch_with(options, repository.local()).await.unwrap_err();
        assert!(error.to_string().contains("more than 10000 files") && !error.can_retry(), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_and_its_submodules_weigh_together() {
    let inner = Repository::with(&[("zeros", &"0".repeat(600 << 10))]);
    let outer = Repository::with(&[("ones", &"1".repeat(600 << 10))]);
    outer.git(&["submodule", "--quiet", "add", inner.bare().to_str().unwrap(), "inner"]);
    outer.commit(&[], "with a submodule");
    let main = GitReference { branch: Some("main".into()), ..GitReference::default() };
    let mut request = FetchRequest::new(outer.local(), main);
    let mut options = Options::default();
    options.limits.total_bytes = 1 << 20;
    let remote = Git::new(options);
    assert!(remote.fetch(&request).await.is_ok());
    request.submodules = true;
    let error = remote.fetch(&request).await.unwrap_err();
    assert!(
        error.to_string().contains("submodule inner") && error.to_string().contains("over the limits"),
        "{error}"
    );
    assert!(!error.can_retry());
}

#[tokio::test(flavor = "multi_thread")]
async fn links_out_of_the_tree_lead_nowhere() {
    let repository = Repository::with(&[("a", "1")]);
    for (name, target) in [("up", "../../etc/passwd"), ("absolute", "/etc/passwd"), ("round", "round")] {
        std::os::unix::fs::symlink(target, repository.work().join(name)).unwrap();
    }
    repository.commit(&[], "links");
    let tree = fetch(repository.local()).await.unwrap().tree;
    for name in ["up", "absolute", "round"] {
        assert!(tree.read(name).is_err(), "{name}");
    }
    assert_eq!(tree.read("a").unwrap().as_ref(), b"1");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_files_end_at_the_limit() {
    let repository = Repository::empty();
    // Many bytes, of which few are sent.
    repository.commit(&[("zeros", &"0".repeat(9 << 20))], "large");
    let server = Server::of(&repository.root);
    for to in [repository.local(), location(&server.url(), &[])] {
        let mut options = Options::default();
        options.limits.object_bytes = 8 << 20;
        let error = fetch_with(options, to).await.unwrap_err();
        assert!(!error.can_retry(), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_that_does_not_end_is_cut_off() {
    let repository = Repository::with(&[("a", "1")]);
    let mut options = Options::default();
    options.stall = Duration::from_millis(500);
    options.timeout = Duration::from_secs(20);
    // The first answer of each kind is half of an answer, and then silence.
    for half in ["info/refs", "git-upload-pack"] {
        let server = Server::with(&repository.root, move |seen| {
            let ends = seen.target.split('?').next().is_some_and(|target| target.ends_with(half));
            ends.then(|| {
                let kind = if half == "info/refs" { "advertisement" } else { "result" };
                let kind = format!("application/x-git-upload-pack-{kind}");
                let mut answer = Answer::new(200, &[("Content-Type", &kind)], b"001e# service=git-upload");
                answer.withheld = 1_000;
                answer
            })
        });
        let error = fetch_with(options.clone(), location(&server.url(), &[])).await.unwrap_err();
        assert!(error.can_retry(), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_say_whether_to_try_again_and_never_tell_the_password() {
    let repository = Repository::with(&[("a", "1")]);
    for (status, can_retry) in
        [(401, false), (403, false), (404, false), (429, true), (500, true), (503, true), (418, false)]
    {
        let server = Server::with(&repository.root, move |_| Some(Answer::new(status, &[], b"hunter2")));
        let mut options = Options::default();
        options.plain_http = PlainHttp::WithCredentials;
        let to = location(&server.url(), &[("username", "bot"), ("password", "hunter2")]);
        let error = fetch_with(options, to).await.unwrap_err();
        assert_eq!(error.can_retry(), can_retry, "{status}: {error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{status}: {error}");
        assert!(server.take().iter().all(|seen| !seen.target.contains("hunter2")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submodule_that_is_its_own_ends_at_the_limit() {
    let repository = Repository::with(&[("a", "1")]);
    let url = repository.bare().display().to_string();
    let id = repository.head();
    repository.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{id},self")]);
    // Each commit has the one before as its submodule, so that the chain is longer than the limit.
    for round in 0..8 {
        let head = repository.head();
        std::fs::write(
            repository.work().join(".gitmodules"),
            format!("[submodule \"self\"]\n\tpath = self\n\turl = {url}\n# {round}\n"),
        )
        .unwrap();
        repository.git(&["add", ".gitmodules"]);
        repository.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{head},self")]);
        repository.git(&["commit", "-q", "-m", "again"]);
    }
    repository.git(&["push", "-q", "origin", "HEAD"]);
    let mut options = Options::default();
    options.limits.submodules = 3;
    let main = GitReference { branch: Some("main".into()), ..GitReference::default() };
    let mut request = FetchRequest::new(repository.local(), main);
    request.submodules = true;
    let error = Git::new(options).fetch(&request).await.unwrap_err();
    assert!(error.to_string().contains("more than 3 submodules") && !error.can_retry(), "{error}");
}

#[test]
fn no_part_of_a_url_becomes_an_option_of_a_program() {
    use gitops_core::git_location::LocalRepositories;
    for url in [
        "ssh://-oProxyCommand=x/r",
        "ssh://-oProxyCommand=x@host/r",
        "ssh://git@-host/r",
        "ext::sh -c x",
        "EXT::sh -c x",
        "ext::sh://x",
        "-u./payload",
        "ssh://%2doProxyCommand=x@host/r",
    ] {
        assert!(GitLocation::of_user(url, LocalRepositories::Allowed).is_err(), "{url}");
        assert!(GitLocation::new(url, None, LocalRepositories::Allowed).is_err(), "{url}");
    }
}
