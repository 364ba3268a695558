//! Puts values where variables stand.

use super::glob::{Prefix, prefix_length};
use super::parse::{Expansion, Part};
use super::variables::{Strictness, SubstituteError, Variables};

/// Renders parts. Substrings count bytes, as Flux's do, so that what is made may be no text on the way.
pub(super) fn render(
    parts: &[Part],
    variables: &Variables,
    strictness: Strictness,
) -> Result<Vec<u8>, SubstituteError> {
    let mut out = Vec::new();
    for part in parts {
        match part {
            Part::Text(text) => out.extend_from_slice(text.as_bytes()),
            Part::Expansion(expansion) => out.extend(expand(expansion, variables, strictness)?),
        }
        check_size(out.len())?;
    }
    Ok(out)
}

/// How many bytes a text may have once its variables are replaced. No API server takes an object that is a tenth of it.
const MOST_BYTES: usize = 32 << 20;

/// How many pairs of a pattern's character and a value's are tried.
const MOST_TRIED: usize = 100_000_000;

fn check_size(bytes: usize) -> Result<(), SubstituteError> {
    if bytes > MOST_BYTES {
        return Err(SubstituteError::message(format!("the text becomes larger than {MOST_BYTES} bytes")));
    }
    Ok(())
}

fn check_pattern(value: &str, pattern: &str) -> Result<(), SubstituteError> {
    if value.len().saturating_mul(pattern.len()) > MOST_TRIED {
        return Err(SubstituteError::new("the value and the pattern are too long to be compared"));
    }
    Ok(())
}

/// Replaces a text everywhere in a value.
fn replace_all(value: &str, old: &str, new: &str) -> Result<String, SubstituteError> {
    let found = value.matches(old).count();
    check_size(value.len().saturating_add(found.saturating_mul(new.len())))?;
    Ok(value.replace(old, new))
}

fn expand(
    expansion: &Expansion,
    variables: &Variables,
    strictness: Strictness,
) -> Result<Vec<u8>, SubstituteError> {
    let mut arguments = Vec::with_capacity(expansion.arguments.len());
    for argument in &expansion.arguments {
        arguments.push(render(std::slice::from_ref(argument), variables, strictness)?);
    }
    let operator = expansion.operator.as_str();
    let value = match variables.get(&expansion.variable) {
        Some(value) => value,
        None if strictness == Strictness::Strict && !gives_default(operator) => {
            return Err(SubstituteError::unset(&expansion.variable));
        }
        None => "",
    };
    let text = |index: usize| lossy(arguments.get(index).map_or(&[][..], Vec::as_slice));
    if matches!(operator, "#" | "##" | "%" | "%%") {
        check_pattern(value, &text(0))?;
    }
    Ok(match operator {
        "#" if arguments.is_empty() => value.len().to_string(),
        "," => change_first(value, lower),
        ",," => value.chars().map(lower).collect(),
        "^" => change_first(value, upper),
        "^^" => value.chars().map(upper).collect(),
        "#" => without_prefix(value, &text(0), Prefix::Shortest),
        "##" => without_prefix(value, &text(0), Prefix::Longest),
        "%" => without_suffix(value, &text(0), Prefix::Shortest),
        "%%" => without_suffix(value, &text(0), Prefix::Longest),
        ":" => return substring(value, &arguments),
        "/" => value.replacen(&text(0), &text(1), 1),
        "//" => replace_all(value, &text(0), &text(1))?,
        // With an empty replacement, these two do nothing.
        "/#" if arguments.len() == 2 && value.starts_with(&text(0)) => value.replacen(&text(0), &text(1), 1),
        "/%" if arguments.len() == 2 => match value.strip_suffix(text(0).as_str()) {
            Some(start) => format!("{start}{}", text(1)),
            None => value.to_owned(),
        },
        "/#" | "/%" => value.to_owned(),
        _ if value.is_empty() => return Ok(arguments.concat()),
        _ => value.to_owned(),
    }
    .into_bytes())
}

fn gives_default(operator: &str) -> bool {
    matches!(operator, "=" | ":=" | ":-" | ":?" | ":+")
}

/// Reads bytes as text; each byte that is none becomes a replacement character.
pub(super) fn lossy(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

/// Go maps one character to one.
fn upper(c: char) -> char {
    let mut mapped = c.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

fn lower(c: char) -> char {
    // The first of two that this one becomes is what Go makes of it.
    c.to_lowercase().next().unwrap_or(c)
}

fn change_first(value: &str, change: impl Fn(char) -> char) -> String {
    let mut chars = value.chars();
    let first = chars.next().map(change);
    first.into_iter().chain(chars).collect()
}

fn without_prefix(value: &str, pattern: &str, which: Prefix) -> String {
    let chars: Vec<char> = value.chars().collect();
    let length = prefix_length(pattern, &chars, which);
    chars.into_iter().skip(length).collect()
}

/// The pattern is turned round with the value, brackets and all.
fn without_suffix(value: &str, pattern: &str, which: Prefix) -> String {
    let chars: Vec<char> = value.chars().rev().collect();
    let turned: String = pattern.chars().rev().collect();
    let length = prefix_length(&turned, &chars, which);
    chars.into_iter().skip(length).rev().collect()
}

/// `${v:offset:length}`, in bytes; an offset below zero counts from the end.
fn substring(value: &str, arguments: &[Vec<u8>]) -> Result<Vec<u8>, SubstituteError> {
    let bytes = value.as_bytes();
    let number = |index: usize| arguments.get(index).map(|text| lossy(text).parse::<i64>());
    let Some(Ok(offset)) = number(0) else { return Ok(bytes.to_vec()) };
    let start = if offset < 0 {
        bytes.len().saturating_sub(usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX))
    } else {
        usize::try_from(offset).unwrap_or(usize::MAX)
    };
    let rest = bytes.get(start..).unwrap_or_default();
    match number(1) {
        None => Ok(rest.to_vec()),
        Some(Err(_)) => Ok(bytes.to_vec()),
        Some(Ok(length)) => match usize::try_from(length) {
            Ok(length) => Ok(rest.get(..length).unwrap_or(rest).to_vec()),
            Err(_) => Err(SubstituteError::message(format!("substring length {length} is below zero"))),
        },
    }
}
