//! Chance, all of it from the render's world: which of the bytes are fit for secrets is the world's choice.

use super::{Result, check_size, int, text};
use crate::function::{CallContext, CallError, Function, Functions, Signature, Type};
use crate::value::Value;
use std::fmt::Write as _;

pub(super) fn add(functions: &mut Functions) {
    for (name, alphabet) in [
        ("randAlphaNum", characters(|c| c.is_ascii_alphanumeric())),
        ("randAlpha", characters(|c| c.is_ascii_alphabetic())),
        ("randNumeric", characters(|c| c.is_ascii_digit())),
        ("randAscii", characters(|_| true)),
    ] {
        functions.insert(
            name,
            Function::new(Signature::new(&[Type::Int], Type::String), move |context, args| {
                // Go reports a negative count as an error, and sprig drops it.
                let count = usize::try_from(int(&args[0])).unwrap_or(0);
                check_size(context, Some(count))?;
                let mut out = String::with_capacity(count);
                let mut source = Source::new(context);
                for _ in 0..count {
                    out.push(alphabet[source.below(alphabet.len())?]);
                }
                Ok(out.into())
            }),
        );
    }
    functions.insert(
        "randBytes",
        Function::new(Signature::new(&[Type::Int], Type::String), |context, args| {
            let count = usize::try_from(int(&args[0]));
            let count = count.map_err(|_| CallError::new("runtime error: makeslice: len out of range"))?;
            check_size(context, count.checked_mul(2))?;
            let mut bytes = vec![0; count];
            fill(context, &mut bytes)?;
            Ok(super::encoding::base64(&bytes).into())
        }),
    );
    functions.insert(
        "randInt",
        Function::new(Signature::new(&[Type::Int, Type::Int], Type::Int), |context, args| {
            let (low, high) = (int(&args[0]), int(&args[1]));
            let span =
                high.checked_sub(low).filter(|span| *span > 0).and_then(|span| usize::try_from(span).ok());
            let span = span.ok_or_else(|| CallError::new("invalid argument to Intn"))?;
            let above = Source::new(context).below(span)?;
            Ok(Value::int(low.wrapping_add_unsigned(above as u64)))
        }),
    );
    functions.insert(
        "shuffle",
        Function::new(Signature::new(&[Type::String], Type::String), |context, args| {
            let mut characters: Vec<char> = text(&args[0]).chars().collect();
            let mut source = Source::new(context);
            for last in (1..characters.len()).rev() {
                characters.swap(last, source.below(last + 1)?);
            }
            Ok(characters.into_iter().collect::<String>().into())
        }),
    );
    functions.insert(
        "uuidv4",
        Function::new(Signature::new(&[], Type::String), |context, _| {
            let mut bytes = [0; 16];
            fill(context, &mut bytes)?;
            bytes[6] = (bytes[6] & 0x0f) | 0x40;
            bytes[8] = (bytes[8] & 0x3f) | 0x80;
            let mut out = String::with_capacity(36);
            for (i, byte) in bytes.iter().enumerate() {
                if matches!(i, 4 | 6 | 8 | 10) {
                    out.push('-');
                }
                write!(out, "{byte:02x}").expect("writing to a string");
            }
            Ok(out.into())
        }),
    );
}

/// The printable ASCII characters of a kind.
fn characters(kind: fn(char) -> bool) -> Vec<char> {
    (' '..='~').filter(|c| kind(*c)).collect()
}

/// Fills a buffer from the render's world.
pub(super) fn fill(context: &dyn CallContext, buffer: &mut [u8]) -> Result<()> {
    context.world().random(buffer).map_err(|refused| CallError::new(refused.to_string()))
}

/// Numbers from the render's world, taken a block of bytes at a time.
struct Source<'c> {
    context: &'c dyn CallContext,
    block: [u8; 256],
    used: usize,
}

impl<'c> Source<'c> {
    fn new(context: &'c dyn CallContext) -> Self {
        Self { context, block: [0; 256], used: 256 }
    }

    fn word(&mut self) -> Result<u64> {
        if self.used == self.block.len() {
            fill(self.context, &mut self.block)?;
            self.used = 0;
        }
        let mut word = [0; 8];
        word.copy_from_slice(&self.block[self.used..self.used + 8]);
        self.used += 8;
        Ok(u64::from_le_bytes(word))
    }

    /// Returns a number below a bound, each as likely as the other: numbers of the last, partial round are thrown away.
    fn below(&mut self, bound: usize) -> Result<usize> {
        let bound = (bound as u64).max(1);
        let whole = u64::MAX - u64::MAX % bound;
        loop {
            let word = self.word()?;
            if word < whole {
                return Ok(usize::try_from(word % bound).unwrap_or(0));
            }
        }
    }
}
