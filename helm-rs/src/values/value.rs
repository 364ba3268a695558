//! A value of a chart: what YAML and `--set` can say, shared between charts and never copied whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_yaml::{Dialect, Entry, Kind, Node, Str, go_float};

use crate::decode::key_text;
use crate::json::{Json, write_json};

/// A table of values, ordered by key.
pub type Table = BTreeMap<Str, Value>;

/// A value. Cloning shares lists and tables; changing one copies that level alone.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// `null`: takes a default away when values are coalesced.
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer from `--set`; numbers from YAML and JSON are [`Value::Float`], as in Helm.
    Int(i64),
    /// A number.
    Float(f64),
    /// Text.
    Text(Str),
    /// A list.
    List(Arc<Vec<Value>>),
    /// A table.
    Table(Arc<Table>),
}

impl Value {
    /// Makes a table.
    #[must_use]
    pub fn table(table: Table) -> Self {
        Self::Table(Arc::new(table))
    }

    /// Makes a list.
    #[must_use]
    pub fn list(items: Vec<Value>) -> Self {
        Self::List(Arc::new(items))
    }

    /// Returns the table, if it is one.
    #[must_use]
    pub fn as_table(&self) -> Option<&Table> {
        match self {
            Self::Table(table) => Some(table),
            _ => None,
        }
    }

    /// Returns the text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a table's value of this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_table()?.get(key)
    }

    /// Returns the value at a path of keys.
    #[must_use]
    pub fn at_path<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Option<&Value> {
        path.into_iter().try_fold(self, |value, key| value.get(key))
    }

    /// Turns YAML into a value; all numbers become floats.
    #[must_use]
    pub fn from_node(node: &Node) -> Self {
        if let Some(entries) = node.entries() {
            let entries = entries.iter();
            let table: Table =
                entries.map(|e| (key_text(&e.key).unwrap_or_default(), Self::from_node(&e.value))).collect();
            return Self::table(table);
        }
        if let Some(items) = node.items() {
            return Self::list(items.iter().map(Self::from_node).collect());
        }
        #[allow(clippy::cast_precision_loss, reason = "Go decodes every number into a float64")]
        match node.kind(Dialect::Yaml11) {
            Kind::Null => Self::Null,
            Kind::Bool(value) => Self::Bool(value),
            Kind::Int(value) => Self::Float(value as f64),
            Kind::Uint(value) => Self::Float(value as f64),
            Kind::Float(value) => Self::Float(value),
            _ => Self::Text(node.scalar().cloned().unwrap_or_default()),
        }
    }

    /// Turns the value into a tree to print.
    #[must_use]
    pub fn to_node(&self) -> Node {
        match self {
            Self::Null => Node::null(),
            Self::Bool(value) => Node::bool(*value),
            Self::Int(value) => Node::int(*value),
            Self::Float(value) => Node::plain(go_float(*value)),
            Self::Text(text) => Node::string(text.clone()),
            Self::List(items) => Node::sequence(items.iter().map(Self::to_node).collect()),
            Self::Table(table) => Node::mapping(
                table
                    .iter()
                    .map(|(key, value)| Entry { key: Node::string(key.clone()), value: value.to_node() })
                    .collect(),
            ),
        }
    }

    pub(crate) fn to_json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Int(value) => Json::Int(*value),
            Self::Float(value) => Json::Float(*value),
            Self::Text(text) => Json::Text(text.clone()),
            Self::List(items) => Json::List(items.iter().map(Self::to_json).collect()),
            Self::Table(table) => Json::Object(table.iter().map(|(k, v)| (k.clone(), v.to_json())).collect()),
        }
    }

    pub(crate) fn from_json(json: &Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Int(value) => Self::Int(*value),
            Json::Float(value) => Self::Float(*value),
            Json::Text(text) => Self::Text(text.clone()),
            Json::List(items) => Self::list(items.iter().map(Self::from_json).collect()),
            Json::Object(fields) => {
                Self::table(fields.iter().map(|(k, v)| (k.clone(), Self::from_json(v))).collect())
            }
        }
    }

    /// Returns the name of the value's type in Go, as its errors print it.
    pub(crate) fn go_type(&self) -> &'static str {
        match self {
            Self::Null => "nil",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int64",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::List(_) => "[]interface {}",
            Self::Table(_) => "map[string]interface {}",
        }
    }
}

impl std::fmt::Display for Value {
    /// Prints the value as compact JSON.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&write_json(&self.to_json()))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

/// Prints a value as Go's `%v` does.
pub(crate) fn printed(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => go_float(*value),
        Value::Text(text) => text.to_string(),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(printed).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Table(table) => {
            let fields: Vec<String> = table.iter().map(|(k, v)| format!("{k}:{}", printed(v))).collect();
            format!("map[{}]", fields.join(" "))
        }
    }
}

/// Prints a value as Go's `%t` does, which fits booleans alone and complains within the text about all else.
pub(crate) fn printed_as_boolean(value: &Value) -> String {
    match value {
        Value::Null => "%!t(<nil>)".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(printed_as_boolean).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Table(table) => {
            let fields: Vec<String> =
                table.iter().map(|(k, v)| format!("%!t(string={k}):{}", printed_as_boolean(v))).collect();
            format!("map[{}]", fields.join(" "))
        }
        scalar => format!("%!t({}={})", scalar.go_type(), printed(scalar)),
    }
}
