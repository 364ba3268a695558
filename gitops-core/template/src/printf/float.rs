//! Floating-point numbers as Go's `strconv` prints them.

use super::Printer;
use super::text::{lower_hex, upper_hex};
use std::fmt::Write as _;

/// Digits beyond this are zeros in every `f64`; Rust's own printing takes no larger precision.
const EXACT_DIGITS: usize = 1_100;

impl Printer {
    /// Prints a float; returns whether the verb takes one.
    pub(super) fn float(&mut self, value: f64, verb: char) -> bool {
        match verb {
            'v' => self.float_as(value, 'g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => self.float_as(value, verb, None),
            'f' | 'e' | 'E' => self.float_as(value, verb, Some(6)),
            'F' => self.float_as(value, 'f', Some(6)),
            _ => return false,
        }
        true
    }

    /// Prints `(1+2i)`; returns whether the verb takes a complex number.
    pub(super) fn complex(&mut self, real: f64, imaginary: f64, verb: char) -> bool {
        if !matches!(verb, 'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E') {
            return false;
        }
        self.out.push(b'(');
        self.float(real, verb);
        let plus = std::mem::replace(&mut self.flags.plus, true);
        self.float(imaginary, verb);
        self.flags.plus = plus;
        self.push("i)");
        true
    }

    fn float_as(&mut self, value: f64, form: char, precision: Option<usize>) {
        let flags = self.flags;
        let precision = flags.precision.or(precision).map(|p| p.min(self.limit.saturating_add(1)));
        let text = format_float(value, form, precision);
        let (mut sign, mut number) = match text.as_bytes() {
            [sign @ (b'-' | b'+'), rest @ ..] => (*sign, rest.to_vec()),
            rest => (b'+', rest.to_vec()),
        };
        if flags.space && sign == b'+' && !flags.plus {
            sign = b' ';
        }
        if !value.is_finite() {
            // NaN has a sign on demand alone.
            if !value.is_nan() || flags.space || flags.plus {
                number.insert(0, sign);
            }
            self.pad_with_spaces(&number);
            return;
        }
        if flags.sharp && form != 'b' {
            number = with_point(&number, form, precision);
        }
        if !flags.plus && sign == b'+' {
            self.pad(&number);
            return;
        }
        // Zeros stand between the sign and the number.
        let missing = flags.width.map_or(0, |width| width.saturating_sub(number.len() + 1));
        if flags.zero && !flags.minus && missing > 0 {
            self.out.push(sign);
            self.padding(missing);
            self.out.extend_from_slice(&number);
            return;
        }
        number.insert(0, sign);
        self.pad(&number);
    }
}

/// The sharp flag: there is a decimal point, and zeros at the end are kept.
fn with_point(number: &[u8], form: char, precision: Option<usize>) -> Vec<u8> {
    let mut missing = match form {
        'g' | 'G' | 'x' => precision.unwrap_or(6),
        _ => 0,
    };
    let is_hex = matches!(form, 'x' | 'X');
    let is_exponent = |b: &u8| matches!(b, b'p' | b'P') || !is_hex && matches!(b, b'e' | b'E');
    let split = number.iter().position(is_exponent).unwrap_or(number.len());
    let (digits, tail) = number.split_at(split);
    let mut seen = false;
    for digit in digits.iter().filter(|b| **b != b'.') {
        seen = seen || *digit != b'0';
        missing = missing.saturating_sub(usize::from(seen));
    }
    let mut out = digits.to_vec();
    if !digits.contains(&b'.') {
        if digits == b"0" {
            missing = missing.saturating_sub(1);
        }
        out.push(b'.');
    }
    out.resize(out.len() + missing, b'0');
    out.extend_from_slice(tail);
    out
}

/// Formats a float as `strconv.FormatFloat(value, form, precision, 64)`; no precision is the shortest that reads back.
pub(crate) fn format_float(value: f64, form: char, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value < 0.0 { "-Inf" } else { "+Inf" }.to_owned();
    }
    match form {
        'b' => binary(value),
        'x' | 'X' => hexadecimal(value, form, precision),
        'e' | 'E' => exponent(value, form, precision),
        'f' => fixed(value, precision),
        _ => general(value, form, precision),
    }
}

fn zeros(out: &mut String, count: usize) {
    out.extend(std::iter::repeat_n('0', count));
}

fn fixed(value: f64, precision: Option<usize>) -> String {
    let Some(precision) = precision else { return format!("{value}") };
    let exact = precision.min(EXACT_DIGITS);
    let mut out = format!("{value:.exact$}");
    zeros(&mut out, precision - exact);
    out
}

/// Rust's `2.5e-7`, in Go's form `2.5e-07`.
fn exponent(value: f64, form: char, precision: Option<usize>) -> String {
    let (exact, more) = match precision {
        Some(precision) => (Some(precision.min(EXACT_DIGITS)), precision.saturating_sub(EXACT_DIGITS)),
        None => (None, 0),
    };
    let plain = match exact {
        Some(exact) => format!("{value:.exact$e}"),
        None => format!("{value:e}"),
    };
    let (digits, power) = plain.split_once('e').unwrap_or((&plain, "0"));
    let mut out = digits.to_owned();
    zeros(&mut out, more);
    let (sign, power) = power.strip_prefix('-').map_or(('+', power), |power| ('-', power));
    let _ = write!(out, "{form}{sign}{power:0>2}");
    out
}

/// The shorter of both forms, as C's `%g`.
fn general(value: f64, form: char, precision: Option<usize>) -> String {
    let wanted = precision.map(|p| p.max(1));
    let plain = match wanted {
        Some(wanted) => format!("{value:.exact$e}", exact = (wanted - 1).min(EXACT_DIGITS)),
        None => format!("{value:e}"),
    };
    let (digits, power) = plain.split_once('e').unwrap_or((&plain, "0"));
    let power: i64 = power.parse().unwrap_or(0);
    // Zeros at the end are no digits.
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let digits: String = digits.chars().filter(|c| *c != '.').collect();
    let digits = digits.trim_end_matches('0');
    let (count, point) = (digits.len() as i64, power + 1);
    let most = match wanted {
        None => 6,
        Some(wanted) => {
            let wanted = i64::try_from(wanted).unwrap_or(i64::MAX);
            if wanted > count && count >= point { count } else { wanted }
        }
    };
    let mut out = String::from(sign);
    if value == 0.0 {
        out.push('0');
    } else if power < -4 || power >= most {
        let (first, rest) = digits.split_at(1);
        out.push_str(first);
        if !rest.is_empty() {
            out.push('.');
            out.push_str(rest);
        }
        let sign = if power < 0 { '-' } else { '+' };
        let mark = if form == 'G' { 'E' } else { 'e' };
        let _ = write!(out, "{mark}{sign}{:02}", power.unsigned_abs());
    } else if point <= 0 {
        out.push_str("0.");
        zeros(&mut out, point.unsigned_abs() as usize);
        out.push_str(digits);
    } else if count <= point {
        out.push_str(digits);
        zeros(&mut out, (point - count) as usize);
    } else {
        let (whole, fraction) = digits.split_at(point as usize);
        out.push_str(whole);
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// The mantissa with its leading bit, and the exponent of its last bit.
fn parts(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let power = ((bits >> 52) & 0x7ff) as i32;
    let fraction = bits & ((1 << 52) - 1);
    if power == 0 { (fraction, -1074) } else { (fraction | 1 << 52, power - 1075) }
}

fn binary(value: f64) -> String {
    let (mantissa, power) = parts(value);
    let sign = if value.is_sign_negative() { "-" } else { "" };
    format!("{sign}{mantissa}p{power:+}")
}

fn hexadecimal(value: f64, form: char, precision: Option<usize>) -> String {
    let (mut mantissa, mut power) = parts(value);
    power += 52;
    if mantissa == 0 {
        power = 0;
    } else {
        // The leading bit is bit 60.
        mantissa <<= 8;
        while mantissa & (1 << 60) == 0 {
            mantissa <<= 1;
            power -= 1;
        }
    }
    if let Some(precision) = precision.filter(|p| *p < 15) {
        let shift = precision * 4;
        let extra = (mantissa << shift) & ((1 << 60) - 1);
        mantissa >>= 60 - shift;
        if extra | (mantissa & 1) > 1 << 59 {
            mantissa += 1;
        }
        mantissa <<= 60 - shift;
        if mantissa & (1 << 61) != 0 {
            mantissa >>= 1;
            power += 1;
        }
    }
    let mut out = String::from(if value.is_sign_negative() { "-0" } else { "0" });
    out.push(form);
    out.push(if mantissa & (1 << 60) == 0 { '0' } else { '1' });
    mantissa <<= 4;
    let digits = match precision {
        Some(precision) => precision,
        None if mantissa == 0 => 0,
        None => 16 - (mantissa.trailing_zeros() / 4) as usize,
    };
    if digits > 0 {
        out.push('.');
    }
    for _ in 0..digits {
        let digit = (mantissa >> 60) as usize;
        out.push(char::from(if form == 'X' { upper_hex(digit) } else { lower_hex(digit) }));
        mantissa <<= 4;
    }
    let mark = if form == 'X' { 'P' } else { 'p' };
    let sign = if power < 0 { '-' } else { '+' };
    let _ = write!(out, "{mark}{sign}{:02}", power.unsigned_abs());
    out
}
