//! Strategic merge as kustomize does it (kyaml's merge2 on its walker), quirks included.
//!
//! The walker visits the whole target, also where the patch says nothing: lists with merge keys lose items without the key
//! and duplicates, and fields that are written as nothing at all (`key:`) go.

use std::collections::HashMap;

use gitops_yaml::{Comments, Data, Dialect, Entry, Kind, Node, Style, Tag, resolve};

use super::directive::{self, Directive};
use super::{MergeError, associative};
use crate::schema::{Definition, Schema, SchemaNode};

/// Whether there is still a document after a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// The document was changed.
    Changed,
    /// The patch deleted the document as a whole; what is left of it means nothing.
    Deleted,
}

/// Merges a strategic merge patch into a target.
///
/// Lists merge by the keys that the schema of the target's (or the patch's) `apiVersion` and `kind` names, or that a
/// JSON schema in a comment beside the field names; all other lists are replaced. The items of the patch come first.
///
/// ```
/// use gitops_core::{merge::strategic_merge, schema::Schema};
/// use gitops_yaml::Node;
/// let mut target = Node::mapping(vec![]);
/// target.set("replicas", Node::int(1));
/// target.set("paused", Node::bool(true));
/// let mut patch = Node::mapping(vec![]);
/// patch.set("replicas", Node::int(3));
/// patch.set("paused", Node::null());
/// strategic_merge(&mut target, &patch, &Schema::builtin())?;
/// assert_eq!(target.get("replicas").and_then(Node::as_str), Some("3"));
/// assert!(target.get("paused").is_none());
/// # Ok::<(), gitops_core::merge::MergeError>(())
/// ```
///
/// # Errors
/// When the patch puts one kind of node over another, or holds an unknown `$patch` directive.
pub fn strategic_merge(target: &mut Node, patch: &Node, schema: &Schema) -> Result<Merged, MergeError> {
    let dest = std::mem::replace(target, Node::null());
    let walk = Walk { schema };
    match walk.node(Some(dest), Origin::Patch(patch), None, DEPTH)? {
        Some(node) => {
            *target = node;
            Ok(Merged::Changed)
        }
        None => Ok(Merged::Deleted),
    }
}

/// Documents nested deeper than this are refused, so that no walk overflows the stack.
const DEPTH: usize = 1_000;

/// The second of the two nodes that are walked together.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin<'a> {
    /// The patch says nothing here.
    Absent,
    /// A node of the patch.
    Patch(&'a Node),
    /// The target is a copy of what the patch brought, and is walked together with itself.
    Itself,
}

/// What is left of a node after the walk; `None` removes the field or the element.
pub(super) type Walked = Option<Node>;

#[derive(Clone, Copy)]
pub(super) struct Walk<'s> {
    pub(super) schema: &'s Schema,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Nothing,
    Scalar,
    Sequence,
    Mapping,
}

fn shape(node: &Node) -> Shape {
    match &node.data {
        _ if node.is_null() => Shape::Nothing,
        Data::Scalar(_) | Data::Alias(_) => Shape::Scalar,
        Data::Sequence(_) => Shape::Sequence,
        Data::Mapping(_) => Shape::Mapping,
    }
}

impl Walk<'_> {
    pub(super) fn node(
        self,
        dest: Option<Node>,
        origin: Origin<'_>,
        schema: Option<SchemaNode<'_>>,
        depth: usize,
    ) -> Result<Walked, MergeError> {
        let Some(depth) = depth.checked_sub(1) else {
            let place = dest.map(|dest| dest.place).unwrap_or_default();
            return Err(MergeError::new("the document is nested too deeply", place));
        };
        let patch = match origin {
            Origin::Patch(patch) => Some(patch),
            _ => None,
        };
        let comment = [dest.as_ref(), patch]
            .into_iter()
            .flatten()
            .find_map(|node| if node.is_null() { None } else { definition_of(node.comments()) });
        let schema = match &comment {
            Some(definition) => self.schema.node(definition),
            None => schema.or_else(|| self.schema_of(dest.as_ref())).or_else(|| self.schema_of(patch)),
        };
        let kinds = [dest.as_ref(), patch].map(|node| node.map_or(Shape::Nothing, shape));
        match kinds {
            [Shape::Mapping, Shape::Mapping | Shape::Nothing]
            | [Shape::Nothing, Shape::Mapping | Shape::Nothing] => self.mapping(dest, origin, schema, depth),
            [Shape::Scalar, Shape::Scalar | Shape::Nothing] | [Shape::Nothing, Shape::Scalar] => {
                Ok(scalar(dest, patch))
            }
            [Shape::Sequence, Shape::Sequence | Shape::Nothing] | [Shape::Nothing, Shape::Sequence] => {
                match schema.filter(|schema| schema.merges()) {
                    Some(schema) => self.associative(dest, origin, schema, depth),
                    None => Ok(scalar(dest, patch)),
                }
            }
            [expected, _] => {
                let expected = match expected {
                    Shape::Mapping => "MappingNode",
                    Shape::Sequence => "SequenceNode",
                    Shape::Scalar | Shape::Nothing => "ScalarNode",
                };
                Err(MergeError::wrong_kind(expected, patch.unwrap_or(&Node::null())))
            }
        }
    }

    fn schema_of(&self, node: Option<&Node>) -> Option<SchemaNode<'_>> {
        let field = |name| node?.get(name)?.as_str().filter(|text| !text.is_empty());
        self.schema.kind(field("apiVersion")?, field("kind")?)
    }

    fn mapping(
        self,
        dest: Option<Node>,
        origin: Origin<'_>,
        schema: Option<SchemaNode<'_>>,
        depth: usize,
    ) -> Result<Walked, MergeError> {
        let Some(mut dest) = dest.filter(|dest| !dest.is_null()) else {
            return match origin {
                // What is added is walked once more by itself, which cleans it of nulls and directives.
                Origin::Patch(patch) if patch.is_mapping() => {
                    let directive = Directive::of_mapping(patch).unwrap_or(Directive::None);
                    if directive == Directive::Delete {
                        return Ok(None);
                    }
                    let mut added = patch.clone();
                    elide(&mut added, directive);
                    self.fields(added, Origin::Itself, schema, depth)
                }
                Origin::Patch(_) | Origin::Itself | Origin::Absent => Ok(None),
            };
        };
        let directive = match origin {
            Origin::Absent => Directive::None,
            Origin::Patch(patch) if patch.is_null() => return Ok(None),
            Origin::Patch(patch) => Directive::of_mapping(patch)?,
            Origin::Itself => Directive::of_mapping(&dest)?,
        };
        match (directive, origin) {
            (Directive::Delete, _) => return Ok(None),
            (Directive::Replace, Origin::Patch(patch)) => {
                let mut replaced = patch.clone();
                elide(&mut replaced, directive);
                return self.fields(replaced, Origin::Itself, schema, depth);
            }
            (_, Origin::Patch(patch)) => take_comments(&mut dest, patch),
            (_, Origin::Itself) => elide(&mut dest, directive),
            (_, Origin::Absent) => {}
        }
        self.fields(dest, origin, schema, depth)
    }

    /// Walks the fields of both mappings; those that only the patch has are appended in the order of their names.
    fn fields(
        self,
        mut dest: Node,
        origin: Origin<'_>,
        schema: Option<SchemaNode<'_>>,
        depth: usize,
    ) -> Result<Walked, MergeError> {
        let patch = match origin {
            Origin::Patch(patch) => Fields::of(patch),
            _ => Fields::default(),
        };
        let mut used = vec![false; patch.entries.len()];
        let Some(entries) = dest.entries_mut() else { return Ok(Some(dest)) };
        let mut kept = Vec::with_capacity(entries.len() + patch.entries.len());
        for mut entry in std::mem::take(entries) {
            let name = entry.key.as_str().unwrap_or_default();
            let found = patch.find(name);
            if let Some(index) = found {
                used[index] = true;
            }
            let theirs = found.map(|index| &patch.entries[index]);
            let comment = field_definition(&entry).or_else(|| theirs.and_then(field_definition));
            let schema = match &comment {
                Some(definition) => self.schema.node(definition),
                None => schema.and_then(|schema| schema.field(name)),
            };
            let style = entry.value.style;
            let anchor = entry.value.anchor().cloned();
            let origin = match (origin, theirs) {
                (Origin::Itself, _) => Origin::Itself,
                (_, Some(theirs)) => Origin::Patch(&theirs.value),
                (_, None) => Origin::Absent,
            };
            let value = std::mem::replace(&mut entry.value, Node::null());
            // A null that says nothing (`key:`) goes, one that is written out stays where the patch is silent.
            if matches!(origin, Origin::Absent) && value.is_null() && !super::text(&value).is_empty() {
                entry.value = value;
                kept.push(entry);
                continue;
            }
            if let Some(mut value) = self.node(Some(value), origin, schema, depth)? {
                if theirs.is_some() {
                    restyle(&mut value, style);
                    // What was referred to before still is.
                    if let Some(anchor) = anchor {
                        value.set_anchor(anchor);
                    }
                } else {
                    quote_untyped(&mut value);
                }
                entry.value = value;
                kept.push(entry);
            }
        }
        let mut new: Vec<&Entry> = Vec::new();
        for (index, entry) in patch.entries.iter().enumerate() {
            if !used[index] && patch.find(entry.key.as_str().unwrap_or_default()) == Some(index) {
                new.push(entry);
            }
        }
        new.sort_by(|a, b| a.key.as_str().cmp(&b.key.as_str()));
        for entry in new {
            let comment = field_definition(entry);
            let schema = match &comment {
                Some(definition) => self.schema.node(definition),
                None => schema.and_then(|schema| schema.field(entry.key.as_str().unwrap_or_default())),
            };
            if let Some(value) = self.node(None, Origin::Patch(&entry.value), schema, depth)? {
                let mut key = entry.key.clone();
                key.clear_comments();
                kept.push(Entry { key, value });
            }
        }
        if let Some(entries) = dest.entries_mut() {
            *entries = kept;
        }
        Ok(Some(dest))
    }

    fn associative(
        self,
        dest: Option<Node>,
        origin: Origin<'_>,
        schema: SchemaNode<'_>,
        depth: usize,
    ) -> Result<Walked, MergeError> {
        let Some(mut dest) = dest.filter(|dest| !dest.is_null()) else {
            let Origin::Patch(patch) = origin else { return Ok(None) };
            return associative::merge(self, patch.clone(), associative::Elements::Itself, schema, depth);
        };
        let (origin_items, directive) = match origin {
            Origin::Absent => (None, Directive::None),
            Origin::Patch(patch) if patch.is_null() => return Ok(None),
            Origin::Patch(patch) => {
                let items = patch.items().unwrap_or_default();
                (Some(items), Directive::of_list(items)?)
            }
            Origin::Itself => (None, Directive::of_list(dest.items().unwrap_or_default())?),
        };
        match (directive, origin) {
            (Directive::Delete, _) => return Ok(None),
            (Directive::Replace, Origin::Patch(patch)) => {
                let mut replaced = patch.clone();
                associative::elide(&mut replaced, directive)?;
                return associative::merge(self, replaced, associative::Elements::Itself, schema, depth);
            }
            (_, Origin::Patch(patch)) => take_comments(&mut dest, patch),
            (_, Origin::Itself) => associative::elide(&mut dest, directive)?,
            (_, Origin::Absent) => {}
        }
        let elided;
        let elements = match (origin_items, origin) {
            (Some(_), Origin::Patch(patch)) if directive == Directive::Merge => {
                let mut copy = patch.clone();
                associative::elide(&mut copy, directive)?;
                elided = copy;
                associative::Elements::Patch(elided.items().unwrap_or_default())
            }
            (Some(items), _) => associative::Elements::Patch(items),
            (None, Origin::Itself) => associative::Elements::Itself,
            (None, _) => associative::Elements::Absent,
        };
        associative::merge(self, dest, elements, schema, depth)
    }
}

/// Overrides a scalar or a list that is not merged.
fn scalar(dest: Option<Node>, patch: Option<&Node>) -> Walked {
    match (dest, patch) {
        (_, Some(patch)) if patch.is_null() => None,
        (_, Some(patch)) => Some(patch.clone()),
        (Some(dest), None) => Some(dest),
        (None, None) => None,
    }
}

fn elide(mapping: &mut Node, directive: Directive) {
    if directive != Directive::None {
        mapping.remove(directive::KEY);
    }
}

/// Puts text that a program wrote, and that only looks like a number, into quotes: kyaml takes it for a string when it
/// sets a field to it once more.
fn quote_untyped(value: &mut Node) {
    if value.place.is_known() || value.tag != Tag::Implicit || value.style != Style::Default {
        return;
    }
    if let Some(text) = value.as_str()
        && !text.is_empty()
        && resolve(text, Dialect::Yaml11) != Kind::Str
    {
        value.style = Style::DoubleQuoted;
    }
}

/// Gives a value that replaced another the style that the other was written in, as kyaml does. A number that comes to
/// stand in quotes becomes a string by that; a string that loses them stays one.
fn restyle(value: &mut Node, style: Style) {
    if value.style == style {
        return;
    }
    if value.is_scalar() {
        let was_quoted = !matches!(value.style, Style::Default | Style::Flow);
        let is_quoted = !matches!(style, Style::Default | Style::Flow);
        if was_quoted && value.tag == Tag::Implicit {
            value.tag = Tag::Str;
        } else if is_quoted && !matches!(value.tag, Tag::Implicit | Tag::Str | Tag::Custom) {
            value.tag = Tag::Implicit;
        }
    }
    value.style = style;
}

fn take_comments(dest: &mut Node, patch: &Node) {
    let Some(theirs) = patch.comments() else { return };
    let ours = dest.comments_mut();
    for (ours, theirs) in
        [(&mut ours.head, &theirs.head), (&mut ours.line, &theirs.line), (&mut ours.foot, &theirs.foot)]
    {
        if !theirs.is_empty() {
            *ours = theirs.clone();
        }
    }
}

/// Reads the schema that a comment beside a field holds: at the value, or else at the key.
fn field_definition(entry: &Entry) -> Option<Definition> {
    definition_of(entry.value.comments()).or_else(|| definition_of(entry.key.comments()))
}

/// Reads a schema out of the first comment of a node, if it is a JSON object.
fn definition_of(comments: Option<&Comments>) -> Option<Definition> {
    let comments = comments?;
    let comment = if comments.line.is_empty() { &comments.head } else { &comments.line };
    let json = comment.trim_start_matches('#').trim();
    if !json.starts_with('{') {
        return None;
    }
    Definition::from_json(json)
}

/// A patch's fields, found by name in constant time where they are many.
#[derive(Default)]
struct Fields<'a> {
    entries: &'a [Entry],
    index: Option<HashMap<&'a str, usize>>,
    directive: Directive,
}

impl<'a> Fields<'a> {
    fn of(patch: &'a Node) -> Self {
        const FEW: usize = 16;
        let entries = patch.entries().unwrap_or_default();
        let index = (entries.len() > FEW).then(|| {
            let names = entries.iter().enumerate().rev();
            names.map(|(index, entry)| (entry.key.as_str().unwrap_or_default(), index)).collect()
        });
        Self { entries, index, directive: Directive::of_mapping(patch).unwrap_or(Directive::None) }
    }

    fn find(&self, name: &str) -> Option<usize> {
        // A directive that was understood is no field.
        if self.directive != Directive::None && name == directive::KEY {
            return None;
        }
        match &self.index {
            Some(index) => index.get(name).copied(),
            None => self.entries.iter().position(|entry| entry.key.as_str() == Some(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: serde_json::Value) -> Node {
        use serde_json::Value;
        match value {
            Value::Null => Node::null(),
            Value::Bool(value) => Node::bool(value),
            Value::Number(number) => Node::plain(number.to_string()),
            Value::String(text) => Node::string(text),
            Value::Array(items) => Node::sequence(items.into_iter().map(of).collect()),
            Value::Object(fields) => Node::mapping(
                fields
                    .into_iter()
                    .map(|(key, value)| Entry { key: Node::string(key), value: of(value) })
                    .collect(),
            ),
        }
    }

    fn show(node: &Node) -> String {
        match &node.data {
            Data::Scalar(text) => text.to_string(),
            Data::Alias(name) => format!("*{name}"),
            Data::Sequence(items) => {
                format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" "))
            }
            Data::Mapping(entries) => {
                let entry = |entry: &Entry| format!("{}:{}", show(&entry.key), show(&entry.value));
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(" "))
            }
        }
    }

    /// Merges into the spec of a pod.
    #[track_caller]
    fn check(target: serde_json::Value, patch: serde_json::Value, wanted: &str) {
        let pod = |spec| of(serde_json::json!({"apiVersion": "v1", "kind": "Pod", "spec": spec}));
        let mut node = pod(target);
        strategic_merge(&mut node, &pod(patch), &Schema::builtin()).unwrap();
        assert_eq!(node.get("spec").map(show).unwrap_or_default(), wanted);
    }

    use serde_json::json;

    #[test]
    fn elements_merge_by_key_and_those_of_the_patch_come_first() {
        check(
            json!({"containers": [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}]}),
            json!({"containers": [{"name": "c"}, {"name": "b", "image": "b:2"}]}),
            "{containers:[{name:c} {name:b image:b:2} {name:a image:a:1}]}",
        );
    }

    #[test]
    fn directives_delete_and_replace() {
        check(
            json!({"containers": [{"name": "a"}, {"name": "b"}], "nodeSelector": {"x": "1"}}),
            json!({"containers": [{"name": "a", "$patch": "delete"}], "nodeSelector": {"$patch": "replace", "y": "2"}}),
            "{containers:[{name:b}] nodeSelector:{y:2}}",
        );
        check(
            json!({"containers": [{"name": "a"}]}),
            json!({"containers": [{"$patch": "replace"}, {"name": "b"}]}),
            "{containers:[{name:b}]}",
        );
        check(
            json!({"containers": [{"name": "a"}], "x": 1}),
            json!({"containers": [{"$patch": "delete"}]}),
            "{x:1}",
        );
    }

    #[test]
    fn lists_without_keys_are_replaced_and_nulls_delete() {
        check(
            json!({"tolerations": [{"key": "a"}], "hostname": "x"}),
            json!({"tolerations": [{"key": "b", "value": null}], "hostname": null, "more": {"a": null, "b": 1}}),
            "{tolerations:[{key:b value:null}] more:{b:1}}",
        );
    }

    #[test]
    fn ports_merge_by_two_keys() {
        check(
            json!({"containers": [{"name": "a", "ports": [
                {"containerPort": 80, "protocol": "TCP", "name": "t"}, {"containerPort": 80, "protocol": "UDP"}]}]}),
            json!({"containers": [{"name": "a", "ports": [{"containerPort": 80, "protocol": "UDP", "name": "u"}]}]}),
            "{containers:[{name:a ports:[{containerPort:80 protocol:TCP name:t} {containerPort:80 protocol:UDP name:u}]}]}",
        );
    }

    #[test]
    fn a_number_over_a_quoted_text_becomes_a_text() {
        let mut target = Node::mapping(vec![]);
        target.set("port", Node::plain("1").styled(Style::DoubleQuoted));
        target.set("text", Node::plain("1"));
        let mut patch = Node::mapping(vec![]);
        patch.set("port", Node::int(2));
        patch.set("text", Node::plain("2").styled(Style::SingleQuoted));
        strategic_merge(&mut target, &patch, &Schema::builtin()).unwrap();
        let port = target.get("port").unwrap();
        assert_eq!((port.as_str(), port.tag, port.style), (Some("2"), Tag::Implicit, Style::DoubleQuoted));
        let text = target.get("text").unwrap();
        assert_eq!((text.as_str(), text.tag, text.style), (Some("2"), Tag::Str, Style::Default));
    }

    #[test]
    fn kinds_of_nodes_must_agree() {
        let mut target = of(json!({"spec": {"a": 1}}));
        let error = strategic_merge(&mut target, &of(json!({"spec": [1]})), &Schema::builtin()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "wrong node kind: expected MappingNode but got SequenceNode: node contents:\n- 1\n"
        );
        let mut target = of(json!({"spec": {"a": 1}}));
        let error =
            strategic_merge(&mut target, &of(json!({"spec": {"$patch": "drop"}})), &Schema::builtin())
                .unwrap_err();
        assert_eq!(error.to_string(), "unknown patch strategy 'drop'");
    }

    #[test]
    fn a_patch_may_delete_the_whole() {
        let mut target = of(json!({"a": 1}));
        let merged =
            strategic_merge(&mut target, &of(json!({"$patch": "delete"})), &Schema::builtin()).unwrap();
        assert_eq!(merged, Merged::Deleted);
    }

    #[test]
    fn a_comment_gives_the_schema() {
        let mut target = of(json!({"parts": [{"id": "a", "n": 1}]}));
        let entries = target.entries_mut().unwrap();
        entries[0].key.comments_mut().line =
            r#"# {"type":"array","x-kubernetes-patch-strategy":"merge","x-kubernetes-patch-merge-key":"id"}"#
                .into();
        let patch = of(json!({"parts": [{"id": "b"}]}));
        strategic_merge(&mut target, &patch, &Schema::builtin()).unwrap();
        assert_eq!(show(&target), "{parts:[{id:b} {id:a n:1}]}");
    }
}
