//! One type of a schema.

use gitops_yaml::Str;

/// What a value is, as OpenAPI's `type` says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueKind {
    /// Nothing is said, or several types are allowed.
    #[default]
    Unknown,
    /// `string`
    String,
    /// `integer`
    Integer,
    /// `number`
    Number,
    /// `boolean`
    Boolean,
    /// `array`
    Array,
    /// `object`
    Object,
    /// An integer or a string, such as a port's number or name, or a quantity.
    IntegerOrString,
}

impl ValueKind {
    pub(super) fn parse(text: &str) -> Self {
        match text {
            "string" => Self::String,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            "array" => Self::Array,
            "object" => Self::Object,
            _ => Self::Unknown,
        }
    }
}

/// As errors say it.
impl std::fmt::Display for ValueKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unknown => "anything",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Array => "array",
            Self::Object => "object",
            Self::IntegerOrString => "integer or string",
        })
    }
}

/// A type: of an object, a field or an element. Made by reading OpenAPI; looked at through a
/// [`SchemaNode`](super::SchemaNode).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definition {
    pub(super) kind: ValueKind,
    pub(super) reference: Reference,
    /// Sorted by name.
    pub(super) fields: Vec<(Str, Definition)>,
    /// Of a map, what its values are.
    pub(super) values: Option<Box<Definition>>,
    pub(super) element: Option<Box<Definition>>,
    pub(super) strategy: Str,
    pub(super) keys: Vec<Str>,
    /// What stands for the field where it is missing; empty where nothing does.
    pub(super) default: Str,
    /// Of a field: objects without it are refused.
    pub(super) is_required: bool,
    /// Of a list or a map: it is replaced as a whole.
    pub(super) is_atomic: bool,
    /// Of an object: fields that are not named are refused or dropped.
    pub(super) is_closed: bool,
    /// Of an object: fields that are not named are kept.
    pub(super) is_open: bool,
    /// Of an object: it is a whole object of any kind.
    pub(super) is_embedded: bool,
    /// Of a list: server-side apply merges it.
    pub(super) is_list_merged: bool,
}

/// Which other type a definition stands for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Reference {
    #[default]
    None,
    /// One of the same schema.
    Type(usize),
    /// By name, looked up when it is followed.
    Name(Str),
}

impl Definition {
    /// Returns whether nothing at all is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn field(&self, name: &str) -> Option<&Definition> {
        match self.fields.binary_search_by(|(field, _)| field.as_str().cmp(name)) {
            Ok(index) => self.fields.get(index).map(|(_, definition)| definition),
            Err(_) => self.values.as_deref(),
        }
    }
}
