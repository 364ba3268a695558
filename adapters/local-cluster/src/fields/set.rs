//! A set of field paths, kept as a tree.

use super::step::Step;
use crate::types::{Type, TypeId, Types};

/// A set of field paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSet {
    pub(super) members: Vec<Step>,
    pub(super) children: Vec<(Step, FieldSet)>,
}

impl FieldSet {
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.children.is_empty()
    }

    pub(crate) fn insert(&mut self, path: &[Step]) {
        let Some((first, rest)) = path.split_first() else { return };
        if rest.is_empty() {
            self.add_member(first.clone());
        } else {
            self.child_mut(first).insert(rest);
        }
    }

    pub(super) fn add_member(&mut self, step: Step) {
        if let Err(index) = self.members.binary_search(&step) {
            self.members.insert(index, step);
        }
    }

    fn child_mut(&mut self, step: &Step) -> &mut FieldSet {
        let index = match self.children.binary_search_by(|(name, _)| name.cmp(step)) {
            Ok(index) => index,
            Err(index) => {
                self.children.insert(index, (step.clone(), FieldSet::default()));
                index
            }
        };
        &mut self.children[index].1
    }

    pub(crate) fn has_member(&self, step: &Step) -> bool {
        self.members.binary_search(step).is_ok()
    }

    pub(crate) fn child(&self, step: &Step) -> Option<&FieldSet> {
        let index = self.children.binary_search_by(|(name, _)| name.cmp(step)).ok()?;
        Some(&self.children[index].1)
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        let members = zip(&self.members, &other.members, Ord::cmp, |a, b| a.or(b).cloned());
        let children = zip(
            &self.children,
            &other.children,
            |a, b| a.0.cmp(&b.0),
            |a, b| match (a, b) {
                (Some(a), Some(b)) => Some((a.0.clone(), a.1.union(&b.1))),
                (a, b) => a.or(b).cloned(),
            },
        );
        Self { members, children }
    }

    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let members = zip(&self.members, &other.members, Ord::cmp, |a, b| a.and(b).cloned());
        let children = zip(
            &self.children,
            &other.children,
            |a, b| a.0.cmp(&b.0),
            |a, b| {
                let both = a?.1.intersection(&b?.1);
                (!both.is_empty()).then(|| (a.map(|a| a.0.clone()).unwrap_or(Step::Index(0)), both))
            },
        );
        Self { members, children }
    }

    pub(crate) fn difference(&self, other: &Self) -> Self {
        let members =
            zip(&self.members, &other.members, Ord::cmp, |a, b| if b.is_some() { None } else { a.cloned() });
        let children = zip(
            &self.children,
            &other.children,
            |a, b| a.0.cmp(&b.0),
            |a, b| {
                let a = a?;
                let Some(b) = b else { return Some(a.clone()) };
                let left = a.1.difference(&b.1);
                (!left.is_empty()).then(|| (a.0.clone(), left))
            },
        );
        Self { members, children }
    }

    /// The difference that takes away all beneath a path of the other set too.
    pub(crate) fn recursive_difference(&self, other: &Self) -> Self {
        let members = self.members.iter().filter(|step| !other.has_member(step)).cloned().collect::<Vec<_>>();
        let children = self
            .children
            .iter()
            .filter(|(step, _)| !other.has_member(step))
            .filter_map(|(step, set)| {
                let left = match other.child(step) {
                    Some(other) => set.recursive_difference(other),
                    None => set.clone(),
                };
                (!left.is_empty()).then(|| (step.clone(), left))
            })
            .collect();
        Self { members, children }
    }

    /// Adds the fields of structures on the way to each path.
    pub(crate) fn with_named_fields(&self, types: &Types, id: TypeId) -> Self {
        let kind = types.get(id);
        let mut out = Self { members: self.members.clone(), children: Vec::new() };
        for (step, set) in &self.children {
            let below = match (kind, step) {
                (Type::Struct(structure), Step::Field(name)) => match structure.field(name) {
                    Some(field) => {
                        out.add_member(step.clone());
                        field.kind
                    }
                    None => structure.rest.unwrap_or(TypeId::DEDUCED),
                },
                (Type::Map(map), _) => map.element,
                (Type::List(list), _) => list.element,
                _ => TypeId::DEDUCED,
            };
            out.children.push((step.clone(), set.with_named_fields(types, below)));
        }
        out
    }

    /// Calls with every path, as text, in order.
    pub(crate) fn each_path(&self, found: &mut impl FnMut(&str)) {
        self.walk(&mut String::new(), found);
    }

    fn walk(&self, prefix: &mut String, found: &mut impl FnMut(&str)) {
        use std::fmt::Write;
        let length = prefix.len();
        for step in &self.members {
            let _ = write!(prefix, "{step}");
            found(prefix);
            prefix.truncate(length);
        }
        for (step, set) in &self.children {
            let _ = write!(prefix, "{step}");
            set.walk(prefix, found);
            prefix.truncate(length);
        }
    }
}

/// Walks two sorted lists together.
fn zip<T>(
    a: &[T],
    b: &[T],
    order: impl Fn(&T, &T) -> std::cmp::Ordering,
    both: impl Fn(Option<&T>, Option<&T>) -> Option<T>,
) -> Vec<T> {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let (mut i, mut j) = (0, 0);
    let mut out = Vec::with_capacity(a.len().max(b.len()));
    loop {
        let (left, right) = match (a.get(i), b.get(j)) {
            (None, None) => break,
            (Some(left), None) => (Some(left), None),
            (None, Some(right)) => (None, Some(right)),
            (Some(left), Some(right)) => match order(left, right) {
                Less => (Some(left), None),
                Greater => (None, Some(right)),
                Equal => (Some(left), Some(right)),
            },
        };
        i += usize::from(left.is_some());
        j += usize::from(right.is_some());
        out.extend(both(left, right));
    }
    out.shrink_to_fit();
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(paths: &[&[&str]]) -> FieldSet {
        let mut out = FieldSet::default();
        for path in paths {
            out.insert(&path.iter().map(|name| Step::field(name)).collect::<Vec<_>>());
        }
        out
    }

    #[test]
    fn sets_are_combined_path_by_path() {
        let a = set(&[&["spec", "a"], &["spec", "b"], &["x"]]);
        let b = set(&[&["spec", "b"], &["spec", "c"]]);
        assert_eq!(a.union(&b), set(&[&["spec", "a"], &["spec", "b"], &["spec", "c"], &["x"]]));
        assert_eq!(a.intersection(&b), set(&[&["spec", "b"]]));
        assert_eq!(a.difference(&b), set(&[&["spec", "a"], &["x"]]));
        assert_eq!(a.recursive_difference(&set(&[&["spec"]])), set(&[&["x"]]));
    }
}
