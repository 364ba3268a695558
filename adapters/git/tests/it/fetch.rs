//! References, commits, trees and submodules.

use crate::repository::{Repository, git, location};
use crate::server::Server;
use gitops_core::git_location::GitLocation;
use gitops_core::ports::{Checkout, FetchRequest, GitReference, GitRemote, PortError};
use gitops_core::tree::{FileMode, Source};
use gitops_git::Git;

fn branch(name: &str) -> GitReference {
    GitReference { branch: Some(name.into()), ..GitReference::default() }
}

async fn fetch(location: GitLocation, reference: GitReference) -> Result<Checkout, PortError> {
    Git::default().fetch(&FetchRequest::new(location, reference)).await
}

/// Fetches over HTTP and from this machine; both must give the same.
#[track_caller]
fn everywhere(
    repository: &Repository,
    reference: &GitReference,
) -> impl Future<Output = Result<Checkout, PortError>> {
    let server = Server::of(&repository.root);
    let (local, reference) = (repository.local(), reference.clone());
    async move {
        let over_http = fetch(location(&server.url(), &[]), reference.clone()).await;
        let here = fetch(local, reference).await;
        match (&over_http, &here) {
            (Ok(a), Ok(b)) => {
                assert_eq!(a.revision, b.revision);
                assert_eq!(a.tree.files(), b.tree.files());
            }
            (Err(a), Err(b)) => assert_eq!(a.can_retry(), b.can_retry(), "{a}; {b}"),
            (a, b) => panic!("{a:?}; {b:?}"),
        }
        over_http
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_is_fetched_with_its_files() {
    let repository = Repository::with(&[("apps/web.yaml", "kind: A\n"), ("README", "hello\n")]);
    std::os::unix::fs::symlink("apps/web.yaml", repository.work().join("link")).unwrap();
    let program = repository.work().join("run.sh");
    std::fs::write(&program, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let id = repository.commit(&[], "second\n\nwith a body");
    let checkout = everywhere(&repository, &branch("main")).await.unwrap();
    assert_eq!(checkout.revision.to_string(), format!("main@sha1:{id}"));
    assert_eq!(checkout.tree.files().len(), 3);
    assert_eq!(checkout.tree.read("link").unwrap().as_ref(), b"kind: A\n");
    assert_eq!(checkout.tree.mode("run.sh"), Ok(FileMode::Executable));
    assert_eq!((checkout.commit.id.as_str(), checkout.commit.time), (id.as_str(), 1_700_000_001));
    assert_eq!(
        (checkout.commit.author.name.as_str(), checkout.commit.author.email.as_str()),
        ("Ann", "ann@example.org")
    );
    assert_eq!(checkout.commit.message, "second\n\nwith a body\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_named_is_the_remotes_head() {
    let repository = Repository::with(&[("a", "1")]);
    let checkout = everywhere(&repository, &GitReference::default()).await.unwrap();
    assert_eq!(checkout.revision.name(), "main");
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_ranges_and_names_lead_to_commits() {
    let repository = Repository::with(&[("a", "1")]);
    let first = repository.head();
    repository.git(&["tag", "-a", "-m", "one", "v1.2.0"]);
    let second = repository.commit(&[("a", "2")], "second");
    for tag in ["1.10.0", "v2.0.0-rc.1", "latest", "v9"] {
        repository.git(&["tag", tag]);
    }
    repository.git(&["push", "-q", "--tags"]);
    let expected = [
        (GitReference { tag: Some("v1.2.0".into()), ..Default::default() }, format!("v1.2.0@sha1:{first}")),
        (
            GitReference { semver: Some(">=1.0.0".into()), ..Default::default() },
            format!("1.10.0@sha1:{second}"),
        ),
        (GitReference { semver: Some("~1.2".into()), ..Default::default() }, format!("v1.2.0@sha1:{first}")),
        (
            GitReference { semver: Some(">=1.0.0-0".into()), ..Default::default() },
            format!("v2.0.0-rc.1@sha1:{second}"),
        ),
        (
            GitReference { name: Some("refs/tags/v1.2.0".into()), ..Default::default() },
            format!("refs/tags/v1.2.0@sha1:{first}"),
        ),
        (GitReference { commit: Some(first.clone()), ..Default::default() }, format!("sha1:{first}")),
        (GitReference { commit: Some(first.clone()), ..branch("main") }, format!("main@sha1:{first}")),
    ];
    for (reference, revision) in expected {
        let checkout = everywhere(&repository, &reference).await.unwrap();
        assert_eq!(checkout.revision.to_string(), revision);
        let content = if revision.ends_with(&first) { b"1" } else { b"2" };
        assert_eq!(checkout.tree.read("a").unwrap().as_ref(), content, "{revision}");
        assert_eq!(Git::default().resolve(&repository.local(), &reference).await.unwrap(), checkout.revision);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_and_not_tried_again() {
    let repository = Repository::with(&[("a", "1")]);
    repository.git(&["checkout", "-q", "-b", "production"]);
    repository.commit(&[("b", "1")], "elsewhere");
    let elsewhere = repository.head();
    let missing = [
        (branch("prodution"), "couldn't find remote ref \"refs/heads/prodution\" (did you mean production?)"),
        (
            GitReference { tag: Some("v1".into()), ..Default::default() },
            "couldn't find remote ref \"refs/tags/v1\"",
        ),
        (GitReference { semver: Some("9.x".into()), ..Default::default() }, "no match found for semver: 9.x"),
        (GitReference { semver: Some("one".into()), ..Default::default() }, "semver parse error"),
        (branch("a b\n"), "is no name of a reference"),
        (GitReference { commit: Some("abc".into()), ..Default::default() }, "\"abc\" is no commit"),
        (GitReference { commit: Some("1".repeat(40)), ..Default::default() }, "is not in the repository"),
        (GitReference { commit: Some(elsewhere), ..branch("main") }, "is not on branch main"),
    ];
    for (reference, why) in missing {
        let error = everywhere(&repository, &reference).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert!(!error.can_retry(), "{error}");
    }
    let gone = location(&format!("file://{}/none.git", repository.root.display()), &[]);
    let error = fetch(gone, branch("main")).await.unwrap_err();
    assert!(error.to_string().contains("repository not found") && !error.can_retry(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_repository_is_one_clear_error() {
    let repository = Repository::empty();
    for reference in [GitReference::default(), branch("main")] {
        let error = everywhere(&repository, &reference).await.unwrap_err();
        assert!(error.to_string().ends_with("remote repository is empty: it has no commit yet"), "{error}");
        assert!(!error.can_retry());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_of_what_did_not_change_is_one_small_request() {
    let repository = Repository::with(&[("a", "1")]);
    for index in 0..300 {
        repository.on_server(&["update-ref", &format!("refs/heads/other-{index}"), &repository.head()]);
    }
    let server = Server::of(&repository.root);
    let remote = Git::default();
    let to = location(&server.url(), &[]);
    let first = remote.resolve(&to, &branch("main")).await.unwrap();
    server.take();
    assert_eq!(remote.resolve(&to, &branch("main")).await.unwrap(), first);
    let seen = server.take();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!((seen[0].method.as_str(), seen[0].target.as_str()), ("POST", "/repo.git/git-upload-pack"));
    assert!(
        seen[0].body.len() < 200 && seen[0].answered < 200,
        "{} {}",
        seen[0].body.len(),
        seen[0].answered
    );
    // And what has changed is seen.
    let second = repository.commit(&[("a", "2")], "second");
    assert_eq!(remote.resolve(&to, &branch("main")).await.unwrap().hash(), second);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_named_directories_are_read() {
    let repository =
        Repository::with(&[("apps/web/a", "1"), ("apps/api/a", "2"), ("infra/a", "3"), ("README", "4")]);
    let mut request = FetchRequest::new(repository.local(), branch("main"));
    request.directories = vec!["./apps/web".into(), "infra".into()];
    let checkout = Git::default().fetch(&request).await.unwrap();
    let paths: Vec<String> = checkout.tree.files().into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["apps/web/a", "infra/a"]);
    request.directories = vec!["apps/none".into()];
    let error = Git::default().fetch(&request).await.unwrap_err();
    assert!(error.to_string().contains("failed to sparse checkout directory 'apps/none'"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn submodules_are_mounted_where_they_belong() {
    let inner = Repository::with(&[("inner.txt", "inner")]);
    let middle = Repository::with(&[("middle.txt", "middle")]);
    middle.git(&["submodule", "--quiet", "add", inner.bare().to_str().unwrap(), "deep"]);
    middle.commit(&[], "with a submodule");
    let outer = Repository::with(&[("outer.txt", "outer")]);
    // A relative URL is seen from the repository's own.
    git(&outer.root, &["clone", "-q", "--bare", middle.bare().to_str().unwrap(), "middle.git"]);
    outer.git(&[
        "submodule",
        "--quiet",
        "add",
        outer.root.join("middle.git").to_str().unwrap(),
        "libs/middle",
    ]);
    outer.git(&["config", "-f", ".gitmodules", "submodule.libs/middle.url", "../middle.git"]);
    outer.commit(&[], "with a submodule");
    let mut request = FetchRequest::new(outer.local(), branch("main"));
    let without = Git::default().fetch(&request).await.unwrap().tree;
    assert!(without.is_directory("libs/middle") && without.list("libs/middle").unwrap().is_empty());
    request.submodules = true;
    let tree = Git::default().fetch(&request).await.unwrap().tree;
    assert_eq!(tree.read("libs/middle/middle.txt").unwrap().as_ref(), b"middle");
    assert_eq!(tree.read("libs/middle/deep/inner.txt").unwrap().as_ref(), b"inner");
    // Over HTTP a submodule does not read this machine's repositories.
    let server = Server::of(&outer.root);
    request.location = location(&server.url(), &[]);
    let error = Git::default().fetch(&request).await.unwrap_err();
    assert!(error.to_string().contains("submodule libs/middle: ") && !error.can_retry(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn repositories_of_sha256_are_read() {
    let repository = Repository::of_format("sha256");
    let id = repository.commit(&[("a", "1"), ("b/c", "2")], "first");
    let checkout = everywhere(&repository, &branch("main")).await.unwrap();
    assert_eq!(checkout.revision.to_string(), format!("main@sha256:{id}"));
    assert_eq!(checkout.tree.files().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_of_the_old_protocol_are_understood() {
    let repository = Repository::with(&[("a", "1")]);
    let first = repository.head();
    repository.git(&["tag", "-a", "-m", "one", "v1.0.0"]);
    repository.git(&["push", "-q", "--tags"]);
    repository.commit(&[("a", "2")], "second");
    repository.on_server(&["config", "uploadpack.advertiseRef", "x"]);
    repository.on_server(&["config", "protocol.version", "0"]);
    // git reads the header before its configuration, so the server forgets it.
    let inner = Server::of(&repository.root);
    let root = repository.root.clone();
    let server = Server::with(&root, {
        let inner = inner.address.clone();
        move |seen| Some(crate::server::forward(&inner, seen))
    });
    let to = location(&server.url(), &[]);
    let tag = GitReference { tag: Some("v1.0.0".into()), ..Default::default() };
    for (reference, content) in [
        (GitReference::default(), b"2"),
        (branch("main"), b"2"),
        (tag, b"1"),
        (GitReference { commit: Some(first.clone()), ..Default::default() }, b"1"),
        (GitReference { commit: Some(first), ..branch("main") }, b"1"),
    ] {
        let checkout = fetch(to.clone(), reference).await.unwrap();
        assert_eq!(checkout.tree.read("a").unwrap().as_ref(), content);
    }
    assert!(inner.take().iter().all(|seen| seen.protocol.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_server_is_understood() {
    let (Ok(url), Ok(root)) = (std::env::var("GIT_URL"), std::env::var("GIT_ROOT")) else {
        eprintln!("skipped: GIT_URL and GIT_ROOT are not set");
        return;
    };
    let repository = Repository::with(&[("a", "1"), ("b/c", "2")]);
    let name = format!("fetch-{}.git", std::process::id());
    let private = std::path::Path::new(&root).join("private");
    git(&private, &["clone", "-q", "--bare", repository.bare().to_str().unwrap(), &name]);
    let mut options = gitops_git::Options::default();
    options.plain_http = gitops_git::PlainHttp::WithCredentials;
    let remote = Git::new(options);
    let url = format!("{url}/private/{name}");
    let good = location(&url, &[("username", "git"), ("password", "secret")]);
    let checkout = remote.fetch(&FetchRequest::new(good, branch("main"))).await.unwrap();
    assert_eq!(checkout.tree.files().len(), 2);
    for secret in [&[][..], &[("username", "git"), ("password", "hunter2")]] {
        let error =
            remote.fetch(&FetchRequest::new(location(&url, secret), branch("main"))).await.unwrap_err();
        assert!(error.to_string().contains("authentication required") && !error.can_retry(), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
    std::fs::remove_dir_all(private.join(name)).unwrap();
}
