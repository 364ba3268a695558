//! Number literals: like Go's ideal constants, each has every form that can hold it.

use crate::quote::{quote, unquote};
use gitops_yaml::Str;

/// A literal and its values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Number {
    pub(crate) text: Str,
    pub(crate) int: Option<i64>,
    pub(crate) uint: Option<u64>,
    pub(crate) float: Option<f64>,
    pub(crate) complex: Option<(f64, f64)>,
}

impl Number {
    fn empty(text: &str) -> Self {
        Self { text: text.into(), int: None, uint: None, float: None, complex: None }
    }

    /// Reads `'x'`.
    pub(crate) fn character(text: &str) -> Result<Self, String> {
        let value = unquote(text).and_then(|t| t.chars().next());
        let Some(c) = value else {
            // Go unquotes one character and then wants the closing mark.
            let escape_only = text.len() < 3;
            return Err(
                if escape_only || text[1..].starts_with('\\') && unquote_first(&text[1..]).is_none() {
                    "invalid syntax".to_owned()
                } else {
                    format!("malformed character constant: {text}")
                },
            );
        };
        let code = u32::from(c);
        Ok(Self {
            int: Some(i64::from(code)),
            uint: Some(u64::from(code)),
            float: Some(f64::from(code)),
            ..Self::empty(text)
        })
    }

    /// Reads `1+2i`.
    pub(crate) fn complex(text: &str) -> Result<Self, String> {
        let body = text.strip_suffix('i').unwrap_or(text);
        // The sign between the parts is the last one that is no exponent's.
        let split = body.char_indices().rev().find(|(at, c)| {
            matches!(c, '+' | '-') && *at > 0 && !matches!(body.as_bytes()[at - 1], b'e' | b'E' | b'p' | b'P')
        });
        let parts = split.and_then(|(at, _)| Some((parse_float(&body[..at])?, parse_float(&body[at..])?)));
        let (real, imaginary) = parts.ok_or("syntax error scanning complex number")?;
        Ok(Self { complex: Some((real, imaginary)), ..Self::empty(text) }.simplified())
    }

    /// Reads any other number.
    pub(crate) fn plain(text: &str) -> Result<Self, String> {
        if let Some(number) = Self::short(text) {
            return Ok(number);
        }
        if let Some(imaginary) = text.strip_suffix('i').and_then(parse_float) {
            return Ok(Self { complex: Some((0.0, imaginary)), ..Self::empty(text) }.simplified());
        }
        let mut number = Self::empty(text);
        number.uint = parse_uint(text);
        number.int = parse_int(text);
        if number.int == Some(0) {
            number.uint = Some(0);
        }
        #[allow(clippy::cast_precision_loss, reason = "as Go converts")]
        if let Some(int) = number.int {
            number.float = Some(int as f64);
        } else if let Some(uint) = number.uint {
            number.float = Some(uint as f64);
        } else if let Some(float) = parse_float(text) {
            if !text.contains(['.', 'e', 'E', 'p', 'P']) {
                return Err(format!("integer overflow: {}", quote(text)));
            }
            number.float = Some(float);
            number.int = exact_int(float);
            number.uint = exact_uint(float);
        }
        if number.int.is_none() && number.uint.is_none() && number.float.is_none() {
            return Err(format!("illegal number syntax: {}", quote(text)));
        }
        Ok(number)
    }

    /// Reads what most numbers are: a few decimal digits.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_wrap,
        reason = "fifteen digits fit all of them"
    )]
    fn short(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if !matches!(digits, [b'0'] | [b'1'..=b'9', ..]) || digits.len() > 15 {
            return None;
        }
        let uint = digits.iter().try_fold(0_u64, |sum, digit| {
            digit.is_ascii_digit().then(|| sum * 10 + u64::from(digit - b'0'))
        })?;
        Some(Self { int: Some(uint as i64), uint: Some(uint), float: Some(uint as f64), ..Self::empty(text) })
    }

    /// A complex number without an imaginary part is every other kind as well.
    fn simplified(mut self) -> Self {
        if let Some((real, 0.0)) = self.complex {
            self.float = Some(real);
            self.int = exact_int(real);
            self.uint = exact_uint(real);
        }
        self
    }

    pub(crate) fn is_rune(&self) -> bool {
        self.text.starts_with('\'')
    }

    pub(crate) fn is_hex(&self) -> bool {
        let text = self.text.as_bytes();
        text.len() > 2 && text[0] == b'0' && matches!(text[1], b'x' | b'X') && !self.text.contains(['p', 'P'])
    }
}

/// Whether one escape at the start of the text can be read.
fn unquote_first(text: &str) -> Option<()> {
    (2..=text.len().min(10)).find_map(|end| unquote(&format!("'{}'", text.get(..end)?)).map(|_| ()))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "the round trip is the test")]
fn exact_int(float: f64) -> Option<i64> {
    let int = float as i64;
    (int as f64 == float && float.abs() < 9.3e18).then_some(int)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "the round trip is the test"
)]
fn exact_uint(float: f64) -> Option<u64> {
    let uint = float as u64;
    (uint as f64 == float && float >= 0.0).then_some(uint)
}

/// Reads an integer as Go's `strconv.ParseUint(text, 0, 64)`: prefixes, and underscores between digits.
pub(crate) fn parse_uint(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if !underscores_are_fine(&lower) || digits.is_empty() || digits.starts_with('+') {
        return None;
    }
    u64::from_str_radix(&digits.replace('_', ""), radix).ok()
}

/// Reads an integer as Go's `strconv.ParseInt(text, 0, 64)`.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    match text.strip_prefix('-') {
        Some(digits) => 0_i64.checked_sub_unsigned(parse_uint(digits)?),
        None => i64::try_from(parse_uint(text.strip_prefix('+').unwrap_or(text))?).ok(),
    }
}

/// Underscores stand between digits or after the prefix of the base.
fn underscores_are_fine(text: &str) -> bool {
    let mut before = '^';
    let is_hex = text.starts_with("0x");
    let rest = match text.as_bytes() {
        [b'0', b'x' | b'b' | b'o', ..] => {
            before = '0';
            &text[2..]
        }
        _ => text,
    };
    for c in rest.chars() {
        match c {
            '0'..='9' => before = '0',
            'a'..='f' if is_hex => before = '0',
            '_' if before == '0' => before = '_',
            '_' => return false,
            _ if before == '_' => return false,
            _ => before = '!',
        }
    }
    before != '_'
}

/// Reads a float as Go's `strconv.ParseFloat(text, 64)`: decimal or hexadecimal, with underscores between digits.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let (sign, body) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    let lower = body.to_ascii_lowercase();
    if let Some(hex) = lower.strip_prefix("0x") {
        return underscores_are_fine(&lower)
            .then(|| hex_float(&hex.replace('_', "")))?
            .map(|value| sign * value);
    }
    if !lower.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        || !lower.contains(|c: char| c.is_ascii_digit())
    {
        return None;
    }
    if !underscores_are_fine(&lower) {
        return None;
    }
    let value: f64 = lower.replace('_', "").parse().ok()?;
    value.is_finite().then_some(sign * value)
}

fn hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    // 60 bits are more than a float holds; the last one stands for all that follow, for rounding.
    let (mut mantissa, mut dropped) = (0_u64, 0_i32);
    for digit in whole.chars().chain(part.chars()) {
        let digit = u64::from(digit.to_digit(16)?);
        if mantissa >> 56 == 0 {
            mantissa = mantissa << 4 | digit;
        } else {
            mantissa |= u64::from(digit != 0);
            dropped = dropped.checked_add(4)?;
        }
    }
    let shift =
        exponent.checked_sub(i32::try_from(part.len()).ok()?.checked_mul(4)?)?.checked_add(dropped)?;
    #[allow(clippy::cast_precision_loss, reason = "rounds as Go does")]
    let mut value = mantissa as f64;
    // In steps, so that no power is out of reach on the way.
    let mut rest = shift.clamp(-3_000, 3_000);
    while rest != 0 {
        let step = rest.clamp(-1_000, 1_000);
        value *= 2.0_f64.powi(step);
        rest -= step;
    }
    value.is_finite().then_some(value)
}
