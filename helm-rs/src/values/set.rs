//! The grammars of `--set`, `--set-string`, `--set-json`, `--set-file` and `--set-literal`.
//!
//! `a.b[0]=1,c={x,y}`: dots nest tables, brackets index lists, commas separate, braces list, a backslash escapes.
//! `--set` gives `true`, `false`, `null` and decimal integers their types; all else is text. Oddities are Helm's own.

use std::sync::Arc;

use gitops_yaml::{FileId, Str, from_json};

use super::{Table, Value};
use crate::go::quoted;
use crate::json::{Json, node_to_json};
use crate::{Error, ErrorKind};

/// The highest index of a list.
const HIGHEST_INDEX: i64 = 65_536;
/// How deep names may nest.
const DEEPEST: usize = 30;
/// How many lists one key may name; Helm knows no bound.
const MOST_BRACKETS: usize = 500;

/// How the text after `=` is understood.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum SetKind<'a> {
    /// `--set`: `true`, `false`, `null` and integers have their types.
    Typed,
    /// `--set-string`: everything is text.
    Text,
    /// `--set-json`: JSON values.
    Json,
    /// `--set-file`: the contents of the file that is named; the caller reads it and says what went wrong.
    File(&'a dyn Fn(&str) -> Result<String, String>),
    /// `--set-literal`: the whole rest of the line is text; nothing is escaped.
    Literal,
}

/// Sets values from one argument, over those that are there. What stands before a mistake is set nevertheless.
///
/// # Errors
/// What is wrong, in Helm's words without its prefix; `--set-json` too.
///
/// ```
/// use helm_rs::values::{SetKind, Table, set};
/// let mut values = Table::new();
/// set(&mut values, "image.tag=1.0,ports[0]=80,names={a,b}", SetKind::Typed)?;
/// assert_eq!(values["ports"].to_string(), "[80]");
/// assert_eq!(values["image"].to_string(), "{\"tag\":\"1.0\"}");
/// # Ok::<(), helm_rs::Error>(())
/// ```
pub fn set(values: &mut Table, argument: &str, kind: SetKind<'_>) -> Result<(), Error> {
    let mut parser = Parser { rest: argument, kind, brackets: 0 };
    loop {
        parser.brackets = 0;
        match parser.key(values, 0) {
            Ok(()) => {}
            Err(Stop::End) => return Ok(()),
            Err(Stop::Mistake(message)) => return Err(Error::new(ErrorKind::Values, message)),
        }
    }
}

/// Why a part of the argument was left.
enum Stop {
    /// The argument is used up.
    End,
    Mistake(String),
}

impl Stop {
    fn mistake<T>(message: impl Into<String>) -> Result<T, Self> {
        Err(Self::Mistake(message.into()))
    }
}

struct Parser<'a, 'k> {
    rest: &'a str,
    kind: SetKind<'k>,
    /// How many brackets were opened for this key.
    brackets: usize,
}

impl Parser<'_, '_> {
    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next();
        self.rest = chars.as_str();
        c
    }

    fn is_literal(&self) -> bool {
        matches!(self.kind, SetKind::Literal)
    }

    /// Reads to one of these characters, which is returned as well; `None` at the end.
    fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let mut text = String::new();
        while let Some(c) = self.next() {
            if stops.contains(&c) {
                return (text, Some(c));
            }
            if c == '\\' && !self.is_literal() {
                match self.next() {
                    Some(escaped) => text.push(escaped),
                    None => return (text, None),
                }
            } else {
                text.push(c);
            }
        }
        (text, None)
    }

    fn key(&mut self, table: &mut Table, depth: usize) -> Result<(), Stop> {
        let stops: &[char] = if self.is_literal() { &['=', '[', '.'] } else { &['=', '[', ',', '.'] };
        let (key, stop) = self.until(stops);
        match stop {
            None if key.is_empty() => Err(Stop::End),
            None => Stop::mistake(format!("key {} has no value", quoted(&key))),
            Some('[') => self.list(table, &key, depth),
            Some('=') => self.value_of(table, &key),
            Some('.') => self.nested(table, &key, depth + 1),
            Some(_) => {
                put(table, &key, Value::from(""));
                Stop::mistake(format!("key {} has no value (cannot end with ,)", quoted(&key)))
            }
        }
    }

    fn list(&mut self, table: &mut Table, key: &str, depth: usize) -> Result<(), Stop> {
        let index = self.index()?;
        let mut list = match table.get_mut(key) {
            None => Vec::new(),
            Some(Value::List(list)) => Arc::unwrap_or_clone(std::mem::take(list)),
            Some(other) => return Stop::mistake(conversion(other, "[]interface {}")),
        };
        let result = self.item(&mut list, index, depth);
        if key.is_empty() {
            return result;
        }
        table.insert(key.into(), Value::list(list));
        result
    }

    fn nested(&mut self, table: &mut Table, key: &str, depth: usize) -> Result<(), Stop> {
        if depth > DEEPEST {
            return Stop::mistake(format!(
                "value name nested level is greater than maximum supported nested level of {DEEPEST}"
            ));
        }
        let mut inner = match table.get_mut(key) {
            None => Table::new(),
            Some(Value::Table(inner)) => Arc::unwrap_or_clone(std::mem::take(inner)),
            Some(other) => return Stop::mistake(conversion(other, "map[string]interface {}")),
        };
        let result = self.key(&mut inner, depth);
        let is_empty = inner.is_empty();
        // A table that was there stays, even if it is empty.
        if !is_empty || table.contains_key(key) {
            put(table, key, Value::table(inner));
        }
        if is_empty && result.is_ok() {
            return Stop::mistake(format!("key map {} has no value", quoted(key)));
        }
        result
    }

    /// Reads what stands after `key=`.
    fn value_of(&mut self, table: &mut Table, key: &str) -> Result<(), Stop> {
        match self.kind {
            SetKind::Literal => {
                let text = std::mem::take(&mut self.rest);
                put(table, key, Value::from(text));
                Ok(())
            }
            SetKind::Json => {
                let value = self.json()?;
                put(table, key, value);
                Ok(())
            }
            _ => match self.braces() {
                Braces::End => {
                    put(table, key, Value::from(""));
                    Err(Stop::End)
                }
                Braces::List(list, mistake) => match mistake {
                    None => {
                        put(table, key, Value::list(list));
                        Ok(())
                    }
                    Some(message) => Stop::mistake(message),
                },
                Braces::None => {
                    let (text, _) = self.until(&[',']);
                    let value = self.typed(text);
                    let (value, result) = match value {
                        Ok(value) => (value, Ok(())),
                        Err(message) => (Value::Null, Stop::mistake(message)),
                    };
                    put(table, key, value);
                    result
                }
            },
        }
    }

    /// Reads the number between brackets.
    fn index(&mut self) -> Result<i64, Stop> {
        let (text, stop) = self.until(&[']']);
        if stop.is_none() {
            return Err(Stop::End);
        }
        let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Stop::mistake(format!(
                "error parsing index: strconv.Atoi: parsing {}: invalid syntax",
                quoted(&text)
            ));
        }
        text.parse().map_err(|_| {
            let shown = quoted(&text);
            Stop::Mistake(format!("error parsing index: strconv.Atoi: parsing {shown}: value out of range"))
        })
    }

    /// Reads what stands after `key[index]`.
    fn item(&mut self, list: &mut Vec<Value>, index: i64, depth: usize) -> Result<(), Stop> {
        if index < 0 {
            return Stop::mistake(format!("negative {index} index not allowed"));
        }
        self.brackets += 1;
        if self.brackets > MOST_BRACKETS {
            return Stop::mistake(format!("lists are nested more than {MOST_BRACKETS} deep"));
        }
        let (text, stop) = self.until(&['[', '.', '=']);
        if !text.is_empty() {
            let shown: Vec<String> = text.chars().map(quoted_character).collect();
            return Stop::mistake(format!("unexpected data at end of array index: [{}]", shown.join(" ")));
        }
        match stop {
            Some('=') => self.value_at(list, index),
            Some('[') => {
                let next = self.index()?;
                let existing = usize::try_from(index).ok().and_then(|index| list.get_mut(index));
                let mut inner = match existing {
                    None | Some(Value::Null) => Vec::new(),
                    Some(Value::List(inner)) => (**inner).clone(),
                    Some(other) => return Stop::mistake(conversion(other, "[]interface {}")),
                };
                self.item(&mut inner, next, depth)?;
                put_at(list, index, Value::list(inner))
            }
            Some(_) => {
                let existing = usize::try_from(index).ok().and_then(|index| list.get_mut(index));
                let mut inner = match existing {
                    Some(Value::Table(inner)) => (**inner).clone(),
                    Some(other) => {
                        *other = Value::table(Table::new());
                        Table::new()
                    }
                    None => Table::new(),
                };
                let result = self.key(&mut inner, depth);
                // What was set before a mistake is kept where the table was in the list already.
                if result.is_err() && usize::try_from(index).is_ok_and(|index| index >= list.len()) {
                    return result;
                }
                put_at(list, index, Value::table(inner))?;
                result
            }
            None => Err(Stop::End),
        }
    }

    fn value_at(&mut self, list: &mut Vec<Value>, index: i64) -> Result<(), Stop> {
        let value = match self.kind {
            SetKind::Literal => Value::from(std::mem::take(&mut self.rest)),
            SetKind::Json => self.json()?,
            _ => match self.braces() {
                Braces::End => Value::from(""),
                Braces::List(list, None) => Value::list(list),
                Braces::List(_, Some(message)) => return Stop::mistake(message),
                Braces::None => {
                    let (text, _) = self.until(&[',']);
                    self.typed(text).map_err(Stop::Mistake)?
                }
            },
        };
        put_at(list, index, value)
    }

    /// Reads `{a,b}`, with a comma behind it.
    fn braces(&mut self) -> Braces {
        let Some(after) = self.rest.strip_prefix('{') else {
            return if self.rest.is_empty() { Braces::End } else { Braces::None };
        };
        self.rest = after;
        let mut list = Vec::new();
        loop {
            let (text, stop) = self.until(&[',', '}']);
            if stop.is_none() {
                return Braces::List(list, Some("list must terminate with '}'".to_owned()));
            }
            match self.typed(text) {
                Ok(value) => list.push(value),
                Err(message) => return Braces::List(list, Some(message)),
            }
            if stop == Some('}') {
                self.rest = self.rest.strip_prefix(',').unwrap_or(self.rest);
                return Braces::List(list, None);
            }
        }
    }

    fn typed(&self, text: String) -> Result<Value, String> {
        match self.kind {
            SetKind::File(read) => read(&text).map(|text| Value::Text(text.into())),
            SetKind::Typed => Ok(typed(text)),
            _ => Ok(Value::Text(text.into())),
        }
    }

    /// Reads one JSON value and the comma behind it; nothing is null.
    fn json(&mut self) -> Result<Value, Stop> {
        if self.skip_blanks() {
            return Ok(Value::Null);
        }
        let length = json_length(self.rest).map_err(Stop::Mistake)?;
        let (text, after) = self.rest.split_at(length);
        let node =
            from_json(text, FileId::NONE).map_err(|error| Stop::Mistake(error.message().to_owned()))?;
        self.rest = after;
        self.skip_blanks();
        Ok(Value::from_json(&node_to_json(&node)))
    }

    /// Skips white space up to a comma or the end, and the comma; says whether one of them was there.
    fn skip_blanks(&mut self) -> bool {
        let trimmed = self.rest.trim_start();
        self.rest = trimmed;
        if trimmed.is_empty() {
            return true;
        }
        match trimmed.strip_prefix(',') {
            Some(after) => {
                self.rest = after;
                true
            }
            None => false,
        }
    }
}

enum Braces {
    /// There is nothing at all.
    End,
    /// There is no brace.
    None,
    /// The list, and what is wrong with it.
    List(Vec<Value>, Option<String>),
}

fn typed(text: String) -> Value {
    if text.eq_ignore_ascii_case("true") {
        return Value::Bool(true);
    }
    if text.eq_ignore_ascii_case("false") {
        return Value::Bool(false);
    }
    if text.eq_ignore_ascii_case("null") {
        return Value::Null;
    }
    if text == "0" {
        return Value::Int(0);
    }
    if !text.starts_with('0')
        && let Ok(number) = text.parse()
    {
        return Value::Int(number);
    }
    Value::Text(text.into())
}

fn put(table: &mut Table, key: &str, value: Value) {
    if !key.is_empty() {
        table.insert(Str::from(key), value);
    }
}

fn put_at(list: &mut Vec<Value>, index: i64, value: Value) -> Result<(), Stop> {
    if index > HIGHEST_INDEX {
        return Stop::mistake(format!(
            "index of {index} is greater than maximum supported index of {HIGHEST_INDEX}"
        ));
    }
    let index = usize::try_from(index).unwrap_or(0);
    if list.len() <= index {
        list.resize(index + 1, Value::Null);
    }
    list[index] = value;
    Ok(())
}

fn conversion(found: &Value, wanted: &str) -> String {
    let found = found.go_type();
    format!("unable to parse key: interface conversion: interface {{}} is {found}, not {wanted}")
}

fn quoted_character(c: char) -> String {
    match c {
        '\'' => "'\\''".to_owned(),
        '"' => "'\"'".to_owned(),
        c => {
            let text = quoted(&c.to_string());
            format!("'{}'", &text[1..text.len() - 1])
        }
    }
}

/// Finds the end of the JSON value at the start of a text, as Go's decoder does, whose words its errors use.
fn json_length(text: &str) -> Result<usize, String> {
    Scanner { bytes: text.as_bytes(), text, at: 0 }.value(0).map(|scanner| scanner.at)
}

/// Says what is wrong with a JSON text, in Go's words.
pub(crate) fn json_mistake(text: &str) -> Option<String> {
    match json_length(text) {
        Err(why) => Some(why),
        Ok(length) => {
            let after = text.get(length..)?.trim_start();
            let c = after.chars().next()?;
            Some(format!("invalid character {} after top-level value", quoted_character(c)))
        }
    }
}

/// Walks over JSON without keeping it.
struct Scanner<'a> {
    bytes: &'a [u8],
    text: &'a str,
    at: usize,
}

impl Scanner<'_> {
    fn unexpected<T>(&self, context: &str) -> Result<T, String> {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            None => Err("unexpected EOF".to_owned()),
            Some(c) => Err(format!("invalid character {} {context}", quoted_character(c))),
        }
    }

    fn blanks(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn value(mut self, depth: usize) -> Result<Self, String> {
        const DEEPEST_JSON: usize = 1_000;
        if depth > DEEPEST_JSON {
            return Err("exceeded max depth".to_owned());
        }
        self.blanks();
        match self.bytes.get(self.at) {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => {
                self.string()?;
                Ok(self)
            }
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.unexpected("looking for beginning of value"),
        }
    }

    fn word(mut self, word: &str) -> Result<Self, String> {
        for wanted in word.bytes() {
            if self.bytes.get(self.at) != Some(&wanted) {
                let wanted = wanted as char;
                return self.unexpected(&format!("in literal {word} (expecting '{wanted}')"));
            }
            self.at += 1;
        }
        Ok(self)
    }

    fn digits(&mut self) -> bool {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        self.at > start
    }

    fn number(mut self) -> Result<Self, String> {
        if self.bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        if self.bytes.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else if !self.digits() {
            return self.unexpected("in numeric literal");
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            if !self.digits() {
                return self.unexpected("after decimal point in numeric literal");
            }
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if !self.digits() {
                return self.unexpected("in exponent of numeric literal");
            }
        }
        Ok(self)
    }

    fn string(&mut self) -> Result<(), String> {
        self.at += 1;
        loop {
            match self.bytes.get(self.at) {
                None => return Err("unexpected EOF".to_owned()),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    match self.bytes.get(self.at) {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
                        Some(b'u') => {
                            self.at += 1;
                            for _ in 0..4 {
                                if !self.bytes.get(self.at).is_some_and(u8::is_ascii_hexdigit) {
                                    return self.unexpected("in \\u hexadecimal character escape");
                                }
                                self.at += 1;
                            }
                        }
                        _ => return self.unexpected("in string escape code"),
                    }
                }
                Some(0..=0x1f) => return self.unexpected("in string literal"),
                Some(_) => self.at += 1,
            }
        }
    }

    fn object(mut self, depth: usize) -> Result<Self, String> {
        self.at += 1;
        self.blanks();
        if self.bytes.get(self.at) == Some(&b'}') {
            self.at += 1;
            return Ok(self);
        }
        loop {
            self.blanks();
            if self.bytes.get(self.at) != Some(&b'"') {
                return self.unexpected("looking for beginning of object key string");
            }
            self.string()?;
            self.blanks();
            if self.bytes.get(self.at) != Some(&b':') {
                return self.unexpected("after object key");
            }
            self.at += 1;
            self = self.value(depth + 1)?;
            self.blanks();
            match self.bytes.get(self.at) {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(self);
                }
                _ => return self.unexpected("after object key:value pair"),
            }
        }
    }

    fn array(mut self, depth: usize) -> Result<Self, String> {
        self.at += 1;
        self.blanks();
        if self.bytes.get(self.at) == Some(&b']') {
            self.at += 1;
            return Ok(self);
        }
        loop {
            self = self.value(depth + 1)?;
            self.blanks();
            match self.bytes.get(self.at) {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(self);
                }
                _ => return self.unexpected("after array element"),
            }
        }
    }
}

/// Reads a whole text as one JSON object, for `--set-json '{…}'`; `None` where it is anything else.
pub(crate) fn json_object(text: &str) -> Option<Table> {
    let length = json_length(text).ok()?;
    if !text.get(length..)?.trim().is_empty() {
        return None;
    }
    let json = node_to_json(&from_json(text, FileId::NONE).ok()?);
    match (&json, Value::from_json(&json)) {
        (Json::Object(_), Value::Table(table)) => Some(Arc::unwrap_or_clone(table)),
        _ => None,
    }
}
