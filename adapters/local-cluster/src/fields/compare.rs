//! What changed between two versions of an object, field by field.

use super::set::FieldSet;
use super::shape::{MapShape, Shape, item_step, merges};
use super::step::Step;
use crate::types::{ListType, TypeId, Types};
use crate::value::{Map, Value};

/// What changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Comparison {
    pub(crate) removed: FieldSet,
    pub(crate) modified: FieldSet,
    pub(crate) added: FieldSet,
}

impl Comparison {
    /// Leaves out what others reset.
    pub(crate) fn without(self, fields: &FieldSet) -> Self {
        if fields.is_empty() {
            return self;
        }
        Self {
            removed: self.removed.recursive_difference(fields),
            modified: self.modified.recursive_difference(fields),
            added: self.added.recursive_difference(fields),
        }
    }
}

/// Compares two values of one type.
pub(crate) fn compare(types: &Types, id: TypeId, old: &Value, new: &Value) -> Comparison {
    let mut walk = Walk { types, path: Vec::new(), found: Comparison::default() };
    walk.node(id, Some(old), Some(new));
    walk.found
}

struct Walk<'t> {
    types: &'t Types,
    path: Vec<Step>,
    found: Comparison,
}

fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None => true,
        Some(Value::Map(map)) => map.is_empty(),
        Some(Value::List(items)) => items.is_empty(),
        // What has another shape than its type counts as nothing.
        Some(_) => true,
    }
}

impl Walk<'_> {
    fn node(&mut self, id: TypeId, old: Option<&Value>, new: Option<&Value>) {
        if let (Some(old), Some(new)) = (old, new)
            && old == new
        {
            return;
        }
        let Some(value) = new.or(old) else { return };
        let leaf = match Shape::of(self.types, id, value) {
            Shape::Scalar(_) => true,
            Shape::List(list) => match merges(list) {
                Some(list) if !(is_empty(old) && is_empty(new)) => {
                    self.items(list, old, new);
                    false
                }
                _ => true,
            },
            Shape::Map(map) if map.atomic || (is_empty(old) && is_empty(new)) => true,
            Shape::Map(map) => {
                self.fields(map, old.and_then(Value::as_map), new.and_then(Value::as_map));
                false
            }
        };
        match (old, new) {
            (None, _) => self.found.added.insert(&self.path),
            (_, None) => self.found.removed.insert(&self.path),
            _ if leaf => self.found.modified.insert(&self.path),
            _ => {}
        }
    }

    fn fields(&mut self, shape: MapShape<'_>, old: Option<&Map>, new: Option<&Map>) {
        let kind = |name: &str| shape.field(name).map_or(TypeId::DEDUCED, |(kind, _)| kind);
        for (name, old) in old.into_iter().flat_map(Map::iter) {
            self.path.push(Step::Field(name.clone()));
            self.node(kind(name), Some(old), new.and_then(|map| map.get(name)));
            self.path.pop();
        }
        for (name, new) in new.into_iter().flat_map(Map::iter) {
            if old.is_none_or(|map| !map.contains(name)) {
                self.path.push(Step::Field(name.clone()));
                self.node(kind(name), None, Some(new));
                self.path.pop();
            }
        }
    }

    fn items(&mut self, list: &ListType, old: Option<&Value>, new: Option<&Value>) {
        let steps = |value: Option<&'_ Value>| -> Vec<(Step, Value)> {
            let items = value.and_then(Value::as_list).unwrap_or_default();
            let mut steps: Vec<_> = items
                .iter()
                .filter_map(|item| Some((item_step(self.types, list, item).ok()?, item.clone())))
                .collect();
            steps.sort_by(|a, b| a.0.cmp(&b.0));
            steps
        };
        let (old, new) = (steps(old), steps(new));
        let mut known: Vec<&Step> = old.iter().chain(&new).map(|(step, _)| step).collect();
        known.sort();
        known.dedup();
        for step in known {
            let old = same(&old, step);
            let new = same(&new, step);
            self.path.push((*step).clone());
            match (old, new) {
                ([] | [_], [] | [_]) => {
                    self.node(list.element, old.first().map(|one| &one.1), new.first().map(|one| &one.1));
                }
                ([_, _, ..], [_, _, ..]) => {
                    let items =
                        |list: &[(Step, Value)]| list.iter().map(|one| one.1.clone()).collect::<Vec<_>>();
                    if items(old) != items(new) {
                        self.found.modified.insert(&self.path);
                    }
                }
                ([_, _, ..], _) => {
                    if let Some((_, one)) = new.first() {
                        self.node(list.element, None, Some(one));
                    }
                    self.found.removed.insert(&self.path);
                }
                (_, _) => {
                    if let Some((_, one)) = old.first() {
                        self.node(list.element, Some(one), None);
                    }
                    self.found.added.insert(&self.path);
                }
            }
            self.path.pop();
        }
    }
}

fn same<'a>(sorted: &'a [(Step, Value)], step: &Step) -> &'a [(Step, Value)] {
    let start = sorted.partition_point(|(one, _)| one < step);
    let end = sorted.partition_point(|(one, _)| one <= step);
    &sorted[start..end]
}
