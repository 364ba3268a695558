//! Prints values as Go's fmt does: so far the plain forms.

use crate::value::Value;

/// Prints a value as an action does.
pub(crate) fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Missing | Value::Nil => out.push_str("<no value>"),
        value => plain(out, value, 0),
    }
}

/// Prints values as Go's `Sprint` does.
pub(crate) fn sprint(values: &[Value]) -> String {
    let mut out = String::new();
    for value in values {
        plain(&mut out, value, 0);
    }
    out
}

fn plain(out: &mut String, value: &Value, depth: usize) {
    if depth > crate::value::MAX_DEPTH {
        return;
    }
    match value {
        Value::Missing | Value::Nil => out.push_str("<nil>"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value, _) => out.push_str(&value.to_string()),
        Value::Uint(value, _) => out.push_str(&value.to_string()),
        Value::Float(value) => out.push_str(&value.to_string()),
        Value::String(text) => out.push_str(text),
        Value::List(list) => {
            out.push('[');
            for (i, item) in list.iter().enumerate() {
                if i > 0 {
                    out.push(' ');
                }
                plain(out, item, depth + 1);
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push_str("map[");
            for (i, (key, value)) in map.entries().iter().enumerate() {
                if i > 0 {
                    out.push(' ');
                }
                out.push_str(key);
                out.push(':');
                plain(out, value, depth + 1);
            }
            out.push(']');
        }
        _ => {}
    }
}
