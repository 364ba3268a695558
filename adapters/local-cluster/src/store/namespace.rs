//! Namespaces: what is in one needs it, and goes with it.

use super::{Object, ObjectKey, Store, Surroundings, Target};
use crate::failure::{Cause, Failure};
use crate::fields::{Identity, Managers, Operation};
use crate::value::Value;
use gitops_yaml::Str;

pub(super) fn key(name: &str) -> ObjectKey {
    ObjectKey { resource: (Str::EMPTY, Str::literal("namespaces")), namespace: Str::EMPTY, name: name.into() }
}

impl Store {
    /// Puts a namespace there that nobody asked for.
    pub(super) fn add_namespace(&mut self, name: &str, world: &mut dyn Surroundings) {
        let now = crate::time::seconds(world.now());
        let body = Value::from([
            ("apiVersion", "v1".into()),
            ("kind", "Namespace".into()),
            (
                "metadata",
                Value::from([
                    ("name", name.into()),
                    ("uid", Value::Text(super::names::uid(world.random()))),
                    ("creationTimestamp", now.into()),
                    ("labels", Value::from([("kubernetes.io/metadata.name", name.into())])),
                ]),
            ),
            ("spec", Value::from([("finalizers", Value::List(vec!["kubernetes".into()]))])),
            ("status", Value::from([("phase", "Active".into())])),
        ]);
        let mut managers = Managers::default();
        let mut labels = crate::fields::FieldSet::default();
        let step = crate::fields::Step::field;
        labels.insert(&[step("metadata"), step("labels")]);
        labels.insert(&[step("metadata"), step("labels"), step("kubernetes.io/metadata.name")]);
        managers.0.push(crate::fields::ManagedEntry {
            identity: Identity {
                manager: "kube-apiserver".into(),
                operation: Operation::Update,
                api_version: "v1".into(),
                subresource: Str::EMPTY,
            },
            time: Some(world.now()),
            fields: labels,
        });
        self.put(&key(name), Object::new(body, managers));
        self.fill_namespace(name, world);
    }

    /// Adds what controllers put into every namespace.
    pub(super) fn fill_namespace(&mut self, name: &str, world: &mut dyn Surroundings) {
        if !self.options.namespace_contents {
            return;
        }
        let now = crate::time::seconds(world.now());
        let mut add = |plural: &'static str, kind: &str, object: &str, fields: Vec<(&str, Value)>| {
            let key = ObjectKey {
                resource: (Str::EMPTY, Str::literal(plural)),
                namespace: name.into(),
                name: object.into(),
            };
            let mut body = Value::from([
                ("apiVersion", "v1".into()),
                ("kind", kind.into()),
                (
                    "metadata",
                    Value::from([
                        ("name", object.into()),
                        ("namespace", name.into()),
                        ("uid", Value::Text(super::names::uid(world.random()))),
                        ("creationTimestamp", now.as_str().into()),
                    ]),
                ),
            ]);
            for (field, value) in fields {
                body.set(field, value);
            }
            if self.at(&key).is_none() {
                self.put(&key, Object::new(body, Managers::default()));
            }
        };
        add("serviceaccounts", "ServiceAccount", "default", vec![]);
        let data = Value::from([("ca.crt", "".into())]);
        add("configmaps", "ConfigMap", "kube-root-ca.crt", vec![("data", data)]);
    }

    /// Refuses to create in a namespace that is not there or is going.
    pub(super) fn check_namespace(&self, target: &Target, name: &str) -> Result<(), Failure> {
        if !target.resource.namespaced {
            return Ok(());
        }
        let namespace = &target.namespace;
        let found =
            self.at(&key(namespace)).ok_or_else(|| Failure::not_found("", "namespaces", namespace))?;
        if !found.is_going() {
            return Ok(());
        }
        let why =
            format!("unable to create new content in namespace {namespace} because it is being terminated");
        let mut failure = Failure::forbidden(&target.resource.group, &target.resource.plural, name, why);
        failure.details.get_or_insert_default().causes.push(Cause {
            reason: "NamespaceTerminating",
            message: format!("namespace {namespace} is being terminated"),
            field: "metadata.namespace".to_owned(),
        });
        Err(failure)
    }

    /// Deletes what is left in a namespace that is going, and then the namespace.
    pub(super) fn empty_namespace(&mut self, name: &str, world: &mut dyn Surroundings) {
        let kinds: Vec<_> = self.kinds.iter().filter(|kind| kind.namespaced).cloned().collect();
        let mut left = false;
        for kind in kinds {
            let resource = (kind.group.clone(), kind.plural.clone());
            let Some(collection) = self.collection(&resource) else { continue };
            let names: Vec<Str> =
                collection.iter(Some(name), None).map(|object| object.name().into()).collect();
            for object in names {
                let key = ObjectKey { resource: resource.clone(), namespace: name.into(), name: object };
                self.delete_now(&key, world);
                left |= self.at(&key).is_some();
            }
        }
        if !left {
            let key = key(name);
            let held = self.at(&key).is_some_and(|namespace| namespace.finalizers().next().is_some());
            if !held {
                self.take(&key);
            }
        }
    }

    /// Looks again at the namespace of an object that has gone.
    pub(super) fn look_at_namespace(&mut self, name: &str, world: &mut dyn Surroundings) {
        if !name.is_empty() && self.at(&key(name)).is_some_and(|namespace| namespace.is_going()) {
            self.empty_namespace(name, world);
        }
    }
}
