//! What Go's detours through JSON do to values, and how they fail.

use std::borrow::Cow;

use crate::{Error, ErrorKind, Kind, Node, Place};

/// Returns what becomes of a string that is printed as JSON and read again as YAML: `None` where it stays as it is.
///
/// JSON leaves U+0085 as it is, which YAML then takes for a line break and folds; and it leaves U+007F and other
/// controls, which YAML refuses.
pub(crate) fn through_json(value: &str) -> Result<Option<Cow<'_, str>>, Error> {
    let refused = |c: char| matches!(c, '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}');
    if value.is_ascii() && memchr::memchr(0x7f, value.as_bytes()).is_none() {
        return Ok(None);
    }
    if value.chars().any(refused) {
        return Err(Error::new(ErrorKind::Encoding, Place::NONE, "control characters are not allowed"));
    }
    if !value.contains('\u{85}') {
        return Ok(None);
    }
    let mut folded = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('\u{85}') {
        folded.push_str(rest[..at].trim_end_matches(' '));
        let mut breaks = 0;
        rest = &rest[at..];
        while let Some(more) = rest.strip_prefix('\u{85}') {
            breaks += 1;
            rest = more.trim_start_matches(' ');
        }
        match breaks {
            1 => folded.push(' '),
            _ => folded.extend(std::iter::repeat_n('\n', breaks - 1)),
        }
    }
    folded.push_str(rest);
    Ok(Some(Cow::Owned(folded)))
}

/// Returns how many characters a string takes in JSON, quotes included.
pub(crate) fn escaped_length(value: &str) -> usize {
    let length = |c: char| match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => 6,
        _ => 1,
    };
    2 + value.chars().map(length).sum::<usize>()
}

/// Refuses infinities and NaN as encoding/json does.
pub(crate) fn unsupported_float(value: f64, place: Place) -> Error {
    let shown = if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "+Inf"
    } else {
        "-Inf"
    };
    Error::new(ErrorKind::Json, place, format!("json: unsupported value: {shown}"))
}

/// Refuses a key that sigs.k8s.io/yaml makes no string of.
pub(crate) fn unsupported_key(kind: Kind, value: &str, place: Place) -> Error {
    let (key_type, key) = match kind {
        Kind::Uint(key) => ("uint64".to_owned(), format!("{key:#x}")),
        _ => ("%!s(<nil>)".to_owned(), "<nil>".to_owned()),
    };
    let message = format!("unsupported map key of type: {key_type}, key: {key}, value: {value}");
    Error::new(ErrorKind::Json, place, message)
}

/// Returns the bytes that `!!binary` stands for.
pub(crate) fn binary_bytes(node: &Node, text: &str) -> Result<Vec<u8>, Error> {
    let invalid = || Error::new(ErrorKind::Value, node.place, "!!binary value contains invalid base64 data");
    decode_base64(text).ok_or_else(invalid)
}

/// Puts U+FFFD for every byte that is no UTF-8, as Go does.
pub(crate) fn lossy_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '\u{fffd}'));
    }
    text
}

/// Go's `base64.StdEncoding`: padding is needed, line breaks are skipped, left-over bits are not looked at.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let symbols: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    if !symbols.len().is_multiple_of(4) {
        return None;
    }
    let mut bytes = Vec::with_capacity(symbols.len() / 4 * 3);
    let groups = symbols.len() / 4;
    for (index, group) in symbols.chunks_exact(4).enumerate() {
        let padding = if index + 1 == groups {
            group.iter().rev().take_while(|&&byte| byte == b'=').count()
        } else {
            0
        };
        if padding > 2 {
            return None;
        }
        let mut value = 0u32;
        for &symbol in &group[..4 - padding] {
            let digit = match symbol {
                b'A'..=b'Z' => symbol - b'A',
                b'a'..=b'z' => symbol - b'a' + 26,
                b'0'..=b'9' => symbol - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            value = value << 6 | u32::from(digit);
        }
        value <<= 6 * padding;
        let [_, a, b, c] = value.to_be_bytes();
        bytes.extend_from_slice(&[a, b, c][..3 - padding]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_line_is_folded_like_a_line_break() {
        let through = |text| through_json(text).unwrap().map(Cow::into_owned);
        assert_eq!(through("a \u{85} b"), Some("a b".to_owned()));
        assert_eq!(through("a\u{85}\u{85}b"), Some("a\nb".to_owned()));
        assert_eq!(through("ä"), None);
        assert!(through_json("a\u{7f}").is_err());
    }

    #[test]
    fn base64_is_read_as_go_reads_it() {
        assert_eq!(decode_base64("aGVs\nbG8=").as_deref(), Some(&b"hello"[..]));
        assert_eq!(decode_base64("aGVsbG8"), None);
        assert_eq!(decode_base64("===="), None);
    }
}
