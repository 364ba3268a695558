//! Lists whose elements are known by keys, and lists of scalars that are sets, merged as kyaml does.
//!
//! The steps are kyaml's own, one by one, because what it loses matters: an element without the key drops those before
//! it, and of elements with one key the last wins. Lists whose elements all have a single key of their own, nearly all that
//! exist, take a short way with the same result.

use std::collections::{HashMap, HashSet};

use gitops_yaml::{Node, Str};

use super::directive::{self, Directive};
use super::strategic::{Origin, Walk, Walked};
use super::{MergeError, text};
use crate::schema::SchemaNode;

/// What the patch brings for a list.
#[derive(Clone, Copy)]
pub(super) enum Elements<'a> {
    /// Nothing.
    Absent,
    /// These elements.
    Patch(&'a [Node]),
    /// The list itself is a copy of what the patch brought.
    Itself,
}

/// Removes the directive of a list, with every other element that holds the same directive.
pub(super) fn elide(list: &mut Node, directive: Directive) -> Result<(), MergeError> {
    if directive == Directive::None {
        return Ok(());
    }
    let Some(items) = list.items_mut() else { return Ok(()) };
    let mut pool = Pool::default();
    let mut order: Vec<usize> = std::mem::take(items).into_iter().map(|item| pool.add(item)).collect();
    let set = pool.set(&mut order, None, &[Str::literal(directive::KEY)], &[Str::from(directive.as_str())]);
    *items = pool.into_items(&order);
    set
}

/// Merges the elements of a list.
pub(super) fn merge(
    walk: Walk<'_>,
    mut list: Node,
    patch: Elements<'_>,
    schema: SchemaNode<'_>,
    depth: usize,
) -> Result<Walked, MergeError> {
    let Some(items) = list.items_mut() else { return Ok(Some(list)) };
    let taken = std::mem::take(items);
    let merged = match schema.merge_keys() {
        [] => Sequence::new(walk, taken, patch, schema, &[Str::EMPTY], depth).run(Values::OfScalars)?,
        [key] if is_simple(&taken, key) && is_simple(patch.items(), key) => {
            by_one_key(walk, taken, patch, schema, key, depth)?
        }
        keys => Sequence::new(walk, taken, patch, schema, keys, depth).run(Values::OfKeys)?,
    };
    if let Some(items) = list.items_mut() {
        *items = merged;
    }
    Ok(Some(list))
}

impl<'a> Elements<'a> {
    fn items(self) -> &'a [Node] {
        match self {
            Self::Patch(items) => items,
            Self::Absent | Self::Itself => &[],
        }
    }
}

/// Returns whether every element is a mapping with a value of its own for the key, and none a directive of the list.
fn is_simple(items: &[Node], key: &str) -> bool {
    let value = |item: &'_ Node| -> Option<Str> {
        let value = item.get(key).filter(|value| value.is_scalar() && !value.is_null())?.scalar()?;
        (!value.is_empty()).then(|| value.clone())
    };
    if items.len() <= FEW {
        let known = |place: usize, wanted: &str| {
            items.iter().take(place).any(|item| item.get(key).map(text) == Some(wanted))
        };
        return items
            .iter()
            .enumerate()
            .all(|(place, item)| value(item).is_some_and(|value| !known(place, &value)));
    }
    let mut seen = HashSet::with_capacity(items.len());
    items.iter().all(|item| value(item).is_some_and(|value| seen.insert(value)))
}

/// Up to so many elements are searched one by one.
const FEW: usize = 8;

fn by_one_key(
    walk: Walk<'_>,
    items: Vec<Node>,
    patch: Elements<'_>,
    schema: SchemaNode<'_>,
    key: &str,
    depth: usize,
) -> Result<Vec<Node>, MergeError> {
    let element = schema.element();
    let Elements::Patch(theirs) = patch else {
        let origin = || if matches!(patch, Elements::Itself) { Origin::Itself } else { Origin::Absent };
        let mut kept = Vec::with_capacity(items.len());
        for item in items {
            kept.extend(walk.node(Some(item), origin(), element, depth)?.filter(is_something));
        }
        return Ok(kept);
    };
    let value = |item: &Node| item.get(key).and_then(Node::scalar).cloned().unwrap_or_default();
    let mut index: HashMap<Str, usize> = HashMap::new();
    if items.len() > FEW {
        index = items.iter().enumerate().map(|(index, item)| (value(item), index)).collect();
    }
    let mut ours: Vec<Option<Node>> = items.into_iter().map(Some).collect();
    let mut merged = Vec::with_capacity(ours.len() + theirs.len());
    for their in theirs {
        let wanted = value(their);
        let place = if ours.len() > FEW {
            index.remove(&wanted)
        } else {
            ours.iter().position(|our| our.as_ref().is_some_and(|our| value(our) == wanted))
        };
        let our = place.and_then(|place| ours.get_mut(place)?.take());
        // kyaml puts the target's own element back in the place of one that was to be replaced.
        let replaces = our.is_some() && Directive::of_mapping(their)? == Directive::Replace;
        let node = if replaces { our } else { walk.node(our, Origin::Patch(their), element, depth)? };
        merged.extend(node.filter(is_something));
    }
    for our in ours.into_iter().flatten() {
        merged.extend(walk.node(Some(our), Origin::Absent, element, depth)?.filter(is_something));
    }
    Ok(merged)
}

/// Elements that end as nothing or as an empty mapping are dropped.
fn is_something(node: &Node) -> bool {
    !node.is_null() && node.entries().is_none_or(|entries| !entries.is_empty())
}

/// Nodes by number, so that one can stand in two lists at once.
#[derive(Default)]
struct Pool {
    nodes: Vec<Option<Node>>,
}

impl Pool {
    fn add(&mut self, node: Node) -> usize {
        self.nodes.push(Some(node));
        self.nodes.len() - 1
    }

    fn get(&self, number: usize) -> Option<&Node> {
        self.nodes.get(number)?.as_ref()
    }

    fn into_items(mut self, order: &[usize]) -> Vec<Node> {
        let mut last: HashMap<usize, usize> = HashMap::with_capacity(order.len());
        for (position, &number) in order.iter().enumerate() {
            last.insert(number, position);
        }
        let mut items = Vec::with_capacity(order.len());
        for (position, &number) in order.iter().enumerate() {
            let Some(slot) = self.nodes.get_mut(number) else { continue };
            let node = if last.get(&number) == Some(&position) { slot.take() } else { slot.clone() };
            items.extend(node);
        }
        items
    }

    /// Sets the elements whose keys have these values to another one, or removes them; appends it where there was none.
    /// With no values at all, everything else goes.
    fn set(
        &self,
        list: &mut Vec<usize>,
        element: Option<usize>,
        keys: &[Str],
        values: &[Str],
    ) -> Result<(), MergeError> {
        let for_mappings = keys.first().is_some_and(|key| !key.is_empty())
            && values.first().is_some_and(|value| !value.is_empty());
        let mut kept = Vec::with_capacity(list.len() + 1);
        let mut matched = false;
        for &number in list.iter() {
            let Some(node) = self.get(number) else { continue };
            if node.is_null() || node.entries().is_some_and(<[_]>::is_empty) {
                continue;
            }
            if !node.is_mapping() && for_mappings {
                kept.push(number);
                continue;
            }
            let mut found = !keys.is_empty();
            let mut matches = false;
            for (n, key) in keys.iter().enumerate() {
                if let Some(value) = values.get(n) {
                    matches = has(node, key, value)?;
                }
                if !matches {
                    found = false;
                    break;
                }
            }
            if !found {
                if !values.is_empty() {
                    kept.push(number);
                }
                continue;
            }
            matched = true;
            kept.extend(element);
        }
        if let Some(number) = element
            && !matched
            && self.get(number).is_some_and(|node| !node.is_null())
        {
            kept.push(number);
        }
        *list = kept;
        Ok(())
    }

    /// Returns the first element whose keys have these values.
    fn find(&self, list: &[usize], keys: &[Str], values: &[Str]) -> Option<usize> {
        list.iter().copied().find(|&number| self.get(number).is_some_and(|node| is_same(node, keys, values)))
    }
}

/// Returns whether a field has a value; an empty value asks for the field alone, an empty key for the scalar itself.
fn has(node: &Node, key: &str, value: &str) -> Result<bool, MergeError> {
    if key.is_empty() {
        if !node.is_scalar() {
            return Err(MergeError::wrong_kind("ScalarNode", node));
        }
        return Ok(text(node) == value);
    }
    if !node.is_mapping() {
        return Err(MergeError::wrong_kind("MappingNode", node));
    }
    Ok(node.get(key).is_some_and(|found| value.is_empty() || text(found) == value))
}

fn is_same(node: &Node, keys: &[Str], values: &[Str]) -> bool {
    match keys.first() {
        Some(key) if !key.is_empty() => {
            node.is_mapping()
                && keys.len() == values.len()
                && keys
                    .iter()
                    .zip(values)
                    .all(|(key, value)| node.get(key).is_some_and(|found| text(found) == value.as_str()))
        }
        _ => values.first().is_some_and(|value| text(node) == value.as_str()),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Values {
    OfKeys,
    OfScalars,
}

/// One run of kyaml's steps.
struct Sequence<'a, 's> {
    walk: Walk<'s>,
    pool: Pool,
    ours: Vec<usize>,
    patch: Elements<'a>,
    schema: SchemaNode<'a>,
    keys: &'a [Str],
    depth: usize,
}

impl<'a, 's> Sequence<'a, 's> {
    fn new(
        walk: Walk<'s>,
        items: Vec<Node>,
        patch: Elements<'a>,
        schema: SchemaNode<'a>,
        keys: &'a [Str],
        depth: usize,
    ) -> Self {
        let mut pool = Pool::default();
        let ours = items.into_iter().map(|item| pool.add(item)).collect();
        Self { walk, pool, ours, patch, schema, keys, depth }
    }

    fn run(mut self, values: Values) -> Result<Vec<Node>, MergeError> {
        let mut list = self.values(values);
        if self.keys.len() > 1 {
            unite(&mut list);
        }
        let mut added: Vec<usize> = Vec::new();
        let mut keys: Vec<Str> = Vec::new();
        for values in &list {
            let valid;
            (keys, valid) = valid_keys(&list, values, self.keys);
            let walked = self.element(&keys, &valid)?;
            let Some(number) = walked else {
                self.pool.set(&mut self.ours, None, &keys, &valid)?;
                continue;
            };
            self.complete(number, &keys, &valid);
            self.pool.set(&mut added, Some(number), &keys, &valid)?;
        }
        let mut merged = added;
        if list.is_empty() {
            merged = std::mem::take(&mut self.ours);
        } else {
            for number in std::mem::take(&mut self.ours) {
                self.append(&mut merged, number, &keys)?;
            }
        }
        Ok(self.pool.into_items(&merged))
    }

    /// Lists the values of the keys over all elements, those of the patch first, each once.
    fn values(&self, values: Values) -> Vec<Vec<Str>> {
        let of = |node: &Node| -> Vec<Str> {
            if values == Values::OfScalars {
                return vec![node.scalar().cloned().unwrap_or_default()];
            }
            let value = |key: &Str| {
                let value = node.get(key)?;
                if value.is_null() { None } else { value.scalar().cloned() }
            };
            self.keys.iter().map(|key| value(key).unwrap_or_default()).collect()
        };
        let theirs = self.patch.items().iter().map(of);
        let ours = self.ours.iter().filter_map(|&number| self.pool.get(number)).map(of);
        let mut seen = HashSet::new();
        theirs.chain(ours).filter(|values| seen.insert(values.clone())).collect()
    }

    /// Walks the elements of both lists that have these values, and returns the number of what is left.
    fn element(&mut self, keys: &[Str], values: &[Str]) -> Result<Option<usize>, MergeError> {
        let alone = [values.to_vec()];
        let (keys, values) = valid_keys(&alone, values, keys);
        let ours = self.pool.find(&self.ours, &keys, &values);
        let element = self.schema.element();
        let theirs = self.patch.items().iter().find(|node| is_same(node, &keys, &values));
        // What replaces an element must not touch it: the target's own one comes back later.
        if let (Some(_), Some(their)) = (ours, theirs)
            && their.is_mapping()
            && Directive::of_mapping(their)? == Directive::Replace
        {
            let replaced = self.walk.node(None, Origin::Patch(their), element, self.depth)?;
            return Ok(replaced.filter(is_something).map(|node| self.pool.add(node)));
        }
        let (our, origin) = match (self.patch, theirs) {
            (Elements::Itself, _) => (ours, Origin::Itself),
            (_, Some(their)) => (ours, Origin::Patch(their)),
            (_, None) => (ours, Origin::Absent),
        };
        if let (Some(number), Origin::Patch(their)) = (our, origin)
            && their.is_scalar()
        {
            // A scalar of the patch replaces the element without touching it.
            let dest = self.pool.get(number).cloned();
            let walked = self.walk.node(dest, origin, element, self.depth)?;
            return Ok(walked.filter(is_something).map(|node| self.pool.add(node)));
        }
        let dest = our.and_then(|number| self.pool.nodes.get_mut(number)?.take());
        let mut kept = dest.clone();
        if let (Origin::Itself, Some(node)) = (origin, &mut kept)
            && !matches!(Directive::of_mapping(node), Ok(Directive::None) | Err(_))
        {
            // A deletion that then finds nothing to remove has lost its directive all the same.
            node.remove(directive::KEY);
        }
        let walked = self.walk.node(dest, origin, element, self.depth)?.filter(is_something);
        match (our, walked) {
            (Some(number), Some(node)) => {
                self.pool.nodes[number] = Some(node);
                Ok(Some(number))
            }
            (Some(number), None) => {
                self.pool.nodes[number] = kept;
                Ok(None)
            }
            (None, Some(node)) => Ok(Some(self.pool.add(node))),
            (None, None) => Ok(None),
        }
    }

    /// Makes sure that an element has its keys.
    fn complete(&mut self, number: usize, keys: &[Str], values: &[Str]) {
        let Some(node) = self.pool.nodes.get_mut(number).and_then(Option::as_mut) else { return };
        for (key, value) in keys.iter().zip(values).filter(|(_, value)| !value.is_empty()) {
            if key.is_empty() {
                // kyaml sets the scalar to its own text, which drops a tag.
                if node.tag != gitops_yaml::Tag::Custom {
                    node.tag = gitops_yaml::Tag::Implicit;
                }
            } else if node.get(key).is_none() {
                node.set(key.clone(), Node::string(value.clone()));
            }
        }
    }

    /// Appends one of the target's elements to the merged list, in the place of the element with the same keys.
    fn append(&self, merged: &mut Vec<usize>, number: usize, keys: &[Str]) -> Result<(), MergeError> {
        let Some(node) = self.pool.get(number) else { return Ok(()) };
        if keys.first().is_some_and(|key| key.is_empty()) {
            let value = [node.scalar().cloned().unwrap_or_default()];
            return self.pool.set(merged, Some(number), &[Str::EMPTY], &value);
        }
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            if !node.is_null() && !node.is_mapping() {
                return Err(MergeError::wrong_kind("MappingNode", node));
            }
            match node.get(key) {
                Some(value) => values.push(value.scalar().cloned().unwrap_or_default()),
                None => merged.push(number),
            }
        }
        if keys.len() > 1 {
            self.pool.set(merged, None, keys, &values)?;
        }
        self.pool.set(merged, Some(number), keys, &values)
    }
}

/// Leaves out the keys that no element carries.
fn valid_keys(list: &[Vec<Str>], values: &[Str], keys: &[Str]) -> (Vec<Str>, Vec<Str>) {
    let carried: Vec<bool> = (0..keys.len())
        .map(|n| list.iter().any(|values| values.get(n).is_some_and(|value| !value.is_empty())))
        .collect();
    if !carried.contains(&true) {
        return (keys.to_vec(), values.to_vec());
    }
    let pick = |all: &[Str]| {
        all.iter().zip(&carried).filter(|(_, carried)| **carried).map(|(s, _)| s.clone()).collect()
    };
    (pick(keys), pick(values))
}

/// Takes elements for one that have a value in common and differ only where one has none.
fn unite(list: &mut [Vec<Str>]) {
    for i in 0..list.len() {
        let one = list[i].clone();
        for j in 0..list.len() {
            if let Some(united) = united(&one, &list[j]) {
                list[i].clone_from(&united);
                list[j] = united;
            }
        }
    }
}

fn united(a: &[Str], b: &[Str]) -> Option<Vec<Str>> {
    if a.len() != b.len() {
        return None;
    }
    let mut common = false;
    let mut values = Vec::with_capacity(a.len());
    for (a, b) in a.iter().zip(b) {
        if a == b {
            common = true;
        } else if !a.is_empty() && !b.is_empty() {
            return None;
        }
        values.push(if a.is_empty() { b.clone() } else { a.clone() });
    }
    common.then_some(values)
}
