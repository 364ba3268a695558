//! Quantities as Kubernetes prints them: `1000m` is `1`, `1024Mi` is `1Gi`.

/// Returns a quantity in its canonical form, `None` where it is none.
pub(crate) fn canonical(text: &str) -> Option<String> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = digits.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(digits.len());
    let (number, suffix) = digits.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty())
        || fraction.contains('.')
        || whole.len() + fraction.len() > 30
    {
        return None;
    }
    let mantissa: u128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = i32::try_from(fraction.len()).ok()?;
    let sign = if negative && mantissa != 0 { "-" } else { "" };
    if let Some(power) = binary(suffix) {
        // Value = mantissa · 10^-scale · 1024^power, as the largest binary unit that keeps it whole.
        let mut value = mantissa.checked_mul(1024u128.checked_pow(power)?)?;
        let divisor = 10u128.checked_pow(u32::try_from(scale).ok()?)?;
        if !value.is_multiple_of(divisor) {
            return decimal(sign, mantissa.checked_mul(1024u128.checked_pow(power)?)?, -scale);
        }
        value /= divisor;
        if value < 1024 {
            return decimal(sign, value, 0);
        }
        let mut unit = 0;
        while value != 0 && value.is_multiple_of(1024) && unit < 6 {
            value /= 1024;
            unit += 1;
        }
        const UNITS: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
        return Some(format!("{sign}{value}{}", UNITS[unit]));
    }
    let (exponent, scientific) = match suffix {
        "n" => (-9, false),
        "u" => (-6, false),
        "m" => (-3, false),
        "" => (0, false),
        "k" => (3, false),
        "M" => (6, false),
        "G" => (9, false),
        "T" => (12, false),
        "P" => (15, false),
        "E" => (18, false),
        other => {
            (other.strip_prefix(['e', 'E'])?.parse::<i32>().ok().filter(|power| power.abs() < 30)?, true)
        }
    };
    if scientific {
        return scientific_form(sign, mantissa, exponent - scale);
    }
    decimal(sign, mantissa, exponent - scale)
}

fn binary(suffix: &str) -> Option<u32> {
    Some(match suffix {
        "Ki" => 1,
        "Mi" => 2,
        "Gi" => 3,
        "Ti" => 4,
        "Pi" => 5,
        "Ei" => 6,
        _ => return None,
    })
}

/// Brings a number to an exponent that is a multiple of three, with as few digits as that allows.
fn settled(mut mantissa: u128, mut exponent: i32) -> Option<(u128, i32)> {
    if mantissa == 0 {
        return Some((0, 0));
    }
    while mantissa.is_multiple_of(10) {
        mantissa /= 10;
        exponent += 1;
    }
    // What is smaller than nano is rounded up.
    while exponent < -9 {
        mantissa = mantissa.div_ceil(10);
        exponent += 1;
    }
    while exponent.rem_euclid(3) != 0 {
        mantissa = mantissa.checked_mul(10)?;
        exponent -= 1;
    }
    while exponent > 18 {
        mantissa = mantissa.checked_mul(1_000)?;
        exponent -= 3;
    }
    Some((mantissa, exponent))
}

fn decimal(sign: &str, mantissa: u128, exponent: i32) -> Option<String> {
    let (mantissa, exponent) = settled(mantissa, exponent)?;
    let suffix = match exponent {
        -9 => "n",
        -6 => "u",
        -3 => "m",
        0 => "",
        3 => "k",
        6 => "M",
        9 => "G",
        12 => "T",
        15 => "P",
        _ => "E",
    };
    Some(format!("{sign}{mantissa}{suffix}"))
}

fn scientific_form(sign: &str, mantissa: u128, exponent: i32) -> Option<String> {
    let (mantissa, exponent) = settled(mantissa, exponent)?;
    Some(if exponent == 0 { format!("{sign}{mantissa}") } else { format!("{sign}{mantissa}e{exponent}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_take_their_canonical_form() {
        for (text, wanted) in [
            ("1000m", "1"),
            ("0.5", "500m"),
            ("100m", "100m"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("2000k", "2M"),
            ("1e3", "1e3"),
            ("0", "0"),
            ("128974848", "128974848"),
            ("64Mi", "64Mi"),
        ] {
            assert_eq!(canonical(text).as_deref(), Some(wanted), "{text}");
        }
        assert_eq!(canonical("1.2.3"), None);
        assert_eq!(canonical("1 Gi"), None);
        assert_eq!(canonical("abc"), None);
    }
}
