//! Reads formats: flags, `[n]` indexes, widths, precisions, `*` and verbs, and complains in Go's words.

use super::{Flags, Printer};
use crate::value::Value;

/// Widths and precisions over this are an error, in Go as here.
const MOST: i64 = 1_000_000;

/// A format that is being read, and the arguments that it has got to.
struct Reader<'f> {
    format: &'f [u8],
    at: usize,
    args: &'f [Value],
    arg: usize,
    reordered: bool,
    good_index: bool,
}

impl Printer {
    pub(super) fn format(&mut self, format: &[u8], args: &[Value]) {
        let mut reader = Reader { format, at: 0, args, arg: 0, reordered: false, good_index: true };
        while !self.is_full() {
            let rest = &format[reader.at..];
            let plain = memchr::memchr(b'%', rest).unwrap_or(rest.len());
            self.out.extend_from_slice(&rest[..plain]);
            reader.at += plain;
            if reader.at >= format.len() {
                break;
            }
            reader.at += 1;
            self.directive(&mut reader);
        }
        // An argument may have been left out on purpose where the format numbers them.
        if !reader.reordered && reader.arg < args.len() {
            self.extra(&args[reader.arg..]);
        }
    }

    /// Reads and prints one directive; the percent sign is behind.
    fn directive(&mut self, reader: &mut Reader<'_>) {
        self.flags = Flags::default();
        reader.good_index = true;
        reader.flags(&mut self.flags);
        let mut after_index = reader.index();
        if reader.take(b'*') {
            match reader.integer() {
                Some(width) => {
                    self.flags.width = usize::try_from(width.unsigned_abs()).ok();
                    if width < 0 {
                        self.flags.minus = true;
                        self.flags.zero = false;
                    }
                }
                None => self.push("%!(BADWIDTH)"),
            }
            after_index = false;
        } else {
            self.flags.width = reader.number();
            if after_index && self.flags.width.is_some() {
                reader.good_index = false;
            }
        }
        if reader.at + 1 < reader.format.len() && reader.take(b'.') {
            if after_index {
                reader.good_index = false;
            }
            after_index = reader.index();
            if reader.take(b'*') {
                // A negative precision is none.
                self.flags.precision = reader.integer().and_then(|precision| usize::try_from(precision).ok());
                if self.flags.precision.is_none() {
                    self.push("%!(BADPREC)");
                }
                after_index = false;
            } else {
                self.flags.precision = Some(reader.number().unwrap_or(0));
            }
        }
        if !after_index {
            reader.index();
        }
        let Some(verb) = reader.verb() else {
            self.push("%!(NOVERB)");
            return;
        };
        if verb == '%' {
            self.out.push(b'%');
        } else if !reader.good_index {
            self.complain(verb, "BADINDEX");
        } else if let Some(arg) = reader.args.get(reader.arg) {
            if matches!(verb, 'v' | 'w') {
                self.flags.sharp_v = std::mem::take(&mut self.flags.sharp);
                self.flags.plus_v = std::mem::take(&mut self.flags.plus);
            }
            self.argument(arg, verb);
            reader.arg += 1;
        } else {
            self.complain(verb, "MISSING");
        }
    }

    fn complain(&mut self, verb: char, what: &str) {
        self.push("%!");
        self.push_char(verb);
        self.push("(");
        self.push(what);
        self.push(")");
    }

    fn extra(&mut self, args: &[Value]) {
        self.flags = Flags::default();
        self.push("%!(EXTRA ");
        for (i, arg) in args.iter().enumerate() {
            if self.is_full() {
                break;
            }
            if i > 0 {
                self.push(", ");
            }
            if arg.is_nil() {
                self.push("<nil>");
            } else {
                self.push(&arg.type_name());
                self.push("=");
                self.argument(arg, 'v');
            }
        }
        self.push(")");
    }
}

impl Reader<'_> {
    fn take(&mut self, byte: u8) -> bool {
        let found = self.format.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn flags(&mut self, flags: &mut Flags) {
        while let Some(byte) = self.format.get(self.at) {
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => break,
            }
            self.at += 1;
        }
    }

    /// Reads `[n]`, which names the next argument; returns whether there was a well-formed one.
    fn index(&mut self) -> bool {
        let rest = &self.format[self.at..];
        if rest.first() != Some(&b'[') {
            return false;
        }
        self.reordered = true;
        let close = if rest.len() < 3 { None } else { memchr::memchr(b']', rest) };
        let Some(close) = close else {
            self.good_index = false;
            self.at += 1;
            return false;
        };
        self.at += close + 1;
        let (number, read) = number(&rest[1..close]);
        match number.filter(|_| read == close - 1) {
            Some(number) if (1..=self.args.len()).contains(&number) => {
                self.arg = number - 1;
                true
            }
            found => {
                self.good_index = false;
                found.is_some()
            }
        }
    }

    fn number(&mut self) -> Option<usize> {
        let (number, read) = number(&self.format[self.at..]);
        self.at += read;
        number
    }

    /// Takes the next argument for a `*`.
    fn integer(&mut self) -> Option<i64> {
        let arg = self.args.get(self.arg)?;
        self.arg += 1;
        let number = match arg {
            Value::Int(value, _) => *value,
            Value::Uint(value, _) => i64::try_from(*value).ok()?,
            _ => return None,
        };
        (-MOST..=MOST).contains(&number).then_some(number)
    }

    /// Reads the verb, one character; a byte that is none is taken for U+FFFD.
    fn verb(&mut self) -> Option<char> {
        let rest = self.format.get(self.at..).filter(|rest| !rest.is_empty())?;
        let (verb, size) = super::text::decode(rest);
        self.at += size;
        Some(verb)
    }
}

/// Reads decimal digits; a number that is too large takes the whole text.
fn number(text: &[u8]) -> (Option<usize>, usize) {
    let mut number: Option<usize> = None;
    for (i, byte) in text.iter().enumerate() {
        if !byte.is_ascii_digit() {
            return (number, i);
        }
        let so_far = number.unwrap_or(0);
        if so_far > 1_000_000 {
            return (None, text.len());
        }
        number = Some(so_far * 10 + usize::from(byte - b'0'));
    }
    (number, text.len())
}
