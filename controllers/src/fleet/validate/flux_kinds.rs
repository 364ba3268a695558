//! Flux's own objects: old versions and fields, automations that can't work, sources that prune themselves.

use std::collections::BTreeSet;

use gitops_core::tree::Source;
use gitops_yaml::{Node, Str};
use image_policy::{Limits, Setters};

use super::super::app::{AppKind, Gap, Severity};
use super::super::flux::{is_true, kind, namespace_of, source_ref, text};
use super::super::render::Rendered;
use super::workloads::title;
use super::{Checked, Report};

/// What Flux's own reader has to say about one object.
pub(super) fn check(one: &Checked<'_>, report: &mut Report) {
    match gitops_core::api::read(one.node) {
        None => {}
        Some(Err(error)) => {
            let place = if error.place.is_known() { one.files.show(error.place) } else { one.place.clone() };
            report.error("flux-object", one, place, format!("{}: {error}", title(one.node)), "");
        }
        Some(Ok(_)) => notices(one, report),
    }
    version(one, report);
    automation(one, report);
    alert(one, report);
}

fn notices(one: &Checked<'_>, report: &mut Report) {
    use gitops_core::api::Flux;
    let Some(Ok(read)) = gitops_core::api::read(one.node) else { return };
    let notices = match &read {
        Flux::GitRepository(object) => &object.notices,
        Flux::OciRepository(object) => &object.notices,
        Flux::HelmRepository(object) => &object.notices,
        Flux::HelmChart(object) => &object.notices,
        Flux::Bucket(object) => &object.notices,
        Flux::ExternalArtifact(object) => &object.notices,
        Flux::Kustomization(object) => &object.notices,
        Flux::HelmRelease(object) => &object.notices,
        Flux::ImageRepository(object) => &object.notices,
        Flux::ImagePolicy(object) => &object.notices,
        Flux::ImageUpdateAutomation(object) => &object.notices,
        Flux::Alert(object) => &object.notices,
        Flux::Provider(object) => &object.notices,
        Flux::Receiver(object) => &object.notices,
    };
    for notice in notices {
        let place = if notice.place.is_known() { one.files.show(notice.place) } else { one.place.clone() };
        let message = format!("{}: {}", title(one.node), notice.message);
        report.warn("removed-field", one, place, message, "the newest Flux refuses the field: remove it");
    }
}

/// The version that Flux serves now, and the last Flux that served an old one.
const VERSIONS: [(&str, &str, &str); 14] = [
    ("Kustomization", "kustomize.toolkit.fluxcd.io", "v1"),
    ("HelmRelease", "helm.toolkit.fluxcd.io", "v2"),
    ("GitRepository", "source.toolkit.fluxcd.io", "v1"),
    ("OCIRepository", "source.toolkit.fluxcd.io", "v1"),
    ("HelmRepository", "source.toolkit.fluxcd.io", "v1"),
    ("HelmChart", "source.toolkit.fluxcd.io", "v1"),
    ("Bucket", "source.toolkit.fluxcd.io", "v1"),
    ("ExternalArtifact", "source.toolkit.fluxcd.io", "v1"),
    ("ImageRepository", "image.toolkit.fluxcd.io", "v1"),
    ("ImagePolicy", "image.toolkit.fluxcd.io", "v1"),
    ("ImageUpdateAutomation", "image.toolkit.fluxcd.io", "v1"),
    ("Alert", "notification.toolkit.fluxcd.io", "v1beta3"),
    ("Provider", "notification.toolkit.fluxcd.io", "v1beta3"),
    ("Receiver", "notification.toolkit.fluxcd.io", "v1"),
];

fn version(one: &Checked<'_>, report: &mut Report) {
    let written = text(one.node, &["apiVersion"]);
    let Some((group, version)) = written.split_once('/') else { return };
    let now = VERSIONS.iter().find(|(known, in_group, _)| *known == kind(one.node) && *in_group == group);
    if let Some((kind, _, now)) = now.filter(|(_, _, now)| *now != version) {
        let message = format!(
            "{kind} {}: {written} is no longer served by the newest Flux: no matches for kind \"{kind}\" in version \
             \"{written}\"",
            text(one.node, &["metadata", "name"])
        );
        let help = format!("write apiVersion: {group}/{now}");
        report.warn("deprecated-version", one, one.show_at(&["apiVersion"]), message, &help);
    }
}

fn automation(one: &Checked<'_>, report: &mut Report) {
    if kind(one.node) != "ImageUpdateAutomation" {
        return;
    }
    let Some(spec) = one.node.get("spec") else { return };
    let template = spec.at_path(&["git", "commit", "messageTemplate"]);
    if let Some(template) =
        template.filter(|template| template.as_str().is_some_and(|t| t.contains(".Updated")))
    {
        let message = "the message template uses .Updated, which Flux removed".to_owned();
        let help = "use .Changed: .Changed.FileChanges, .Changed.Objects, .Changed.Changes";
        report.warn("removed-field", one, one.show(template), message, help);
    }
    if text(spec, &["update", "path"]).is_empty() {
        let message =
            "no update.path: every file of the repository is looked at and may be changed".to_owned();
        report.note(
            "automation",
            one,
            one.show_at(&["spec", "update"]),
            message,
            "name the folder with the markers",
        );
    }
    let from = text(spec, &["git", "checkout", "ref", "branch"]);
    let to = text(spec, &["git", "push", "branch"]);
    if to.is_empty() || to == from {
        let message = format!("commits go straight to the branch that is applied{}", shown(&from));
        let help = "name another branch in spec.git.push.branch to have them reviewed";
        report.note("automation", one, one.show_at(&["spec", "git"]), message, help);
    }
}

fn shown(branch: &str) -> String {
    if branch.is_empty() { String::new() } else { format!(": {branch}") }
}

fn alert(one: &Checked<'_>, report: &mut Report) {
    if kind(one.node) != "Alert" {
        return;
    }
    for source in one.node.at_path(&["spec", "eventSources"]).and_then(Node::items).unwrap_or_default() {
        if text(source, &["name"]) == "*" && text(source, &["namespace"]).is_empty() {
            let message = format!(
                "{} hears of each {} of namespace {} only",
                title(one.node),
                text(source, &["kind"]),
                namespace_of(one.node)
            );
            report.note(
                "alert",
                one,
                one.show(source),
                message,
                "add an eventSource for each other namespace",
            );
        }
    }
}

/// What can only be seen of all apps together.
pub(super) fn check_fleet(
    rendered: &Rendered,
    checked: &[Checked<'_>],
    source: &dyn Source,
    files: &[String],
    report: &mut Report,
) {
    self_pruning(rendered, report);
    let automations: Vec<&Checked<'_>> =
        checked.iter().filter(|one| kind(one.node) == "ImageUpdateAutomation").collect();
    let mut setters = Setters::default();
    for path in files {
        if let Ok(content) = source.read(path) {
            setters.add(path, &content, Limits::default());
        }
    }
    let policies: BTreeSet<(Str, Str)> = checked
        .iter()
        .filter(|one| kind(one.node) == "ImagePolicy")
        .map(|one| (namespace_of(one.node), text(one.node, &["metadata", "name"])))
        .collect();
    for one in &automations {
        let namespace = namespace_of(one.node);
        if !policies.iter().any(|(known, _)| *known == namespace) {
            let message = format!("{}: no ImagePolicy in namespace {namespace}", title(one.node));
            let help = "it never changes a file: add an ImageRepository and an ImagePolicy";
            report.warn("automation", one, one.place.clone(), message, help);
        }
        let below = text(one.node, &["spec", "update", "path"]);
        let below = gitops_core::tree::clean(&below).unwrap_or_default();
        let is_below = |file: &str| below == "." || file.starts_with(&format!("{below}/"));
        if !setters.setters.iter().any(|setter| is_below(&setter.file)) {
            let shown = if below == "." { "this repository" } else { &below };
            let message = format!("{}: no $imagepolicy markers found in {shown}", title(one.node));
            let help = "mark the images to update: # {\"$imagepolicy\": \"namespace:policy\"}";
            report.warn("automation", one, one.place.clone(), message, help);
        }
        let reference = source_ref(one.node, &["spec", "sourceRef"]);
        let found = checked.iter().find(|other| {
            reference.as_ref().is_some_and(|reference| {
                reference.kind == kind(other.node)
                    && text(other.node, &["metadata", "name"]) == reference.name
                    && namespace_of(other.node) == reference.namespace
            })
        });
        if let Some(other) = found
            && other.node.at_path(&["spec", "secretRef"]).is_none()
            && text(other.node, &["spec", "provider"]).is_empty()
        {
            let message = format!("{}: the repository that it pushes to has no secretRef", title(one.node));
            let help = format!("pushing needs a login: set spec.secretRef in {}", other.place);
            let at = one.show_at(&["spec", "sourceRef"]);
            report.warn("automation", one, at, message, &help);
        }
    }
    for setter in &setters.setters {
        let marker = &setter.marker;
        if !automations.is_empty() || !policies.is_empty() {
            let wanted = (marker.policy.namespace.as_str().into(), marker.policy.name.as_str().into());
            if !policies.contains(&wanted) {
                let place = format!("{}:{}:{}", setter.file, setter.line, setter.column);
                let message =
                    format!("marker names no ImagePolicy of this repository: {}:{}", wanted.0, wanted.1);
                let near =
                    gitops_yaml::did_you_mean(&wanted.1, policies.iter().map(|(_, name)| name.as_str()));
                let help = near.map_or_else(
                    || "add the policy, or remove the marker".to_owned(),
                    |near| format!("did you mean {near}?"),
                );
                let gap = Gap::new(Severity::Warning, place, message).help(help);
                report.add("setter-without-policy", None, gap);
            }
        }
    }
    for problem in &setters.problems {
        let place = format!("{}:{}:{}", problem.file, problem.line, problem.column);
        let message = format!("a marker that Flux ignores: {}", problem.problem);
        report.add("setter", None, Gap::new(Severity::Warning, place, message));
    }
}

/// A source that is pruned by what it feeds: moving its file would delete the source of everything.
fn self_pruning(rendered: &Rendered, report: &mut Report) {
    for app in rendered.apps.iter().filter(|app| app.id.kind == AppKind::Kustomization) {
        let (Some(fed_by), true) = (&app.source, is_true(&app.manifest, &["spec", "prune"])) else {
            continue;
        };
        for object in &app.objects {
            let is_source = object.id.kind == fed_by.kind
                && object.id.name == fed_by.name
                && object.id.namespace == fed_by.namespace;
            let Some(node) = object.node.as_ref().filter(|_| is_source) else { continue };
            let prune = ["labels", "annotations"]
                .map(|part| text(node, &["metadata", part, "kustomize.toolkit.fluxcd.io/prune"]));
            if prune.iter().any(|value| value == "disabled") {
                continue;
            }
            let message = format!(
                "this source is pruned by {}, which it feeds: moving this file deletes the source of everything",
                app.id.name
            );
            let gap = Gap::new(Severity::Warning, &*object.place, message)
                .help("annotate it with kustomize.toolkit.fluxcd.io/prune: disabled");
            report.add("self-pruning-source", Some(&app.id), gap);
        }
    }
}
