//! What a [`FakeCluster`](super::FakeCluster) holds: objects, what each manager applied, and the events.

use crate::merge::{JsonPatch, merge_patch};
use crate::object::{Gvk, ObjectId, same_value};
use crate::ports::{
    ClusterError, ClusterFault, DeleteOptions, FieldConflicts, ObjectRef, Part, Patch, ServedKind,
    WatchEvent, WriteMode, WriteOptions,
};
use crate::schema::{Schema, Scope};
use gitops_yaml::{Dialect, Node, Str};
use std::collections::BTreeMap;
use std::task::Waker;

#[derive(Debug)]
pub(super) struct Objects {
    schema: Schema,
    version: u64,
    uids: u64,
    epoch: u32,
    stored: BTreeMap<ObjectId, Node>,
    /// The object written last, and how it was before.
    before: Option<(ObjectId, Option<Node>)>,
    /// What each manager applied last.
    applied: BTreeMap<(ObjectId, Str), Node>,
    events: Vec<WatchEvent>,
    wakers: Vec<Waker>,
    immutable: Vec<(String, Vec<String>)>,
}

impl Default for Objects {
    fn default() -> Self {
        Self {
            schema: Schema::builtin(),
            version: 1,
            uids: 0,
            epoch: 0,
            stored: BTreeMap::new(),
            before: None,
            applied: BTreeMap::new(),
            events: Vec::new(),
            wakers: Vec::new(),
            immutable: Vec::new(),
        }
    }
}

fn id_of(target: &ObjectRef) -> ObjectId {
    ObjectId {
        group: target.gvk.group.clone(),
        kind: target.gvk.kind.clone(),
        namespace: target.namespace.clone(),
        name: target.name.clone(),
    }
}

fn mapping() -> Node {
    Node::mapping(Vec::new())
}

impl Objects {
    pub(super) fn kind(&self, gvk: &Gvk) -> Option<ServedKind> {
        let plural = |kind: &str| Str::from(format!("{}s", kind.to_lowercase()));
        if let Some(scope) = self.schema.scope(&gvk.api_version(), &gvk.kind) {
            let namespaced = scope == Scope::Namespaced;
            return Some(ServedKind { gvk: gvk.clone(), plural: plural(&gvk.kind), namespaced });
        }
        self.definitions().find(|kind| kind.gvk == *gvk)
    }

    /// The kinds that CustomResourceDefinitions define.
    fn definitions(&self) -> impl Iterator<Item = ServedKind> {
        let all = self.stored.iter().filter(|(id, _)| id.kind == "CustomResourceDefinition");
        all.flat_map(|(_, definition)| {
            let text =
                |path: &[&str]| definition.at_path(path).and_then(Node::scalar).cloned().unwrap_or_default();
            let (group, kind) = (text(&["spec", "group"]), text(&["spec", "names", "kind"]));
            let (plural, scope) = (text(&["spec", "names", "plural"]), text(&["spec", "scope"]));
            let versions =
                definition.at_path(&["spec", "versions"]).and_then(Node::items).unwrap_or_default();
            versions.iter().filter_map(|version| version.get("name")?.scalar().cloned()).map(move |version| {
                ServedKind {
                    gvk: Gvk { group: group.clone(), version, kind: kind.clone() },
                    plural: plural.clone(),
                    namespaced: scope != "Cluster",
                }
            })
        })
    }

    pub(super) fn kinds(&self) -> Vec<ServedKind> {
        let builtin = self.schema.kinds().map(|(api_version, kind)| Gvk::new(api_version, kind));
        builtin.filter_map(|gvk| self.kind(&gvk)).chain(self.definitions()).collect()
    }

    pub(super) fn check_kind(&self, gvk: &Gvk) -> Result<(), ClusterError> {
        if self.kind(gvk).is_some() {
            return Ok(());
        }
        let message = format!("no matches for kind \"{}\" in version \"{}\"", gvk.kind, gvk.api_version());
        Err(ClusterError::new(ClusterFault::UnknownKind, message))
    }

    pub(super) fn get(&self, target: &ObjectRef) -> Option<&Node> {
        self.stored.get(&id_of(target))
    }

    pub(super) fn get_stale(&self, target: &ObjectRef) -> Option<&Node> {
        match &self.before {
            Some((id, before)) if *id == id_of(target) => before.as_ref(),
            _ => self.get(target),
        }
    }

    /// All objects; perhaps as they were before the last write.
    pub(super) fn all(&self, stale: bool) -> impl Iterator<Item = &Node> {
        let before = self.before.as_ref().filter(|_| stale);
        let untouched = move |(id, _): &(&ObjectId, &Node)| before.is_none_or(|(written, _)| written != *id);
        let old = before.and_then(|(_, old)| old.as_ref());
        self.stored.iter().filter(untouched).map(|(_, object)| object).chain(old)
    }

    pub(super) fn addresses(&self) -> Vec<ObjectRef> {
        self.stored.values().map(ObjectRef::of).collect()
    }

    pub(super) fn version(&self) -> Str {
        self.version.to_string().into()
    }

    pub(super) fn epoch(&self) -> u32 {
        self.epoch
    }

    pub(super) fn close_watches(&mut self) {
        self.epoch += 1;
        self.wakers.drain(..).for_each(Waker::wake);
    }

    pub(super) fn wake_later(&mut self, waker: &Waker) {
        self.wakers.push(waker.clone());
    }

    pub(super) fn event(&self, position: usize) -> Option<&WatchEvent> {
        self.events.get(position)
    }

    /// Returns the first event that is newer than a version; version n is made by event n - 2.
    pub(super) fn position_after(&self, version: &str) -> Result<usize, ClusterError> {
        let invalid =
            || ClusterError::new(ClusterFault::Invalid, format!("invalid resource version {version:?}"));
        let version: usize = if version.is_empty() { 1 } else { version.parse().map_err(|_| invalid())? };
        Ok(version.saturating_sub(1))
    }

    pub(super) fn set_immutable(&mut self, kind: &str, path: &[&str]) {
        self.immutable.push((kind.to_owned(), path.iter().map(|&key| key.to_owned()).collect()));
    }

    pub(super) fn put(&mut self, object: Node) {
        self.store(object);
    }

    pub(super) fn remove(&mut self, target: &ObjectRef) {
        let id = id_of(target);
        if let Some(mut object) = self.stored.remove(&id) {
            self.before = Some((id.clone(), Some(object.clone())));
            self.applied.retain(|(owner, _), _| *owner != id);
            self.version += 1;
            if let Some(metadata) = object.get_mut("metadata") {
                metadata.set("resourceVersion", Node::string(self.version.to_string()));
            }
            self.notify(WatchEvent::Deleted(object));
        }
    }

    fn notify(&mut self, event: WatchEvent) {
        self.events.push(event);
        self.wakers.drain(..).for_each(Waker::wake);
    }

    /// Gives an object the metadata that the server keeps.
    fn finish(&mut self, object: &mut Node, mode: WriteMode) {
        let old = self.stored.get(&ObjectId::of(object));
        if object.get("metadata").is_none_or(|metadata| !metadata.is_mapping()) {
            object.set("metadata", mapping());
        }
        let kept = |field: &str| old.and_then(|old| old.at_path(&["metadata", field])).cloned();
        let generation: i64 =
            kept("generation").and_then(|node| node.as_str().and_then(|text| text.parse().ok())).unwrap_or(0);
        let changed = old.is_none_or(|old| !same_value(&content(old), &content(object)));
        let uid = kept("uid").unwrap_or_else(|| Node::string(format!("uid-{}", self.uids + 1)));
        let created = kept("creationTimestamp").unwrap_or_else(|| Node::string("2024-01-01T00:00:00Z"));
        let version = match mode {
            WriteMode::Real => Some(Node::string((self.version + 1).to_string())),
            WriteMode::DryRun => kept("resourceVersion"),
        };
        if let Some(metadata) = object.get_mut("metadata") {
            metadata.remove("resourceVersion");
            metadata.set("uid", uid);
            metadata.set("creationTimestamp", created);
            metadata.set("generation", Node::int(generation + i64::from(changed)));
            if let Some(version) = version {
                metadata.set("resourceVersion", version);
            }
        }
    }

    fn store(&mut self, mut object: Node) -> Node {
        self.finish(&mut object, WriteMode::Real);
        self.version += 1;
        let id = ObjectId::of(&object);
        let old = self.stored.insert(id.clone(), object.clone());
        let is_new = old.is_none();
        self.before = Some((id, old));
        if is_new {
            self.uids += 1;
        }
        self.notify(if is_new {
            WatchEvent::Added(object.clone())
        } else {
            WatchEvent::Modified(object.clone())
        });
        object
    }

    /// Stores a changed object unless nothing has changed or it is only tried; one without finalizers that is being deleted
    /// goes.
    fn write(&mut self, object: Node, options: &WriteOptions) -> Result<Node, ClusterError> {
        let target = ObjectRef::of(&object);
        self.check_kind(&target.gvk)?;
        self.check_immutable(&object)?;
        if options.mode == WriteMode::DryRun {
            let mut object = object;
            self.finish(&mut object, WriteMode::DryRun);
            return Ok(object);
        }
        if let Some(old) = self.get(&target)
            && same_value(old, &object)
        {
            return Ok(old.clone());
        }
        let is_going = object.at_path(&["metadata", "deletionTimestamp"]).is_some();
        let stored = self.store(object);
        if is_going && finalizers(&stored) == 0 {
            self.remove(&target);
        }
        Ok(stored)
    }

    fn check_immutable(&self, object: &Node) -> Result<(), ClusterError> {
        let id = ObjectId::of(object);
        let Some(old) = self.stored.get(&id) else { return Ok(()) };
        for (kind, path) in &self.immutable {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let same = match (old.at_path(&path), object.at_path(&path)) {
                (Some(old), Some(new)) => same_value(old, new),
                (None, None) => true,
                _ => false,
            };
            if id.kind == kind.as_str() && !same {
                let message =
                    format!("{kind} \"{}\" is invalid: {}: field is immutable", id.name, path.join("."));
                return Err(ClusterError::new(ClusterFault::Immutable, message));
            }
        }
        Ok(())
    }

    pub(super) fn create(&mut self, object: &Node, options: &WriteOptions) -> Result<Node, ClusterError> {
        let target = ObjectRef::of(object);
        if self.get(&target).is_some() {
            let message = format!("{} \"{}\" already exists", target.gvk.kind, target.name);
            return Err(ClusterError::new(ClusterFault::AlreadyExists, message));
        }
        self.write(object.clone(), options)
    }

    pub(super) fn replace(&mut self, object: &Node, options: &WriteOptions) -> Result<Node, ClusterError> {
        let target = ObjectRef::of(object);
        let old = self.get(&target).cloned().ok_or_else(|| not_found(&target))?;
        let version =
            |node: &Node| node.at_path(&["metadata", "resourceVersion"]).and_then(Node::scalar).cloned();
        if version(object).is_some_and(|wanted| !wanted.is_empty() && Some(wanted) != version(&old)) {
            let message =
                "the object has been modified; please apply your changes to the latest version and try again";
            return Err(ClusterError::new(ClusterFault::Conflict, message));
        }
        let new = keep_other_part(old, object.clone(), options.part);
        self.write(new, options)
    }

    pub(super) fn patch(
        &mut self,
        target: &ObjectRef,
        patch: &Patch,
        options: &WriteOptions,
    ) -> Result<Node, ClusterError> {
        let old = self.get(target).cloned().ok_or_else(|| not_found(target))?;
        let mut new = old.clone();
        match patch {
            Patch::Merge(patch) | Patch::Strategic(patch) => merge_patch(&mut new, patch),
            Patch::Json(patch) => {
                let invalid = |error: crate::merge::MergeError| {
                    ClusterError::new(ClusterFault::Invalid, error.to_string())
                };
                let patch = JsonPatch::read(patch, Dialect::V3).map_err(invalid)?;
                patch.apply(&mut new).map_err(invalid)?;
            }
        }
        self.write(keep_other_part(old, new, options.part), options)
    }

    pub(super) fn apply(&mut self, object: &Node, options: &WriteOptions) -> Result<Node, ClusterError> {
        let target = ObjectRef::of(object);
        self.check_kind(&target.gvk)?;
        let id = id_of(&target);
        let others: Vec<(ObjectId, Str)> = self
            .applied
            .keys()
            .filter(|(owned, by)| *owned == id && *by != options.manager)
            .cloned()
            .collect();
        for other in &others {
            let conflict = self.applied.get(other).and_then(|theirs| conflict(theirs, object, String::new()));
            if let (Some(path), FieldConflicts::Refused) = (conflict, options.conflicts) {
                let message = format!("Apply failed with 1 conflict: conflict with \"{}\": {path}", other.1);
                return Err(ClusterError::new(ClusterFault::Conflict, message));
            }
        }
        let mut new = self.get(&target).cloned().unwrap_or_else(mapping);
        let kept = new.get("status").cloned();
        let key = (id, options.manager.clone());
        if let Some(previous) = self.applied.get(&key) {
            let keep = |path: &[&str]| {
                others
                    .iter()
                    .any(|other| self.applied.get(other).is_some_and(|theirs| theirs.at_path(path).is_some()))
            };
            remove_dropped(&mut new, previous, object, &mut Vec::new(), &keep);
        }
        merge_patch(&mut new, object);
        if let (Some(status), Part::Main) = (kept, options.part) {
            new.set("status", status);
        }
        let written = self.write(new, options)?;
        if options.mode == WriteMode::Real {
            if options.conflicts == FieldConflicts::TakenOver {
                for other in others {
                    if let Some(theirs) = self.applied.get_mut(&other) {
                        remove_taken(theirs, object);
                    }
                }
            }
            self.applied.insert(key, object.clone());
        }
        Ok(written)
    }

    pub(super) fn delete(
        &mut self,
        target: &ObjectRef,
        options: &DeleteOptions,
    ) -> Result<bool, ClusterError> {
        self.check_kind(&target.gvk)?;
        let Some(mut object) = self.get(target).cloned() else { return Ok(false) };
        let uid = object.at_path(&["metadata", "uid"]).and_then(Node::scalar);
        if options.uid.as_ref().is_some_and(|wanted| Some(wanted) != uid) {
            return Err(ClusterError::new(
                ClusterFault::Conflict,
                "the UID in the precondition does not match",
            ));
        }
        if options.mode == WriteMode::DryRun {
            return Ok(true);
        }
        if finalizers(&object) == 0 {
            self.remove(target);
        } else if let Some(metadata) = object.get_mut("metadata") {
            metadata.set("deletionTimestamp", Node::string("2024-01-01T00:00:00Z"));
            self.store(object);
        }
        Ok(true)
    }
}

fn finalizers(object: &Node) -> usize {
    object.at_path(&["metadata", "finalizers"]).and_then(Node::items).map_or(0, <[Node]>::len)
}

fn not_found(target: &ObjectRef) -> ClusterError {
    ClusterError::new(ClusterFault::NotFound, format!("{} \"{}\" not found", target.gvk.kind, target.name))
}

/// All of an object but its metadata and status.
fn content(object: &Node) -> Node {
    let mut object = object.clone();
    object.remove("metadata");
    object.remove("status");
    object
}

/// The status of an object is written apart from the rest.
fn keep_other_part(mut old: Node, mut new: Node, part: Part) -> Node {
    let (kept, from) = if part == Part::Status { (&mut old, &mut new) } else { (&mut new, &mut old) };
    kept.remove("status");
    if let Some(status) = from.remove("status") {
        kept.set("status", status);
    }
    if part == Part::Status { old } else { new }
}

/// The first field that both have with different values.
fn conflict(theirs: &Node, ours: &Node, path: String) -> Option<String> {
    match (theirs.entries(), ours.entries()) {
        (Some(theirs), Some(_)) => theirs.iter().find_map(|entry| {
            let key = entry.key.as_str()?;
            let path = if path.is_empty() { format!(".{key}") } else { format!("{path}.{key}") };
            conflict(&entry.value, ours.get(key)?, path)
        }),
        _ => (!same_value(theirs, ours)).then_some(path),
    }
}

/// Removes the fields that were applied and are no more, unless another manager has applied them too.
fn remove_dropped<'a>(
    live: &mut Node,
    previous: &'a Node,
    now: &Node,
    path: &mut Vec<&'a str>,
    keep: &impl Fn(&[&str]) -> bool,
) {
    for entry in previous.entries().unwrap_or_default() {
        let Some(key) = entry.key.as_str() else { continue };
        path.push(key);
        match now.get(key) {
            Some(now) => {
                if let Some(live) = live.get_mut(key) {
                    remove_dropped(live, &entry.value, now, path, keep);
                }
            }
            None if entry.value.is_mapping() => {
                if let Some(inner) = live.get_mut(key) {
                    remove_dropped(inner, &entry.value, &mapping(), path, keep);
                    if inner.entries().is_some_and(<[_]>::is_empty) {
                        live.remove(key);
                    }
                }
            }
            None if !keep(path) => drop(live.remove(key)),
            None => {}
        }
        path.pop();
    }
}

/// Removes from what another manager applied the fields that were taken over with another value.
fn remove_taken(theirs: &mut Node, ours: &Node) {
    let Some(entries) = theirs.entries_mut() else { return };
    entries.retain_mut(|entry| {
        let Some(ours) = entry.key.as_str().and_then(|key| ours.get(key)) else { return true };
        if entry.value.is_mapping() && ours.is_mapping() {
            remove_taken(&mut entry.value, ours);
            return true;
        }
        same_value(&entry.value, ours)
    });
}
