//! `patches`.

use gitops_yaml::Node;

use super::shape::{same, text};
use super::{KustomizationFile, put};
use crate::kustomization::Selector;

/// Makes an entry of `patches` from a file's path or the patch itself, and what it applies to.
#[must_use]
pub fn patch_entry(path: &str, patch: &str, target: &Selector) -> Node {
    let mut selector = Node::mapping(Vec::new());
    for (field, value) in [
        ("group", &target.group),
        ("version", &target.version),
        ("kind", &target.kind),
        ("name", &target.name),
        ("namespace", &target.namespace),
        ("annotationSelector", &target.annotation_selector),
        ("labelSelector", &target.label_selector),
    ] {
        put(&mut selector, field, text(value.clone()));
    }
    let mut entry = Node::mapping(Vec::new());
    put(&mut entry, "path", text(path));
    put(&mut entry, "patch", text(patch));
    put(&mut entry, "target", selector);
    entry
}

impl KustomizationFile {
    /// Adds a patch that [`patch_entry`] made; returns whether it was new.
    pub fn add_patch(&mut self, patch: Node) -> bool {
        let mut all = self.items("patches");
        let is_new = !all.iter().any(|known| same(known, &patch));
        if is_new {
            all.push(patch);
        }
        self.put_items("patches", all);
        is_new
    }

    /// Removes the patches that are exactly this; returns whether any was.
    pub fn remove_patch(&mut self, patch: &Node) -> bool {
        let mut all = self.items("patches");
        let before = all.len();
        all.retain(|known| !same(known, patch));
        let removed = all.len() != before;
        self.put_items("patches", all);
        removed
    }
}
