//! One object as one row of its kind's table.

use crate::cluster::ready::condition;
use crate::cluster::{Target, text};
use gitops_yaml::Node;

/// Which columns stand beside those of the kind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    /// The namespace first.
    pub(super) namespace: bool,
    /// The kind before the name.
    pub(super) kind: bool,
    /// The source after the name.
    pub(super) source: bool,
}

/// Returns the titles of a kind's table.
pub(super) fn header(target: Target, namespace: bool, source: bool) -> Vec<&'static str> {
    let mut titles = Vec::new();
    if namespace {
        titles.push("Namespace");
    }
    titles.push("Name");
    if source {
        titles.push("Source");
    }
    titles.extend(match target {
        Target::Git | Target::Oci | Target::Helm | Target::Chart | Target::Bucket => {
            &["Revision", "Suspended"][..]
        }
        Target::Kustomization | Target::HelmRelease => &["Revision", "Suspended"],
        Target::External => &["Revision", "Source"],
        Target::Generator | Target::Alert | Target::Receiver => &["Suspended"],
        Target::AlertProvider => &[],
        Target::ImageRepository => &["Last scan", "Suspended"],
        Target::ImagePolicy => &["Image", "Tag"],
        Target::ImageUpdate => &["Last run", "Suspended"],
    });
    titles.extend(["Ready", "Message"]);
    titles
}

/// Returns an object's cells.
pub(super) fn row(target: Target, object: &Node, shape: Shape) -> Vec<String> {
    let name = text(object, &["metadata", "name"]);
    let mut cells = Vec::new();
    if shape.namespace {
        cells.push(text(object, &["metadata", "namespace"]).to_owned());
    }
    cells.push(if shape.kind {
        format!("{}/{name}", target.info().kind.to_lowercase())
    } else {
        name.to_owned()
    });
    if shape.source {
        cells.push(source(target, object));
    }
    let (ready, message) = ready_and_message(target, object);
    let suspended = || if is_suspended(target, object) { "True" } else { "False" }.to_owned();
    let artifact = text(object, &["status", "artifact", "revision"]);
    let mut message = message.to_owned();
    match target {
        Target::Chart => {
            // A chart's revision is a version and is not shortened.
            cells.extend([artifact.to_owned(), suspended()]);
            message = short_hex(&message);
        }
        Target::Git | Target::Oci | Target::Helm | Target::Bucket => {
            cells.extend([short_hex(artifact), suspended()]);
            message = short_hex(&message);
        }
        Target::External => {
            let reference = |field| text(object, &["spec", "sourceRef", field]);
            let source = match object.at_path(&["spec", "sourceRef"]) {
                Some(_) => {
                    format!("{}/{}/{}", reference("kind"), reference("namespace"), reference("name"))
                }
                None => String::new(),
            };
            cells.extend([short_hex(artifact), source]);
            message = short_hex(&message);
        }
        Target::Kustomization => {
            cells.extend([short_hex(text(object, &["status", "lastAppliedRevision"])), suspended()]);
            message = short_hex(&message);
        }
        Target::HelmRelease => cells.extend([release_revision(object), suspended()]),
        Target::Generator | Target::Alert | Target::Receiver => cells.push(suspended()),
        Target::AlertProvider => {}
        Target::ImageRepository => {
            cells.extend([text(object, &["status", "lastScanResult", "scanTime"]).to_owned(), suspended()]);
        }
        Target::ImagePolicy => {
            let latest = |field| text(object, &["status", "latestRef", field]).to_owned();
            cells.extend([latest("name"), latest("tag")]);
        }
        Target::ImageUpdate => {
            cells.extend([text(object, &["status", "lastAutomationRunTime"]).to_owned(), suspended()]);
        }
    }
    cells.extend([ready.to_owned(), message]);
    cells
}

fn ready_and_message(target: Target, object: &Node) -> (&str, &str) {
    match target {
        Target::Alert => ("True", "Alert is Ready"),
        Target::AlertProvider => ("True", "Provider is Ready"),
        Target::Helm if text(object, &["spec", "type"]) == "oci" => ("True", "Helm repository is Ready"),
        _ => match condition(object, "Ready") {
            Some(ready) => (text(ready, &["status"]), text(ready, &["message"])),
            None => ("False", "waiting to be reconciled"),
        },
    }
}

fn is_suspended(target: Target, object: &Node) -> bool {
    if target == Target::Generator {
        let note = text(object, &["metadata", "annotations", "source.extensions.fluxcd.io/reconcile"]);
        return note.eq_ignore_ascii_case("disabled");
    }
    object.at_path(&["spec", "suspend"]).and_then(Node::scalar).is_some_and(|value| &**value == "true")
}

/// The source of a Kustomization or a release: `KIND/NAMESPACE/NAME`.
fn source(target: Target, object: &Node) -> String {
    let from = |path: &[&str], kind: Option<&str>| {
        let part = |field| object.at_path(path).map_or("", |node| text(node, &[field]));
        let namespace = match part("namespace") {
            "" => text(object, &["metadata", "namespace"]),
            namespace => namespace,
        };
        format!("{}/{namespace}/{}", kind.unwrap_or_else(|| part("kind")), part("name"))
    };
    if target == Target::Kustomization {
        from(&["spec", "sourceRef"], None)
    } else if object.at_path(&["spec", "chartRef"]).is_some() {
        from(&["spec", "chartRef"], None)
    } else {
        from(&["spec", "chart", "spec", "sourceRef"], None)
    }
}

/// The chart's version that a release has, or would have.
pub(crate) fn release_revision(object: &Node) -> String {
    let newest = object.at_path(&["status", "history"]).and_then(Node::items).and_then(<[Node]>::first);
    match newest {
        Some(snapshot) => text(snapshot, &["chartVersion"]).to_owned(),
        None => text(object, &["status", "lastAttemptedRevision"]).to_owned(),
    }
}

/// Shortens digests to eight digits: words of 40 to 128 lower-case hexadecimal digits.
pub(crate) fn short_hex(text: &str) -> String {
    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let mut short = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(is_digit) {
        let (before, from) = rest.split_at(at);
        let end = from.find(|c: char| !is_digit(c)).unwrap_or(from.len());
        let (digits, after) = from.split_at(end);
        short.push_str(before);
        let is_word = !short.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let is_digest = (40..=128).contains(&digits.len());
        short.push_str(if is_word && is_digest { digits.get(..8).unwrap_or(digits) } else { digits });
        rest = after;
    }
    short.push_str(rest);
    short
}

#[cfg(test)]
mod tests {
    use super::short_hex;

    #[test]
    fn digests_are_shortened_and_words_are_not() {
        let digest = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(short_hex(&format!("main@sha1:{digest}")), "main@sha1:01234567");
        assert_eq!(
            short_hex(&format!("Applied revision: main/{digest}.")),
            "Applied revision: main/01234567."
        );
        assert_eq!(short_hex("6.1.0+deadbeef"), "6.1.0+deadbeef");
        assert_eq!(short_hex(&format!("x{digest}")), format!("x{digest}"));
    }
}
