//! Reads YAML nodes into structs by the rules of Go's JSON decoder, which is what upstream reads its files with.
//!
//! Field names match in any letter case, null changes nothing, the last of several equal keys wins. A kustomization file
//! refuses unknown fields and numbers where text is wanted; plugin configurations take both.

use std::collections::BTreeMap;

use gitops_core::did_you_mean;
use gitops_yaml::{Dialect, Kind, Node, Place, Str};

use crate::error::{Error, ErrorKind};

/// What to do about fields that a struct does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnknownFields {
    Refuse,
    Ignore,
}

/// What to do about numbers and booleans where text is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalars {
    Strict,
    ToText,
}

/// How a node is read, and where in the struct the reading has come to.
pub(crate) struct Decoder {
    unknown: UnknownFields,
    scalars: Scalars,
    dialect: Dialect,
    /// The fields from the outermost struct down, for errors.
    path: Vec<&'static str>,
    /// The names of the structs that are being read, the innermost last.
    structs: Vec<&'static str>,
}

impl Decoder {
    /// Reads as upstream reads a kustomization file.
    pub(crate) fn kustomization() -> Self {
        Self::new(UnknownFields::Refuse, Scalars::Strict)
    }

    /// Reads as upstream reads the configuration of a plugin.
    pub(crate) fn plugin() -> Self {
        // The configuration is a resource, and was read as one.
        Self { dialect: Dialect::V3, ..Self::new(UnknownFields::Ignore, Scalars::ToText) }
    }

    /// Reads as upstream reads a file of field specs.
    pub(crate) fn strict_plugin() -> Self {
        Self::new(UnknownFields::Refuse, Scalars::ToText)
    }

    fn new(unknown: UnknownFields, scalars: Scalars) -> Self {
        Self { unknown, scalars, dialect: Dialect::Yaml11, path: Vec::new(), structs: Vec::new() }
    }

    /// Reads a whole document.
    pub(crate) fn decode<T: Decode>(mut self, node: &Node) -> Result<T, Error> {
        T::decode(node, &mut self)
    }

    fn mismatch(&self, node: &Node, wanted: &str) -> Error {
        let found = match node.kind(self.dialect) {
            Kind::Mapping => "object",
            Kind::Sequence => "array",
            Kind::Bool(_) => "bool",
            Kind::Int(_) | Kind::Uint(_) | Kind::Float(_) => "number",
            _ => "string",
        };
        let message = match self.structs.last() {
            Some(name) if self.path.is_empty() => {
                format!("json: cannot unmarshal {found} into Go value of type types.{name}")
            }
            // Go names the innermost struct, and all fields that led to it.
            Some(name) => {
                let path = self.path.join(".");
                format!("json: cannot unmarshal {found} into Go struct field {name}.{path} of type {wanted}")
            }
            None => format!("json: cannot unmarshal {found} into Go value of type {wanted}"),
        };
        Error::new(ErrorKind::Kustomization, message).at(node.place)
    }

    /// Returns a scalar's text, or nothing for null.
    fn text(&self, node: &Node) -> Result<Option<Str>, Error> {
        let text = node.scalar().cloned();
        match (node.kind(self.dialect), self.scalars) {
            (Kind::Null, _) => Ok(None),
            (Kind::Str | Kind::Timestamp | Kind::Merge | Kind::Binary, _) => Ok(text),
            (Kind::Bool(value), Scalars::ToText) => {
                Ok(Some(Str::literal(if value { "true" } else { "false" })))
            }
            (Kind::Int(value), Scalars::ToText) => Ok(Some(value.to_string().into())),
            (Kind::Uint(value), Scalars::ToText) => Ok(Some(value.to_string().into())),
            (Kind::Float(value), Scalars::ToText) => Ok(Some(value.to_string().into())),
            _ => Err(self.mismatch(node, "string")),
        }
    }
}

/// A type that a node can be read into.
pub(crate) trait Decode: Sized {
    fn decode(node: &Node, decoder: &mut Decoder) -> Result<Self, Error>;
}

/// A struct whose fields are set one by one.
pub(crate) trait DecodeFields: Default {
    /// The struct's name in Go, for errors.
    const GO_NAME: &'static str;
    /// The names of its fields in files.
    const FIELDS: &'static [&'static str];
    /// Notes where the struct stands.
    fn found_at(&mut self, _: Place) {}
    /// Sets a field by its name in files.
    fn set(&mut self, field: &str, value: &Node, decoder: &mut Decoder) -> Result<(), Error>;
}

/// Gives a struct its [`DecodeFields`] and [`Decode`]: `fields!(Image = "Image" { name: "name", … })`, and
/// `fields!(Image = "Image" at place { … })` for one that remembers where it stands.
macro_rules! fields {
    ($type:ty = $go:literal $(at $place:ident)? { $($field:ident : $name:literal),* $(,)? }) => {
        impl $crate::kustomization::decode::DecodeFields for $type {
            const GO_NAME: &'static str = $go;
            const FIELDS: &'static [&'static str] = &[$($name),*];
            $(fn found_at(&mut self, place: gitops_yaml::Place) {
                self.$place = place;
            })?
            fn set(
                &mut self,
                field: &str,
                value: &gitops_yaml::Node,
                decoder: &mut $crate::kustomization::decode::Decoder,
            ) -> Result<(), $crate::error::Error> {
                match field {
                    $($name => self.$field = $crate::kustomization::decode::Decode::decode(value, decoder)?,)*
                    _ => {}
                }
                Ok(())
            }
        }
        impl $crate::kustomization::decode::Decode for $type {
            fn decode(
                node: &gitops_yaml::Node,
                decoder: &mut $crate::kustomization::decode::Decoder,
            ) -> Result<Self, $crate::error::Error> {
                $crate::kustomization::decode::decode_fields(node, decoder)
            }
        }
    };
}
pub(crate) use fields;

pub(crate) fn decode_fields<T: DecodeFields>(node: &Node, decoder: &mut Decoder) -> Result<T, Error> {
    let mut value = T::default();
    let Some(entries) = node.entries() else {
        if node.kind(decoder.dialect) == Kind::Null {
            return Ok(value);
        }
        if decoder.structs.is_empty() {
            decoder.structs.push(T::GO_NAME);
        }
        return Err(decoder.mismatch(node, &format!("types.{}", T::GO_NAME)));
    };
    value.found_at(node.place);
    decoder.structs.push(T::GO_NAME);
    // Go's encoder sorts the keys before its decoder sees them; of `Name` and `name` the latter therefore wins.
    let mut sorted: Vec<_> = entries.iter().collect();
    sorted.sort_by_key(|entry| key_text(&entry.key, decoder.dialect));
    for entry in sorted {
        let key = key_text(&entry.key, decoder.dialect);
        let exact = T::FIELDS.iter().find(|field| **field == key.as_str());
        match exact.or_else(|| T::FIELDS.iter().find(|field| field.eq_ignore_ascii_case(&key))) {
            Some(field) => {
                decoder.path.push(field);
                value.set(field, &entry.value, decoder)?;
                decoder.path.pop();
            }
            None if decoder.unknown == UnknownFields::Refuse => {
                let mut message = format!("json: unknown field {key:?}");
                if let Some(near) = did_you_mean(&key, T::FIELDS.iter().copied()) {
                    message.push_str(&format!(" (did you mean {near:?}?)"));
                }
                return Err(Error::new(ErrorKind::Kustomization, message).at(entry.key.place));
            }
            None => {}
        }
    }
    decoder.structs.pop();
    Ok(value)
}

/// Returns a key as upstream's conversion to JSON writes it.
fn key_text(key: &Node, dialect: Dialect) -> Str {
    match key.kind(dialect) {
        Kind::Bool(value) => Str::literal(if value { "true" } else { "false" }),
        Kind::Int(value) => value.to_string().into(),
        Kind::Uint(value) => value.to_string().into(),
        _ => key.scalar().cloned().unwrap_or_default(),
    }
}

/// Text that remembers where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// The text.
    pub text: Str,
    /// Where it stands.
    pub place: Place,
}

impl std::ops::Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        &self.text
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self { text: text.into(), place: Place::NONE }
    }
}

impl Decode for Str {
    fn decode(node: &Node, decoder: &mut Decoder) -> Result<Self, Error> {
        Ok(decoder.text(node)?.unwrap_or_default())
    }
}

impl Decode for Text {
    fn decode(node: &Node, decoder: &mut Decoder) -> Result<Self, Error> {
        Ok(Self { text: Str::decode(node, decoder)?, place: node.place })
    }
}

impl Decode for bool {
    fn decode(node: &Node, decoder: &mut Decoder) -> Result<Self, Error> {
        match node.kind(decoder.dialect) {
            Kind::Bool(value) => Ok(value),
            Kind::Null => Ok(false),
            _ => Err(decoder.mismatch(node, "bool")),
        }
    }
}

impl Decode for i64 {
    fn decode(node: &Node, decoder: &mut Decoder) -> Result<Self, Error> {
        match node.kind(decoder.dialect) {
            Kind::Int(value) => Ok(value),
            Kind::Null => Ok(0),
            #[allow(clippy::cast_possible_truncation, reason = "the value is whole and small")]
            Kind::Float(value) if value.fract() == 0.0 && value.abs() < 9e15 => Ok(value as i64),
            Kind::Float(_) | Kind::Uint(_) => {
                let text = node.as_str().unwrap_or_default();
                let mut error = decoder.mismatch(node, "int64");
                error =
                    Error::new(error.kind(), error.message().replace("number", &format!("number {text}")));
                Err(error.at(node.place))
            }
            _ => Err(decoder.mismatch(node, "int64")),
        }
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(node: &Node, decoder: &mut Decoder) -> Result<Self, Error> {
        if node.kind(decoder.dialect) == Kind::Null { Ok(None) } else { T::decode(node, decoder).map(Some) }
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, decoder: &mut Decoder) -> Result<Self, Error> {
        match node.items() {
            Some(items) => items.iter().map(|item| T::decode(item, decoder)).collect(),
            None if node.kind(decoder.dialect) == Kind::Null => Ok(Vec::new()),
            None => Err(decoder.mismatch(node, "[]string")),
        }
    }
}

impl Decode for BTreeMap<Str, Str> {
    fn decode(node: &Node, decoder: &mut Decoder) -> Result<Self, Error> {
        let Some(entries) = node.entries() else {
            if node.kind(decoder.dialect) == Kind::Null {
                return Ok(Self::new());
            }
            return Err(decoder.mismatch(node, "map[string]string"));
        };
        let mut map = Self::new();
        for entry in entries {
            map.insert(key_text(&entry.key, decoder.dialect), Str::decode(&entry.value, decoder)?);
        }
        Ok(map)
    }
}

/// Anything, kept as it is.
impl Decode for Node {
    fn decode(node: &Node, _: &mut Decoder) -> Result<Self, Error> {
        Ok(node.clone())
    }
}
