//! Maps. As in Go a map is shared: `set`, `unset` and `merge` change it for everyone who holds it.

use super::merge::{Wins, merge};
use super::{Result, changing, pure, pure_variadic, shown, text};
use crate::function::{CallContext, CallError, Function, Functions, Signature, Type};
use crate::limits::ITEM_BYTES;
use crate::value::{List, Map, Value};

const MAP_KEY: &[Type] = &[Type::Map, Type::String];
const MERGE: Signature = Signature::variadic(&[Type::Map, Type::Map], Type::Any);

pub(super) fn add(functions: &mut Functions) {
    functions.insert(
        "dict",
        pure_variadic(&[Type::Any], Type::Map, |args| {
            let map = Map::new();
            for pair in args.chunks(2) {
                map.insert(shown(&pair[0]), pair.get(1).cloned().unwrap_or_else(|| Value::from("")));
            }
            Ok(map.into())
        }),
    );
    functions.insert(
        "get",
        pure(MAP_KEY, Type::Any, |args| {
            Ok(map(&args[0]).and_then(|map| map.get(&text(&args[1]))).unwrap_or_else(|| Value::from("")))
        }),
    );
    functions.insert(
        "set",
        changing(Signature::new(&[Type::Map, Type::String, Type::Any], Type::Map), |args| {
            let Some(map) = map(&args[0]) else {
                return Err(CallError::new("assignment to entry in nil map"));
            };
            map.insert(text(&args[1]), args[2].clone());
            Ok(args[0].clone())
        }),
    );
    functions.insert(
        "unset",
        changing(Signature::new(MAP_KEY, Type::Map), |args| {
            if let Some(map) = map(&args[0]) {
                map.remove(&text(&args[1]));
            }
            Ok(args[0].clone())
        }),
    );
    functions.insert(
        "hasKey",
        pure(MAP_KEY, Type::Bool, |args| {
            Ok(Value::Bool(map(&args[0]).is_some_and(|map| map.contains(&text(&args[1])))))
        }),
    );
    functions.insert(
        "pluck",
        pure_variadic(&[Type::String, Type::Map], Type::List, |args| {
            let key = text(&args[0]);
            Ok(Value::list(args[1..].iter().filter_map(|value| map(value)?.get(&key)).collect()))
        }),
    );
    functions.insert(
        "keys",
        pure_variadic(&[Type::Map], Type::Strings, |args| {
            Ok(List::strings(args.iter().filter_map(map).flat_map(Map::keys)).into())
        }),
    );
    functions.insert(
        "values",
        pure(&[Type::Map], Type::List, |args| {
            let entries = map(&args[0]).map(Map::entries).unwrap_or_default();
            Ok(Value::list(entries.into_iter().map(|(_, value)| value).collect()))
        }),
    );
    functions.insert(
        "pick",
        pure_variadic(MAP_KEY, Type::Map, |args| {
            let picked = |key: &Value| {
                let key = text(key);
                Some((key.to_string(), map(&args[0])?.get(&key)?))
            };
            Ok(args[1..].iter().filter_map(picked).collect::<Map>().into())
        }),
    );
    functions.insert(
        "omit",
        pure_variadic(MAP_KEY, Type::Map, |args| {
            let mut entries = map(&args[0]).map(Map::entries).unwrap_or_default();
            entries.retain(|(key, _)| !args[1..].iter().any(|omitted| *text(omitted) == **key));
            Ok(entries.into_iter().collect::<Map>().into())
        }),
    );
    for name in ["merge", "mustMerge"] {
        functions
            .insert(name, Function::new(MERGE, |context, args| merged(context, args, Wins::Destination)));
    }
    for name in ["mergeOverwrite", "mustMergeOverwrite"] {
        functions.insert(name, Function::new(MERGE, |context, args| merged(context, args, Wins::Source)));
    }
    for name in ["deepCopy", "mustDeepCopy"] {
        functions.insert(
            name,
            Function::new(Signature::new(&[Type::Any], Type::Any), |context, args| match &args[0] {
                nothing if nothing.is_nil() => {
                    Err("reflect: call of reflect.Value.Type on zero Value".into())
                }
                value => {
                    let (copy, parts) = value
                        .counted_copy()
                        .ok_or_else(|| CallError::limit("the value has too many parts to be copied"))?;
                    context.made(parts * ITEM_BYTES)?;
                    Ok(copy)
                }
            }),
        );
    }
    functions.insert("dig", pure_variadic(&[Type::Any], Type::Any, dig));
}

fn map(value: &Value) -> Option<&Map> {
    match value {
        Value::Map(map) => Some(map),
        _ => None,
    }
}

fn merged(context: &mut dyn CallContext, args: &[Value], wins: Wins) -> Result {
    context.changed();
    let Some(destination) = map(&args[0]) else {
        // A nil map can't be written to; mergo makes a new one.
        let fresh = Map::new();
        for source in args[1..].iter().filter_map(map) {
            merge(context, &fresh, source, wins)?;
        }
        return Ok(fresh.into());
    };
    for source in args[1..].iter().filter_map(map) {
        merge(context, destination, source, wins)?;
    }
    Ok(args[0].clone())
}

/// `dig KEY… DEFAULT MAP`
fn dig(args: &[Value]) -> Result {
    let [keys @ .., default, dict] = args else {
        return Err(CallError::new("dig needs at least three arguments"));
    };
    if keys.is_empty() {
        return Err(CallError::new("dig needs at least three arguments"));
    }
    let mut names = Vec::with_capacity(keys.len());
    let mut current = as_map(dict)?;
    for key in keys {
        match key {
            Value::String(name) => names.push(name),
            other => return Err(conversion(other, "string")),
        }
    }
    for (i, name) in names.iter().enumerate() {
        let Some(step) = current.get(name) else { return Ok(default.clone()) };
        if i + 1 == names.len() {
            return Ok(step);
        }
        current = as_map(&step)?;
    }
    Ok(default.clone())
}

fn as_map(value: &Value) -> Result<Map> {
    match value {
        Value::Map(map) if map.element() == crate::value::Element::Any => Ok(map.clone()),
        other => Err(conversion(other, "map[string]interface {}")),
    }
}

/// The text of Go's failed type assertion.
fn conversion(value: &Value, wanted: &str) -> CallError {
    let found = if value.is_nil() { "nil".into() } else { value.type_name() };
    CallError::new(format!("interface conversion: interface {{}} is {found}, not {wanted}"))
}
