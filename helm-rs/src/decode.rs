//! Reads YAML into Rust types as sigs.k8s.io/yaml and Go's encoding/json do together: YAML 1.1, numbers and booleans
//! taken as text where text is wanted, field names without regard to case, unknown fields skipped, and Go's words when
//! a type does not fit.

use gitops_yaml::{Dialect, FileId, Kind, Limits, MergeRule, Node, Place, ReadOptions, Str, read_document};

use crate::go::float32_text;
use crate::{Error, ErrorKind, Site};

/// Reads the first document of a text, with aliases and merge keys expanded. An empty text is a null.
pub(crate) fn parse(text: &[u8]) -> Result<Node, DecodeError> {
    parse_from_line(text, 1)
}

/// How many values a text may hold. The shortest take eighty times the bytes of their text.
const MOST_VALUES: usize = 2_000_000;

/// As [`parse`] for a text that begins on this line of its file.
pub(crate) fn parse_from_line(text: &[u8], first_line: u32) -> Result<Node, DecodeError> {
    let limits = gitops_yaml::Limits { nodes: MOST_VALUES, ..Limits::default() };
    let options = ReadOptions::yaml11().starting_at_line(first_line).with_limits(limits);
    let converting = |error: gitops_yaml::Error| DecodeError {
        message: format!("error converting YAML to JSON: {error}"),
        place: error.place(),
    };
    let Some(mut document) = read_document(text, FileId::NONE, &options).map_err(converting)? else {
        return Ok(Node::null());
    };
    document.expand_merge_keys(MergeRule::LastWins, &Limits::default()).map_err(converting)?;
    check_json(&document.root)?;
    Ok(document.root)
}

/// Refuses a text whose mappings hold a key twice, as the strict reader does.
pub(crate) fn check_unique_keys(text: &[u8]) -> Result<(), DecodeError> {
    let document = read_document(text, FileId::NONE, &ReadOptions::yaml11());
    let Ok(Some(document)) = document else { return Ok(()) };
    let Some(first) = document.root.duplicate_keys().into_iter().next() else { return Ok(()) };
    let shown = crate::go::quoted(&scalar_text(first.again));
    let line = first.value.place.line;
    Err(DecodeError {
        message: format!(
            "error converting YAML to JSON: yaml: unmarshal errors:\n  line {line}: key {shown} already set in map"
        ),
        place: first.again.place,
    })
}

/// A mistake in a text, in Go's words.
#[derive(Clone, Debug)]
pub(crate) struct DecodeError {
    pub(crate) message: String,
    pub(crate) place: Place,
}

impl DecodeError {
    /// Makes it an error of a file.
    pub(crate) fn into_error(self, kind: ErrorKind, file: &str, source: &[u8]) -> Error {
        let error = Error::new(kind, self.message);
        if self.place.is_known() { error.at(site(file, self.place, source)) } else { error }
    }
}

/// Finds the source line of a place.
pub(crate) fn site(file: &str, place: Place, source: &[u8]) -> Site {
    let line = source.split(|b| *b == b'\n').nth(place.line.saturating_sub(1) as usize);
    Site {
        file: file.to_owned(),
        line: place.line,
        column: place.column,
        source_line: line.map(|line| String::from_utf8_lossy(line).into_owned()),
    }
}

/// Refuses what JSON can't hold: null keys, collections as keys, infinities.
pub(crate) fn check_json(node: &Node) -> Result<(), DecodeError> {
    if let Some(entries) = node.entries() {
        for entry in entries {
            key_text(&entry.key)?;
            check_json(&entry.value)?;
        }
    } else if let Some(items) = node.items() {
        items.iter().try_for_each(check_json)?;
    } else if let Kind::Float(value) = node.kind(Dialect::Yaml11)
        && !value.is_finite()
    {
        let shown = match value {
            value if value.is_nan() => "NaN",
            value if value > 0.0 => "+Inf",
            _ => "-Inf",
        };
        return Err(DecodeError {
            message: format!("error converting YAML to JSON: json: unsupported value: {shown}"),
            place: node.place,
        });
    }
    Ok(())
}

/// Returns a key as text, as sigs.k8s.io/yaml turns YAML's keys into JSON's.
pub(crate) fn key_text(key: &Node) -> Result<Str, DecodeError> {
    let refused = |what: &str| DecodeError {
        message: format!("error converting YAML to JSON: unsupported map key of type: {what}"),
        place: key.place,
    };
    match key.kind(Dialect::Yaml11) {
        Kind::Null => Err(refused("%!s(<nil>)")),
        Kind::Sequence | Kind::Mapping | Kind::Alias => Err(refused("map[interface {}]interface {}")),
        _ => Ok(scalar_text(key)),
    }
}

/// Returns a scalar as text: numbers and booleans as Go prints them.
fn scalar_text(node: &Node) -> Str {
    match node.kind(Dialect::Yaml11) {
        Kind::Bool(true) => Str::literal("true"),
        Kind::Bool(false) => Str::literal("false"),
        Kind::Int(value) => value.to_string().into(),
        Kind::Uint(value) => value.to_string().into(),
        Kind::Float(value) => float32_text(value).into(),
        _ => node.scalar().cloned().unwrap_or_default(),
    }
}

/// A place in Go's types, for its errors: `Metadata.maintainers.name`.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    structure: &'static str,
    path: String,
}

impl Field {
    /// A whole value that is no field.
    pub(crate) const ROOT: Self = Self { structure: "", path: String::new() };

    /// Names a field of a structure, reached through this field.
    pub(crate) fn of(&self, structure: &'static str, name: &str) -> Self {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Self { structure, path }
    }

    /// Says that a value is not of the wanted type.
    pub(crate) fn refuse(&self, node: &Node, wanted: &str) -> DecodeError {
        let found = match node.kind(Dialect::Yaml11) {
            Kind::Bool(_) => "bool",
            Kind::Int(_) | Kind::Uint(_) | Kind::Float(_) => "number",
            Kind::Sequence => "array",
            Kind::Mapping => "object",
            _ => "string",
        };
        let into = if self.path.is_empty() {
            "value".to_owned()
        } else {
            format!("struct field {}.{}", self.structure, self.path)
        };
        DecodeError {
            message: format!(
                "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go {into} of type {wanted}"
            ),
            place: node.place,
        }
    }
}

/// Returns whether a node is a null.
pub(crate) fn is_null(node: &Node) -> bool {
    node.is_scalar() && node.kind(Dialect::Yaml11) == Kind::Null
}

/// Reads text; a null is none.
pub(crate) fn text(node: &Node, field: &Field) -> Result<Option<Str>, DecodeError> {
    if is_null(node) {
        return Ok(None);
    }
    if node.is_scalar() { Ok(Some(scalar_text(node))) } else { Err(field.refuse(node, "string")) }
}

/// Reads a boolean; a null is none.
pub(crate) fn boolean(node: &Node, field: &Field) -> Result<Option<bool>, DecodeError> {
    match node.kind(Dialect::Yaml11) {
        Kind::Null => Ok(None),
        Kind::Bool(value) => Ok(Some(value)),
        _ => Err(field.refuse(node, "bool")),
    }
}

/// Reads a list; a null is none.
pub(crate) fn list<'a>(node: &'a Node, field: &Field, go: &str) -> Result<Option<&'a [Node]>, DecodeError> {
    match node.items() {
        Some(items) => Ok(Some(items)),
        None if is_null(node) => Ok(None),
        None => Err(field.refuse(node, go)),
    }
}

/// Reads an object's entries in the order of their keys, the last of equal ones winning; a null is none.
pub(crate) fn object<'a>(
    node: &'a Node,
    field: &Field,
    go: &str,
) -> Result<Option<Vec<(Str, &'a Node)>>, DecodeError> {
    let Some(entries) = node.entries() else {
        return if is_null(node) { Ok(None) } else { Err(field.refuse(node, go)) };
    };
    let mut found: Vec<(Str, &Node)> = Vec::with_capacity(entries.len());
    for entry in entries {
        found.push((key_text(&entry.key)?, &entry.value));
    }
    // A stable sort keeps equal keys in the order in which they were written, and the last one is kept.
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found.reverse();
    found.dedup_by(|later, first| later.0 == first.0);
    found.reverse();
    Ok(Some(found))
}

/// Reads a list of texts; nulls within are empty texts.
pub(crate) fn texts(node: &Node, field: &Field) -> Result<Option<Vec<Str>>, DecodeError> {
    let Some(items) = list(node, field, "[]string")? else { return Ok(None) };
    items.iter().map(|item| Ok(text(item, field)?.unwrap_or_default())).collect::<Result<_, _>>().map(Some)
}

/// Reads an object of texts; nulls within are empty texts.
pub(crate) fn text_map(
    node: &Node,
    field: &Field,
) -> Result<Option<std::collections::BTreeMap<Str, Str>>, DecodeError> {
    let Some(entries) = object(node, field, "map[string]string")? else { return Ok(None) };
    entries
        .into_iter()
        .map(|(key, value)| Ok((key, text(value, field)?.unwrap_or_default())))
        .collect::<Result<_, _>>()
        .map(Some)
}
