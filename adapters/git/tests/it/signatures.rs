//! Signatures: those that git makes with gpg and ssh-keygen are believed, and ours are believed by git.

use crate::repository::{Repository, git};
use gitops_core::ports::{
    Author, Checkout, FetchRequest, GitReference, GitRemote, PortError, PushRequest, Secret, SignatureError,
    SignatureProblem, SigningKey, Verification, VerificationMode,
};
use gitops_git::{Git, KeyRingError, openpgp_signing_key};
use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// Returns whether a program is there, and says what is skipped where it is not.
fn has(program: &str) -> bool {
    let is_there = Command::new(program).arg("--version").output().is_ok();
    if !is_there {
        eprintln!("skipped: {program} is not installed");
    }
    is_there
}

/// A folder of OpenPGP keys with no agent of the user near it.
struct Keyring {
    folder: tempfile::TempDir,
}

impl Drop for Keyring {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", self.folder.path()).output();
    }
}

impl Keyring {
    fn new() -> Option<Self> {
        has("gpg").then(|| {
            let folder = tempfile::tempdir().unwrap();
            // Passphrases are hashed as often as is quick.
            std::fs::write(folder.path().join("gpg-agent.conf"), "s2k-count 65536\n").unwrap();
            Self { folder }
        })
    }

    #[track_caller]
    fn gpg(&self, args: &[&str]) -> String {
        let output = Command::new("gpg")
            .args(["--homedir", self.folder.path().to_str().unwrap(), "--batch", "--quiet"])
            .args(["--pinentry-mode", "loopback"])
            .args(args)
            .output()
            .unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Makes a key and returns its fingerprint.
    #[track_caller]
    fn make(&self, name: &str, kind: &str, passphrase: &str, lasts: &str) -> String {
        self.gpg(&["--passphrase", passphrase, "--quick-generate-key", name, kind, "sign", lasts]);
        self.fingerprint(name)
    }

    fn fingerprint(&self, name: &str) -> String {
        let listed = self.gpg(&["--with-colons", "--list-keys", name]);
        let line = listed.lines().find(|line| line.starts_with("fpr:")).unwrap();
        line.split(':').nth(9).unwrap().to_owned()
    }

    fn public(&self, name: &str) -> String {
        self.gpg(&["--armor", "--export", name])
    }

    fn secret(&self, name: &str, passphrase: &str) -> Secret {
        Secret::new(self.gpg(&["--passphrase", passphrase, "--armor", "--export-secret-keys", name]))
    }

    /// Lets a clone sign with a key, or a server verify.
    fn serve(&self, folder: &Path, key: &str) {
        let program = self.folder.path().join("gpg.sh");
        let text =
            format!("#!/bin/sh\nexec gpg --homedir '{}' --batch \"$@\"\n", self.folder.path().display());
        std::fs::write(&program, text).unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        git(folder, &["config", "gpg.program", program.to_str().unwrap()]);
        git(folder, &["config", "user.signingKey", key]);
    }
}

/// An SSH key pair made by ssh-keygen.
struct KeyPair {
    folder: tempfile::TempDir,
}

impl KeyPair {
    fn new(kind: &[&str], passphrase: &str) -> Option<Self> {
        if !has("ssh-keygen") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let output = Command::new("ssh-keygen")
            .args(["-q", "-N", passphrase, "-C", "ann@example.org", "-f", file.to_str().unwrap(), "-t"])
            .args(kind)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(Self { folder })
    }

    fn file(&self) -> String {
        self.folder.path().join("key").to_str().unwrap().to_owned()
    }

    fn public(&self) -> String {
        std::fs::read_to_string(format!("{}.pub", self.file())).unwrap()
    }

    fn secret(&self) -> Secret {
        Secret::new(std::fs::read_to_string(self.file()).unwrap())
    }

    fn fingerprint(&self) -> String {
        let output = Command::new("ssh-keygen").args(["-l", "-f", &self.file()]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().split(' ').nth(1).unwrap().to_owned()
    }

    /// Lets a clone sign with the key, or a server verify.
    fn serve(&self, folder: &Path) {
        let signers = self.folder.path().join("signers");
        std::fs::write(&signers, format!("* {}", self.public())).unwrap();
        git(folder, &["config", "gpg.format", "ssh"]);
        git(folder, &["config", "user.signingKey", &self.file()]);
        git(folder, &["config", "gpg.ssh.allowedSignersFile", signers.to_str().unwrap()]);
    }
}

fn pgp(keys: &[String]) -> Verification {
    Verification { pgp_keys: keys.to_vec(), ..Verification::default() }
}

fn ssh(keys: &[String]) -> Verification {
    Verification { ssh_keys: keys.to_vec(), ..Verification::default() }
}

async fn fetch(repository: &Repository, wanted: Verification) -> Result<Checkout, PortError> {
    let main = GitReference { branch: Some("main".into()), ..GitReference::default() };
    fetch_at(repository, main, wanted).await
}

async fn fetch_at(
    repository: &Repository,
    reference: GitReference,
    wanted: Verification,
) -> Result<Checkout, PortError> {
    let mut request = FetchRequest::new(repository.local(), reference);
    request.verification = Some(wanted);
    Git::default().fetch(&request).await
}

#[track_caller]
fn assert_refused(result: Result<Checkout, PortError>, problem: SignatureProblem, why: &str) {
    let error = result.unwrap_err();
    let cause = error.source().and_then(|cause| cause.downcast_ref::<SignatureError>());
    assert_eq!(cause.map(|cause| cause.problem), Some(problem), "{error}");
    assert!(error.to_string().contains(why) && !error.can_retry(), "{error}");
}

fn request(repository: &Repository, signing: SigningKey) -> PushRequest {
    let mut request = PushRequest::new(repository.local(), Some(repository.head()), "main");
    request.changes = vec![("b".into(), Some(Arc::from(b"2".as_slice())))];
    request.author = Author { name: "Ann".into(), email: "ann@example.org".into() };
    request.time = 1_700_000_100;
    request.message = "Update images\n\nwith a body\n\n\nand gaps\n".into();
    request.signing = Some(signing);
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_that_gpg_signed_are_believed() {
    let Some(ring) = Keyring::new() else { return };
    let ann = ring.make("ann@example.org", "ed25519", "", "0");
    ring.make("bob@example.org", "rsa2048", "", "0");
    let repository = Repository::with(&[("a", "1")]);
    ring.serve(repository.work(), &ann);
    let plain = fetch(&repository, pgp(&[ring.public("ann")])).await;
    assert_refused(plain, SignatureProblem::Commit, "unsupported signature type: empty");
    repository.git(&["config", "commit.gpgSign", "true"]);
    for (name, message) in [("ann", "signed"), ("bob", "signed\n\nby another kind of key")] {
        repository.git(&["config", "user.signingKey", &format!("{name}@example.org")]);
        let id = repository.commit(&[], message);
        // Both keys in one text, both in one text each, and in one armored block.
        let (ann, bob) = (ring.public("ann"), ring.public("bob"));
        for keys in [
            vec![format!("{ann}{bob}")],
            vec![ann.clone(), bob.clone()],
            vec![ring.gpg(&["--armor", "--export"])],
        ] {
            let signers = fetch(&repository, pgp(&keys)).await.unwrap().signers;
            assert_eq!(signers.len(), 1);
            assert_eq!(signers[0].object, format!("commit '{id}'"));
            assert!(ring.fingerprint(name).ends_with(&signers[0].key), "{}", signers[0].key);
        }
        let other = if name == "ann" { bob } else { ann };
        assert_refused(fetch(&repository, pgp(&[other])).await, SignatureProblem::Commit, "no matching key");
        let none = fetch(&repository, ssh(&["ssh-ed25519 AAAA".into()])).await;
        assert_refused(none, SignatureProblem::Commit, "PGP signature detected but no PGP public keys found");
        let broken = fetch(&repository, pgp(&["no key".into()])).await;
        assert_refused(broken, SignatureProblem::Commit, "unable to read armored key ring");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_was_put_on_another_commit_is_not_believed() {
    let Some(ring) = Keyring::new() else { return };
    let ann = ring.make("ann@example.org", "ed25519", "", "0");
    let repository = Repository::with(&[("a", "1")]);
    ring.serve(repository.work(), &ann);
    repository.git(&["config", "commit.gpgSign", "true"]);
    repository.commit(&[], "signed by Ann");
    let text = repository.git(&["cat-file", "commit", "HEAD"]).replace("signed by Ann", "signed by Amy");
    let file = repository.work().join("../forged");
    std::fs::write(&file, format!("{text}\n")).unwrap();
    let id = repository.git(&["hash-object", "-t", "commit", "-w", file.to_str().unwrap()]);
    repository.git(&["push", "-q", "--force", "origin", &format!("{id}:refs/heads/main")]);
    let forged = fetch(&repository, pgp(&[ring.public("ann")])).await;
    assert_refused(
        forged,
        SignatureProblem::Commit,
        &format!("signature verification of commit '{id}' failed"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_expired_or_were_revoked_are_not_believed() {
    let Some(ring) = Keyring::new() else { return };
    let repository = Repository::with(&[("a", "1")]);
    let ann = ring.make("ann@example.org", "ed25519", "", "0");
    ring.serve(repository.work(), &ann);
    repository.git(&["config", "commit.gpgSign", "true"]);
    repository.commit(&[], "signed");
    let good = ring.public("ann");
    assert!(fetch(&repository, pgp(std::slice::from_ref(&good))).await.is_ok());
    ring.gpg(&[
        "--faked-system-time",
        "20200101T000000!",
        "--passphrase",
        "",
        "--quick-generate-key",
        "old@example.org",
        "ed25519",
        "sign",
        "1y",
    ]);
    let text = repository.git(&["cat-file", "commit", "HEAD"]);
    let (head, _) = text.split_once("gpgsig ").unwrap();
    let message = text.split_once("\n\n").unwrap().1;
    let file = repository.work().join("../text");
    std::fs::write(&file, format!("{head}\n{message}\n")).unwrap();
    let signature = ring.gpg(&[
        "--faked-system-time",
        "20200601T000000!",
        "--local-user",
        "old@example.org",
        "--armor",
        "--detach-sign",
        "--output",
        "-",
        file.to_str().unwrap(),
    ]);
    let signed = format!("{head}gpgsig {}\n\n{message}\n", signature.trim().replace('\n', "\n "));
    std::fs::write(&file, signed).unwrap();
    let id = repository.git(&["hash-object", "-t", "commit", "-w", file.to_str().unwrap()]);
    repository.git(&["push", "-q", "--force", "origin", &format!("{id}:refs/heads/main")]);
    let old = fetch(&repository, pgp(&[ring.public("old")])).await;
    assert_refused(old, SignatureProblem::Commit, "the key has expired");
    repository.git(&["push", "-q", "--force", "origin", "HEAD:refs/heads/main"]);
    // gpg writes a certificate of revocation beside each key; a colon keeps it from being read by accident.
    let certificate = ring.folder.path().join(format!("openpgp-revocs.d/{ann}.rev"));
    let text = std::fs::read_to_string(certificate).unwrap().replace(":-----BEGIN", "-----BEGIN");
    let file = ring.folder.path().join("revoked");
    std::fs::write(&file, text).unwrap();
    ring.gpg(&["--import", file.to_str().unwrap()]);
    let revoked = fetch(&repository, pgp(&[ring.public("ann")])).await;
    assert_refused(revoked, SignatureProblem::Commit, "the key is revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_that_ssh_keys_signed_are_believed() {
    for kind in [
        &["ed25519"][..],
        &["ecdsa", "-b", "256"],
        &["ecdsa", "-b", "384"],
        &["ecdsa", "-b", "521"],
        &["rsa", "-b", "2048"],
    ] {
        let Some(key) = KeyPair::new(kind, "") else { return };
        let other = KeyPair::new(&["ed25519"], "").unwrap();
        let repository = Repository::with(&[("a", "1")]);
        key.serve(repository.work());
        repository.git(&["config", "commit.gpgSign", "true"]);
        let id = repository.commit(&[], "signed");
        let list = format!("# who signs\n{}\n{}", other.public(), key.public());
        let signers = fetch(&repository, ssh(&[list])).await.unwrap().signers;
        assert_eq!(
            (signers[0].object.as_str(), &signers[0].key),
            (format!("commit '{id}'").as_str(), &key.fingerprint())
        );
        let refused = fetch(&repository, ssh(&[other.public()])).await;
        assert_refused(refused, SignatureProblem::Commit, "no matching key");
        let broken = fetch(&repository, ssh(&["ssh-ed25519 x".into()])).await;
        assert_refused(broken, SignatureProblem::Commit, "unable to parse authorized key");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ssh_signature_for_another_use_is_not_believed() {
    let Some(key) = KeyPair::new(&["ed25519"], "") else { return };
    let repository = Repository::with(&[("a", "1")]);
    let text = repository.git(&["cat-file", "commit", "HEAD"]);
    let (head, message) = text.split_once("\n\n").unwrap();
    let file = repository.work().join("../text");
    std::fs::write(&file, format!("{text}\n")).unwrap();
    let file = file.to_str().unwrap();
    let output = Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", "file", "-f", &key.file(), file])
        .output()
        .unwrap();
    assert!(output.status.success());
    let signature = std::fs::read_to_string(format!("{file}.sig")).unwrap();
    let signed = format!("{head}\ngpgsig {}\n\n{message}\n", signature.trim().replace('\n', "\n "));
    std::fs::write(file, signed).unwrap();
    let id = repository.git(&["hash-object", "-t", "commit", "-w", file]);
    repository.git(&["push", "-q", "--force", "origin", &format!("{id}:refs/heads/main")]);
    let refused = fetch(&repository, ssh(&[key.public()])).await;
    assert_refused(refused, SignatureProblem::Commit, "namespace mismatch");
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_verified_too_where_that_is_wanted() {
    let (Some(key), Some(other)) = (KeyPair::new(&["ed25519"], ""), KeyPair::new(&["ed25519"], "")) else {
        return;
    };
    let repository = Repository::with(&[("a", "1")]);
    key.serve(repository.work());
    repository.git(&["tag", "-s", "-m", "one", "v1.0.0"]);
    repository.git(&["tag", "-a", "-m", "two", "v2.0.0"]);
    repository.git(&["tag", "v3.0.0"]);
    let id = repository.git(&["rev-parse", "v1.0.0"]);
    repository.git(&["push", "-q", "--tags"]);
    let wanted = |mode| Verification { mode, ..ssh(&[key.public()]) };
    let tag = |name: &str| GitReference { tag: Some(name.into()), ..GitReference::default() };
    let both = VerificationMode::TagAndHead;
    let range = GitReference { semver: Some("1.x".into()), ..GitReference::default() };
    let name = GitReference { name: Some("refs/tags/v1.0.0".into()), ..GitReference::default() };
    for reference in [tag("v1.0.0"), range, name] {
        let signers = fetch_at(&repository, reference, wanted(VerificationMode::Tag)).await.unwrap().signers;
        assert_eq!(signers.len(), 1);
        assert_eq!(signers[0].object, format!("tag 'v1.0.0@{id}'"));
        assert_eq!(signers[0].key, key.fingerprint());
    }
    let unsigned_commit = fetch_at(&repository, tag("v1.0.0"), wanted(both)).await;
    assert_refused(unsigned_commit, SignatureProblem::Commit, "unsupported signature type: empty");
    let stranger = Verification { mode: both, ..ssh(&[other.public()]) };
    let refused = fetch_at(&repository, tag("v1.0.0"), stranger).await;
    assert_refused(
        refused,
        SignatureProblem::Tag,
        &format!("signature verification of tag 'v1.0.0@{id}' failed"),
    );
    let unsigned = fetch_at(&repository, tag("v2.0.0"), wanted(both)).await;
    assert_refused(unsigned, SignatureProblem::UnsignedTag, "since it is not signed");
    let light = fetch_at(&repository, tag("v3.0.0"), wanted(both)).await;
    assert_refused(light, SignatureProblem::UnsignedTag, "tag 'v3.0.0' since it is not signed");
    let branch = fetch(&repository, wanted(VerificationMode::Tag)).await;
    assert_refused(branch, SignatureProblem::NoTag, "if a tag reference is not specified");
    // And all is well where both are signed.
    repository.git(&["config", "commit.gpgSign", "true"]);
    repository.commit(&[], "signed");
    repository.git(&["tag", "-s", "-m", "four", "v4.0.0"]);
    repository.git(&["push", "-q", "--tags"]);
    let signers = fetch_at(&repository, tag("v4.0.0"), wanted(both)).await.unwrap().signers;
    assert!(signers[0].object.starts_with("tag 'v4.0.0@") && signers[1].object.starts_with("commit '"));
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_signed_here_with_openpgp_are_believed_by_git() {
    let Some(ring) = Keyring::new() else { return };
    ring.make("ann@example.org", "ed25519", "", "0");
    ring.make("bob@example.org", "rsa3072", "open sesame", "1y");
    ring.make("cas@example.org", "nistp256", "open sesame", "0");
    // One that signs with a subkey alone.
    ring.gpg(&["--passphrase", "", "--quick-generate-key", "dee@example.org", "ed25519", "cert", "0"]);
    let dee = ring.fingerprint("dee");
    ring.gpg(&["--passphrase", "", "--quick-add-key", &dee, "ed25519", "sign", "0"]);
    for (name, passphrase) in [("ann", ""), ("bob", "open sesame"), ("cas", "open sesame"), ("dee", "")] {
        let repository = Repository::with(&[("a", "1")]);
        let secret = Some(Secret::new(passphrase)).filter(|_| !passphrase.is_empty());
        let key = SigningKey::OpenPgp(ring.secret(name, passphrase), secret);
        let id = Git::default().push(&request(&repository, key.clone())).await.unwrap();
        ring.serve(&repository.bare(), &ring.fingerprint(name));
        repository.on_server(&["verify-commit", &id]);
        let signers = fetch(&repository, pgp(&[ring.public(name)])).await.unwrap().signers;
        assert!(ring.fingerprint(name).ends_with(&signers[0].key));
        if let SigningKey::OpenPgp(key, Some(_)) = key {
            for passphrase in [None, Some(Secret::new("wrong one"))] {
                let wrong = SigningKey::OpenPgp(key.clone(), passphrase);
                let error = Git::default().push(&request(&repository, wrong)).await.unwrap_err();
                assert!(error.to_string().contains("passphrase") && !error.can_retry(), "{error}");
                assert!(!format!("{error} {error:?}").contains("wrong one"));
            }
        }
    }
    let repository = Repository::with(&[("a", "1")]);
    let broken = SigningKey::OpenPgp(Secret::new("hunter2"), None);
    let error = Git::default().push(&request(&repository, broken)).await.unwrap_err();
    assert!(error.to_string().contains("it is no armored OpenPGP private key"), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_signed_here_with_ssh_keys_are_believed_by_git() {
    for (kind, passphrase) in [
        (&["ed25519"][..], "open sesame"),
        (&["ecdsa", "-b", "256"], ""),
        (&["rsa", "-b", "2048"], "open sesame"),
    ] {
        let Some(key) = KeyPair::new(kind, passphrase) else { return };
        let repository = Repository::with(&[("a", "1")]);
        let secret = Some(Secret::new(passphrase)).filter(|_| !passphrase.is_empty());
        let signing = SigningKey::Ssh(key.secret(), secret);
        let id = Git::default().push(&request(&repository, signing)).await.unwrap();
        key.serve(&repository.bare());
        repository.on_server(&["verify-commit", &id]);
        let signers = fetch(&repository, ssh(&[key.public()])).await.unwrap().signers;
        assert_eq!(signers[0].key, key.fingerprint());
        if !passphrase.is_empty() {
            for (given, why) in
                [(None, "passphrase required"), (Some(Secret::new("no")), "passphrase is wrong")]
            {
                let wrong = SigningKey::Ssh(key.secret(), given);
                let error = Git::default().push(&request(&repository, wrong)).await.unwrap_err();
                assert!(error.to_string().contains(why) && !error.can_retry(), "{error}");
            }
        }
    }
    let Some(short) = KeyPair::new(&["rsa", "-b", "1024"], "") else { return };
    let repository = Repository::with(&[("a", "1")]);
    let signing = SigningKey::Ssh(short.secret(), None);
    let error = Git::default().push(&request(&repository, signing)).await.unwrap_err();
    assert!(error.to_string().contains("the RSA key has 1024 bits"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_commit_is_byte_for_byte_the_one_that_git_makes() {
    // Signatures of this kind of key are the same each time.
    for format in ["sha1", "sha256"] {
        let Some(key) = KeyPair::new(&["ed25519"], "") else { return };
        let repository = Repository::of_format(format);
        repository.commit(&[("a", "1")], "first");
        let asked = request(&repository, SigningKey::Ssh(key.secret(), None));
        let ours = Git::default().push(&asked).await.unwrap();
        key.serve(repository.work());
        std::fs::write(repository.work().join("b"), "2").unwrap();
        repository.git(&["add", "-A"]);
        let output = Command::new("git")
            .current_dir(repository.work())
            .args(["commit", "-q", "-S", "--cleanup=verbatim", "-m", &asked.message])
            .envs([("GIT_AUTHOR_NAME", "Ann"), ("GIT_AUTHOR_EMAIL", "ann@example.org")])
            .envs([("GIT_COMMITTER_NAME", "Ann"), ("GIT_COMMITTER_EMAIL", "ann@example.org")])
            .envs([("GIT_AUTHOR_DATE", "1700000100 +0000"), ("GIT_COMMITTER_DATE", "1700000100 +0000")])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(
            repository.git(&["cat-file", "commit", "HEAD"]),
            repository.on_server(&["cat-file", "commit", &ours])
        );
        assert_eq!(repository.head(), ours);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_that_signs_is_picked_out_of_a_ring() {
    let Some(ring) = Keyring::new() else { return };
    ring.make("ann@example.org", "ed25519", "", "0");
    ring.make("bob@example.org", "rsa3072", "open sesame", "1y");
    let binary = ring.folder.path().join("ring.gpg");
    let export =
        ["--passphrase", "open sesame", "--output", binary.to_str().unwrap(), "--export-secret-keys"];
    ring.gpg(&export);
    let binary = std::fs::read(binary).unwrap();
    let armored = ring.gpg(&["--passphrase", "open sesame", "--armor", "--export-secret-keys"]).into_bytes();
    // As by appending one export to another.
    let mut joined = ring.secret("ann", "").reveal().as_bytes().to_vec();
    joined.extend_from_slice(ring.secret("bob", "open sesame").reveal().as_bytes());
    let (ann, bob) = (ring.fingerprint("ann"), ring.fingerprint("bob"));
    let short = &bob[bob.len() - 16..];
    let passphrase = Secret::new("open sesame");
    for bytes in [&binary, &armored, &joined] {
        for (id, owner) in [
            (None, "ann"),
            (Some(short.to_owned()), "bob"),
            (Some(format!("0x{}", short.to_lowercase())), "bob"),
            (Some(bob.clone()), "bob"),
            (Some(ann.clone()), "ann"),
        ] {
            let key = openpgp_signing_key(bytes, id.as_deref(), Some(&passphrase)).unwrap();
            let repository = Repository::with(&[("a", "1")]);
            let id = Git::default().push(&request(&repository, key)).await.unwrap();
            ring.serve(&repository.bare(), &ring.fingerprint(owner));
            repository.on_server(&["verify-commit", &id]);
            let signers = fetch(&repository, pgp(&[ring.public(owner)])).await.unwrap().signers;
            assert!(ring.fingerprint(owner).ends_with(&signers[0].key));
        }
    }
    let refused = |bytes: &[u8], id: Option<&str>, passphrase: Option<&Secret>| {
        openpgp_signing_key(bytes, id, passphrase).unwrap_err()
    };
    assert_eq!(refused(b"", None, None), KeyRingError::Empty);
    assert_eq!(refused(b" \n", None, None), KeyRingError::Empty);
    assert!(matches!(refused(b"hunter2", None, None), KeyRingError::Unreadable(_)));
    assert!(matches!(refused(&binary[..binary.len() / 2], None, None), KeyRingError::Unreadable(_)));
    assert_eq!(refused(&binary, Some("0xabc"), None), KeyRingError::IdLength(3));
    let why = refused(&binary, Some("0123456789abcdef"), None).to_string();
    let both = format!("{}, {short}", &ann[ann.len() - 16..]);
    assert_eq!(why, format!("no GPG keyring matching key id '0123456789ABCDEF' found; there is {both}"));
    let public = ring.public("bob");
    assert_eq!(
        refused(public.as_bytes(), Some(short), None).to_string(),
        format!("keyring does not contain private key for key id '{short}'")
    );
    assert_eq!(refused(public.as_bytes(), None, None), KeyRingError::PublicOnly(None));
    for (passphrase, wanted) in [
        (None, "unable to decrypt GPG private key: it wants a passphrase"),
        (Some(Secret::new("hunter2")), "unable to decrypt GPG private key: the passphrase is wrong"),
    ] {
        assert_eq!(refused(&binary, Some(short), passphrase.as_ref()).to_string(), wanted);
    }
}
