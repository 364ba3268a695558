//! GitRepository: fetched once a revision, refused with a reason.

use std::time::Duration;

use gitops_controllers::{Key, Kind};
use gitops_yaml::Node;

use crate::world::{Fleet, tree};

const URL: &str = "https://git.example/fleet";
const REPOSITORY: &str = "
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: fleet, namespace: flux-system}
spec: {url: https://git.example/fleet, interval: 1m, ref: {branch: main}}
";

fn key() -> Key {
    Key::new(Kind::GitRepository, "flux-system", "fleet")
}

fn revision(fleet: &Fleet) -> String {
    let object = fleet.context.cache.get(&key()).unwrap();
    object.at_path(&["status", "artifact", "revision"]).and_then(Node::as_str).unwrap().to_owned()
}

#[test]
fn a_revision_is_stored_once() {
    let mut fleet = Fleet::new();
    let commit = fleet.context.world.git.commit(URL, "main", tree(&[("a.yaml", "a: 1")]), "Begin\n\nwith a");
    fleet.apply(REPOSITORY);
    fleet.settle();
    assert_eq!(revision(&fleet), format!("main@sha1:{commit}"));
    assert!(fleet.ready(&key()).starts_with("True Succeeded: stored artifact for revision 'main@sha1:"));
    let before = fleet.context.cache.get(&key()).unwrap();
    fleet.after(Duration::from_secs(61));
    let after = fleet.context.cache.get(&key()).unwrap();
    let version = |object: &Node| {
        object.at_path(&["metadata", "resourceVersion"]).and_then(Node::as_str).map(str::to_owned)
    };
    assert_eq!(version(&before), version(&after), "nothing is written where nothing has changed");
    let next = fleet.context.world.git.commit(URL, "main", tree(&[("a.yaml", "a: 2")]), "Go on");
    fleet.after(Duration::from_secs(61));
    assert_eq!(revision(&fleet), format!("main@sha1:{next}"));
}

#[test]
fn what_is_wrong_stands_in_the_condition() {
    let mut fleet = Fleet::new();
    fleet.apply(&REPOSITORY.replace("spec: {", "spec: {secretRef: {name: login}, "));
    fleet.settle();
    assert_eq!(
        fleet.ready(&key()),
        "False AuthenticationFailed: failed to get secret 'flux-system/login': secrets \"login\" not found"
    );
    fleet.apply("apiVersion: v1\nkind: Secret\nmetadata: {name: login, namespace: flux-system}\ndata: {password: c2VjcmV0}\n");
    fleet.after(Duration::from_secs(5));
    let ready = fleet.ready(&key());
    assert!(
        ready.contains("'password' requires 'username' to be set") && !ready.contains("secret,"),
        "{ready}"
    );
}

#[test]
fn a_server_that_fails_is_tried_again() {
    let mut fleet = Fleet::new();
    fleet.context.world.git.commit(URL, "main", tree(&[("a.yaml", "a: 1")]), "Begin");
    fleet.context.world.git.faults.push("resolve", gitops_core::testing::Fault::Error("timed out".into()));
    fleet.apply(REPOSITORY);
    fleet.settle();
    assert!(fleet.ready(&key()).starts_with("False GitOperationFailed"), "{}", fleet.ready(&key()));
    fleet.after(Duration::from_secs(2));
    assert!(fleet.ready(&key()).starts_with("True Succeeded"), "{}", fleet.ready(&key()));
}

const KEYS: &str = "
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: flux-system}
stringData: {ann.asc: ann's key, bob.sshpub: bob's key}
";

fn condition(fleet: &Fleet, kind: &str) -> Option<String> {
    let object = fleet.context.cache.get(&key()).unwrap();
    let conditions = object.at_path(&["status", "conditions"]).and_then(Node::items).unwrap();
    let text = |node: &Node, name: &str| node.get(name).and_then(Node::as_str).unwrap_or_default().to_owned();
    let found = conditions.iter().find(|found| text(found, "type") == kind)?;
    Some(format!("{} {}: {}", text(found, "status"), text(found, "reason"), text(found, "message")))
}

#[test]
fn a_commit_is_stored_once_a_trusted_key_has_signed_it() {
    let mut fleet = Fleet::new();
    let verified = REPOSITORY.replace("spec: {", "spec: {verify: {secretRef: {name: keys}}, ");
    let commit = fleet.context.world.git.commit(URL, "main", tree(&[("a.yaml", "a: 1")]), "Begin");
    fleet.apply(&verified);
    fleet.settle();
    let missing =
        "False VerificationError: public keys secret error: failed to get secret 'flux-system/keys'";
    assert!(fleet.ready(&key()).starts_with(missing), "{}", fleet.ready(&key()));
    fleet.apply(KEYS);
    fleet.after(Duration::from_secs(5));
    let refused = format!(
        "False InvalidCommitSignature: signature verification of commit '{commit}' failed: no matching key"
    );
    assert_eq!(fleet.ready(&key()), refused);
    assert_eq!(condition(&fleet, "SourceVerified"), Some(refused));
    assert_eq!(condition(&fleet, "FetchFailed"), None);
    for (signer, message) in [("ann's key", "Signed by one"), ("bob's key", "and by the other")] {
        let commit = fleet.context.world.git.commit(URL, "main", tree(&[("a.yaml", message)]), message);
        fleet.context.world.git.sign(URL, &commit, signer);
        fleet.after(Duration::from_secs(200));
        assert_eq!(
            condition(&fleet, "SourceVerified"),
            Some(format!("True Succeeded: verified signature of\n\t- commit '{commit}' with key '{signer}'"))
        );
        assert_eq!(revision(&fleet), format!("main@sha1:{commit}"));
        let object = fleet.context.cache.get(&key()).unwrap();
        let mode = object.at_path(&["status", "sourceVerificationMode"]).and_then(Node::as_str);
        assert_eq!(mode, Some("HEAD"));
    }
    // Without the wish nothing is said of signatures.
    fleet.apply(REPOSITORY);
    fleet.after(Duration::from_secs(61));
    assert_eq!(condition(&fleet, "SourceVerified"), None);
}

#[test]
fn a_branch_has_no_tag_to_verify() {
    let mut fleet = Fleet::new();
    fleet.context.world.git.commit(URL, "main", tree(&[("a.yaml", "a: 1")]), "Begin");
    fleet.apply(KEYS);
    fleet.apply(&REPOSITORY.replace("spec: {", "spec: {verify: {mode: Tag, secretRef: {name: keys}}, "));
    fleet.settle();
    let why =
        "InvalidVerificationMode: cannot verify tag object's signature if a tag reference is not specified";
    assert_eq!(fleet.ready(&key()), format!("False {why}"));
    assert_eq!(condition(&fleet, "Stalled"), Some(format!("True {why}")));
}
