//! The definitions of Flux's kinds, for clusters that do not have them yet.

use gitops_yaml::Node;

use crate::kind::Kind;
use crate::status::mapping;

/// Returns a CustomResourceDefinition for each kind, with every version that Flux ever served.
///
/// The newest version is stored. Fields are checked when an object is read, where the answer can name the line and what
/// is meant, so the schemas keep what they do not know; a definition of Flux's own that is there already serves as well.
#[must_use]
pub fn definitions() -> Vec<Node> {
    Kind::ALL.into_iter().map(definition).collect()
}

fn definition(kind: Kind) -> Node {
    let (plural, short) = names(kind);
    let text = |text: &str| Node::string(text);
    let mut served = vec![
        ("kind", text(kind.name())),
        ("listKind", text(&format!("{}List", kind.name()))),
        ("plural", text(plural)),
        ("singular", text(&kind.name().to_lowercase())),
    ];
    if !short.is_empty() {
        served.push(("shortNames", Node::sequence(short.iter().map(|name| text(name)).collect())));
    }
    let versions = kind.versions().iter().enumerate().map(|(index, name)| version(kind, name, index == 0));
    mapping(vec![
        ("apiVersion", text("apiextensions.k8s.io/v1")),
        ("kind", text("CustomResourceDefinition")),
        (
            "metadata",
            mapping(vec![
                ("name", text(&format!("{plural}.{}", kind.group()))),
                ("labels", mapping(vec![("app.kubernetes.io/part-of", text("flux"))])),
            ]),
        ),
        (
            "spec",
            mapping(vec![
                ("group", text(kind.group())),
                ("names", mapping(served)),
                ("scope", text("Namespaced")),
                ("versions", Node::sequence(versions.collect())),
            ]),
        ),
    ])
}

fn names(kind: Kind) -> (&'static str, &'static [&'static str]) {
    match kind {
        Kind::GitRepository => ("gitrepositories", &["gitrepo"]),
        Kind::OciRepository => ("ocirepositories", &["ocirepo"]),
        Kind::HelmRepository => ("helmrepositories", &["helmrepo"]),
        Kind::HelmChart => ("helmcharts", &["hc"]),
        Kind::Bucket => ("buckets", &[]),
        Kind::ExternalArtifact => ("externalartifacts", &["ea"]),
        Kind::Kustomization => ("kustomizations", &["ks"]),
        Kind::HelmRelease => ("helmreleases", &["hr"]),
        Kind::ImageRepository => ("imagerepositories", &["imgrepo"]),
        Kind::ImagePolicy => ("imagepolicies", &["imgpol"]),
        Kind::ImageUpdateAutomation => ("imageupdateautomations", &["iua"]),
        Kind::Alert => ("alerts", &[]),
        Kind::Provider => ("providers", &[]),
        Kind::Receiver => ("receivers", &[]),
    }
}

/// Columns of `kubectl get` before the common ones: name, type, JSON path.
fn columns(kind: Kind) -> &'static [(&'static str, &'static str, &'static str)] {
    const AGE: (&str, &str, &str) = ("Age", "date", ".metadata.creationTimestamp");
    const READY: (&str, &str, &str) = ("Ready", "string", ".status.conditions[?(@.type==\"Ready\")].status");
    const STATUS: (&str, &str, &str) =
        ("Status", "string", ".status.conditions[?(@.type==\"Ready\")].message");
    const URL: (&str, &str, &str) = ("URL", "string", ".spec.url");
    match kind {
        Kind::GitRepository | Kind::OciRepository | Kind::HelmRepository => &[URL, AGE, READY, STATUS],
        Kind::HelmChart => &[
            ("Chart", "string", ".spec.chart"),
            ("Version", "string", ".spec.version"),
            ("Source Kind", "string", ".spec.sourceRef.kind"),
            ("Source Name", "string", ".spec.sourceRef.name"),
            AGE,
            READY,
            STATUS,
        ],
        Kind::Bucket => &[("Endpoint", "string", ".spec.endpoint"), AGE, READY, STATUS],
        Kind::ImageRepository => &[
            ("Image", "string", ".spec.image"),
            ("Tags", "string", ".status.lastScanResult.tagCount"),
            READY,
            STATUS,
            ("Last scan", "string", ".status.lastScanResult.scanTime"),
            AGE,
        ],
        Kind::ImagePolicy => &[
            ("Image", "string", ".status.latestRef.name"),
            ("Tag", "string", ".status.latestRef.tag"),
            READY,
            STATUS,
            AGE,
        ],
        Kind::ImageUpdateAutomation => &[
            ("Last run", "string", ".status.lastAutomationRunTime"),
            ("Last push", "string", ".status.lastPushTime"),
            READY,
            STATUS,
            AGE,
        ],
        Kind::Alert | Kind::Provider => &[AGE],
        Kind::ExternalArtifact | Kind::Kustomization | Kind::HelmRelease | Kind::Receiver => {
            &[AGE, READY, STATUS]
        }
    }
}

fn version(kind: Kind, name: &str, is_stored: bool) -> Node {
    let text = |text: &str| Node::string(text);
    let open = || {
        mapping(vec![("type", text("object")), ("x-kubernetes-preserve-unknown-fields", Node::bool(true))])
    };
    let columns = columns(kind).iter().map(|(name, column_type, path)| {
        mapping(vec![("name", text(name)), ("type", text(column_type)), ("jsonPath", text(path))])
    });
    let mut status = open();
    // An object that nobody has looked at yet is not ready.
    status.set("default", mapping(vec![("observedGeneration", Node::int(-1))]));
    let properties = mapping(vec![
        ("apiVersion", mapping(vec![("type", text("string"))])),
        ("kind", mapping(vec![("type", text("string"))])),
        ("metadata", mapping(vec![("type", text("object"))])),
        ("spec", open()),
        ("status", status),
    ]);
    let mut entries = vec![
        ("name", text(name)),
        ("served", Node::bool(true)),
        ("storage", Node::bool(is_stored)),
        ("additionalPrinterColumns", Node::sequence(columns.collect())),
        (
            "schema",
            mapping(vec![(
                "openAPIV3Schema",
                mapping(vec![("type", text("object")), ("properties", properties)]),
            )]),
        ),
        ("subresources", mapping(vec![("status", Node::mapping(Vec::new()))])),
    ];
    if !is_stored {
        entries.insert(1, ("deprecated", Node::bool(true)));
        let newest = kind.versions()[0];
        let warning = format!("{name} {kind} is deprecated, upgrade to {newest}");
        entries.insert(2, ("deprecationWarning", Node::string(warning)));
    }
    mapping(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_defined_with_one_stored_version() {
        for definition in definitions() {
            let versions = definition.at_path(&["spec", "versions"]).and_then(Node::items).unwrap();
            let stored = versions.iter().filter(|v| v.get("storage").and_then(Node::as_str) == Some("true"));
            assert_eq!(stored.count(), 1);
        }
        assert_eq!(definitions().len(), Kind::ALL.len());
    }
}
