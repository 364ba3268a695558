//! Strings and bytes: plain, quoted, in hexadecimal.

use super::Printer;

pub(super) fn lower_hex(digit: usize) -> u8 {
    b"0123456789abcdef"[digit & 15]
}

pub(super) fn upper_hex(digit: usize) -> u8 {
    b"0123456789ABCDEF"[digit & 15]
}

/// Reads the first character and its size; a byte that begins none is U+FFFD of size 1.
pub(super) fn decode(bytes: &[u8]) -> (char, usize) {
    let size = match bytes.first() {
        Some(0..0x80) => 1,
        Some(0..0xe0) => 2,
        Some(0..0xf0) => 3,
        _ => 4,
    };
    let whole = bytes.get(..size).and_then(|bytes| std::str::from_utf8(bytes).ok());
    match whole.and_then(|text| text.chars().next()) {
        Some(c) => (c, size),
        None => (char::REPLACEMENT_CHARACTER, 1),
    }
}

/// Counts characters; each byte that belongs to none counts as one.
pub(super) fn count(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.chars().count(),
        Err(_) => offsets(bytes).count(),
    }
}

fn offsets(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let here = at;
        at += decode(rest).1;
        Some(here)
    })
}

impl Printer {
    /// Prints a string; returns whether the verb takes one.
    pub(super) fn string(&mut self, text: &[u8], verb: char) -> bool {
        match verb {
            'v' if self.flags.sharp_v => self.quoted(text),
            'v' | 's' => {
                let text = self.truncated(text);
                self.pad(text);
            }
            'x' | 'X' => self.hexadecimal_text(text, verb),
            'q' => self.quoted(text),
            _ => return false,
        }
        true
    }

    /// Cuts a text to the precision, which counts characters.
    fn truncated<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        match self.flags.precision {
            Some(most) if most < text.len() => {
                offsets(text).nth(most).and_then(|end| text.get(..end)).unwrap_or(text)
            }
            _ => text,
        }
    }

    /// Prints a text in quotes, with the sharp flag in backquotes where that can be.
    pub(super) fn quoted(&mut self, text: &[u8]) {
        let text = self.truncated(text);
        if self.flags.sharp && can_backquote(text) {
            self.pad(&[b"`", text, b"`"].concat());
            return;
        }
        let quoted = quote_bytes(text, self.flags.plus);
        self.pad(quoted.as_bytes());
    }

    pub(super) fn hexadecimal_text(&mut self, text: &[u8], verb: char) {
        let flags = self.flags;
        let text = &text[..flags.precision.map_or(text.len(), |precision| precision.min(text.len()))];
        let width = flags.width.unwrap_or(0);
        if text.is_empty() {
            self.padding(width);
            return;
        }
        let mark: &[u8] = match (flags.sharp, verb) {
            (false, _) => b"",
            (true, 'X') => b"0X",
            (true, _) => b"0x",
        };
        let mut long = 2 * text.len();
        if flags.space {
            long = long + mark.len() * text.len() + text.len() - 1;
        } else {
            long += mark.len();
        }
        let missing = width.saturating_sub(long);
        if !flags.minus {
            self.padding(missing);
        }
        for (i, byte) in text.iter().enumerate() {
            if flags.space && i > 0 {
                self.out.push(b' ');
            }
            if flags.space || i == 0 {
                self.out.extend_from_slice(mark);
            }
            let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
            let hex = if verb == 'X' { upper_hex } else { lower_hex };
            self.out.extend_from_slice(&[hex(high), hex(low)]);
        }
        if flags.minus {
            self.padding(missing);
        }
    }
}

/// Quotes text of which not all need be UTF-8.
pub(crate) fn quote_bytes(text: &[u8], ascii: bool) -> String {
    let quote = if ascii { crate::quote::quote_ascii } else { crate::quote::quote };
    if let Ok(text) = std::str::from_utf8(text) {
        return quote(text);
    }
    let mut out = String::from("\"");
    for chunk in text.utf8_chunks() {
        let quoted = quote(chunk.valid());
        out.push_str(&quoted[1..quoted.len() - 1]);
        for byte in chunk.invalid() {
            out.push_str("\\x");
            out.push(char::from(lower_hex(usize::from(byte >> 4))));
            out.push(char::from(lower_hex(usize::from(byte & 15))));
        }
    }
    out.push('"');
    out
}

fn can_backquote(text: &[u8]) -> bool {
    let fits = |c: char| c == '\t' || !(c < ' ' || c == '`' || c == '\u{7f}' || c == '\u{feff}');
    std::str::from_utf8(text).is_ok_and(|text| text.chars().all(fits))
}
