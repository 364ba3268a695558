//! JSON and YAML in and out.

use super::{Result, pure, text};
use crate::function::{CallError, Function, Functions, Signature, Type};
use crate::limits::{ITEM_BYTES, OUTPUT_BYTES};
use crate::value::{MAX_DEPTH, Map, Value};
use gitops_yaml::{
    Dialect, FileId, HtmlEscape, JsonPrinter, PrettyPrinter, ReadOptions, SigsPrinter, Str, ValueSink,
    from_json, pretty_key_order, read_document, sort_keys, visit_values,
};

const ANY: &[Type] = &[Type::Any];
const STRING: &[Type] = &[Type::String];

pub(super) fn add(functions: &mut Functions) {
    functions.insert(
        "toYaml",
        Function::new(Signature::new(ANY, Type::String), |context, args| match &args[0] {
            Value::Map(map) => context.yaml(map, |map| or_nothing(to_yaml(&Value::Map(map.clone())))),
            other => or_nothing(to_yaml(other)),
        }),
    );
    functions.insert(
        "mustToYaml",
        pure(ANY, Type::String, |args| {
            to_yaml(&args[0]).map(Value::from).map_err(|error| error.context("error marshaling into JSON"))
        }),
    );
    functions.insert("toYamlPretty", pure(ANY, Type::String, |args| or_nothing(to_yaml_pretty(&args[0]))));
    functions
        .insert("toJson", pure(ANY, Type::String, |args| or_nothing(to_json(&args[0], HtmlEscape::Yes))));
    functions.insert(
        "mustToJson",
        pure(ANY, Type::String, |args| to_json(&args[0], HtmlEscape::Yes).map(Value::from)),
    );
    for name in ["toRawJson", "mustToRawJson"] {
        functions
            .insert(name, pure(ANY, Type::String, |args| to_json(&args[0], HtmlEscape::No).map(Value::from)));
    }
    functions.insert("toPrettyJson", pure(ANY, Type::String, |args| or_nothing(pretty_json(&args[0]))));
    functions
        .insert("mustToPrettyJson", pure(ANY, Type::String, |args| pretty_json(&args[0]).map(Value::from)));
    functions.insert("mustFromJson", reading(Type::Any, |text| parse_json(text).map_err(CallError::from)));
    functions.insert("fromJson", reading(Type::Map, |text| Ok(as_map(parse_json(text), Source::Json))));
    functions
        .insert("fromJsonArray", reading(Type::List, |text| Ok(as_list(parse_json(text), Source::Json))));
    functions.insert("fromYaml", reading(Type::Map, |text| Ok(as_map(parse_yaml(text), Source::Yaml))));
    functions
        .insert("fromYamlArray", reading(Type::List, |text| Ok(as_list(parse_yaml(text), Source::Yaml))));
}

/// A function that reads a text. Of all values of a text the shortest take most memory: the items of a list, each of a digit.
fn reading(result: Type, read: fn(&str) -> Result) -> Function {
    Function::new(Signature::new(STRING, result), move |context, args| {
        let text = text(&args[0]);
        context.made(text.len() / 2 * ITEM_BYTES)?;
        read(&text)
    })
}

/// The functions without `must` print nothing where they fail; a limit ends the render all the same.
fn or_nothing(printed: Result<String>) -> Result {
    match printed {
        Err(error) if error.fatal => Err(error),
        printed => Ok(printed.unwrap_or_default().into()),
    }
}

/// Where a value was read from; the texts of Go's refusals differ.
#[derive(Clone, Copy)]
enum Source {
    Json,
    Yaml,
}

impl Source {
    /// Go's refusal to put a value of one kind into a variable of another.
    fn mismatch(self, found: &Value, wanted: &str) -> String {
        let kind = match found {
            Value::String(_) => "string",
            Value::Bool(_) => "bool",
            Value::List(_) => "array",
            Value::Map(_) => "object",
            _ => "number",
        };
        let refusal = format!("json: cannot unmarshal {kind} into Go value of type {wanted}");
        match self {
            Self::Json => refusal,
            Self::Yaml => format!("error unmarshaling JSON: while decoding JSON: {refusal}"),
        }
    }
}

/// A map, or one whose key `Error` tells why there is none.
fn as_map(read: std::result::Result<Value, String>, source: Source) -> Value {
    let why = match read {
        Ok(map @ Value::Map(_)) => return map,
        Ok(Value::Nil | Value::Missing) => return Map::new().into(),
        Ok(other) => source.mismatch(&other, "map[string]interface {}"),
        Err(why) => why,
    };
    Map::from_iter([("Error", Value::from(why))]).into()
}

/// A list, or one whose only item tells why there is none.
fn as_list(read: std::result::Result<Value, String>, source: Source) -> Value {
    let why = match read {
        Ok(list @ Value::List(_)) => return list,
        Ok(Value::Nil | Value::Missing) => return Value::list(Vec::new()),
        Ok(other) => source.mismatch(&other, "[]interface {}"),
        Err(why) => why,
    };
    Value::list(vec![Value::from(why)])
}

fn parse_json(text: &str) -> std::result::Result<Value, String> {
    let node = from_json(text, FileId::NONE).map_err(|error| error.message().to_owned())?;
    let mut builder = Builder::default();
    visit_values(&node, Dialect::Yaml11, &mut builder).map_err(|error| error.to_string())?;
    Ok(builder.done)
}

/// Reads YAML as Helm reads values: the first document, numbers as `float64`.
pub(crate) fn parse_yaml(text: &str) -> std::result::Result<Value, String> {
    let wrap = |error: gitops_yaml::Error| format!("error converting YAML to JSON: {error}");
    let options = ReadOptions::yaml11().without_comments();
    let Some(document) = read_document(text.as_bytes(), FileId::NONE, &options).map_err(wrap)? else {
        return Ok(Value::Nil);
    };
    let mut builder = Builder::default();
    visit_values(&document, Dialect::Yaml11, &mut builder).map_err(wrap)?;
    Ok(builder.done)
}

/// Builds values from the pieces of a tree, with JSON's numbers.
#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    done: Value,
}

enum Open {
    Map(Map, Str),
    List(Vec<Value>),
}

impl Builder {
    fn take(&mut self, value: Value) {
        match self.open.last_mut() {
            None => self.done = value,
            Some(Open::Map(map, key)) => map.insert(key.clone(), value),
            Some(Open::List(items)) => items.push(value),
        }
    }
}

impl ValueSink for Builder {
    fn begin_map(&mut self) {
        self.open.push(Open::Map(Map::new(), Str::EMPTY));
    }
    fn key(&mut self, text: &str) {
        if let Some(Open::Map(_, key)) = self.open.last_mut() {
            *key = text.into();
        }
    }
    fn begin_seq(&mut self) {
        self.open.push(Open::List(Vec::new()));
    }
    fn end(&mut self) {
        let value = match self.open.pop() {
            Some(Open::Map(map, _)) => Value::Map(map),
            Some(Open::List(items)) => Value::list(items),
            None => Value::Nil,
        };
        self.take(value);
    }
    fn str(&mut self, value: &str) {
        self.take(Value::from(value));
    }
    #[allow(clippy::cast_precision_loss, reason = "JSON's numbers are floats in Go")]
    fn int(&mut self, value: i64) {
        self.take(Value::Float(value as f64));
    }
    #[allow(clippy::cast_precision_loss, reason = "JSON's numbers are floats in Go")]
    fn uint(&mut self, value: u64) {
        self.take(Value::Float(value as f64));
    }
    fn float(&mut self, value: f64) {
        self.take(Value::Float(value));
    }
    fn bool(&mut self, value: bool) {
        self.take(Value::Bool(value));
    }
    fn null(&mut self) {
        self.take(Value::Nil);
    }
}

/// Prints as sigs.k8s.io/yaml does, without the last line break.
fn to_yaml(value: &Value) -> Result<String> {
    let mut printer = SigsPrinter::new();
    feed(value, &mut printer, MAX_DEPTH, &mut { OUTPUT_BYTES })?;
    Ok(without_line_break(printer.finish().map_err(|error| CallError::new(error.to_string()))?))
}

fn to_yaml_pretty(value: &Value) -> Result<String> {
    let mut printer = Pretty(PrettyPrinter::new(2));
    feed(value, &mut printer, MAX_DEPTH, &mut { OUTPUT_BYTES })?;
    Ok(without_line_break(printer.0.finish().map_err(|error| CallError::new(error.to_string()))?))
}

fn without_line_break(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
    }
    text
}

fn to_json(value: &Value, escape: HtmlEscape) -> Result<String> {
    let mut printer = JsonPrinter::new(escape);
    feed(value, &mut printer, MAX_DEPTH, &mut { OUTPUT_BYTES })?;
    printer.finish().map_err(|error| CallError::new(error.to_string()))
}

fn pretty_json(value: &Value) -> Result<String> {
    let mut printer = JsonPrinter::pretty(HtmlEscape::Yes, "  ");
    feed(value, &mut printer, MAX_DEPTH, &mut { OUTPUT_BYTES })?;
    printer.finish().map_err(|error| CallError::new(error.to_string()))
}

/// Hands a value to a printer, maps in the printer's order. What holds one thing often is printed within `budget`, in bytes.
fn feed<S: ValueSink>(value: &Value, sink: &mut S, depth: usize, budget: &mut usize) -> Result<()> {
    // A part costs more than its text: what surrounds it, and what it takes in memory meanwhile.
    let cost = 64 + value.as_string_bytes().map_or(0, <[u8]>::len);
    *budget = budget
        .checked_sub(cost)
        .ok_or_else(|| CallError::limit(format!("the text is over the limit of {OUTPUT_BYTES} bytes")))?;
    let Some(depth) = depth.checked_sub(1) else {
        return Err(CallError::new("json: unsupported value: encountered a cycle"));
    };
    match value {
        Value::Missing | Value::Nil => sink.null(),
        Value::Bool(value) => sink.bool(*value),
        Value::Int(value, _) => sink.int(*value),
        Value::Uint(value, _) => match i64::try_from(*value) {
            Ok(value) => sink.int(value),
            Err(_) => sink.uint(*value),
        },
        Value::Float(value) if value.is_finite() => sink.float(*value),
        Value::Float(value) => {
            let name = if value.is_nan() {
                "NaN"
            } else if *value > 0.0 {
                "+Inf"
            } else {
                "-Inf"
            };
            return Err(CallError::new(format!("json: unsupported value: {name}")));
        }
        Value::String(text) => sink.str(text),
        Value::RawString(bytes) => sink.binary(bytes),
        Value::Bytes(bytes) => sink.str(&super::encoding::base64(bytes)),
        Value::List(list) if list.is_nil() => sink.null(),
        Value::List(list) => {
            sink.begin_seq();
            for item in list.iter() {
                feed(item, sink, depth, budget)?;
            }
            sink.end();
        }
        Value::Map(map) => {
            let mut entries = map.entries();
            sort_keys(&mut entries, |a, b| S::order(&a.0, &b.0));
            sink.begin_map();
            for (key, value) in &entries {
                sink.key(key);
                feed(value, sink, depth, budget)?;
            }
            sink.end();
        }
        Value::Object(object) => match (object.json().or_else(|| object.plain()), object.text()) {
            (Some(plain), _) => feed(&plain, sink, depth, budget)?,
            (None, Some(text)) => sink.str(&text),
            (None, None) => {
                sink.begin_map();
                sink.end();
            }
        },
        Value::Complex(..) | Value::Func(_) => {
            return Err(CallError::new(format!("json: unsupported type: {}", value.type_name())));
        }
    }
    Ok(())
}

/// The pretty printer as a sink, which has the order of yaml.v3's keys.
struct Pretty(PrettyPrinter);

impl ValueSink for Pretty {
    fn order(a: &str, b: &str) -> std::cmp::Ordering {
        pretty_key_order(a, b)
    }
    fn begin_map(&mut self) {
        self.0.begin_map();
    }
    fn key(&mut self, key: &str) {
        self.0.key(key);
    }
    fn begin_seq(&mut self) {
        self.0.begin_seq();
    }
    fn end(&mut self) {
        self.0.end();
    }
    fn str(&mut self, value: &str) {
        self.0.str(value);
    }
    fn int(&mut self, value: i64) {
        self.0.int(value);
    }
    fn uint(&mut self, value: u64) {
        self.0.uint(value);
    }
    fn float(&mut self, value: f64) {
        self.0.float(value);
    }
    fn bool(&mut self, value: bool) {
        self.0.bool(value);
    }
    fn null(&mut self) {
        self.0.null();
    }
}
