//! Words: case conversions and wrapping, as the Go libraries beneath sprig do them.

use super::strings::{is_space, lower, upper};
use super::{bytes, check_size, int, text};
use crate::function::{Function, Functions, Signature, Type};
use crate::value::Value;

pub(super) fn add(functions: &mut Functions) {
    for (name, body) in [
        ("title", title as fn(&str) -> String),
        ("untitle", untitle),
        ("swapcase", swap_case),
        ("initials", initials),
        ("camelcase", pascal_case),
        ("snakecase", |s| joined_by(s, '_')),
        ("kebabcase", |s| joined_by(s, '-')),
    ] {
        let signature = Signature::new(&[Type::String], Type::String);
        functions.insert(name, Function::new(signature, move |_, args| Ok(body(&text(&args[0])).into())));
    }
    functions.insert("wrap", wrap(false));
    functions.insert("wrapWith", wrap(true));
}

fn is_letter(c: char) -> bool {
    c.is_alphabetic()
}

/// Go's `strings.Title`: the first letter of each word in upper case.
fn title(text: &str) -> String {
    let mut before = ' ';
    let separates = |c: char| match c {
        '_' => false,
        c if c.is_ascii() => !c.is_ascii_alphanumeric(),
        c => !c.is_alphanumeric() && is_space(c),
    };
    let each = |c: char| {
        let shown = if separates(before) { upper(c) } else { c };
        before = c;
        shown
    };
    text.chars().map(each).collect()
}

fn untitle(text: &str) -> String {
    let mut first = true;
    let each = |c: char| {
        if is_space(c) {
            first = true;
            c
        } else if std::mem::take(&mut first) {
            lower(c)
        } else {
            c
        }
    };
    text.chars().map(each).collect()
}

fn swap_case(text: &str) -> String {
    let mut after_space = true;
    let each = |c: char| {
        if c.is_uppercase() {
            after_space = false;
            lower(c)
        } else if c.is_lowercase() {
            after_space = false;
            upper(c)
        } else {
            after_space = is_space(c);
            c
        }
    };
    text.chars().map(each).collect()
}

/// The first byte of each word, taken for a character as goutils does.
fn initials(text: &str) -> String {
    let mut gap = true;
    let mut out = String::new();
    for c in text.bytes().map(char::from) {
        if is_space(c) {
            gap = true;
        } else if std::mem::take(&mut gap) {
            out.push(c);
        }
    }
    out
}

fn is_connector(c: char) -> bool {
    c == '-' || c == '_' || is_space(c)
}

/// xstrings' `ToPascalCase`.
fn pascal_case(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    let mut current = None;
    let mut first_is_upper = false;
    let mut last_connector = None;
    for c in chars.by_ref() {
        if !is_connector(c) {
            first_is_upper = c.is_uppercase();
            current = Some(upper(c));
            break;
        }
        out.push(c);
        last_connector = Some(c);
    }
    let Some(mut current) = current else {
        // Connectors alone: xstrings writes the last one once more.
        out.extend(last_connector);
        return out;
    };
    for next in chars {
        let before = current;
        current = next;
        if is_connector(current) && is_connector(before) {
            out.push(before);
            continue;
        }
        if is_connector(before) {
            first_is_upper = current.is_uppercase();
            current = upper(current);
        } else {
            if first_is_upper {
                if current.is_uppercase() {
                    current = lower(current);
                } else {
                    first_is_upper = false;
                }
            }
            out.push(before);
        }
    }
    out.push(current);
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Invalid,
    Number,
    Upper,
    Alphabet,
    Connector,
    Punctuation,
    Other,
}

fn is_number(c: char) -> bool {
    c.is_numeric()
}

fn is_punctuation(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_punctuation() && !matches!(c, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~');
    }
    matches!(c as u32, 0xa1 | 0xa7 | 0xab | 0xb6 | 0xb7 | 0xbb | 0xbf | 0x2010..=0x2027 | 0x2030..=0x205e
        | 0x3001..=0x3003 | 0x3008..=0x3011 | 0x3014..=0x301f | 0xff01..=0xff0f | 0xff1a..=0xff20)
}

/// A letter with a case: xstrings leaves letters of scripts without case to the rest.
fn is_alphabet(c: char) -> bool {
    if !is_letter(c) {
        return false;
    }
    // Ideographs, syllables and other letters of scripts that do not join letters to words by case.
    !matches!(c as u32, 0x2e80..=0x9fff | 0xac00..=0xd7af | 0xf900..=0xfaff | 0x20000..=0x3ffff)
}

/// Cuts the next word off: what it is and how long.
fn next_word(text: &str) -> (Word, &str, &str) {
    let Some(first) = text.chars().next() else { return (Word::Invalid, "", "") };
    let run = |start: usize, within: &dyn Fn(char) -> bool| {
        start + text[start..].find(|c: char| !within(c)).unwrap_or(text.len() - start)
    };
    let one = first.len_utf8();
    let (kind, end) = if is_connector(first) {
        (Word::Connector, run(one, &is_connector))
    } else if is_punctuation(first) {
        (Word::Punctuation, run(one, &is_punctuation))
    } else if first.is_uppercase() {
        let second = text[one..].chars().next();
        let end = match second {
            Some(c) if c.is_uppercase() => {
                let end = run(one, &|c: char| c.is_uppercase());
                let last = text[..end].chars().next_back().map_or(0, char::len_utf8);
                // The last capital before a small letter begins the next word: XMLFile is xml, file.
                if text[end..].chars().next().is_some_and(is_alphabet) { end - last } else { end }
            }
            Some(c) if is_alphabet(c) => run(one, &|c: char| is_alphabet(c) && !c.is_uppercase()),
            _ => one,
        };
        (Word::Upper, end)
    } else if is_alphabet(first) {
        (Word::Alphabet, run(one, &|c: char| is_alphabet(c) && !c.is_uppercase()))
    } else if is_number(first) {
        (Word::Number, run(one, &is_number))
    } else {
        let within = |c: char| !(is_connector(c) || is_alphabet(c) || is_number(c) || is_punctuation(c));
        (Word::Other, run(one, &within))
    };
    (kind, &text[..end], &text[end..])
}

fn push_lower(out: &mut String, kind: Word, word: &str, connector: char) {
    if !matches!(kind, Word::Upper | Word::Connector) {
        out.push_str(word);
        return;
    }
    out.extend(word.chars().map(|c| {
        if is_connector(c) {
            connector
        } else if c.is_uppercase() {
            lower(c)
        } else {
            c
        }
    }));
}

/// xstrings' `camelCaseToLowerCase`: words in lower case with a connector between them, numbers glued to their words.
fn joined_by(text: &str, connector: char) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let (mut kind, mut word, mut rest) = next_word(text);
    let ends = |kind: Word| matches!(kind, Word::Invalid | Word::Connector | Word::Punctuation);
    while !rest.is_empty() {
        if kind != Word::Connector {
            push_lower(&mut out, kind, word, connector);
        }
        let (before, last) = (kind, word);
        (kind, word, rest) = next_word(rest);
        match before {
            Word::Number => {
                (kind, word, rest) = glued(&mut out, (kind, word, rest), connector);
                if !ends(kind) {
                    out.push(connector);
                }
            }
            Word::Connector => push_lower(&mut out, before, last, connector),
            Word::Punctuation => {}
            _ if kind != Word::Number => {
                if !matches!(kind, Word::Connector | Word::Punctuation) {
                    out.push(connector);
                }
            }
            _ if rest.is_empty() => {}
            _ => {
                let number = word;
                (kind, word, rest) = next_word(rest);
                if kind == Word::Alphabet {
                    out.push(connector);
                    push_lower(&mut out, Word::Number, number, connector);
                    (kind, word, rest) = glued(&mut out, (kind, word, rest), connector);
                    if !ends(kind) {
                        out.push(connector);
                    }
                } else {
                    push_lower(&mut out, Word::Number, number, connector);
                    if !matches!(kind, Word::Connector | Word::Punctuation) {
                        out.push(connector);
                    }
                }
            }
        }
    }
    push_lower(&mut out, kind, word, connector);
    out
}

/// Writes small letters and numbers as they come, and returns the word after them.
fn glued<'a>(
    out: &mut String,
    mut next: (Word, &'a str, &'a str),
    connector: char,
) -> (Word, &'a str, &'a str) {
    while matches!(next.0, Word::Alphabet | Word::Number) {
        push_lower(out, next.0, next.1, connector);
        next = next_word(next.2);
    }
    next
}

/// goutils' `WrapCustom`, on bytes as there. `with` takes the line break and cuts long words.
fn wrap(with: bool) -> Function {
    const WRAP: &[Type] = &[Type::Int, Type::String];
    const WRAP_WITH: &[Type] = &[Type::Int, Type::String, Type::String];
    let signature = Signature::new(if with { WRAP_WITH } else { WRAP }, Type::String);
    Function::new(signature, move |context, args| {
        let width = usize::try_from(int(&args[0]).max(1)).unwrap_or(usize::MAX);
        let (line_break, text) =
            if with { (bytes(&args[1]), bytes(&args[2])) } else { (&b""[..], bytes(&args[1])) };
        let line_break = if line_break.is_empty() { &b"\n"[..] } else { line_break };
        let breaks =
            text.len().checked_div(width).unwrap_or(0).saturating_add(text.len().min(text.len() / 2 + 1));
        check_size(context, breaks.checked_mul(line_break.len()).and_then(|n| n.checked_add(text.len())))?;
        let mut out = Vec::with_capacity(text.len() + text.len() / 8);
        let mut at = 0;
        while text.len() - at > width {
            if text[at] == b' ' {
                at += 1;
                continue;
            }
            let window = &text[at..at + width + 1];
            if let Some(space) = memchr::memrchr(b' ', window) {
                out.extend_from_slice(&text[at..at + space]);
                out.extend_from_slice(line_break);
                at += space + 1;
            } else if with {
                out.extend_from_slice(&text[at..at + width]);
                out.extend_from_slice(line_break);
                at += width;
            } else if let Some(space) = memchr::memchr(b' ', &text[at + width..]) {
                out.extend_from_slice(&text[at..at + width + space]);
                out.extend_from_slice(line_break);
                at += width + space + 1;
            } else {
                out.extend_from_slice(&text[at..]);
                at = text.len();
            }
        }
        out.extend_from_slice(&text[at..]);
        Ok(Value::from_bytes(&out))
    })
}
