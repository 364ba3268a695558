//! What a plain scalar is: null, a boolean, a number, a time or a string, by the rules of the two YAML dialects.
//!
//! Both follow go-yaml, not the specification: in either dialect `0777` and `0o777` are octal, `1_000` is a number,
//! `1e400` is a string because it overflows, and `08` is the float 8. They differ in `y`, `yes`, `on`, `n`, `no` and
//! `off`, which are booleans in [`Dialect::Yaml11`] alone. Base-60 numbers are strings in both.

use crate::timestamp::{Timestamp, looks_like_timestamp};
use crate::{Data, Dialect, Node, Style, Tag};

/// The type and, where it is cheap, the value of a node.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// `null`, `~` or nothing at all.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer that fits in 64 bits with a sign.
    Int(i64),
    /// An integer above [`i64::MAX`].
    Uint(u64),
    /// A float, `.inf` and `.nan` included.
    Float(f64),
    /// A string: the scalar's text.
    Str,
    /// A date or a time; [`Timestamp::parse`] gives its value.
    Timestamp,
    /// Base64 under the tag `!!binary`.
    Binary,
    /// The merge key `<<`.
    Merge,
    /// A sequence.
    Sequence,
    /// A mapping.
    Mapping,
    /// An alias, whose target the document knows.
    Alias,
}

impl Kind {
    /// Returns the tag as go-yaml prints it: `!!int` for both integers.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Null => "!!null",
            Self::Bool(_) => "!!bool",
            Self::Int(_) | Self::Uint(_) => "!!int",
            Self::Float(_) => "!!float",
            Self::Str | Self::Alias => "!!str",
            Self::Timestamp => "!!timestamp",
            Self::Binary => "!!binary",
            Self::Merge => "!!merge",
            Self::Sequence => "!!seq",
            Self::Mapping => "!!map",
        }
    }

    fn same_tag(self, other: Self) -> bool {
        self.tag() == other.tag()
    }
}

/// A tag that was written and a text that does not fit it, as in `!!int abc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagMismatch {
    /// What the text is.
    pub found: &'static str,
    /// What the tag says.
    pub wanted: &'static str,
}

impl Node {
    /// Returns what the node is in this dialect. A text that does not fit its written tag counts as a string; use
    /// [`Node::checked_kind`] to be told.
    ///
    /// ```
    /// use gitops_yaml::{Dialect, Kind, Node};
    /// assert_eq!(Node::plain("0777").kind(Dialect::V3), Kind::Int(511));
    /// assert_eq!(Node::plain("no").kind(Dialect::V3), Kind::Str);
    /// assert_eq!(Node::plain("no").kind(Dialect::Yaml11), Kind::Bool(false));
    /// assert_eq!(Node::string("no").kind(Dialect::Yaml11), Kind::Str);
    /// ```
    #[must_use]
    pub fn kind(&self, dialect: Dialect) -> Kind {
        self.checked_kind(dialect).unwrap_or(Kind::Str)
    }

    /// Returns what the node is in this dialect.
    ///
    /// # Errors
    /// When the text does not fit the tag that was written, which go-yaml refuses with "cannot decode".
    pub fn checked_kind(&self, dialect: Dialect) -> Result<Kind, TagMismatch> {
        let text = match &self.data {
            Data::Scalar(text) => text.as_str(),
            Data::Sequence(_) => return Ok(Kind::Sequence),
            Data::Mapping(_) => return Ok(Kind::Mapping),
            Data::Alias(_) => return Ok(Kind::Alias),
        };
        let wanted = match self.tag {
            Tag::Implicit if self.style != Style::Default => return Ok(Kind::Str),
            Tag::Implicit if text == "<<" => return Ok(Kind::Merge),
            Tag::Implicit => return Ok(resolve(text, dialect)),
            Tag::Str | Tag::Custom => return Ok(Kind::Str),
            Tag::Binary => return Ok(Kind::Binary),
            Tag::Merge if text == "<<" => return Ok(Kind::Merge),
            Tag::Merge | Tag::Seq | Tag::Map => return Ok(Kind::Str),
            Tag::Null => Kind::Null,
            Tag::Bool => Kind::Bool(false),
            Tag::Int => Kind::Int(0),
            Tag::Float => Kind::Float(0.0),
            Tag::Timestamp => Kind::Timestamp,
        };
        let mut found = resolve(text, dialect);
        if found == Kind::Timestamp && wanted != Kind::Timestamp {
            found = resolve_number(text).unwrap_or(Kind::Str);
        }
        match found {
            found if found.same_tag(wanted) => Ok(found),
            #[allow(clippy::cast_precision_loss, reason = "go-yaml converts the same way")]
            Kind::Int(value) if wanted == Kind::Float(0.0) => Ok(Kind::Float(value as f64)),
            found => Err(TagMismatch { found: found.tag(), wanted: wanted.tag() }),
        }
    }

    /// Returns whether the node is a null: written as one, or an empty plain scalar.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.data, Data::Scalar(_)) && self.kind(Dialect::V3) == Kind::Null
    }
}

/// What the first byte of a plain scalar says about it.
#[derive(Clone, Copy, PartialEq)]
enum Hint {
    /// A string, whatever follows.
    Str,
    /// Perhaps one of the known words.
    Word,
    /// A number, a time or a string.
    Digit,
    /// A number, a known word or a string.
    Sign,
    /// A float, a known word or a string.
    Dot,
}

const HINTS: [Hint; 256] = {
    let mut table = [Hint::Str; 256];
    let words = b"yYnNtTfFoO~";
    let mut i = 0;
    while i < words.len() {
        table[words[i] as usize] = Hint::Word;
        i += 1;
    }
    let mut digit = b'0';
    while digit <= b'9' {
        table[digit as usize] = Hint::Digit;
        digit += 1;
    }
    table[b'+' as usize] = Hint::Sign;
    table[b'-' as usize] = Hint::Sign;
    table[b'.' as usize] = Hint::Dot;
    table
};

/// Returns what a plain scalar's text is, without looking at tags, quotes or merge keys.
#[must_use]
#[inline]
pub fn resolve(text: &str, dialect: Dialect) -> Kind {
    let Some(&first) = text.as_bytes().first() else { return Kind::Null };
    match HINTS[first as usize] {
        Hint::Str => Kind::Str,
        Hint::Word => word(text, dialect).unwrap_or(Kind::Str),
        Hint::Dot => special_float(text).or_else(|| dotted_float(text)).unwrap_or(Kind::Str),
        Hint::Sign => special_float(text).or_else(|| resolve_number(text)).unwrap_or(Kind::Str),
        Hint::Digit if looks_like_timestamp(text) && Timestamp::parse(text).is_some() => Kind::Timestamp,
        Hint::Digit => resolve_number(text).unwrap_or(Kind::Str),
    }
}

/// Whether a plain scalar is surely a string, as most are; says no where it would take longer to find out.
#[inline]
pub(crate) fn is_plain_string(text: &str) -> bool {
    let bytes = text.as_bytes();
    match bytes.first() {
        None => false,
        Some(b'<') => text != "<<",
        Some(&first) => match HINTS[first as usize] {
            Hint::Str => true,
            Hint::Word => bytes.len() > 5 || word(text, Dialect::Yaml11).is_none(),
            _ => false,
        },
    }
}

/// Returns whether a string's text may stand plain as far as its type is concerned: read again it is still a string,
/// and neither a base-60 number nor, for v3's printer, a boolean of YAML 1.1.
#[inline]
pub(crate) fn string_may_be_plain(text: &str, dialect: Dialect) -> bool {
    let Some(&first) = text.as_bytes().first() else { return false };
    match HINTS[first as usize] {
        Hint::Str => true,
        // v3 quotes the booleans of YAML 1.1 although it reads them as strings.
        Hint::Word => word(text, Dialect::Yaml11).is_none(),
        _ => resolve(text, dialect) == Kind::Str && !is_base60(text),
    }
}

#[inline]
fn word(text: &str, dialect: Dialect) -> Option<Kind> {
    let bytes = text.as_bytes();
    let kind = match bytes.len() {
        1 if bytes[0] == b'~' => return Some(Kind::Null),
        1..=3 if dialect == Dialect::Yaml11 => return old_bool(text).map(Kind::Bool),
        4 if bytes.eq_ignore_ascii_case(b"true") => Kind::Bool(true),
        4 if bytes.eq_ignore_ascii_case(b"null") => Kind::Null,
        5 if bytes.eq_ignore_ascii_case(b"false") => Kind::Bool(false),
        _ => return None,
    };
    is_known_case(bytes).then_some(kind)
}

/// Whether a word is written in small letters, in capitals, or with one capital in front.
fn is_known_case(word: &[u8]) -> bool {
    let rest = &word[1..];
    rest.iter().all(u8::is_ascii_lowercase) || word.iter().all(u8::is_ascii_uppercase)
}

/// Reads the booleans that only YAML 1.1 knows.
pub(crate) fn old_bool(text: &str) -> Option<bool> {
    let bytes = text.as_bytes();
    let value = match bytes.len() {
        1 => match bytes[0] {
            b'y' | b'Y' => true,
            b'n' | b'N' => false,
            _ => return None,
        },
        2 if bytes.eq_ignore_ascii_case(b"on") => true,
        2 if bytes.eq_ignore_ascii_case(b"no") => false,
        3 if bytes.eq_ignore_ascii_case(b"yes") => true,
        3 if bytes.eq_ignore_ascii_case(b"off") => false,
        _ => return None,
    };
    is_known_case(bytes).then_some(value)
}

fn special_float(text: &str) -> Option<Kind> {
    if text.len() > 5 {
        return None;
    }
    let value = match text {
        ".nan" | ".NaN" | ".NAN" => f64::NAN,
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => f64::INFINITY,
        "-.inf" | "-.Inf" | "-.INF" => f64::NEG_INFINITY,
        _ => return None,
    };
    Some(Kind::Float(value))
}

/// A text that starts with a dot: go-yaml hands it to Go's parser as it is, without dropping underscores.
fn dotted_float(text: &str) -> Option<Kind> {
    if is_float(text.as_bytes()) { float(text) } else { None }
}

fn float(text: &str) -> Option<Kind> {
    // An overflow is an error in Go, and the scalar stays a string.
    text.parse::<f64>().ok().filter(|value| value.is_finite()).map(Kind::Float)
}

/// Resolves a text that starts with a sign or a digit.
fn resolve_number(text: &str) -> Option<Kind> {
    let bytes = text.as_bytes();
    // Most texts here are small decimal numbers, and most others are decided by their first odd byte.
    if bytes.len() <= 18 && bytes[0] != b'0' && bytes[0].is_ascii_digit() {
        let mut value = 0i64;
        let mut plain_digits = true;
        for &byte in bytes {
            if !byte.is_ascii_digit() {
                plain_digits = false;
                break;
            }
            value = value * 10 + i64::from(byte - b'0');
        }
        if plain_digits {
            return Some(Kind::Int(value));
        }
    }
    if bytes.iter().any(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'+' | b'-' | b'.' | b'_')) {
        return None;
    }
    if memchr::memchr(b'_', bytes).is_some() {
        let plain: String = text.chars().filter(|&c| c != '_').collect();
        return number(&plain);
    }
    number(text)
}

fn number(plain: &str) -> Option<Kind> {
    if let Some(value) = parse_int(plain).map(Kind::Int).or_else(|| parse_uint(plain)) {
        return Some(value);
    }
    if is_float(plain.as_bytes())
        && let Some(value) = float(plain)
    {
        return Some(value);
    }
    // What is left are oddities such as `0b-1`, where the sign follows the prefix.
    for (prefix, radix) in [("0b", 2), ("0o", 8)] {
        if let Some(digits) = plain.strip_prefix(prefix) {
            return signed(digits, radix).map(Kind::Int).or_else(|| unsigned(digits, radix).map(uint_kind));
        }
        if let Some(digits) = plain.strip_prefix('-').and_then(|rest| rest.strip_prefix(prefix)) {
            return unsigned(digits, radix).and_then(|value| negative(value).map(Kind::Int));
        }
    }
    None
}

fn uint_kind(value: u64) -> Kind {
    i64::try_from(value).map_or(Kind::Uint(value), Kind::Int)
}

/// Go's `strconv.ParseInt(text, 0, 64)`.
fn parse_int(text: &str) -> Option<i64> {
    let (is_negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let value = magnitude(digits)?;
    if is_negative { negative(value) } else { i64::try_from(value).ok() }
}

/// Go's `strconv.ParseUint(text, 0, 64)`.
fn parse_uint(text: &str) -> Option<Kind> {
    magnitude(text).map(uint_kind)
}

fn negative(value: u64) -> Option<i64> {
    if value == 1 << 63 { Some(i64::MIN) } else { i64::try_from(value).ok().map(|value| -value) }
}

/// Reads digits after the sign; the base comes from the prefix.
fn magnitude(digits: &str) -> Option<u64> {
    let bytes = digits.as_bytes();
    if bytes.len() > 1 && bytes[0] == b'0' {
        return match bytes[1] | 0x20 {
            b'x' => unsigned(&digits[2..], 16),
            b'o' => unsigned(&digits[2..], 8),
            b'b' => unsigned(&digits[2..], 2),
            _ => unsigned(&digits[1..], 8),
        };
    }
    unsigned(digits, 10)
}

fn unsigned(digits: &str, radix: u32) -> Option<u64> {
    // Rust takes a plus sign here, Go does not.
    if digits.starts_with('+') { None } else { u64::from_str_radix(digits, radix).ok() }
}

fn signed(digits: &str, radix: u32) -> Option<i64> {
    i64::from_str_radix(digits, radix).ok()
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
fn is_float(text: &[u8]) -> bool {
    let digits = |at: usize| text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let whole = digits(at);
    at += whole;
    if text.get(at) == Some(&b'.') {
        at += 1;
        let fraction = digits(at);
        if whole == 0 && fraction == 0 {
            return false;
        }
        at += fraction;
    } else if whole == 0 {
        return false;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at += 1;
        at += usize::from(matches!(text.get(at), Some(b'+' | b'-')));
        let exponent = digits(at);
        if exponent == 0 {
            return false;
        }
        at += exponent;
    }
    at == text.len()
}

/// `^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$`
fn is_base60(text: &str) -> bool {
    let bytes = text.as_bytes();
    if memchr::memchr(b':', bytes).is_none() {
        return false;
    }
    let mut at = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    if !bytes.get(at).is_some_and(u8::is_ascii_digit) {
        return false;
    }
    while bytes.get(at).is_some_and(|byte| byte.is_ascii_digit() || *byte == b'_') {
        at += 1;
    }
    let mut groups = 0;
    while bytes.get(at) == Some(&b':') {
        let pair = (bytes.get(at + 1), bytes.get(at + 2));
        match pair {
            (Some(b'0'..=b'5'), Some(b'0'..=b'9')) => at += 3,
            (Some(b'0'..=b'9'), _) => at += 2,
            _ => return false,
        }
        groups += 1;
    }
    if groups == 0 {
        return false;
    }
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        while bytes.get(at).is_some_and(|byte| byte.is_ascii_digit() || *byte == b'_') {
            at += 1;
        }
    }
    at == bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, yaml11: Kind, v3: Kind) {
        assert_eq!((resolve(text, Dialect::Yaml11), resolve(text, Dialect::V3)), (yaml11, v3), "{text}");
    }

    #[track_caller]
    fn both(text: &str, kind: Kind) {
        check(text, kind, kind);
    }

    #[test]
    fn booleans_of_yaml_1_1_are_strings_in_v3() {
        check("yes", Kind::Bool(true), Kind::Str);
        check("n", Kind::Bool(false), Kind::Str);
        check("OFF", Kind::Bool(false), Kind::Str);
        both("yEs", Kind::Str);
        both("True", Kind::Bool(true));
        both("truefalse", Kind::Str);
    }

    #[test]
    fn integers_take_every_base() {
        both("0", Kind::Int(0));
        both("-0", Kind::Int(0));
        both("+12", Kind::Int(12));
        both("0777", Kind::Int(511));
        both("0o777", Kind::Int(511));
        both("0x1F", Kind::Int(31));
        both("-0b101", Kind::Int(-5));
        both("0b-101", Kind::Int(-5));
        both("1_000", Kind::Int(1000));
        both("18446744073709551615", Kind::Uint(u64::MAX));
        both("-9223372036854775808", Kind::Int(i64::MIN));
        both("0x", Kind::Str);
        both("-", Kind::Str);
        both("+", Kind::Str);
    }

    #[test]
    fn numbers_that_no_base_takes_become_floats() {
        both("08", Kind::Float(8.0));
        both("1.", Kind::Float(1.0));
        both(".5e3", Kind::Float(500.0));
        both("1e3", Kind::Float(1000.0));
        both("18446744073709551616", Kind::Float(18_446_744_073_709_551_616.0));
        both("1e400", Kind::Str);
        both("._5", Kind::Str);
        both(".", Kind::Str);
        both("+.inf", Kind::Float(f64::INFINITY));
        both("1.2.3", Kind::Str);
        both("12e", Kind::Str);
    }

    #[test]
    fn base_60_is_a_string_that_must_be_quoted() {
        both("12:30:45", Kind::Str);
        assert!(!string_may_be_plain("12:30:45", Dialect::V3));
        assert!(!string_may_be_plain("1:5", Dialect::V3));
        assert!(string_may_be_plain("1:60", Dialect::V3));
        assert!(string_may_be_plain("1:2:x", Dialect::Yaml11));
    }

    #[test]
    fn both_printers_quote_old_booleans() {
        for dialect in [Dialect::Yaml11, Dialect::V3] {
            assert!(!string_may_be_plain("off", dialect));
            assert!(!string_may_be_plain("", dialect));
            assert!(string_may_be_plain("offline", dialect));
        }
    }

    #[test]
    fn a_written_tag_is_held_against_the_text() {
        let tagged = |tag, text: &str| Node::plain(text).tagged(tag).checked_kind(Dialect::V3);
        assert_eq!(tagged(Tag::Float, "3"), Ok(Kind::Float(3.0)));
        assert_eq!(tagged(Tag::Str, "3"), Ok(Kind::Str));
        assert_eq!(tagged(Tag::Int, "abc"), Err(TagMismatch { found: "!!str", wanted: "!!int" }));
        assert_eq!(tagged(Tag::Int, ""), Err(TagMismatch { found: "!!null", wanted: "!!int" }));
    }
}
