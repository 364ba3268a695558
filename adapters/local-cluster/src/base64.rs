//! Base64 as Secrets hold it.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Encodes bytes.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            if index <= chunk.len() {
                let six = (bits >> (18 - 6 * index)) & 63;
                out.push(char::from(ALPHABET[six as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

/// Checks padded base64; line breaks are ignored. The error is the place of the first wrong byte.
pub(crate) fn check(text: &str) -> Result<(), usize> {
    let mut count = 0usize;
    let mut padding = 0usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'\n' | b'\r' => {}
            b'=' if count % 4 >= 2 && padding < 2 => {
                padding += 1;
                count += 1;
            }
            _ if padding > 0 || !ALPHABET.contains(&byte) => return Err(at),
            _ => count += 1,
        }
    }
    if count.is_multiple_of(4) { Ok(()) } else { Err(text.len() / 4 * 4) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_and_checks() {
        assert_eq!(encode(b"hello"), "aGVsbG8=");
        assert_eq!(encode(b""), "");
        assert_eq!(check("aGVsbG8="), Ok(()));
        assert_eq!(check("aGVs!G8="), Err(4));
        assert_eq!(check("aGVsbG8"), Err(4));
    }
}
