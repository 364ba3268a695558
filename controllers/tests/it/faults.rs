//! What goes wrong around a reconciliation, or ends it half way: in the end all is as if nothing had.

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
spec: {url: https://git.example/fleet, interval: 1m, ref: {branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec: {interval: 5m, retryInterval: 10s, prune: true, wait: true, path: ./apps, sourceRef: {kind: GitRepository, name: fleet}}
";

fn map(name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: flux-system}}\ndata: {{k: \"{value}\"}}\n"
    )
}

/// Commits one file a map.
fn commit(fleet: &Fleet, maps: &[(&str, &str)]) {
    let files: Vec<(String, String)> =
        maps.iter().map(|(name, value)| (format!("apps/{name}.yaml"), map(name, value))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    fleet.context.world.git.commit(URL, "main", tree(&files), "Change");
}

/// The three maps that may be there, and the entries of the inventory.
fn seen(fleet: &Fleet) -> (Vec<(String, String)>, Vec<String>) {
    let maps = ["a", "b", "c"].iter().filter_map(|name| {
        let object = fleet.get("v1", "ConfigMap", name)?;
        Some(((*name).to_owned(), object.at_path(&["data", "k"])?.as_str()?.to_owned()))
    });
    let owner = fleet.get("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "apps").unwrap();
    let entries =
        owner.at_path(&["status", "inventory", "entries"]).and_then(Node::items).unwrap_or_default();
    let mut ids: Vec<String> =
        entries.iter().filter_map(|entry| entry.get("id")?.as_str().map(str::to_owned)).collect();
    ids.sort();
    (maps.collect(), ids)
}

fn wanted(maps: &[(&str, &str)]) -> (Vec<(String, String)>, Vec<String>) {
    let pairs = maps.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    (pairs, maps.iter().map(|(name, _)| format!("flux-system_{name}__ConfigMap")).collect())
}

/// Lets minutes pass until all is as wanted.
#[track_caller]
fn converges(fleet: &mut Fleet, maps: &[(&str, &str)], case: &str) {
    let key = Key::new(Kind::Kustomization, "flux-system", "apps");
    for _ in 0..40 {
        fleet.after(Duration::from_secs(62));
        if seen(fleet) == wanted(maps) && fleet.ready(&key).starts_with("True ") {
            return;
        }
    }
    panic!("{case}: {:?}, {}\n{:#?}", seen(fleet), fleet.ready(&key), fleet.told());
}

#[test]
fn a_server_that_fails_at_random_is_outlived() {
    for seed in 1..=20u64 {
        let mut state = seed;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut fleet = Fleet::new();
        let rounds: [&[(&str, &str)]; 3] =
            [&[("a", "1"), ("b", "1")], &[("a", "2"), ("c", "1")], &[("b", "3"), ("c", "1")]];
        fleet.apply(OBJECTS);
        for (round, maps) in rounds.iter().enumerate() {
            commit(&fleet, maps);
            for _ in 0..12 {
                let call = ["get", "apply", "dry-run", "patch", "delete", "kind"][random(6) as usize];
                let fault = match (call, random(3)) {
                    ("apply" | "patch" | "delete", 0) => Fault::Conflict,
                    ("apply" | "patch" | "delete", 1) => Fault::PartialWrite,
                    _ => Fault::Error("the server is busy".into()),
                };
                fleet.context.world.cluster.faults.push(call, fault);
            }
            converges(&mut fleet, maps, &format!("seed {seed}, round {round}"));
        }
    }
}

#[test]
fn a_controller_that_is_killed_half_way_loses_nothing() {
    let before: &[(&str, &str)] = &[("a", "1"), ("b", "1")];
    let after: &[(&str, &str)] = &[("a", "2"), ("c", "1")];
    let mut kills = 0;
    for call in ["get", "apply", "dry-run", "patch", "delete"] {
        for nth in 0..8 {
            let mut fleet = Fleet::new();
            fleet.apply(OBJECTS);
            commit(&fleet, before);
            converges(&mut fleet, before, "at first");
            commit(&fleet, after);
            fleet.kill_at(call, nth);
            fleet.after(Duration::from_secs(62));
            if fleet.is_dead() {
                kills += 1;
                fleet = fleet.restart();
            }
            fleet.be_safe();
            converges(&mut fleet, after, &format!("killed at {call} {nth}"));
        }
    }
    assert!(kills >= 6, "{kills} kills");
}

#[test]
fn a_bot_that_is_killed_commits_once() {
    let mut kills = 0;
    for (port, call) in [("git", "push"), ("git", "fetch"), ("cluster", "patch")] {
        for nth in 0..8 {
            let mut fleet = crate::image::fleet(&["1.0.0"]);
            fleet.settle();
            fleet.context.world.registry.set_tags("registry.example/echo", ["1.0.0", "1.1.0"]);
            match port {
                "git" => fleet.kill_git_at(call, nth),
                _ => fleet.kill_at(call, nth),
            }
            fleet.after(Duration::from_secs(62));
            if fleet.is_dead() {
                kills += 1;
                fleet = fleet.restart();
            }
            fleet.be_safe();
            for _ in 0..12 {
                fleet.after(Duration::from_secs(62));
            }
            let messages = fleet.context.world.git.messages(URL);
            assert_eq!(messages, ["Begin", "Update registry.example/echo:1.1.0"], "killed at {call} {nth}");
        }
    }
    assert!(kills >= 5, "{kills} kills");
}
