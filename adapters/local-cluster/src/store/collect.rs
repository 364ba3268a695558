//! Deletes what nobody owns any more.

use super::{Object, ObjectKey, Store, Surroundings};
use crate::value::Value;
use gitops_yaml::Str;

impl Store {
    /// Follows up on removed objects: what they owned goes, and what waited for them.
    pub(super) fn settle(&mut self, world: &mut dyn Surroundings) {
        while let Some(uid) = self.gone.pop_front() {
            for key in self.dependents.get(&uid).cloned().unwrap_or_default() {
                self.orphaned(&key, &uid, world);
            }
        }
    }

    /// An owner of an object has gone.
    fn orphaned(&mut self, key: &ObjectKey, uid: &str, world: &mut dyn Surroundings) {
        let Some(object) = self.at(key).cloned() else { return };
        let others = object.owners().into_iter().any(|owner| owner != uid && self.uid_lives(&object, &owner));
        if others {
            self.disown(key, &object, uid);
        } else {
            self.delete_now(key, world);
        }
    }

    /// Whether an owner that an object names is there.
    fn uid_lives(&self, object: &Object, uid: &str) -> bool {
        let owners = object.meta("ownerReferences").and_then(Value::as_list).unwrap_or_default();
        owners.iter().filter(|owner| owner.text_at(&["uid"]) == uid).any(|owner| {
            let gvk = gitops_core::object::Gvk::new(owner.text_at(&["apiVersion"]), owner.text_at(&["kind"]));
            let Some(resource) = self.kinds.by_group_kind(&gvk.group, &gvk.kind) else { return false };
            let namespace = if resource.namespaced { object.namespace() } else { "" };
            let key = ObjectKey {
                resource: (resource.group.clone(), resource.plural.clone()),
                namespace: namespace.into(),
                name: owner.text_at(&["name"]).into(),
            };
            self.at(&key).is_some_and(|found| found.uid().is_some_and(|found| found == *uid))
        })
    }

    /// Takes an owner off an object.
    pub(super) fn disown(&mut self, key: &ObjectKey, object: &Object, uid: &str) {
        let mut changed = object.clone();
        if let Some(owners) =
            changed.body.at_mut(&["metadata", "ownerReferences"]).and_then(Value::as_list_mut)
        {
            owners.retain(|owner| owner.text_at(&["uid"]) != uid);
            if owners.is_empty() {
                changed.body.ensure(&["metadata"]).remove("ownerReferences");
            }
        }
        self.put(key, changed);
    }

    /// Takes all owned objects off an owner that leaves them behind.
    pub(super) fn release_dependents(&mut self, uid: &str) {
        for key in self.dependents.get(uid).cloned().unwrap_or_default() {
            if let Some(object) = self.at(&key).cloned() {
                self.disown(&key, &object, uid);
            }
        }
    }

    /// Deletes what an owner owns before it goes itself; returns whether something is left that blocks it.
    pub(super) fn delete_dependents(&mut self, uid: &Str, world: &mut dyn Surroundings) -> bool {
        let keys = self.dependents.get(uid).cloned().unwrap_or_default();
        for key in &keys {
            self.delete_now(key, world);
        }
        keys.iter().any(|key| self.at(key).is_some_and(|object| blocks(object, uid)))
    }

    /// Owners that wait in the foreground for an object that has just gone.
    pub(super) fn look_at_owners(&mut self, object: &Object, world: &mut dyn Surroundings) {
        let owners = object.meta("ownerReferences").and_then(Value::as_list).unwrap_or_default().to_vec();
        for owner in owners {
            let gvk = gitops_core::object::Gvk::new(owner.text_at(&["apiVersion"]), owner.text_at(&["kind"]));
            let Some(resource) = self.kinds.by_group_kind(&gvk.group, &gvk.kind).cloned() else { continue };
            let namespace = if resource.namespaced { object.namespace() } else { "" };
            let key = ObjectKey {
                resource: (resource.group.clone(), resource.plural.clone()),
                namespace: namespace.into(),
                name: owner.text_at(&["name"]).into(),
            };
            let waits = self.at(&key).is_some_and(|owner| {
                owner.is_going() && owner.finalizers().any(|name| name == "foregroundDeletion")
            });
            if waits {
                self.advance_foreground(&key, world);
            }
        }
    }
}

fn blocks(object: &Object, uid: &str) -> bool {
    let owners = object.meta("ownerReferences").and_then(Value::as_list).unwrap_or_default();
    owners.iter().any(|owner| {
        owner.text_at(&["uid"]) == uid
            && owner.get("blockOwnerDeletion").and_then(Value::as_bool) == Some(true)
    })
}
