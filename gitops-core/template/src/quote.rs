//! Go's quoting: `strconv.Quote` and `strconv.Unquote`.

use crate::unicode::is_print;
use std::fmt::Write as _;

/// Quotes a text as Go's `%q` does.
#[must_use]
pub fn quote(text: &str) -> String {
    quoted(text, '"', false)
}

/// Quotes a text as Go's `%+q` does: other than ASCII as escapes.
#[must_use]
pub fn quote_ascii(text: &str) -> String {
    quoted(text, '"', true)
}

/// Quotes one character as Go's `%q` does with a rune.
#[must_use]
pub fn quote_rune(rune: char) -> String {
    quoted(rune.encode_utf8(&mut [0; 4]), '\'', false)
}

/// Quotes one character as Go's `%+q` does with a rune.
#[must_use]
pub fn quote_rune_ascii(rune: char) -> String {
    quoted(rune.encode_utf8(&mut [0; 4]), '\'', true)
}

fn quoted(text: &str, mark: char, ascii: bool) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(mark);
    if stands_for_itself(text, mark) {
        out.push_str(text);
    } else {
        for c in text.chars() {
            push_escaped(&mut out, c, mark, ascii);
        }
    }
    out.push(mark);
    out
}

/// Returns whether a text is quoted by its marks alone.
pub(crate) fn stands_for_itself(text: &str, mark: char) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\' && char::from(byte) != mark)
}

fn push_escaped(out: &mut String, c: char, mark: char, ascii: bool) {
    if c == mark || c == '\\' {
        out.push('\\');
        out.push(c);
        return;
    }
    let plain = if ascii { (' '..='~').contains(&c) } else { is_print(c) };
    if plain {
        out.push(c);
        return;
    }
    match c {
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        c if c < ' ' || c == '\u{7f}' => write(out, format_args!("\\x{:02x}", c as u32)),
        c if (c as u32) < 0x10000 => write(out, format_args!("\\u{:04x}", c as u32)),
        c => write(out, format_args!("\\U{:08x}", c as u32)),
    }
}

fn write(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a string");
}

/// Undoes Go's quoting: `"…"`, `` `…` `` or one character in `'…'`. `None` where the text is not well quoted.
#[must_use]
pub fn unquote(text: &str) -> Option<String> {
    unquote_bytes(text).map(crate::printf::into_string)
}

/// Undoes Go's quoting; escapes may make bytes that are no UTF-8.
pub(crate) fn unquote_bytes(text: &str) -> Option<Vec<u8>> {
    let mark = text.chars().next()?;
    let inner = text.get(1..text.len().checked_sub(1)?)?;
    if text.len() < 2 || !text.ends_with(mark) {
        return None;
    }
    match mark {
        '`' if inner.contains('`') => None,
        '`' => Some(inner.replace('\r', "").into_bytes()),
        '"' | '\'' => {
            let bytes = unquote_within(inner, mark)?;
            if mark == '\'' && std::str::from_utf8(&bytes).ok()?.chars().count() != 1 {
                return None;
            }
            Some(bytes)
        }
        _ => None,
    }
}

fn unquote_within(inner: &str, mark: char) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(inner.len());
    let mut chars = inner.chars();
    let push = |out: &mut Vec<u8>, c: char| out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    while let Some(c) = chars.next() {
        if c == mark || c == '\n' {
            return None;
        }
        if c != '\\' {
            push(&mut out, c);
            continue;
        }
        match chars.next()? {
            'a' => out.push(7),
            'b' => out.push(8),
            'f' => out.push(12),
            'n' => out.push(b'\n'),
            'r' => out.push(b'\r'),
            't' => out.push(b'\t'),
            'v' => out.push(11),
            '\\' => out.push(b'\\'),
            c @ ('\'' | '"') if c == mark => push(&mut out, c),
            'x' => {
                let byte = u8::try_from(digits(&mut chars, 2, 16)?).ok()?;
                if mark == '\'' { push(&mut out, char::from(byte)) } else { out.push(byte) }
            }
            'u' => push(&mut out, char::from_u32(digits(&mut chars, 4, 16)?)?),
            'U' => push(&mut out, char::from_u32(digits(&mut chars, 8, 16)?)?),
            c @ '0'..='7' => {
                let rest = digits(&mut chars, 2, 8)?;
                let byte = u8::try_from(c.to_digit(8)? * 64 + rest).ok()?;
                if mark == '\'' { push(&mut out, char::from(byte)) } else { out.push(byte) }
            }
            _ => return None,
        }
    }
    Some(out)
}

fn digits(chars: &mut std::str::Chars<'_>, count: usize, radix: u32) -> Option<u32> {
    (0..count)
        .try_fold(0_u32, |value, _| value.checked_mul(radix)?.checked_add(chars.next()?.to_digit(radix)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_and_back() {
        assert_eq!(quote("a\"b\n\u{1F600}é\u{7f}\u{200b}"), "\"a\\\"b\\n\u{1F600}é\\x7f\\u200b\"");
        for text in ["", "a\tb", "\u{feff}", "\\", "`", "'"] {
            assert_eq!(unquote(&quote(text)).as_deref(), Some(text));
        }
        assert_eq!(unquote("'\\''").as_deref(), Some("'"));
        assert_eq!(unquote("\"\\'\""), None);
        assert_eq!(unquote("`a\\n`").as_deref(), Some("a\\n"));
    }
}
