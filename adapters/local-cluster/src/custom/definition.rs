//! What a custom resource definition adds to a cluster.

use super::Structural;
use crate::fields::{FieldChange, FieldSet, Identity, Operation};
use crate::kinds::{Column, Origin, Resource, Scale, ServedVersion};
use crate::store::{Object, ObjectKey, Store, Surroundings};
use crate::types::TypeId;
use crate::value::Value;
use gitops_yaml::Str;
use std::sync::Arc;

/// What keeps a definition until all its objects are gone.
pub(crate) const FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Returns whether a key is that of a definition.
pub(crate) fn is_definition(key: &ObjectKey) -> bool {
    key.resource.0 == "apiextensions.k8s.io" && key.resource.1 == "customresourcedefinitions"
}

/// Marks a definition as one that goes once its objects have gone.
pub(crate) fn terminate(definition: &mut Object, now: i64) {
    let time = crate::time::seconds(now);
    let metadata = definition.body.ensure(&["metadata"]);
    if metadata.contains("deletionTimestamp") {
        return;
    }
    metadata.insert("deletionTimestamp", time.as_str().into());
    let add = |list: &mut Value, item: Value| {
        let mut items = list.as_list().unwrap_or_default().to_vec();
        items.push(item);
        *list = Value::List(items);
    };
    add(metadata.entry_or_null("finalizers"), FINALIZER.into());
    let why = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon";
    let condition = Value::from([
        ("type", "Terminating".into()),
        ("status", "True".into()),
        ("reason", "InstanceDeletionPending".into()),
        ("message", why.into()),
        ("lastTransitionTime", time.into()),
    ]);
    add(definition.body.ensure(&["status"]).entry_or_null("conditions"), condition);
}

/// Reads the kind that a definition adds.
pub(crate) fn resource(definition: &Value) -> Option<Resource> {
    let spec = definition.get("spec")?;
    let names = spec.get("names")?;
    let text = |name: &str| Str::from(names.text_at(&[name]));
    let texts = |name: &str| -> Vec<Str> {
        let list = names.get(name).and_then(Value::as_list).unwrap_or_default();
        list.iter().filter_map(Value::as_str).map(Str::from).collect()
    };
    let kind = text("kind");
    let or = |found: Str, made: String| if found.is_empty() { Str::from(made) } else { found };
    let mut versions: Vec<ServedVersion> =
        spec.get("versions").and_then(Value::as_list)?.iter().filter_map(version).collect();
    versions.sort_by(|a, b| by_age(&b.name).cmp(&by_age(&a.name)).then_with(|| a.name.cmp(&b.name)));
    Some(Resource {
        group: spec.text_at(&["group"]).into(),
        plural: text("plural"),
        singular: or(text("singular"), kind.to_lowercase()),
        list_kind: or(text("listKind"), format!("{kind}List")),
        kind,
        short_names: texts("shortNames"),
        categories: texts("categories"),
        namespaced: spec.text_at(&["scope"]) != "Cluster",
        versions,
        origin: Origin::Custom(definition.text_at(&["metadata", "name"]).into()),
    })
}

/// Orders versions as Kubernetes does: stable ones first, then beta, then alpha, newer before older.
fn by_age(name: &str) -> (u8, i64, i64) {
    let Some(rest) = name.strip_prefix('v') else { return (0, 0, 0) };
    for (word, rank) in [("alpha", 1), ("beta", 2)] {
        if let Some((major, minor)) = rest.split_once(word)
            && let (Ok(major), Ok(minor)) = (major.parse(), minor.parse())
        {
            return (rank, major, minor);
        }
    }
    rest.parse().map_or((0, 0, 0), |major| (3, major, 0))
}

fn version(spec: &Value) -> Option<ServedVersion> {
    let schema = spec.at(&["schema", "openAPIV3Schema"]).cloned().unwrap_or_default();
    let structural = Structural::read(&schema);
    let mut types = crate::builtin::metadata_types();
    let root = if schema.is_null() { TypeId::DEDUCED } else { structural.add_root(&mut types) };
    let path = |text: &str| text.split('.').filter(|part| !part.is_empty()).map(Str::from).collect();
    let subresources = spec.get("subresources");
    let scale = subresources.and_then(|all| all.get("scale")).map(|scale| Scale {
        spec_replicas: path(scale.text_at(&["specReplicasPath"])),
        status_replicas: path(scale.text_at(&["statusReplicasPath"])),
        selector: path(scale.text_at(&["labelSelectorPath"])),
    });
    let list = |name: &str| spec.get(name).and_then(Value::as_list).unwrap_or_default();
    let columns = list("additionalPrinterColumns").iter().map(|column| Column {
        name: column.text_at(&["name"]).into(),
        kind: column.text_at(&["type"]).into(),
        format: column.text_at(&["format"]).into(),
        description: column.text_at(&["description"]).into(),
        priority: column.get("priority").and_then(Value::as_int).unwrap_or(0),
        path: column.text_at(&["jsonPath"]).into(),
    });
    Some(ServedVersion {
        name: spec.text_at(&["name"]).into(),
        served: spec.get("served").and_then(Value::as_bool) == Some(true),
        storage: spec.get("storage").and_then(Value::as_bool) == Some(true),
        status: subresources.is_some_and(|all| all.get("status").is_some()),
        scale,
        types: Arc::new(types),
        root,
        custom: Some(Arc::new(structural)),
        columns: columns.collect(),
        selectable: list("selectableFields")
            .iter()
            .map(|field| field.text_at(&["jsonPath"]).into())
            .collect(),
    })
}

impl Store {
    /// Serves the kind of a definition that is stored.
    pub(crate) fn serve_custom(&mut self, definition: &Object) {
        let Some(resource) = resource(definition.body()) else { return };
        if self.kinds.by_path(&resource.group, &resource.plural).is_some_and(|known| known.is_built_in()) {
            return;
        }
        self.add_kind(resource);
    }

    /// Says in a definition's status that its kind is served.
    pub(crate) fn establish(&mut self, key: &ObjectKey, now: i64) {
        let Some(object) = self.at(key).cloned() else { return };
        let names = object.body().at(&["spec", "names"]).cloned().unwrap_or_default();
        let mut changed = (*object).clone();
        let before = object.body().clone();
        let status = changed.body.ensure(&["status"]);
        status.insert("acceptedNames", names);
        let conditions = status.entry_or_null("conditions");
        let mut list = conditions.as_list().unwrap_or_default().to_vec();
        for (kind, reason, message) in [
            ("NamesAccepted", "NoConflicts", "no conflicts found"),
            ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ] {
            if !list.iter().any(|known| known.text_at(&["type"]) == kind) {
                list.push(Value::from([
                    ("type", kind.into()),
                    ("status", "True".into()),
                    ("reason", reason.into()),
                    ("message", message.into()),
                    ("lastTransitionTime", crate::time::seconds(now).into()),
                ]));
            }
        }
        *conditions = Value::List(list);
        if changed.body == before {
            return;
        }
        let Some(kind) = self.kinds.by_path(&key.resource.0, &key.resource.1).cloned() else { return };
        let change = FieldChange {
            versions: &*kind,
            identity: Identity {
                manager: "kube-apiserver".into(),
                operation: Operation::Update,
                api_version: "apiextensions.k8s.io/v1".into(),
                subresource: "status".into(),
            },
            reset: &FieldSet::default(),
            now,
        };
        changed.managers.update(&change, &before, &changed.body);
        self.write_back(key, changed);
    }

    /// Deletes all objects of a definition's kind; returns whether some are left.
    pub(crate) fn delete_customs(&mut self, definition: &Object, world: &mut dyn Surroundings) -> bool {
        let Some(resource) = resource(definition.body()) else { return false };
        let key = (resource.group, resource.plural);
        for object in self.keys_of(&key) {
            self.delete_in_background(&object, world);
        }
        !self.keys_of(&key).is_empty()
    }

    /// Follows up on the removal of a definition, or of the last object of one that is going.
    pub(crate) fn look_at_definition(&mut self, gone: &Object, world: &mut dyn Surroundings) {
        if gone.body().text_at(&["kind"]) == "CustomResourceDefinition" {
            if let Some(resource) = resource(gone.body()) {
                self.drop_kind(&(resource.group, resource.plural));
            }
            return;
        }
        let gvk = gitops_core::object::Gvk::new(
            gone.body().text_at(&["apiVersion"]),
            gone.body().text_at(&["kind"]),
        );
        let Some(resource) = self.kinds.by_group_kind(&gvk.group, &gvk.kind).cloned() else { return };
        let Origin::Custom(name) = &resource.origin else { return };
        if self.keys_of(&(resource.group.clone(), resource.plural.clone())).is_empty() {
            let key = ObjectKey {
                resource: ("apiextensions.k8s.io".into(), "customresourcedefinitions".into()),
                namespace: Str::EMPTY,
                name: name.clone(),
            };
            if self.at(&key).is_some_and(|definition| definition.is_going()) {
                self.drop_finalizer(&key, FINALIZER, world);
            }
        }
    }
}
