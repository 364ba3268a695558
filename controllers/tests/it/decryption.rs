//! Kustomization: what SOPS encrypted is applied decrypted, or refused by name; no value is told.

use std::time::Duration;

use gitops_controllers::{Key, Kind};
use gitops_yaml::Node;

use crate::world::{Fleet, tree};

const URL: &str = "https://git.example/fleet";
const SECRET: &str = include_str!("sops/secret.yaml");
const ENV: &str = include_str!("sops/app.env");
const KEY: &str = include_str!("sops/test.agekey");
const OTHER: &str = include_str!("sops/other.agekey");
const GENERATOR: &str = "
resources: [secret.yaml]
secretGenerator:
- name: app
  namespace: flux-system
  envs: [app.env]
  files: [whole.env=app.env]
  options: {disableNameSuffixHash: true}
";

fn key() -> Key {
    Key::new(Kind::Kustomization, "flux-system", "apps")
}

fn objects(more: &str) -> String {
    format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: fleet, namespace: flux-system}}\n\
         spec: {{url: {URL}, interval: 1m, ref: {{branch: main}}}}\n---\n\
         apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: apps, namespace: flux-system}}\n\
         spec: {{interval: 5m, retryInterval: 10s, prune: true, path: ./apps, sourceRef: {{kind: GitRepository, name: fleet}}{more}}}\n---\n"
    )
}

fn keys(text: &str) -> String {
    let lines = text.replace('\n', "\n    ");
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: sops, namespace: flux-system}}\nstringData:\n  a.agekey: |\n    {lines}\n"
    )
}

const DECRYPTION: &str = ", decryption: {provider: sops, secretRef: {name: sops}}";

fn fleet(text: &str, secret: &str) -> Fleet {
    let mut fleet = Fleet::new();
    let files = [("apps/kustomization.yaml", GENERATOR), ("apps/secret.yaml", secret), ("apps/app.env", ENV)];
    fleet.context.world.git.commit(URL, "main", tree(&files), "Begin");
    fleet.apply(text);
    fleet.settle();
    fleet
}

fn value(fleet: &Fleet, name: &str, field: &str, key: &str) -> Option<String> {
    let object = fleet.get("v1", "Secret", name)?;
    object.at_path(&[field, key]).and_then(Node::as_str).map(str::to_owned)
}

#[test]
fn files_and_generators_are_applied_decrypted() {
    let mut fleet = fleet(&format!("{}{}", objects(DECRYPTION), keys(KEY)), SECRET);
    assert!(fleet.ready(&key()).starts_with("True ReconciliationSucceeded"), "{}", fleet.ready(&key()));
    let password =
        value(&fleet, "db", "stringData", "password").or_else(|| value(&fleet, "db", "data", "password"));
    assert!(matches!(password.as_deref(), Some("hunter2" | "aHVudGVyMg==")), "{password:?}");
    assert!(fleet.get("v1", "Secret", "db").unwrap().get("sops").is_none());
    assert_eq!(value(&fleet, "app", "data", "TOKEN").as_deref(), Some("czNjcmV0"));
    assert_eq!(value(&fleet, "app", "data", "whole.env").as_deref(), Some("VE9LRU49czNjcmV0Cg=="));
    let told = format!("{:?}", fleet.told());
    assert!(!told.contains("hunter2") && !told.contains("s3cret"), "{told}");
}

#[test]
fn a_key_that_comes_later_heals() {
    let mut fleet = fleet(&format!("{}{}", objects(DECRYPTION), keys(OTHER)), SECRET);
    let ready = fleet.ready(&key());
    assert!(ready.starts_with("False BuildFailed: ") && ready.contains("age1example"), "{ready}");
    assert!(fleet.get("v1", "Secret", "db").is_none());
    fleet.apply(&keys(KEY));
    fleet.after(Duration::from_secs(20));
    assert!(fleet.ready(&key()).starts_with("True "), "{}", fleet.ready(&key()));
}

#[test]
fn secrets_that_stay_encrypted_are_refused() {
    let fleet = fleet(&objects(""), SECRET);
    let ready = fleet.ready(&key());
    assert!(
        ready.contains("Secret/flux-system/db is SOPS encrypted, configuring decryption is required"),
        "{ready}"
    );
    assert!(fleet.get("v1", "Secret", "db").is_none());
}

#[test]
fn values_that_were_moved_are_refused_and_not_told() {
    let moved = SECRET.replace("password:", "passphrase:");
    let fleet = fleet(&format!("{}{}", objects(DECRYPTION), keys(KEY)), &moved);
    let ready = fleet.ready(&key());
    assert!(ready.starts_with("False BuildFailed: ") && ready.contains("stringData.passphrase"), "{ready}");
    assert!(!ready.contains("hunter2"));
}
