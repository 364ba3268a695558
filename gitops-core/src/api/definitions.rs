//! The CustomResourceDefinitions of Flux's kinds: every version that was ever served, with structural schemas and columns.
//!
//! They come from one table of facts, `kinds.txt`, which says of every version what fields it has. Definitions that Flux has
//! installed hold the same fields and serve as well.

use gitops_yaml::{Entry, FileId, Node, Str, from_json};
use std::collections::BTreeMap;

static TABLE: &str = include_str!("kinds.txt");

/// Which versions a definition serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServedVersions {
    /// The newest of each kind, as Flux serves them.
    #[default]
    Newest,
    /// All that Flux has ever served, so that old manifests are taken in; the older ones as deprecated.
    All,
}

/// Makes the definitions of all of Flux's kinds, ready to be applied; objects are stored in the newest version.
///
/// ```
/// use gitops_core::api::{ServedVersions, definitions};
/// let all = definitions(ServedVersions::All);
/// let names: Vec<_> = all.iter().filter_map(|one| one.at_path(&["metadata", "name"])?.as_str()).collect();
/// assert!(names.contains(&"kustomizations.kustomize.toolkit.fluxcd.io"));
/// ```
#[must_use]
pub fn definitions(versions: ServedVersions) -> Vec<Node> {
    made(versions, Schemas::Structural)
}

/// Makes the definitions of all versions of all kinds with schemas that keep every `spec`, for a cluster of our own.
///
/// Specs are checked when an object is [read](super::read), where the answer can name the line and what is meant; and
/// what only an old version has is still there when the object is read in the newest. A status is held to the schema of
/// the newest version, in which it is written.
#[must_use]
pub fn open_definitions() -> Vec<Node> {
    made(ServedVersions::All, Schemas::Open)
}

/// How closely a definition holds objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Schemas {
    /// Field by field.
    Structural,
    /// The status field by field, the spec to nothing.
    Open,
}

fn made(versions: ServedVersions, schemas: Schemas) -> Vec<Node> {
    let mut table = Table { types: BTreeMap::new(), schemas };
    let mut kinds: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in TABLE.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or_default();
        match word {
            "type" => drop(rest.split_once(' ').map(|(name, fields)| table.types.insert(name, fields))),
            "kind" => kinds.push((rest, Vec::new())),
            "version" => {
                if let Some((_, versions)) = kinds.last_mut() {
                    versions.push(rest);
                }
            }
            _ => {}
        }
    }
    kinds.into_iter().map(|(kind, lines)| table.definition(kind, &lines, versions)).collect()
}

/// The types of the table by name.
#[derive(Debug)]
struct Table {
    types: BTreeMap<&'static str, &'static str>,
    schemas: Schemas,
}

impl Table {
    /// Makes the definition of `Kustomization kustomizations kustomize.toolkit.fluxcd.io short=ks categories=all,fluxcd`.
    fn definition(&self, kind: &'static str, lines: &[&'static str], versions: ServedVersions) -> Node {
        let mut words = kind.split(' ');
        let mut next = || words.next().unwrap_or_default();
        let (kind, plural, group, short, categories) = (next(), next(), next(), next(), next());
        let list = |text: &'static str| {
            let (_, items) = text.split_once('=').unwrap_or_default();
            items.split(',').filter(|item| !item.is_empty()).map(Node::string).collect::<Vec<_>>()
        };
        let mut names = vec![
            pair("kind", text(kind)),
            pair("listKind", Node::string(format!("{kind}List"))),
            pair("plural", text(plural)),
            pair("singular", Node::string(kind.to_lowercase())),
        ];
        for (field, items) in [("shortNames", list(short)), ("categories", list(categories))] {
            if !items.is_empty() {
                names.push(pair(field, Node::sequence(items)));
            }
        }
        let (newest, older) =
            lines.split_last().map_or((None, &[][..]), |(newest, older)| (Some(*newest), older));
        let newest_name = newest.and_then(|line| line.split(' ').next()).unwrap_or_default();
        let older = older.iter().filter(|_| versions == ServedVersions::All);
        let shape = |line: &'static str| line.split(' ').nth(1).unwrap_or_default();
        let latest = newest.map(shape).unwrap_or_default();
        // Flux writes no status of Alerts and Providers any more; what can't be sent is told there.
        let stated = lines.iter().rev().find(|line| line.contains(" status=true ")).copied().map(shape);
        let shapes = (latest, stated.unwrap_or_default());
        let served = older.copied().chain(newest).map(|line| self.version(kind, line, newest_name, shapes));
        Node::mapping(vec![
            pair("apiVersion", text("apiextensions.k8s.io/v1")),
            pair("kind", text("CustomResourceDefinition")),
            pair("metadata", Node::mapping(vec![pair("name", Node::string(format!("{plural}.{group}")))])),
            pair(
                "spec",
                Node::mapping(vec![
                    pair("conversion", Node::mapping(vec![pair("strategy", text("None"))])),
                    pair("group", text(group)),
                    pair("names", Node::mapping(names)),
                    pair("scope", text("Namespaced")),
                    pair("versions", Node::sequence(served.collect())),
                ]),
            ),
        ])
    }

    /// Makes one version of `v1 @Kustomization.v1 status=true columns=… deprecated=…`.
    ///
    /// `newest` is the name of the newest version; of the two shapes the first is its, the second that of the newest version
    /// with a status.
    fn version(
        &self,
        kind: &str,
        line: &'static str,
        newest: &str,
        (latest, stated): (&'static str, &'static str),
    ) -> Node {
        let mut words = line.split(' ');
        let mut next = || words.next().unwrap_or_default();
        let (name, shape, status, columns, deprecated) = (next(), next(), next(), next(), next());
        let value = |text: &'static str| text.split_once('=').map_or("", |(_, value)| value);
        let columns: Vec<Node> =
            value(columns).split(';').filter(|one| !one.is_empty()).map(column).collect();
        let mut version = vec![
            pair("name", text(name)),
            pair("served", Node::bool(true)),
            pair("storage", Node::bool(name == newest)),
        ];
        if name != newest {
            let warning = match decoded(value(deprecated)) {
                said if said.is_empty() => format!("{name} {kind} is deprecated, upgrade to {newest}"),
                said => said,
            };
            version.push(pair("deprecated", Node::bool(true)));
            version.push(pair("deprecationWarning", Node::string(warning)));
        }
        if !columns.is_empty() {
            version.push(pair("additionalPrinterColumns", Node::sequence(columns)));
        }
        let root = match self.schemas {
            Schemas::Structural => self.schema(shape),
            Schemas::Open => open_spec(self.schema(latest), &self.schema(stated)),
        };
        let has_status = value(status) == "true" || self.schemas == Schemas::Open && !stated.is_empty();
        version.push(pair("schema", Node::mapping(vec![pair("openAPIV3Schema", root)])));
        let subresources = if has_status { vec![pair("status", Node::mapping(vec![]))] } else { vec![] };
        version.push(pair("subresources", Node::mapping(subresources)));
        Node::mapping(version)
    }

    /// Makes the schema of one shape: attributes, then a letter or a reference. The table is acyclic, as schemas of
    /// definitions must be.
    fn schema(&self, shape: &'static str) -> Node {
        let mut schema = Vec::new();
        let mut shape = shape;
        while let Some(rest) = shape.strip_prefix('~') {
            let (attribute, rest) = rest.split_once(';').unwrap_or((rest, ""));
            let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            schema.extend(attributed(name, value));
            shape = rest;
        }
        let (letter, rest) = shape.split_at_checked(1).unwrap_or_default();
        let kind = match letter {
            "s" | "d" => "string",
            "i" => "integer",
            "b" => "boolean",
            "n" => "number",
            "[" => "array",
            "*" => "",
            _ => "object",
        };
        if !kind.is_empty() {
            schema.push(pair("type", text(kind)));
        }
        match letter {
            "d" => schema.push(pair("pattern", text(r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"))),
            "*" => schema.push(pair("x-kubernetes-preserve-unknown-fields", Node::bool(true))),
            "[" => schema.push(pair("items", self.schema(rest))),
            "{" => schema.push(pair("additionalProperties", self.schema(rest))),
            "@" => self.add_fields(rest, &mut schema),
            _ => {}
        }
        Node::mapping(schema)
    }

    fn add_fields(&self, name: &str, schema: &mut Vec<Entry>) {
        let (mut properties, mut required) = (Vec::new(), Vec::new());
        for field in self.types.get(name).copied().unwrap_or_default().split(' ') {
            let Some((name, shape)) = field.split_once(':') else { continue };
            let name = match name.strip_suffix('!') {
                Some(name) => {
                    required.push(text(name));
                    name
                }
                None => name,
            };
            properties.push(pair(name, self.schema(shape)));
        }
        schema.push(pair("properties", Node::mapping(properties)));
        if !required.is_empty() {
            schema.push(pair("required", Node::sequence(required)));
        }
    }
}

/// Opens the `spec` of a schema to everything, and gives it the `status` of another where it has none.
fn open_spec(mut schema: Node, stated: &Node) -> Node {
    let mut open = Node::mapping(vec![pair("type", text("object"))]);
    open.set("x-kubernetes-preserve-unknown-fields", Node::bool(true));
    if let Some(properties) = schema.get_mut("properties") {
        properties.set("spec", open);
        if properties.get("status").is_none()
            && let Some(status) = stated.at_path(&["properties", "status"])
        {
            properties.set("status", status.clone());
        }
    }
    schema
}

/// One attribute of a shape.
fn attributed(name: &str, value: &str) -> Option<Entry> {
    let value = decoded(value);
    let json = |value: &str| from_json(value, FileId::NONE).unwrap_or_else(|_| Node::null());
    Some(match name {
        "open" => pair("x-kubernetes-preserve-unknown-fields", Node::bool(true)),
        "format" => pair("format", Node::string(value)),
        "pattern" => pair("pattern", Node::string(value)),
        "maxLength" => pair("maxLength", json(&value)),
        "minLength" => pair("minLength", json(&value)),
        "minimum" => pair("minimum", json(&value)),
        "maxItems" => pair("maxItems", json(&value)),
        "minItems" => pair("minItems", json(&value)),
        "enum" => pair("enum", json(&value)),
        "default" => pair("default", json(&value)),
        "rules" => pair("x-kubernetes-validations", json(&value)),
        "list" => pair("x-kubernetes-list-type", Node::string(value)),
        "map" => pair("x-kubernetes-map-type", Node::string(value)),
        "keys" => pair("x-kubernetes-list-map-keys", json(&value)),
        _ => return None,
    })
}

/// One column of `kubectl get`: `Ready:string::.status.…`, between the last colons its priority.
fn column(column: &str) -> Node {
    let column = decoded(column);
    let mut parts = column.splitn(4, ':');
    let mut next = || parts.next().unwrap_or_default();
    let (name, kind, priority, path) = (next(), next(), next(), next());
    let mut column = vec![
        pair("jsonPath", Node::string(path)),
        pair("name", Node::string(name)),
        pair("type", Node::string(kind)),
    ];
    if let Ok(priority) = priority.parse() {
        column.push(pair("priority", Node::int(priority)));
    }
    Node::mapping(column)
}

/// Takes the escapes of the table back: `%20`.
fn decoded(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let Some((code, after)) = after.split_at_checked(2) else { break };
        out.extend(u8::from_str_radix(code, 16).ok().map(char::from));
        rest = after;
    }
    out.push_str(rest);
    out
}

fn text(text: &'static str) -> Node {
    Node::string(Str::literal(text))
}

fn pair(key: &'static str, value: Node) -> Entry {
    Entry { key: text(key), value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::ObjectId;

    #[test]
    fn every_kind_is_defined_with_one_stored_version() {
        for definition in open_definitions() {
            let versions = definition.at_path(&["spec", "versions"]).and_then(Node::items).unwrap();
            let stored = versions.iter().filter(|v| v.get("storage").and_then(Node::as_str) == Some("true"));
            assert_eq!(stored.count(), 1);
        }
    }

    #[test]
    fn every_type_of_the_table_is_known_and_well_formed() {
        let mut names = std::collections::BTreeSet::new();
        let mut used = Vec::new();
        for line in TABLE.lines().filter(|line| line.starts_with("type ")) {
            let mut words = line.split(' ').skip(1);
            assert!(names.insert(words.next().unwrap()), "{line}");
            for field in words {
                let (_, shape) = field.split_once(':').unwrap_or_else(|| panic!("{line}: {field}"));
                used.extend(
                    shape.rsplit(';').next().and_then(|last| last.split_once('@')).map(|(_, name)| name),
                );
            }
        }
        for name in used {
            assert!(names.contains(name), "{name}");
        }
    }

    #[test]
    fn each_definition_stores_its_newest_version_alone() {
        for definition in definitions(ServedVersions::All) {
            let versions = definition.at_path(&["spec", "versions"]).and_then(Node::items).unwrap();
            let stored = |one: &&Node| one.get("storage").and_then(Node::as_str) == Some("true");
            assert_eq!(versions.iter().filter(stored).count(), 1, "{}", ObjectId::of(&definition));
            assert!(stored(&versions.last().unwrap()));
        }
        assert!(definitions(ServedVersions::Newest).iter().all(|definition| {
            definition.at_path(&["spec", "versions"]).and_then(Node::items).is_some_and(|all| all.len() == 1)
        }));
    }
}
