//! One object on its way through the build, with the history that references are resolved by.
//!
//! Upstream keeps the history in annotations below `internal.config.kubernetes.io/`. Here it is a plain struct; such
//! annotations in a file (which some people write to ask for a hash suffix) are read into it.

use gitops_yaml::{Entry, Node, Place, Str, Style, Tag};

use crate::id::{Gvk, ResourceId};

/// What an overlay's generator does with a resource of the same id from a base.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behavior {
    /// Nothing was said: as [`Behavior::Create`].
    #[default]
    Unspecified,
    /// The resource must be new.
    Create,
    /// The resource replaces the one of the base.
    Replace,
    /// The resource's data are merged over those of the base.
    Merge,
}

impl Behavior {
    /// Reads a behavior; everything unknown is [`Behavior::Unspecified`].
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "create" => Self::Create,
            "replace" => Self::Replace,
            "merge" => Self::Merge,
            _ => Self::Unspecified,
        }
    }

    /// Returns the word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Merge => "merge",
        }
    }
}

/// What a resource was called before one of the steps that renamed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviousName {
    /// The name it had.
    pub name: Str,
    /// The effective namespace it was in.
    pub namespace: Str,
    /// The kind it was of.
    pub kind: Str,
}

/// What the build remembers about a resource beside its manifest.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// What it was called before, oldest first.
    pub previous: Vec<PreviousName>,
    /// The name prefixes it was given, innermost first.
    pub prefixes: Vec<Str>,
    /// The name suffixes it was given, innermost first.
    pub suffixes: Vec<Str>,
    /// Whether a hash of its content is to be appended to its name.
    pub needs_hash: bool,
    /// What a generator said about a resource of the same id.
    pub behavior: Behavior,
    /// For a patch: it may rename its target.
    pub allow_name_change: bool,
    /// For a patch: it may change the kind of its target.
    pub allow_kind_change: bool,
    /// A chart made it, so that the namespace transformer leaves it alone.
    pub made_by_helm: bool,
    /// The annotations that asked for all this in a file, and where among the others they stood.
    pub(crate) annotations: Vec<(usize, Entry)>,
    /// The names of the `vars` that read from it.
    pub variables: Vec<Str>,
    /// Where it came from, if the build keeps track.
    pub(crate) origin: Option<Box<crate::origin::Origin>>,
    /// What changed it, if the build keeps track.
    pub(crate) transformations: Vec<crate::origin::Origin>,
    /// How many labels and annotations were added whose copies in other fields follow a later change.
    pub(crate) links: u32,
}

/// An object and its history.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The manifest: a mapping, or a null after a patch deleted it.
    pub node: Node,
    /// What the build remembers about it.
    pub history: History,
}

const INTERNAL: &str = "internal.config.kubernetes.io/";

/// Annotations of other tools' pipelines that upstream removes from the output as well.
const PIPELINE_ANNOTATIONS: [&str; 8] = [
    "internal.config.kubernetes.io/path",
    "internal.config.kubernetes.io/index",
    "internal.config.kubernetes.io/seqindent",
    "internal.config.kubernetes.io/id",
    "internal.config.kubernetes.io/annotations-migration-resource-id",
    "config.kubernetes.io/path",
    "config.kubernetes.io/index",
    "config.k8s.io/id",
];

impl Resource {
    /// Makes a resource of a manifest, and reads the history that its annotations may hold.
    #[must_use]
    pub fn new(node: Node) -> Self {
        let mut resource = Self { node, history: History::default() };
        resource.adopt_annotations();
        resource
    }

    /// Returns whether there is no manifest (any more): a null or an empty collection.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        is_null_or_empty(&self.node)
    }

    /// Returns where the manifest stands.
    #[must_use]
    pub fn place(&self) -> Place {
        self.node.place
    }

    /// Returns `apiVersion`, or nothing.
    #[must_use]
    pub fn api_version(&self) -> &str {
        self.node.get("apiVersion").and_then(Node::as_str).unwrap_or_default()
    }

    /// Returns `kind`, or nothing.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.kind_text().map(Str::as_str).unwrap_or_default()
    }

    fn kind_text(&self) -> Option<&Str> {
        self.node.get("kind").and_then(Node::scalar)
    }

    /// Returns group, version and kind.
    #[must_use]
    pub fn gvk(&self) -> Gvk {
        Gvk::parse(self.api_version(), self.kind_text().cloned().unwrap_or_default())
    }

    /// Returns `metadata.name`, or nothing.
    #[must_use]
    pub fn name(&self) -> Str {
        self.metadata_text("name")
    }

    /// Returns `metadata.namespace`, or nothing.
    #[must_use]
    pub fn namespace(&self) -> Str {
        self.metadata_text("namespace")
    }

    fn metadata_text(&self, field: &str) -> Str {
        let value = self.node.get("metadata").and_then(|metadata| metadata.get(field));
        value.filter(|value| !is_null_or_empty(value)).and_then(Node::scalar).cloned().unwrap_or_default()
    }

    /// Sets `metadata.name`, in the style that the name is written in.
    pub fn set_name(&mut self, name: impl Into<Str>) {
        set_text(metadata_mut(&mut self.node), "name", name.into());
    }

    /// Sets `metadata.namespace`, in the style that it is written in; an empty one removes the field.
    pub fn set_namespace(&mut self, namespace: impl Into<Str>) {
        let namespace = namespace.into();
        if namespace.is_empty() {
            if let Some(metadata) = self.node.get_mut("metadata") {
                metadata.remove("namespace");
            }
        } else {
            set_text(metadata_mut(&mut self.node), "namespace", namespace);
        }
    }

    /// Returns whether upstream has annotations of its own on the resource, in which it keeps the history.
    pub(crate) fn has_internal_annotations(&self) -> bool {
        let history = &self.history;
        !history.previous.is_empty()
            || !history.prefixes.is_empty()
            || !history.suffixes.is_empty()
            || history.needs_hash
            || history.behavior != Behavior::Unspecified
            || history.origin.is_some()
            || !history.transformations.is_empty()
    }

    /// Parts the annotations from copies of them in other fields. Upstream does when it notes what changed a resource, since
    /// it makes all annotations anew then.
    pub(crate) fn part_annotations(&mut self) {
        if self.history.links == 0 {
            return;
        }
        let annotations = self.node.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
        for entry in annotations.and_then(Node::entries_mut).into_iter().flatten() {
            entry.value.set_anchor("");
        }
    }

    /// Remembers what the resource is called, before it is renamed.
    pub fn remember(&mut self, id: &ResourceId) {
        self.history.previous.push(PreviousName {
            name: id.name.clone(),
            namespace: Str::from(id.effective_namespace()),
            kind: id.gvk.kind.clone(),
        });
    }

    /// Sets `kind`.
    pub fn set_kind(&mut self, kind: impl Into<Str>) {
        set_text(&mut self.node, "kind", kind.into());
    }

    /// Sets `apiVersion` and `kind`.
    pub fn set_gvk(&mut self, gvk: &Gvk) {
        self.set_kind(gvk.kind.clone());
        set_text(&mut self.node, "apiVersion", gvk.api_version());
    }

    /// Returns the text of an annotation.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.node.at_path(&["metadata", "annotations", key])?.as_str()
    }

    /// Sets an annotation to a string.
    pub fn set_annotation(&mut self, key: &str, value: impl Into<Str>) {
        mapping_mut(metadata_mut(&mut self.node), "annotations").set(key, Node::string(value));
    }

    /// Removes an annotation, and the field with the last one.
    pub fn remove_annotation(&mut self, key: &str) {
        let Some(metadata) = self.node.get_mut("metadata") else { return };
        let Some(annotations) = metadata.get_mut("annotations") else { return };
        annotations.remove(key);
        if annotations.entries().is_some_and(<[_]>::is_empty) {
            metadata.remove("annotations");
        }
    }

    /// Returns the pairs of `metadata.labels` as text.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        text_pairs(self.node.at_path(&["metadata", "labels"]))
    }

    /// Returns the pairs of `metadata.annotations` as text.
    pub fn annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        text_pairs(self.node.at_path(&["metadata", "annotations"]))
    }

    /// Moves the history that annotations of the manifest hold into [`Resource::history`].
    ///
    /// Patches may write such annotations, so the build calls it after every transformer.
    pub fn adopt_annotations(&mut self) {
        let Some(annotations) =
            self.node.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"))
        else {
            return;
        };
        let Some(entries) = annotations.entries_mut() else { return };
        if !entries.iter().any(|entry| history_field(&entry.key).is_some()) {
            return;
        }
        let mut found = Vec::new();
        let mut position = 0;
        let history = &mut self.history;
        entries.retain(|entry| {
            position += 1;
            let Some(field) = history_field(&entry.key) else { return true };
            found.push((Str::from(field), entry.value.scalar().cloned().unwrap_or_default()));
            history.annotations.push((position - 1, entry.clone()));
            false
        });
        history.adopt(&found);
    }

    /// Returns the manifest with the annotations that were taken out of it.
    pub(crate) fn with_adopted_annotations(&self) -> Node {
        let mut node = self.node.clone();
        let annotations = node.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
        if let Some(entries) = annotations.and_then(Node::entries_mut) {
            for (position, entry) in &self.history.annotations {
                entries.insert((*position).min(entries.len()), entry.clone());
            }
        }
        node
    }

    /// Rewrites the annotations as upstream leaves them at the end of a build: without those of the pipeline, every
    /// value a string, and the field gone where none is left.
    pub(crate) fn finish_annotations(&mut self, dropped: &[&str]) {
        let Some(metadata) = self.node.get_mut("metadata") else { return };
        let Some(annotations) = metadata.get_mut("annotations") else { return };
        if let Some(entries) = annotations.entries_mut() {
            entries.retain(|entry| {
                let key = entry.key.as_str().unwrap_or_default();
                !PIPELINE_ANNOTATIONS.contains(&key) && !dropped.contains(&key)
            });
            for Entry { key, value } in entries.iter_mut() {
                key.tag = Tag::Str;
                let text = value.scalar().cloned().unwrap_or_default();
                if value.tag != Tag::Str || !value.is_scalar() {
                    *value = Node::string(text).at(value.place);
                }
            }
        }
        if annotations.entries().is_none_or(<[_]>::is_empty) {
            metadata.remove("annotations");
        }
    }
}

impl History {
    fn adopt(&mut self, found: &[(Str, Str)]) {
        let list = |field: &str| {
            let value = found.iter().find(|(name, _)| name == field);
            value.map(|(_, value)| value.split(',').map(Str::from).collect::<Vec<_>>())
        };
        if let Some(names) = list("previousNames") {
            let namespaces = list("previousNamespaces").unwrap_or_default();
            let kinds = list("previousKinds").unwrap_or_default();
            // Lists of different lengths are refused upstream; the names that are complete count here.
            self.previous = (names.into_iter().zip(namespaces).zip(kinds))
                .map(|((name, namespace), kind)| PreviousName { name, namespace, kind })
                .collect();
        }
        if let Some(prefixes) = list("prefixes") {
            self.prefixes = prefixes;
        }
        if let Some(suffixes) = list("suffixes") {
            self.suffixes = suffixes;
        }
        for (field, value) in found {
            let enabled = value == "enabled";
            match field.as_str() {
                "needsHashSuffix" => self.needs_hash = enabled,
                "allowNameChange" => self.allow_name_change = enabled,
                "allowKindChange" => self.allow_kind_change = enabled,
                "generatorBehavior" => self.behavior = Behavior::parse(value),
                "helm-generated" => self.made_by_helm = value == "true",
                _ => {}
            }
        }
    }
}

/// Returns the part after the slash where the key is an annotation that holds history.
fn history_field(key: &Node) -> Option<&str> {
    let field = key.as_str()?.strip_prefix(INTERNAL)?;
    let known = [
        "previousNames",
        "previousNamespaces",
        "previousKinds",
        "prefixes",
        "suffixes",
        "refBy",
        "needsHashSuffix",
        "generatorBehavior",
        "allowNameChange",
        "allowKindChange",
        "helm-generated",
    ];
    known.contains(&field).then_some(field)
}

fn text_pairs(mapping: Option<&Node>) -> impl Iterator<Item = (&str, &str)> {
    let entries = mapping.and_then(Node::entries).unwrap_or_default();
    entries
        .iter()
        .map(|entry| (entry.key.as_str().unwrap_or_default(), entry.value.as_str().unwrap_or_default()))
}

/// Returns whether a node counts as absent: null, `{}` or `[]`.
pub(crate) fn is_null_or_empty(node: &Node) -> bool {
    match (node.entries(), node.items(), node.scalar()) {
        (Some(entries), _, _) => entries.is_empty(),
        (_, Some(items), _) => items.is_empty(),
        (_, _, Some(text)) => match node.tag {
            Tag::Null => true,
            Tag::Implicit => {
                matches!(node.style, Style::Default | Style::Flow)
                    && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        },
        _ => false,
    }
}

fn metadata_mut(node: &mut Node) -> &mut Node {
    mapping_mut(node, "metadata")
}

/// Returns the mapping below a key, made where it is missing or null.
fn mapping_mut<'a>(node: &'a mut Node, key: &str) -> &'a mut Node {
    if node.get(key).is_none_or(|value| value.is_scalar() && is_null_or_empty(value)) {
        node.set(key, Node::mapping(Vec::new()));
    }
    node.get_mut(key).expect("the key was just set")
}

/// Sets a field to text, keeping the style that the field has.
fn set_text(mapping: &mut Node, key: &str, text: Str) {
    match mapping.get_mut(key) {
        Some(value) => {
            *value = Node::plain(text).styled(value.style).at(value.place);
        }
        None => mapping.set(key, Node::string(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: Vec<(&str, Node)>) -> Node {
        let mut node = Node::mapping(vec![]);
        for (key, value) in pairs {
            node.set(key, value);
        }
        node
    }

    fn resource(annotations: Vec<(&str, Node)>) -> Resource {
        let metadata = map(vec![("name", "web".into()), ("annotations", map(annotations))]);
        Resource::new(map(vec![
            ("apiVersion", "apps/v1".into()),
            ("kind", "Deployment".into()),
            ("metadata", metadata),
        ]))
    }

    #[test]
    fn history_written_as_annotations_is_adopted() {
        let resource = resource(vec![
            ("internal.config.kubernetes.io/needsHashSuffix", "enabled".into()),
            ("internal.config.kubernetes.io/previousNames", "a,b".into()),
            ("internal.config.kubernetes.io/previousNamespaces", "x,y".into()),
            ("internal.config.kubernetes.io/previousKinds", "K,L".into()),
            ("kept", "yes".into()),
        ]);
        assert!(resource.history.needs_hash);
        assert_eq!(resource.history.previous[1].name, "b");
        assert_eq!(resource.annotations().collect::<Vec<_>>(), [("kept", "yes")]);
    }

    #[test]
    fn annotations_end_as_strings_and_an_empty_field_goes() {
        let mut one = resource(vec![("n", Node::int(1)), ("config.kubernetes.io/index", "0".into())]);
        one.finish_annotations(&[]);
        let annotations = one.node.at_path(&["metadata", "annotations"]).unwrap();
        assert_eq!(annotations.get("n").unwrap().tag, Tag::Str);
        assert_eq!(annotations.entries().unwrap().len(), 1);
        let mut none = resource(vec![("config.kubernetes.io/index", "0".into())]);
        none.finish_annotations(&[]);
        assert!(none.node.at_path(&["metadata", "annotations"]).is_none());
    }

    #[test]
    fn a_name_keeps_its_quotes() {
        let mut resource = resource(vec![]);
        let metadata = resource.node.get_mut("metadata").unwrap();
        metadata.set("name", Node::plain("1").styled(Style::DoubleQuoted));
        resource.set_name("12");
        let name = resource.node.at_path(&["metadata", "name"]).unwrap();
        assert_eq!((name.as_str(), name.style), (Some("12"), Style::DoubleQuoted));
    }
}
