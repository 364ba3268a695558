//! Reads objects as Go's types do: fields in their types, what is empty as Go prints it, unknown fields noted.

use crate::types::{Empty, Field, Scalar, StructType, Type, TypeId, Types};
use crate::value::{Map, Value};

/// An object as Go would decode and print it.
pub(crate) struct Decoded {
    pub(crate) value: Value,
    /// Paths of fields that the type does not have.
    pub(crate) unknown: Vec<String>,
}

/// Reads a value as a type.
pub(crate) fn decode(types: &Types, id: TypeId, value: Value) -> Result<Decoded, String> {
    let mut reader = Reader { types, path: String::new(), unknown: Vec::new(), owner: String::new() };
    let value = reader.read(id, value)?;
    Ok(Decoded { value, unknown: reader.unknown })
}

struct Reader<'t> {
    types: &'t Types,
    path: String,
    unknown: Vec<String>,
    /// The structure that holds the field.
    owner: String,
}

impl Reader<'_> {
    fn mismatch(&self, value: &Value, wanted: &str) -> String {
        let found = match value {
            Value::Text(_) => "string".to_owned(),
            Value::Bool(_) => "bool".to_owned(),
            Value::List(_) => "array".to_owned(),
            Value::Map(_) => "object".to_owned(),
            Value::Null => "null".to_owned(),
            number if wanted.starts_with("int") => format!("number {}", number.to_json()),
            Value::Int(_) | Value::Float(_) => "number".to_owned(),
        };
        if self.path.is_empty() {
            return format!("json: cannot unmarshal {found} into Go value of type {wanted}");
        }
        // Go names fields, not items.
        let mut field = String::new();
        let mut inside = false;
        for c in self.path.chars() {
            match c {
                '[' => inside = true,
                ']' => inside = false,
                c if !inside => field.push(c),
                _ => {}
            }
        }
        format!("json: cannot unmarshal {found} into Go struct field {}.{field} of type {wanted}", self.owner)
    }

    fn read(&mut self, id: TypeId, value: Value) -> Result<Value, String> {
        let types = self.types;
        match types.get(id) {
            Type::Deduced => Ok(value),
            Type::Scalar(scalar) => self.scalar(*scalar, value),
            Type::List(list) => match value {
                Value::List(items) => {
                    let length = self.path.len();
                    let mut out = Vec::with_capacity(items.len());
                    for (index, item) in items.into_iter().enumerate() {
                        self.path.push_str(&format!("[{index}]"));
                        let item = if item.is_null() {
                            zero(types, list.element)
                        } else {
                            self.read(list.element, item)?
                        };
                        out.push(item);
                        self.path.truncate(length);
                    }
                    Ok(Value::List(out))
                }
                Value::Null => Ok(Value::Null),
                other => Err(self.mismatch(&other, &go_type(types, id))),
            },
            Type::Map(map) => match value {
                Value::Map(fields) => {
                    let length = self.path.len();
                    let mut out = Vec::with_capacity(fields.len());
                    for (name, item) in fields {
                        // Messages of Go's decoder do not name keys.
                        self.path.push_str(&format!("[{name}]"));
                        let item = if item.is_null() {
                            zero(types, map.element)
                        } else {
                            self.read(map.element, item)?
                        };
                        out.push((name, item));
                        self.path.truncate(length);
                    }
                    Ok(Value::Map(out.into_iter().collect::<Map>()))
                }
                Value::Null => Ok(Value::Null),
                other => Err(self.mismatch(&other, &go_type(types, id))),
            },
            Type::Struct(structure) => match value {
                Value::Map(fields) => self.structure(structure, fields),
                Value::Null => Ok(Value::Null),
                other => Err(self.mismatch(&other, &go_type(types, id))),
            },
        }
    }

    fn structure(&mut self, structure: &StructType, mut fields: Map) -> Result<Value, String> {
        let length = self.path.len();
        let owner = std::mem::replace(&mut self.owner, structure.name.to_string());
        let known = self.unknown.len();
        let mut out = Vec::with_capacity(structure.fields.len().min(fields.len() + 4));
        for field in &structure.fields {
            let value = match fields.remove(&field.name) {
                Some(value) if !value.is_null() => {
                    if length > 0 {
                        self.path.push('.');
                    }
                    self.path.push_str(&field.name);
                    let value = self.read(field.kind, value)?;
                    self.path.truncate(length);
                    self.owner.clone_from(&structure.name.to_string());
                    printed(self.types, field, value)
                }
                _ => absent(self.types, field),
            };
            out.extend(value.map(|value| (field.name.clone(), value)));
        }
        for (name, _) in fields.iter() {
            let dot = if length > 0 { "." } else { "" };
            self.unknown.push(format!("{}{dot}{name}", self.path));
        }
        if known < self.unknown.len() && !fields.is_empty() {
            // What is unknown here comes before what is unknown in fields that follow it.
            let at = if length > 0 { length + 1 } else { 0 };
            let name = |path: &String| -> String {
                path.get(at..).unwrap_or_default().split(['.', '[']).next().unwrap_or_default().to_owned()
            };
            self.unknown[known..].sort_by_key(name);
        }
        self.owner = owner;
        Ok(Value::Map(out.into_iter().collect::<Map>()))
    }

    fn scalar(&self, scalar: Scalar, value: Value) -> Result<Value, String> {
        match (scalar, value) {
            (Scalar::Any, value) => Ok(value),
            (_, Value::Null) => Ok(Value::Null),
            (Scalar::Text | Scalar::Duration, value @ Value::Text(_))
            | (Scalar::Bool, value @ Value::Bool(_))
            | (Scalar::Int64, value @ Value::Int(_))
            | (Scalar::Float, value @ (Value::Int(_) | Value::Float(_)))
            | (Scalar::IntOrString, value @ (Value::Int(_) | Value::Text(_))) => Ok(value),
            (Scalar::Int32, Value::Int(number)) if i32::try_from(number).is_ok() => Ok(Value::Int(number)),
            (Scalar::Int32 | Scalar::Int64, Value::Float(number))
                if number.fract() == 0.0 && number.abs() < 2e9 =>
            {
                #[allow(clippy::cast_possible_truncation, reason = "guarded: the number is whole and small")]
                Ok(Value::Int(number as i64))
            }
            (Scalar::Bytes, Value::Text(text)) => match crate::base64::check(&text) {
                Ok(()) => Ok(Value::Text(text)),
                Err(at) => Err(format!("illegal base64 data at input byte {at}")),
            },
            (Scalar::Quantity, value @ (Value::Int(_) | Value::Float(_) | Value::Text(_))) => {
                let text = match &value {
                    Value::Text(text) => text.to_string(),
                    other => other.to_json(),
                };
                crate::quantity::canonical(&text).map(Value::text).ok_or_else(|| {
                    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
                        .to_owned()
                })
            }
            (Scalar::Time | Scalar::MicroTime, Value::Text(text)) => match crate::time::read(&text) {
                Some(time) if scalar == Scalar::Time => Ok(crate::time::seconds(time).into()),
                Some(_) => Ok(Value::Text(text)),
                None => Err(format!(
                    "parsing time {0} as \"2006-01-02T15:04:05Z07:00\": cannot parse {0} as \"2006\"",
                    crate::failure::go_quoted(&text)
                )),
            },
            (_, value) => Err(self.mismatch(&value, go_scalar(scalar))),
        }
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Int(number) => *number == 0,
        Value::Float(number) => *number == 0.0,
        Value::Text(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(map) => map.is_empty(),
    }
}

/// A field that was set, as Go prints it.
fn printed(types: &Types, field: &Field, value: Value) -> Option<Value> {
    match field.empty {
        Empty::Omitted => (!is_zero(&value)).then_some(value),
        Empty::KeptWhereSet => (!value.is_null()).then_some(value),
        Empty::Printed if value.is_null() => Some(zero(types, field.kind)),
        Empty::Printed | Empty::Null => Some(value),
    }
}

/// A field that was not set, as Go prints it.
fn absent(types: &Types, field: &Field) -> Option<Value> {
    match field.empty {
        Empty::Omitted | Empty::KeptWhereSet => None,
        Empty::Printed => Some(zero(types, field.kind)),
        Empty::Null => Some(Value::Null),
    }
}

/// What Go prints for a type's zero value.
pub(crate) fn zero(types: &Types, id: TypeId) -> Value {
    match types.get(id) {
        Type::Scalar(Scalar::Text | Scalar::Bytes) => Value::text(""),
        Type::Scalar(Scalar::Duration) => "0s".into(),
        Type::Scalar(Scalar::Bool) => Value::Bool(false),
        Type::Scalar(Scalar::Int32 | Scalar::Int64 | Scalar::Float | Scalar::IntOrString) => Value::Int(0),
        Type::Scalar(Scalar::Quantity) => "0".into(),
        Type::Scalar(_) | Type::List(_) | Type::Map(_) | Type::Deduced => Value::Null,
        Type::Struct(structure) => {
            let fields = structure.fields.iter();
            Value::Map(
                fields.filter_map(|field| Some((field.name.clone(), absent(types, field)?))).collect::<Map>(),
            )
        }
    }
}

fn go_scalar(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::Text => "string",
        Scalar::Bool => "bool",
        Scalar::Int32 => "int32",
        Scalar::Int64 => "int64",
        Scalar::Float => "float64",
        Scalar::Bytes => "[]uint8",
        Scalar::Quantity => "resource.Quantity",
        Scalar::Time => "v1.Time",
        Scalar::MicroTime => "v1.MicroTime",
        Scalar::Duration => "v1.Duration",
        Scalar::IntOrString => "intstr.IntOrString",
        Scalar::Any => "interface {}",
    }
}

fn go_type(types: &Types, id: TypeId) -> String {
    match types.get(id) {
        Type::Scalar(scalar) => go_scalar(*scalar).to_owned(),
        Type::List(list) => format!("[]{}", go_type(types, list.element)),
        Type::Map(map) => format!("map[string]{}", go_type(types, map.element)),
        Type::Struct(structure) => format!("v1.{}", structure.name),
        Type::Deduced => "interface {}".to_owned(),
    }
}
