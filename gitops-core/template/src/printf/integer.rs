//! Integers: decimal, other bases, characters.

use super::Printer;
use super::text::{lower_hex, upper_hex};

/// An integer and how Go holds it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Integer {
    Signed(i64),
    Unsigned(u64),
}

impl Integer {
    /// The bits, as Go's conversion to `uint64` gives them.
    #[allow(clippy::cast_sign_loss, reason = "Go's conversion keeps the bits")]
    fn bits(self) -> u64 {
        match self {
            Self::Signed(value) => value as u64,
            Self::Unsigned(value) => value,
        }
    }
}

impl Printer {
    /// Prints an integer; returns whether the verb takes one.
    pub(super) fn integer(&mut self, value: Integer, verb: char) -> bool {
        match verb {
            'v' if self.flags.sharp_v && matches!(value, Integer::Unsigned(_)) => {
                self.hexadecimal(value.bits(), true);
            }
            'v' | 'd' => self.digits(value, 10, verb),
            'b' => self.digits(value, 2, verb),
            'o' | 'O' => self.digits(value, 8, verb),
            'x' | 'X' => self.digits(value, 16, verb),
            'c' => {
                let c = character(value.bits());
                self.pad(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            'q' => {
                let c = character(value.bits());
                let quoted = if self.flags.plus {
                    crate::quote::quote_rune_ascii(c)
                } else {
                    crate::quote::quote_rune(c)
                };
                self.pad(quoted.as_bytes());
            }
            'U' => self.code_point(value.bits()),
            _ => return false,
        }
        true
    }

    /// Prints a number as `0x…`, or without the mark.
    pub(super) fn hexadecimal(&mut self, value: u64, marked: bool) {
        let sharp = std::mem::replace(&mut self.flags.sharp, marked);
        self.digits(Integer::Unsigned(value), 16, 'v');
        self.flags.sharp = sharp;
    }

    pub(super) fn digits(&mut self, value: Integer, base: u64, verb: char) {
        let (negative, mut rest) = match value {
            Integer::Signed(value) => (value < 0, value.unsigned_abs()),
            Integer::Unsigned(value) => (false, value),
        };
        let flags = self.flags;
        let sign = if negative {
            Some(b'-')
        } else if flags.plus {
            Some(b'+')
        } else if flags.space {
            Some(b' ')
        } else {
            None
        };
        let least = match flags.precision {
            Some(0) if rest == 0 => {
                let zero = std::mem::replace(&mut self.flags.zero, false);
                self.padding(flags.width.unwrap_or(0));
                self.flags.zero = zero;
                return;
            }
            Some(precision) => precision,
            None if flags.zero && !flags.minus => {
                flags.width.map_or(0, |width| width.saturating_sub(usize::from(sign.is_some())))
            }
            None => 0,
        };
        // From right to left.
        let mut text = Vec::with_capacity(24);
        loop {
            let digit = (rest % base) as usize;
            text.push(if verb == 'X' { upper_hex(digit) } else { lower_hex(digit) });
            rest /= base;
            if rest == 0 {
                break;
            }
        }
        text.resize(text.len().max(least.min(self.limit.saturating_add(1))), b'0');
        if flags.sharp {
            match base {
                2 => text.extend_from_slice(b"b0"),
                8 if text.last() != Some(&b'0') => text.push(b'0'),
                16 => text.extend_from_slice(if verb == 'X' { b"X0" } else { b"x0" }),
                _ => {}
            }
        }
        if verb == 'O' {
            text.extend_from_slice(b"o0");
        }
        text.extend(sign);
        text.reverse();
        self.pad_with_spaces(&text);
    }

    /// Prints `U+0041`, with the sharp flag `U+0041 'A'`.
    fn code_point(&mut self, value: u64) {
        let digits = self.flags.precision.unwrap_or(0).clamp(4, self.limit.saturating_add(4));
        let mut text = format!("U+{value:0digits$X}", digits = digits.min(64));
        if digits > 64 {
            text.insert_str(2, &"0".repeat(digits - 64));
        }
        let shown =
            u32::try_from(value).ok().and_then(char::from_u32).filter(|c| crate::unicode::is_print(*c));
        if let (true, Some(c)) = (self.flags.sharp, shown) {
            text.push_str(" '");
            text.push(c);
            text.push('\'');
        }
        self.pad_with_spaces(text.as_bytes());
    }
}

/// The character of a code; what is none is U+FFFD.
fn character(code: u64) -> char {
    u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}
