//! Compares two objects field by field.

use gitops_core::schema::{Schema, SchemaNode};
use gitops_yaml::{Data, FieldPath, FieldStep, Node, Str};

/// A field that differs between two objects.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FieldChange {
    /// The field; elements of lists are named by their key where they have one.
    pub path: FieldPath,
    /// The value that it had; `None` where it is new.
    pub before: Option<Node>,
    /// The value that it has; `None` where it is gone.
    pub after: Option<Node>,
    /// Where the new value stands, `file:line:column`; empty where that is not known.
    pub place: String,
}

/// Compares objects by what is known of their kinds.
#[derive(Clone, Copy, Debug)]
pub struct FieldDiff<'s> {
    schema: &'s Schema,
}

impl<'s> FieldDiff<'s> {
    /// Compares by this schema: its merge keys tell which elements of two lists are the same.
    #[must_use]
    pub fn new(schema: &'s Schema) -> Self {
        Self { schema }
    }

    /// Lists the fields that differ, in the order of the second object; those that are gone follow in the order of the
    /// first. Scalars are the same when their text is, quotes not counted, and the order of elements that have keys
    /// makes no difference.
    #[must_use]
    pub fn objects(self, before: &Node, after: &Node) -> Vec<FieldChange> {
        let text = |field| after.get(field).and_then(Node::as_str).unwrap_or_default();
        let schema = self.schema.kind(text("apiVersion"), text("kind"));
        let mut found = Vec::new();
        compare(schema, before, after, &mut Vec::new(), &mut found);
        found
    }
}

const DEPTH: usize = 100;

fn compare(
    schema: Option<SchemaNode<'_>>,
    before: &Node,
    after: &Node,
    path: &mut Vec<FieldStep>,
    found: &mut Vec<FieldChange>,
) {
    match (&before.data, &after.data) {
        (Data::Mapping(_), Data::Mapping(_)) if path.len() < DEPTH => {
            mappings(schema, before, after, path, found);
        }
        (Data::Sequence(old), Data::Sequence(new)) if path.len() < DEPTH => {
            match key_in(schema, path, old, new) {
                Some((key, order)) => {
                    if order == Order::Matters {
                        moved(&key, (old, new), path, found);
                    }
                    keyed(schema, &key, (old, new), path, found);
                }
                None => plain(schema, (old, new), path, found),
            }
        }
        _ => {
            if !same(before, after) {
                push(path, Some(before), Some(after), found);
            }
        }
    }
}

fn push(path: &[FieldStep], before: Option<&Node>, after: Option<&Node>, found: &mut Vec<FieldChange>) {
    found.push(FieldChange {
        path: path.iter().cloned().collect(),
        before: before.cloned(),
        after: after.cloned(),
        place: String::new(),
    });
}

fn mappings(
    schema: Option<SchemaNode<'_>>,
    before: &Node,
    after: &Node,
    path: &mut Vec<FieldStep>,
    found: &mut Vec<FieldChange>,
) {
    for entry in after.entries().unwrap_or_default() {
        let Some(name) = entry.key.scalar() else { continue };
        path.push(FieldStep::key(name.clone()));
        match before.get(name) {
            Some(old) => {
                compare(schema.and_then(|schema| schema.field(name)), old, &entry.value, path, found);
            }
            None => push(path, None, Some(&entry.value), found),
        }
        path.pop();
    }
    for entry in before.entries().unwrap_or_default() {
        let Some(name) = entry.key.scalar() else { continue };
        if after.get(name).is_none() {
            path.push(FieldStep::key(name.clone()));
            push(path, Some(&entry.value), None, found);
            path.pop();
        }
    }
}

/// As [`key_of`]; containers that prepare a pod run in their order, whatever the schema says.
fn key_in(
    schema: Option<SchemaNode<'_>>,
    path: &[FieldStep],
    old: &[Node],
    new: &[Node],
) -> Option<(Vec<Str>, Order)> {
    let is_ordered = matches!(path.last(), Some(FieldStep::Key(key)) if key.as_str() == "initContainers");
    key_of(schema, old, new).map(|(keys, order)| (keys, if is_ordered { Order::Matters } else { order }))
}

/// The field that tells the elements of both lists apart: the schema's merge key, or else a name that all have and none
/// shares.
fn key_of(schema: Option<SchemaNode<'_>>, old: &[Node], new: &[Node]) -> Option<(Vec<Str>, Order)> {
    let known = schema.map(SchemaNode::merge_keys).unwrap_or_default();
    let guesses = ["name", "key", "host", "path", "id"].map(|key| vec![Str::literal(key)]);
    let known = (!known.is_empty()).then(|| (known.to_vec(), Order::Free)).into_iter();
    // Of what no schema calls a map nobody knows whether its order counts, as that of valuesFrom does.
    let mut candidates = known.chain(guesses.map(|keys| (keys, Order::Matters)));
    let is_apart = |keys: &[Str], items: &[Node]| {
        let mut values: Vec<Vec<&str>> = Vec::new();
        items.iter().all(|item| {
            let value = value_of(item, keys);
            // One key of several may be left to its default.
            let is_new = item.is_mapping() && value.iter().any(|v| !v.is_empty()) && !values.contains(&value);
            values.push(value);
            is_new
        })
    };
    candidates.find(|(keys, _)| is_apart(keys, old) && is_apart(keys, new))
}

/// Whether the order of a list's elements says something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Free,
    Matters,
}

/// Elements that stand in another order are told by their keys alone.
fn moved(keys: &[Str], (old, new): (&[Node], &[Node]), path: &[FieldStep], found: &mut Vec<FieldChange>) {
    let values = |items: &[Node], others: &[Node]| -> Vec<String> {
        let is_common =
            |item: &&Node| others.iter().any(|other| value_of(other, keys) == value_of(item, keys));
        items.iter().filter(is_common).map(|item| value_of(item, keys).join(" ")).collect()
    };
    let (before, after) = (values(old, new), values(new, old));
    if before != after {
        let node = |values: Vec<String>| {
            Node::sequence(values.iter().map(|value| Node::string(value.as_str())).collect())
        };
        push(path, Some(&node(before)), Some(&node(after)), found);
    }
}

fn value_of<'n>(item: &'n Node, keys: &[Str]) -> Vec<&'n str> {
    keys.iter().map(|key| item.get(key).and_then(Node::as_str).unwrap_or_default()).collect()
}

fn keyed(
    schema: Option<SchemaNode<'_>>,
    keys: &[Str],
    (old, new): (&[Node], &[Node]),
    path: &mut Vec<FieldStep>,
    found: &mut Vec<FieldChange>,
) {
    let element = schema.and_then(SchemaNode::element);
    let step = |item: &Node| FieldStep::Item {
        key: keys.first().cloned().unwrap_or_default(),
        value: value_of(item, keys).first().copied().unwrap_or_default().into(),
    };
    for item in new {
        path.push(step(item));
        match old.iter().find(|known| value_of(known, keys) == value_of(item, keys)) {
            Some(known) => compare(element, known, item, path, found),
            None => push(path, None, Some(item), found),
        }
        path.pop();
    }
    for item in old {
        if !new.iter().any(|known| value_of(known, keys) == value_of(item, keys)) {
            path.push(step(item));
            push(path, Some(item), None, found);
            path.pop();
        }
    }
}

/// Lists without keys: what both begin and end with is the same; between, elements are compared one by one.
fn plain(
    schema: Option<SchemaNode<'_>>,
    (old, new): (&[Node], &[Node]),
    path: &mut Vec<FieldStep>,
    found: &mut Vec<FieldChange>,
) {
    let element = schema.and_then(SchemaNode::element);
    let start = old.iter().zip(new).take_while(|(a, b)| same(a, b)).count();
    let most = old.len().min(new.len()) - start;
    let end = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(a, b)| same(a, b)).count();
    let middle = |items: &'_ [Node]| start..items.len() - end;
    let (old_middle, new_middle) = (middle(old), middle(new));
    for index in start..old_middle.end.max(new_middle.end) {
        path.push(FieldStep::Index(index));
        let before = old.get(index).filter(|_| old_middle.contains(&index));
        let after = new.get(index).filter(|_| new_middle.contains(&index));
        match (before, after) {
            (Some(before), Some(after)) => compare(element, before, after, path, found),
            (None, None) => {}
            (before, after) => push(path, before, after, found),
        }
        path.pop();
    }
}

/// Whether two values are the same to whoever reads them.
fn same(a: &Node, b: &Node) -> bool {
    match (&a.data, &b.data) {
        (Data::Scalar(_), Data::Scalar(_)) => {
            let kind = |node: &Node| std::mem::discriminant(&node.kind(gitops_yaml::Dialect::V3));
            a.as_str() == b.as_str() && kind(a) == kind(b)
        }
        (Data::Sequence(a), Data::Sequence(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Data::Mapping(x), Data::Mapping(y)) => {
            let has = |entry: &gitops_yaml::Entry| {
                entry.key.as_str().and_then(|key| b.get(key)).is_some_and(|other| same(&entry.value, other))
            };
            x.len() == y.len() && x.iter().all(has)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_yaml::{Dialect, FileId, ReadOptions, read_document, to_json};

    #[track_caller]
    fn check(before: &str, after: &str, wanted: &[&str]) {
        let read = |text: &str| {
            let text = format!("apiVersion: apps/v1\nkind: Deployment\n{text}");
            read_document(text.as_bytes(), FileId::NONE, &ReadOptions::v3()).unwrap().unwrap().root
        };
        let schema = Schema::kubernetes();
        let found = FieldDiff::new(&schema).objects(&read(before), &read(after));
        let shown = |node: &Option<Node>| match node {
            Some(node) => to_json(node, Dialect::V3).unwrap().trim().to_owned(),
            None => "-".to_owned(),
        };
        let found: Vec<String> =
            found.iter().map(|c| format!("{} {} {}", c.path, shown(&c.before), shown(&c.after))).collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn elements_are_found_by_their_keys_wherever_they_stand() {
        check(
            "spec: {template: {spec: {containers: [{name: a, image: a:1}, {name: b, image: b:1}]}}}\n",
            "spec: {template: {spec: {containers: [{name: b, image: b:2}, {name: a, image: a:1}, {name: c}]}}}\n",
            &[
                r#"spec.template.spec.containers[name=b].image "b:1" "b:2""#,
                r#"spec.template.spec.containers[name=c] - {"name":"c"}"#,
            ],
        );
    }

    #[test]
    fn another_order_is_told_where_it_matters() {
        let pod =
            |field: &str, order: &str| format!("spec: {{template: {{spec: {{{field}: [{order}]}}}}}}\n");
        let (ab, ba) = ("{name: a}, {name: b}", "{name: b}, {name: a}");
        check(&pod("containers", ab), &pod("containers", ba), &[]);
        check(
            &pod("initContainers", ab),
            &pod("initContainers", ba),
            &[r#"spec.template.spec.initContainers ["a","b"] ["b","a"]"#],
        );
        check(
            "valuesFrom: [{name: a}, {name: b}]\n",
            "valuesFrom: [{name: b}, {name: a}]\n",
            &[r#"valuesFrom ["a","b"] ["b","a"]"#],
        );
    }

    #[test]
    fn lists_without_keys_show_what_lies_between() {
        check("a: [x, y, z]\n", "a: [x, n, y, z]\n", &[r#"a[1] - "n""#]);
        check("a: [x, y, z]\n", "a: [x, z]\n", &[r#"a[1] "y" -"#]);
        check("a: [1, 2]\n", "a: [1, 3]\n", &["a[1] 2 3"]);
    }

    #[test]
    fn quotes_and_order_of_fields_are_no_difference_but_types_are() {
        check("a: 'x'\nb: 1\n", "b: 1\na: x\n", &[]);
        check("a: '1'\n", "a: 1\n", &[r#"a "1" 1"#]);
    }
}
