//! Kustomization: applied, changed, pruned, refused, waited for, deleted.

use std::time::Duration;

use gitops_controllers::{Key, Kind};
use gitops_core::object::Gvk;
use gitops_core::ports::{ObjectRef, WatchEvent};
use gitops_core::testing::Fault;
use gitops_yaml::Node;

use crate::world::{Fleet, tree};

const URL: &str = "https://git.example/fleet";
const REPOSITORY: &str = "
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: fleet, namespace: flux-system}
spec: {url: https://git.example/fleet, interval: 1m, ref: {branch: main}}
---
";

fn kustomization(name: &str, path: &str, more: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\nspec: {{interval: 5m, prune: true, path: {path}, sourceRef: {{kind: GitRepository, name: fleet}}{more}}}\n---\n"
    )
}

fn key(name: &str) -> Key {
    Key::new(Kind::Kustomization, "flux-system", name)
}

fn map(name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: flux-system}}\ndata: {{k: \"{value}\"}}\n"
    )
}

fn data(fleet: &Fleet, name: &str) -> Option<String> {
    let object = fleet.get("v1", "ConfigMap", name)?;
    object.at_path(&["data", "k"]).and_then(Node::as_str).map(str::to_owned)
}

#[test]
fn what_is_in_git_comes_into_the_cluster_and_goes_again() {
    let mut fleet = Fleet::new();
    let (a, b) = (map("a", "1"), map("b", "1"));
    let git = |fleet: &Fleet, files: &[(&str, &str)]| {
        fleet.context.world.git.commit(URL, "main", tree(files), "Change");
    };
    git(&fleet, &[("apps/a.yaml", &a), ("apps/b.yaml", &b), ("docs/x.md", "x")]);
    fleet.apply(&format!("{REPOSITORY}{}", kustomization("apps", "./apps", "")));
    fleet.settle();
    assert!(
        fleet.ready(&key("apps")).starts_with("True ReconciliationSucceeded: Applied revision: main@sha1:")
    );
    assert_eq!((data(&fleet, "a"), data(&fleet, "b")), (Some("1".into()), Some("1".into())));

    let changed = map("a", "2");
    git(&fleet, &[("apps/a.yaml", &changed), ("docs/x.md", "x")]);
    fleet.after(Duration::from_secs(62));
    assert_eq!((data(&fleet, "a"), data(&fleet, "b")), (Some("2".into()), None), "changed, and pruned");

    // A commit that changes nothing of the path moves the revision and applies nothing.
    fleet.context.drift.set_watched(true);
    fleet.after(Duration::from_secs(400));
    fleet.context.world.cluster.forget_requests();
    git(&fleet, &[("apps/a.yaml", &changed), ("docs/x.md", "y")]);
    fleet.after(Duration::from_secs(62));
    let writes = fleet.context.world.cluster.writes();
    assert!(!writes.iter().any(|write| write.contains("ConfigMap")), "{writes:?}");
    assert!(fleet.ready(&key("apps")).starts_with("True"));
}

#[test]
fn what_others_change_is_set_right() {
    let mut fleet = Fleet::new();
    let a = map("a", "1");
    fleet.context.world.git.commit(URL, "main", tree(&[("apps/a.yaml", &a)]), "Begin");
    fleet.apply(&format!("{REPOSITORY}{}", kustomization("apps", "./apps", "")));
    fleet.settle();
    fleet.apply(&map("a", "by hand"));
    assert_eq!(data(&fleet, "a").as_deref(), Some("by hand"));
    fleet.after(Duration::from_secs(400));
    assert_eq!(data(&fleet, "a").as_deref(), Some("1"));
}

#[test]
fn what_another_took_over_and_removed_is_made_again() {
    let mut fleet = Fleet::new();
    let (a, b) = (map("a", "1"), map("b", "1"));
    let files = [("apps/a.yaml", a.as_str()), ("apps/b.yaml", b.as_str())];
    fleet.context.world.git.commit(URL, "main", tree(&files), "Begin");
    fleet.context.drift.set_watched(true);
    fleet.apply(&format!("{REPOSITORY}{}", kustomization("apps", "./apps", "")));
    fleet.settle();
    let mut taken = fleet.get("v1", "ConfigMap", "a").unwrap();
    let metadata = taken.get_mut("metadata").unwrap();
    metadata.set("resourceVersion", Node::string("999"));
    let labels = metadata.get_mut("labels").unwrap();
    labels.set("kustomize.toolkit.fluxcd.io/name", Node::string("other"));
    // Two owners that answered each other at once would never rest.
    assert_eq!(fleet.context.drift.note(WatchEvent::Modified(taken.clone())), []);
    let woken = fleet.context.drift.note(WatchEvent::Deleted(taken));
    assert_eq!(woken, [(key("apps"), Duration::ZERO)]);
    let target =
        ObjectRef { gvk: Gvk::new("v1", "ConfigMap"), namespace: "flux-system".into(), name: "a".into() };
    fleet.context.world.cluster.remove(&target);
    assert_eq!(data(&fleet, "a"), None);
    fleet.after(Duration::from_secs(400));
    assert_eq!(data(&fleet, "a").as_deref(), Some("1"));
}

#[test]
fn dependants_wait_and_go_on_at_once() {
    let mut fleet = Fleet::new();
    let (a, b) = (map("a", "1"), map("b", "1"));
    let files = [("one/a.yaml", a.as_str()), ("two/b.yaml", b.as_str())];
    fleet.context.world.git.commit(URL, "main", tree(&files), "Begin");
    fleet.apply(&format!(
        "{REPOSITORY}{}{}",
        kustomization("two", "two", ", dependsOn: [{name: one}]"),
        kustomization("one", "one", ", retryInterval: 10s")
    ));
    fleet.context.world.cluster.faults.push("apply", Fault::Refused("no quota".into()));
    fleet.settle();
    assert!(fleet.ready(&key("one")).contains("no quota"), "{}", fleet.ready(&key("one")));
    assert_eq!(
        fleet.ready(&key("two")),
        "False DependencyNotReady: dependency 'flux-system/one' is not ready"
    );
    // No more than the dependency's own retry: nothing polls.
    fleet.after(Duration::from_secs(12));
    assert!(fleet.ready(&key("one")).starts_with("True"), "{}", fleet.ready(&key("one")));
    assert!(fleet.ready(&key("two")).starts_with("True"), "{}", fleet.ready(&key("two")));
}

#[test]
fn circles_and_wrong_paths_are_named() {
    let mut fleet = Fleet::new();
    let a = map("a", "1");
    fleet.context.world.git.commit(URL, "main", tree(&[("custers/demo/a.yaml", &a)]), "Begin");
    fleet.apply(&format!(
        "{REPOSITORY}{}{}{}",
        kustomization("one", "one", ", dependsOn: [{name: two}]"),
        kustomization("two", "one", ", dependsOn: [{name: one}]"),
        kustomization("lost", "./clusters/demo", "")
    ));
    fleet.settle();
    assert!(fleet.ready(&key("one")).contains("one → two → one"), "{}", fleet.ready(&key("one")));
    let lost = fleet.ready(&key("lost"));
    assert!(
        lost.starts_with("False BuildFailed") && lost.ends_with("did you mean ./custers/demo?"),
        "{lost}"
    );
}

#[test]
fn variables_are_put_in_and_a_missing_one_names_the_file() {
    let mut fleet = Fleet::new();
    let (a, b) = (map("a", "${region}"), map("b", "${nothing}"));
    let files = [("one/a.yaml", a.as_str()), ("two/b.yaml", b.as_str())];
    fleet.context.world.git.commit(URL, "main", tree(&files), "Begin");
    fleet.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: vars, namespace: flux-system}\ndata: {region: eu}\n");
    let from = ", postBuild: {substituteFrom: [{kind: ConfigMap, name: vars}]}";
    fleet.apply(&format!(
        "{REPOSITORY}{}{}",
        kustomization("one", "one", from),
        kustomization("two", "two", from)
    ));
    fleet.settle();
    assert_eq!(data(&fleet, "a").as_deref(), Some("eu"));
    let two = fleet.ready(&key("two"));
    assert!(two.contains("two/b.yaml:1:1: post build failed for 'ConfigMap/flux-system/b'"), "{two}");
    assert!(two.contains("variable not set (strict mode): \"nothing\""), "{two}");
}

#[test]
fn one_refused_object_does_not_hide_another() {
    let mut fleet = Fleet::new();
    let (a, b, c) = (map("a", "1"), map("b", "1"), map("c", "1"));
    let files = [("apps/a.yaml", a.as_str()), ("apps/b.yaml", b.as_str()), ("apps/c.yaml", c.as_str())];
    fleet.context.world.git.commit(URL, "main", tree(&files), "Begin");
    fleet.apply(&format!("{REPOSITORY}{}", kustomization("apps", "apps", "")));
    for why in ["first refusal", "second refusal"] {
        fleet.context.world.cluster.faults.push("apply", Fault::Refused(why.into()));
    }
    fleet.settle();
    let ready = fleet.ready(&key("apps"));
    assert!(ready.contains("first refusal") && ready.contains("second refusal"), "{ready}");
    assert!(ready.contains("apps/a.yaml:1:1"), "{ready}");
    assert!(data(&fleet, "c").is_some(), "the third is applied all the same");
}

#[test]
fn deletion_takes_the_objects_along() {
    let mut fleet = Fleet::new();
    let a = map("a", "1");
    fleet.context.world.git.commit(URL, "main", tree(&[("apps/a.yaml", &a)]), "Begin");
    fleet.apply(&format!("{REPOSITORY}{}", kustomization("apps", "apps", "")));
    fleet.settle();
    assert!(data(&fleet, "a").is_some());
    fleet.delete(&key("apps"));
    fleet.settle();
    assert!(data(&fleet, "a").is_none());
    assert!(fleet.context.cache.get(&key("apps")).is_none());
}

#[test]
fn what_is_waited_for_must_become_ready() {
    let mut fleet = Fleet::new();
    let web = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: flux-system}\nspec: {replicas: 1}\n";
    fleet.context.world.git.commit(URL, "main", tree(&[("outer/web.yaml", web)]), "Begin");
    fleet.apply(&format!("{REPOSITORY}{}", kustomization("outer", "outer", ", wait: true, timeout: 30s")));
    fleet.settle();
    let ready = fleet.ready(&key("outer"));
    assert!(ready.starts_with("False HealthCheckFailed"), "{ready}");
    assert!(ready.contains("Deployment/flux-system/web status: 'InProgress'"), "{ready}");
}
