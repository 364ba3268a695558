//! Whether a value has its type, in the words of server-side apply.

use super::shape::{Shape, item_step, merges};
use super::step::Step;
use crate::types::{Scalar, TypeId, Types};
use crate::value::Value;
use std::collections::BTreeSet;

/// Whether a list may hold two items of one key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duplicates {
    Refused,
    #[allow(dead_code, reason = "the other half of the choice")]
    Allowed,
}

/// Returns what is wrong with a value: `.spec.replicas: expected numeric (int or float), got string`.
pub(crate) fn validate(types: &Types, id: TypeId, value: &Value, duplicates: Duplicates) -> Vec<String> {
    let mut walk = Walk { types, duplicates, path: String::new(), found: Vec::new() };
    walk.node(id, value);
    walk.found
}

struct Walk<'t> {
    types: &'t Types,
    duplicates: Duplicates,
    path: String,
    found: Vec<String>,
}

impl Walk<'_> {
    fn wrong(&mut self, message: &str) {
        let colon = if self.path.is_empty() { "" } else { ": " };
        self.found.push(format!("{}{colon}{message}", self.path));
    }

    fn within(&mut self, step: &Step, walk: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push_str(&step.to_string());
        walk(self);
        self.path.truncate(length);
    }

    fn node(&mut self, id: TypeId, value: &Value) {
        if value.is_null() {
            return;
        }
        match Shape::of(self.types, id, value) {
            Shape::Scalar(scalar) => self.scalar(scalar, value),
            Shape::List(list) => {
                let Value::List(items) = value else {
                    return self.wrong(&format!("expected list, got &{{{}}}", bare(value)));
                };
                let keyed = merges(list);
                let element = list.map_or(TypeId::DEDUCED, |list| list.element);
                let mut seen = BTreeSet::new();
                for (index, item) in items.iter().enumerate() {
                    let step = match keyed.map(|list| item_step(self.types, list, item)) {
                        None => Step::Index(i64::try_from(index).unwrap_or(i64::MAX)),
                        Some(Ok(step)) => step,
                        Some(Err(why)) => return self.wrong(&format!("element {index}: {why}")),
                    };
                    if keyed.is_some() && !seen.insert(step.clone()) && self.duplicates == Duplicates::Refused
                    {
                        self.wrong(&format!("duplicate entries for key {step}"));
                    }
                    self.within(&step, |walk| walk.node(element, item));
                }
            }
            Shape::Map(shape) => {
                let Value::Map(map) = value else {
                    return self.wrong(&format!("expected map, got &{{{}}}", bare(value)));
                };
                for (name, value) in map.iter() {
                    let kind = shape.field(name);
                    let known = kind.is_some();
                    self.within(&Step::Field(name.clone()), |walk| match kind {
                        Some((kind, _)) => walk.node(kind, value),
                        None => walk.wrong("field not declared in schema"),
                    });
                    if !known {
                        return;
                    }
                }
            }
        }
    }

    fn scalar(&mut self, scalar: Scalar, value: &Value) {
        match scalar {
            Scalar::Int32 | Scalar::Int64 | Scalar::Float => {
                if !matches!(value, Value::Int(_) | Value::Float(_)) {
                    self.wrong(&format!("expected numeric (int or float), got {}", go_type(value)));
                }
            }
            Scalar::Bool => {
                if !matches!(value, Value::Bool(_)) {
                    self.wrong(&format!("expected boolean, got &{{{}}}", bare(value)));
                }
            }
            Scalar::Text | Scalar::Bytes | Scalar::Duration => {
                if !matches!(value, Value::Text(_)) {
                    self.wrong(&format!("expected string, got {}", syntax(value)));
                }
            }
            _ => {
                if matches!(value, Value::Map(_) | Value::List(_)) {
                    self.wrong(&format!("expected any scalar, got &{{{}}}", bare(value)));
                }
            }
        }
    }
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Text(_) => "string",
        Value::Bool(_) => "bool",
        Value::List(_) => "[]interface {}",
        Value::Map(_) => "map[string]interface {}",
        Value::Int(_) => "int64",
        Value::Float(_) => "float64",
        Value::Null => "<nil>",
    }
}

/// As Go's `%#v` prints it.
fn syntax(value: &Value) -> String {
    match value {
        Value::Int(number) => format!("&value.valueUnstructured{{Value:{number}}}"),
        Value::Bool(flag) => format!("&value.valueUnstructured{{Value:{flag}}}"),
        other => format!("&value.valueUnstructured{{Value:{}}}", shown(other)),
    }
}

/// As Go's `%v` prints it.
fn bare(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        Value::Null => "<nil>".to_owned(),
        Value::List(items) => format!("[{}]", items.iter().map(bare).collect::<Vec<_>>().join(" ")),
        Value::Map(map) => {
            let fields: Vec<_> = map.iter().map(|(name, value)| format!("{name}:{}", bare(value))).collect();
            format!("map[{}]", fields.join(" "))
        }
        other => other.to_json(),
    }
}

/// A value as it stands in Go's source.
fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("{:?}", text.as_str()),
        Value::Null => "<nil>".to_owned(),
        other => other.to_json(),
    }
}
