//! What is known of the objects: the newest version of each that a watch or an own write has shown.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use gitops_yaml::{Node, Str};

use crate::kind::{Key, Kind};

/// Objects by kind, namespace and name. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cache(Arc<RwLock<HashMap<Kind, Objects>>>);

type Objects = BTreeMap<(Str, Str), Arc<Node>>;

impl Cache {
    /// Makes an empty cache.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<Kind, Objects>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns an object.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Arc<Node>> {
        self.read().get(&key.kind)?.get(&(key.namespace.clone(), key.name.clone())).cloned()
    }

    /// Returns all objects of a kind, by namespace and name.
    #[must_use]
    pub fn list(&self, kind: Kind) -> Vec<Arc<Node>> {
        self.read().get(&kind).map(|objects| objects.values().cloned().collect()).unwrap_or_default()
    }

    /// Returns how many objects of a kind are known.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        self.read().get(&kind).map_or(0, BTreeMap::len)
    }

    /// Keeps an object, unless a newer version of it is known.
    ///
    /// Resource versions are compared as numbers where both are, as Kubernetes guarantees since 1.35.
    pub fn put(&self, key: &Key, object: Node) {
        let mut kinds = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let objects = kinds.entry(key.kind).or_default();
        let place = (key.namespace.clone(), key.name.clone());
        let known = objects.get(&place).filter(|known| uid(known) == uid(&object));
        let older =
            known.and_then(|known| version(&object).zip(version(known))).is_some_and(|(new, old)| new < old);
        if !older {
            objects.insert(place, Arc::new(object));
        }
    }

    /// Forgets an object; returns it.
    pub fn remove(&self, key: &Key) -> Option<Arc<Node>> {
        let mut kinds = self.0.write().unwrap_or_else(PoisonError::into_inner);
        kinds.get_mut(&key.kind)?.remove(&(key.namespace.clone(), key.name.clone()))
    }

    /// Forgets all objects of a kind that are not among these; returns what was forgotten.
    pub fn retain(&self, kind: Kind, listed: &[Key]) -> Vec<Key> {
        let listed: std::collections::HashSet<_> =
            listed.iter().map(|key| (&key.namespace, &key.name)).collect();
        let mut kinds = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let objects = kinds.entry(kind).or_default();
        let mut gone = Vec::new();
        objects.retain(|(namespace, name), _| {
            let stays = listed.contains(&(namespace, name));
            if !stays {
                gone.push(Key::new(kind, namespace.clone(), name.clone()));
            }
            stays
        });
        gone
    }
}

fn uid(object: &Node) -> Option<&str> {
    object.at_path(&["metadata", "uid"])?.as_str()
}

fn version(object: &Node) -> Option<u64> {
    object.at_path(&["metadata", "resourceVersion"])?.scalar()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(version: &str) -> Node {
        crate::testing::node(&format!("metadata: {{resourceVersion: '{version}'}}"))
    }

    #[test]
    fn older_versions_do_not_win() {
        let cache = Cache::new();
        let key = Key::new(Kind::Kustomization, "a", "b");
        cache.put(&key, object("9"));
        cache.put(&key, object("10"));
        cache.put(&key, object("9"));
        assert_eq!(version(&cache.get(&key).unwrap()), Some(10));
        assert_eq!(cache.retain(Kind::Kustomization, &[]), std::slice::from_ref(&key));
        assert!(cache.get(&key).is_none());
    }
}
