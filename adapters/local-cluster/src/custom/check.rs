//! Checks objects of custom kinds against their schema, in the API server's words.

use super::Structural;
use crate::failure::{Wrong, go_quoted};
use crate::kinds::Scale;
use crate::value::Value;

/// Returns what is wrong with an object.
pub(crate) fn check(schema: &Structural, object: &Value) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let Value::Map(map) = object else { return wrong };
    for name in &schema.rules.required {
        if !map.contains(name) {
            wrong.push(Wrong::required(name.as_str(), ""));
        }
    }
    for (name, value) in map.iter() {
        if matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
            continue;
        }
        if let Some(below) = schema.property(name) {
            node(below, value, name.to_string(), &mut wrong);
        }
    }
    wrong
}

/// Returns what is wrong with the numbers of replicas of an object that can be scaled.
pub(crate) fn check_scale(scale: &Scale, object: &Value) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    for path in [&scale.spec_replicas, &scale.status_replicas] {
        let found = path.iter().try_fold(object, |value, step| value.get(step));
        let field: String = path.iter().map(|step| format!(".{step}")).collect();
        match found {
            None => {}
            Some(Value::Int(number)) if *number < 0 => {
                wrong.push(Wrong::invalid(field, &Value::Int(*number), "should be a non-negative integer"));
            }
            Some(Value::Int(number)) if *number > i64::from(i32::MAX) => {
                let why = format!("should be less than or equal to {}", i32::MAX);
                wrong.push(Wrong::invalid(field, &Value::Int(*number), why));
            }
            Some(Value::Int(_)) => {}
            Some(other) => {
                let (shown, kind) = match other {
                    Value::Text(text) => (text.to_string(), "string"),
                    Value::Bool(value) => (value.to_string(), "bool"),
                    Value::Float(number) => (number.to_string(), "float64"),
                    Value::Null => ("<nil>".to_owned(), "<nil>"),
                    Value::List(_) => (other.to_json(), "[]interface {}"),
                    _ => (other.to_json(), "map[string]interface {}"),
                };
                let why = format!("{field} accessor error: {shown} is of the type {kind}, expected int64");
                wrong.push(Wrong::invalid(field, &Value::Int(0), why));
            }
        }
    }
    wrong
}

fn node(schema: &Structural, value: &Value, path: String, wrong: &mut Vec<Wrong>) {
    if value.is_null() && schema.nullable {
        return;
    }
    if !has_type(schema, value) {
        let wanted = if schema.int_or_string { "integer,string" } else { schema.kind.as_str() };
        let shown = go_quoted(value.type_name());
        wrong.push(Wrong::type_invalid(
            path.clone(),
            &shown,
            format!("{path} in body must be of type {wanted}: {shown}"),
        ));
        return;
    }
    rules(schema, value, &path, wrong);
    match value {
        Value::Map(map) => {
            for (name, value) in map.iter() {
                if let Some(below) = schema.property(name).or(schema.additional.as_deref()) {
                    let path = format!("{path}.{name}");
                    node(below, value, path, wrong);
                }
            }
        }
        Value::List(items) => {
            if let Some(below) = &schema.items {
                for (index, item) in items.iter().enumerate() {
                    node(below, item, format!("{path}[{index}]"), wrong);
                }
            }
            lists(schema, items, &path, wrong);
        }
        _ => {}
    }
}

fn has_type(schema: &Structural, value: &Value) -> bool {
    if schema.int_or_string {
        return matches!(value, Value::Int(_) | Value::Text(_));
    }
    match (schema.kind.as_str(), value) {
        ("", _)
        | ("object", Value::Map(_))
        | ("array", Value::List(_))
        | ("string", Value::Text(_))
        | ("boolean", Value::Bool(_))
        | ("integer", Value::Int(_))
        | ("number", Value::Int(_) | Value::Float(_)) => true,
        ("integer", Value::Float(number)) => number.fract() == 0.0,
        _ => false,
    }
}

fn rules(schema: &Structural, value: &Value, path: &str, wrong: &mut Vec<Wrong>) {
    let rules = &schema.rules;
    if !rules.one_of_values.is_empty() && !rules.one_of_values.contains(value) {
        let known: Vec<String> = rules
            .one_of_values
            .iter()
            .map(|value| value.as_str().map_or_else(|| value.to_json(), str::to_owned))
            .collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        wrong.push(Wrong::not_supported(path, value, &known));
    }
    match value {
        Value::Text(text) => {
            let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
            if let Some(most) = rules.length.1.filter(|most| length > *most) {
                wrong.push(Wrong::too_long(path, usize::try_from(most).unwrap_or(0)));
            }
            if let Some(least) = rules.length.0.filter(|least| length < *least) {
                let why = format!("{path} in body should be at least {least} chars long");
                wrong.push(Wrong::invalid(path, value, why));
            }
            if !rules.pattern.is_empty()
                && let Ok(pattern) = gitops_regex::GoRegex::new(&rules.pattern)
                && !pattern.is_match(text)
            {
                let why = format!("{path} in body should match '{}'", rules.pattern);
                wrong.push(Wrong::invalid(path, value, why));
            }
            if !super::format::matches(&rules.format, text) {
                let why = format!("{path} in body must be of type {}: {}", rules.format, go_quoted(text));
                wrong.push(Wrong::invalid(path, value, why));
            }
        }
        Value::Int(_) | Value::Float(_) => numbers(schema, value, path, wrong),
        Value::List(items) => {
            let count = items.len();
            let length = i64::try_from(count).unwrap_or(i64::MAX);
            if let Some(most) = rules.items.1.filter(|most| length > *most) {
                wrong.push(Wrong::too_many(path, count, usize::try_from(most).unwrap_or(0)));
            }
            if let Some(least) = rules.items.0.filter(|least| length < *least) {
                let why = format!("{path} in body should have at least {least} items");
                wrong.push(Wrong::invalid(path, &Value::Int(length), why));
            }
        }
        Value::Map(map) => {
            for name in rules.required.iter().filter(|name| !map.contains(name)) {
                wrong.push(Wrong::required(format!("{path}.{name}"), ""));
            }
            let length = i64::try_from(map.len()).unwrap_or(i64::MAX);
            if let Some(most) = rules.properties.1.filter(|most| length > *most) {
                wrong.push(Wrong::too_many(path, map.len(), usize::try_from(most).unwrap_or(0)));
            }
            if let Some(least) = rules.properties.0.filter(|least| length < *least) {
                let why = format!("{path} in body should have at least {least} properties");
                wrong.push(Wrong::invalid(path, &Value::Int(length), why));
            }
        }
        _ => {}
    }
    combined(schema, value, path, wrong);
}

fn combined(schema: &Structural, value: &Value, path: &str, wrong: &mut Vec<Wrong>) {
    let rules = &schema.rules;
    let fits = |one: &Structural| {
        let mut found = Vec::new();
        node(one, value, path.to_owned(), &mut found);
        found.is_empty()
    };
    for one in &rules.all_of {
        node(one, value, path.to_owned(), wrong);
    }
    if !rules.any_of.is_empty() && !rules.any_of.iter().any(fits) {
        let why = format!("{path} in body must validate at least one schema (anyOf)");
        wrong.push(Wrong::invalid(path, value, why));
        // The API server adds what the first alternative lacks.
        if let Some(first) = rules.any_of.first() {
            node(first, value, path.to_owned(), wrong);
        }
    }
    if !rules.one_of.is_empty() {
        let count = rules.one_of.iter().filter(|one| fits(one)).count();
        if count != 1 {
            let found = if count == 0 {
                "Found none valid".to_owned()
            } else {
                format!("Found {count} valid alternatives")
            };
            let why = format!("{path} in body must validate one and only one schema (oneOf). {found}");
            wrong.push(Wrong::invalid(path, value, why));
        }
    }
    if rules.not.as_deref().is_some_and(fits) {
        let why = format!("{path} in body must not validate the schema (not)");
        wrong.push(Wrong::invalid(path, value, why));
    }
}

fn numbers(schema: &Structural, value: &Value, path: &str, wrong: &mut Vec<Wrong>) {
    let rules = &schema.rules;
    if let Some((least, exclusive)) = &rules.minimum {
        let order = value.order(least);
        if order.is_lt() || (*exclusive && order.is_eq()) {
            let than = if *exclusive { "greater than" } else { "greater than or equal to" };
            let why = format!("{path} in body should be {than} {}", least.to_json());
            wrong.push(Wrong::invalid(path, value, why));
        }
    }
    if let Some((most, exclusive)) = &rules.maximum {
        let order = value.order(most);
        if order.is_gt() || (*exclusive && order.is_eq()) {
            let than = if *exclusive { "less than" } else { "less than or equal to" };
            let why = format!("{path} in body should be {than} {}", most.to_json());
            wrong.push(Wrong::invalid(path, value, why));
        }
    }
    if let (Some(Value::Int(step)), Value::Int(number)) = (&rules.multiple_of, value)
        && *step != 0
        && number % step != 0
    {
        let why = format!("{path} in body should be a multiple of {step}");
        wrong.push(Wrong::invalid(path, value, why));
    }
}

/// Sets hold no two equal items, lists by keys no two of one key.
fn lists(schema: &Structural, items: &[Value], path: &str, wrong: &mut Vec<Wrong>) {
    let mut seen: Vec<Value> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let known = match schema.list_type.as_str() {
            "set" => item.clone(),
            "map" => Value::Map(
                schema
                    .list_keys
                    .iter()
                    .filter_map(|key| Some((key.clone(), item.get(key)?.clone())))
                    .collect(),
            ),
            _ => return,
        };
        if seen.contains(&known) {
            wrong.push(Wrong::duplicate(format!("{path}[{index}]"), &known));
        } else {
            seen.push(known);
        }
    }
}
