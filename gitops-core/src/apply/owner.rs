//! Who applies: the field manager, and the labels that say whose an object is.

use crate::ports::WriteOptions;
use crate::ports::{FieldConflicts, WriteMode};
use gitops_yaml::{Node, Str};

/// The one that a set of objects belongs to, such as a Kustomization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The field manager: `kustomize-controller`.
    pub manager: Str,
    /// What the keys of labels and annotations begin with: `kustomize.toolkit.fluxcd.io`.
    pub group: Str,
    /// The owner's namespace.
    pub namespace: Str,
    /// The owner's name.
    pub name: Str,
}

impl Owner {
    /// A Kustomization of Flux.
    #[must_use]
    pub fn kustomization(namespace: impl Into<Str>, name: impl Into<Str>) -> Self {
        Self {
            manager: Str::literal("kustomize-controller"),
            group: Str::literal("kustomize.toolkit.fluxcd.io"),
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// Returns the key of one of the owner's labels and annotations: `prune` → `kustomize.toolkit.fluxcd.io/prune`.
    #[must_use]
    pub fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.group)
    }

    /// Returns the label selector of all objects that carry the owner's labels.
    #[must_use]
    pub fn selector(&self) -> String {
        format!("{}={},{}={}", self.key("name"), self.name, self.key("namespace"), self.namespace)
    }

    /// Says whose an object is, by its labels.
    #[must_use]
    pub fn of(&self, object: &Node) -> Ownership {
        let label = |name| {
            object
                .at_path(&["metadata", "labels", &self.key(name)])
                .and_then(Node::as_str)
                .unwrap_or_default()
        };
        match (label("namespace"), label("name")) {
            (_, "") => Ownership::Nobody,
            (namespace, name) if *self.namespace == *namespace && *self.name == *name => Ownership::Own,
            (namespace, name) => Ownership::Other { namespace: namespace.into(), name: name.into() },
        }
    }

    /// Writes the owner's labels onto an object.
    pub(super) fn label(&self, object: &mut Node) {
        set_metadata(object, "labels", &self.key("name"), &self.name);
        set_metadata(object, "labels", &self.key("namespace"), &self.namespace);
    }

    /// How the owner applies: it takes over fields, as Flux does.
    pub(super) fn write_options(&self, mode: WriteMode) -> WriteOptions {
        WriteOptions {
            manager: self.manager.clone(),
            conflicts: FieldConflicts::TakenOver,
            mode,
            ..WriteOptions::default()
        }
    }
}

/// Whose an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// The owner's own.
    Own,
    /// Another one's of the same group.
    Other {
        /// Its namespace.
        namespace: Str,
        /// Its name.
        name: Str,
    },
    /// It carries no owner's labels.
    Nobody,
}

/// Sets one label or annotation, making what is missing above it.
pub(super) fn set_metadata(object: &mut Node, field: &str, key: &str, value: &str) {
    let is_mapping = |node: Option<&Node>| node.is_some_and(Node::is_mapping);
    if !is_mapping(object.get("metadata")) {
        object.set("metadata", Node::mapping(Vec::new()));
    }
    let Some(metadata) = object.get_mut("metadata") else { return };
    if !is_mapping(metadata.get(field)) {
        metadata.set(field, Node::mapping(Vec::new()));
    }
    if let Some(map) = metadata.get_mut(field) {
        map.set(key, Node::string(value));
    }
}

/// Returns whether a label or an annotation has a value, whatever the case of its letters.
pub(super) fn is_marked(object: &Node, key: &str, value: &str) -> bool {
    let has = |field| {
        let found = object.at_path(&["metadata", field, key]).and_then(Node::as_str);
        found.is_some_and(|found| found.eq_ignore_ascii_case(value))
    };
    has("labels") || has("annotations")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_say_whose_an_object_is() {
        let own = Owner::kustomization("flux-system", "apps");
        let mut object = Node::mapping(Vec::new());
        assert_eq!(own.of(&object), Ownership::Nobody);
        own.label(&mut object);
        assert_eq!(own.of(&object), Ownership::Own);
        let other = Owner::kustomization("flux-system", "infra");
        assert_eq!(
            other.of(&object),
            Ownership::Other { namespace: "flux-system".into(), name: "apps".into() }
        );
    }

    #[test]
    fn marks_are_read_from_labels_and_annotations_in_any_case() {
        let mut object = Node::mapping(Vec::new());
        set_metadata(&mut object, "annotations", "x/prune", "Disabled");
        assert!(is_marked(&object, "x/prune", "disabled"));
        assert!(!is_marked(&object, "x/force", "enabled"));
    }
}
