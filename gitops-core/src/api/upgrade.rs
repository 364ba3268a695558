//! Fields of older versions, as the newest version says the same.

use gitops_yaml::{Dialect, Entry, Node, print_sigs};

use super::read::Notice;

/// Rewrites a spec in place; what has no successor is told.
pub(super) fn upgrade(kind: &str, spec: &mut Node, notices: &mut Vec<Notice>) {
    match kind {
        "Kustomization" => kustomization(spec, notices),
        "HelmRelease" => helm_release(spec),
        "HelmChart" => values_file(spec),
        "GitRepository" => {
            dropped(spec, "gitImplementation", "there is one implementation", notices);
            dropped(spec, "accessFrom", "it was never enforced", notices);
        }
        "ImageUpdateAutomation" => automation(spec),
        _ => {}
    }
}

fn dropped(spec: &mut Node, field: &str, why: &str, notices: &mut Vec<Notice>) {
    if let Some(value) = spec.remove(field) {
        notices.push(Notice {
            place: value.place,
            message: format!("spec.{field} has no effect any more ({why}): remove it"),
        });
    }
}

fn kustomization(spec: &mut Node, notices: &mut Vec<Notice>) {
    dropped(spec, "validation", "every object is checked by the server before it is applied", notices);
    if let Some(name) = spec.remove("serviceAccount").and_then(|account| account.get("name").cloned()) {
        spec.set("serviceAccountName", name);
    }
    patches(spec);
    for check in spec.get_mut("healthChecks").and_then(Node::items_mut).into_iter().flatten() {
        if check.get("apiVersion").is_some() {
            continue;
        }
        let version = match check.get("kind").and_then(Node::as_str) {
            Some("Deployment" | "StatefulSet" | "DaemonSet") => "apps/v1",
            Some("Job" | "CronJob") => "batch/v1",
            Some("HelmRelease") => "helm.toolkit.fluxcd.io/v2",
            _ => continue,
        };
        check.set("apiVersion", Node::string(version));
    }
}

/// `patchesStrategicMerge` and `patchesJson6902` as `patches`, before those that stand there.
fn patches(spec: &mut Node) {
    let mut found = Vec::new();
    for object in spec.remove("patchesStrategicMerge").as_ref().and_then(Node::items).unwrap_or_default() {
        found.push(patch(object, None));
    }
    for entry in spec.remove("patchesJson6902").as_ref().and_then(Node::items).unwrap_or_default() {
        if let Some(operations) = entry.get("patch") {
            found.push(patch(operations, entry.get("target").cloned()));
        }
    }
    if found.is_empty() {
        return;
    }
    found.extend(spec.remove("patches").as_ref().and_then(Node::items).unwrap_or_default().iter().cloned());
    spec.set("patches", Node::sequence(found));
}

fn patch(content: &Node, target: Option<Node>) -> Node {
    let text = match content.as_str() {
        Some(text) => text.to_owned(),
        // A patch that can't be printed is refused as an empty one when it is read.
        None => print_sigs(content, Dialect::Yaml11).unwrap_or_default(),
    };
    let mut entries = vec![Entry { key: Node::string("patch"), value: Node::string(text).at(content.place) }];
    if let Some(target) = target {
        entries.push(Entry { key: Node::string("target"), value: target });
    }
    Node::mapping(entries).at(content.place)
}

fn values_file(spec: &mut Node) {
    if let Some(file) = spec.remove("valuesFile") {
        let is_named = file.as_str().is_some_and(|file| !file.is_empty());
        if is_named && spec.get("valuesFiles").is_none() {
            spec.set("valuesFiles", Node::sequence(vec![file]));
        }
    }
}

fn helm_release(spec: &mut Node) {
    if let Some(chart) = spec.get_mut("chart").and_then(|chart| chart.get_mut("spec")) {
        values_file(chart);
    }
    for renderer in spec.get_mut("postRenderers").and_then(Node::items_mut).into_iter().flatten() {
        if let Some(kustomize) = renderer.get_mut("kustomize") {
            patches(kustomize);
        }
    }
    for action in ["install", "upgrade"] {
        let Some(action) = spec.get_mut(action) else { continue };
        let skips = action.remove("skipCRDs").is_some_and(|skip| skip.as_str() == Some("true"));
        if skips && action.get("crds").is_none() {
            action.set("crds", Node::string("Skip"));
        }
    }
}

/// v1alpha1's `checkout`, `commit` and `push` as `sourceRef` and `git`.
fn automation(spec: &mut Node) {
    let mapping = || Node::mapping(Vec::new());
    let checkout = spec.remove("checkout");
    let commit = spec.remove("commit");
    let push = spec.remove("push");
    if checkout.is_none() && commit.is_none() && push.is_none() {
        return;
    }
    let mut git = spec.remove("git").unwrap_or_else(mapping);
    if let Some(checkout) = checkout {
        if let Some(repository) = checkout.get("gitRepositoryRef") {
            let mut source = repository.clone();
            source.set("kind", Node::string("GitRepository"));
            spec.set("sourceRef", source);
        }
        if let Some(branch) = checkout.get("branch") {
            let (mut outer, mut reference) = (mapping(), mapping());
            reference.set("branch", branch.clone());
            outer.set("ref", reference);
            git.set("checkout", outer);
        }
    }
    if let Some(mut commit) = commit {
        let mut author = mapping();
        for (old, new) in [("authorName", "name"), ("authorEmail", "email")] {
            if let Some(value) = commit.remove(old) {
                author.set(new, value);
            }
        }
        commit.set("author", author);
        git.set("commit", commit);
    }
    if let Some(push) = push {
        git.set("push", push);
    }
    spec.set("git", git);
}
