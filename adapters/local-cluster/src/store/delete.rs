//! Deleting: at once, or when the last finalizer is gone.

use super::{Changing, Object, ObjectKey, Query, Store, Subresource, Surroundings, Target};
use crate::builtin::defaults::{PV_PROTECTION, PVC_PROTECTION};
use crate::failure::Failure;
use crate::value::Value;
use gitops_core::ports::Propagation;
use gitops_yaml::Str;
use std::sync::Arc;

/// How to delete.
#[derive(Clone, Debug, Default)]
pub struct Deleting {
    /// What becomes of what the object owns; `None` for what its kind does by default.
    pub propagation: Option<Propagation>,
    /// Only where it has this uid.
    pub uid: Option<Str>,
    /// Only where it has this resource version.
    pub resource_version: Option<Str>,
    /// Whether it is only tried.
    pub dry_run: bool,
}

/// What a deletion did.
#[derive(Clone, Debug)]
pub enum Deleted {
    /// The object is gone.
    Gone(Arc<Object>),
    /// It is marked and goes when its finalizers are.
    Marked(Arc<Object>),
}

const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

impl Store {
    /// Deletes an object.
    ///
    /// # Errors
    /// Where there is none, or a precondition fails.
    pub fn delete(
        &mut self,
        target: &Target,
        deleting: &Deleting,
        world: &mut dyn Surroundings,
    ) -> Result<Deleted, Failure> {
        let key = Self::key(target);
        let object = self.get(target)?.clone();
        let (group, plural) = (&target.resource.group, &target.resource.plural);
        if let Some(wanted) = &deleting.uid
            && object.uid().as_ref() != Some(wanted)
        {
            let found = object.uid().unwrap_or_default();
            let why = format!(
                "the UID in the precondition ({wanted}) does not match the UID in record ({found}). The object might have been deleted and then recreated"
            );
            return Err(Failure::conflict(group, &target.resource.kind, &target.name, why));
        }
        if let Some(wanted) = &deleting.resource_version
            && object.revision().to_string() != wanted.as_str()
        {
            let why = format!(
                "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({}). The object might have been modified",
                object.revision()
            );
            return Err(Failure::conflict(group, &target.resource.kind, &target.name, why));
        }
        if group.is_empty() && plural == "namespaces" {
            if matches!(target.name.as_str(), "default" | "kube-system" | "kube-public") {
                let why = "this namespace may not be deleted";
                return Err(Failure::forbidden(group, plural, &target.name, why));
            }
            return Ok(self.delete_namespace(&key, &object, deleting, world));
        }
        if crate::custom::is_definition(&key) {
            return Ok(self.delete_definition(&key, &object, deleting, world));
        }
        let mut marked = (*object).clone();
        set_finalizer(&mut marked, ORPHAN, deleting.propagation == Some(Propagation::Orphan), deleting);
        set_finalizer(
            &mut marked,
            FOREGROUND,
            deleting.propagation == Some(Propagation::Foreground),
            deleting,
        );
        if marked.finalizers().next().is_none() {
            if deleting.dry_run {
                return Ok(Deleted::Gone(object));
            }
            let gone = self.take(&key).unwrap_or(object);
            self.after_removal(&gone, world);
            return Ok(Deleted::Gone(gone));
        }
        mark(&mut marked, world.now());
        if deleting.dry_run {
            return Ok(Deleted::Marked(Arc::new(marked)));
        }
        let marked = if marked.body == object.body { object } else { self.put(&key, marked) };
        self.advance_foreground(&key, world);
        self.advance_orphan(&key, world);
        self.release(&key, world);
        Ok(Deleted::Marked(marked))
    }

    /// Marks a definition, which goes after all objects of its kind.
    fn delete_definition(
        &mut self,
        key: &ObjectKey,
        object: &Arc<Object>,
        deleting: &Deleting,
        world: &mut dyn Surroundings,
    ) -> Deleted {
        let mut marked = (**object).clone();
        crate::custom::terminate(&mut marked, world.now());
        if deleting.dry_run {
            return Deleted::Marked(Arc::new(marked));
        }
        let marked = if marked.body == object.body { object.clone() } else { self.put(key, marked) };
        if !self.delete_customs(object, world) {
            self.drop_finalizer(key, crate::custom::FINALIZER, world);
        }
        Deleted::Marked(marked)
    }

    /// Lets go of claims and volumes that nothing uses: no pod runs here.
    fn release(&mut self, key: &ObjectKey, world: &mut dyn Surroundings) {
        let finalizer = match (key.resource.0.as_str(), key.resource.1.as_str()) {
            ("", "persistentvolumeclaims") => PVC_PROTECTION,
            ("", "persistentvolumes") => PV_PROTECTION,
            _ => return,
        };
        self.drop_finalizer(key, finalizer, world);
    }

    /// Deletes all objects that a query selects, and returns them.
    ///
    /// # Errors
    /// Where a selector can't be read.
    pub fn delete_all(
        &mut self,
        target: &Target,
        query: &Query,
        deleting: &Deleting,
        world: &mut dyn Surroundings,
    ) -> Result<Vec<Arc<Object>>, Failure> {
        let listed = self.list(target, query)?;
        for object in &listed.items {
            let one =
                Target { name: object.name().into(), namespace: object.namespace().into(), ..target.clone() };
            self.delete(&one, deleting, world)?;
        }
        Ok(listed.items)
    }

    /// Deletes an object in the background, or marks it.
    pub(super) fn delete_now(&mut self, key: &ObjectKey, world: &mut dyn Surroundings) {
        let Some(object) = self.at(key).cloned() else { return };
        if object.finalizers().next().is_none() {
            self.remove(key, world);
        } else if !object.is_going() {
            let mut marked = (*object).clone();
            mark(&mut marked, world.now());
            self.put(key, marked);
            self.release(key, world);
        }
    }

    pub(super) fn remove(&mut self, key: &ObjectKey, world: &mut dyn Surroundings) {
        if let Some(gone) = self.take(key) {
            self.after_removal(&gone, world);
        }
    }

    /// What follows from an object's removal. One removal leads to others, of which there may be any number in a row: they
    /// wait for their turn instead of nesting.
    pub(super) fn after_removal(&mut self, gone: &Arc<Object>, world: &mut dyn Surroundings) {
        self.removed.push_back(gone.clone());
        if self.follows_up {
            return;
        }
        self.follows_up = true;
        while let Some(gone) = self.removed.pop_front() {
            self.settle(world);
            self.look_at_owners(&gone, world);
            self.look_at_namespace(gone.namespace(), world);
            self.look_at_definition(&gone, world);
        }
        self.follows_up = false;
    }

    /// Goes on with an owner that waits for what it owns.
    pub(super) fn advance_foreground(&mut self, key: &ObjectKey, world: &mut dyn Surroundings) {
        let Some(object) = self.at(key).cloned() else { return };
        if !object.is_going() || !object.finalizers().any(|name| name == FOREGROUND) {
            return;
        }
        let Some(uid) = object.uid() else { return };
        if !self.delete_dependents(&uid, world) {
            self.drop_finalizer(key, FOREGROUND, world);
        }
    }

    /// Goes on with an owner that leaves behind what it owns.
    pub(super) fn advance_orphan(&mut self, key: &ObjectKey, world: &mut dyn Surroundings) {
        let Some(object) = self.at(key).cloned() else { return };
        if !object.is_going() || !object.finalizers().any(|name| name == ORPHAN) {
            return;
        }
        if let Some(uid) = object.uid() {
            self.release_dependents(&uid);
        }
        self.drop_finalizer(key, ORPHAN, world);
    }

    pub(crate) fn drop_finalizer(&mut self, key: &ObjectKey, finalizer: &str, world: &mut dyn Surroundings) {
        let Some(object) = self.at(key).cloned() else { return };
        let mut changed = (*object).clone();
        without_finalizer(&mut changed, finalizer);
        if changed.finalizers().next().is_none() && object.is_going() {
            self.remove(key, world);
        } else {
            self.put(key, changed);
        }
    }

    fn delete_namespace(
        &mut self,
        key: &ObjectKey,
        object: &Arc<Object>,
        deleting: &Deleting,
        world: &mut dyn Surroundings,
    ) -> Deleted {
        let mut marked = (**object).clone();
        if !object.is_going() {
            marked
                .body
                .ensure(&["metadata"])
                .insert("deletionTimestamp", crate::time::seconds(world.now()).into());
        }
        marked.body.ensure(&["status"]).insert("phase", "Terminating".into());
        if deleting.dry_run {
            return Deleted::Marked(Arc::new(marked));
        }
        let marked = if marked.body == object.body { object.clone() } else { self.put(key, marked) };
        self.empty_namespace(&key.name, world);
        Deleted::Marked(marked)
    }

    /// Removes an object whose last finalizer went with a write.
    pub(super) fn finish_removal(
        &mut self,
        key: &ObjectKey,
        last: Object,
        world: &mut dyn Surroundings,
    ) -> Arc<Object> {
        let last = self.put(key, last);
        self.remove(key, world);
        last
    }

    /// Whether a write leaves an object to be removed.
    pub(super) fn is_finished(&self, target: &Target, object: &Object, changing: Changing) -> bool {
        changing == Changing::Old
            && target.part == Subresource::Main
            && object.is_going()
            && object.finalizers().next().is_none()
            && !(target.resource.group.is_empty() && target.resource.plural == "namespaces")
    }
}

fn mark(object: &mut Object, now: i64) {
    if object.is_going() {
        return;
    }
    let metadata = object.body.ensure(&["metadata"]);
    metadata.insert("deletionTimestamp", crate::time::seconds(now).into());
    metadata.insert("deletionGracePeriodSeconds", Value::Int(0));
    if let Some(generation) = metadata.get("generation").and_then(Value::as_int) {
        metadata.insert("generation", Value::Int(generation.saturating_add(1)));
    }
}

/// Adds or removes one of the garbage collector's finalizers, if the deletion says what it wants.
fn set_finalizer(object: &mut Object, finalizer: &'static str, wanted: bool, deleting: &Deleting) {
    if wanted {
        if !object.finalizers().any(|name| name == finalizer) {
            let list = object.body.ensure(&["metadata"]).entry_or_null("finalizers");
            if !matches!(list, Value::List(_)) {
                *list = Value::List(Vec::new());
            }
            if let Value::List(items) = list {
                items.push(finalizer.into());
            }
        }
    } else if deleting.propagation.is_some() {
        without_finalizer(object, finalizer);
    }
}

fn without_finalizer(object: &mut Object, finalizer: &str) {
    let Some(Value::List(items)) = object.body.at_mut(&["metadata", "finalizers"]) else { return };
    items.retain(|name| name.as_str() != Some(finalizer));
    if items.is_empty() {
        object.body.ensure(&["metadata"]).remove("finalizers");
    }
}
