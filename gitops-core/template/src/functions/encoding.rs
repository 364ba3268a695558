//! base64 and base32.

use super::{bytes, pure};
use crate::function::{Functions, Type};
use crate::value::Value;

const STRING: &[Type] = &[Type::String];

pub(super) fn add(functions: &mut Functions) {
    functions
        .insert("b64enc", pure(STRING, Type::String, |args| Ok(encode(bytes(&args[0]), &BASE64).into())));
    functions.insert("b64dec", pure(STRING, Type::String, |args| Ok(decode(bytes(&args[0]), &BASE64))));
    functions
        .insert("b32enc", pure(STRING, Type::String, |args| Ok(encode(bytes(&args[0]), &BASE32).into())));
    functions.insert("b32dec", pure(STRING, Type::String, |args| Ok(decode(bytes(&args[0]), &BASE32))));
}

/// Returns the base64 form of bytes.
pub(crate) fn base64(bytes: &[u8]) -> String {
    encode(bytes, &BASE64)
}

/// Returns the bytes of a base64 form, or what is wrong in Go's words.
#[cfg(feature = "crypto")]
pub(crate) fn from_base64(data: &[u8]) -> Result<Vec<u8>, String> {
    decoded(data, &BASE64).map_err(|at| format!("illegal base64 data at input byte {at}"))
}

/// An encoding of bits by letters.
struct Alphabet {
    name: &'static str,
    letters: &'static [u8],
    /// How many bits a letter holds.
    bits: u32,
    /// How many letters a group has, padding included.
    group: usize,
}

const BASE64: Alphabet = Alphabet {
    name: "base64",
    letters: b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    bits: 6,
    group: 4,
};
const BASE32: Alphabet =
    Alphabet { name: "base32", letters: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", bits: 5, group: 8 };

fn encode(data: &[u8], alphabet: &Alphabet) -> String {
    let mut out = String::with_capacity(data.len() * 8 / alphabet.bits as usize + alphabet.group);
    let mask = (1_u32 << alphabet.bits) - 1;
    let (mut held, mut count) = (0_u32, 0);
    for byte in data {
        held = held << 8 | u32::from(*byte);
        count += 8;
        while count >= alphabet.bits {
            count -= alphabet.bits;
            out.push(char::from(alphabet.letters[(held >> count & mask) as usize]));
        }
        held &= (1 << count) - 1;
    }
    if count > 0 {
        out.push(char::from(alphabet.letters[(held << (alphabet.bits - count) & mask) as usize]));
    }
    while !out.len().is_multiple_of(alphabet.group) {
        out.push('=');
    }
    out
}

/// Decodes as Go does, line breaks passed over; what is wrong becomes the result, as in sprig.
fn decode(data: &[u8], alphabet: &Alphabet) -> Value {
    match decoded(data, alphabet) {
        Ok(bytes) => Value::from_bytes(&bytes),
        Err(at) => Value::from(format!("illegal {} data at input byte {at}", alphabet.name)),
    }
}

/// The bytes, or the offset of what is wrong as Go counts it.
fn decoded(data: &[u8], alphabet: &Alphabet) -> Result<Vec<u8>, usize> {
    let letters: Vec<(usize, u8)> =
        data.iter().copied().enumerate().filter(|(_, b)| !matches!(b, b'\n' | b'\r')).collect();
    let end_of = |at: usize| letters.get(at).map_or(data.len(), |(offset, _)| *offset);
    let mut out = Vec::with_capacity(letters.len() * alphabet.bits as usize / 8);
    let mut group = 0;
    while group < letters.len() {
        let (mut held, mut count, mut taken) = (0_u64, 0_u32, 0);
        let mut is_last = false;
        while taken < alphabet.group {
            let at = group + taken;
            let Some((offset, letter)) = letters.get(at).copied() else {
                // The group is cut: Go names its first byte in base64, the end in base32.
                return Err(if alphabet.bits == 6 { end_of(at) - taken.min(end_of(at)) } else { end_of(at) });
            };
            if letter == b'=' {
                let wanted = padding(alphabet, taken).ok_or(offset)?;
                let padded =
                    (0..wanted).take_while(|i| letters.get(at + i).is_some_and(|(_, b)| *b == b'=')).count();
                if padded < wanted {
                    return Err(end_of(at + padded));
                }
                if letters.len() > at + wanted {
                    return Err(end_of(at + wanted));
                }
                is_last = true;
                break;
            }
            let value = alphabet.letters.iter().position(|l| *l == letter).ok_or(offset)?;
            held = held << alphabet.bits | value as u64;
            count += alphabet.bits;
            taken += 1;
        }
        let whole = count / 8;
        let held = held >> (count % 8);
        out.extend((0..whole).rev().map(|i| (held >> (8 * i) & 0xff) as u8));
        if is_last {
            break;
        }
        group += alphabet.group;
    }
    Ok(out)
}

/// How many `=` complete a group of so many letters; `None` where no whole byte ends there.
fn padding(alphabet: &Alphabet, taken: usize) -> Option<usize> {
    let fits = if alphabet.bits == 6 { matches!(taken, 2 | 3) } else { matches!(taken, 2 | 4 | 5 | 7) };
    fits.then(|| alphabet.group - taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_there_and_back() {
        for text in ["", "f", "fo", "foo", "foob", "fooba", "foobar"] {
            for alphabet in [&BASE64, &BASE32] {
                let coded = encode(text.as_bytes(), alphabet);
                assert_eq!(decode(coded.as_bytes(), alphabet).as_str(), Some(text), "{coded}");
            }
        }
        assert_eq!(encode(b"fooba", &BASE64), "Zm9vYmE=");
        assert_eq!(encode(b"fooba", &BASE32), "MZXW6YTB");
        assert_eq!(decode(b"Zm9v!", &BASE64).as_str(), Some("illegal base64 data at input byte 4"));
    }
}
