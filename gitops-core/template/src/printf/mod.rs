//! Prints values as Go's `fmt` does: `%v`, every other verb, flags, widths and precisions.
//!
//! Strings are bytes here, for Go's strings need not be UTF-8. What is printed is bounded: a width may be a million, and a
//! value may hold itself, so a printer stops a little after its limit.

mod directive;
mod float;
mod integer;
mod text;
mod value;

pub(crate) use self::text::quote_bytes;
pub(crate) use self::value::duration;
use crate::value::Value;
use std::io::Write as _;

/// Prints values as `fmt.Sprint`: a space between two operands of which neither is a string.
pub(crate) fn sprint(args: &[Value], limit: usize) -> Vec<u8> {
    let mut printer = Printer::new(limit);
    // Nothing stands before the first.
    let mut after_string = true;
    for arg in args {
        let is_string = matches!(arg, Value::String(_) | Value::RawString(_));
        if !is_string && !after_string {
            printer.out.push(b' ');
        }
        printer.argument(arg, 'v');
        after_string = is_string;
        if printer.is_full() {
            break;
        }
    }
    printer.out
}

/// Prints values as `fmt.Sprintln`: a space between any two, and a line break.
pub(crate) fn sprintln(args: &[Value], limit: usize) -> Vec<u8> {
    let mut printer = Printer::new(limit);
    for (i, arg) in args.iter().enumerate() {
        if i > 0 {
            printer.out.push(b' ');
        }
        printer.argument(arg, 'v');
        if printer.is_full() {
            break;
        }
    }
    printer.out.push(b'\n');
    printer.out
}

/// Prints by a format as `fmt.Sprintf`.
pub(crate) fn sprintf(format: &[u8], args: &[Value], limit: usize) -> Vec<u8> {
    let mut printer = Printer::new(limit);
    printer.format(format, args);
    printer.out
}

/// Prints one value as `%v`, up to a little over the default limit of an output.
pub(crate) fn plain(value: &Value) -> String {
    into_string(sprint(std::slice::from_ref(value), crate::limits::OUTPUT_BYTES))
}

/// Prints one value as `%v`, for error texts.
pub(crate) fn display(value: &Value) -> String {
    into_string(sprint(std::slice::from_ref(value), ERROR_LIMIT))
}

/// How much of a value an error text shows at most.
pub(crate) const ERROR_LIMIT: usize = 64 << 10;

/// Prints what an action prints for one value: `%v`, but `<no value>` for none.
pub(crate) fn write_value(out: &mut Vec<u8>, value: &Value, limit: usize) {
    match value {
        Value::Missing | Value::Nil => out.extend_from_slice(b"<no value>"),
        Value::String(text) => out.extend_from_slice(text.as_bytes()),
        Value::RawString(bytes) => out.extend_from_slice(bytes),
        Value::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Value::Int(value, kind) if !kind.has_text() => write!(out, "{value}").expect("writing to memory"),
        Value::Uint(value, _) => write!(out, "{value}").expect("writing to memory"),
        Value::Float(value) if let Some(whole) = small_whole(*value) => {
            write!(out, "{whole}").expect("writing to memory");
        }
        value => {
            let mut printer = Printer { out: std::mem::take(out), ..Printer::new(limit) };
            printer.argument(value, 'v');
            *out = printer.out;
        }
    }
}

/// Returns a float that prints as the integer that it is: values' numbers mostly do.
#[allow(clippy::cast_possible_truncation, reason = "it is small")]
fn small_whole(value: f64) -> Option<i64> {
    const MOST: f64 = 1e6;
    (value.fract() == 0.0 && value.abs() < MOST && (value != 0.0 || value.is_sign_positive()))
        .then_some(value as i64)
}

/// Takes bytes for text; what is no UTF-8 is replaced.
pub(crate) fn into_string(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

/// What stands between `%` and the verb.
#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    width: Option<usize>,
    precision: Option<usize>,
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    /// `%+v`, which is a form of its own: the plus does not reach the numbers within.
    plus_v: bool,
    /// `%#v`
    sharp_v: bool,
}

/// Prints with the flags of one directive after the other.
#[derive(Debug)]
struct Printer {
    out: Vec<u8>,
    flags: Flags,
    limit: usize,
    /// The value is shown within a complaint: it is not asked for a text of its own.
    complaining: bool,
}

impl Printer {
    fn new(limit: usize) -> Self {
        Self { out: Vec::new(), flags: Flags::default(), limit, complaining: false }
    }

    fn push(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn push_char(&mut self, c: char) {
        self.push(c.encode_utf8(&mut [0; 4]));
    }

    fn is_full(&self) -> bool {
        self.out.len() > self.limit
    }

    /// Repeats a byte, up to a little over the limit.
    fn repeat(&mut self, byte: u8, count: usize) {
        let room = self.limit.saturating_sub(self.out.len()).saturating_add(1);
        self.out.resize(self.out.len() + count.min(room), byte);
    }

    fn padding(&mut self, count: usize) {
        // Zeros stand on the left only.
        let byte = if self.flags.zero && !self.flags.minus { b'0' } else { b' ' };
        self.repeat(byte, count);
    }

    /// Prints to the width, which counts characters.
    fn pad(&mut self, text: &[u8]) {
        let missing = self.flags.width.map_or(0, |width| width.saturating_sub(text::count(text)));
        if missing > 0 && !self.flags.minus {
            self.padding(missing);
        }
        self.out.extend_from_slice(text);
        if missing > 0 && self.flags.minus {
            self.padding(missing);
        }
    }

    /// Prints to the width, filled with spaces whatever the flags say.
    fn pad_with_spaces(&mut self, text: &[u8]) {
        let zero = std::mem::replace(&mut self.flags.zero, false);
        self.pad(text);
        self.flags.zero = zero;
    }
}
