//! What has to be put into a cluster by hand so that a repository takes over: its roots and where they read from.

use std::collections::BTreeSet;

use gitops_core::tree::Source;
use gitops_yaml::Node;

use super::roots::{files_below, find, objects_of, roots};
use crate::kind::{Key, Kind};
use crate::source::referenced;

/// Returns the sources that the root Kustomizations below a folder read, as far as the tree holds them, and the roots.
/// What a root would otherwise have to be applied with by hand (its namespace aside) is thereby complete, except for
/// Secrets.
#[must_use]
pub fn seeds(source: &dyn Source, below: &str) -> Vec<Node> {
    let files = files_below(source, below);
    let roots: Vec<Node> =
        roots(source, find(source, &files)).into_iter().map(|root| root.declared.node).collect();
    let wanted: BTreeSet<Key> = roots.iter().filter_map(source_of).collect();
    let all = files_below(source, ".");
    let mut found: Vec<Node> = Vec::new();
    for path in all.iter().filter(|path| crate::kustomization::is_manifest(path)) {
        for declared in objects_of(source, path) {
            if Key::of(&declared.node).is_some_and(|key| wanted.contains(&key)) {
                found.push(declared.node);
            }
        }
    }
    found.extend(roots);
    found
}

/// Returns the source that a Kustomization reads.
#[must_use]
pub fn source_of(kustomization: &Node) -> Option<Key> {
    let reference = kustomization.at_path(&["spec", "sourceRef"])?;
    let text = |field: &str| reference.get(field).and_then(Node::as_str);
    let own =
        kustomization.at_path(&["metadata", "namespace"]).and_then(Node::as_str).unwrap_or("flux-system");
    Some(referenced(Kind::named(text("kind")?)?, text("namespace"), text("name")?, own))
}
