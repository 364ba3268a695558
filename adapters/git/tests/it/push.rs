//! Pushes to git's own server, which checks every object.

use crate::repository::{Repository, git, location};
use crate::server::Server;
use gitops_core::git_location::GitLocation;
use gitops_core::ports::{Author, GitRemote, PushRequest};
use gitops_git::Git;
use std::sync::Arc;

fn request(location: GitLocation, parent: Option<String>, files: &[(&str, Option<&str>)]) -> PushRequest {
    let mut request = PushRequest::new(location, parent, "main");
    let content = |text: &str| Arc::from(text.as_bytes());
    request.changes = files.iter().map(|(path, text)| ((*path).to_owned(), text.map(content))).collect();
    request.author = Author { name: "Bot".into(), email: "bot@example.org".into() };
    request.time = 1_700_000_100;
    request.message = "Update images\n\nwith a body\n".into();
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_changes_its_files_and_no_other() {
    let files = [("a/b/x.yaml", "x: 1\n"), ("a-b.txt", "t\n"), ("a.txt", "t\n"), ("z/gone", "g\n")];
    let repository = Repository::with(&files);
    let server = Server::of(&repository.root);
    let changes = [("a/b/x.yaml", Some("x: 2\n")), ("new/y.yaml", Some("y\n")), ("z/gone", None)];
    let wanted = request(location(&server.url(), &[]), Some(repository.head()), &changes);
    let commit = Git::default().push(&wanted).await.unwrap();
    assert_eq!(repository.on_server(&["rev-parse", "main"]), commit);
    let listed = repository.on_server(&["ls-tree", "-r", "--name-only", "main"]);
    assert_eq!(listed.lines().collect::<Vec<_>>(), ["a-b.txt", "a.txt", "a/b/x.yaml", "new/y.yaml"]);
    assert_eq!(repository.on_server(&["show", "main:a/b/x.yaml"]), "x: 2");
    let shown = repository.on_server(&["log", "-1", "--format=%an <%ae> %at %cn|%B", "main"]);
    assert_eq!(shown, "Bot <bot@example.org> 1700000100 Bot|Update images\n\nwith a body");
    assert_eq!(repository.on_server(&["rev-parse", "main^"]), repository.head());
    repository.on_server(&["fsck", "--strict"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_pushed_is_not_overwritten() {
    let repository = Repository::with(&[("a.txt", "1\n")]);
    let before = repository.head();
    let after = repository.commit(&[("b.txt", "2\n")], "second");
    let error = Git::default()
        .push(&request(repository.local(), Some(before), &[("a.txt", Some("9\n"))]))
        .await
        .unwrap_err();
    assert!(error.can_retry() && error.to_string().contains("non-fast-forward"), "{error}");
    assert_eq!(repository.on_server(&["rev-parse", "main"]), after);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_commit_of_an_empty_repository_is_pushed() {
    for format in ["sha1", "sha256"] {
        let repository = Repository::of_format(format);
        let commit =
            Git::default().push(&request(repository.local(), None, &[("a.txt", Some("1\n"))])).await.unwrap();
        assert_eq!(git(&repository.bare(), &["rev-parse", "main"]), commit);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_are_refused() {
    let repository = Repository::with(&[("a.txt", "1\n")]);
    for name in ["../x", ".git/config", "a/.GIT/hooks"] {
        let wanted = request(repository.local(), Some(repository.head()), &[(name, Some("1\n"))]);
        assert!(!Git::default().push(&wanted).await.unwrap_err().can_retry(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_references_move_together_and_hooks_get_the_options() {
    let repository = Repository::with(&[("a.txt", "1\n")]);
    let hook = repository.bare().join("hooks/post-receive");
    std::fs::write(&hook, "#!/bin/sh\necho \"$GIT_PUSH_OPTION_COUNT $GIT_PUSH_OPTION_0\" > options\n")
        .unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let server = Server::of(&repository.root);
    let mut wanted =
        request(location(&server.url(), &[]), Some(repository.head()), &[("a.txt", Some("2\n"))]);
    wanted.references.push("refs/heads/staging".into());
    wanted.options = vec![("merge_request.target".into(), "main".into())];
    let commit = Git::default().push(&wanted).await.unwrap();
    for name in ["main", "staging"] {
        assert_eq!(repository.on_server(&["rev-parse", name]), commit);
    }
    let options = std::fs::read_to_string(repository.bare().join("options")).unwrap();
    assert_eq!(options, "1 merge_request.target=main\n");
    // Nothing is pushed where the server has no use for options.
    repository.on_server(&["config", "receive.advertisePushOptions", "false"]);
    wanted.parent = Some(commit.clone());
    let error = Git::default().push(&wanted).await.unwrap_err();
    assert!(error.to_string().contains("the server takes no push options") && !error.can_retry(), "{error}");
    assert_eq!(repository.on_server(&["rev-parse", "main"]), commit);
}
