//! Slips in containers that every schema allows.

use gitops_yaml::Node;

use super::super::flux::{kind, text};
use super::{Checked, Report};

/// The template of the pods that an object makes.
pub(super) fn pod_spec(object: &Node) -> Option<&Node> {
    let path: &[&str] = match kind(object) {
        "Pod" => &["spec"],
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" | "ReplicationController" => {
            &["spec", "template", "spec"]
        }
        "CronJob" => &["spec", "jobTemplate", "spec", "template", "spec"],
        _ => return None,
    };
    object.at_path(path)
}

/// All containers of a pod.
pub(super) fn containers(pod: &Node) -> impl Iterator<Item = &Node> {
    let lists = ["initContainers", "containers", "ephemeralContainers"];
    lists.into_iter().flat_map(|list| pod.get(list).and_then(Node::items).unwrap_or_default())
}

pub(super) fn check(one: &Checked<'_>, report: &mut Report) {
    let Some(pod) = pod_spec(one.node) else { return };
    for container in containers(pod) {
        image(one, container, report);
        let is_shell = |item: &Node| {
            item.as_str().is_some_and(|text| text.ends_with("sh") || text == "-c" || text.contains(' '))
        };
        let command = container.get("command").and_then(Node::items).unwrap_or_default();
        let args = container.get("args").and_then(Node::items).unwrap_or_default();
        if command.iter().any(is_shell) || args.first().is_some_and(|first| first.as_str() == Some("-c")) {
            continue;
        }
        for item in command.iter().chain(args) {
            argument(one, item, report);
        }
        if command.is_empty()
            && let Some(first) = args.first()
            && let Some(written) = first.as_str()
            && let Some((name, _)) = written.split_once('=')
            && !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_lowercase())
        {
            let message = format!("argument `{written}` has no dash before it");
            let help = format!("programs read flags as -{name}=… or --{name}=…");
            report.warn("argument-without-dash", one, one.show(first), message, &help);
        }
    }
}

fn image(one: &Checked<'_>, container: &Node, report: &mut Report) {
    let Some(image) = container.get("image") else { return };
    let Some(written) = image.as_str() else { return };
    let last = written.rsplit('/').next().unwrap_or(written);
    if written.contains('@') || written.is_empty() || written.contains("${") {
        return;
    }
    let tag = last.split_once(':').map(|(_, tag)| tag);
    if matches!(tag, None | Some("latest")) {
        let message = format!("image {written} names no version: what runs changes without a commit");
        let help = "write a tag, and let an ImagePolicy keep it up to date";
        report.warn("image-without-tag", one, one.show(image), message, help);
    }
}

/// No shell reads arguments: quotes stay, and `${…}` is not expanded.
fn argument(one: &Checked<'_>, item: &Node, report: &mut Report) {
    let Some(written) = item.as_str() else { return };
    let quoted = written.split_once('=').is_some_and(|(name, value)| {
        let starts = value.starts_with('"') || value.starts_with('\'');
        !name.contains(['{', '"']) && value.len() > 1 && starts && value.ends_with(['"', '\''])
    });
    let place = one.show(item);
    if quoted {
        let message = format!("the quotes in argument `{written}` stay in the value: no shell removes them");
        let plain: String = written.chars().filter(|c| !matches!(c, '"' | '\'')).collect();
        report.warn("quotes-in-literal", one, place.clone(), message, &format!("write {plain}"));
    }
    if let Some((_, rest)) = written.split_once("${")
        && let Some((name, _)) = rest.split_once('}')
    {
        let message = format!("`${{{name}}}` is not expanded here: Kubernetes expands only $({name})");
        let help = format!(
            "write $({name}) for the container's environment; ${{{name}}} is a variable of the Kustomization's postBuild, \
             which fails where that does not set it"
        );
        report.warn("shell-variable", one, place, message, &help);
    }
}

/// Returns what an object is called in messages.
pub(super) fn title(object: &Node) -> String {
    format!("{} {}", kind(object), text(object, &["metadata", "name"]))
}
