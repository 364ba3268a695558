//! What an owner has applied: the objects that it may delete again.

use crate::object::{Gvk, ObjectId, apply_order};
use crate::ports::ObjectRef;
use gitops_yaml::{Entry, Node, Str};
use std::collections::BTreeMap;
use std::fmt;

/// The objects that an owner has applied, each once, with the version that it was applied in: `status.inventory` of Flux's
/// Kustomizations.
///
/// ```
/// use gitops_core::apply::Inventory;
/// let status = r#"{"entries": [{"id": "apps_echo_apps_Deployment", "v": "v1"}]}"#;
/// let inventory = Inventory::read(&gitops_yaml::from_json(status, gitops_yaml::FileId::NONE).unwrap())?;
/// assert_eq!(inventory.iter().next().unwrap().to_string(), "Deployment/apps/echo");
/// # Ok::<(), gitops_core::apply::InventoryError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    entries: BTreeMap<ObjectId, Str>,
}

/// An inventory holds an id that names no object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InventoryError {
    id: String,
}

impl fmt::Display for InventoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unable to parse stored object metadata: {}", self.id)
    }
}

impl std::error::Error for InventoryError {}

impl Inventory {
    /// Reads `entries[{id, v}]`; nothing where the node is null or has no entries.
    ///
    /// # Errors
    /// Where an id has not four parts: it is never dropped, since its object would be forgotten.
    pub fn read(node: &Node) -> Result<Self, InventoryError> {
        let mut inventory = Self::default();
        for entry in node.get("entries").and_then(Node::items).unwrap_or_default() {
            let text = |field| entry.get(field).and_then(Node::as_str).unwrap_or_default();
            let id = ObjectId::parse_entry(text("id"))
                .ok_or_else(|| InventoryError { id: text("id").to_owned() })?;
            inventory.insert(id, text("v"));
        }
        Ok(inventory)
    }

    /// Writes the inventory as Flux stores it, in the order of applying.
    #[must_use]
    pub fn to_node(&self) -> Node {
        let pair = |key: &'static str, value: Node| Entry { key: Node::string(Str::literal(key)), value };
        let entries = self.iter().map(|target| {
            let id = ObjectId {
                group: target.gvk.group,
                kind: target.gvk.kind,
                namespace: target.namespace,
                name: target.name,
            };
            Node::mapping(vec![
                pair("id", Node::string(id.entry())),
                pair("v", Node::string(target.gvk.version)),
            ])
        });
        Node::mapping(vec![pair("entries", Node::sequence(entries.collect()))])
    }

    /// Adds an object, or changes the version that it is held in.
    pub fn insert(&mut self, id: ObjectId, version: impl Into<Str>) {
        self.entries.insert(id, version.into());
    }

    /// Forgets an object.
    pub fn remove(&mut self, id: &ObjectId) {
        self.entries.remove(id);
    }

    /// Returns whether an object is held.
    #[must_use]
    pub fn contains(&self, id: &ObjectId) -> bool {
        self.entries.contains_key(id)
    }

    /// Returns the number of objects.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Lists the objects in the order in which they are applied.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = ObjectRef> + '_ {
        let mut sorted: Vec<(&ObjectId, &Str)> = self.entries.iter().collect();
        sorted.sort_by(|a, b| apply_order(a.0, b.0));
        sorted.into_iter().map(|(id, version)| address(id, version))
    }

    /// Lists the objects that another inventory does not hold, in the order in which they are applied; what is to be
    /// pruned once the other one is in place.
    pub fn without<'a>(&'a self, other: &'a Self) -> impl DoubleEndedIterator<Item = ObjectRef> + 'a {
        let stale = self.entries.iter().filter(|(id, _)| !other.contains(id));
        let mut sorted: Vec<(&ObjectId, &Str)> = stale.collect();
        sorted.sort_by(|a, b| apply_order(a.0, b.0));
        sorted.into_iter().map(|(id, version)| address(id, version))
    }

    /// Adds all objects of another inventory, in its versions.
    pub fn absorb(&mut self, other: &Self) {
        for (id, version) in &other.entries {
            self.entries.insert(id.clone(), version.clone());
        }
    }
}

fn address(id: &ObjectId, version: &Str) -> ObjectRef {
    ObjectRef {
        gvk: Gvk { group: id.group.clone(), version: version.clone(), kind: id.kind.clone() },
        namespace: id.namespace.clone(),
        name: id.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_yaml::{Dialect, FileId, from_json, to_json};

    #[test]
    fn is_written_in_the_order_of_applying_and_read_back() {
        let text = r#"{"entries":[{"id":"_apps__Namespace","v":"v1"},{"id":"apps_echo_apps_Deployment","v":"v1"},{"id":"apps_a_example.com_Widget","v":"v2"}]}"#;
        let inventory = Inventory::read(&from_json(text, FileId::NONE).unwrap()).unwrap();
        assert_eq!(to_json(&inventory.to_node(), Dialect::V3).unwrap(), text);
        assert_eq!(Inventory::read(&Node::null()), Ok(Inventory::default()));
    }

    #[test]
    fn an_id_that_names_nothing_is_an_error() {
        let node = from_json(r#"{"entries":[{"id":"a_b","v":"v1"}]}"#, FileId::NONE).unwrap();
        assert_eq!(
            Inventory::read(&node).unwrap_err().to_string(),
            "unable to parse stored object metadata: a_b"
        );
    }

    #[test]
    fn what_the_next_inventory_lacks_is_stale() {
        let id = |name: &str| ObjectId { kind: "ConfigMap".into(), name: name.into(), ..ObjectId::default() };
        let (mut old, mut new) = (Inventory::default(), Inventory::default());
        old.insert(id("a"), "v1");
        old.insert(id("b"), "v1");
        new.insert(id("b"), "v1");
        let stale: Vec<String> = old.without(&new).map(|target| target.to_string()).collect();
        assert_eq!(stale, ["ConfigMap/a"]);
        new.absorb(&old);
        assert_eq!((new.len(), new.is_empty()), (2, false));
    }
}
