//! The resources of a build in their order, found by what they are and were called.
//!
//! Lookups go through hash tables that follow changes one resource at a time, so that a build is linear in the number of
//! resources however many patches look for their targets.

use crate::candidates::Candidates;
use crate::error::{Error, ErrorKind};
use crate::id::{Gvk, ResourceId};
use crate::index::{Index, hash_of};
use crate::resource::Resource;
use crate::scope::Scopes;

/// Resources in the order in which they were loaded, no two with one current id.
#[derive(Clone, Debug)]
pub struct ResourceMap {
    resources: Vec<Resource>,
    scopes: Scopes,
    index: Option<Index>,
    /// Resources that may have changed since the index was made.
    dirty: Vec<u32>,
}

impl ResourceMap {
    /// Makes an empty map; the scopes say which kinds belong to the cluster as a whole.
    #[must_use]
    pub fn new(scopes: Scopes) -> Self {
        Self { resources: Vec::new(), scopes, index: None, dirty: Vec::new() }
    }

    /// Returns what says which kinds belong to the cluster as a whole.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// Returns the number of resources.
    #[must_use]
    pub fn len(&self) -> usize {
        self.resources.len()
    }

    /// Returns whether there is no resource.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }

    /// Returns the resources in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Resource> {
        self.resources.iter()
    }

    /// Returns the resources in order, to change. Changing few of many is cheaper through [`ResourceMap::get_mut`].
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Resource> {
        self.forget_index();
        self.resources.iter_mut()
    }

    /// Returns the resource at a position.
    #[must_use]
    pub fn get(&self, position: usize) -> Option<&Resource> {
        self.resources.get(position)
    }

    /// Returns the resource at a position, to change.
    pub fn get_mut(&mut self, position: usize) -> Option<&mut Resource> {
        let resource = self.resources.get_mut(position)?;
        if self.index.is_some() {
            self.dirty.push(as_u32(position));
        }
        Some(resource)
    }

    /// Takes a manifest out while others are looked at; [`ResourceMap::put_node`] brings it back.
    pub(crate) fn take_node(&mut self, position: usize) -> Option<gitops_yaml::Node> {
        let resource = self.resources.get_mut(position)?;
        Some(std::mem::replace(&mut resource.node, gitops_yaml::Node::null()))
    }

    /// Brings a manifest back.
    pub(crate) fn put_node(&mut self, position: usize, node: gitops_yaml::Node) {
        if let Some(resource) = self.get_mut(position) {
            resource.node = node;
        }
    }

    /// Takes the resources out, in order.
    #[must_use]
    pub fn into_resources(self) -> Vec<Resource> {
        self.resources
    }

    /// Returns the id that a resource has now.
    #[must_use]
    pub fn current_id(&self, resource: &Resource) -> ResourceId {
        let gvk = resource.gvk();
        // A slash without a group before it means none, as `Gvk::parse` reads it.
        let api_version = resource.api_version();
        let api_version = api_version.strip_prefix('/').unwrap_or(api_version);
        let cluster_scoped = self.scopes.is_kind_cluster_scoped(api_version, &gvk.kind);
        ResourceId { gvk, name: resource.name(), namespace: resource.namespace(), cluster_scoped }
    }

    /// Returns the ids that a resource had before, oldest first: with its present group and version.
    pub fn previous_ids<'a>(&'a self, resource: &'a Resource) -> impl Iterator<Item = ResourceId> + 'a {
        resource.history.previous.iter().map(|previous| {
            let gvk = Gvk { kind: previous.kind.clone(), ..resource.gvk() };
            // The namespace was stored as the effective one: nothing has to be known about the old kind.
            let (name, namespace) = (previous.name.clone(), previous.namespace.clone());
            ResourceId { gvk, name, namespace, cluster_scoped: false }
        })
    }

    /// Returns the oldest id of a resource, or its present one.
    #[must_use]
    pub fn original_id(&self, resource: &Resource) -> ResourceId {
        self.previous_ids(resource).next().unwrap_or_else(|| self.current_id(resource))
    }

    /// Remembers a resource's present name, namespace and kind before it is renamed.
    pub fn store_previous_id(&mut self, position: usize) {
        let Some(resource) = self.resources.get(position) else { return };
        let id = self.current_id(resource);
        if let Some(resource) = self.get_mut(position) {
            resource.remember(&id);
        }
    }

    /// Returns the positions of the resources whose present id this is.
    pub fn with_current_id(&mut self, id: &ResourceId) -> Vec<usize> {
        self.bring_index_up_to_date();
        let Some(index) = &self.index else { return Vec::new() };
        let candidates = index.with_current(hash_of(id)).iter().map(|&position| position as usize);
        candidates.filter(|&position| self.current_id(&self.resources[position]) == *id).collect()
    }

    /// Returns the positions of the resources that have, or once had, this id; deleted ones left out.
    pub fn with_any_id(&mut self, id: &ResourceId) -> Vec<usize> {
        self.bring_index_up_to_date();
        let Some(mut index) = self.index.take() else { return Vec::new() };
        let has_it = |&position: &usize| {
            let resource = &self.resources[position];
            !resource.is_empty()
                && (self.current_id(resource) == *id
                    || self.previous_ids(resource).any(|previous| previous == *id))
        };
        let candidates = index.with_any(hash_of(id), || self.resources.iter().map(|r| self.hashes(r)));
        let found = candidates.iter().map(|&position| position as usize).filter(has_it).collect();
        self.index = Some(index);
        found
    }

    /// Returns the positions of the resources that have, or once had, this name.
    pub fn with_any_name(&mut self, name: &str) -> Vec<usize> {
        self.bring_index_up_to_date();
        let Some(mut index) = self.index.take() else { return Vec::new() };
        let has_it = |&position: &usize| {
            self.resources.get(position).is_some_and(|resource| {
                resource.name() == *name
                    || resource.history.previous.iter().any(|previous| previous.name == *name)
            })
        };
        let noted = index.with_name(name, &self.resources);
        let found = noted.iter().map(|&position| position as usize).filter(has_it).collect();
        self.index = Some(index);
        found
    }

    /// Returns the position of the one resource that has, or once had, this id.
    ///
    /// # Errors
    /// Returns upstream's `no matches for Id …` or `multiple matches for Id …`.
    pub fn target_of_patch(&mut self, id: &ResourceId) -> Result<usize, Error> {
        let found = self.with_any_id(id);
        let [position] = found[..] else {
            let count = if found.is_empty() { "no matches" } else { "multiple matches" };
            let message = format!("{count} for Id {id}; failed to find unique target for patch {id}");
            let candidates = match found[..] {
                [] => Candidates::like(self, &id.gvk.kind, &id.name),
                _ => Candidates::of(self, &found),
            };
            return Err(Error::new(ErrorKind::Patch, message).suggesting(candidates));
        };
        Ok(position)
    }

    /// Adds a resource at the end.
    ///
    /// # Errors
    /// Returns an error when the id is taken.
    pub fn push(&mut self, resource: Resource) -> Result<(), Error> {
        self.bring_index_up_to_date();
        let hash = self.current_hash(&resource);
        if self.index.as_ref().is_some_and(|index| !index.with_current(hash).is_empty()) {
            let id = self.current_id(&resource);
            if !self.with_current_id(&id).is_empty() {
                let message = format!("may not add resource with an already registered id: {id}");
                return Err(Error::new(ErrorKind::Duplicate, message).at(resource.place()));
            }
        }
        self.push_hashed(resource, hash);
        Ok(())
    }

    /// Checks that no two resources have one id, as renaming may give them.
    ///
    /// # Errors
    /// When two have one.
    pub fn refuse_duplicates(&mut self) -> Result<(), Error> {
        self.bring_index_up_to_date();
        if self.index.as_ref().is_none_or(|index| !index.is_crowded()) {
            return Ok(());
        }
        for position in 0..self.resources.len() {
            let id = self.current_id(&self.resources[position]);
            let place = self.resources[position].place();
            if self.with_current_id(&id).len() > 1 {
                let message = format!("may not add resource with an already registered id: {id}");
                return Err(Error::new(ErrorKind::Duplicate, message).at(place));
            }
        }
        Ok(())
    }

    /// Adds a resource at the end without asking whether its id is taken.
    pub fn push_unchecked(&mut self, resource: Resource) {
        let hash = self.current_hash(&resource);
        self.push_hashed(resource, hash);
    }

    fn push_hashed(&mut self, resource: Resource, hash: u64) {
        if let Some(mut index) = self.index.take() {
            index.push(hash, &resource, || self.hashes(&resource));
            self.index = Some(index);
        }
        self.resources.push(resource);
    }

    /// Adds all resources of another map at the end.
    ///
    /// # Errors
    /// Returns an error when an id is taken.
    pub fn append(&mut self, mut other: Self) -> Result<(), Error> {
        if self.resources.is_empty() && self.scopes.is_same(&other.scopes) {
            other.bring_index_up_to_date();
            if other.index.as_ref().is_some_and(|index| !index.is_crowded()) {
                *self = other;
                return Ok(());
            }
        }
        other.resources.into_iter().try_for_each(|resource| self.push(resource))
    }

    /// Puts other resources in the place of these.
    ///
    /// # Errors
    /// Returns an error when two have one id.
    pub fn replace_all(&mut self, resources: Vec<Resource>) -> Result<(), Error> {
        self.forget_index();
        let mut hashes: Vec<u64> = resources.iter().map(|resource| self.current_hash(resource)).collect();
        hashes.sort_unstable();
        if hashes.is_sorted_by(|one, other| one < other) {
            self.resources = resources;
            return Ok(());
        }
        self.resources.clear();
        resources.into_iter().try_for_each(|resource| self.push(resource))
    }

    /// Replaces the resource at a position, and returns the old one.
    pub fn replace(&mut self, position: usize, resource: Resource) -> Option<Resource> {
        Some(std::mem::replace(self.get_mut(position)?, resource))
    }

    /// Keeps the resources for which the answer is yes.
    pub fn retain(&mut self, keep: impl FnMut(&Resource) -> bool) {
        let before = self.resources.len();
        self.resources.retain(keep);
        if self.resources.len() != before {
            self.forget_index();
        }
    }

    /// Drops the resources that patches deleted.
    pub fn drop_empty(&mut self) {
        self.retain(|resource| !resource.is_empty());
    }

    /// Sorts the resources; equal ones keep their order.
    pub fn sort_by_cached_key<K: Ord>(&mut self, key: impl FnMut(&Resource) -> K) {
        self.forget_index();
        self.resources.sort_by_cached_key(key);
    }

    fn forget_index(&mut self) {
        self.index = None;
        self.dirty.clear();
    }

    fn bring_index_up_to_date(&mut self) {
        let dirty = std::mem::take(&mut self.dirty);
        match self.index.take().filter(|_| dirty.len() < self.resources.len()) {
            Some(mut index) => {
                for position in dirty {
                    let resource = &self.resources[position as usize];
                    index.follow(position, self.current_hash(resource), resource, || self.hashes(resource));
                }
                self.index = Some(index);
            }
            None => {
                let hashes = self.resources.iter().map(|resource| self.current_hash(resource));
                self.index = Some(Index::new(hashes));
            }
        }
    }

    /// Returns the hash of a resource's present id.
    fn current_hash(&self, resource: &Resource) -> u64 {
        hash_of(&self.current_id(resource))
    }

    /// Returns the hashes of a resource's ids, the present one first.
    fn hashes(&self, resource: &Resource) -> Box<[u64]> {
        let current = std::iter::once(self.current_hash(resource));
        current.chain(self.previous_ids(resource).map(|id| hash_of(&id))).collect()
    }
}

impl<'a> IntoIterator for &'a ResourceMap {
    type Item = &'a Resource;
    type IntoIter = std::slice::Iter<'a, Resource>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

pub(crate) fn as_u32(position: usize) -> u32 {
    u32::try_from(position).expect("fewer than 2^32 resources fit into memory")
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_yaml::Node;

    fn resource(kind: &str, name: &str) -> Resource {
        let mut metadata = Node::mapping(vec![]);
        metadata.set("name", name.into());
        let mut node = Node::mapping(vec![]);
        node.set("apiVersion", "v1".into());
        node.set("kind", kind.into());
        node.set("metadata", metadata);
        Resource::new(node)
    }

    fn map(resources: Vec<Resource>) -> ResourceMap {
        let mut map = ResourceMap::new(Scopes::default());
        map.replace_all(resources).unwrap();
        map
    }

    #[test]
    fn one_id_may_be_there_once() {
        let mut map = map(vec![resource("Pod", "a")]);
        let error = map.push(resource("Pod", "a")).unwrap_err();
        assert_eq!(
            error.message(),
            "may not add resource with an already registered id: Pod.v1.[noGrp]/a.[noNs]"
        );
        map.push(resource("Pod", "b")).unwrap();
    }

    #[test]
    fn lookups_follow_renames() {
        let mut map = map(vec![resource("Pod", "a"), resource("Pod", "b")]);
        let old = map.current_id(map.get(0).unwrap());
        assert_eq!(map.with_current_id(&old), [0]);
        map.store_previous_id(0);
        map.get_mut(0).unwrap().set_name("c");
        assert!(map.with_current_id(&old).is_empty());
        assert_eq!(map.with_any_id(&old), [0]);
        assert_eq!(map.original_id(map.get(0).unwrap()), old);
        map.push(resource("Pod", "a")).unwrap();
        assert_eq!(map.with_any_id(&old), [0, 2]);
        map.refuse_duplicates().unwrap();
        map.get_mut(1).unwrap().set_name("a");
        map.refuse_duplicates().unwrap_err();
        map.get_mut(1).unwrap().set_name("b");
        map.refuse_duplicates().unwrap();
        assert!(map.target_of_patch(&old).unwrap_err().message().starts_with("multiple matches for Id Pod"));
    }
}
