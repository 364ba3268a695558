//! Three-way merge: brings a live object to what its owner wants now, and leaves alone what others wrote into it.
//!
//! It is `kubectl apply`'s merge without a server, which Helm's upgrades use as well: what the owner wrote before and no
//! longer wants goes, what he wants now is set, everything else stays. Lists merge by the keys of the schema where it names
//! some; without a schema it is a three-way JSON merge.

use std::collections::HashMap;

use gitops_yaml::{Node, Str};

use super::text;
use crate::schema::SchemaNode;

/// Merges what was wanted before and what is wanted now into a live object.
///
/// ```
/// use gitops_core::merge::three_way_merge;
/// use gitops_yaml::{Dialect, FileId, from_json, to_json};
/// let read = |text| from_json(text, FileId::NONE).unwrap();
/// let before = read(r#"{"data": {"old": "1", "kept": "1"}}"#);
/// let now = read(r#"{"data": {"kept": "2"}}"#);
/// let mut live = read(r#"{"data": {"old": "1", "kept": "1", "others": "x"}}"#);
/// three_way_merge(&mut live, &before, &now, None);
/// assert_eq!(to_json(&live, Dialect::V3).unwrap(), r#"{"data":{"kept":"2","others":"x"}}"#);
/// ```
pub fn three_way_merge(live: &mut Node, before: &Node, now: &Node, schema: Option<SchemaNode<'_>>) {
    merge(live, Some(before), now, schema, DEPTH);
}

/// Deeper values are replaced as a whole.
const DEPTH: usize = 500;

fn merge(live: &mut Node, before: Option<&Node>, now: &Node, schema: Option<SchemaNode<'_>>, depth: usize) {
    let depth = depth.saturating_sub(1);
    if depth > 0 && live.is_mapping() && now.is_mapping() {
        merge_mappings(live, before, now, schema, depth);
    } else if depth > 0
        && live.is_sequence()
        && now.is_sequence()
        && let Some(schema) = schema.filter(|schema| schema.merges())
    {
        merge_lists(live, before, now, schema, depth);
    } else {
        *live = now.clone();
    }
}

fn merge_mappings(
    live: &mut Node,
    before: Option<&Node>,
    now: &Node,
    schema: Option<SchemaNode<'_>>,
    depth: usize,
) {
    let wanted = |name: &str| now.get(name).filter(|value| !value.is_null());
    let owned = |name: &str| before.is_some_and(|before| before.get(name).is_some());
    let retains = schema
        .is_some_and(|schema| schema.patch_strategy().split(',').any(|strategy| strategy == "retainKeys"));
    if let Some(entries) = live.entries_mut() {
        entries.retain(|entry| {
            let name = text(&entry.key);
            let is_removed = wanted(name).is_none() && (owned(name) || retains || now.get(name).is_some());
            !is_removed
        });
    }
    for entry in now.entries().unwrap_or_default() {
        let Some(name) = entry.key.scalar().filter(|_| !entry.value.is_null()) else { continue };
        match live.get_mut(name) {
            Some(field) => {
                let before = before.and_then(|before| before.get(name));
                merge(field, before, &entry.value, schema.and_then(|schema| schema.field(name)), depth);
            }
            None => live.set(name.clone(), entry.value.clone()),
        }
    }
}

/// What an element is known by: the values of the merge keys, or the scalar itself.
fn identity(element: &Node, keys: &[Str]) -> Vec<Str> {
    if keys.is_empty() {
        return vec![element.scalar().cloned().unwrap_or_default()];
    }
    keys.iter().map(|key| element.get(key).and_then(Node::scalar).cloned().unwrap_or_default()).collect()
}

fn merge_lists(live: &mut Node, before: Option<&Node>, now: &Node, schema: SchemaNode<'_>, depth: usize) {
    let keys = schema.merge_keys();
    let index = |node: Option<&Node>| -> HashMap<Vec<Str>, Node> {
        let items = node.and_then(Node::items).unwrap_or_default();
        items.iter().map(|item| (identity(item, keys), item.clone())).collect()
    };
    let before = index(before);
    let Some(items) = live.items_mut() else { return };
    let old = std::mem::take(items);
    let places: HashMap<Vec<Str>, usize> =
        old.iter().enumerate().map(|(place, item)| (identity(item, keys), place)).collect();
    let mut old: Vec<Option<Node>> = old.into_iter().map(Some).collect();
    // What is wanted, in the order in which it is wanted, each with its place in the live list.
    let mut wanted: Vec<(Option<usize>, Node)> = Vec::new();
    for item in now.items().unwrap_or_default() {
        let identity = identity(item, keys);
        let place = places.get(&identity).copied();
        let merged = match place.and_then(|place| old.get_mut(place)?.take()) {
            Some(mut element) => {
                merge(&mut element, before.get(&identity), item, schema.element(), depth);
                element
            }
            None => item.clone(),
        };
        wanted.push((place, merged));
    }
    let others = old.into_iter().enumerate().filter_map(|(place, item)| Some((place, item?)));
    let mut others = others.filter(|(_, item)| !before.contains_key(&identity(item, keys))).peekable();
    // Elements of others stand where they stood among those that are wanted.
    for (place, element) in wanted {
        while let Some((_, other)) = others.next_if(|(other, _)| place.is_some_and(|place| *other < place)) {
            items.push(other);
        }
        items.push(element);
    }
    items.extend(others.map(|(_, other)| other));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;
    use gitops_yaml::{Dialect, FileId, from_json, to_json};

    #[track_caller]
    fn check(before: &str, now: &str, live: &str, wanted: &str) {
        let schema = Schema::builtin();
        let read = |text: &str| from_json(text, FileId::NONE).unwrap();
        let mut live = read(live);
        three_way_merge(&mut live, &read(before), &read(now), schema.kind("v1", "Pod"));
        assert_eq!(to_json(&live, Dialect::V3).unwrap(), wanted);
    }

    #[test]
    fn elements_of_others_stay_where_they_stand() {
        check(
            r#"{"spec":{"containers":[{"name":"a","image":"1"},{"name":"gone"}]}}"#,
            r#"{"spec":{"containers":[{"name":"a","image":"2"},{"name":"new"}]}}"#,
            r#"{"spec":{"containers":[{"name":"sidecar"},{"name":"gone"},{"name":"a","image":"1","tty":true}]}}"#,
            r#"{"spec":{"containers":[{"name":"sidecar"},{"image":"2","name":"a","tty":true},{"name":"new"}]}}"#,
        );
    }

    #[test]
    fn lists_without_keys_are_replaced_and_sets_are_merged() {
        check(
            r#"{"metadata":{"finalizers":["a","b"]},"spec":{"tolerations":[1]}}"#,
            r#"{"metadata":{"finalizers":["b"]},"spec":{"tolerations":[2]}}"#,
            r#"{"metadata":{"finalizers":["x","a","b"]},"spec":{"tolerations":[1,3]}}"#,
            r#"{"metadata":{"finalizers":["x","b"]},"spec":{"tolerations":[2]}}"#,
        );
    }

    #[test]
    fn a_volume_that_changes_its_source_loses_the_old_one() {
        check(
            r#"{"spec":{"volumes":[{"name":"v","emptyDir":{}}]}}"#,
            r#"{"spec":{"volumes":[{"name":"v","hostPath":{"path":"/x"}}]}}"#,
            r#"{"spec":{"volumes":[{"name":"v","emptyDir":{}}]}}"#,
            r#"{"spec":{"volumes":[{"hostPath":{"path":"/x"},"name":"v"}]}}"#,
        );
    }
}
