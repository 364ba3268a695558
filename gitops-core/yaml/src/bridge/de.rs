//! From nodes to serde's types, with the leniency of sigs.k8s.io/yaml.

use std::borrow::Cow;

use serde::de::{
    Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer,
    MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};

use super::DecodeError;
use crate::decode::{Decoder, Field, Tree};
use crate::go_float::go_float32;
use crate::timestamp::Timestamp;
use crate::{Data, Dialect, FieldStep, FileId, Kind, Node, ReadOptions, read_document};

/// Reads a value from the first document of a text, as sigs.k8s.io/yaml's `Unmarshal` does: YAML 1.1, numbers and
/// booleans taken where a string is asked for, null as the empty value. An empty text is null.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Service {
///     name: String,
///     #[serde(default)]
///     ports: Vec<u16>,
/// }
/// let service: Service = gitops_yaml::from_str("name: 80\nports: null\n").unwrap();
/// assert_eq!((service.name.as_str(), service.ports.len()), ("80", 0));
/// ```
///
/// # Errors
/// When the text is not YAML or the value is not of the type.
pub fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, DecodeError> {
    let document = read_document(text.as_bytes(), FileId::NONE, &ReadOptions::yaml11())?;
    match &document {
        Some(document) => from_node(document, Dialect::Yaml11),
        None => from_node(&Node::null(), Dialect::Yaml11),
    }
}

/// Reads a value from a node or a document.
///
/// # Errors
/// When the value is not of the type; the error knows the field's path and place.
pub fn from_node<'a, T: Deserialize<'a>>(
    value: impl Into<Tree<'a>>,
    dialect: Dialect,
) -> Result<T, DecodeError> {
    let tree = value.into();
    let decoder = Decoder::new(tree, dialect);
    T::deserialize(NodeDeserializer { node: tree.root(), decoder: &decoder })
        .map_err(|error| error.at(tree.root().place))
}

#[derive(Clone, Copy)]
struct NodeDeserializer<'a, 'd> {
    node: &'a Node,
    decoder: &'d Decoder<'a>,
}

impl<'a> NodeDeserializer<'a, '_> {
    /// Returns the node that is meant, aliases followed, and what it is.
    fn resolve(self) -> Result<(&'a Node, Kind), DecodeError> {
        let mut node = self.node;
        if matches!(node.data, Data::Alias(_)) {
            node = self.decoder.target(node)?;
        }
        let kind = self.decoder.kind(node)?;
        Ok((node, kind))
    }

    /// Returns a scalar as the string that sigs.k8s.io/yaml makes of it.
    fn string(self) -> Result<Cow<'a, str>, DecodeError> {
        let (node, kind) = self.resolve()?;
        let text = node.as_str().unwrap_or_default();
        let is_yaml11 = self.decoder.dialect() == Dialect::Yaml11;
        Ok(match kind {
            Kind::Null => Cow::Borrowed(""),
            Kind::Bool(value) if is_yaml11 => Cow::Borrowed(if value { "true" } else { "false" }),
            Kind::Int(value) if is_yaml11 => Cow::Owned(value.to_string()),
            Kind::Uint(value) if is_yaml11 => Cow::Owned(value.to_string()),
            Kind::Float(value) if is_yaml11 => Cow::Owned(go_float32(value)),
            Kind::Sequence | Kind::Mapping => return Err(self.unexpected(node, kind, "a string")),
            Kind::Binary => Cow::Owned(self.decoder.binary(node)?),
            Kind::Timestamp if !is_yaml11 => match Timestamp::parse(text) {
                Some(time) => Cow::Owned(time.to_string()),
                None => Cow::Borrowed(text),
            },
            _ => Cow::Borrowed(text),
        })
    }

    fn unexpected(self, node: &Node, kind: Kind, expected: &str) -> DecodeError {
        DecodeError::invalid_type(unexpected(node, kind), &expected).at(node.place)
    }

    fn any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let (node, kind) = self.resolve()?;
        let value = match kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(value) => visitor.visit_bool(value),
            Kind::Int(value) => visitor.visit_i64(value),
            Kind::Uint(value) => visitor.visit_u64(value),
            Kind::Float(value) => visitor.visit_f64(value),
            Kind::Sequence => self.sequence(node, visitor),
            Kind::Mapping => self.mapping(node, visitor),
            _ => match self.string()? {
                Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
                Cow::Owned(text) => visitor.visit_string(text),
            },
        };
        value.map_err(|error| error.at(node.place))
    }

    /// Numbers: null is zero, and a float without fraction is an integer, as in JSON.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "the range is checked")]
    fn integer<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let (node, kind) = self.resolve()?;
        match kind {
            Kind::Null => visitor.visit_i64(0),
            Kind::Float(value) if value.fract() == 0.0 && value.abs() < i64::MAX as f64 => {
                visitor.visit_i64(value as i64)
            }
            _ => return self.any(visitor),
        }
        .map_err(|error: DecodeError| error.at(node.place))
    }

    #[allow(clippy::cast_precision_loss, reason = "a float was asked for")]
    fn float<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let (node, kind) = self.resolve()?;
        match kind {
            Kind::Null => visitor.visit_f64(0.0),
            Kind::Int(value) => visitor.visit_f64(value as f64),
            Kind::Uint(value) => visitor.visit_f64(value as f64),
            _ => return self.any(visitor),
        }
        .map_err(|error: DecodeError| error.at(node.place))
    }

    fn sequence<V: Visitor<'a>>(self, node: &'a Node, visitor: V) -> Result<V::Value, DecodeError> {
        let items = node.items().unwrap_or_default();
        self.decoder.enter(node)?;
        let value = visitor.visit_seq(Items { items: items.iter(), index: 0, decoder: self.decoder });
        self.decoder.leave();
        value
    }

    fn mapping<V: Visitor<'a>>(self, node: &'a Node, visitor: V) -> Result<V::Value, DecodeError> {
        let fields = self.decoder.fields(node)?;
        self.decoder.enter(node)?;
        let value =
            visitor.visit_map(Fields { fields: fields.into_iter(), current: None, decoder: self.decoder });
        self.decoder.leave();
        value
    }
}

fn unexpected(node: &Node, kind: Kind) -> Unexpected<'_> {
    match kind {
        Kind::Null => Unexpected::Other("null"),
        Kind::Bool(value) => Unexpected::Bool(value),
        Kind::Int(value) => Unexpected::Signed(value),
        Kind::Uint(value) => Unexpected::Unsigned(value),
        Kind::Float(value) => Unexpected::Float(value),
        Kind::Sequence => Unexpected::Seq,
        Kind::Mapping => Unexpected::Map,
        _ => Unexpected::Str(node.as_str().unwrap_or_default()),
    }
}

macro_rules! forward {
    ($to:ident: $($method:ident)*) => {
        $(fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            self.$to(visitor)
        })*
    };
}

impl<'a> Deserializer<'a> for NodeDeserializer<'a, '_> {
    type Error = DecodeError;

    forward! { any: deserialize_any }
    forward! { integer: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
    deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 }
    forward! { float: deserialize_f32 deserialize_f64 }
    forward! { deserialize_str: deserialize_char deserialize_string deserialize_identifier }

    fn deserialize_bool<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.resolve()? {
            (_, Kind::Null) => visitor.visit_bool(false),
            _ => self.any(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let value = match self.string()? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        };
        value.map_err(|error: DecodeError| error.at(self.node.place))
    }

    fn deserialize_bytes<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.string()? {
            Cow::Borrowed(text) => visitor.visit_borrowed_bytes(text.as_bytes()),
            Cow::Owned(text) => visitor.visit_byte_buf(text.into_bytes()),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.resolve()? {
            (_, Kind::Null) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.any(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.resolve()? {
            (node, Kind::Null) => self.sequence(node, visitor),
            _ => self.any(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'a>>(self, _: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.resolve()? {
            (node, Kind::Null) => self.mapping(node, visitor).map_err(|error| error.at(node.place)),
            _ => self.any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let (node, kind) = self.resolve()?;
        let value = if kind == Kind::Mapping {
            let mut fields = self.decoder.fields(node)?;
            match (fields.pop(), fields.is_empty()) {
                (Some(field), true) => visitor.visit_enum(Variant { field, decoder: self.decoder }),
                _ => Err(self.unexpected(node, kind, "a mapping with a single key")),
            }
        } else {
            visitor.visit_enum(self.string()?.into_deserializer())
        };
        value.map_err(|error: DecodeError| error.at(node.place))
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }
}

struct Items<'a, 'd> {
    items: std::slice::Iter<'a, Node>,
    index: usize,
    decoder: &'d Decoder<'a>,
}

impl<'a> SeqAccess<'a> for Items<'a, '_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'a>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let Some(node) = self.items.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        seed.deserialize(NodeDeserializer { node, decoder: self.decoder })
            .map(Some)
            .map_err(|error| error.at(node.place).within(FieldStep::Index(index)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Fields<'a, 'd> {
    fields: std::vec::IntoIter<Field<'a>>,
    current: Option<Field<'a>>,
    decoder: &'d Decoder<'a>,
}

impl<'a> MapAccess<'a> for Fields<'a, '_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        let Some(field) = self.fields.next() else { return Ok(None) };
        let place = field.place;
        let key = KeyDeserializer(field.key.clone());
        self.current = Some(field);
        seed.deserialize(key).map(Some).map_err(|error| error.at(place))
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, DecodeError> {
        let Some(field) = self.current.take() else {
            return Err(DecodeError::custom("a value without a key"));
        };
        seed.deserialize(NodeDeserializer { node: field.value, decoder: self.decoder })
            .map_err(|error| error.at(field.value.place).within(FieldStep::key(&*field.key)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.fields.len())
    }
}

/// A key, which is a string, but is taken as a number or boolean where one is asked for.
struct KeyDeserializer<'a>(Cow<'a, str>);

macro_rules! parsed_keys {
    ($($method:ident $visit:ident)*) => {
        $(fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            match self.0.parse() {
                Ok(value) => visitor.$visit(value),
                Err(_) => self.deserialize_any(visitor),
            }
        })*
    };
}

impl<'a> Deserializer<'a> for KeyDeserializer<'a> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0 {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    parsed_keys! { deserialize_bool visit_bool deserialize_i8 visit_i8 deserialize_i16 visit_i16
    deserialize_i32 visit_i32 deserialize_i64 visit_i64 deserialize_u8 visit_u8 deserialize_u16 visit_u16
    deserialize_u32 visit_u32 deserialize_u64 visit_u64 deserialize_f32 visit_f32 deserialize_f64 visit_f64 }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_some(self)
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.0.into_deserializer().deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! { <W: Visitor<'a>>
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple
    tuple_struct map struct identifier ignored_any }
}

struct Variant<'a, 'd> {
    field: Field<'a>,
    decoder: &'d Decoder<'a>,
}

impl<'a, 'd> EnumAccess<'a> for Variant<'a, 'd> {
    type Error = DecodeError;
    type Variant = VariantValue<'a, 'd>;

    fn variant_seed<V: DeserializeSeed<'a>>(self, seed: V) -> Result<(V::Value, Self::Variant), DecodeError> {
        let step = FieldStep::key(&*self.field.key);
        let variant = seed.deserialize(KeyDeserializer(self.field.key))?;
        let value = NodeDeserializer { node: self.field.value, decoder: self.decoder };
        Ok((variant, VariantValue { value, step }))
    }
}

struct VariantValue<'a, 'd> {
    value: NodeDeserializer<'a, 'd>,
    step: FieldStep,
}

impl<'a> VariantAccess<'a> for VariantValue<'a, '_> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Deserialize::deserialize(self.value).map_err(|error: DecodeError| error.within(self.step))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'a>>(self, seed: T) -> Result<T::Value, DecodeError> {
        seed.deserialize(self.value).map_err(|error| error.within(self.step))
    }

    fn tuple_variant<V: Visitor<'a>>(self, _: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.value.deserialize_seq(visitor).map_err(|error| error.within(self.step))
    }

    fn struct_variant<V: Visitor<'a>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.value.deserialize_map(visitor).map_err(|error| error.within(self.step))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase")]
    enum Policy {
        Always,
        Max { count: u8 },
        Named(String),
    }

    #[test]
    fn numbers_become_strings_where_strings_are_asked_for() {
        let map: BTreeMap<String, String> = from_str("a: 1\nb: yes\nc: 1.50\n1: x\nd: ~\n").unwrap();
        let got: Vec<_> = map.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(got, ["1=x", "a=1", "b=true", "c=1.5", "d="]);
    }

    #[test]
    fn enums_are_read_in_every_form() {
        let read: Vec<Policy> = from_str("[always, {max: {count: 3.0}}, {named: 7}]").unwrap();
        assert_eq!(read, [Policy::Always, Policy::Max { count: 3 }, Policy::Named("7".into())]);
        let error = from_str::<Vec<Policy>>("[alwais]").unwrap_err();
        assert_eq!(error.hint(), Some("did you mean `always`?"));
    }

    #[test]
    fn aliases_and_merges_are_resolved() {
        let text = "one: &x {a: 1, b: 2}\ntwo: {<<: *x, b: 3}\nsame: *x\n";
        let read: BTreeMap<String, BTreeMap<String, i32>> = from_str(text).unwrap();
        assert_eq!(format!("{:?}", read["two"]), r#"{"a": 1, "b": 3}"#);
        assert_eq!(read["same"], read["one"]);
    }

    #[test]
    fn texts_that_are_not_yaml_are_refused_as_sigs_does() {
        let error = from_str::<String>("a: b: c").unwrap_err();
        let wanted = "error converting YAML to JSON: yaml: mapping values are not allowed in this context";
        assert_eq!(error.to_string(), wanted);
    }
}
