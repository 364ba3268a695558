//! Watches one field through the steps of a build.

use std::cell::RefCell;

use gitops_core::tree::Source;
use gitops_yaml::{FieldPath, FieldStep, Files, Node, Place, ReadOptions, Str, read_document};
use kustomize_rs::{Observer, Resource, Step};

use super::{Layer, name_of, shown};

/// Takes note whenever the field of one resource is not what it was.
pub(super) struct Trace<'s> {
    source: &'s dyn Source,
    kind: Str,
    /// All names that the resource has on its way.
    names: Vec<Str>,
    path: FieldPath,
    last: RefCell<Option<(Option<String>, Place)>>,
    layers: RefCell<Vec<Layer>>,
}

impl<'s> Trace<'s> {
    pub(super) fn new(source: &'s dyn Source, kind: Str, names: Vec<Str>, path: FieldPath) -> Self {
        Self { source, kind, names, path, last: RefCell::default(), layers: RefCell::default() }
    }

    /// The layers, the first one first.
    pub(super) fn into_layers(self) -> Vec<Layer> {
        self.layers.into_inner()
    }

    /// Where a kustomization says what a transformer did that keeps no places: the field, or the entry in it that names
    /// what was there before.
    fn place_in(&self, step: &Step<'_>, before: Option<&str>, after: Option<&str>) -> Option<String> {
        let fields: &[&str] = match step.name {
            "ImageTagTransformer" => &["images", "imageTags"],
            "ReplicaCountTransformer" => &["replicas"],
            "NamespaceTransformer" => &["namespace"],
            "PrefixTransformer" => &["namePrefix"],
            "SuffixTransformer" => &["nameSuffix"],
            "LabelTransformer" => &["labels", "commonLabels"],
            "AnnotationsTransformer" => &["commonAnnotations"],
            "ReplacementTransformer" => &["replacements"],
            "PatchTransformer" => &["patches"],
            "PatchJson6902Transformer" => &["patchesJson6902"],
            "PatchStrategicMergeTransformer" => &["patchesStrategicMerge"],
            "ConfigMapGenerator" => &["configMapGenerator"],
            "SecretGenerator" => &["secretGenerator"],
            _ => return None,
        };
        let mut files = Files::default();
        let file = files.add(step.kustomization);
        let content = self.source.read(step.kustomization).ok()?;
        let root = read_document(&content, file, &ReadOptions::yaml11()).ok()??.root;
        let field = fields.iter().find_map(|field| root.get(field))?;
        let entry = match step.name {
            "ImageTagTransformer" => field.items()?.iter().find(|entry| {
                let name = entry.get("name").and_then(Node::as_str).unwrap_or_default();
                before.is_some_and(|before| {
                    before == name
                        || before.starts_with(&format!("{name}:"))
                        || before.starts_with(&format!("{name}@"))
                })
            }),
            "ReplicaCountTransformer" => field.items()?.iter().find(|entry| {
                let name = entry.get("name").and_then(Node::scalar);
                name.is_some_and(|name| self.names.contains(name))
            }),
            _ => None,
        };
        let part = entry.and_then(|entry| {
            ["newTag", "digest", "newName", "count"].iter().find_map(|key| {
                let value = entry.get(key)?;
                let is_it =
                    value.as_str().is_some_and(|value| after.is_some_and(|after| after.ends_with(value)));
                is_it.then_some(value)
            })
        });
        let literal = match (step.name.ends_with("Generator"), self.path.steps().last()) {
            (true, Some(FieldStep::Key(key))) => {
                find_value(field, &|text| text.starts_with(&format!("{key}=")), 0)
            }
            _ => None,
        };
        let inner = literal.or_else(|| find_value(field, &|text| Some(text) == after, 0));
        Some(files.show(part.or(entry).or(inner).unwrap_or(field).place))
    }
}

/// The first scalar of a field that is what is looked for.
fn find_value<'n>(node: &'n Node, wanted: &dyn Fn(&str) -> bool, depth: usize) -> Option<&'n Node> {
    if depth > 8 {
        return None;
    }
    if let Some(text) = node.as_str() {
        return wanted(text).then_some(node);
    }
    let items = node.items().unwrap_or_default().iter();
    let values = node.entries().unwrap_or_default().iter().map(|entry| &entry.value);
    items.chain(values).find_map(|below| find_value(below, wanted, depth + 1))
}

/// What a step is called for people.
fn words(step: &Step<'_>) -> String {
    let of = |what: &str| format!("{what} of {}", step.kustomization);
    match step.name {
        "file" => "file".to_owned(),
        "ConfigMapGenerator" => of("configMapGenerator"),
        "SecretGenerator" => of("secretGenerator"),
        "HelmChartInflationGenerator" => of("helmCharts"),
        "PatchTransformer" | "PatchStrategicMergeTransformer" => of("patch"),
        "PatchJson6902Transformer" => of("JSON patch"),
        "ImageTagTransformer" => of("images"),
        "ReplicaCountTransformer" => of("replicas"),
        "NamespaceTransformer" => of("namespace"),
        "PrefixTransformer" => of("namePrefix"),
        "SuffixTransformer" => of("nameSuffix"),
        "LabelTransformer" => of("labels"),
        "AnnotationsTransformer" => of("commonAnnotations"),
        "ReplacementTransformer" => of("replacements"),
        "hash" => "hash of the generated content, appended to the name".to_owned(),
        "references" => "reference that follows the new name of its object".to_owned(),
        "vars" => "vars".to_owned(),
        other => of(other),
    }
}

impl Observer for Trace<'_> {
    fn after(&self, step: &Step<'_>, resources: &[Resource], files: &Files) {
        let is_it = |resource: &&Resource| {
            resource.kind() == self.kind.as_str() && self.names.contains(&name_of(&resource.node))
        };
        let Some(resource) = resources.iter().find(is_it) else { return };
        let found = self.path.find(&resource.node);
        let value = found.map(shown);
        let place = found.map_or(Place::NONE, |node| node.place);
        let mut last = self.last.borrow_mut();
        let Some((old, old_place)) = last.as_ref() else {
            if found.is_some() {
                let shown_place = if place.is_known() && found.is_some_and(Node::is_scalar) {
                    files.show(place)
                } else {
                    self.place_in(step, None, value.as_deref()).unwrap_or_else(|| files.show(place))
                };
                self.layers.borrow_mut().push(Layer::new(words(step), shown_place, value.clone()));
                *last = Some((value, place));
            }
            return;
        };
        // Within mappings single values may differ in place alone.
        let same_place = place == *old_place || found.is_none_or(|node| !node.is_scalar());
        if *old == value && same_place {
            return;
        }
        // A file that merely is read again by the kustomization above sets nothing.
        if step.name == "file" && *old == value {
            return;
        }
        let shown_place = if place != *old_place && place.is_known() {
            files.show(place)
        } else {
            self.place_in(step, old.as_deref(), value.as_deref()).unwrap_or_else(|| files.show(place))
        };
        self.layers.borrow_mut().push(Layer::new(words(step), shown_place, value.clone()));
        *last = Some((value, place));
    }
}
