//! Character classes: `[a-z]`, `\d`, `[[:alpha:]]`, `\p{Greek}`.

use crate::Error;
use crate::error::{CHAR_RANGE, ESCAPE, MISSING_BRACKET, TRAILING_BACKSLASH};
use std::fmt::Write;

/// Go's classes by their letter, as members of a bracketed class.
const PERL: [(char, &str); 3] = [('d', "0-9"), ('s', r"\t\n\x0c\r\x20"), ('w', "0-9A-Za-z_")];

/// Go's classes by their name.
const POSIX: [(&str, &str); 14] = [
    ("alnum", "0-9A-Za-z"),
    ("alpha", "A-Za-z"),
    ("ascii", r"\x00-\x7f"),
    ("blank", r"\t\x20"),
    ("cntrl", r"\x00-\x1f\x7f"),
    ("digit", "0-9"),
    ("graph", r"\x21-\x7e"),
    ("lower", "a-z"),
    ("print", r"\x20-\x7e"),
    ("punct", r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e"),
    ("space", r"\t-\r\x20"),
    ("upper", "A-Z"),
    ("word", "0-9A-Za-z_"),
    ("xdigit", "0-9A-Fa-f"),
];

/// A class and what is left of the pattern behind it.
type Taken<'t> = Option<(String, &'t str)>;

/// Reads `[…]` from the start of a pattern.
pub(crate) fn bracketed(pattern: &str) -> Result<(String, &str), Error> {
    let mut out = String::from("[");
    let mut rest = pattern.strip_prefix('[').unwrap_or(pattern);
    if let Some(negated) = rest.strip_prefix('^') {
        out.push('^');
        rest = negated;
    }
    let mut first = true;
    while first || !rest.starts_with(']') {
        first = false;
        if let Some((class, after)) = posix(rest)? {
            out.push_str(&class);
            rest = after;
        } else if let Some((class, after)) = unicode(rest)? {
            out.push_str(&class);
            rest = after;
        } else if let Some((class, after)) = perl(rest) {
            out.push_str(&class);
            rest = after;
        } else {
            let (low, after_low) = character(rest, pattern)?;
            let (mut high, mut after) = (low, after_low);
            if after.len() >= 2 && after.starts_with('-') && !after[1..].starts_with(']') {
                (high, after) = character(&after[1..], pattern)?;
                if high < low {
                    return Err(Error::new(CHAR_RANGE, &rest[..rest.len() - after.len()]));
                }
            }
            push_range(&mut out, low, high);
            rest = after;
        }
    }
    out.push(']');
    Ok((out, rest.strip_prefix(']').unwrap_or(rest)))
}

/// Surrogates, which no text holds, can be written in Go: a range is cut around them.
fn push_range(out: &mut String, low: u32, high: u32) {
    for (low, high) in [(low, high.min(0xd7ff)), (low.max(0xe000), high)] {
        if low <= high {
            // Writing to a String never fails.
            let _ = write!(out, r"\x{{{low:x}}}-\x{{{high:x}}}");
        }
    }
    if low >= 0xd800 && high <= 0xdfff {
        out.push_str(NOTHING);
    }
}

/// A class without members, to stand inside a class.
const NOTHING: &str = r"[^\x{0}-\x{10ffff}]";

fn character<'t>(text: &'t str, class: &str) -> Result<(u32, &'t str), Error> {
    match text.chars().next() {
        None => Err(Error::new(MISSING_BRACKET, class)),
        Some('\\') => escape(text),
        Some(c) => Ok((u32::from(c), &text[c.len_utf8()..])),
    }
}

/// Reads `\d` and its kin from the start of a pattern.
pub(crate) fn perl(text: &str) -> Taken<'_> {
    let letter = text.strip_prefix('\\')?.chars().next()?;
    let (_, members) = PERL.iter().find(|(known, _)| known.eq_ignore_ascii_case(&letter))?;
    let sign = if letter.is_ascii_uppercase() { "^" } else { "" };
    Some((format!("[{sign}{members}]"), &text[2..]))
}

fn posix(text: &str) -> Result<Taken<'_>, Error> {
    let Some(inner) = text.strip_prefix("[:") else { return Ok(None) };
    let Some(end) = inner.find(":]") else { return Ok(None) };
    let (sign, name) = inner[..end].strip_prefix('^').map_or(("", &inner[..end]), |name| ("^", name));
    let rest = &inner[end + 2..];
    match POSIX.iter().find(|(known, _)| *known == name) {
        Some((_, members)) => Ok(Some((format!("[{sign}{members}]"), rest))),
        None => Err(Error::new(CHAR_RANGE, &text[..text.len() - rest.len()])),
    }
}

/// Reads `\pL`, `\p{Greek}`, `\P{^L}` from the start of a pattern.
pub(crate) fn unicode(text: &str) -> Result<Taken<'_>, Error> {
    let mut negated = match text.as_bytes() {
        [b'\\', b'p', ..] => false,
        [b'\\', b'P', ..] => true,
        _ => return Ok(None),
    };
    let Some(first) = text[2..].chars().next() else {
        return Err(Error::new(CHAR_RANGE, text));
    };
    let (name, length) = if first == '{' {
        match text.find('}') {
            Some(end) => (&text[3..end], end + 1),
            None => return Err(Error::new(CHAR_RANGE, text)),
        }
    } else {
        let end = 2 + first.len_utf8();
        (&text[2..end], end)
    };
    let name = match name.strip_prefix('^') {
        Some(name) => {
            negated = !negated;
            name
        }
        None => name,
    };
    let letter = if negated { 'P' } else { 'p' };
    let class = known_property(name)
        .map(|property| format!(r"\{letter}{{{property}}}"))
        .ok_or_else(|| Error::new(CHAR_RANGE, &text[..length]))?;
    Ok(Some((class, &text[length..])))
}

/// Go knows general categories and scripts, Rust many properties more.
fn known_property(name: &str) -> Option<String> {
    if name.is_empty()
        || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b' ' | b'-'))
    {
        return None;
    }
    let mut candidates = [format!("gc={name}"), format!("sc={name}")].into_iter();
    candidates.find(|property| regex::Regex::new(&format!(r"\p{{{property}}}")).is_ok())
}

/// Reads an escape that stands for one character from the start of a pattern.
pub(crate) fn escape(text: &str) -> Result<(u32, &str), Error> {
    let after = text.strip_prefix('\\').unwrap_or(text);
    let mut rest = after.chars();
    let Some(first) = rest.next() else { return Err(Error::new(TRAILING_BACKSLASH, "")) };
    let refused = |rest: &str| Err(Error::new(ESCAPE, &text[..text.len() - rest.len()]));
    let is_octal = |c: Option<char>| c.is_some_and(|c| ('0'..='7').contains(&c));
    let code = match first {
        '1'..='7' if !is_octal(rest.clone().next()) => return refused(rest.as_str()),
        '0'..='7' => {
            let mut code = u32::from(first) - u32::from('0');
            for _ in 0..2 {
                if !is_octal(rest.clone().next()) {
                    break;
                }
                code = code * 8 + rest.next().and_then(|digit| digit.to_digit(8)).unwrap_or(0);
            }
            code
        }
        'x' => return hexadecimal(text, rest.as_str()),
        'a' => 7,
        'f' => 12,
        'n' => 10,
        'r' => 13,
        't' => 9,
        'v' => 11,
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => u32::from(c),
        _ => return refused(rest.as_str()),
    };
    Ok((code, rest.as_str()))
}

/// `\x7f` or `\x{10ffff}`; `digits` is what follows the `x`.
fn hexadecimal<'t>(text: &'t str, digits: &'t str) -> Result<(u32, &'t str), Error> {
    let mut rest = digits.chars();
    let refused = |rest: &str| Err(Error::new(ESCAPE, &text[..text.len() - rest.len()]));
    let Some(first) = rest.next() else { return refused("") };
    if first != '{' {
        let Some(second) = rest.next() else { return refused("") };
        return match (first.to_digit(16), second.to_digit(16)) {
            (Some(high), Some(low)) => Ok((high * 16 + low, rest.as_str())),
            _ => refused(rest.as_str()),
        };
    }
    let (mut code, mut any) = (0_u32, false);
    loop {
        let Some(c) = rest.next() else { return refused("") };
        match c.to_digit(16) {
            Some(digit) if code * 16 + digit <= 0x10_ffff => (code, any) = (code * 16 + digit, true),
            None if c == '}' && any => return Ok((code, rest.as_str())),
            _ => return refused(rest.as_str()),
        }
    }
}
