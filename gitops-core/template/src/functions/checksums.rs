//! Checksums, in hexadecimal digits; Adler's in decimal ones.

use super::{bytes, pure};
use crate::function::{Functions, Type};
use sha2::Digest;

const STRING: &[Type] = &[Type::String];

pub(super) fn add(functions: &mut Functions) {
    functions.insert(
        "sha1sum",
        pure(STRING, Type::String, |args| Ok(hexadecimal(&sha1::Sha1::digest(bytes(&args[0]))).into())),
    );
    functions.insert(
        "sha256sum",
        pure(STRING, Type::String, |args| Ok(hexadecimal(&sha2::Sha256::digest(bytes(&args[0]))).into())),
    );
    functions.insert(
        "sha512sum",
        pure(STRING, Type::String, |args| Ok(hexadecimal(&sha2::Sha512::digest(bytes(&args[0]))).into())),
    );
    functions.insert(
        "adler32sum",
        pure(STRING, Type::String, |args| Ok(adler32(bytes(&args[0])).to_string().into())),
    );
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    // So many bytes can be summed before the sums pass 32 bits.
    const BLOCK: usize = 5_552;
    let (mut low, mut high) = (1_u32, 0_u32);
    for block in bytes.chunks(BLOCK) {
        for byte in block {
            low += u32::from(*byte);
            high += low;
        }
        low %= MODULUS;
        high %= MODULUS;
    }
    high << 16 | low
}
