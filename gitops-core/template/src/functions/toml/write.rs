//! Writes values: a table's own keys first, then the tables within, indented by their depth.

use crate::time::Moment;
use crate::value::{IntKind, MAX_DEPTH, Value};
use gitops_yaml::{Str, go_float};
use std::fmt::Write as _;

/// Why a value can't be written.
#[derive(Debug)]
pub(super) enum Refusal {
    /// There is no value at all.
    Nil,
    /// In the library's words.
    Value(String),
    /// The text is over the limit of bytes, or the value has more parts than such a text.
    Size,
}

/// How many values are looked at.
const MOST_PARTS: usize = 1_000_000;

type Done<T = ()> = Result<T, Refusal>;

pub(super) fn write(value: &Value, limit: usize) -> Done<String> {
    if value.is_nil() {
        return Err(Refusal::Nil);
    }
    let mut writer = Writer { out: String::new(), limit, parts: 0 };
    writer.entry(&[], &plain(value))?;
    Ok(writer.out)
}

fn refuse<T>(why: impl Into<String>) -> Done<T> {
    Err(Refusal::Value(why.into()))
}

/// An object as the plain value that the library would find behind it.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(object) if Moment::of(value).is_none() => object
            .json()
            .or_else(|| object.plain())
            .or_else(|| object.text().map(Value::from))
            .unwrap_or_else(|| Value::Map(crate::value::Map::new())),
        other => other.clone(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Nothing,
    Element,
    Table,
    Tables,
}

struct Writer {
    out: String,
    /// How many bytes the text may have.
    limit: usize,
    /// How many values were looked at.
    parts: usize,
}

impl Writer {
    /// Says what a value is for TOML; lists with a nil in them are refused wherever they stand.
    fn shape(&mut self, value: &Value, depth: usize) -> Done<Shape> {
        self.parts += 1;
        if self.parts > MOST_PARTS || self.out.len() > self.limit {
            return Err(Refusal::Size);
        }
        if depth > MAX_DEPTH {
            return refuse("toml: the value nests too deeply");
        }
        Ok(match value {
            Value::Missing | Value::Nil => Shape::Nothing,
            Value::List(list) if list.is_nil() => Shape::Nothing,
            Value::Map(_) => Shape::Table,
            Value::List(list) => {
                let mut all_tables = !list.is_empty();
                for item in list.iter() {
                    match self.shape(&plain(item), depth + 1)? {
                        Shape::Nothing => return refuse("toml: cannot encode array with nil element"),
                        Shape::Table => {}
                        Shape::Element | Shape::Tables => all_tables = false,
                    }
                }
                if all_tables { Shape::Tables } else { Shape::Element }
            }
            Value::Complex(..) | Value::Func(_) => {
                return refuse(format!("unsupported type: {}", value.kind_name()));
            }
            _ => Shape::Element,
        })
    }

    /// Returns a table's entries: those that stand in it, and those that are tables themselves.
    fn entries(&mut self, value: &Value, depth: usize) -> Done<(Entries, Entries)> {
        let (mut direct, mut below) = (Vec::new(), Vec::new());
        let Value::Map(map) = value else { return Ok((direct, below)) };
        for (key, value) in map.entries() {
            let value = plain(&value);
            match self.shape(&value, depth + 1)? {
                Shape::Table | Shape::Tables => below.push((key, value)),
                Shape::Nothing => direct.push((key, Value::Nil)),
                Shape::Element => direct.push((key, value)),
            }
        }
        Ok((direct, below))
    }

    fn entry(&mut self, path: &[Str], value: &Value) -> Done {
        match self.shape(value, path.len())? {
            Shape::Nothing => Ok(()),
            Shape::Element => self.key_value(path, value),
            Shape::Tables => self.tables(path, value),
            Shape::Table => {
                if path.len() == 1 {
                    self.new_line();
                }
                if !path.is_empty() {
                    self.indent(path);
                    self.push(format_args!("[{}]", joined(path)));
                    self.new_line();
                }
                self.table(path, value)
            }
        }
    }

    fn tables(&mut self, path: &[Str], value: &Value) -> Done {
        let Value::List(list) = value else { return Ok(()) };
        if path.is_empty() {
            return refuse("toml: top-level values must be Go maps or structs");
        }
        for item in list.iter() {
            self.new_line();
            self.indent(path);
            self.push(format_args!("[[{}]]", joined(path)));
            self.new_line();
            self.table(path, &plain(item))?;
        }
        Ok(())
    }

    fn table(&mut self, path: &[Str], value: &Value) -> Done {
        let (direct, below) = self.entries(value, path.len())?;
        for (key, value) in direct.iter().chain(&below) {
            let mut path = path.to_vec();
            path.push(key.clone());
            self.entry(&path, value)?;
        }
        Ok(())
    }

    fn key_value(&mut self, path: &[Str], value: &Value) -> Done {
        let Some(key) = path.last() else { return self.element(value, 0) };
        self.indent(path);
        self.push(format_args!("{} = ", quoted_key(key)));
        self.element(value, path.len())?;
        self.new_line();
        Ok(())
    }

    fn element(&mut self, value: &Value, depth: usize) -> Done {
        match value {
            Value::Bool(value) => self.push(format_args!("{value}")),
            Value::Int(value, IntKind::Duration) => self.quoted(&crate::printf::duration(*value)),
            Value::Int(value, _) => self.push(format_args!("{value}")),
            Value::Uint(value, _) => self.push(format_args!("{value}")),
            Value::Float(value) => self.out.push_str(&float(*value)),
            Value::String(text) => self.quoted(text),
            Value::RawString(bytes) => self.quoted(&String::from_utf8_lossy(bytes)),
            Value::Bytes(bytes) => {
                let items: Vec<String> = bytes.iter().map(ToString::to_string).collect();
                self.push(format_args!("[{}]", items.join(", ")));
            }
            Value::List(list) => {
                self.out.push('[');
                for (i, item) in list.iter().enumerate() {
                    if i > 0 {
                        self.out.push_str(", ");
                    }
                    self.element(&plain(item), depth + 1)?;
                }
                self.out.push(']');
            }
            Value::Map(_) => self.inline_table(value, depth)?,
            Value::Object(_) => self.out.push_str(&Moment::of(value).map(time).unwrap_or_default()),
            Value::Missing | Value::Nil | Value::Complex(..) | Value::Func(_) => {
                return refuse(format!("unexpected type: {}", value.type_name()));
            }
        }
        Ok(())
    }

    fn inline_table(&mut self, value: &Value, depth: usize) -> Done {
        let (direct, below) = self.entries(value, depth)?;
        self.out.push('{');
        for (group, more) in [(&direct, !below.is_empty()), (&below, false)] {
            for (i, (key, value)) in group.iter().enumerate() {
                // A comma stands behind all but the last of the group, whether it is written or not.
                if value.is_nil() {
                    continue;
                }
                self.push(format_args!("{} = ", quoted_key(key)));
                self.element(value, depth + 1)?;
                if more || i + 1 != group.len() {
                    self.out.push_str(", ");
                }
            }
        }
        self.out.push('}');
        Ok(())
    }

    fn quoted(&mut self, text: &str) {
        quote_into(&mut self.out, text);
    }

    fn indent(&mut self, path: &[Str]) {
        for _ in 1..path.len() {
            self.out.push_str("  ");
        }
    }

    fn new_line(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        self.out.write_fmt(text).expect("writing to a string");
    }
}

type Entries = Vec<(Str, Value)>;

/// The names of the zones of times that were read without one.
pub(super) const LOCAL_DATE_TIME: &str = "datetime-local";
pub(super) const LOCAL_DATE: &str = "date-local";
pub(super) const LOCAL_TIME: &str = "time-local";

fn time(moment: &Moment) -> String {
    moment.format(match moment.format("MST").as_str() {
        LOCAL_DATE_TIME => "2006-01-02T15:04:05.999999999",
        LOCAL_DATE => "2006-01-02",
        LOCAL_TIME => "15:04:05.999999999",
        _ => "2006-01-02T15:04:05.999999999Z07:00",
    })
}

fn float(value: f64) -> String {
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if value.is_nan() {
        return format!("{sign}nan");
    }
    if value.is_infinite() {
        return format!("{sign}inf");
    }
    let text = go_float(value);
    if text.contains(['e', '.']) { text } else { format!("{text}.0") }
}

fn joined(path: &[Str]) -> String {
    path.iter().map(|key| quoted_key(key)).collect::<Vec<_>>().join(".")
}

pub(super) fn quoted_key(key: &str) -> String {
    let bare = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if !key.is_empty() && key.bytes().all(bare) {
        return key.to_owned();
    }
    let mut out = String::with_capacity(key.len() + 2);
    quote_into(&mut out, key);
    out
}

fn quote_into(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c.is_ascii_control() => write!(out, "\\u{:04x}", c as u32).expect("writing to a string"),
            c => out.push(c),
        }
    }
    out.push('"');
}
