//! Classes of bytes, looked up in a table.

/// A space or a tab.
pub(crate) const BLANK: u16 = 1;
/// `\n` or `\r`.
pub(crate) const BREAK: u16 = 2;
/// The first byte of U+0085, U+2028 or U+2029, which are line breaks too, and of other characters.
pub(crate) const LEAD: u16 = 4;
/// `:`, which ends a plain scalar when blank space follows.
pub(crate) const COLON: u16 = 8;
/// Ends a plain scalar inside a flow collection.
pub(crate) const FLOW: u16 = 16;
/// `'`, `"` and `\`.
pub(crate) const QUOTE: u16 = 32;
/// A letter, a digit, `_` or `-`.
pub(crate) const WORD: u16 = 64;
/// Besides words, what may stand in a tag.
pub(crate) const URI: u16 = 128;
/// What plain keys are mostly made of: words, `.` and `/`.
pub(crate) const KEY: u16 = 256;

static CLASSES: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = class(byte as u8);
        byte += 1;
    }
    table
};

const fn class(byte: u8) -> u16 {
    let kind = match byte {
        b' ' | b'\t' => BLANK,
        b'\n' | b'\r' => BREAK,
        0xc2 | 0xe2 => LEAD,
        b':' => COLON,
        b',' | b'?' | b'[' | b']' | b'{' | b'}' => FLOW,
        b'\'' | b'"' | b'\\' => QUOTE,
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'-' => WORD | KEY,
        b'.' | b'/' => KEY,
        _ => 0,
    };
    let uri = match byte {
        b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b',' | b'.' | b'!' | b'~' | b'*'
        | b'\'' | b'(' | b')' | b'[' | b']' | b'%' => URI,
        _ => 0,
    };
    kind | uri
}

/// Returns whether the byte is of one of the classes.
#[inline]
pub(crate) fn is(byte: u8, classes: u16) -> bool {
    CLASSES[byte as usize] & classes != 0
}
