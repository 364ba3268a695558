//! Values of expressions; nodes stay where they are until a scalar of them is needed.

use gitops_yaml::{Dialect, Entry, Kind, Node};
use std::borrow::Cow;
use std::rc::Rc;

#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Cow<'a, str>),
    Bytes(Rc<[u8]>),
    List(Rc<[Value<'a>]>),
    Map(Rc<[(Value<'a>, Value<'a>)]>),
    /// A list that stands in an object.
    Items(&'a [Node]),
    /// A map that stands in an object.
    Fields(&'a [Entry]),
    /// Nanoseconds since 1970.
    Time(i128),
    /// Nanoseconds.
    Duration(i64),
    Type(&'static str),
    Optional(Option<Rc<Value<'a>>>),
}

impl<'a> Value<'a> {
    pub(super) fn from_node(node: &'a Node) -> Self {
        match node.kind(Dialect::V3) {
            Kind::Null | Kind::Alias => Self::Null,
            Kind::Bool(value) => Self::Bool(value),
            Kind::Int(value) => Self::Int(value),
            Kind::Uint(value) => Self::Uint(value),
            Kind::Float(value) => Self::Double(value),
            Kind::Sequence => Self::Items(node.items().unwrap_or_default()),
            Kind::Mapping => Self::Fields(node.entries().unwrap_or_default()),
            _ => Self::Text(Cow::Borrowed(node.as_str().unwrap_or_default())),
        }
    }

    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(Cow::Owned(text.into()))
    }

    pub(super) fn list(items: Vec<Value<'a>>) -> Self {
        Self::List(items.into())
    }

    pub(super) fn some(value: Value<'a>) -> Self {
        Self::Optional(Some(Rc::new(value)))
    }

    pub(super) const NONE: Self = Self::Optional(None);

    /// Returns a list's items.
    pub(super) fn items(&self) -> Option<Rc<[Value<'a>]>> {
        match self {
            Self::List(items) => Some(items.clone()),
            Self::Items(nodes) => Some(nodes.iter().map(Value::from_node).collect()),
            _ => None,
        }
    }

    /// Returns a map's entries.
    pub(super) fn entries(&self) -> Option<Rc<[(Value<'a>, Value<'a>)]>> {
        match self {
            Self::Map(entries) => Some(entries.clone()),
            Self::Fields(entries) => {
                Some(entries.iter().map(|entry| (key(&entry.key), Value::from_node(&entry.value))).collect())
            }
            _ => None,
        }
    }

    /// Returns how many elements a list or map has, or a string characters; 1 for all else.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::List(items) => items.len(),
            Self::Map(entries) => entries.len(),
            Self::Items(nodes) => nodes.len(),
            Self::Fields(entries) => entries.len(),
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            _ => 1,
        }
    }

    /// Returns the value of a map's key.
    pub(super) fn field(&self, name: &str) -> Option<Value<'a>> {
        match self {
            Self::Fields(entries) => {
                let found = entries.iter().find(|entry| entry.key.as_str() == Some(name));
                found.map(|entry| Value::from_node(&entry.value))
            }
            Self::Map(entries) => {
                let found = entries.iter().find(|(key, _)| matches!(key, Self::Text(text) if text == name));
                found.map(|(_, value)| value.clone())
            }
            _ => None,
        }
    }

    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::Text(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::List(_) | Self::Items(_) => "list",
            Self::Map(_) | Self::Fields(_) => "map",
            Self::Time(_) => "google.protobuf.Timestamp",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::Type(_) => "type",
            Self::Optional(_) => "optional_type",
        }
    }

    /// Whether this is what its type is when nothing is set.
    pub(super) fn is_zero(&self) -> bool {
        match self {
            Self::Null | Self::Optional(None) => true,
            Self::Bool(value) => !value,
            Self::Int(value) | Self::Duration(value) => *value == 0,
            Self::Uint(value) => *value == 0,
            Self::Double(value) => *value == 0.0,
            Self::Time(_) | Self::Type(_) | Self::Optional(Some(_)) => false,
            _ => self.len() == 0,
        }
    }
}

/// Keys of objects are strings, whatever they look like.
fn key(node: &Node) -> Value<'_> {
    Value::Text(Cow::Borrowed(node.as_str().unwrap_or_default()))
}
