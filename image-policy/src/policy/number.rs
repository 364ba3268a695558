//! Numbers as Go's `strconv.ParseFloat` reads them, which differs from Rust's reading in four points: `1_000` and
//! `0x1p4` are numbers, `1e999` and `+nan` are not.

/// Reads a number; `None` where Go reports an error, a value out of range included.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let size = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => hexadecimal(unsigned)?,
        [b'0'..=b'9' | b'.', ..] => decimal(unsigned)?,
        _ if unsigned.eq_ignore_ascii_case("inf") || unsigned.eq_ignore_ascii_case("infinity") => {
            f64::INFINITY
        }
        _ if text.eq_ignore_ascii_case("nan") => f64::NAN,
        _ => return None,
    };
    Some(if negative { -size } else { size })
}

fn decimal(text: &str) -> Option<f64> {
    let size: f64 = if text.contains('_') {
        if !underscores_separate_digits(text) {
            return None;
        }
        text.replace('_', "").parse().ok()?
    } else {
        text.parse().ok()?
    };
    size.is_finite().then_some(size)
}

/// An underscore stands between two digits, or between the base's prefix and a digit.
fn underscores_separate_digits(text: &str) -> bool {
    let (digits, is_hex) = match text.as_bytes() {
        [b'0', b'x' | b'X', rest @ ..] => (rest, true),
        all => (all, false),
    };
    let is_digit = |b: u8| b.is_ascii_digit() || is_hex && b.is_ascii_hexdigit();
    let mut before = is_hex;
    for (index, &byte) in digits.iter().enumerate() {
        if byte == b'_' && !(before && digits.get(index + 1).is_some_and(|&next| is_digit(next))) {
            return false;
        }
        before = is_digit(byte);
    }
    true
}

/// `0x1.8p3`: the exponent, a power of two, is required.
fn hexadecimal(text: &str) -> Option<f64> {
    if !underscores_separate_digits(text) {
        return None;
    }
    let mut mantissa: u64 = 0;
    let mut lost = false;
    let (mut exponent, mut after_point, mut any) = (0_i64, false, false);
    let mut bytes = text.as_bytes().get(2..)?.iter();
    let sign_and_power = loop {
        let byte = *bytes.next()?;
        match byte {
            b'_' => {}
            b'.' if !after_point => after_point = true,
            b'p' | b'P' if any => break bytes.as_slice(),
            _ => {
                let digit = u64::from(char::from(byte).to_digit(16)?);
                any = true;
                if mantissa < 1 << 60 {
                    mantissa = mantissa << 4 | digit;
                    exponent -= if after_point { 4 } else { 0 };
                } else {
                    lost |= digit != 0;
                    exponent += if after_point { 0 } else { 4 };
                }
            }
        }
    };
    let (negative, digits) = match sign_and_power {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if !digits.first()?.is_ascii_digit() {
        return None;
    }
    let mut power = 0_i64;
    for &byte in digits.iter().filter(|&&b| b != b'_') {
        // Beyond any exponent of a float; a longer one changes nothing.
        power = (power * 10 + i64::from(char::from(byte).to_digit(10)?)).min(1_000_000);
    }
    round(mantissa, exponent + if negative { -power } else { power }, lost)
}

/// Rounds `mantissa * 2^exponent` to the nearest float, ties to even; `lost` says that nonzero bits follow.
fn round(mantissa: u64, exponent: i64, lost: bool) -> Option<f64> {
    if mantissa == 0 {
        return Some(0.0);
    }
    let shift = mantissa.leading_zeros();
    let mantissa = mantissa << shift;
    let exponent = exponent - i64::from(shift);
    let leading = exponent + 63;
    let below_normal = (-1022 - leading).max(0);
    let drop = 11 + below_normal;
    if drop > 64 {
        return Some(0.0);
    }
    let wide = u128::from(mantissa);
    let kept = (wide >> drop) as u64;
    let rest = wide & ((1 << drop) - 1);
    let half = 1_u128 << (drop - 1);
    let up = rest > half || rest == half && (lost || kept & 1 == 1);
    let kept = kept + u64::from(up);
    let bits = if below_normal > 0 {
        kept
    } else {
        let biased = u64::try_from(leading + 1023).ok().filter(|&biased| biased < 2047)?;
        (biased << 52) + (kept - (1 << 52))
    };
    let float = f64::from_bits(bits);
    float.is_finite().then_some(float)
}

#[cfg(test)]
mod tests {
    use super::parse_float;

    #[test]
    fn numbers_are_those_of_go() {
        for (text, wanted) in [
            ("1e3", 1000.0),
            ("-.5", -0.5),
            ("5.", 5.0),
            ("1_000", 1000.0),
            ("1e5_0", 1e50),
            ("0x1p4", 16.0),
            ("0x_1p4", 16.0),
            ("0x1_0p1_0", 16384.0),
            ("0x.8p1", 1.0),
            ("0x1.8P+3", 12.0),
            ("0x1.fffffffffffff8p0", 2.0),
            ("0x1.8000000000000800001p0", 1.500_000_000_000_000_2),
            ("0x0.0000000000001p-1022", 5e-324),
            ("0x1p-2000", 0.0),
            ("1e-999", 0.0),
            ("INFINITY", f64::INFINITY),
            ("-Inf", f64::NEG_INFINITY),
        ] {
            assert_eq!(parse_float(text), Some(wanted), "{text}");
        }
        assert!(parse_float("nan").unwrap().is_nan());
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for text in [
            "",
            "+",
            "1e",
            "e5",
            "1__0",
            "_1",
            "1_",
            "+nan",
            "1e999",
            "0x1p2000",
            "0x10",
            "0xp1",
            "0b1",
            "infin",
            " 1",
            "1 ",
            "0x1p",
            "0x1p+",
            "0x1.1.1p1",
            "1a",
            "0x_p1",
            "--1",
            "é",
        ] {
            assert_eq!(parse_float(text), None, "{text}");
        }
    }
}
