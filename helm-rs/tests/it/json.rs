//! Values from and to the JSON of recorded cases.

use helm_rs::values::{Table, Value};
use serde_json::Value as Json;

/// Reads numbers as YAML gives them: floats.
pub(crate) fn floats(json: &Json) -> Value {
    convert(json, false)
}

/// Reads numbers as `--set` gives them: integers where they have no fraction.
pub(crate) fn integers(json: &Json) -> Value {
    convert(json, true)
}

fn convert(json: &Json, integers: bool) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(value) if integers => Value::Int(value),
            _ => Value::Float(number.as_f64().unwrap()),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::list(items.iter().map(|item| convert(item, integers)).collect()),
        Json::Object(fields) => Value::table(
            fields.iter().map(|(key, value)| (key.as_str().into(), convert(value, integers))).collect(),
        ),
    }
}

pub(crate) fn table(json: &Json) -> Table {
    floats(json).as_table().cloned().unwrap_or_default()
}

/// Compares values without regard to whether a number is an integer or a float.
pub(crate) fn same(wanted: &Json, got: &Value) -> Result<(), String> {
    let wanted = floats(wanted);
    if plain(&wanted) == plain(got) { Ok(()) } else { Err(format!("wanted {wanted}, got {got}")) }
}

fn plain(value: &Value) -> Value {
    match value {
        #[allow(clippy::cast_precision_loss, reason = "small numbers")]
        Value::Int(value) => Value::Float(*value as f64),
        Value::List(items) => Value::list(items.iter().map(plain).collect()),
        Value::Table(table) => Value::table(table.iter().map(|(k, v)| (k.clone(), plain(v))).collect()),
        other => other.clone(),
    }
}
