//! What a type is for merging: a leaf, a list of known items, or a map of fields.

use super::step::Step;
use crate::types::{Empty, ListMerge, ListType, Scalar, StructType, Type, TypeId, Types};
use crate::value::Value;
use gitops_yaml::Str;

/// What a type is for merging.
#[derive(Clone, Copy)]
pub(super) enum Shape<'t> {
    /// One value, owned as a whole.
    Scalar(Scalar),
    /// A list; atomic ones are owned as a whole.
    List(Option<&'t ListType>),
    /// A map; atomic ones are owned as a whole.
    Map(MapShape<'t>),
}

#[derive(Clone, Copy)]
pub(super) struct MapShape<'t> {
    pub(super) structure: Option<&'t StructType>,
    /// The type of fields that the structure does not name; `None` where there may be none.
    pub(super) element: Option<TypeId>,
    pub(super) atomic: bool,
}

impl MapShape<'_> {
    /// The type of a field, and whether the structure names it.
    pub(super) fn field(&self, name: &str) -> Option<(TypeId, bool)> {
        match self.structure.and_then(|structure| structure.field(name)) {
            Some(field) => Some((field.kind, true)),
            None => self.element.map(|element| (element, false)),
        }
    }
}

impl<'t> Shape<'t> {
    /// The shape of a type; where it may be anything, the value decides.
    pub(super) fn of(types: &'t Types, id: TypeId, value: &Value) -> Self {
        match types.get(id) {
            Type::Scalar(Scalar::Any) => match value {
                Value::Map(_) => {
                    Self::Map(MapShape { structure: None, element: Some(TypeId::DEDUCED), atomic: true })
                }
                Value::List(_) => Self::List(None),
                _ => Self::Scalar(Scalar::Any),
            },
            Type::Scalar(scalar) => Self::Scalar(*scalar),
            Type::List(list) => Self::List(Some(list)),
            Type::Map(map) => {
                Self::Map(MapShape { structure: None, element: Some(map.element), atomic: map.atomic })
            }
            Type::Struct(structure) => Self::Map(MapShape {
                structure: Some(structure),
                element: structure.rest,
                atomic: structure.atomic,
            }),
            Type::Deduced => match value {
                Value::Map(_) => {
                    Self::Map(MapShape { structure: None, element: Some(TypeId::DEDUCED), atomic: false })
                }
                Value::List(_) => Self::List(None),
                _ => Self::Scalar(Scalar::Any),
            },
        }
    }
}

/// Whether a list is changed item by item.
pub(super) fn merges(list: Option<&ListType>) -> Option<&ListType> {
    list.filter(|list| list.merge != ListMerge::Atomic)
}

/// What an item of a list is known by.
pub(super) fn item_step(types: &Types, list: &ListType, item: &Value) -> Result<Step, String> {
    let ListMerge::Keys(keys) = &list.merge else {
        return match item {
            Value::Map(_) => Err("associative list without keys has an element that's a map type".to_owned()),
            Value::List(_) => Err("not supported: associative list with lists as elements".to_owned()),
            Value::Null => {
                Err("associative list without keys has an element that's an explicit null".to_owned())
            }
            scalar => Ok(Step::Value(scalar.clone())),
        };
    };
    let fields = match item {
        Value::Map(fields) => fields,
        Value::Null => return Err("associative list with keys may not have a null element".to_owned()),
        _ => return Err("associative list with keys may not have non-map elements".to_owned()),
    };
    let mut found: Vec<(Str, Value)> = Vec::with_capacity(keys.len());
    for key in keys {
        let default = || match types.get(list.element) {
            Type::Struct(structure) => {
                let field = structure.field(key)?;
                let always = field.empty == Empty::Printed;
                field.default.clone().or_else(|| match types.get(field.kind) {
                    Type::Scalar(Scalar::Text) if always => Some(Value::text("")),
                    Type::Scalar(Scalar::Int32 | Scalar::Int64) if always => Some(Value::Int(0)),
                    _ => None,
                })
            }
            _ => None,
        };
        if let Some(value) = fields.get(key).cloned().or_else(default) {
            found.push((key.clone(), value));
        }
    }
    if found.is_empty() {
        let names: Vec<_> = keys.iter().map(|key| format!("{:?}", key.as_str())).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
            names.join(" ")
        ));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(Step::Key(found))
}
