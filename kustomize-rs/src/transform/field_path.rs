//! Paths of replacements: `spec.template.spec.containers.[name=web].image`, read exactly in sources and as patterns in
//! targets.

use gitops_yaml::{
    Dialect, FileId, Node, PrintOptions, ReadOptions, Str, Style, Tag, print_v3, read_document,
};

use super::pattern::Pattern;
use super::set::wrong_kind;
use crate::error::{Error, ErrorKind};

/// Splits a path at dots. Brackets keep their dots; those that hold no `=` are dropped, and `\.` is a dot in a step.
pub(super) fn split(path: &str) -> Vec<Str> {
    let mut parts = path.split('.').peekable();
    if path.len() > 1 && path.starts_with('.') {
        parts.next();
    }
    let mut unescaped: Vec<String> = Vec::new();
    for part in parts {
        match unescaped.last_mut().filter(|last| last.ends_with('\\')) {
            Some(last) => {
                last.pop();
                last.push('.');
                last.push_str(part);
            }
            None => unescaped.push(part.to_owned()),
        }
    }
    let mut steps: Vec<Str> = Vec::new();
    let mut parts = unescaped.into_iter();
    while let Some(mut part) = parts.next() {
        if part.starts_with('[') && !part.ends_with(']') {
            for more in parts.by_ref() {
                part.push('.');
                part.push_str(&more);
                if more.ends_with(']') {
                    break;
                }
            }
            if !part.contains('=') {
                part = part.trim_matches(['[', ']']).to_owned();
            }
        }
        steps.push(part.into());
    }
    steps
}

fn list_condition(step: &str) -> Option<&str> {
    step.strip_prefix('[')?.strip_suffix(']')
}

/// Splits `[name=value]`; an empty name compares the element itself.
fn name_and_value(condition: &str) -> Result<(&str, &str), Error> {
    condition
        .split_once('=')
        .ok_or_else(|| failed("list path element must contain fieldName=fieldValue for element to match"))
}

fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Transform, message)
}

/// Finds the node at a path, conditions read exactly.
///
/// # Errors
/// When a step is for a list and the node is none, or the other way round.
pub(super) fn lookup<'a>(node: &'a Node, path: &[Str]) -> Result<Option<&'a Node>, Error> {
    let mut node = node;
    for step in path.iter().map(|step| step.trim()).filter(|step| !step.is_empty()) {
        if node.is_null() && list_condition(step).is_none() && step.parse::<i64>().is_err() && step != "-" {
            return Ok(None);
        }
        let found = match step.parse::<i64>() {
            Ok(index) if index < 0 => {
                return Err(failed(format!("array index {index} cannot be negative")));
            }
            Ok(index) => elements(node)?.get(usize::try_from(index).unwrap_or(usize::MAX)),
            Err(_) if step == "-" => elements(node)?.last(),
            Err(_) if step == "*" => return Err(failed("wildcard is not supported in PathGetter")),
            Err(_) => match list_condition(step) {
                Some(condition) => {
                    let (name, value) = name_and_value(condition)?;
                    let is_it = |element: &&Node| {
                        let found = if name.is_empty() { Some(*element) } else { element.get(name) };
                        found.is_some_and(|found| found.as_str().unwrap_or_default() == value)
                    };
                    elements(node)?.iter().find(is_it)
                }
                None if node.is_mapping() => node.get(step),
                None => return Err(wrong_kind("MappingNode", node)),
            },
        };
        match found {
            Some(found) => node = found,
            None => return Ok(None),
        }
    }
    Ok(Some(node))
}

fn elements(node: &Node) -> Result<&[Node], Error> {
    match node.items() {
        Some(items) => Ok(items),
        None if node.is_null() => Ok(&[]),
        None => Err(wrong_kind("SequenceNode", node)),
    }
}

/// What is made of missing fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Create {
    Nothing,
    Scalar,
    Mapping,
    Sequence,
}

impl Create {
    /// Makes what the value to be set is.
    pub(super) fn like(value: &Node) -> Self {
        if value.is_mapping() {
            Self::Mapping
        } else if value.is_sequence() {
            Self::Sequence
        } else {
            Self::Scalar
        }
    }

    fn node(self, next: Option<&Str>) -> Node {
        let is_list = |step: &Str| list_condition(step).is_some() || index(step).is_some();
        match (next, self) {
            (Some(step), _) if is_list(step) => Node::sequence(Vec::new()),
            (Some(step), _) if !step.is_empty() => Node::mapping(Vec::new()),
            (_, Self::Mapping) => Node::mapping(Vec::new()),
            (_, Self::Sequence) => Node::sequence(Vec::new()),
            (_, Self::Scalar | Self::Nothing) => Node::plain(""),
        }
    }
}

fn index(step: &str) -> Option<usize> {
    step.strip_prefix('+').unwrap_or(step).parse().ok()
}

/// Whether a node that a path leads to was made on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    Old,
    New,
}

/// What is called with every node that a path leads to.
pub(super) type Visitor<'a> = dyn FnMut(&mut Node, Age) -> Result<(), Error> + 'a;

/// Calls a function with every node that a path leads to; returns how many there were.
///
/// Conditions hold patterns that may match anywhere, `*` stands for every element, and missing fields are made if asked.
///
/// # Errors
/// When a step is for a list and the node is none, or the other way round, and those of the function.
pub(super) fn visit(
    node: &mut Node,
    path: &[Str],
    create: Create,
    set: &mut Visitor<'_>,
) -> Result<usize, Error> {
    visit_aged(node, path, create, Age::Old, set)
}

fn visit_aged(
    node: &mut Node,
    path: &[Str],
    create: Create,
    age: Age,
    set: &mut Visitor<'_>,
) -> Result<usize, Error> {
    let Some((step, rest)) = path.split_first() else {
        set(node, age)?;
        return Ok(1);
    };
    if let Some(index) = index(step) {
        return visit_index(node, index, rest, create, set);
    }
    if let Some(condition) = list_condition(step) {
        return visit_condition(node, condition, rest, create, set);
    }
    if step == "*" {
        elements(node)?;
        let mut count = 0;
        for element in node.items_mut().into_iter().flatten() {
            count += visit(element, rest, create, set)?;
        }
        return Ok(count);
    }
    visit_field(node, step, rest, create, set)
}

fn visit_field(
    node: &mut Node,
    name: &Str,
    rest: &[Str],
    create: Create,
    set: &mut Visitor<'_>,
) -> Result<usize, Error> {
    if node.is_null() {
        return Ok(0);
    }
    if !node.is_mapping() {
        return Err(wrong_kind("MappingNode", node));
    }
    if node.get(name).is_none() {
        if create == Create::Nothing {
            return Ok(0);
        }
        let mut new = create.node(rest.first());
        let count = visit_aged(&mut new, rest, create, Age::New, set)?;
        node.set(name.clone(), new);
        return Ok(count);
    }
    let Some(field) = node.get_mut(name) else { return Ok(0) };
    if field.is_scalar() && !rest.is_empty() {
        return count_within(field, rest, create);
    }
    visit(field, rest, create, set)
}

/// Upstream goes on into the YAML that a text holds, in a copy that is then forgotten: what is found there counts, and
/// nothing changes.
fn count_within(field: &Node, rest: &[Str], create: Create) -> Result<usize, Error> {
    let text = field.as_str().unwrap_or_default();
    let read = read_document(text.as_bytes(), FileId::NONE, &ReadOptions::v3());
    let document = read.map_err(|error| failed(error.to_string()))?;
    match document {
        Some(mut document) => visit(&mut document.root, rest, create, &mut |_, _| Ok(())),
        None => Err(failed("wrong node kind: expected MappingNode but got ")),
    }
}

fn visit_index(
    node: &mut Node,
    index: usize,
    rest: &[Str],
    create: Create,
    set: &mut Visitor<'_>,
) -> Result<usize, Error> {
    let count = elements(node)?.len();
    if count == index
        && create != Create::Nothing
        && let Some(items) = node.items_mut()
    {
        let mut new = create.node(rest.first());
        let count = visit_aged(&mut new, rest, create, Age::New, set)?;
        items.push(new);
        return Ok(count);
    }
    match node.items_mut().and_then(|items| items.get_mut(index)) {
        Some(element) => visit(element, rest, create, set),
        None => Err(failed(format!("index {index} specified but only {count} elements found"))),
    }
}

fn visit_condition(
    node: &mut Node,
    condition: &str,
    rest: &[Str],
    create: Create,
    set: &mut Visitor<'_>,
) -> Result<usize, Error> {
    let (name, value) = name_and_value(condition)?;
    elements(node)?;
    let pattern = Pattern::anywhere(value)?;
    let mut count = 0;
    for element in node.items_mut().into_iter().flatten() {
        if name.is_empty() {
            // What follows a condition on scalars does not count.
            if pattern.matches(&shown(element)?) {
                set(element, Age::Old)?;
                count += 1;
            }
        } else if let Some(field) = element.get(name)
            && pattern.matches(&shown(field)?)
        {
            count += visit(element, rest, create, set)?;
        }
    }
    let Some(items) = node.items_mut().filter(|_| count == 0 && create != Create::Nothing) else {
        return Ok(count);
    };
    let mut new = Node::plain(value);
    if name.is_empty() {
        set(&mut new, Age::New)?;
        count = 1;
    } else {
        let mut element = Node::mapping(Vec::new());
        element.set(name, new);
        count = visit(&mut element, rest, create, set)?;
        new = element;
    }
    items.push(new);
    Ok(count)
}

/// Prints a node as patterns see it: as YAML, without spaces around it.
fn shown(node: &Node) -> Result<String, Error> {
    if let Some(text) = node.as_str()
        && node.tag == Tag::Implicit
        && node.style == Style::Default
        && node.comments().is_none()
    {
        return Ok(text.trim().to_owned());
    }
    let mut node = node.clone();
    node.set_anchor("");
    let printed = print_v3(&node, &PrintOptions::kyaml()).map_err(|error| failed(error.to_string()))?;
    Ok(printed.trim().to_owned())
}

/// Sets a scalar's text and keeps its type, which is only then looked at again when the object is printed. Scalars that
/// no file holds have no type of their own.
pub(super) fn set_text(node: &mut Node, text: Str, age: Age) {
    use gitops_yaml::Kind;
    if age == Age::Old && node.place.is_known() && node.tag == Tag::Implicit && node.style == Style::Default {
        node.tag = match node.kind(Dialect::V3) {
            Kind::Null => Tag::Null,
            Kind::Bool(_) => Tag::Bool,
            Kind::Int(_) | Kind::Uint(_) => Tag::Int,
            Kind::Float(_) => Tag::Float,
            Kind::Timestamp => Tag::Timestamp,
            _ => Tag::Str,
        };
    }
    node.data = gitops_yaml::Data::Scalar(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_keep_their_dots() {
        assert_eq!(split("spec.containers.[name=a.b].image"), ["spec", "containers", "[name=a.b]", "image"]);
        assert_eq!(split("metadata.annotations.[a.b/c]"), ["metadata", "annotations", "a.b/c"]);
        assert_eq!(split("metadata.annotations.a\\.b"), ["metadata", "annotations", "a.b"]);
        assert_eq!(split("spec.[name=x]"), ["spec", "[name=x]"]);
    }

    fn object() -> Node {
        let text = "list:\n- name: one\n  v: 1\n- name: one_more\n  v: 2\nmap: {k: 3}\n";
        read_document(text.as_bytes(), FileId::NONE, &ReadOptions::v3()).unwrap().unwrap().root
    }

    #[track_caller]
    fn count(path: &str, create: Create) -> Result<usize, String> {
        visit(&mut object(), &split(path), create, &mut |_, _| Ok(()))
            .map_err(|error| error.message().to_owned())
    }

    #[test]
    fn conditions_of_targets_match_anywhere_and_those_of_sources_exactly() {
        assert_eq!(count("list.[name=one].v", Create::Nothing), Ok(2));
        assert_eq!(count("list.*.v", Create::Nothing), Ok(2));
        assert_eq!(count("list.1.v", Create::Nothing), Ok(1));
        let object = object();
        let found = lookup(&object, &split("list.[name=one].v")).unwrap().unwrap();
        assert_eq!(found.as_str(), Some("1"));
        assert!(lookup(&object, &split("list.[name=on].v")).unwrap().is_none());
    }

    #[test]
    fn missing_fields_are_made_if_asked() {
        assert_eq!(count("map.x.y", Create::Nothing), Ok(0));
        assert_eq!(count("map.x.y", Create::Scalar), Ok(1));
        assert_eq!(count("list.[name=new].v", Create::Scalar), Ok(1));
        assert_eq!(count("list.2.v", Create::Scalar), Ok(1));
        assert_eq!(
            count("list.5.v", Create::Scalar).unwrap_err(),
            "index 5 specified but only 2 elements found"
        );
    }
}
