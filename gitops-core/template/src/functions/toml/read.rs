//! Reads TOML, with the library's refusals: the line, the last key, what was expected.

use super::write::{LOCAL_DATE, LOCAL_DATE_TIME, LOCAL_TIME, quoted_key};
use crate::quote::{quote, quote_rune};
use crate::time::{Zone, read as read_time};
use crate::value::{Element, List, Map, Value};
use crate::world::Hermetic;
use gitops_yaml::Str;
use std::cell::Cell;
use std::collections::BTreeMap;

/// How deep arrays and inline tables may nest.
const DEPTH: usize = 200;

/// Reads a document.
pub(super) fn read(text: &str) -> Result<Map, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader {
        text,
        at: 0,
        root: Table::default(),
        context: Vec::new(),
        key: None,
        key_line: 1,
        counted: Cell::new((0, 1)),
        ended: false,
    };
    match reader.document() {
        Ok(()) => Ok(reader.root.into_map()),
        Err(Refused { line, message }) => Err(match reader.last_key() {
            key if key.is_empty() => format!("toml: line {line}: {message}"),
            key => format!("toml: line {line} (last key {}): {message}", quote(&key)),
        }),
    }
}

struct Refused {
    line: usize,
    message: String,
}

type Done<T = ()> = Result<T, Refused>;

#[derive(Default)]
struct Table {
    entries: BTreeMap<Str, Node>,
    /// Whether it only came about as a part of longer keys, so that it may still be defined.
    implicit: bool,
}

enum Node {
    Table(Table),
    Tables(Vec<Table>),
    Value(Value),
}

impl Table {
    fn into_map(self) -> Map {
        self.entries.into_iter().map(|(key, node)| (key, node.into_value())).collect()
    }
}

impl Node {
    fn into_value(self) -> Value {
        match self {
            Self::Table(table) => Value::Map(table.into_map()),
            Self::Tables(tables) => {
                let tables: Vec<Value> = tables.into_iter().map(|table| table.into_map().into()).collect();
                List::typed(Element::Map, tables).into()
            }
            Self::Value(value) => value,
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    root: Table,
    /// The table at hand.
    context: Vec<Str>,
    /// The key at hand.
    key: Option<Str>,
    /// The line of the key at hand.
    key_line: usize,
    /// Whether the end was taken as a character.
    ended: bool,
    /// A place and its line, from which lines are counted on.
    counted: Cell<(usize, usize)>,
}

fn shown(path: &[Str]) -> String {
    path.iter().map(|key| quoted_key(key)).collect::<Vec<_>>().join(".")
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r')
}

impl Reader<'_> {
    fn last_key(&self) -> String {
        match self.key.as_ref().filter(|key| !key.is_empty()) {
            None => shown(&self.context),
            Some(key) if self.context.is_empty() => key.to_string(),
            Some(key) => format!("{}.{key}", shown(&self.context)),
        }
    }

    fn line(&self) -> usize {
        let (at, line) = self.counted.get();
        let (at, line) = if at <= self.at { (at, line) } else { (0, 1) };
        let line = line + self.text[at..self.at].bytes().filter(|b| *b == b'\n').count();
        self.counted.set((self.at, line));
        line
    }

    /// Refuses at the character that was just taken; the end of a text that ends with its line counts as that line.
    fn refuse<T>(&self, message: impl Into<String>) -> Done<T> {
        let at_end = self.ended && self.text.ends_with('\n');
        Err(Refused { line: self.line() - usize::from(at_end && self.line() > 1), message: message.into() })
    }

    fn refuse_at<T>(&self, line: usize, message: impl Into<String>) -> Done<T> {
        Err(Refused { line, message: message.into() })
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn starts(&self, with: &str) -> bool {
        self.text[self.at..].starts_with(with)
    }

    fn next(&mut self) -> Done<Option<char>> {
        let Some(c) = self.peek() else {
            self.ended = true;
            return Ok(None);
        };
        let lone_return = c == '\r' && !self.starts("\r\n");
        if (c.is_ascii_control() && !matches!(c, '\t' | '\r' | '\n')) || lone_return {
            let code = c as u32;
            return self.refuse(format!("TOML files cannot contain control characters: '0x{code:02x}'"));
        }
        self.at += c.len_utf8();
        Ok(Some(c))
    }

    fn skip(&mut self, what: fn(char) -> bool) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches(what).len();
    }

    /// Passes blanks, line breaks and comments.
    fn skip_lines(&mut self) -> Done {
        loop {
            self.skip(|c| is_blank(c) || is_break(c));
            if self.peek() != Some('#') {
                return Ok(());
            }
            self.comment()?;
        }
    }

    fn comment(&mut self) -> Done {
        while self.peek().is_some_and(|c| !is_break(c)) {
            self.next()?;
        }
        Ok(())
    }

    fn document(&mut self) -> Done {
        loop {
            self.skip_lines()?;
            match self.peek() {
                None => return Ok(()),
                Some('[') => self.header()?,
                Some(_) => {
                    self.key_value(0)?;
                }
            }
            self.end_of_line()?;
        }
    }

    fn end_of_line(&mut self) -> Done {
        self.skip(is_blank);
        match self.next()? {
            None => Ok(()),
            Some('#') => self.comment(),
            Some(c) if is_break(c) => Ok(()),
            Some(c) => self.refuse(format!(
                "expected a top-level item to end with a newline, comment, or EOF, but got {} instead",
                quote_rune(c)
            )),
        }
    }

    fn header(&mut self) -> Done {
        self.at += 1;
        let array = self.starts("[");
        self.at += usize::from(array);
        let line = self.line();
        let mut path = Vec::new();
        loop {
            self.skip(is_blank);
            match self.peek() {
                None | Some(']') => {
                    return self.refuse("unexpected end of table name (table names cannot be empty)");
                }
                Some('.') => return self.refuse("unexpected table separator (table names cannot be empty)"),
                Some(_) => path.push(self.key_part()?),
            }
            self.skip(is_blank);
            match self.next()? {
                Some('.') => {}
                Some(']') => break,
                c => {
                    return self.refuse(format!(
                        "expected '.' or ']' to end table name, but got {} instead",
                        rune(c)
                    ));
                }
            }
        }
        if array {
            let c = self.next()?;
            if c != Some(']') {
                let got = rune(c);
                return self.refuse(format!(
                    "expected end of table array name delimiter ']', but got {got} instead"
                ));
            }
        }
        self.key_line = line;
        self.key = None;
        self.enter(&path, array)
    }

    /// Makes the table of a header the one at hand.
    fn enter(&mut self, path: &[Str], array: bool) -> Done {
        let line = self.key_line;
        let Some((last, parents)) = path.split_last() else { return Ok(()) };
        self.context = parents.to_vec();
        let mut table = &mut self.root;
        for (depth, key) in parents.iter().enumerate() {
            let new = || Node::Table(Table { implicit: true, ..Table::default() });
            table = match table.entries.entry(key.clone()).or_insert_with(new) {
                Node::Table(table) => table,
                Node::Tables(tables) if !tables.is_empty() => {
                    let end = tables.len() - 1;
                    &mut tables[end]
                }
                Node::Tables(_) | Node::Value(_) => {
                    let message =
                        format!("Key '{}' was already created as a hash.", shown(&parents[..=depth]));
                    return self.refuse_at(line, message);
                }
            };
        }
        match table.entries.get_mut(last) {
            None if array => {
                table.entries.insert(last.clone(), Node::Tables(vec![Table::default()]));
            }
            None => {
                table.entries.insert(last.clone(), Node::Table(Table::default()));
            }
            Some(Node::Tables(tables)) if array => tables.push(Table::default()),
            Some(_) if array => {
                let message =
                    format!("Key '{}' was already created and cannot be used as an array.", shown(path));
                return self.refuse_at(line, message);
            }
            Some(Node::Table(table)) if table.implicit => table.implicit = false,
            Some(_) => {
                return self.refuse_at(line, format!("Key '{}' has already been defined.", shown(path)));
            }
        }
        self.context.push(last.clone());
        Ok(())
    }

    /// Reads `key = value` into the table at hand.
    fn key_value(&mut self, depth: usize) -> Done {
        let outer = self.context.clone();
        let (path, line) = self.key_path()?;
        self.key_line = line;
        let Some((last, parents)) = path.split_last() else { return Ok(()) };
        self.key = Some(last.clone());
        let opened = open(&mut self.root, &outer, parents);
        self.finish_key(&outer, parents, opened)?;
        let value = self.value(depth)?;
        insert(&mut self.root, &self.context, last, value)
            .or_else(|message| self.refuse_at(line, message))?;
        self.context = outer;
        self.key = None;
        Ok(())
    }

    /// Makes the table of a dotted key the one at hand, if it could be opened.
    fn finish_key(&mut self, outer: &[Str], parents: &[Str], opened: Result<(), usize>) -> Done {
        let length = opened.err().unwrap_or(parents.len());
        self.context = outer.iter().chain(&parents[..length]).cloned().collect();
        match opened {
            Ok(()) => Ok(()),
            Err(_) => {
                let message = format!("Key '{}' was already created as a hash.", shown(&self.context));
                self.refuse_at(self.key_line, message)
            }
        }
    }

    /// Reads a key up to its `=`.
    fn key_path(&mut self) -> Done<(Vec<Str>, usize)> {
        self.skip(is_blank);
        match self.peek() {
            None | Some('=') => return self.refuse("unexpected '=': key name appears blank"),
            Some('.') => return self.refuse("unexpected '.': keys cannot start with a '.'"),
            Some(_) => {}
        }
        let line = self.line();
        let mut path = Vec::new();
        loop {
            self.skip(is_blank);
            match self.peek() {
                None | Some('=') => return self.refuse("unexpected '='"),
                Some('.') => return self.refuse("unexpected '.'"),
                Some(_) => path.push(self.key_part()?),
            }
            self.skip(is_blank);
            match self.next()? {
                None => return self.refuse("unexpected EOF; expected key separator '='"),
                Some('.') => {}
                Some('=') => return Ok((path, line)),
                Some('\n') => {
                    return self.refuse_at(self.line() - 1, "expected '.' or '=', but got '\\n' instead");
                }
                Some(c) => {
                    return self.refuse(format!("expected '.' or '=', but got {} instead", quote_rune(c)));
                }
            }
        }
    }

    fn key_part(&mut self) -> Done<Str> {
        match self.peek() {
            Some('"') => {
                self.at += 1;
                self.string()
            }
            Some('\'') => {
                self.at += 1;
                self.raw_string()
            }
            _ => {
                let start = self.at;
                self.skip(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
                Ok(Str::from(&self.text[start..self.at]))
            }
        }
    }

    fn value(&mut self, depth: usize) -> Done<Node> {
        self.skip(is_blank);
        if self.peek() == Some('{') {
            self.at += 1;
            return self.inline_table(depth + 1);
        }
        self.plain_value(depth).map(Node::Value)
    }

    fn plain_value(&mut self, depth: usize) -> Done<Value> {
        if depth > DEPTH {
            return self.refuse("the value nests too deeply");
        }
        self.skip(is_blank);
        let start = self.at;
        for (mark, raw) in [("\"\"\"", false), ("'''", true)] {
            if self.starts(mark) {
                self.at += mark.len();
                return self.long_string(mark, raw).map(Value::String);
            }
        }
        match self.next()? {
            None => self.refuse("unexpected EOF; expected value"),
            Some('[') => self.array(depth + 1),
            Some('"') => self.string().map(Value::String),
            Some('\'') => self.raw_string().map(Value::String),
            Some('.') => self.refuse("floats must start with a digit, not '.'"),
            Some(c) if c.is_ascii_digit() || matches!(c, '+' | '-') => {
                self.at = start;
                self.number_or_time()
            }
            Some(c) if c.is_alphabetic() => {
                self.at = start;
                self.skip(char::is_alphabetic);
                match &self.text[start..self.at] {
                    "true" => Ok(Value::Bool(true)),
                    "false" => Ok(Value::Bool(false)),
                    "inf" => Ok(Value::Float(f64::INFINITY)),
                    "nan" => Ok(Value::Float(f64::NAN)),
                    word => self.refuse(format!("expected value but found {} instead", quote(word))),
                }
            }
            Some('\n') => self.refuse_at(self.line() - 1, "expected value but found '\\n' instead"),
            Some(c) => self.refuse(format!("expected value but found {} instead", quote_rune(c))),
        }
    }

    fn array(&mut self, depth: usize) -> Done<Value> {
        let mut items = Vec::new();
        loop {
            self.skip_lines()?;
            match self.peek() {
                Some(']') => break,
                Some(',') => {
                    self.at += 1;
                    return self.refuse("unexpected comma");
                }
                _ => items.push(self.value(depth)?.into_value()),
            }
            self.skip_lines()?;
            match self.next()? {
                Some(',') => {}
                Some(']') => return Ok(Value::list(items)),
                c => {
                    return self.refuse(format!(
                        "expected a comma (',') or array terminator (']'), but got {}",
                        rune_or_end(c)
                    ));
                }
            }
        }
        self.at += 1;
        Ok(Value::list(items))
    }

    /// Reads `{…}` as a document of its own, whose keys are shown below the key at hand.
    fn inline_table(&mut self, depth: usize) -> Done<Node> {
        if depth > DEPTH {
            return self.refuse("the value nests too deeply");
        }
        let (outer_context, outer_key) = (self.context.clone(), self.key.clone());
        self.context.extend(outer_key.clone());
        self.key = None;
        let base = self.context.clone();
        let mut table = Table::default();
        loop {
            self.skip_lines()?;
            match self.peek() {
                Some('}') => break,
                Some(',') => {
                    self.at += 1;
                    return self.refuse("unexpected comma");
                }
                _ => {}
            }
            let (path, line) = self.key_path()?;
            let Some((last, parents)) = path.split_last() else { break };
            self.key_line = line;
            self.key = Some(last.clone());
            let opened = open(&mut table, &[], parents);
            self.finish_key(&base, parents, opened)?;
            let value = self.value(depth)?;
            if insert(&mut table, parents, last, value).is_err() {
                let mut whole = self.context.clone();
                whole.push(last.clone());
                return self.refuse_at(line, format!("Key '{}' has already been defined.", shown(&whole)));
            }
            self.context.clone_from(&base);
            self.skip_lines()?;
            match self.peek() {
                Some(',') => self.at += 1,
                Some('}') => break,
                c => {
                    self.next()?;
                    return self.refuse(format!(
                        "expected a comma or an inline table terminator '}}', but got {} instead",
                        rune_or_end(c)
                    ));
                }
            }
        }
        self.at += 1;
        (self.context, self.key) = (outer_context, outer_key);
        Ok(Node::Table(table))
    }

    fn string(&mut self) -> Done<Str> {
        let mut out = String::new();
        loop {
            match self.next()? {
                None => return self.refuse("unexpected EOF; expected '\"'"),
                Some(c) if is_break(c) => {
                    return self
                        .refuse_at(self.line() - usize::from(c == '\n'), "strings cannot contain newlines");
                }
                Some('"') => return Ok(out.into()),
                Some('\\') => out.push(self.escape()?),
                Some(c) => out.push(c),
            }
        }
    }

    fn raw_string(&mut self) -> Done<Str> {
        let start = self.at;
        loop {
            match self.next()? {
                None => return self.refuse("unexpected EOF; expected \"'\""),
                Some(c) if is_break(c) => {
                    return self
                        .refuse_at(self.line() - usize::from(c == '\n'), "strings cannot contain newlines");
                }
                Some('\'') => return Ok(Str::from(&self.text[start..self.at - 1])),
                Some(_) => {}
            }
        }
    }

    /// Reads a string of several lines up to its three quotes; two more may stand before them.
    fn long_string(&mut self, mark: &str, raw: bool) -> Done<Str> {
        let quote = if raw { '\'' } else { '"' };
        if self.starts("\r\n") {
            self.at += 2;
        } else if self.starts("\n") {
            self.at += 1;
        }
        let mut out = String::new();
        loop {
            if self.starts(mark) {
                let rest = &self.text[self.at..];
                let quotes = rest.len() - rest.trim_start_matches(quote).len();
                if quotes > 5 {
                    self.at += 6;
                    let six = if raw { "\"''''''\"" } else { "'\"\"\"\"\"\"'" };
                    return self.refuse(format!("unexpected {six}"));
                }
                out.extend(std::iter::repeat_n(quote, quotes - 3));
                self.at += quotes;
                return Ok(out.into());
            }
            match self.next()? {
                None => {
                    let expected = if raw { "\"'''\"" } else { "'\"\"\"'" };
                    return self.refuse(format!("unexpected EOF; expected {expected}"));
                }
                Some('\\') if !raw => {
                    // A backslash at a line's end takes away the break and the blanks that follow.
                    let rest = &self.text[self.at..];
                    let white = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
                    if rest[..white].contains('\n') {
                        self.at += white;
                    } else {
                        out.push(self.escape()?);
                    }
                }
                Some(c) => out.push(c),
            }
        }
    }

    fn escape(&mut self) -> Done<char> {
        let Some(c) = self.next()? else { return self.refuse("unexpected EOF; expected '\"'") };
        let (digits, words) = match c {
            'b' => return Ok('\u{8}'),
            't' => return Ok('\t'),
            'n' => return Ok('\n'),
            'f' => return Ok('\u{c}'),
            'r' => return Ok('\r'),
            'e' => return Ok('\u{1b}'),
            '"' | '\\' => return Ok(c),
            'x' => (2, "two hexadecimal digits after '\\x'"),
            'u' => (4, "four hexadecimal digits after '\\u'"),
            'U' => (8, "eight hexadecimal digits after '\\U'"),
            c if is_blank(c) => return self.refuse(format!("invalid escape: '\\{c}'")),
            c => return self.refuse(format!("invalid escape in string '\\{c}'")),
        };
        let start = self.at;
        for _ in 0..digits {
            if !self.next()?.is_some_and(|c| c.is_ascii_hexdigit()) {
                let found = quote(&self.text[start - 2..self.at]);
                return self.refuse(format!("expected {words}, but got {found} instead"));
            }
        }
        let written = &self.text[start..self.at];
        match u32::from_str_radix(written, 16).ok().and_then(char::from_u32) {
            Some(c) => Ok(c),
            None => self.refuse(format!("Escaped character '\\u{written}' is not valid UTF-8.")),
        }
    }

    fn number_or_time(&mut self) -> Done<Value> {
        let start = self.at;
        let rest = &self.text[start..];
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits > 0 && rest[digits..].starts_with(['-', ':']) {
            self.skip(|c| c.is_ascii_digit() || "-:Tt .Zz+".contains(c));
            return self.time(self.text[start..self.at].trim());
        }
        let signed = rest.starts_with(['+', '-']);
        let body = if signed { &rest[1..] } else { rest };
        for (word, value) in [("inf", f64::INFINITY), ("nan", f64::NAN)] {
            if signed && body.starts_with(word) {
                self.at += 4;
                return Ok(Value::Float(if rest.starts_with('-') { -value } else { value }));
            }
        }
        for (prefix, base, name) in
            [("0x", 16, "a hexadecimal"), ("0o", 8, "an octal"), ("0b", 2, "a binary")]
        {
            let Some(after) = body.strip_prefix(prefix) else { continue };
            if signed {
                self.at += 3;
                let shown = &self.text[start..self.at];
                return self.refuse(format!("cannot use sign with non-decimal numbers: '{shown}'"));
            }
            let length = after.len() - after.trim_start_matches(|c: char| c.is_digit(base) || c == '_').len();
            self.at += 2 + length;
            if !after.starts_with(|c: char| c.is_digit(base)) {
                let c = after.chars().next().unwrap_or('\0');
                return self.refuse(format!("not {name} number: '{prefix}{c}'"));
            }
            return self.integer(&self.text[start..self.at], &after[..length], base);
        }
        if signed && !body.starts_with(|c: char| c.is_ascii_digit()) {
            self.at += 1;
            return match self.next()? {
                Some('.') => self.refuse("floats must start with a digit, not '.'"),
                c => self.refuse(format!("expected a digit but got {}", rune(c))),
            };
        }
        self.at += usize::from(signed);
        self.skip(|c| c.is_ascii_digit() || c == '_');
        if !self.text[self.at..].starts_with(['.', 'e', 'E']) {
            let written = &self.text[start..self.at];
            return self.integer(written, written, 10);
        }
        self.skip(|c| c.is_ascii_digit() || "_.+-eE".contains(c));
        self.float(&self.text[start..self.at])
    }

    fn integer(&self, written: &str, digits: &str, base: u32) -> Done<Value> {
        let shown = quote(written);
        if !underscores_are_right(digits.trim_start_matches(['+', '-'])) {
            return self.refuse(format!("Invalid integer {shown}: underscores must be surrounded by digits"));
        }
        if base == 10 && has_leading_zero(digits) {
            return self.refuse(format!("Invalid integer {shown}: cannot have leading zeroes"));
        }
        match i64::from_str_radix(&digits.replace('_', ""), base) {
            Ok(value) => Ok(Value::int64(value)),
            Err(_) => self.refuse(format!("{written} is out of range for int64")),
        }
    }

    fn float(&self, written: &str) -> Done<Value> {
        let shown = quote(written);
        let unsigned = written.trim_start_matches(['+', '-']);
        let mut parts = unsigned.split(['.', 'e', 'E']).filter(|part| !part.is_empty());
        if !parts.all(|part| underscores_are_right(part.trim_start_matches(['+', '-']))) {
            return self.refuse(format!("Invalid float {shown}: underscores must be surrounded by digits"));
        }
        if has_leading_zero(written.split(['.', 'e', 'E']).next().unwrap_or_default()) {
            return self.refuse(format!("Invalid float {shown}: cannot have leading zeroes"));
        }
        let after_point = |part: &str| part.starts_with(|c: char| c.is_ascii_digit());
        if !written.split('.').skip(1).all(after_point) {
            return self.refuse(format!("Invalid float {shown}: '.' must be followed by one or more digits"));
        }
        match written.replace('_', "").parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Value::Float(value)),
            Ok(_) => self.refuse(format!("{written} is out of range for float64")),
            Err(_) => self.refuse(format!("Invalid float value: {shown}")),
        }
    }

    fn time(&self, written: &str) -> Done<Value> {
        // A time without a zone gets one by which it is known when it is written again.
        const FORMS: [(&str, Option<&str>); 7] = [
            ("2006-01-02T15:04:05.999999999Z07:00", None),
            ("2006-01-02T15:04:05.999999999", Some(LOCAL_DATE_TIME)),
            ("2006-01-02", Some(LOCAL_DATE)),
            ("15:04:05.999999999", Some(LOCAL_TIME)),
            ("2006-01-02T15:04Z07:00", None),
            ("2006-01-02T15:04", Some(LOCAL_DATE_TIME)),
            ("15:04", Some(LOCAL_TIME)),
        ];
        let written = written.replace('z', "Z").replace(['t', ' '], "T");
        let read = FORMS.into_iter().find_map(|(form, zone)| {
            let moment = read_time(form, &written, &Hermetic).ok()?;
            let zoned = zone.map(|zone| moment.in_zone(Zone::Fixed(0, zone.to_owned())));
            Some((form, zoned.unwrap_or(moment)))
        });
        match read {
            Some((form, moment)) if has_all_zeros(&written, form) => Ok(moment.into_value()),
            _ => self.refuse(format!("invalid datetime: {}", quote(&written))),
        }
    }
}

/// Walks to a table; where something else stands in the way, says behind how many keys.
fn walk<'r>(root: &'r mut Table, path: &[Str]) -> Result<&'r mut Table, usize> {
    let mut table = root;
    for (depth, key) in path.iter().enumerate() {
        table = match table.entries.get_mut(key) {
            Some(Node::Table(table)) => table,
            Some(Node::Tables(tables)) => tables.last_mut().ok_or(depth + 1)?,
            Some(Node::Value(_)) | None => return Err(depth + 1),
        };
    }
    Ok(table)
}

/// Makes the tables of a dotted key, as far as they are not there; where a value stands in the way of a further one,
/// says behind how many keys.
fn open(root: &mut Table, context: &[Str], parents: &[Str]) -> Result<(), usize> {
    let Ok(mut table) = walk(root, context) else { return Ok(()) };
    for (depth, key) in parents.iter().enumerate() {
        match table.entries.get_mut(key) {
            None => {
                table.entries.insert(key.clone(), Node::Table(Table { implicit: true, ..Table::default() }));
            }
            // Naming a table again by a longer key settles it.
            Some(Node::Table(table)) => table.implicit = false,
            Some(Node::Tables(_)) => {}
            // The library lets a table take the place of an array.
            Some(array @ Node::Value(Value::List(_))) => *array = Node::Table(Table::default()),
            Some(Node::Value(_)) if depth + 1 == parents.len() => return Ok(()),
            Some(Node::Value(_)) => return Err(depth + 1),
        }
        match walk(table, std::slice::from_ref(key)) {
            Ok(below) => table = below,
            Err(_) => return Ok(()),
        }
    }
    Ok(())
}

/// Puts a value at a key of a table; refuses where something else is there.
fn insert(root: &mut Table, context: &[Str], last: &Str, value: Node) -> Result<(), String> {
    let defined = |path: &[Str]| format!("Key '{}' has already been defined.", shown(path));
    let table = walk(root, context).map_err(|at| defined(&context[..at]))?;
    match table.entries.get_mut(last) {
        None => {
            table.entries.insert(last.clone(), value);
            Ok(())
        }
        // The library lets a value stand over a table that only longer keys have named, and drops the value.
        Some(Node::Table(table)) if table.implicit => {
            table.implicit = false;
            Ok(())
        }
        Some(_) => {
            let mut whole = context.to_vec();
            whole.push(last.clone());
            Err(defined(&whole))
        }
    }
}

fn rune(c: Option<char>) -> String {
    // Go's lexer ends with the character zero.
    quote_rune(c.unwrap_or('\0'))
}

fn rune_or_end(c: Option<char>) -> String {
    c.map_or_else(|| "end of file".to_owned(), |c| format!("'{c}'"))
}

fn underscores_are_right(digits: &str) -> bool {
    !digits.is_empty() && !digits.starts_with('_') && !digits.ends_with('_') && !digits.contains("__")
}

fn has_leading_zero(number: &str) -> bool {
    let signed = number.starts_with(['+', '-']);
    let digits = if signed { &number[1..] } else { number };
    digits.len() > 1 && digits.starts_with('0')
}

/// Whether the marks of a time stand where its form has them: `7:32` lacks a zero.
fn has_all_zeros(written: &str, form: &str) -> bool {
    form.bytes()
        .zip(written.bytes())
        .take_while(|(wanted, _)| !matches!(wanted, b'.' | b'Z'))
        .all(|(wanted, found)| wanted.is_ascii_digit() || wanted == found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(text: &str, wanted: &str) {
        let read = read(text).expect("a document");
        assert_eq!(crate::printf::plain(&Value::Map(read)), wanted, "{text}");
    }

    #[track_caller]
    fn refused(text: &str, wanted: &str) {
        assert_eq!(read(text).expect_err("a refusal"), wanted, "{text}");
    }

    #[test]
    fn documents_are_read() {
        reads(
            "a.b = 1\na.c = [1, 2.5, # x\n 'y',]\n[d]\n\"e f\" = {g = {h = true}, i = \"\\u00e9\"}",
            "map[a:map[b:1 c:[1 2.5 y]] d:map[e f:map[g:map[h:true] i:é]]]",
        );
        reads("[[x.y]]\na=1\n[[x.y]]\n[x.y.z]\nb=2", "map[x:map[y:[map[a:1] map[z:map[b:2]]]]]");
        reads("a = \"\"\"\none \\\n   two\"\"\"\"\nb = '''x'y'''", "map[a:one two\" b:x'y]");
        reads("a = 0xFF_FF\nb = -1_000\nc = 6.5e-3\nd = -inf", "map[a:65535 b:-1000 c:0.0065 d:-Inf]");
        reads("[a.b]\nx=1\n[a]\ny=2", "map[a:map[b:map[x:1] y:2]]");
    }

    #[test]
    fn refusals_name_the_line_and_the_last_key() {
        refused("a = 1\na = 2", "toml: line 2 (last key \"a\"): Key 'a' has already been defined.");
        refused("[a]\n[a]", "toml: line 2: Key 'a' has already been defined.");
        refused(
            "[t]\nk = 01",
            "toml: line 2 (last key \"t.k\"): Invalid integer \"01\": cannot have leading zeroes",
        );
        refused("a = \"x", "toml: line 1 (last key \"a\"): unexpected EOF; expected '\"'");
        refused(
            "a = [1 2]",
            "toml: line 1 (last key \"a\"): expected a comma (',') or array terminator (']'), but got '2'",
        );
        refused("a = \n", "toml: line 1 (last key \"a\"): expected value but found '\\n' instead");
        refused("= 1", "toml: line 1: unexpected '=': key name appears blank");
        refused("[]", "toml: line 1: unexpected end of table name (table names cannot be empty)");
        refused(
            "a = 9999999999999999999",
            "toml: line 1 (last key \"a\"): 9999999999999999999 is out of range for int64",
        );
        refused(
            &format!("a = {}", "[".repeat(1000)),
            "toml: line 1 (last key \"a\"): the value nests too deeply",
        );
    }
}
