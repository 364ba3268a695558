//! Numbers. Integer functions turn their arguments into `int64`, float functions compute in decimals as sprig does.

use super::cast::{to_float64, to_int64};
use super::{Result, check_size, int, pure, pure_variadic, shown, text};
use crate::function::{CallError, Function, Functions, Signature, Type};

use crate::value::{Element, List, Value};

const ANY: &[Type] = &[Type::Any];
const TWO: &[Type] = &[Type::Any, Type::Any];

pub(super) fn add(functions: &mut Functions) {
    functions.insert("int", pure(ANY, Type::Int, |args| Ok(Value::int(to_int64(&args[0])))));
    functions.insert("int64", pure(ANY, Type::Int64, |args| Ok(Value::int64(to_int64(&args[0])))));
    functions.insert("float64", pure(ANY, Type::Float, |args| Ok(Value::Float(to_float64(&args[0])))));
    functions.insert(
        "atoi",
        pure(&[Type::String], Type::Int, |args| {
            let text = text(&args[0]);
            let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            // Atoi returns the nearest integer with its error, and sprig drops the error.
            let beyond = if text.starts_with('-') { i64::MIN } else { i64::MAX };
            Ok(Value::int(if plain { text.parse().unwrap_or(beyond) } else { 0 }))
        }),
    );
    functions.insert(
        "toDecimal",
        pure(ANY, Type::Int64, |args| {
            Ok(Value::int64(i64::from_str_radix(&shown(&args[0]), 8).unwrap_or(0)))
        }),
    );
    integers(functions);
    functions.insert(
        "add1f",
        pure(ANY, Type::Float, |args| Ok(Value::Float(decimal(&args[0], &[Value::Float(1.0)], Op::Add)?))),
    );
    functions.insert(
        "addf",
        pure_variadic(ANY, Type::Float, |args| Ok(Value::Float(decimal(&Value::Float(0.0), args, Op::Add)?))),
    );
    for (name, op) in [("subf", Op::Subtract), ("mulf", Op::Multiply), ("divf", Op::Divide)] {
        let signature = Signature::variadic(TWO, Type::Float);
        functions.insert(
            name,
            Function::new(signature, move |_, args| Ok(Value::Float(decimal(&args[0], &args[1..], op)?))),
        );
    }
    functions.insert(
        "maxf",
        pure_variadic(TWO, Type::Float, |args| {
            Ok(Value::Float(
                args.iter()
                    .map(to_float64)
                    .reduce(|a, b| if a.is_nan() || a > b { a } else { b })
                    .unwrap_or(0.0),
            ))
        }),
    );
    functions.insert(
        "minf",
        pure_variadic(TWO, Type::Float, |args| {
            Ok(Value::Float(
                args.iter()
                    .map(to_float64)
                    .reduce(|a, b| if a.is_nan() || a < b { a } else { b })
                    .unwrap_or(0.0),
            ))
        }),
    );
    functions.insert("floor", pure(ANY, Type::Float, |args| Ok(Value::Float(to_float64(&args[0]).floor()))));
    functions.insert("ceil", pure(ANY, Type::Float, |args| Ok(Value::Float(to_float64(&args[0]).ceil()))));
    functions.insert("round", pure_variadic(&[Type::Any, Type::Int, Type::Float], Type::Float, round));
    functions.insert(
        "until",
        Function::new(Signature::new(&[Type::Int], Type::Any), |context, args| {
            let count = int(&args[0]);
            counted(context, 0, count, if count < 0 { -1 } else { 1 }).map(ints)
        }),
    );
    functions.insert(
        "untilStep",
        Function::new(Signature::new(&[Type::Int, Type::Int, Type::Int], Type::Any), |context, args| {
            counted(context, int(&args[0]), int(&args[1]), int(&args[2])).map(ints)
        }),
    );
    functions.insert(
        "seq",
        Function::new(Signature::variadic(&[Type::Int], Type::String), |context, args| {
            let params: Vec<i64> = args.iter().map(int).collect();
            let numbers = match params[..] {
                [end] => {
                    let step = if end < 1 { -1 } else { 1 };
                    counted(context, 1, end.saturating_add(step), step)?
                }
                [start, end] => {
                    let step = if end < start { -1 } else { 1 };
                    counted(context, start, end.saturating_add(step), step)?
                }
                [start, step, end] if end < start => {
                    if step > 0 {
                        Vec::new()
                    } else {
                        counted(context, start, end.saturating_sub(1), step)?
                    }
                }
                [start, step, end] => counted(context, start, end.saturating_add(1), step)?,
                _ => Vec::new(),
            };
            let words: Vec<String> = numbers.iter().map(i64::to_string).collect();
            Ok(words.join(" ").into())
        }),
    );
}

fn integers(functions: &mut Functions) {
    functions
        .insert("add1", pure(ANY, Type::Int64, |args| Ok(Value::int64(to_int64(&args[0]).wrapping_add(1)))));
    functions.insert(
        "add",
        pure_variadic(ANY, Type::Int64, |args| {
            Ok(Value::int64(args.iter().map(to_int64).fold(0, i64::wrapping_add)))
        }),
    );
    functions.insert(
        "sub",
        pure(TWO, Type::Int64, |args| Ok(Value::int64(to_int64(&args[0]).wrapping_sub(to_int64(&args[1]))))),
    );
    functions.insert(
        "mul",
        pure_variadic(TWO, Type::Int64, |args| {
            Ok(Value::int64(args.iter().map(to_int64).fold(1, i64::wrapping_mul)))
        }),
    );
    functions.insert("div", pure(TWO, Type::Int64, |args| divided(args, i64::wrapping_div)));
    functions.insert("mod", pure(TWO, Type::Int64, |args| divided(args, i64::wrapping_rem)));
    for name in ["max", "biggest"] {
        functions.insert(
            name,
            pure_variadic(TWO, Type::Int64, |args| {
                Ok(Value::int64(args.iter().map(to_int64).max().unwrap_or(0)))
            }),
        );
    }
    functions.insert(
        "min",
        pure_variadic(TWO, Type::Int64, |args| {
            Ok(Value::int64(args.iter().map(to_int64).min().unwrap_or(0)))
        }),
    );
}

fn divided(args: &[Value], op: fn(i64, i64) -> i64) -> Result {
    match to_int64(&args[1]) {
        0 => Err(CallError::new("runtime error: integer divide by zero")),
        by => Ok(Value::int64(op(to_int64(&args[0]), by))),
    }
}

/// The integers from `start` to before `stop`; none where the step leads away.
fn counted(context: &mut dyn crate::CallContext, start: i64, stop: i64, step: i64) -> Result<Vec<i64>> {
    let leads_away = if stop < start { step >= 0 } else { step <= 0 };
    if leads_away {
        return Ok(Vec::new());
    }
    let distance = stop.abs_diff(start);
    let count = usize::try_from(distance.div_ceil(step.unsigned_abs())).ok();
    check_size(context, count.and_then(|count| count.checked_mul(8)))?;
    context.step(count.unwrap_or(usize::MAX))?;
    let mut numbers = Vec::with_capacity(count.unwrap_or(0));
    let mut next = Some(start);
    while let Some(number) = next.filter(|number| if step > 0 { *number < stop } else { *number > stop }) {
        numbers.push(number);
        next = number.checked_add(step);
    }
    Ok(numbers)
}

fn ints(numbers: Vec<i64>) -> Value {
    List::typed(Element::Int, numbers.into_iter().map(Value::int).collect::<Vec<_>>()).into()
}

fn round(args: &[Value]) -> Result {
    #[allow(clippy::cast_precision_loss, reason = "as Go converts")]
    let places = int(&args[1]) as f64;
    let threshold = args.get(2).map_or(0.5, to_float64);
    let power = 10.0_f64.powf(places);
    let digit = power * to_float64(&args[0]);
    let rounded = if digit.fract() >= threshold { digit.ceil() } else { digit.floor() };
    Ok(Value::Float(rounded / power))
}

#[derive(Clone, Copy)]
enum Op {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// Computes in decimals, so that 0.1 + 0.2 is 0.3. Values beyond their range are computed in floats.
fn decimal(first: &Value, rest: &[Value], op: Op) -> Result<f64> {
    let start = to_float64(first);
    let mut exact = Decimal::from_float(start)?;
    for value in rest {
        let other = Decimal::from_float(to_float64(value))?;
        exact = match op {
            Op::Add => exact.add(&other),
            Op::Subtract => exact.add(&other.negated()),
            Op::Multiply => exact.multiply(&other),
            Op::Divide => exact.divide(&other)?,
        };
    }
    Ok(exact.to_float())
}

/// A decimal number: digits and the power of ten of the last one.
#[derive(Clone, Debug)]
struct Decimal {
    negative: bool,
    /// Decimal digits, the least significant first, without zeros at the top.
    digits: Vec<u8>,
    exponent: i32,
}

/// Digits behind the point that a quotient has, as in shopspring/decimal.
const PRECISION: i32 = 16;

impl Decimal {
    fn from_float(value: f64) -> Result<Self> {
        if !value.is_finite() {
            let name = if value.is_nan() {
                "NaN"
            } else if value > 0.0 {
                "+Inf"
            } else {
                "-Inf"
            };
            return Err(CallError::new(format!("Cannot create a Decimal from {name}")));
        }
        let shown = format!("{value:e}");
        let (mantissa, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
        let unsigned = mantissa.trim_start_matches('-');
        let behind = unsigned.split_once('.').map_or(0, |(_, part)| part.len());
        let digits: Vec<u8> = unsigned.bytes().rev().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let exponent = exponent - i32::try_from(behind).unwrap_or(0);
        Ok(Self { negative: mantissa.starts_with('-'), digits, exponent }.trimmed())
    }

    fn trimmed(mut self) -> Self {
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        self
    }

    fn negated(&self) -> Self {
        Self { negative: !self.negative, ..self.clone() }
    }

    /// The same number with a smaller exponent.
    fn scaled(&self, exponent: i32) -> Vec<u8> {
        let zeros = usize::try_from(self.exponent - exponent).unwrap_or(0);
        let mut digits = vec![0; zeros];
        digits.extend_from_slice(&self.digits);
        digits
    }

    fn add(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        let (a, b) = (self.scaled(exponent), other.scaled(exponent));
        if self.negative == other.negative {
            return Self { negative: self.negative, digits: add_digits(&a, &b), exponent }.trimmed();
        }
        match compare_digits(&a, &b) {
            std::cmp::Ordering::Less => {
                Self { negative: other.negative, digits: subtract_digits(&b, &a), exponent }.trimmed()
            }
            _ => Self { negative: self.negative, digits: subtract_digits(&a, &b), exponent }.trimmed(),
        }
    }

    fn multiply(&self, other: &Self) -> Self {
        let mut sums = vec![0_u32; self.digits.len() + other.digits.len()];
        for (i, a) in self.digits.iter().enumerate() {
            for (j, b) in other.digits.iter().enumerate() {
                sums[i + j] += u32::from(*a) * u32::from(*b);
            }
        }
        let mut carry = 0;
        let digits = sums.iter().map(|sum| {
            let value = sum + carry;
            carry = value / 10;
            u8::try_from(value % 10).unwrap_or(0)
        });
        let digits: Vec<u8> = digits.collect();
        Self { negative: self.negative != other.negative, digits, exponent: self.exponent + other.exponent }
            .trimmed()
    }

    /// Divides to 16 digits behind the point, rounded half away from zero.
    fn divide(&self, other: &Self) -> Result<Self> {
        if other.digits.is_empty() {
            return Err(CallError::new("decimal division by 0"));
        }
        // One digit more than asked for, and whether anything is left, decide the rounding.
        let shift = self.exponent - other.exponent + PRECISION + 1;
        let mut numerator = self.digits.clone();
        let mut denominator = other.digits.clone();
        match usize::try_from(shift) {
            Ok(zeros) => drop(numerator.splice(0..0, std::iter::repeat_n(0, zeros))),
            Err(_) => {
                let zeros = usize::try_from(-i64::from(shift)).unwrap_or(0);
                drop(denominator.splice(0..0, std::iter::repeat_n(0, zeros)));
            }
        }
        let mut digits = divide_digits(&numerator, &denominator);
        let last = if digits.is_empty() { 0 } else { digits.remove(0) };
        if last >= 5 {
            digits = add_digits(&digits, &[1]);
        }
        Ok(Self { negative: self.negative != other.negative, digits, exponent: -PRECISION }.trimmed())
    }

    fn to_float(&self) -> f64 {
        let digits: String = self.digits.iter().rev().map(|d| char::from(b'0' + d)).collect();
        let digits = if digits.is_empty() { "0" } else { &digits };
        let sign = if self.negative { "-" } else { "" };
        let value: f64 = format!("{sign}{digits}e{}", self.exponent).parse().unwrap_or(0.0);
        // A decimal knows no negative zero.
        if value == 0.0 { 0.0 } else { value }
    }
}

fn compare_digits(a: &[u8], b: &[u8]) -> std::cmp::Ordering {
    let top = |digits: &[u8]| digits.iter().rposition(|d| *d != 0).map_or(0, |at| at + 1);
    let (la, lb) = (top(a), top(b));
    la.cmp(&lb).then_with(|| a[..la].iter().rev().cmp(b[..lb].iter().rev()))
}

fn add_digits(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let mut sum = Vec::with_capacity(a.len().max(b.len()) + 1);
    for i in 0..a.len().max(b.len()) {
        let value = a.get(i).unwrap_or(&0) + b.get(i).unwrap_or(&0) + carry;
        sum.push(value % 10);
        carry = value / 10;
    }
    sum.push(carry);
    sum
}

/// `a` is not less than `b`.
fn subtract_digits(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let mut difference = Vec::with_capacity(a.len());
    for (i, digit) in a.iter().enumerate() {
        let taken = b.get(i).unwrap_or(&0) + borrow;
        borrow = u8::from(*digit < taken);
        difference.push(digit + 10 * borrow - taken);
    }
    difference
}

/// Long division; the remainder is dropped.
fn divide_digits(numerator: &[u8], denominator: &[u8]) -> Vec<u8> {
    let mut quotient = Vec::with_capacity(numerator.len());
    let mut rest: Vec<u8> = Vec::new();
    for digit in numerator.iter().rev() {
        rest.insert(0, *digit);
        while rest.last() == Some(&0) {
            rest.pop();
        }
        let mut times = 0;
        while compare_digits(&rest, denominator) != std::cmp::Ordering::Less {
            rest = subtract_digits(&rest, denominator);
            while rest.last() == Some(&0) {
                rest.pop();
            }
            times += 1;
        }
        quotient.push(times);
    }
    quotient.reverse();
    quotient
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_computed_in_decimals() {
        let sum = decimal(&Value::Float(0.1), &[Value::Float(0.2)], Op::Add).unwrap();
        assert_eq!(sum, 0.3);
        let third = decimal(&Value::Float(1.0), &[Value::Float(3.0)], Op::Divide).unwrap();
        assert_eq!(third, 0.333_333_333_333_333_3);
    }
}
