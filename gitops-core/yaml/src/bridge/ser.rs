//! From serde's types to nodes.

use serde::ser::{self, Serialize, Serializer};

use crate::{Dialect, Entry, Error, ErrorKind, Node, Place, Str, Tag, go_float, print_sigs};

/// Prints a value as sigs.k8s.io/yaml's `Marshal` does, with sorted keys.
///
/// ```
/// #[derive(serde::Serialize)]
/// struct Port {
///     port: u16,
///     name: &'static str,
/// }
/// let text = gitops_yaml::to_string(&[Port { port: 80, name: "on" }]).unwrap();
/// assert_eq!(text, "- name: \"on\"\n  port: 80\n");
/// ```
///
/// # Errors
/// Infinities and NaN, which JSON can't hold, and keys that are neither strings nor numbers nor booleans.
pub fn to_string<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    print_sigs(&to_node(value)?, Dialect::V3)
}

/// Makes a node of a value; a struct's fields keep their order.
///
/// # Errors
/// Keys that are neither strings nor numbers nor booleans.
pub fn to_node<T: Serialize + ?Sized>(value: &T) -> Result<Node, Error> {
    value.serialize(NodeSerializer)
}

struct NodeSerializer;

fn integer(value: &impl ToString) -> Node {
    Node::plain(value.to_string()).tagged(Tag::Int)
}

/// A float without fraction is written as an integer, as in JSON.
fn float(value: f64) -> Node {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return Node::plain(format!("{value:.0}")).tagged(Tag::Int);
    }
    Node::plain(go_float(value)).tagged(Tag::Float)
}

fn variant(name: &'static str, value: Node) -> Node {
    Node::mapping(vec![Entry { key: Node::string(Str::literal(name)), value }])
}

macro_rules! integers {
    ($($method:ident $type:ty)*) => {
        $(fn $method(self, value: $type) -> Result<Node, Error> {
            Ok(integer(&value))
        })*
    };
}

impl Serializer for NodeSerializer {
    type Ok = Node;
    type Error = Error;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Entries;
    type SerializeStruct = Entries;
    type SerializeStructVariant = Entries;

    integers! { serialize_i8 i8 serialize_i16 i16 serialize_i32 i32 serialize_i64 i64
    serialize_u8 u8 serialize_u16 u16 serialize_u32 u32 serialize_u64 u64 }

    fn serialize_bool(self, value: bool) -> Result<Node, Error> {
        Ok(Node::bool(value))
    }
    fn serialize_f32(self, value: f32) -> Result<Node, Error> {
        Ok(float(f64::from(value)))
    }
    fn serialize_f64(self, value: f64) -> Result<Node, Error> {
        Ok(float(value))
    }
    fn serialize_char(self, value: char) -> Result<Node, Error> {
        Ok(Node::string(value))
    }
    fn serialize_str(self, value: &str) -> Result<Node, Error> {
        Ok(Node::string(value))
    }
    fn serialize_bytes(self, value: &[u8]) -> Result<Node, Error> {
        Ok(Node::sequence(value.iter().map(integer).collect()))
    }
    fn serialize_none(self) -> Result<Node, Error> {
        Ok(Node::null())
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Node, Error> {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<Node, Error> {
        Ok(Node::null())
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<Node, Error> {
        Ok(Node::null())
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<Node, Error> {
        Ok(Node::string(Str::literal(name)))
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Node, Error> {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        value: &T,
    ) -> Result<Node, Error> {
        Ok(variant(name, value.serialize(self)?))
    }
    fn serialize_seq(self, length: Option<usize>) -> Result<Items, Error> {
        // The length comes from the type and may be wrong.
        Ok(Items { items: Vec::with_capacity(length.unwrap_or(0).min(1024)), variant: None })
    }
    fn serialize_tuple(self, length: usize) -> Result<Items, Error> {
        self.serialize_seq(Some(length))
    }
    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Items, Error> {
        self.serialize_seq(Some(length))
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Items, Error> {
        Ok(Items { items: Vec::new(), variant: Some(name) })
    }
    fn serialize_map(self, length: Option<usize>) -> Result<Entries, Error> {
        Ok(Entries { entries: Vec::with_capacity(length.unwrap_or(0).min(1024)), key: None, variant: None })
    }
    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Entries, Error> {
        self.serialize_map(Some(length))
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Entries, Error> {
        Ok(Entries { entries: Vec::new(), key: None, variant: Some(name) })
    }
}

struct Items {
    items: Vec<Node>,
    variant: Option<&'static str>,
}

impl Items {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.items.push(to_node(value)?);
        Ok(())
    }

    fn finish(self) -> Node {
        let node = Node::sequence(self.items);
        match self.variant {
            Some(name) => variant(name, node),
            None => node,
        }
    }
}

struct Entries {
    entries: Vec<Entry>,
    key: Option<Node>,
    variant: Option<&'static str>,
}

impl Entries {
    fn push<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
        self.entries.push(Entry { key: Node::string(Str::literal(key)), value: to_node(value)? });
        Ok(())
    }

    fn finish(self) -> Node {
        let node = Node::mapping(self.entries);
        match self.variant {
            Some(name) => variant(name, node),
            None => node,
        }
    }
}

macro_rules! sequences {
    ($($trait:ident $method:ident)*) => {
        $(impl ser::$trait for Items {
            type Ok = Node;
            type Error = Error;
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.push(value)
            }
            fn end(self) -> Result<Node, Error> {
                Ok(self.finish())
            }
        })*
    };
}
sequences! { SerializeSeq serialize_element SerializeTuple serialize_element SerializeTupleStruct serialize_field
SerializeTupleVariant serialize_field }

macro_rules! structs {
    ($($trait:ident)*) => {
        $(impl ser::$trait for Entries {
            type Ok = Node;
            type Error = Error;
            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
                self.push(key, value)
            }
            fn end(self) -> Result<Node, Error> {
                Ok(self.finish())
            }
        })*
    };
}
structs! { SerializeStruct SerializeStructVariant }

impl ser::SerializeMap for Entries {
    type Ok = Node;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        let key = to_node(key)?;
        let Some(text) = key.scalar().filter(|_| key.tag != Tag::Null) else {
            return Err(Error::new(
                ErrorKind::Json,
                Place::NONE,
                "a key must be a string, a number or a boolean",
            ));
        };
        self.key = Some(Node::string(text.clone()));
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let value = to_node(value)?;
        if let Some(key) = self.key.take() {
            self.entries.push(Entry { key, value });
        }
        Ok(())
    }

    fn end(self) -> Result<Node, Error> {
        Ok(self.finish())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::from_str;

    #[derive(Debug, Serialize, Deserialize, PartialEq)]
    struct Everything {
        float: f64,
        whole: f64,
        text: String,
        none: Option<u8>,
        map: BTreeMap<u8, Vec<bool>>,
        choice: Choice,
    }

    #[derive(Debug, Serialize, Deserialize, PartialEq)]
    enum Choice {
        Plain,
        Tuple(i8, String),
        Struct { a: Option<String> },
    }

    #[test]
    fn what_is_printed_reads_back() {
        for choice in [Choice::Plain, Choice::Tuple(-1, "no".into()), Choice::Struct { a: None }] {
            let value = Everything {
                float: 1.5e-7,
                whole: 3.0,
                text: "a\nb: '\u{1f389}".into(),
                none: None,
                map: BTreeMap::from([(1, vec![true]), (10, vec![])]),
                choice,
            };
            let text = to_string(&value).unwrap();
            assert_eq!(from_str::<Everything>(&text).unwrap(), value, "{text}");
        }
    }

    #[test]
    fn infinities_are_refused_as_in_go() {
        let error = to_string(&f64::INFINITY).unwrap_err();
        assert_eq!(error.to_string(), "json: unsupported value: +Inf");
    }
}
