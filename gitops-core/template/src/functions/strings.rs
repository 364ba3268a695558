//! Strings: trimming, cutting, repeating, joining, quoting.

use super::{
    Result, bytes, check_items, check_size, int, most_items, pure, pure_variadic, shown, text, within,
};
use crate::function::{CallContext, CallError, Function, Functions, Signature, Type};
use crate::quote::stands_for_itself;
use crate::value::{Element, List, Map, Value};
use gitops_yaml::Str;

const STRING: &[Type] = &[Type::String];
const TWO: &[Type] = &[Type::String, Type::String];

pub(super) fn add(functions: &mut Functions) {
    let mut one = |name: &str, body: fn(&str) -> String| {
        let call = move |args: &[Value]| Ok(Value::from(body(&text(&args[0]))));
        functions
            .insert(name, Function::new(Signature::new(STRING, Type::String), move |_, args| call(args)));
    };
    one("trim", |s| s.trim_matches(is_space).to_owned());
    one("upper", |s| s.chars().map(upper).collect());
    one("lower", |s| s.chars().map(lower).collect());
    one("nospace", |s| {
        s.bytes().filter(|b| !is_space(char::from(*b))).map(char::from).collect::<String>().repaired(s)
    });
    functions.insert("hello", pure(&[], Type::String, |_| Ok("Hello!".into())));
    two(functions, "trimall", |a, b| b.trim_matches(|c| a.contains(c)).to_owned());
    two(functions, "trimAll", |a, b| b.trim_matches(|c| a.contains(c)).to_owned());
    two(functions, "trimSuffix", |a, b| b.strip_suffix(a).unwrap_or(b).to_owned());
    two(functions, "trimPrefix", |a, b| b.strip_prefix(a).unwrap_or(b).to_owned());
    test(functions, "contains", |a, b| b.contains(a));
    test(functions, "hasPrefix", |a, b| b.starts_with(a));
    test(functions, "hasSuffix", |a, b| b.ends_with(a));
    functions.insert("repeat", repeat());
    functions.insert("replace", replace());
    functions.insert("indent", indent(b""));
    functions.insert("nindent", indent(b"\n"));
    functions.insert("quote", quote());
    functions.insert(
        "squote",
        pure_variadic(&[Type::Any], Type::String, |args| Ok(joined(args, |v| format!("'{}'", percent_v(v))))),
    );
    functions.insert(
        "cat",
        Function::new(Signature::variadic(&[Type::Any], Type::String), |context, args| {
            let texts = args.iter().map(|arg| if let Value::String(text) = arg { text.len() } else { 0 });
            check_size(context, Some(texts.fold(0, usize::saturating_add)))?;
            Ok(joined(args, percent_v))
        }),
    );
    functions.insert(
        "toString",
        pure(&[Type::Any], Type::String, |args| {
            Ok(match &args[0] {
                Value::RawString(_) | Value::String(_) => args[0].clone(),
                Value::Bytes(bytes) => Value::from_bytes(bytes),
                other => Value::from(shown(other).as_ref()),
            })
        }),
    );
    functions.insert(
        "toStrings",
        Function::new(Signature::new(&[Type::Any], Type::Strings), |context, args| {
            Ok(List::strings(strings(context, &args[0])?).into())
        }),
    );
    functions.insert("join", join());
    functions.insert(
        "sortAlpha",
        Function::new(Signature::new(&[Type::Any], Type::Strings), |context, args| {
            let mut all = strings(context, &args[0])?;
            if matches!(args[0], Value::List(_)) {
                all.sort_unstable();
            } else if args[0].is_nil() {
                all = vec![Str::literal("<nil>")];
            }
            Ok(List::strings(all).into())
        }),
    );
    functions.insert(
        "split",
        Function::new(Signature::new(TWO, Type::StringMap), |context, args| {
            Ok(numbered(pieces(context, &args[1], &args[0], -1)?))
        }),
    );
    functions.insert(
        "splitn",
        Function::new(
            Signature::new(&[Type::String, Type::Int, Type::String], Type::StringMap),
            |context, args| Ok(numbered(pieces(context, &args[2], &args[0], int(&args[1]))?)),
        ),
    );
    functions.insert(
        "splitList",
        Function::new(Signature::new(TWO, Type::Strings), |context, args| {
            Ok(List::strings(pieces(context, &args[1], &args[0], -1)?).into())
        }),
    );
    functions.insert("substr", pure(&[Type::Int, Type::Int, Type::String], Type::String, substr));
    functions.insert("trunc", pure(&[Type::Int, Type::String], Type::String, trunc));
    functions.insert(
        "abbrev",
        pure(&[Type::Int, Type::String], Type::String, |args| {
            let width = int(&args[0]);
            if width < 4 { Ok(args[1].clone()) } else { Ok(abbreviate(bytes(&args[1]), 0, width)) }
        }),
    );
    functions.insert(
        "abbrevboth",
        pure(&[Type::Int, Type::Int, Type::String], Type::String, |args| {
            let (left, right) = (int(&args[0]), int(&args[1]));
            if right < 4 || left > 0 && right < 7 {
                Ok(args[2].clone())
            } else {
                Ok(abbreviate(bytes(&args[2]), left, right))
            }
        }),
    );
    functions.insert(
        "plural",
        pure(&[Type::String, Type::String, Type::Int], Type::String, |args| {
            Ok(args[usize::from(int(&args[2]) != 1)].clone())
        }),
    );
}

/// A value as Go's `%q` quotes its text; bytes that are no UTF-8 as escapes.
fn quoted(value: &Value) -> String {
    match value {
        Value::RawString(bytes) | Value::Bytes(bytes) => crate::printf::quote_bytes(bytes, false),
        value => crate::quote(&shown(value)),
    }
}

/// Go takes bytes for characters in `nospace`; text that is not ASCII comes out as Latin-1.
trait Repaired {
    fn repaired(self, original: &str) -> String;
}

impl Repaired for String {
    fn repaired(self, original: &str) -> String {
        // Nothing was dropped: Go then returns the text itself.
        if self.chars().count() == original.len() { original.to_owned() } else { self }
    }
}

fn two(functions: &mut Functions, name: &str, body: fn(&str, &str) -> String) {
    let call = move |args: &[Value]| Ok(Value::from(body(&text(&args[0]), &text(&args[1]))));
    functions.insert(name, Function::new(Signature::new(TWO, Type::String), move |_, args| call(args)));
}

fn test(functions: &mut Functions, name: &str, body: fn(&str, &str) -> bool) {
    let call = move |args: &[Value]| Ok(Value::Bool(body(&text(&args[0]), &text(&args[1]))));
    functions.insert(name, Function::new(Signature::new(TWO, Type::Bool), move |_, args| call(args)));
}

/// What Go calls a space.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
        || !c.is_ascii() && c.is_whitespace()
}

/// One character to one character: Go does not make SS of ß.
pub(super) fn upper(c: char) -> char {
    let mut mapped = c.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

pub(super) fn lower(c: char) -> char {
    let mut mapped = c.to_lowercase();
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        // İ is the one that Rust maps to two.
        _ if c == '\u{130}' => 'i',
        _ => c,
    }
}

fn percent_v(value: &Value) -> String {
    match value {
        Value::Bytes(_) => crate::printf::plain(value),
        other => shown(other).into_owned(),
    }
}

/// Joins what is not nil by spaces.
fn joined(args: &[Value], each: impl Fn(&Value) -> String) -> Value {
    let parts: Vec<String> = args.iter().filter(|value| !value.is_nil()).map(each).collect();
    Value::from(parts.join(" "))
}

fn repeat() -> Function {
    Function::new(Signature::new(&[Type::Int, Type::String], Type::String), |context, args| {
        let (count, text) = (int(&args[0]), text(&args[1]));
        let count = usize::try_from(count).map_err(|_| CallError::new("strings: negative Repeat count"))?;
        check_size(context, text.len().checked_mul(count))?;
        Ok(text.repeat(count).into())
    })
}

fn replace() -> Function {
    Function::new(
        Signature::new(&[Type::String, Type::String, Type::String], Type::String),
        |context, args| {
            let (old, new, text) = (text(&args[0]), text(&args[1]), text(&args[2]));
            let matches = if old.is_empty() { text.chars().count() + 1 } else { text.len() / old.len() };
            // Only a growing replacement can be a trap; count what really matches before saying no.
            if new.len() > old.len() {
                let found = if old.is_empty() { matches } else { text.matches(&*old).count() };
                check_size(context, found.checked_mul(new.len()).and_then(|n| n.checked_add(text.len())))?;
            }
            Ok(text.replace(&*old, &new).into())
        },
    )
}

/// Puts spaces before each line.
fn indent(before: &'static [u8]) -> Function {
    Function::printing(Signature::new(&[Type::Int, Type::String], Type::String), move |out, args, limit| {
        let count =
            usize::try_from(int(&args[0])).map_err(|_| CallError::new("strings: negative Repeat count"))?;
        let text = text(&args[1]);
        let size = |lines: usize| lines.checked_mul(count).and_then(|spaces| spaces.checked_add(text.len()));
        // Lines are counted only where a text of nothing else would be too large.
        if size(text.len() + 1).is_none_or(|most| most > limit) {
            let lines = memchr::memchr_iter(b'\n', text.as_bytes()).count() + 1;
            within(limit, size(lines))?;
        }
        out.reserve(before.len() + text.len() + count);
        out.extend_from_slice(before);
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', text.as_bytes()) {
            push_spaces(out, count);
            out.extend_from_slice(&text.as_bytes()[start..=end]);
            start = end + 1;
        }
        push_spaces(out, count);
        out.extend_from_slice(&text.as_bytes()[start..]);
        Ok(())
    })
}

fn push_spaces(out: &mut Vec<u8>, count: usize) {
    const SPACES: &[u8] = b"                                ";
    match SPACES.get(..count) {
        Some(spaces) => out.extend_from_slice(spaces),
        None => out.resize(out.len() + count, b' '),
    }
}

/// Prints each value in quotes, with spaces between them.
fn quote() -> Function {
    Function::printing(Signature::variadic(&[Type::Any], Type::String), |out, args, _| {
        for (i, value) in args.iter().filter(|value| !value.is_nil()).enumerate() {
            if i > 0 {
                out.push(b' ');
            }
            match value {
                Value::String(text) if stands_for_itself(text, '"') => {
                    out.push(b'"');
                    out.extend_from_slice(text.as_bytes());
                    out.push(b'"');
                }
                other => out.extend_from_slice(quoted(other).as_bytes()),
            }
        }
        Ok(())
    })
}

/// sprig's `strslice`: a list's items that are not nil, or the value itself.
fn strings(context: &mut dyn CallContext, value: &Value) -> Result<Vec<Str>> {
    let mut one = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        other => {
            let text = Str::from(shown(other));
            check_size(context, Some(text.len()))?;
            context.made(text.len())?;
            Ok(text)
        }
    };
    match value {
        Value::List(list) => list.iter().filter(|item| !item.is_nil()).map(one).collect(),
        Value::Bytes(bytes) => {
            check_items(context, bytes.len())?;
            Ok(bytes.iter().map(|b| Str::from(b.to_string())).collect())
        }
        Value::Missing | Value::Nil => Ok(Vec::new()),
        other => Ok(vec![one(other)?]),
    }
}

fn join() -> Function {
    Function::new(Signature::new(&[Type::String, Type::Any], Type::String), |context, args| {
        let separator = text(&args[0]);
        let all = strings(context, &args[1])?;
        let size =
            all.iter().try_fold(0_usize, |sum, s| sum.checked_add(s.len())?.checked_add(separator.len()));
        check_size(context, size)?;
        Ok(all.join(&*separator).into())
    })
}

/// Go's `strings.SplitN`.
fn pieces(context: &dyn CallContext, whole: &Value, separator: &Value, most: i64) -> Result<Vec<Str>> {
    let one_too_many = most_items(context) + 1;
    let most = usize::try_from(most).map_or(one_too_many, |most| most.min(one_too_many));
    let pieces = split(&text(whole), &text(separator), most);
    check_items(context, pieces.len())?;
    Ok(pieces)
}

fn split(text: &str, separator: &str, most: usize) -> Vec<Str> {
    if separator.is_empty() && most > 0 {
        let mut parts: Vec<Str> = Vec::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if parts.len() + 1 == most {
                parts.push(rest.into());
                break;
            }
            parts.push(c.into());
            rest = &rest[c.len_utf8()..];
        }
        return parts;
    }
    text.splitn(most, separator).map(Str::from).collect()
}

/// A `map[string]string` of `_0`, `_1` …
fn numbered(parts: Vec<Str>) -> Value {
    let map = Map::typed(Element::String);
    for (i, part) in parts.into_iter().enumerate() {
        map.insert(format!("_{i}"), Value::String(part));
    }
    map.into()
}

fn out_of_range(what: &str) -> CallError {
    CallError::new(format!("runtime error: slice bounds out of range {what}"))
}

/// Go's slices are of bytes.
fn substr(args: &[Value]) -> Result {
    let (start, end, text) = (int(&args[0]), int(&args[1]), bytes(&args[2]));
    let len = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let (start, end) = if start < 0 {
        if end < 0 {
            return Err(out_of_range(&format!("[:{end}]")));
        }
        if end > len {
            return Err(out_of_range(&format!("[:{end}] with length {len}")));
        }
        (0, end)
    } else if end < 0 || end > len {
        if start > len {
            return Err(out_of_range(&format!("[{start}:{len}]")));
        }
        (start, len)
    } else {
        if start > end {
            return Err(out_of_range(&format!("[{start}:{end}]")));
        }
        (start, end)
    };
    cut(text, start, end)
}

fn trunc(args: &[Value]) -> Result {
    let (count, text) = (int(&args[0]), bytes(&args[1]));
    let len = i64::try_from(text.len()).unwrap_or(i64::MAX);
    if count < 0 && len.saturating_add(count) > 0 {
        return cut(text, len + count, len);
    }
    if count >= 0 && len > count {
        return cut(text, 0, count);
    }
    Ok(args[1].clone())
}

fn cut(text: &[u8], start: i64, end: i64) -> Result {
    let part = usize::try_from(start)
        .ok()
        .zip(usize::try_from(end).ok())
        .and_then(|(start, end)| text.get(start..end));
    part.map(Value::from_bytes).ok_or_else(|| out_of_range(&format!("[{start}:{end}]")))
}

/// goutils' `AbbreviateFull`; its errors become an empty text.
fn abbreviate(text: &[u8], offset: i64, width: i64) -> Value {
    let len = i64::try_from(text.len()).unwrap_or(i64::MAX);
    if text.is_empty() || width < 4 {
        return Value::from("");
    }
    if len <= width {
        return Value::from_bytes(text);
    }
    let mut offset = offset.min(len);
    if len - offset < width - 3 {
        offset = len - (width - 3);
    }
    let part = |start: i64, end: i64| {
        let at = |n: i64| usize::try_from(n).unwrap_or(0).min(text.len());
        text[at(start)..at(end)].to_vec()
    };
    let dots = b"...".to_vec();
    let bytes = if offset <= 4 {
        [part(0, width - 3), dots].concat()
    } else if width < 7 {
        Vec::new()
    } else if offset + width - 3 < len {
        let inner = abbreviate(&part(offset, len), 0, width - 3);
        [dots, inner.as_string_bytes().unwrap_or_default().to_vec()].concat()
    } else {
        [dots, part(len - (width - 3), len)].concat()
    };
    Value::from_bytes(&bytes)
}
