//! The flow of an image: tags are listed, one is chosen, the file is changed, committed and pushed, and the new revision
//! is fetched at once.

use std::time::Duration;

use gitops_controllers::{Key, Kind};
use gitops_core::testing::Fault;
use gitops_yaml::Node;

use crate::world::{Fleet, tree};

const URL: &str = "https://git.example/fleet";
const OBJECTS: &str = "
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: fleet, namespace: flux-system}
spec: {url: https://git.example/fleet, interval: 10m, ref: {branch: main}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: echo, namespace: flux-system}
spec: {image: registry.example/echo, interval: 1m}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: echo, namespace: flux-system}
spec: {imageRepositoryRef: {name: echo}, policy: {semver: {range: 1.x}}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata: {name: fleet, namespace: flux-system}
spec:
  interval: 10m
  sourceRef: {kind: GitRepository, name: fleet}
  git:
    commit:
      author: {name: bot, email: bot@example.com}
      messageTemplate: \"Update{{ range .Changed.Changes }} {{ .NewValue }}{{ end }}\"
  update: {path: ./apps, strategy: Setters}
";
const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: echo}\nspec:\n  template:\n    spec:\n      containers:\n        - image: registry.example/echo:1.0.0 # {\"$imagepolicy\": \"flux-system:echo\"}\n";

pub(crate) fn fleet(tags: &[&str]) -> Fleet {
    let fleet = Fleet::new();
    fleet.context.world.git.commit(URL, "main", tree(&[("apps/echo.yaml", DEPLOYMENT)]), "Begin");
    fleet.context.world.registry.set_tags("registry.example/echo", tags.iter().copied());
    fleet.apply(OBJECTS);
    fleet
}

fn key(kind: Kind, name: &str) -> Key {
    Key::new(kind, "flux-system", name)
}

#[test]
fn a_new_tag_is_committed_and_fetched_at_once() {
    let mut fleet = fleet(&["1.0.0"]);
    fleet.settle();
    let automation = key(Kind::ImageUpdateAutomation, "fleet");
    assert_eq!(fleet.ready(&automation), "True Succeeded: repository up-to-date");
    fleet.context.world.registry.set_tags("registry.example/echo", ["1.0.0", "1.1.0", "2.0.0"]);
    // The image is scanned after a minute; everything after that follows by itself.
    fleet.after(Duration::from_secs(62));
    assert_eq!(
        fleet.ready(&key(Kind::ImagePolicy, "echo")),
        "True Succeeded: Latest image tag for registry.example/echo resolved to 1.1.0 (previously registry.example/echo:1.0.0)"
    );
    let messages = fleet.context.world.git.messages(URL);
    assert_eq!(messages, ["Begin", "Update registry.example/echo:1.1.0"]);
    assert_eq!(fleet.ready(&automation), "True Succeeded: repository up-to-date");
    let repository = fleet.context.cache.get(&key(Kind::GitRepository, "fleet")).unwrap();
    let pushed = fleet.context.cache.get(&automation).unwrap();
    let commit = pushed.at_path(&["status", "lastPushCommit"]).and_then(Node::as_str).unwrap();
    let revision = repository.at_path(&["status", "artifact", "revision"]).and_then(Node::as_str).unwrap();
    assert_eq!(revision, format!("main@sha1:{commit}"));
}

#[test]
fn a_push_that_others_overtook_is_made_anew() {
    let mut fleet = fleet(&["1.0.0", "1.2.0"]);
    fleet.context.world.git.faults.push("push", Fault::Conflict);
    fleet.settle();
    assert_eq!(fleet.context.world.git.messages(URL), ["Begin", "Update registry.example/echo:1.2.0"]);
}

#[test]
fn a_policy_says_what_it_looked_at() {
    let mut fleet = fleet(&["main-1", "main-2"]);
    fleet.settle();
    let ready = fleet.ready(&key(Kind::ImagePolicy, "echo"));
    assert!(
        ready.starts_with("False ReadOperationFailed") && ready.contains("2 tags such as main-2, main-1"),
        "{ready}"
    );
}

#[test]
fn other_namespaces_use_an_image_where_it_lets_them() {
    let mut fleet = fleet(&["1.0.0"]);
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: team, labels: {tier: dev}}\n---\n";
    let policy = "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {name: echo, namespace: team}\nspec: {imageRepositoryRef: {name: echo, namespace: flux-system}, policy: {semver: {range: 1.x}}}\n";
    fleet.apply(&format!("{namespace}{policy}"));
    fleet.settle();
    let key = Key::new(Kind::ImagePolicy, "team", "echo");
    assert!(fleet.ready(&key).starts_with("False AccessDenied: 'flux-system/echo'"), "{}", fleet.ready(&key));
    let repository = |tier: &str| {
        format!(
            "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {{name: echo, namespace: flux-system}}\nspec: {{image: registry.example/echo, interval: 1m, accessFrom: {{namespaceSelectors: [{{matchLabels: {{tier: {tier}}}}}]}}}}\n"
        )
    };
    fleet.apply(&repository("prod"));
    fleet.after(Duration::from_secs(62));
    assert!(fleet.ready(&key).contains("namespaceSelectors"), "{}", fleet.ready(&key));
    fleet.apply(&repository("dev"));
    fleet.after(Duration::from_secs(62));
    assert!(fleet.ready(&key).starts_with("True Succeeded"), "{}", fleet.ready(&key));
}

#[test]
fn commits_are_signed_with_the_key_of_the_secret() {
    for (kind, field) in [("gpg", "git.asc"), ("ssh", "identity")] {
        let mut fleet = fleet(&["1.0.0", "1.2.0"]);
        let signed = format!("commit:\n      signingKey: {{type: {kind}, secretRef: {{name: signer}}}}");
        fleet.apply(&OBJECTS.replace("commit:", &signed));
        fleet.settle();
        let ready = fleet.ready(&key(Kind::ImageUpdateAutomation, "fleet"));
        assert!(ready.starts_with("False InvalidSourceConfiguration") && ready.contains("signer"), "{ready}");
        fleet.apply(&format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: signer, namespace: flux-system}}\nstringData: {{{field}: the key}}\n"
        ));
        fleet.after(Duration::from_secs(5));
        let signatures = fleet.context.world.git.signatures(URL);
        assert_eq!(signatures, [None, Some("the key".to_owned())], "{kind}");
        let ready = fleet.ready(&key(Kind::ImageUpdateAutomation, "fleet"));
        assert!(ready.starts_with("True") && !ready.contains("the key"), "{ready}");
    }
}
