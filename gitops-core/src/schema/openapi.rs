//! Reads OpenAPI v2 documents, whole or a single schema.

use std::fmt;

use gitops_yaml::{Node, Place, Str};

use super::definition::{Definition, Reference, ValueKind};
use super::{Schema, Scope};

/// Why a document is no OpenAPI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenApiError {
    message: &'static str,
    /// Where it stands.
    pub place: Place,
}

impl fmt::Display for OpenApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid schema file: {}", self.message)
    }
}

impl std::error::Error for OpenApiError {}

/// Which of two types of one name stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Winner {
    /// The one that the document brings.
    Document,
    /// The one that is known already.
    Known,
}

/// Schemas nested deeper than this say nothing more.
const DEPTH: usize = 64;

impl Schema {
    /// Reads an OpenAPI v2 document: its `definitions`, and from its `paths` which kinds live in a namespace.
    ///
    /// # Errors
    /// When the document, its definitions or one of them is no mapping.
    pub fn from_openapi(document: &Node) -> Result<Self, OpenApiError> {
        let mut schema = Self::default();
        schema.extend_from_openapi(document, Winner::Document)?;
        Ok(schema)
    }

    /// Adds the types of an OpenAPI v2 document to those already known.
    ///
    /// # Errors
    /// When the document, its definitions or one of them is no mapping.
    pub fn extend_from_openapi(&mut self, document: &Node, winner: Winner) -> Result<(), OpenApiError> {
        let wrong = |message, node: &Node| OpenApiError { message, place: node.place };
        let top = document.entries().ok_or_else(|| wrong("the document is no mapping", document))?;
        for entry in top {
            match entry.key.as_str() {
                Some("definitions") => {
                    let definitions = entry
                        .value
                        .entries()
                        .ok_or_else(|| wrong("definitions is no mapping", &entry.value))?;
                    for definition in definitions {
                        if !definition.value.is_mapping() {
                            return Err(wrong("a definition is no mapping", &definition.value));
                        }
                        self.add_definition(definition.key.scalar(), &definition.value, winner);
                    }
                }
                Some("paths") => self.add_paths(&entry.value),
                _ => {}
            }
        }
        Ok(())
    }

    fn add_definition(&mut self, name: Option<&Str>, node: &Node, winner: Winner) {
        let name = name.cloned().unwrap_or_default();
        if winner == Winner::Known && self.index_of(&name).is_some() {
            return;
        }
        let index = self.add_type(name, Definition::read(node));
        let kinds = node.get("x-kubernetes-group-version-kind").and_then(Node::items).unwrap_or_default();
        for kind in kinds {
            let Some(kind) = group_version_kind(kind) else { continue };
            if winner == Winner::Document || !self.kinds.contains_key(&kind) {
                self.kinds.insert(kind, index);
            }
        }
    }

    /// A kind with a path that names a namespace lives in one; one with other paths alone does not.
    fn add_paths(&mut self, paths: &Node) {
        for path in paths.entries().unwrap_or_default() {
            let Some(kind) = path.value.at_path(&["get", "x-kubernetes-group-version-kind"]) else {
                continue;
            };
            let Some(kind) = group_version_kind(kind) else { continue };
            if path.key.as_str().is_some_and(|path| path.contains("namespaces/{namespace}")) {
                self.scopes.insert(kind, Scope::Namespaced);
            } else {
                self.scopes.entry(kind).or_insert(Scope::Cluster);
            }
        }
    }
}

impl Definition {
    /// Reads one schema as it stands in OpenAPI; what is unknown is ignored.
    #[must_use]
    pub fn read(node: &Node) -> Self {
        read(node, DEPTH)
    }

    /// Reads a schema from a JSON text such as comments hold; `None` where the text is no JSON object or an empty one.
    #[must_use]
    pub fn from_json(json: &str) -> Option<Self> {
        let value: serde_json::Value = serde_json::from_str(json).ok()?;
        value.as_object().filter(|fields| !fields.is_empty())?;
        Some(Self::read(&node_of(value)))
    }
}

/// Recursion is bounded: the parser refuses JSON nested deeper than 128.
fn node_of(value: serde_json::Value) -> Node {
    match value {
        serde_json::Value::Null => Node::null(),
        serde_json::Value::Bool(value) => Node::bool(value),
        serde_json::Value::Number(number) => Node::plain(number.to_string()),
        serde_json::Value::String(text) => Node::string(text),
        serde_json::Value::Array(items) => Node::sequence(items.into_iter().map(node_of).collect()),
        serde_json::Value::Object(fields) => {
            let entry = |(key, value)| gitops_yaml::Entry { key: Node::string(key), value: node_of(value) };
            Node::mapping(fields.into_iter().map(entry).collect())
        }
    }
}

fn read(node: &Node, depth: usize) -> Definition {
    let mut found = Definition::default();
    let Some(depth) = depth.checked_sub(1) else { return found };
    let mut required: &[Node] = &[];
    for entry in node.entries().unwrap_or_default() {
        let value = &entry.value;
        let text = || value.scalar().cloned().unwrap_or_default();
        match entry.key.as_str().unwrap_or_default() {
            "type" => {
                // A list of one type is that type; several are none in particular.
                let kind = match value.items() {
                    Some([one]) => one.as_str(),
                    Some(_) => None,
                    None => value.as_str(),
                };
                found.kind = kind.map_or(ValueKind::Unknown, ValueKind::parse);
            }
            "$ref" => {
                if let Some(name) = text().strip_prefix("#/definitions/") {
                    found.reference = Reference::Name(Str::from(name.replace("~1", "/").replace("~0", "~")));
                }
            }
            "properties" => {
                let properties = value.entries().unwrap_or_default();
                let named = |entry: &gitops_yaml::Entry| {
                    Some((entry.key.scalar()?.clone(), read(&entry.value, depth)))
                };
                found.fields = properties.iter().filter_map(named).collect();
                found.fields.sort_by(|a, b| a.0.cmp(&b.0));
            }
            "required" => required = value.items().unwrap_or_default(),
            "additionalProperties" if value.as_str() == Some("true") => found.is_open = true,
            "x-kubernetes-preserve-unknown-fields" => found.is_open = value.as_str() == Some("true"),
            "x-kubernetes-embedded-resource" => found.is_embedded = value.as_str() == Some("true"),
            "x-kubernetes-map-type" => found.is_atomic = value.as_str() == Some("atomic"),
            "x-kubernetes-list-type" => found.is_list_merged = matches!(value.as_str(), Some("map" | "set")),
            "x-kubernetes-int-or-string" if value.as_str() == Some("true") => {
                found.kind = ValueKind::IntegerOrString;
            }
            "additionalProperties" if value.is_mapping() => found.values = Some(Box::new(read(value, depth))),
            "items" if value.is_mapping() => found.element = Some(Box::new(read(value, depth))),
            "x-kubernetes-patch-strategy" => found.strategy = text(),
            "x-kubernetes-patch-merge-key" if found.keys.is_empty() => found.keys = vec![text()],
            "x-kubernetes-list-map-keys" => {
                let keys = value.items().unwrap_or_default();
                found.keys = keys.iter().filter_map(Node::scalar).cloned().collect();
            }
            _ => {}
        }
    }
    for (name, field) in &mut found.fields {
        field.is_required = required.iter().any(|required| required.as_str() == Some(name));
    }
    found
}

fn group_version_kind(node: &Node) -> Option<(Str, Str)> {
    let version = node.get("version")?.as_str()?;
    let kind = node.get("kind")?.scalar()?.clone();
    let api_version = match node.get("group").and_then(Node::as_str) {
        Some(group) if !group.is_empty() => Str::from(format!("{group}/{version}")),
        _ => Str::from(version),
    };
    Some((api_version, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: Vec<(&str, Node)>) -> Node {
        let mut node = Node::mapping(vec![]);
        for (key, value) in pairs {
            node.set(key, value);
        }
        node
    }

    #[test]
    fn reads_kinds_lists_and_scopes() {
        let list = map(vec![
            ("type", "array".into()),
            ("items", map(vec![("$ref", "#/definitions/Part".into())])),
            ("x-kubernetes-patch-strategy", "merge".into()),
            ("x-kubernetes-patch-merge-key", "id".into()),
        ]);
        let kind =
            map(vec![("group", "example.com".into()), ("version", "v1".into()), ("kind", "Thing".into())]);
        let document = map(vec![
            (
                "definitions",
                map(vec![
                    (
                        "Thing",
                        map(vec![
                            ("properties", map(vec![("parts", list)])),
                            ("x-kubernetes-group-version-kind", Node::sequence(vec![kind.clone()])),
                        ]),
                    ),
                    (
                        "Part",
                        map(vec![("properties", map(vec![("id", map(vec![("type", "string".into())]))]))]),
                    ),
                ]),
            ),
            (
                "paths",
                map(vec![(
                    "/apis/example.com/v1/things",
                    map(vec![("get", map(vec![("x-kubernetes-group-version-kind", kind)]))]),
                )]),
            ),
        ]);
        let schema = Schema::from_openapi(&document).unwrap();
        let parts = schema.kind("example.com/v1", "Thing").unwrap().field("parts").unwrap();
        assert!(parts.merges());
        assert_eq!(parts.merge_keys(), ["id"]);
        assert_eq!(parts.element().unwrap().field("id").unwrap().kind(), ValueKind::String);
        assert_eq!(schema.scope("example.com/v1", "Thing"), Some(Scope::Cluster));
        assert!(schema.kind("v1", "Pod").is_none());
    }

    #[test]
    fn a_reference_in_a_circle_is_no_schema() {
        let document = map(vec![(
            "definitions",
            map(vec![
                ("A", map(vec![("$ref", "#/definitions/B".into())])),
                ("B", map(vec![("$ref", "#/definitions/A".into())])),
            ]),
        )]);
        assert!(Schema::from_openapi(&document).unwrap().named("A").is_none());
    }
}
