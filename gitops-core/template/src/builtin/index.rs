//! `len`, `index` and `slice`.

use crate::function::{CallContext, CallError};
use crate::value::{Element, List, UintKind, Value};
use gitops_yaml::Str;

/// What an object is beneath.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(object) => object.plain().unwrap_or_else(|| value.clone()),
        _ => value.clone(),
    }
}

/// The kinds that have a length; none for the others.
fn length(value: &Value) -> Option<usize> {
    match value {
        Value::Bytes(bytes) => Some(bytes.len()),
        Value::List(list) => Some(list.len()),
        Value::Map(map) => Some(map.len()),
        _ => value.as_string_bytes().map(<[u8]>::len),
    }
}

pub(super) fn len(item: &Value) -> Result<Value, CallError> {
    match item {
        Value::Missing => Err("reflect: call of reflect.Value.Type on zero Value".into()),
        Value::Nil => Err("len of nil pointer".into()),
        item => match length(&plain(item)) {
            Some(length) => Ok(Value::int(i64::try_from(length).unwrap_or(i64::MAX))),
            None => Err(format!("len of type {}", item.type_name()).into()),
        },
    }
}

/// Reads an index, which may be as large as the capacity.
fn position(index: &Value, most: usize) -> Result<usize, CallError> {
    let shown = match &*super::compare::basic(index) {
        Value::Int(at, _) => match usize::try_from(*at) {
            Ok(at) if at <= most => return Ok(at),
            _ => at.to_string(),
        },
        // Go converts to int64, so that a large one is negative.
        Value::Uint(at, _) => match usize::try_from(*at) {
            Ok(at) if at <= most => return Ok(at),
            _ => at.cast_signed().to_string(),
        },
        Value::Missing | Value::Nil => return Err("cannot index slice/array with nil".into()),
        other => return Err(format!("cannot index slice/array with type {}", other.type_name()).into()),
    };
    Err(format!("index out of range: {shown}").into())
}

/// `index x 1 "a"` is `x[1]["a"]`.
pub(super) fn index(args: &[Value]) -> Result<Value, CallError> {
    let (first, indexes) = args.split_first().ok_or("index of untyped nil")?;
    if first.is_nil() {
        return Err("index of untyped nil".into());
    }
    let mut item = first.clone();
    for index in indexes {
        if item.is_nil() {
            return Err("index of nil pointer".into());
        }
        item = step(&plain(&item), index)?;
    }
    Ok(item)
}

fn step(item: &Value, index: &Value) -> Result<Value, CallError> {
    match item {
        Value::Map(map) => {
            let index = super::compare::basic(index);
            let key = match &*index {
                Value::String(key) => key.clone(),
                Value::RawString(_) => return Ok(map.element().zero()),
                Value::Missing | Value::Nil => return Err("value is nil; should be of type string".into()),
                other => {
                    return Err(format!("value has type {}; should be string", other.type_name()).into());
                }
            };
            Ok(map.get(&key).unwrap_or_else(|| map.element().zero()))
        }
        Value::List(list) => {
            let at = position(index, list.len())?;
            list.get(at).cloned().ok_or_else(|| "reflect: slice index out of range".into())
        }
        Value::Bytes(bytes) => {
            let at = position(index, bytes.len())?;
            byte(bytes, at).ok_or_else(|| "reflect: slice index out of range".into())
        }
        other => match other.as_string_bytes() {
            Some(text) => {
                let at = position(index, text.len())?;
                byte(text, at).ok_or_else(|| "reflect: string index out of range".into())
            }
            None => Err(format!("can't index item of type {}", other.type_name()).into()),
        },
    }
}

fn byte(bytes: &[u8], at: usize) -> Option<Value> {
    bytes.get(at).map(|byte| Value::Uint(u64::from(*byte), UintKind::Uint8))
}

impl Element {
    /// Returns the zero value of the type.
    pub(crate) fn zero(self) -> Value {
        match self {
            Self::String => Value::String(Str::EMPTY),
            Self::Int => Value::int(0),
            Self::Int64 => Value::int64(0),
            Self::Float => Value::Float(0.0),
            Self::Bool => Value::Bool(false),
            Self::Any | Self::Map | Self::List | Self::Strings => Value::Nil,
        }
    }
}

/// `slice x 1 2` is `x[1:2]`.
pub(super) fn slice(context: &mut dyn CallContext, args: &[Value]) -> Result<Value, CallError> {
    let (first, indexes) = args.split_first().ok_or("slice of untyped nil")?;
    if first.is_nil() {
        return Err("slice of untyped nil".into());
    }
    if indexes.len() > 3 {
        return Err(format!("too many slice indexes: {}", indexes.len()).into());
    }
    let item = plain(first);
    let (length, capacity) = match &item {
        Value::String(_) | Value::RawString(_) if indexes.len() == 3 => {
            return Err("cannot 3-index slice a string".into());
        }
        // Go decodes lists by doubling their capacity, and lets slices reach into it.
        Value::List(list) if list.element() == Element::Any && !list.is_empty() => {
            (list.len(), list.len().next_power_of_two())
        }
        Value::Map(_) => return Err(format!("can't slice item of type {}", first.type_name()).into()),
        other => match length(other) {
            Some(length) => (length, length),
            None => return Err(format!("can't slice item of type {}", first.type_name()).into()),
        },
    };
    let mut bounds = [0, length, capacity];
    for (i, index) in indexes.iter().enumerate() {
        // Unlike `index`, this does not look into an interface.
        if context.is_interface(i + 1) {
            return Err("cannot index slice/array with type interface {}".into());
        }
        bounds[i] = position(index, capacity)?;
    }
    let [from, to, most] = bounds;
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}").into());
    }
    if indexes.len() == 3 && to > most {
        return Err(format!("invalid slice index: {to} > {most}").into());
    }
    Ok(match &item {
        Value::List(list) => {
            let mut items = list.get(from.min(list.len())..to.min(list.len())).unwrap_or_default().to_vec();
            items.resize(to - from, Value::Nil);
            Value::List(List::typed(list.element(), items))
        }
        Value::Bytes(bytes) => Value::Bytes(bytes.get(from..to).unwrap_or_default().into()),
        other => {
            Value::from_bytes(other.as_string_bytes().and_then(|text| text.get(from..to)).unwrap_or_default())
        }
    })
}
