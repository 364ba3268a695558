//! OpenSSH's own server: which keys and hosts are believed, and which are refused.

use crate::repository::{Repository, location};
use crate::sshd::{Sshd, key, public};
use gitops_core::git_location::{GitLocation, LocalRepositories};
use gitops_core::ports::{Author, Checkout, FetchRequest, GitReference, GitRemote, PortError, PushRequest};
use gitops_git::{Git, Options};
use std::path::Path;
use std::sync::Arc;

fn to(server: &Sshd, repository: &Repository, private: &Path, hosts: &str, passphrase: &str) -> GitLocation {
    let identity = std::fs::read_to_string(private).unwrap();
    let mut secret = vec![("identity", identity.as_str()), ("known_hosts", hosts)];
    if !passphrase.is_empty() {
        secret.push(("password", passphrase));
    }
    location(&server.url(&repository.bare()), &secret)
}

async fn fetch(location: GitLocation) -> Result<Checkout, PortError> {
    let main = GitReference { branch: Some("main".into()), ..GitReference::default() };
    Git::default().fetch(&FetchRequest::new(location, main)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_key_fetches_and_pushes() {
    let Some(server) = Sshd::start() else { return };
    let repository = Repository::with(&[("a", "1")]);
    let mut parent = repository.head();
    for (index, (kind, passphrase)) in
        [("ed25519", ""), ("ed25519", "open sesame"), ("ecdsa", ""), ("rsa", "it's \"quoted\" $HOME")]
            .into_iter()
            .enumerate()
    {
        let private = key(&server.folder, &format!("key-{index}"), &[kind], passphrase);
        server.trust(&private);
        let to = to(&server, &repository, &private, &server.known_host(), passphrase);
        let checkout = fetch(to.clone()).await.unwrap();
        assert_eq!(checkout.revision.to_string(), format!("main@sha1:{parent}"));
        assert_eq!(Git::default().resolve(&to, &GitReference::default()).await.unwrap(), checkout.revision);
        let mut push = PushRequest::new(to, Some(parent), "main");
        push.changes = vec![(format!("{index}"), Some(Arc::from(b"2".as_slice())))];
        push.author = Author { name: "Bot".into(), email: "bot@example.org".into() };
        push.message = "Update images".into();
        parent = Git::default().push(&push).await.unwrap();
        assert_eq!(repository.on_server(&["rev-parse", "main"]), parent);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_are_not_known_are_refused() {
    let Some(server) = Sshd::start() else { return };
    let repository = Repository::with(&[("a", "1")]);
    let private = key(&server.folder, "key", &["ed25519"], "");
    server.trust(&private);
    let other = public(&key(&server.folder, "other", &["ed25519"], ""));
    let elsewhere = server.known_host().replace("127.0.0.1", "git.example.org");
    for hosts in [format!("[127.0.0.1]:{} {other}", server.port), elsewhere, "# nobody".into()] {
        let error = fetch(to(&server, &repository, &private, &hosts, "")).await.unwrap_err();
        assert!(error.to_string().to_lowercase().contains("host key verification failed"), "{error}");
        assert!(!error.can_retry(), "{error}");
    }
    let identity = std::fs::read(&private).unwrap();
    let secret = [("identity".to_owned(), identity)].into_iter().collect();
    let error = GitLocation::new(&server.url(&repository.bare()), Some(&secret), LocalRepositories::Refused);
    assert!(error.unwrap_err().to_string().contains("'known_hosts' is required"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_proves_who_it_is_by_the_wanted_algorithms() {
    let Some(server) = Sshd::start() else { return };
    let repository = Repository::with(&[("a", "1")]);
    let private = key(&server.folder, "key", &["ed25519"], "");
    server.trust(&private);
    let to = to(&server, &repository, &private, &server.known_host(), "");
    for (algorithms, wanted) in [
        (&["ssh-ed25519"][..], None),
        (&["rsa-sha2-512", "ssh-ed25519"], None),
        (&["rsa-sha2-512", "rsa-sha2-256"], Some("no matching host key type found")),
        (&["rsa-sha3"], Some("Bad key types 'rsa-sha3'")),
    ] {
        let mut options = Options::default();
        options.ssh_host_key_algorithms = algorithms.iter().map(|name| (*name).to_owned()).collect();
        let done = Git::new(options).resolve(&to, &GitReference::default()).await;
        match (done, wanted) {
            (Ok(_), None) => {}
            (Err(error), Some(wanted)) => {
                assert!(error.to_string().contains(wanted) && !error.can_retry(), "{error}");
            }
            (done, _) => panic!("{algorithms:?}: {done:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_that_fail_are_told_apart_and_not_tried_again() {
    let Some(server) = Sshd::start() else { return };
    let repository = Repository::with(&[("a", "1")]);
    let stranger = key(&server.folder, "stranger", &["ed25519"], "");
    let locked = key(&server.folder, "locked", &["ed25519"], "open sesame");
    server.trust(&locked);
    let hosts = server.known_host();
    for (private, passphrase) in [(&stranger, ""), (&locked, "hunter2"), (&locked, "")] {
        let error = fetch(to(&server, &repository, private, &hosts, passphrase)).await.unwrap_err();
        assert!(error.to_string().contains("authentication required"), "{error}");
        assert!(!error.can_retry(), "{error}");
        let said = format!("{error} {error:?}");
        assert!(!said.contains("hunter2") && !said.contains("PRIVATE KEY"), "{said}");
    }
    let mut gone = to(&server, &repository, &locked, &hosts, "open sesame");
    gone.path = "/srv/none.git".into();
    let error = fetch(gone).await.unwrap_err();
    assert!(error.to_string().contains("repository not found") && !error.can_retry(), "{error}");
    // The path is one word for the far shell, whatever is in it.
    let mut odd = to(&server, &repository, &locked, &hosts, "open sesame");
    let mark = server.folder.join("mark");
    odd.path = format!("/srv/none.git'; touch {}; '", mark.display());
    assert!(fetch(odd).await.is_err());
    assert!(!mark.exists());
}
