//! `gitops bootstrap git` over OpenSSH's own server.

use crate::bootstrap::{Repository, played};
use crate::cluster::Embedded;
use crate::sshd::{Sshd, key, public};
use gitops_yaml::Node;
use std::path::Path;
use std::process::Output;

fn bootstrap(embedded: &Embedded, repository: &Repository, server: &Sshd, more: &[&str]) -> Output {
    let url = format!("--url={}", server.url(&repository.0.join("repo.git")));
    let mut words = vec!["bootstrap", "git", &url, "--path=clusters/a", "--silent", "--timeout=40s"];
    words.extend(more);
    played(embedded, repository, embedded.command(&words))
}

fn file(flag: &str, path: &Path) -> String {
    format!("--{flag}={}", path.display())
}

#[test]
fn a_cluster_follows_a_repository_over_ssh() {
    let Some(server) = Sshd::start() else { return };
    let embedded = Embedded::start("bootstrap-ssh");
    let repository = Repository::new("ssh");
    let private = key(&server.folder, "login", &["ed25519"], "open sesame");
    server.trust(&private);
    let login = file("private-key-file", &private);
    let flags = [login.as_str(), "--password=open sesame", "--ssh-signing-reuse-private-key"];

    let first = bootstrap(&embedded, &repository, &server, &flags);
    let said = String::from_utf8_lossy(&first.stderr);
    assert!(first.status.success(), "{said}");
    assert!(
        said.contains(&format!(
            "✔ collected public key from SSH server 127.0.0.1:{}: ssh-ed25519 SHA256:",
            server.port
        )),
        "{said}"
    );
    assert!(said.ends_with("✔ all components are healthy\n") && !said.contains("open sesame"), "{said}");
    // Both commits bear the key's signature.
    let signers = server.folder.join("signers");
    std::fs::write(&signers, format!("* {}", public(&private))).unwrap();
    repository.git(&["config", "gpg.ssh.allowedSignersFile", &signers.display().to_string()]);
    for commit in ["main", "main~1"] {
        repository.git(&["verify-commit", commit]);
    }
    let sync = repository.git(&["show", "main:clusters/a/flux-system/gotk-sync.yaml"]);
    assert!(sync.contains(&format!("  url: {}\n", server.url(&repository.0.join("repo.git")))), "{sync}");
    let secret = embedded.get("v1", "Secret", "flux-system", "flux-system").unwrap();
    let has = |name: &str| {
        secret.at_path(&["data", name]).and_then(Node::as_str).is_some_and(|text| !text.is_empty())
    };
    for name in ["identity", "identity.pub", "known_hosts", "password"] {
        assert!(has(name), "{name}");
    }

    // The second run finds nothing to do; a third with another setting upgrades.
    let before = repository.head();
    let second = bootstrap(&embedded, &repository, &server, &flags);
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(second.status.success(), "{said}");
    assert!(
        said.contains("✔ component manifests are up to date\n")
            && said.contains("✔ sync manifests are up to date\n"),
        "{said}"
    );
    assert_eq!(repository.head(), before);
    let mut other = flags.to_vec();
    other.extend(["--log-level=debug", "--recurse-submodules=true", "--ssh-hostkey-algos=ssh-ed25519"]);
    let third = bootstrap(&embedded, &repository, &server, &other);
    let said = String::from_utf8_lossy(&third.stderr);
    assert!(third.status.success(), "{said}");
    assert!(said.contains("✔ committed component manifests to \"main\""), "{said}");
    assert_eq!(repository.git(&["rev-list", "--count", "main"]), "4");
    let sync = repository.git(&["show", "main:clusters/a/flux-system/gotk-sync.yaml"]);
    assert!(sync.contains("  recurseSubmodules: true\n"), "{sync}");
}

#[test]
fn a_new_key_is_made_for_the_cluster() {
    let Some(server) = Sshd::start() else { return };
    let embedded = Embedded::start("bootstrap-key");
    let repository = Repository::new("key");
    // What this user may do is asked of ssh's own configuration, of which a test has none: over HTTP the program logs in otherwise.
    let http = crate::git_server::Server::of(&repository.0);
    let (url, ssh) =
        (format!("--url={}/repo.git", http.address), format!("--ssh-hostname=127.0.0.1:{}", server.port));
    for (flags, begin) in [
        (&["--ssh-key-algorithm=ecdsa", "--ssh-ecdsa-curve=p521"][..], "ecdsa-sha2-nistp521 "),
        (&["--ssh-key-algorithm=rsa", "--ssh-rsa-bits=3072"], "ssh-rsa "),
        (&["--ssh-key-algorithm=ed25519"], "ssh-ed25519 "),
    ] {
        let name = format!("--secret-name=of-{}", begin.trim());
        let mut words =
            vec!["bootstrap", "git", &url, &ssh, &name, "--allow-insecure-http", "--silent", "--timeout=40s"];
        words.extend(flags);
        let done = played(&embedded, &repository, embedded.command(&words));
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{said}");
        let secret = embedded.get("v1", "Secret", "flux-system", &format!("of-{}", begin.trim())).unwrap();
        let public = secret.at_path(&["data", "identity.pub"]).and_then(Node::as_str).unwrap();
        let told = said.lines().find_map(|line| line.strip_prefix("✔ public key: ")).unwrap();
        assert!(told.starts_with(begin), "{told}");
        assert_eq!(public, crate::bootstrap::encoded(&format!("{told}\n")));
    }
}

#[test]
fn what_ssh_refuses_is_said() {
    let Some(server) = Sshd::start() else { return };
    let embedded = Embedded::start("bootstrap-refused");
    let repository = Repository::new("refused");
    let stranger = file("private-key-file", &key(&server.folder, "stranger", &["ed25519"], ""));
    let locked = key(&server.folder, "locked", &["ed25519"], "open sesame");
    server.trust(&locked);
    let locked = file("private-key-file", &locked);
    for (flags, wanted) in [
        (&[stranger.as_str()][..], "✗ failed to clone repository: "),
        (&[stranger.as_str()], "Permission denied (publickey)"),
        (&[locked.as_str(), "--password=hunter2"], "Permission denied (publickey)"),
        (
            &[locked.as_str(), "--password=hunter2", "--ssh-signing-reuse-private-key"],
            "✗ invalid SSH signing key: could not parse SSH signing key: the passphrase is wrong (reused from --private-key-file)",
        ),
        (
            &[locked.as_str(), "--password=open sesame", "--ssh-hostkey-algos=rsa-sha2-512"],
            "failed: no key for rsa-sha2-512 was offered",
        ),
        (&["--private-key-file=/nowhere/key"], "✗ /nowhere/key: No such file"),
    ] {
        let done = bootstrap(&embedded, &repository, &server, flags);
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{flags:?}: {said}");
        assert!(said.contains(wanted) && !said.contains("hunter2"), "{flags:?}: {said}");
    }
    // Nobody listens at port 1; a host of no address.
    let key = file("private-key-file", &key(&server.folder, "other", &["ed25519"], ""));
    let refused = |url: &str| embedded.refused(&format!("bootstrap git --url={url} {key} --silent"));
    let said = refused("ssh://git@127.0.0.1:1/fleet");
    assert!(
        said.contains("✗ SSH key scan for host 127.0.0.1:1 failed: no SSH server answers there"),
        "{said}"
    );
    assert_eq!(repository.head(), None);
}
