//! Bytes → text: byte order marks, UTF-16, and the characters that YAML forbids, refused in libyaml's words.

use std::borrow::Cow;

/// A text that is ready to be scanned.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    /// The text without its byte order mark, up to where [`Input::refusal`] begins.
    pub(crate) text: Cow<'a, str>,
    /// How many bytes of the source stand before the text, where it was UTF-8.
    pub(crate) bom: usize,
    /// Whether every character is one byte long.
    pub(crate) is_ascii: bool,
    /// Whether `\n` is the only line break that occurs.
    pub(crate) only_lf: bool,
    /// Why the bytes behind the text can't be read. libyaml reads ahead in chunks of 512 bytes and says so only when
    /// its scanner gets there; the text ends where the last good chunk does.
    pub(crate) refusal: Option<Unreadable>,
}

/// What is wrong with bytes that are no text, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub(crate) why: &'static str,
    /// The line of the first bad character, counted from 0.
    pub(crate) line: u32,
    /// Its column in characters, counted from 1.
    pub(crate) column: u32,
}

impl Unreadable {
    /// Finds the place behind the characters that are good.
    fn after(good: &str, why: &'static str) -> Self {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let line = good.rsplit('\n').next().unwrap_or_default();
        let lines = memchr::memchr_iter(b'\n', good.as_bytes()).count();
        Self { why, line: count(lines), column: count(line.chars().count() + 1) }
    }
}

const CHUNK: usize = 512;
const INVALID_CHARACTER: &str = "control characters are not allowed";

impl<'a> Input<'a> {
    /// Decodes the bytes of a stream.
    pub(crate) fn decode(bytes: &'a [u8]) -> Self {
        if bytes.starts_with(b"\xff\xfe") {
            return Self::decode_utf16(bytes, u16::from_le_bytes);
        }
        if bytes.starts_with(b"\xfe\xff") {
            return Self::decode_utf16(bytes, u16::from_be_bytes);
        }
        let bom = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let body = bytes.get(bom..).unwrap_or_default();
        match std::str::from_utf8(body) {
            Ok(text) if !has_forbidden(text) => Self::of(Cow::Borrowed(text), bom, None),
            _ => {
                let bad = first_bad_utf8(bytes, bom);
                let text = |end: usize| {
                    body.get(..end).and_then(|good| std::str::from_utf8(good).ok()).unwrap_or_default()
                };
                let refusal = Unreadable::after(text(bad.at), bad.why);
                Self::of(Cow::Borrowed(text(bad.chunk)), bom, Some(refusal))
            }
        }
    }

    fn of(text: Cow<'a, str>, bom: usize, refusal: Option<Unreadable>) -> Self {
        let is_ascii = text.is_ascii();
        let bytes = text.as_bytes();
        let only_lf = memchr::memchr(b'\r', bytes).is_none()
            && (is_ascii || !text.contains(['\u{85}', '\u{2028}', '\u{2029}']));
        Self { is_ascii, only_lf, text, bom, refusal }
    }

    fn decode_utf16(bytes: &'a [u8], unit: fn([u8; 2]) -> u16) -> Self {
        let mut text = String::with_capacity(bytes.len() / 2);
        let mut refusal = None;
        let (mut at, mut chunk_end, mut good) = (2, CHUNK, 0);
        let read = |at: usize| match bytes.get(at..at + 2) {
            Some(&[a, b]) => Some(unit([a, b])),
            _ => None,
        };
        while at < bytes.len() {
            let Some(first) = read(at) else {
                refusal = Some("incomplete UTF-16 character");
                // The next chunk begins with the odd byte.
                good = text.len();
                break;
            };
            let width = if first & 0xfc00 == 0xd800 { 4 } else { 2 };
            if at + width > chunk_end {
                chunk_end = at + CHUNK;
                good = text.len();
            }
            let character = match (first & 0xfc00, read(at + 2)) {
                (0xdc00, _) => Err("unexpected low surrogate area"),
                (0xd800, None) => Err("incomplete UTF-16 surrogate pair"),
                (0xd800, Some(second)) if second & 0xfc00 != 0xdc00 => Err("expected low surrogate area"),
                (0xd800, Some(second)) => {
                    Ok(0x1_0000 + ((u32::from(first) & 0x3ff) << 10) + (u32::from(second) & 0x3ff))
                }
                _ => Ok(u32::from(first)),
            };
            match character.map(char::from_u32) {
                Ok(Some(c)) if is_allowed(c) => text.push(c),
                Ok(_) => refusal = Some(INVALID_CHARACTER),
                Err(why) => refusal = Some(why),
            }
            if refusal.is_some() {
                break;
            }
            at += width;
        }
        let refusal = refusal.map(|why| Unreadable::after(&text, why));
        if refusal.is_some() {
            text.truncate(good);
        }
        Self::of(Cow::Owned(text), 0, refusal)
    }
}

/// Returns whether YAML 1.1 lets the character occur in a stream.
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}'
        | '\u{1_0000}'..='\u{10_ffff}')
}

/// Returns whether a text holds a character that is not allowed; made to run over many bytes at once.
fn has_forbidden(text: &str) -> bool {
    let bytes = text.as_bytes();
    let bad_ascii = bytes.chunks(64).any(|chunk| {
        chunk.iter().fold(false, |bad, &b| {
            bad | ((b < 0x20) & (b != b'\t') & (b != b'\n') & (b != b'\r')) | (b == 0x7f)
        })
    });
    if bad_ascii {
        return true;
    }
    // Beyond ASCII only U+0080..U+009F (C2 80..9F) and U+FFFE, U+FFFF (EF BF BE..BF) are forbidden.
    !text.is_ascii()
        && (memchr::memchr_iter(0xc2, bytes)
            .any(|at| bytes.get(at + 1).is_some_and(|&b| b < 0xa0 && b != 0x85))
            || memchr::memmem::find(bytes, b"\xef\xbf\xbe").is_some()
            || memchr::memmem::find(bytes, b"\xef\xbf\xbf").is_some())
}

/// The first bad character; both offsets count from behind the byte order mark.
struct Bad {
    at: usize,
    /// How many bytes libyaml reads in good chunks.
    chunk: usize,
    why: &'static str,
}

/// Finds the first bad character as libyaml does.
fn first_bad_utf8(bytes: &[u8], bom: usize) -> Bad {
    let bad = |at: usize, chunk: usize, why| Bad { at: at - bom, chunk: chunk - bom, why };
    let (mut at, mut chunk_start, mut chunk_end) = (bom, bom, CHUNK);
    loop {
        let Some(&lead) = bytes.get(at) else {
            return bad(at, at, INVALID_CHARACTER);
        };
        let width = match lead {
            0..=0x7f => 1,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf7 => 4,
            _ => return bad(at, chunk_start, "invalid leading UTF-8 octet"),
        };
        if at + width > chunk_end || at >= chunk_end {
            chunk_start = at;
            chunk_end = at + CHUNK;
        }
        let Some(rest) = bytes.get(at + 1..at + width) else {
            return bad(at, at, "incomplete UTF-8 octet sequence");
        };
        if rest.iter().any(|b| b & 0xc0 != 0x80) {
            return bad(at, chunk_start, "invalid trailing UTF-8 octet");
        }
        let head = if width == 1 { u32::from(lead) } else { u32::from(lead) & (0x7f >> width) };
        let value = rest.iter().fold(head, |value, b| (value << 6) + u32::from(b & 0x3f));
        let shortest = [0, 0x80, 0x800, 0x1_0000].get(width - 1).copied().unwrap_or(0);
        if value < shortest {
            return bad(at, chunk_start, "invalid length of a UTF-8 sequence");
        }
        match char::from_u32(value) {
            None => return bad(at, chunk_start, "invalid Unicode character"),
            Some(c) if !is_allowed(c) => return bad(at, chunk_start, INVALID_CHARACTER),
            Some(_) => at += width,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf16_of_both_orders_is_read() {
        for bytes in [&b"\xff\xfea\0\x3d\xd8\x00\xde"[..], b"\xfe\xff\0a\xd8\x3d\xde\x00"] {
            let input = Input::decode(bytes);
            assert_eq!((input.text.as_ref(), input.refusal), ("a\u{1f600}", None));
        }
    }

    #[test]
    fn bad_bytes_are_refused_in_libyaml_s_words() {
        let check = |bytes: &[u8], wanted: &str| {
            assert_eq!(Input::decode(bytes).refusal.map(|bad| bad.why), Some(wanted), "{bytes:?}");
        };
        check(b"a: \xff", "invalid leading UTF-8 octet");
        check(b"a: \xc3", "incomplete UTF-8 octet sequence");
        check(b"a: \xc3a", "invalid trailing UTF-8 octet");
        check(b"a: \xc0\x80", "invalid length of a UTF-8 sequence");
        check(b"a: \xed\xa0\x80", "invalid Unicode character");
        check(b"a: \x01", INVALID_CHARACTER);
        check(b"a: \xc2\x80", INVALID_CHARACTER);
        check("a: \u{ffff}".as_bytes(), INVALID_CHARACTER);
        check(b"\xff\xfea", "incomplete UTF-16 character");
        check(b"\xff\xfe\0\xdc", "unexpected low surrogate area");
        check(b"\xff\xfe\0\xd8", "incomplete UTF-16 surrogate pair");
    }

    #[test]
    fn text_before_a_bad_chunk_stays_readable() {
        let mut bytes = b"a: b\n".repeat(200);
        bytes.extend(b"a: \xff");
        let input = Input::decode(&bytes);
        assert_eq!(input.text.len(), 512);
        let wanted = Unreadable { why: "invalid leading UTF-8 octet", line: 200, column: 4 };
        assert_eq!(input.refusal, Some(wanted));
    }
}
