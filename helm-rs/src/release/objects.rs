//! A manifest's objects: taken apart, marked as a release's own, compared with what the cluster holds.

use gitops_yaml::{Entry, Node, Str};

use super::cluster::{Cluster, Object, ObjectId, Scope};
use crate::decode;
use crate::go::quoted;
use crate::manifest::split_manifests;
use crate::{Error, ErrorKind};

const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const RELEASE_NAME: &str = "meta.helm.sh/release-name";
const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";
/// The annotation that keeps an object when its release drops it.
pub(super) const RESOURCE_POLICY: &str = "helm.sh/resource-policy";

pub(super) fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Release, message)
}

/// Reads the objects of a manifest; lists are taken apart, and objects without a namespace go to the release's.
pub(super) async fn build<C: Cluster>(
    cluster: &C,
    manifest: &str,
    namespace: &str,
) -> Result<Vec<Object>, Error> {
    let mut objects = Vec::new();
    for document in split_manifests(manifest) {
        let root = decode::parse(document.as_bytes()).map_err(|error| refused(error.message))?;
        let mut open = vec![root];
        while let Some(node) = open.pop() {
            if !node.is_mapping() {
                continue;
            }
            let kind = text(&node, &["kind"]);
            if kind.ends_with("List")
                && let Some(items) = node.get("items").and_then(Node::items)
            {
                open.extend(items.iter().rev().cloned());
                continue;
            }
            objects.push(object(cluster, node, kind, namespace).await?);
        }
    }
    Ok(objects)
}

async fn object<C: Cluster>(cluster: &C, node: Node, kind: Str, namespace: &str) -> Result<Object, Error> {
    let mut node = node;
    let api_version = text(&node, &["apiVersion"]);
    let name = text(&node, &["metadata", "name"]);
    let scope = cluster
        .scope(&api_version, &kind)
        .await
        .map_err(|error| refused(format!("error validating \"\": error validating data: {error}")))?;
    let scope = scope.ok_or_else(|| {
        let named = text(&node, &["metadata", "namespace"]);
        refused(format!(
            "resource mapping not found for name: {} namespace: {} from \"\": no matches for kind {} in version {}\nensure CRDs are installed first",
            quoted(&name),
            quoted(&named),
            quoted(&kind),
            quoted(&api_version)
        ))
    })?;
    let mut own = text(&node, &["metadata", "namespace"]);
    if scope == Scope::Namespaced {
        if own.is_empty() {
            own = namespace.into();
        }
        let metadata = child(&mut node, "metadata");
        metadata.set("namespace", Node::string(own.clone()));
    } else {
        own = Str::EMPTY;
    }
    Ok(Object { id: ObjectId { api_version, kind, namespace: own, name }, content: node })
}

fn text(node: &Node, path: &[&str]) -> Str {
    let found = node.at_path(path).filter(|node| !decode::is_null(node));
    found.and_then(Node::scalar).cloned().unwrap_or_default()
}

/// Returns a mapping's child mapping, made where it is missing.
fn child<'a>(node: &'a mut Node, key: &'static str) -> &'a mut Node {
    if !node.get(key).is_some_and(Node::is_mapping) {
        node.set(key, Node::mapping(Vec::new()));
    }
    let entries = node.entries_mut().expect("the node is a mapping");
    let found = entries.iter_mut().find(|entry: &&mut Entry| entry.key.as_str() == Some(key));
    &mut found.expect("the key was just set").value
}

/// Marks objects as a release's own.
pub(super) fn own(objects: &mut [Object], release: &str, namespace: &str) {
    for object in objects {
        let metadata = child(&mut object.content, "metadata");
        child(metadata, "labels").set(MANAGED_BY, Node::string("Helm"));
        let annotations = child(metadata, "annotations");
        annotations.set(RELEASE_NAME, Node::string(release));
        annotations.set(RELEASE_NAMESPACE, Node::string(namespace));
    }
}

/// Says why an object that the cluster holds is not a release's own.
pub(super) fn ownership_mistake(live: &Node, release: &str, namespace: &str) -> Option<String> {
    let check = |group: &str, what: &str, key: &str, wanted: &str| -> Option<String> {
        let (key_shown, wanted_shown) = (quoted(key), quoted(wanted));
        let mistake = match live.at_path(&["metadata", group, key]).and_then(Node::as_str) {
            Some(found) if found == wanted => return None,
            Some(found) => {
                format!("key {key_shown} must equal {wanted_shown}: current value is {}", quoted(found))
            }
            None => format!("missing key {key_shown}: must be set to {wanted_shown}"),
        };
        Some(format!("{what} validation error: {mistake}"))
    };
    let mistakes: Vec<String> = [
        check("labels", "label", MANAGED_BY, "Helm"),
        check("annotations", "annotation", RELEASE_NAME, release),
        check("annotations", "annotation", RELEASE_NAMESPACE, namespace),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!mistakes.is_empty()).then(|| format!("invalid ownership metadata; {}", mistakes.join("; ")))
}

/// Whether objects that are not a release's own are taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ownership {
    /// They are an error.
    #[default]
    Checked,
    /// They are taken over.
    Taken,
}

/// Returns which of the objects the cluster holds already.
pub(super) async fn existing<C: Cluster>(
    cluster: &C,
    objects: &[Object],
    release: &str,
    namespace: &str,
    ownership: Ownership,
) -> Result<Vec<Object>, Error> {
    let mut found = Vec::new();
    for object in objects.iter().filter(|object| !object.id.name.is_empty()) {
        let id = &object.id;
        let shown = format!("{} {} in namespace {}", id.kind, quoted(&id.name), quoted(&id.namespace));
        let live = cluster.get(id).await.map_err(|error| {
            refused(format!("could not get information about the resource {shown}: {error}"))
        })?;
        let Some(live) = live else { continue };
        if ownership == Ownership::Checked
            && let Some(why) = ownership_mistake(&live, release, namespace)
        {
            return Err(refused(format!(
                "{shown} exists and cannot be imported into the current release: {why}"
            )));
        }
        found.push(object.clone());
    }
    Ok(found)
}
