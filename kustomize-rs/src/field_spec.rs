//! A field of a kind of objects: what the transformers of names, labels, images and the like are told to change.

use std::borrow::Cow;

use gitops_yaml::{Node, Str};

use crate::error::{Error, ErrorKind};
use crate::id::Gvk;
use crate::kustomization::decode::fields;
use crate::resource::is_null_or_empty;

/// A path to a field, in objects of some group, version and kind.
///
/// The path's steps are separated by `/` (`\/` stands for a slash in a key); lists are walked without being named, and
/// `name[]` asks for a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSpec {
    /// The API group; empty matches any.
    pub group: Str,
    /// The version; empty matches any.
    pub version: Str,
    /// The kind; empty matches any.
    pub kind: Str,
    /// The path.
    pub path: Str,
    /// Whether missing mappings on the path are made.
    pub create: bool,
}

fields!(FieldSpec = "FieldSpec" {
    group: "group", version: "version", kind: "kind", path: "path", create: "create",
});

impl FieldSpec {
    /// Makes a spec of a field that every kind has.
    #[must_use]
    pub fn everywhere(path: impl Into<Str>, create: bool) -> Self {
        Self { path: path.into(), create, ..Self::default() }
    }

    /// Returns the selector of kinds.
    #[must_use]
    pub fn gvk(&self) -> Gvk {
        Gvk::new(self.group.clone(), self.version.clone(), self.kind.clone())
    }
}

/// Adds a spec unless the list has one of the same path for a kind that this one selects.
///
/// # Errors
/// When that one says otherwise about making the field.
pub(crate) fn merge_one(list: &mut Vec<FieldSpec>, new: FieldSpec) -> Result<(), Error> {
    let same = |spec: &&FieldSpec| spec.path == new.path && new.selects_spec(spec);
    match list.iter().find(same) {
        Some(found) if found.create != new.create => {
            Err(Error::new(ErrorKind::Kustomization, "conflicting fieldspecs"))
        }
        Some(_) => Ok(()),
        None => {
            list.push(new);
            Ok(())
        }
    }
}

/// Adds every spec of another list, as [`merge_one`].
///
/// # Errors
/// As [`merge_one`].
pub(crate) fn merge_all(list: &mut Vec<FieldSpec>, new: &[FieldSpec]) -> Result<(), Error> {
    new.iter().try_for_each(|spec| merge_one(list, spec.clone()))
}

/// What is made where a spec's last field is missing and `create` is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewField {
    /// Nothing is made.
    None,
    /// An empty scalar, to be set.
    Scalar,
    /// An empty mapping.
    Mapping,
    /// An empty sequence.
    Sequence,
}

impl NewField {
    fn node(self) -> Option<Node> {
        match self {
            Self::None => None,
            Self::Scalar => Some(Node::string("")),
            Self::Mapping => Some(Node::mapping(Vec::new())),
            Self::Sequence => Some(Node::sequence(Vec::new())),
        }
    }
}

impl FieldSpec {
    /// Returns whether objects of a group, version and kind have the field.
    #[must_use]
    pub fn selects(&self, gvk: &Gvk) -> bool {
        self.selects_parts(&gvk.group, &gvk.version, &gvk.kind)
    }

    fn selects_spec(&self, other: &Self) -> bool {
        self.selects_parts(&other.group, &other.version, &other.kind)
    }

    fn selects_parts(&self, group: &str, version: &str, kind: &str) -> bool {
        let matches = |wanted: &Str, found: &str| wanted.is_empty() || *wanted == *found;
        matches(&self.kind, kind) && matches(&self.group, group) && matches(&self.version, version)
    }

    /// Calls a function with every field of an object that the path leads to, whatever kind the object is of.
    ///
    /// Missing fields are made where [`FieldSpec::create`] is set and `missing` says of what sort; fields below a null
    /// are left alone.
    ///
    /// # Errors
    /// When the path leads through a scalar, or the function fails; the error names the path but not the object.
    pub fn visit(
        &self,
        object: &mut Node,
        missing: NewField,
        set: &mut dyn FnMut(&mut Node) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let missing = if self.create { missing } else { NewField::None };
        visit(object, Some(without_slash(&self.path)), missing, set)
    }
}

fn visit(
    node: &mut Node,
    path: Option<&str>,
    missing: NewField,
    set: &mut dyn FnMut(&mut Node) -> Result<(), Error>,
) -> Result<(), Error> {
    let Some(path) = path else { return set(node) };
    if let Some(items) = node.items_mut() {
        return items.iter_mut().try_for_each(|item| visit(item, Some(path), missing, set));
    }
    if !node.is_mapping() {
        if is_null(node) {
            return Ok(());
        }
        return Err(Error::new(ErrorKind::Transform, "expected sequence or mapping node").at(node.place));
    }
    let (step, rest) = first_step(path);
    let (name, sort) = match step.strip_suffix("[]") {
        Some(name) => (name, NewField::Sequence),
        None => (step.as_ref(), if rest.is_none() { missing } else { NewField::Mapping }),
    };
    if name.is_empty() {
        return Err(Error::new(ErrorKind::Transform, "cannot set or create an empty field name"));
    }
    let may_create = missing != NewField::None && sort != NewField::Sequence;
    match node.get_mut(name) {
        Some(field) => {
            let fills_null = may_create || step.ends_with("[]");
            if fills_null
                && is_null(field)
                && let Some(new) = sort.node()
            {
                *field = new.at(field.place);
            }
            visit(field, rest, missing, set)
        }
        None if may_create => {
            let Some(mut new) = sort.node() else { return Ok(()) };
            visit(&mut new, rest, missing, set)?;
            node.set(name, new);
            Ok(())
        }
        None => Ok(()),
    }
}

pub(crate) fn is_null(node: &Node) -> bool {
    node.is_scalar() && is_null_or_empty(node)
}

/// Drops the one leading slash that changes nothing.
fn without_slash(path: &str) -> &str {
    path.strip_prefix('/').unwrap_or(path)
}

/// Splits the first step off a path; `\/` is a slash in a step.
fn first_step(path: &str) -> (Cow<'_, str>, Option<&str>) {
    let mut from = 0;
    let bytes = path.as_bytes();
    loop {
        // Steps are a few bytes long: a plain loop is the fastest search.
        let end = bytes[from..].iter().position(|byte| *byte == b'/').map(|found| from + found);
        let is_escaped = |end: usize| end > 0 && bytes[end - 1] == b'\\';
        match end {
            Some(end) if is_escaped(end) => from = end + 1,
            end => {
                let (step, rest) = match end {
                    Some(end) => (&path[..end], Some(&path[end + 1..])),
                    None => (path, None),
                };
                let step = if from > 0 { Cow::Owned(step.replace("\\/", "/")) } else { Cow::Borrowed(step) };
                return (step, rest);
            }
        }
    }
}

/// Splits a path into its steps.
pub(crate) fn split_path(path: &str) -> Vec<Str> {
    let mut steps = Vec::new();
    let mut rest = Some(without_slash(path));
    while let Some(path) = rest {
        let step;
        (step, rest) = first_step(path);
        steps.push(Str::from(step));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_may_be_escaped() {
        assert_eq!(split_path("/metadata/annotations/a.b\\/c"), ["metadata", "annotations", "a.b/c"]);
    }

    #[test]
    fn missing_mappings_are_made_and_lists_are_walked() {
        let mut object = Node::mapping(vec![]);
        let item = || Node::mapping(vec![]);
        object.set("list", Node::sequence(vec![item(), item()]));
        let mut count = 0;
        FieldSpec::everywhere("list/a/b", true)
            .visit(&mut object, NewField::Scalar, &mut |field| {
                count += 1;
                *field = Node::string("x");
                Ok(())
            })
            .unwrap();
        assert_eq!(count, 2);
        let second = &object.get("list").unwrap().items().unwrap()[1];
        assert_eq!(second.at_path(&["a", "b"]).unwrap().as_str(), Some("x"));
    }

    #[test]
    fn nothing_is_made_below_a_null_or_without_leave() {
        let mut object = Node::mapping(vec![]);
        object.set("a", Node::null());
        let mut fail = |_: &mut Node| Err(Error::new(ErrorKind::Transform, "called"));
        FieldSpec::everywhere("a/b", false).visit(&mut object, NewField::Scalar, &mut fail).unwrap();
        FieldSpec::everywhere("c[]/d", true).visit(&mut object, NewField::Scalar, &mut fail).unwrap();
    }
}
