//! Functions that are called on a value.

use super::eval::Run;
use super::number::NO_OVERLOAD;
use super::value::Value;
use super::{functions, strings, time};
use gitops_regex::GoRegex;

pub(super) fn call<'a>(
    run: &mut Run<'_, 'a>,
    value: &Value<'a>,
    name: &str,
    arguments: &[Value<'a>],
) -> Result<Value<'a>, String> {
    run.spend(value.len() / 16)?;
    if let ("size", []) = (name, arguments) {
        return functions::size(value);
    }
    match value {
        Value::Text(text) => match (name, arguments) {
            ("matches", [Value::Text(pattern)]) => {
                run.spend(pattern.len() * 8 + text.len())?;
                let regex = GoRegex::new(pattern).map_err(|error| error.to_string())?;
                Ok(Value::Bool(regex.is_match(text)))
            }
            _ => strings::call(run, text, name, arguments),
        },
        Value::List(_) | Value::Items(_) => match (name, arguments) {
            ("join", []) => join(run, value, ""),
            ("join", [Value::Text(separator)]) => join(run, value, separator),
            _ => Err(unknown(name)),
        },
        Value::Optional(inner) => match (name, arguments) {
            ("hasValue", []) => Ok(Value::Bool(inner.is_some())),
            ("value", []) => match inner {
                Some(inner) => Ok((**inner).clone()),
                None => Err("optional.none() dereference".to_owned()),
            },
            ("orValue", [other]) => {
                Ok(inner.as_ref().map_or_else(|| other.clone(), |inner| (**inner).clone()))
            }
            ("or", [Value::Optional(_)]) if inner.is_some() => Ok(value.clone()),
            ("or", [other @ Value::Optional(_)]) => Ok(other.clone()),
            _ => Err(unknown(name)),
        },
        Value::Time(at) => match arguments {
            [] => time::part(*at, name, "UTC"),
            [Value::Text(zone)] => time::part(*at, name, zone),
            _ => Err(unknown(name)),
        },
        Value::Duration(length) => match (name, arguments) {
            ("getHours", []) => Ok(Value::Int(length / 3_600_000_000_000)),
            ("getMinutes", []) => Ok(Value::Int(length / 60_000_000_000)),
            ("getSeconds", []) => Ok(Value::Int(length / 1_000_000_000)),
            ("getMilliseconds", []) => Ok(Value::Int(length / 1_000_000 % 1_000)),
            _ => Err(unknown(name)),
        },
        _ => Err(unknown(name)),
    }
}

pub(super) fn unknown(name: &str) -> String {
    format!("{NO_OVERLOAD}: {name}")
}

fn join<'a>(run: &mut Run<'_, 'a>, list: &Value<'a>, separator: &str) -> Result<Value<'a>, String> {
    let mut out = String::new();
    for (index, item) in list.items().unwrap_or_default().iter().enumerate() {
        let Value::Text(text) = item else { return Err(NO_OVERLOAD.to_owned()) };
        run.spend(1 + (text.len() + separator.len()) / 8)?;
        if index > 0 {
            out.push_str(separator);
        }
        out.push_str(text);
    }
    Ok(Value::text(out))
}
