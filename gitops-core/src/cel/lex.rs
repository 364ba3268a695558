//! Words and signs of an expression.

use super::expression::Literal;

/// What is wrong with an expression, and where: an offset in bytes.
#[derive(Debug)]
pub(super) struct Syntax {
    pub(super) at: usize,
    pub(super) what: String,
}

impl Syntax {
    pub(super) fn new(at: usize, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }

    /// Names the place as cel-go does, with the line and a mark below it.
    pub(super) fn shown(&self, text: &str) -> String {
        let before = text.get(..self.at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        let source: String = text.lines().nth(line - 1).unwrap_or_default().chars().take(200).collect();
        let dots = ".".repeat(column.min(200));
        format!("ERROR: <input>:{line}:{}: Syntax error: {}\n | {source}\n | {dots}^", column + 1, self.what)
    }
}

#[derive(Clone, Debug)]
pub(super) enum Token {
    Word(String),
    Value(Literal),
    /// One or two characters.
    Sign(&'static str),
    End,
}

const SIGNS: [&str; 24] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]", "{", "}", ".", ",", ":", "?", "!", "-",
    "+", "*", "/", "%",
];

pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Syntax> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.as_bytes()[0];
        if first.is_ascii_whitespace() {
            at += 1;
        } else if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if let Some((prefix, quote)) = string_start(rest) {
            let (literal, length) = string(rest, prefix, quote).map_err(|what| Syntax::new(at, what))?;
            out.push((at, Token::Value(literal)));
            at += length;
        } else if first.is_ascii_alphabetic() || first == b'_' {
            let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
            out.push((at, Token::Word(rest[..length].to_owned())));
            at += length;
        } else if first.is_ascii_digit()
            || first == b'.' && rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit)
        {
            let (literal, length) = number(rest).map_err(|what| Syntax::new(at, what))?;
            out.push((at, Token::Value(literal)));
            at += length;
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            out.push((at, Token::Sign(sign)));
            at += sign.len();
        } else {
            let character = rest.chars().next().unwrap_or_default();
            return Err(Syntax::new(at, format!("token recognition error at: '{character}'")));
        }
    }
    out.push((text.len(), Token::End));
    Ok(out)
}

/// The length of a string's prefix and its quote: `r"`, `b'''`.
fn string_start(rest: &str) -> Option<(usize, &'static str)> {
    let prefix = rest.bytes().take(2).take_while(|byte| matches!(byte, b'r' | b'R' | b'b' | b'B')).count();
    let quotes = ["\"\"\"", "'''", "\"", "'"];
    let after = &rest[prefix..];
    quotes.into_iter().find(|quote| after.starts_with(quote)).map(|quote| (prefix, quote))
}

fn string(rest: &str, prefix: usize, quote: &str) -> Result<(Literal, usize), String> {
    let marks = rest[..prefix].to_ascii_lowercase();
    let is_raw = marks.contains('r');
    let is_bytes = marks.contains('b');
    let mut at = prefix + quote.len();
    let mut out = Vec::new();
    loop {
        let left = &rest[at..];
        if left.starts_with(quote) {
            at += quote.len();
            break;
        }
        let Some(character) = left.chars().next() else { return Err("the string does not end".into()) };
        if character == '\n' && quote.len() == 1 {
            return Err("the string does not end on its line".into());
        }
        if character != '\\' || is_raw {
            let mut buffer = [0; 4];
            out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
            at += character.len_utf8();
            continue;
        }
        at += 1 + escape(&left[1..], is_bytes, &mut out)?;
    }
    let literal = if is_bytes {
        Literal::Bytes(out)
    } else {
        Literal::Text(String::from_utf8(out).map_err(|_| "the string is no UTF-8".to_owned())?)
    };
    Ok((literal, at))
}

/// Reads what follows a backslash, and returns its length.
fn escape(rest: &str, is_bytes: bool, out: &mut Vec<u8>) -> Result<usize, String> {
    let wrong = || "the string has an unknown escape".to_owned();
    let first = *rest.as_bytes().first().ok_or_else(wrong)?;
    let digits = |from: usize, count: usize, base: u32| {
        let digits = rest.get(from..from + count).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
        digits.and_then(|digits| u32::from_str_radix(digits, base).ok()).ok_or_else(wrong)
    };
    let (code, length) = match first {
        b'a' => (7, 1),
        b'b' => (8, 1),
        b'f' => (12, 1),
        b'n' => (10, 1),
        b'r' => (13, 1),
        b't' => (9, 1),
        b'v' => (11, 1),
        b'\\' | b'\'' | b'"' | b'`' | b'?' => (u32::from(first), 1),
        b'x' | b'X' => (digits(1, 2, 16)?, 3),
        b'u' if !is_bytes => (digits(1, 4, 16)?, 5),
        b'U' if !is_bytes => (digits(1, 8, 16)?, 9),
        b'0'..=b'3' => (digits(0, 3, 8)?, 3),
        _ => return Err(wrong()),
    };
    if is_bytes && (length == 3 || code < 128) {
        out.push(u8::try_from(code).map_err(|_| wrong())?);
    } else {
        let character = char::from_u32(code).ok_or_else(wrong)?;
        let mut buffer = [0; 4];
        out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
    }
    Ok(length)
}

fn number(rest: &str) -> Result<(Literal, usize), String> {
    let wrong = |text: &str| format!("invalid number: {text}");
    let bytes = rest.as_bytes();
    if bytes[0] == b'0' && matches!(bytes.get(1), Some(b'x' | b'X')) {
        let length = 2 + bytes[2..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let digits = &rest[2..length];
        if matches!(bytes.get(length), Some(b'u' | b'U')) {
            let value = u64::from_str_radix(digits, 16).map_err(|_| wrong(digits))?;
            return Ok((Literal::Uint(value), length + 1));
        }
        let value = i64::from_str_radix(digits, 16).map_err(|_| wrong(digits))?;
        return Ok((Literal::Int(value), length));
    }
    let count = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut length = count(0);
    let mut is_double = false;
    if bytes.get(length) == Some(&b'.') && bytes.get(length + 1).is_some_and(u8::is_ascii_digit) {
        is_double = true;
        length += 1 + count(length + 1);
    }
    if matches!(bytes.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
        let from = length + 1 + sign;
        let digits = if from <= bytes.len() { count(from) } else { 0 };
        if digits > 0 {
            is_double = true;
            length = from + digits;
        }
    }
    let text = &rest[..length];
    if is_double {
        return Ok((Literal::Double(text.parse().map_err(|_| wrong(text))?), length));
    }
    if matches!(bytes.get(length), Some(b'u' | b'U')) {
        return Ok((Literal::Uint(text.parse().map_err(|_| wrong(text))?), length + 1));
    }
    match text.parse() {
        Ok(value) => Ok((Literal::Int(value), length)),
        // The sign of the smallest number is an operator: `-9223372036854775808`.
        Err(_) if text == "9223372036854775808" => Ok((Literal::Int(i64::MIN), length)),
        Err(_) => Err(wrong(text)),
    }
}
