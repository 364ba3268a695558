//! Fixes names that point at renamed objects.
//!
//! For every field that the rules call a reference, the objects that once had the name there are looked up, and those
//! that the referrer cannot mean are sieved out: wrong kind, wrong namespace, another branch of prefixes and suffixes.
//! Objects that were never renamed are never referred to, as far as this step is concerned.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use gitops_yaml::{Dialect, Node, Str, Style};

use crate::error::{Error, ErrorKind};
use crate::field_spec::{FieldSpec, NewField};
use crate::field_specs::NameReference;
use crate::field_tree::FieldTree;
use crate::id::{Gvk, NOT_A_NAMESPACE, ResourceId};
use crate::resource::Resource;
use crate::resource_map::ResourceMap;

/// Fixes every reference that the rules know.
///
/// # Errors
/// When a name could mean several objects, or a rule leads to something that is no name.
pub(crate) fn fix_references(resources: &mut ResourceMap, rules: &[NameReference]) -> Result<(), Error> {
    let index = Index::new(resources);
    if index.by_previous_name.is_empty() {
        // Only what was renamed is ever referred to; what the rules refuse is still to be refused.
        return check_role_bindings(resources);
    }
    let mut applicable: HashMap<Gvk, Rc<Rules<'_>>> = HashMap::new();
    let mut reached = Vec::new();
    for position in 0..resources.len() {
        let Some(resource) = resources.get(position) else { break };
        let gvk = resources.original_id(resource).gvk;
        let rules = match applicable.get(&gvk) {
            Some(rules) => Rc::clone(rules),
            None => {
                let rules = Rc::new(Rules::of(&gvk, rules));
                applicable.insert(gvk, Rc::clone(&rules));
                rules
            }
        };
        if rules.list.is_empty() {
            continue;
        }
        let referrer = Referrer::new(resources, position)?;
        let Some(mut node) = resources.take_node(position) else { break };
        reached.clear();
        reached.resize(rules.list.len(), false);
        rules.fields.note_reached(&node, &mut reached);
        let result = rules.list.iter().enumerate().try_for_each(|(number, rule)| {
            if !reached[number] {
                return Ok(());
            }
            let has_grown = referrer.fix(&mut node, rule, resources, &index)?;
            if has_grown {
                rules.fields.note_reached(&node, &mut reached);
            }
            Ok(())
        });
        resources.put_node(position, node);
        result?;
    }
    Ok(())
}

fn check_role_bindings(resources: &ResourceMap) -> Result<(), Error> {
    let bindings = resources.iter().filter(|resource| resource.kind() == "RoleBinding");
    for resource in bindings {
        namespaces_of_subjects(resource, &resources.current_id(resource))?;
    }
    Ok(())
}

/// A field that may refer to an object of a kind.
struct Rule<'r> {
    field: FieldSpec,
    target: Gvk,
    is_role_ref: bool,
    path: &'r str,
}

/// The rules for the objects of one kind, of which most lead to no field of a given object.
struct Rules<'r> {
    list: Vec<Rule<'r>>,
    fields: FieldTree,
}

impl<'r> Rules<'r> {
    fn of(gvk: &Gvk, rules: &'r [NameReference]) -> Self {
        let list = rules_for(gvk, rules);
        let fields = FieldTree::new(list.iter().map(|rule| rule.path));
        Self { list, fields }
    }
}

fn rules_for<'r>(gvk: &Gvk, rules: &'r [NameReference]) -> Vec<Rule<'r>> {
    let pairs = rules.iter().flat_map(|rule| rule.referrers.iter().map(move |field| (rule, field)));
    pairs
        .filter(|(_, field)| field.selects(gvk))
        .map(|(rule, field)| Rule {
            // The kind has been compared with what the object was at first; what it is now does not matter.
            field: FieldSpec { path: field.path.clone(), create: field.create, ..FieldSpec::default() },
            target: rule.gvk(),
            is_role_ref: field.path.ends_with("roleRef/name"),
            path: &field.path,
        })
        .collect()
}

/// What is needed about every object to decide who is meant.
struct Index {
    facts: Vec<Facts>,
    by_previous_name: HashMap<Str, Vec<usize>>,
    /// For every original namespace, the current ones (effective and as written) of its objects.
    original_namespaces: HashMap<Str, HashSet<(Str, Str)>>,
}

struct Facts {
    current: ResourceId,
    original_namespace: Str,
    previous: Vec<Gvk>,
}

impl Index {
    fn new(resources: &ResourceMap) -> Self {
        let mut index =
            Self { facts: Vec::new(), by_previous_name: HashMap::new(), original_namespaces: HashMap::new() };
        for (position, resource) in resources.iter().enumerate() {
            let current = resources.current_id(resource);
            let mut previous = Vec::new();
            for id in resources.previous_ids(resource) {
                let positions = index.by_previous_name.entry(id.name).or_default();
                if positions.last() != Some(&position) {
                    positions.push(position);
                }
                previous.push(id.gvk);
            }
            let original_namespace = Str::from(resources.original_id(resource).effective_namespace());
            let now = (Str::from(current.effective_namespace()), current.namespace.clone());
            index.original_namespaces.entry(original_namespace.clone()).or_default().insert(now);
            index.facts.push(Facts { current, original_namespace, previous });
        }
        index
    }
}

/// The object that refers to others.
struct Referrer {
    id: ResourceId,
    kind_is_cluster_scoped: bool,
    prefixes: Vec<Str>,
    suffixes: Vec<Str>,
    /// The namespaces of the ServiceAccounts that a RoleBinding names.
    subject_namespaces: HashSet<Str>,
}

impl Referrer {
    fn new(resources: &ResourceMap, position: usize) -> Result<Self, Error> {
        let resource = resources.get(position).expect("the caller looks at a resource of the map");
        let id = resources.current_id(resource);
        let subject_namespaces = if id.cluster_scoped || resource.kind() != "RoleBinding" {
            HashSet::new()
        } else {
            namespaces_of_subjects(resource, &id)?
        };
        Ok(Self {
            kind_is_cluster_scoped: id.cluster_scoped,
            id,
            prefixes: resource.history.prefixes.clone(),
            suffixes: resource.history.suffixes.clone(),
            subject_namespaces,
        })
    }

    /// Fixes the fields that a rule leads to; returns whether the manifest got a new field.
    fn fix(&self, node: &mut Node, rule: &Rule<'_>, map: &ResourceMap, index: &Index) -> Result<bool, Error> {
        let role_ref = if rule.is_role_ref { role_ref(node) } else { None };
        let search = Search { referrer: self, rule, role_ref, map, index, has_grown: Cell::new(false) };
        rule.field.visit(node, NewField::None, &mut |field| search.fix_field(field)).map_err(|error| {
            error.within(format!("updating name reference in '{}' field of '{}'", rule.path, self.id))
        })?;
        Ok(search.has_grown.get())
    }

    /// Returns whether an object is one that the referrer can see at all.
    fn sees(&self, effective_namespace: &str, namespace: &Str) -> bool {
        self.kind_is_cluster_scoped
            || effective_namespace == NOT_A_NAMESPACE
            || effective_namespace == self.id.effective_namespace()
            || self.subject_namespaces.contains(namespace)
    }
}

/// Returns the namespaces of the ServiceAccounts among a RoleBinding's subjects.
fn namespaces_of_subjects(resource: &Resource, id: &ResourceId) -> Result<HashSet<Str>, Error> {
    let mut namespaces = HashSet::new();
    let subjects = resource.node.get("subjects").and_then(Node::items).unwrap_or_default();
    for subject in subjects {
        let (Some(namespace), Some(kind)) = (subject.get("namespace"), subject.get("kind")) else { continue };
        if kind.as_str() != Some("ServiceAccount") {
            continue;
        }
        match namespace.scalar().filter(|_| namespace.kind(Dialect::V3) == gitops_yaml::Kind::Str) {
            Some(namespace) => namespaces.insert(namespace.clone()),
            None => {
                let message = format!("Invalid Input: namespace is blank for resource \"{id}\"");
                return Err(Error::new(ErrorKind::Resource, message).at(namespace.place));
            }
        };
    }
    Ok(namespaces)
}

/// Returns the group and kind that a `roleRef` names, if it names both.
fn role_ref(node: &Node) -> Option<Gvk> {
    let role_ref = node.get("roleRef")?;
    let text = |field: &str| role_ref.get(field)?.scalar().cloned();
    Some(Gvk::new(text("apiGroup")?, "", text("kind")?))
}

struct Search<'s, 'r> {
    referrer: &'s Referrer,
    rule: &'s Rule<'r>,
    role_ref: Option<Gvk>,
    map: &'s ResourceMap,
    index: &'s Index,
    has_grown: Cell<bool>,
}

impl Search<'_, '_> {
    fn fix_field(&self, field: &mut Node) -> Result<(), Error> {
        if field.is_null() {
            return Ok(());
        }
        if let Some(items) = field.items_mut() {
            for item in items {
                if item.is_sequence() {
                    let message = "expected to be either a string or a map of string";
                    return Err(Error::new(ErrorKind::Transform, message).at(item.place));
                }
                self.fix_one(item)?;
            }
            return Ok(());
        }
        self.fix_one(field)
    }

    fn fix_one(&self, field: &mut Node) -> Result<(), Error> {
        if field.is_null() {
            return Ok(());
        }
        if field.is_mapping() {
            return self.fix_mapping(field);
        }
        let Some(name) = field.scalar().cloned() else { return Ok(()) };
        let Some(target) = self.find(&name, None, Same::Name)? else { return Ok(()) };
        let new = self.name_of(target);
        if new != name {
            set_text(field, new);
        }
        Ok(())
    }

    /// Fixes a mapping with a name and maybe a namespace, such as a subject of a role binding.
    fn fix_mapping(&self, field: &mut Node) -> Result<(), Error> {
        let place = field.place;
        let Some(name) = field.get("name").map(|name| name.scalar().cloned().unwrap_or_default()) else {
            let message = "path config error; no 'name' field in node";
            return Err(Error::new(ErrorKind::Transform, message).at(place));
        };
        let namespace =
            field.get("namespace").map(|namespace| namespace.scalar().cloned().unwrap_or_default());
        let Some(target) = self.find(&name, namespace.as_ref(), Same::NameAndNamespace)? else {
            return Ok(());
        };
        let new_name = self.name_of(target);
        let new_namespace = &self.index.facts[target].current.namespace;
        if new_name == name && new_namespace.is_empty() {
            return Ok(());
        }
        set_field(field, "name", new_name);
        if !new_namespace.is_empty() {
            self.has_grown.set(self.has_grown.get() || field.get("namespace").is_none());
            set_field(field, "namespace", new_namespace.clone());
        }
        Ok(())
    }

    fn name_of(&self, position: usize) -> Str {
        // The referrer's own manifest is being changed; what it is called stands in the facts.
        self.index.facts[position].current.name.clone()
    }

    /// Finds the object that a name means; `None` where there is none or the choice is open.
    fn find(&self, name: &Str, namespace: Option<&Str>, same: Same) -> Result<Option<usize>, Error> {
        let Some(named) = self.index.by_previous_name.get(name) else { return Ok(None) };
        let by_original = namespace.is_some_and(|namespace| {
            let present = self.index.original_namespaces.get(namespace);
            **namespace != *NOT_A_NAMESPACE
                && present
                    .is_some_and(|present| present.iter().any(|(now, raw)| self.referrer.sees(now, raw)))
        });
        let in_namespace = |facts: &Facts| match namespace {
            None => true,
            Some(namespace) if by_original => facts.original_namespace == *namespace,
            Some(namespace) => {
                !facts.current.cluster_scoped && facts.current.effective_namespace() == namespace.as_str()
            }
        };
        let mut found: Vec<usize> = named
            .iter()
            .copied()
            .filter(|&position| {
                let facts = &self.index.facts[position];
                self.referrer.sees(facts.current.effective_namespace(), &facts.current.namespace)
                    && in_namespace(facts)
                    && facts.previous.iter().any(|gvk| gvk.is_selected_by(&self.rule.target))
                    && self
                        .role_ref
                        .as_ref()
                        .is_none_or(|role| facts.previous.iter().any(|gvk| gvk.is_selected_by(role)))
                    && self.may_be_in_its_namespace(facts)
            })
            .collect();
        if found.len() > 1 || !found.is_empty() && found.len() != 1 {
            found.retain(|&position| self.same_branch(position, Empty::MatchesAnything));
        }
        if found.len() > 1 {
            found.retain(|&position| self.same_branch(position, Empty::MatchesEmpty));
        }
        match found[..] {
            [] => Ok(None),
            [only] => Ok(Some(only)),
            [first, ..] if self.all_the_same(&found, same) => Ok(Some(first)),
            _ => {
                let ids = found.iter().map(|&position| self.index.facts[position].current.to_string());
                let ids = ids.collect::<Vec<_>>().join(", ");
                Err(Error::new(ErrorKind::Reference, format!("found multiple possible referrals: {ids}")))
            }
        }
    }

    fn may_be_in_its_namespace(&self, facts: &Facts) -> bool {
        self.referrer.kind_is_cluster_scoped
            || facts.current.cluster_scoped
            || facts.current.gvk.kind == "ServiceAccount"
            || facts.current.same_namespace(&self.referrer.id)
    }

    fn same_branch(&self, position: usize, empty: Empty) -> bool {
        let Some(resource) = self.map.get(position) else { return false };
        let history = &resource.history;
        let matches = |one: &[Str], other: &[Str]| {
            (empty == Empty::MatchesAnything && (one.is_empty() || other.is_empty()))
                || same_ending(one, other)
        };
        matches(&history.prefixes, &self.referrer.prefixes)
            && matches(&history.suffixes, &self.referrer.suffixes)
    }

    fn all_the_same(&self, found: &[usize], same: Same) -> bool {
        let ids = found.iter().map(|&position| &self.index.facts[position].current);
        let mut parts = ids.map(|id| (&id.name, (same == Same::NameAndNamespace).then_some(&id.namespace)));
        let Some(first) = parts.next() else { return true };
        parts.all(|part| part == first)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Same {
    Name,
    NameAndNamespace,
}

#[derive(Clone, Copy, PartialEq)]
enum Empty {
    MatchesAnything,
    MatchesEmpty,
}

/// Returns whether the shorter list is how the longer one ends; an empty one only matches an empty one.
fn same_ending(one: &[Str], other: &[Str]) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    if short.is_empty() { long.is_empty() } else { long.ends_with(short) }
}

/// Replaces a scalar's text and keeps its quotes.
fn set_text(field: &mut Node, text: Str) {
    *field = Node::plain(text).styled(field.style).at(field.place);
}

fn set_field(mapping: &mut Node, key: &str, text: Str) {
    match mapping.get_mut(key) {
        Some(field) => {
            let style = if field.is_scalar() { field.style } else { Style::Default };
            *field = Node::plain(text).styled(style).at(field.place);
        }
        None => mapping.set(key, Node::string(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_are_compared_from_their_ends() {
        let list = |names: &[&str]| names.iter().map(|name| Str::from(*name)).collect::<Vec<_>>();
        assert!(same_ending(&list(&["a", "b", "c"]), &list(&["b", "c"])));
        assert!(!same_ending(&list(&["a", "b", "c"]), &list(&["a", "b"])));
        assert!(!same_ending(&list(&[]), &list(&["a"])));
        assert!(same_ending(&list(&[]), &list(&[])));
    }
}
