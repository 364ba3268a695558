//! All objects of one kind, and what happened to them lately.

use super::{Object, ObjectKey};
use gitops_yaml::Str;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Something that happened to an object.
#[derive(Clone, Debug)]
pub struct Event {
    /// The resource version that it made.
    pub revision: u64,
    /// What it was.
    pub change: Change,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Change {
    /// An object was stored; before it was something else or nothing.
    Put {
        /// What it is.
        object: Arc<Object>,
        /// What it was.
        before: Option<Arc<Object>>,
    },
    /// An object was removed.
    Gone {
        /// What it was, with the resource version of its removal.
        object: Arc<Object>,
    },
}

#[derive(Clone, Debug, Default)]
pub(super) struct Collection {
    namespaces: BTreeMap<Str, BTreeMap<Str, Arc<Object>>>,
    count: usize,
    events: VecDeque<Event>,
    /// Events up to this revision are forgotten.
    forgotten: u64,
}

impl Collection {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn get(&self, namespace: &str, name: &str) -> Option<&Arc<Object>> {
        self.namespaces.get(namespace)?.get(name)
    }

    /// Objects by namespace and name, from just after a place on.
    pub(super) fn iter<'a>(
        &'a self,
        namespace: Option<&'a str>,
        after: Option<(&'a str, &'a str)>,
    ) -> impl Iterator<Item = &'a Arc<Object>> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let start = match (namespace, after) {
            (Some(one), _) | (None, Some((one, _))) => Included(one),
            (None, None) => Unbounded,
        };
        let spaces = self
            .namespaces
            .range::<str, _>((start, Unbounded))
            .take_while(move |(name, _)| namespace.is_none_or(|wanted| name.as_str() == wanted));
        spaces.flat_map(move |(space, objects)| {
            let start = match after {
                Some((namespace, name)) if namespace == space.as_str() => Excluded(name),
                _ => Unbounded,
            };
            objects.range::<str, _>((start, Unbounded)).map(|(_, object)| object)
        })
    }

    pub(super) fn restore(&mut self, key: &ObjectKey, object: Arc<Object>) {
        let space = self.namespaces.entry(key.namespace.clone()).or_default();
        if space.insert(key.name.clone(), object).is_none() {
            self.count += 1;
        }
    }

    pub(super) fn forget_before(&mut self, revision: u64) {
        self.events.clear();
        self.forgotten = revision;
    }

    pub(super) fn put(&mut self, key: &ObjectKey, object: Arc<Object>, limit: usize) {
        let space = self.namespaces.entry(key.namespace.clone()).or_default();
        let before = space.insert(key.name.clone(), object.clone());
        if before.is_none() {
            self.count += 1;
        }
        self.record(Event { revision: object.revision(), change: Change::Put { object, before } }, limit);
    }

    pub(super) fn remove(&mut self, key: &ObjectKey, object: Arc<Object>, limit: usize) {
        if let Some(space) = self.namespaces.get_mut(&key.namespace) {
            if space.remove(&key.name).is_some() {
                self.count -= 1;
            }
            if space.is_empty() {
                self.namespaces.remove(&key.namespace);
            }
        }
        self.record(Event { revision: object.revision(), change: Change::Gone { object } }, limit);
    }

    fn record(&mut self, event: Event, limit: usize) {
        self.events.push_back(event);
        while self.events.len() > limit.max(1) {
            if let Some(event) = self.events.pop_front() {
                self.forgotten = event.revision;
            }
        }
    }

    /// The events after a revision, `None` where some of them are forgotten.
    pub(super) fn since(&self, revision: u64) -> Option<impl Iterator<Item = &Event>> {
        let start = self.events.partition_point(|event| event.revision <= revision);
        (revision >= self.forgotten).then(|| self.events.range(start..))
    }

    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }
}
