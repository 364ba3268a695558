//! The objects of one run: labelled, checked and brought into the form in which Flux applies them.

use super::error::{ApplyError, Doing};
use super::normalize::normalize;
use super::owner::{Owner, is_marked, set_metadata};
use crate::object::{ApplyStage, Gvk, ObjectId, apply_order};
use crate::ports::{ClusterError, ClusterFault, ObjectRef};
use gitops_yaml::{Files, Node, Place, Str};
use std::collections::BTreeMap;

/// What is done to all objects of a set before they are applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetOptions {
    /// Labels that every object gets (`spec.commonMetadata.labels`).
    pub labels: Vec<(Str, Str)>,
    /// Annotations that every object gets (`spec.commonMetadata.annotations`).
    pub annotations: Vec<(Str, Str)>,
    /// Kinds that are to be applied before the rest, as `Kind` or `Kind.group`.
    pub early_kinds: Vec<String>,
}

/// Something that a user should know though nothing fails by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The object.
    pub id: ObjectId,
    /// The field's or the object's place.
    pub place: Place,
    /// What was done: `field spec.ingressClass is not known and was left out`.
    pub message: String,
}

impl Warning {
    /// Prints the warning behind its place: `apps/echo.yaml:8:3: Ingress/echo/echo: field … was left out`.
    #[must_use]
    pub fn show(&self, files: &Files) -> String {
        match files.show(self.place) {
            place if place.is_empty() => format!("{}: {}", self.id, self.message),
            place => format!("{place}: {}: {}", self.id, self.message),
        }
    }
}

/// How Flux is told to treat one object, by `…/ssa` and `…/reconcile`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Treatment {
    /// It is made as it is written, and fields of others are taken over.
    #[default]
    Override,
    /// `Merge`: fields that other managers have set stay.
    Merge,
    /// `IfNotPresent`: it is made once and then left alone.
    IfNotPresent,
    /// `Ignore`, or `reconcile: disabled`: it is left alone.
    Ignore,
}

impl Treatment {
    /// Reads an object's labels and annotations.
    pub(super) fn of(object: &Node, owner: &Owner) -> Self {
        let ssa = |value| is_marked(object, &owner.key("ssa"), value);
        if ssa("Ignore") || is_marked(object, &owner.key("reconcile"), "disabled") {
            Self::Ignore
        } else if ssa("IfNotPresent") {
            Self::IfNotPresent
        } else if ssa("Merge") {
            Self::Merge
        } else {
            Self::Override
        }
    }
}

/// One object that is wanted.
#[derive(Clone, Debug)]
pub struct Desired {
    /// Its address.
    pub target: ObjectRef,
    /// The object.
    pub object: Node,
    /// When it is applied.
    pub stage: ApplyStage,
}

impl Desired {
    /// Returns the object's id.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        let ObjectRef { gvk, namespace, name } = self.target.clone();
        ObjectId { group: gvk.group, kind: gvk.kind, namespace, name }
    }

    /// Returns where the object is written.
    #[must_use]
    pub fn place(&self) -> Place {
        self.object.place
    }

    /// Returns whether the object is a Job that is deleted some time after its end: `spec.ttlSecondsAfterFinished`.
    #[must_use]
    pub fn removes_itself(&self) -> bool {
        let gvk = &self.target.gvk;
        let ttl = self.object.at_path(&["spec", "ttlSecondsAfterFinished"]);
        gvk.group == "batch" && gvk.kind == "Job" && ttl.is_some_and(|ttl| !ttl.is_null())
    }
}

/// Objects that are ready to be applied, in their order.
///
/// ```
/// use gitops_core::apply::{ApplySet, Owner, SetOptions};
/// use gitops_yaml::{FileId, ReadOptions, read_stream};
/// let text = b"{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: apps}}\n---\n\
///              {apiVersion: v1, kind: Namespace, metadata: {name: apps}}";
/// let documents = read_stream(text, FileId::NONE, &ReadOptions::v3()).unwrap();
/// let objects = documents.into_iter().map(|document| document.root).collect();
/// let set = ApplySet::prepare(objects, &Owner::kustomization("flux-system", "apps"), &SetOptions::default()).unwrap();
/// assert_eq!(set.objects[0].id().to_string(), "Namespace/apps");
/// ```
#[derive(Clone, Debug, Default)]
pub struct ApplySet {
    /// The objects in the order of applying.
    pub objects: Vec<Desired>,
    /// What users should know.
    pub warnings: Vec<Warning>,
}

impl ApplySet {
    /// Labels objects as the owner's, sorts them by stage and order, and treats built-in kinds as Flux does: statuses are
    /// left out, a Secret's `stringData` becomes `data`, ports get the protocol TCP. Lists are taken apart.
    ///
    /// # Errors
    /// All objects without apiVersion, kind or name, and all that come twice; then nothing may be applied.
    pub fn prepare(objects: Vec<Node>, owner: &Owner, options: &SetOptions) -> Result<Self, Vec<ApplyError>> {
        let mut set = Self::default();
        let mut errors = Vec::new();
        for object in objects {
            if object.is_null() {
                continue;
            }
            match taken_apart(object) {
                Ok(items) => items.into_iter().for_each(|item| set.add(item, owner, options, &mut errors)),
                Err(object) => set.add(object, owner, options, &mut errors),
            }
        }
        set.refuse_duplicates(&mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        set.sort();
        Ok(set)
    }

    /// Sorts again, after addresses have changed.
    pub(super) fn sort(&mut self) {
        self.objects.sort_by(|a, b| a.stage.cmp(&b.stage).then_with(|| apply_order(&a.id(), &b.id())));
    }

    fn add(&mut self, mut object: Node, owner: &Owner, options: &SetOptions, errors: &mut Vec<ApplyError>) {
        let target = ObjectRef::of(&object);
        if target.gvk.group == "kustomize.config.k8s.io" && target.gvk.kind == "Kustomization" {
            return;
        }
        if let Some(missing) = missing_field(&target) {
            let cause = ClusterError::new(ClusterFault::Invalid, format!("{missing} is missing"));
            errors.push(ApplyError {
                id: ObjectId::of(&object),
                place: object.place,
                doing: Doing::Checking,
                cause,
            });
            return;
        }
        owner.label(&mut object);
        for (field, pairs) in [("labels", &options.labels), ("annotations", &options.annotations)] {
            for (key, value) in pairs {
                set_metadata(&mut object, field, key, value);
            }
        }
        normalize(&mut object, &mut self.warnings);
        let stage = ApplyStage::of(&ObjectId::of(&object), &options.early_kinds);
        self.objects.push(Desired { target, object, stage });
    }

    fn refuse_duplicates(&self, errors: &mut Vec<ApplyError>) {
        let mut seen: BTreeMap<ObjectId, Place> = BTreeMap::new();
        for desired in &self.objects {
            let Some(first) = seen.insert(desired.id(), desired.place()) else { continue };
            let at =
                if first.is_known() { format!(" (first at line {})", first.line) } else { String::new() };
            let cause = ClusterError::new(
                ClusterFault::Invalid,
                format!("is wanted twice in one set{at}: an object has one definition"),
            );
            errors.push(ApplyError {
                id: desired.id(),
                place: desired.place(),
                doing: Doing::Checking,
                cause,
            });
        }
    }

    /// The scopes of the kinds that the set itself defines.
    pub(super) fn defined_scopes(&self) -> BTreeMap<(Str, Str), bool> {
        let definitions =
            self.objects.iter().filter(|desired| desired.target.gvk.kind == "CustomResourceDefinition");
        let read = |desired: &Desired| {
            let text = |path: &[&str]| desired.object.at_path(path).and_then(Node::scalar).cloned();
            let namespaced = text(&["spec", "scope"])? != "Cluster";
            Some(((text(&["spec", "group"])?, text(&["spec", "names", "kind"])?), namespaced))
        };
        definitions.filter_map(read).collect()
    }
}

/// Takes the items out of a list kind.
fn taken_apart(mut object: Node) -> Result<Vec<Node>, Node> {
    let is_list = object.get("kind").and_then(Node::as_str).is_some_and(|kind| kind.ends_with("List"))
        && object.get("items").is_some_and(Node::is_sequence);
    if !is_list {
        return Err(object);
    }
    let items = object.get_mut("items").and_then(Node::items_mut).map(std::mem::take);
    Ok(items.unwrap_or_default())
}

fn missing_field(target: &ObjectRef) -> Option<&'static str> {
    let Gvk { version, kind, .. } = &target.gvk;
    [("apiVersion", version), ("kind", kind), ("metadata.name", &target.name)]
        .into_iter()
        .find_map(|(field, value)| value.is_empty().then_some(field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_yaml::{ReadOptions, read_stream};

    fn objects(text: &str, files: &mut Files) -> Vec<Node> {
        let file = files.add("apps.yaml");
        let documents = read_stream(text.as_bytes(), file, &ReadOptions::v3()).unwrap();
        documents.into_iter().map(|document| document.root).collect()
    }

    #[test]
    fn an_object_that_is_wanted_twice_is_refused_with_its_place() {
        let mut files = Files::default();
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\nkind: X\n";
        let objects = objects(text, &mut files);
        let owner = Owner::kustomization("ns", "own");
        let errors = ApplySet::prepare(objects, &owner, &SetOptions::default()).unwrap_err();
        let shown: Vec<String> = errors.iter().map(|error| error.show(&files)).collect();
        assert_eq!(
            shown,
            [
                "apps.yaml:9:1: X/ apiVersion is missing; not retried until it is changed",
                "apps.yaml:5:1: ConfigMap/a is wanted twice in one set (first at line 1): an object has one definition; not retried until it is changed",
            ]
        );
    }

    #[test]
    fn lists_are_taken_apart_and_everything_is_labelled() {
        let text = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: s}}\n- {apiVersion: v1, kind: Namespace, metadata: {name: n}}\n";
        let owner = Owner::kustomization("ns", "own");
        let options = SetOptions { annotations: vec![("team".into(), "a".into())], ..SetOptions::default() };
        let set = ApplySet::prepare(objects(text, &mut Files::default()), &owner, &options).unwrap();
        let names: Vec<String> = set.objects.iter().map(|desired| desired.id().to_string()).collect();
        assert_eq!(names, ["Namespace/n", "Service/s"]);
        for desired in &set.objects {
            assert!(is_marked(&desired.object, "kustomize.toolkit.fluxcd.io/name", "own"));
            assert!(is_marked(&desired.object, "team", "a"));
        }
    }
}
