//! The types of objects: what fields there are, and how lists and maps merge.

mod read;

use crate::value::Value;
use gitops_yaml::Str;
use std::collections::HashMap;

/// A type's number in its [`Types`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TypeId(u32);

/// Types that refer to each other by number.
#[derive(Clone, Debug, Default)]
pub struct Types {
    types: Vec<Type>,
    names: HashMap<Str, TypeId>,
}

/// A type.
#[derive(Clone, Debug)]
pub enum Type {
    /// One value that is changed as a whole.
    Scalar(Scalar),
    /// A list.
    List(ListType),
    /// A map of any keys.
    Map(MapType),
    /// A structure with named fields.
    Struct(StructType),
    /// Whatever is written: maps merge by their keys, all else is changed as a whole.
    Deduced,
}

/// What a scalar may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// A string.
    Text,
    /// A boolean.
    Bool,
    /// A number of 32 bits.
    Int32,
    /// A number of 64 bits.
    Int64,
    /// Any number.
    Float,
    /// Base64.
    Bytes,
    /// A quantity: `100m`.
    Quantity,
    /// A time in seconds.
    Time,
    /// A time in microseconds.
    MicroTime,
    /// A duration: `1m30s`.
    Duration,
    /// A number or a string.
    IntOrString,
    /// Any JSON, changed as a whole.
    Any,
}

/// A list.
#[derive(Clone, Debug)]
pub struct ListType {
    /// Its items.
    pub element: TypeId,
    /// How it merges.
    pub merge: ListMerge,
    /// Go's type of the items, for messages.
    pub go_name: Str,
}

/// How lists merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListMerge {
    /// Replaced as a whole.
    Atomic,
    /// A set of scalars.
    Set,
    /// Items are known by these fields.
    Keys(Vec<Str>),
}

/// A map of any keys.
#[derive(Clone, Debug)]
pub struct MapType {
    /// Its values.
    pub element: TypeId,
    /// Whether it is changed as a whole.
    pub atomic: bool,
}

/// A structure.
#[derive(Clone, Debug)]
pub struct StructType {
    /// Go's name: `DeploymentSpec`.
    pub name: Str,
    /// The fields, sorted by name.
    pub fields: Vec<Field>,
    /// Whether it is changed as a whole.
    pub atomic: bool,
    /// The type of fields that are not named, where such are allowed.
    pub rest: Option<TypeId>,
}

/// A field of a structure.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: Str,
    /// Its type.
    pub kind: TypeId,
    /// How Go prints it where it is empty.
    pub empty: Empty,
    /// What stands for a missing key of a list's item.
    pub default: Option<Value>,
    /// How strategic merge patches change it.
    pub patch: PatchStrategy,
    /// Its number in Kubernetes' protobuf form; `2.1` where it stands in a message that JSON does not know; empty where it has none.
    pub wire: Str,
}

/// How Go prints a field that is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// It is left out.
    Omitted,
    /// It is left out where it was missing, and printed where it was set, even to nothing (a pointer).
    KeptWhereSet,
    /// It is printed as what its type is when it is empty.
    Printed,
    /// It is `null`.
    Null,
}

/// How a strategic merge patch changes a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatchStrategy {
    /// Lists are merged, by this key; empty for lists of scalars.
    pub merge: Option<Str>,
    /// Only the patch's keys are kept.
    pub retain_keys: bool,
}

impl Types {
    /// Returns a type.
    #[must_use]
    pub fn get(&self, id: TypeId) -> &Type {
        self.types.get(id.0 as usize).unwrap_or(&Type::Deduced)
    }

    /// Adds a type and returns its number.
    pub fn add(&mut self, kind: Type) -> TypeId {
        let id = TypeId(u32::try_from(self.types.len()).unwrap_or(u32::MAX));
        self.types.push(kind);
        id
    }

    /// Returns the number of a named structure; one that takes anything where there is none.
    #[must_use]
    pub fn named(&self, name: &str) -> TypeId {
        self.names.get(name).copied().unwrap_or(TypeId(u32::MAX))
    }
}

impl TypeId {
    /// The type of whatever is written.
    pub const DEDUCED: Self = Self(u32::MAX);
}

impl StructType {
    /// Returns a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields
            .binary_search_by(|field| field.name.as_str().cmp(name))
            .ok()
            .map(|index| &self.fields[index])
    }
}
