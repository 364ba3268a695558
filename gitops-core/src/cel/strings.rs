//! What strings can do. Places in them count characters.

use super::eval::Run;
use super::methods::unknown;
use super::value::Value;
use std::fmt::Write as _;

pub(super) fn call<'a>(
    run: &mut Run<'_, 'a>,
    text: &str,
    name: &str,
    arguments: &[Value<'a>],
) -> Result<Value<'a>, String> {
    use Value::{Int, Text};
    Ok(match (name, arguments) {
        ("startsWith", [Text(part)]) => Value::Bool(text.starts_with(part.as_ref())),
        ("endsWith", [Text(part)]) => Value::Bool(text.ends_with(part.as_ref())),
        ("contains", [Text(part)]) => Value::Bool(text.contains(part.as_ref())),
        ("lowerAscii", []) => Value::text(text.to_ascii_lowercase()),
        ("upperAscii", []) => Value::text(text.to_ascii_uppercase()),
        ("trim", []) => Value::text(text.trim()),
        ("reverse", []) => Value::text(text.chars().rev().collect::<String>()),
        ("charAt", [Int(index)]) => {
            let length = text.chars().count();
            let index = place(*index, length)?;
            Value::text(text.chars().nth(index).map(String::from).unwrap_or_default())
        }
        ("substring", [Int(start)]) => substring(text, *start, None)?,
        ("substring", [Int(start), Int(end)]) => substring(text, *start, Some(*end))?,
        ("indexOf", [Text(part)]) => Int(index_of(text, part, 0)?),
        ("indexOf", [Text(part), Int(from)]) => Int(index_of(text, part, *from)?),
        ("lastIndexOf", [Text(part)]) => Int(last_index_of(text, part, None)?),
        ("lastIndexOf", [Text(part), Int(from)]) => Int(last_index_of(text, part, Some(*from))?),
        ("replace", [Text(old), Text(new)]) => replace(run, text, old, new, -1)?,
        ("replace", [Text(old), Text(new), Int(count)]) => replace(run, text, old, new, *count)?,
        ("split", [Text(separator)]) => split(run, text, separator, -1)?,
        ("split", [Text(separator), Int(count)]) => split(run, text, separator, *count)?,
        ("format", [list]) => {
            let items = list.items().ok_or_else(|| unknown(name))?;
            format(run, text, &items)?
        }
        _ => return Err(unknown(name)),
    })
}

fn place(index: i64, length: usize) -> Result<usize, String> {
    usize::try_from(index)
        .ok()
        .filter(|index| *index <= length)
        .ok_or_else(|| format!("index out of range: {index}"))
}

/// The byte at which a character begins; the end for the one after the last.
fn byte_of(text: &str, index: usize) -> usize {
    text.char_indices().nth(index).map_or(text.len(), |(at, _)| at)
}

fn substring<'a>(text: &str, start: i64, end: Option<i64>) -> Result<Value<'a>, String> {
    let length = text.chars().count();
    let from = place(start, length)?;
    let to = end.map_or(Ok(length), |end| place(end, length))?;
    if from > to {
        return Err(format!("invalid substring range. start: {from}, end: {to}"));
    }
    Ok(Value::text(&text[byte_of(text, from)..byte_of(text, to)]))
}

fn index_of(text: &str, part: &str, from: i64) -> Result<i64, String> {
    if part.is_empty() {
        return Ok(from);
    }
    let from = byte_of(text, place(from, text.chars().count())?);
    Ok(text[from..].find(part).map_or(-1, |at| count(&text[..from + at])))
}

fn last_index_of(text: &str, part: &str, from: Option<i64>) -> Result<i64, String> {
    let length = text.chars().count();
    let from = from.map_or(Ok(length), |from| place(from, length))?;
    if part.is_empty() {
        return Ok(i64::try_from(from).unwrap_or(i64::MAX));
    }
    let last = byte_of(text, from).saturating_add(part.len()).min(text.len());
    let head = (0..=last).rev().find(|at| text.is_char_boundary(*at)).map_or("", |at| &text[..at]);
    Ok(head.rfind(part).map_or(-1, |at| count(&text[..at])))
}

fn count(text: &str) -> i64 {
    i64::try_from(text.chars().count()).unwrap_or(i64::MAX)
}

fn replace<'a>(
    run: &mut Run<'_, 'a>,
    text: &str,
    old: &str,
    new: &str,
    limit: i64,
) -> Result<Value<'a>, String> {
    let found = if old.is_empty() { text.chars().count() + 1 } else { text.matches(old).count() };
    let count = usize::try_from(limit).map_or(found, |limit| limit.min(found));
    run.spend(text.len() / 8 + count.saturating_mul(new.len() / 8 + 1))?;
    Ok(Value::text(text.replacen(old, new, count)))
}

fn split<'a>(run: &mut Run<'_, 'a>, text: &str, separator: &str, limit: i64) -> Result<Value<'a>, String> {
    run.spend(text.len())?;
    let pieces: Vec<Value<'a>> = match (limit, separator) {
        (0, _) => Vec::new(),
        (_, "") => {
            let most = usize::try_from(limit).unwrap_or(usize::MAX);
            let mut rest = text.char_indices();
            let mut out = Vec::new();
            while out.len() + 1 < most
                && let Some((at, character)) = rest.next()
            {
                out.push(Value::text(&text[at..at + character.len_utf8()]));
            }
            if !rest.as_str().is_empty() {
                out.push(Value::text(rest.as_str()));
            }
            out
        }
        _ => match usize::try_from(limit) {
            Ok(limit) => text.splitn(limit, separator).map(Value::text).collect(),
            Err(_) => text.split(separator).map(Value::text).collect(),
        },
    };
    Ok(Value::list(pieces))
}

/// A string as a literal, with escapes.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

fn format<'a>(run: &mut Run<'_, 'a>, pattern: &str, arguments: &[Value<'a>]) -> Result<Value<'a>, String> {
    let mut out = String::new();
    let mut rest = pattern;
    let mut next = arguments.iter();
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let mut precision = 6;
        if let Some(after) = rest.strip_prefix('.') {
            let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            precision = after[..digits]
                .parse()
                .ok()
                .filter(|precision| *precision <= 100)
                .ok_or("invalid precision in the format string")?;
            rest = &after[digits..];
        }
        let clause = rest.chars().next().ok_or("unexpected end of the format string")?;
        rest = &rest[clause.len_utf8()..];
        let argument = next.next().ok_or("index out of range: too few arguments for the format string")?;
        run.spend(1 + argument.len() / 8)?;
        let wrong = || format!("%{clause} can not show a value of type {}", argument.type_name());
        let _ = match (clause, argument) {
            ('s', value) => {
                shown(run, value, &mut out)?;
                Ok(())
            }
            ('d', Value::Int(value)) => write!(out, "{value}"),
            ('d', Value::Uint(value)) => write!(out, "{value}"),
            ('f', value) => write!(out, "{:.precision$}", number(value).ok_or_else(wrong)?),
            ('x', Value::Int(value)) if *value < 0 => write!(out, "-{:x}", value.unsigned_abs()),
            ('x', Value::Int(value)) => write!(out, "{value:x}"),
            ('X', Value::Int(value)) if *value < 0 => write!(out, "-{:X}", value.unsigned_abs()),
            ('X', Value::Int(value)) => write!(out, "{value:X}"),
            ('x', Value::Text(text)) => text.bytes().try_for_each(|byte| write!(out, "{byte:02x}")),
            ('X', Value::Text(text)) => text.bytes().try_for_each(|byte| write!(out, "{byte:02X}")),
            ('o', Value::Int(value)) => write!(out, "{value:o}"),
            ('b', Value::Int(value)) => write!(out, "{value:b}"),
            ('b', Value::Bool(value)) => write!(out, "{}", u8::from(*value)),
            _ => return Err(wrong()),
        };
    }
    out.push_str(rest);
    Ok(Value::text(out))
}

#[allow(clippy::cast_precision_loss, reason = "the nearest is meant")]
fn number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Double(value) => Some(*value),
        Value::Int(value) => Some(*value as f64),
        Value::Uint(value) => Some(*value as f64),
        _ => None,
    }
}

fn shown<'a>(run: &mut Run<'_, 'a>, value: &Value<'a>, out: &mut String) -> Result<(), String> {
    run.spend(1 + value.len() / 8)?;
    if let Value::Null = value {
        out.push_str("null");
    } else if let Value::Type(name) = value {
        out.push_str(name);
    } else if let Some(items) = value.items() {
        out.push('[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            shown(run, item, out)?;
        }
        out.push(']');
    } else if let Some(entries) = value.entries() {
        let mut texts = Vec::with_capacity(entries.len());
        for (key, value) in entries.iter() {
            let mut text = String::new();
            shown(run, key, &mut text)?;
            text.push_str(": ");
            shown(run, value, &mut text)?;
            texts.push(text);
        }
        texts.sort();
        let _ = write!(out, "{{{}}}", texts.join(", "));
    } else if let Value::Text(text) = super::functions::string(value)? {
        out.push_str(&text);
    }
    Ok(())
}
