//! A pure store of Kubernetes objects: no clock, no randomness, no I/O; what it needs of them is handed in.

mod collect;
mod collection;
pub(crate) mod decode;
mod delete;
pub(crate) mod names;
mod namespace;
mod object;
mod patch;
mod prepare;
mod read;
mod select;
mod write;

pub use collection::{Change, Event};
pub use delete::{Deleted, Deleting};
pub use object::Object;
pub use patch::Patching;
pub use read::{Listed, Query, Seen};
pub use write::{Changing, UnknownFields, Write, Written};

use crate::failure::Failure;
use crate::kinds::{Kinds, Resource, ResourceKey};
use collection::Collection;
use gitops_yaml::Str;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// What a store can't make up: the time, and numbers nobody can guess.
pub trait Surroundings {
    /// Returns the time in seconds since the Unix epoch.
    fn now(&mut self) -> i64;

    /// Returns a random number.
    fn random(&mut self) -> u128;
}

/// What a request is about.
#[derive(Clone, Debug)]
pub struct Target {
    /// The kind.
    pub resource: Arc<Resource>,
    /// The index of the version that the request speaks.
    pub version: usize,
    /// The namespace; empty for objects of the cluster, and for all namespaces.
    pub namespace: Str,
    /// The name; empty for a collection.
    pub name: Str,
    /// The part.
    pub part: Subresource,
}

/// The part of an object that a request is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Subresource {
    /// All but the status, where that is apart.
    #[default]
    Main,
    /// The status.
    Status,
    /// The number of replicas.
    Scale,
}

/// Where an object is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Group and plural.
    pub resource: ResourceKey,
    /// The namespace; empty for objects of the cluster.
    pub namespace: Str,
    /// The name.
    pub name: Str,
}

/// Bounds and manners of a store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoreOptions {
    /// Events kept for each kind; watches that want older ones are told to list again.
    pub events: usize,
    /// The greatest size of an object as JSON, in bytes.
    pub object_bytes: usize,
    /// Whether namespaces get a service account `default` and a ConfigMap `kube-root-ca.crt`.
    pub namespace_contents: bool,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { events: 4_096, object_bytes: 3 << 20, namespace_contents: false }
    }
}

/// The namespaces that every cluster has.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// All objects of a cluster.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) kinds: Kinds,
    collections: HashMap<ResourceKey, Collection>,
    revision: u64,
    /// The objects that name an owner, by the owner's uid.
    dependents: HashMap<Str, Vec<ObjectKey>>,
    /// Owners that have gone, whose dependents are still to be looked at.
    gone: VecDeque<Str>,
    /// Removed objects whose owners, namespaces and definitions are still to be looked at.
    removed: VecDeque<Arc<Object>>,
    /// Whether somebody further up looks at them.
    follows_up: bool,
    /// Keys written since they were last taken, for whoever keeps the store on disk.
    touched: Option<Vec<ObjectKey>>,
    options: StoreOptions,
}

impl Store {
    /// Makes a store with the namespaces that every cluster has.
    pub fn new(options: StoreOptions, world: &mut dyn Surroundings) -> Self {
        let mut store = Self::bare(options);
        for name in NAMESPACES {
            store.add_namespace(name, world);
        }
        store
    }

    /// Makes a store of objects that were stored before, and remembers from now on which are written.
    pub fn restored(
        options: StoreOptions,
        objects: Vec<(ObjectKey, Object)>,
        revision: u64,
        world: &mut dyn Surroundings,
    ) -> Self {
        let mut store = Self::bare(options);
        store.track();
        for (key, object) in objects {
            store.restore(&key, object);
        }
        store.restore_revision(revision);
        for name in NAMESPACES {
            if store.at(&namespace::key(name)).is_none() {
                store.add_namespace(name, world);
            }
        }
        store
    }

    /// Makes a store without any object.
    #[must_use]
    pub fn bare(options: StoreOptions) -> Self {
        let kinds = Kinds::built_in();
        let collections =
            kinds.iter().map(|kind| ((kind.group.clone(), kind.plural.clone()), Collection::default()));
        Self {
            collections: collections.collect(),
            kinds,
            revision: 1,
            dependents: HashMap::new(),
            gone: VecDeque::new(),
            removed: VecDeque::new(),
            follows_up: false,
            touched: None,
            options,
        }
    }

    /// Returns what is served.
    #[must_use]
    pub fn kinds(&self) -> &Kinds {
        &self.kinds
    }

    /// Returns the resource version of the last write.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns the number of objects.
    #[must_use]
    pub fn len(&self) -> usize {
        self.collections.values().map(Collection::len).sum()
    }

    /// Returns whether there is no object.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Remembers from now on which objects are written, for [`Store::take_touched`].
    pub fn track(&mut self) {
        self.touched.get_or_insert_default();
    }

    /// Returns the objects written since the last call, each with what it is now.
    pub fn take_touched(&mut self) -> Vec<(ObjectKey, Option<Arc<Object>>)> {
        let Some(touched) = &mut self.touched else { return Vec::new() };
        let mut keys = std::mem::take(touched);
        keys.sort();
        keys.dedup();
        keys.into_iter().map(|key| (key.clone(), self.at(&key).cloned())).collect()
    }

    /// Puts an object back that was stored before.
    pub fn restore(&mut self, key: &ObjectKey, object: Object) {
        self.revision = self.revision.max(object.revision);
        let object = Arc::new(object);
        self.index_owners(key, None, Some(&object));
        self.collections.entry(key.resource.clone()).or_default().restore(key, object.clone());
        if crate::custom::is_definition(key) {
            self.serve_custom(&object);
        }
    }

    /// Raises the revision to one that was reached before.
    pub fn restore_revision(&mut self, revision: u64) {
        self.revision = self.revision.max(revision);
        for collection in self.collections.values_mut() {
            collection.forget_before(self.revision);
        }
    }

    pub(crate) fn at(&self, key: &ObjectKey) -> Option<&Arc<Object>> {
        self.collections.get(&key.resource)?.get(&key.namespace, &key.name)
    }

    fn collection(&self, key: &ResourceKey) -> Option<&Collection> {
        self.collections.get(key)
    }

    /// Stores an object under the next revision.
    fn put(&mut self, key: &ObjectKey, mut object: Object) -> Arc<Object> {
        self.revision += 1;
        object.stamp(self.revision);
        let object = Arc::new(object);
        let before = self.at(key).cloned();
        self.index_owners(key, before.as_deref(), Some(&object));
        let limit = self.options.events;
        let collection = self.collections.entry(key.resource.clone()).or_default();
        collection.put(key, object.clone(), limit);
        self.touch(key);
        if crate::custom::is_definition(key) {
            self.serve_custom(&object);
        }
        object
    }

    /// Removes an object under the next revision and returns it as it last was.
    fn take(&mut self, key: &ObjectKey) -> Option<Arc<Object>> {
        let before = self.at(key)?.clone();
        self.revision += 1;
        let mut last = (*before).clone();
        last.stamp(self.revision);
        let last = Arc::new(last);
        self.index_owners(key, Some(&before), None);
        let limit = self.options.events;
        self.collections.get_mut(&key.resource)?.remove(key, last.clone(), limit);
        self.touch(key);
        if let Some(uid) = last.uid() {
            self.gone.push_back(uid);
        }
        Some(last)
    }

    /// Stores an object that the cluster itself changes.
    pub(crate) fn write_back(&mut self, key: &ObjectKey, object: Object) -> Arc<Object> {
        self.put(key, object)
    }

    pub(crate) fn delete_in_background(&mut self, key: &ObjectKey, world: &mut dyn Surroundings) {
        self.delete_now(key, world);
    }

    pub(crate) fn add_kind(&mut self, resource: Resource) {
        let resource = self.kinds.insert(resource);
        self.collections.entry((resource.group.clone(), resource.plural.clone())).or_default();
    }

    pub(crate) fn drop_kind(&mut self, key: &ResourceKey) {
        if self.kinds.by_path(&key.0, &key.1).is_some_and(|kind| !kind.is_built_in()) {
            self.kinds.remove(key);
            self.collections.remove(key);
        }
    }

    /// The keys of all objects of a kind.
    pub(crate) fn keys_of(&self, resource: &ResourceKey) -> Vec<ObjectKey> {
        let Some(collection) = self.collections.get(resource) else { return Vec::new() };
        let key = |object: &Arc<Object>| ObjectKey {
            resource: resource.clone(),
            namespace: object.namespace().into(),
            name: object.name().into(),
        };
        collection.iter(None, None).map(key).collect()
    }

    fn touch(&mut self, key: &ObjectKey) {
        if let Some(touched) = &mut self.touched {
            touched.push(key.clone());
        }
    }

    fn index_owners(&mut self, key: &ObjectKey, before: Option<&Object>, after: Option<&Object>) {
        for uid in before.into_iter().flat_map(Object::owners) {
            if let Some(known) = self.dependents.get_mut(&uid) {
                known.retain(|one| one != key);
                if known.is_empty() {
                    self.dependents.remove(&uid);
                }
            }
        }
        for uid in after.into_iter().flat_map(Object::owners) {
            self.dependents.entry(uid).or_default().push(key.clone());
        }
    }

    fn key(target: &Target) -> ObjectKey {
        ObjectKey {
            resource: (target.resource.group.clone(), target.resource.plural.clone()),
            namespace: target.namespace.clone(),
            name: target.name.clone(),
        }
    }

    fn missing(target: &Target) -> Failure {
        Failure::not_found(&target.resource.group, &target.resource.plural, &target.name)
    }
}
