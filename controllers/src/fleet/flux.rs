//! Reads of Flux's objects what rendering needs, whatever their version.

use std::fmt;

use gitops_yaml::{Node, Str};

use super::app::{AppId, AppKind};

const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io/";
const HELM: &str = "helm.toolkit.fluxcd.io/";
const SOURCE: &str = "source.toolkit.fluxcd.io/";
const EXTENSIONS: &str = "source.extensions.fluxcd.io/";

/// A reference to where files come from.
///
/// It prints as `GitRepository/flux-system/fleet`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceRef {
    /// `GitRepository`, `OCIRepository`, `Bucket`, `HelmRepository`, `HelmChart`, `ExternalArtifact`.
    pub kind: Str,
    /// Its namespace: that of the object that refers to it, where it names none.
    pub namespace: Str,
    /// Its name.
    pub name: Str,
}

impl fmt::Display for SourceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
    }
}

/// Returns a kind in the short form that Flux's users know: `gitrepo` for `GitRepository`.
#[must_use]
pub fn short_kind(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "Kustomization" => "ks",
        "HelmRelease" => "hr",
        "GitRepository" => "gitrepo",
        "OCIRepository" => "ocirepo",
        "HelmRepository" => "helmrepo",
        "HelmChart" => "hc",
        "ImageRepository" => "imgrepo",
        "ImagePolicy" => "imgpol",
        "ImageUpdateAutomation" => "iua",
        _ => return None,
    })
}

pub(crate) fn api_version(object: &Node) -> &str {
    object.get("apiVersion").and_then(Node::as_str).unwrap_or_default()
}

pub(crate) fn kind(object: &Node) -> &str {
    object.get("kind").and_then(Node::as_str).unwrap_or_default()
}

pub(crate) fn text(object: &Node, path: &[&str]) -> Str {
    object.at_path(path).and_then(Node::scalar).cloned().unwrap_or_default()
}

pub(crate) fn is_true(object: &Node, path: &[&str]) -> bool {
    object.at_path(path).and_then(Node::as_str) == Some("true")
}

pub(crate) fn is_kustomization(object: &Node) -> bool {
    kind(object) == "Kustomization" && api_version(object).starts_with(KUSTOMIZE)
}

pub(crate) fn is_release(object: &Node) -> bool {
    kind(object) == "HelmRelease" && api_version(object).starts_with(HELM)
}

pub(crate) fn is_source(object: &Node) -> bool {
    is_source_version(api_version(object))
}

pub(crate) fn is_source_version(version: &str) -> bool {
    version.starts_with(SOURCE) || version.starts_with(EXTENSIONS)
}

/// What an object is known by as an app; a missing namespace is Flux's own.
pub(crate) fn app_id(object: &Node) -> Option<AppId> {
    let kind = match () {
        () if is_kustomization(object) => AppKind::Kustomization,
        () if is_release(object) => AppKind::HelmRelease,
        () => return None,
    };
    Some(AppId { kind, namespace: namespace_of(object), name: text(object, &["metadata", "name"]) })
}

pub(crate) fn namespace_of(object: &Node) -> Str {
    let namespace = text(object, &["metadata", "namespace"]);
    if namespace.is_empty() { Str::literal("default") } else { namespace }
}

/// Reads a reference to a source below a field; `None` where there is none.
pub(crate) fn source_ref(object: &Node, path: &[&str]) -> Option<SourceRef> {
    let reference = object.at_path(path)?;
    let namespace = text(reference, &["namespace"]);
    Some(SourceRef {
        kind: text(reference, &["kind"]),
        namespace: if namespace.is_empty() { namespace_of(object) } else { namespace },
        name: text(reference, &["name"]),
    })
}

/// The apps that one waits for, with the nodes in which it says so.
pub(crate) fn depends_on(object: &Node) -> Vec<(AppId, &Node)> {
    let Some(own) = app_id(object) else { return Vec::new() };
    let entries = object.at_path(&["spec", "dependsOn"]).and_then(Node::items).unwrap_or_default();
    let id = |entry: &Node| {
        let namespace = text(entry, &["namespace"]);
        let namespace = if namespace.is_empty() { own.namespace.clone() } else { namespace };
        AppId { kind: own.kind, namespace, name: text(entry, &["name"]) }
    };
    entries.iter().map(|entry| (id(entry), entry.get("name").unwrap_or(entry))).collect()
}
