//! Floats as Go's `strconv` and `encoding/json` print them.

/// The shortest digits that read back to the same float: `0.d1d2d3… × 10^point`.
struct Shortest {
    negative: bool,
    digits: String,
    exponent: i32,
}

impl Shortest {
    /// Takes Rust's `{:e}` apart, which finds the same shortest digits as Go.
    fn of(scientific: &str) -> Self {
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
        let negative = mantissa.starts_with('-');
        Self {
            negative,
            digits: mantissa.chars().filter(char::is_ascii_digit).collect(),
            exponent: exponent.parse().unwrap_or(0),
        }
    }

    /// `d.ddde±dd`, with at least two digits of exponent.
    fn scientific(&self, least_exponent_digits: usize) -> String {
        let sign = if self.negative { "-" } else { "" };
        let (first, rest) = self.digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        let exponent_sign = if self.exponent < 0 { '-' } else { '+' };
        let exponent = self.exponent.unsigned_abs();
        format!("{sign}{first}{dot}{rest}e{exponent_sign}{exponent:0least_exponent_digits$}")
    }
}

/// `strconv.FormatFloat(value, 'g', -1, 64)`, which go-yaml prints floats with; infinities and NaN as YAML writes them.
#[must_use]
pub fn go_float(value: f64) -> String {
    special(value).unwrap_or_else(|| general(&format!("{value:e}"), || format!("{value}")))
}

/// `strconv.FormatFloat(value, 'g', -1, 32)`, which sigs.k8s.io/yaml prints keys with.
#[allow(clippy::cast_possible_truncation, reason = "Go rounds the same way")]
pub(crate) fn go_float32(value: f64) -> String {
    let value = value as f32;
    special(f64::from(value)).unwrap_or_else(|| general(&format!("{value:e}"), || format!("{value}")))
}

fn special(value: f64) -> Option<String> {
    if value.is_nan() {
        Some(".nan".to_owned())
    } else if value.is_infinite() {
        Some(if value > 0.0 { ".inf" } else { "-.inf" }.to_owned())
    } else {
        None
    }
}

fn general(scientific: &str, fixed: impl FnOnce() -> String) -> String {
    let shortest = Shortest::of(scientific);
    if shortest.exponent < -4 || shortest.exponent >= 6 { shortest.scientific(2) } else { fixed() }
}

/// A finite float as `encoding/json` prints it: `1e-7` and `1e+21`, but digits alone in between.
pub(crate) fn json_float(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        // Go prints two digits of the exponent and then takes a leading zero away, of negative exponents alone.
        let least = if size < 1.0 { 1 } else { 2 };
        return Shortest::of(&format!("{value:e}")).scientific(least);
    }
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_floats_take_an_exponent_from_a_million_on() {
        for (value, wanted) in [
            (1_234_567.0, "1.234567e+06"),
            (123_456.0, "123456"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
            (1e20, "1e+20"),
            (-2.5, "-2.5"),
            (f64::NEG_INFINITY, "-.inf"),
        ] {
            assert_eq!(go_float(value), wanted);
        }
        assert_eq!(go_float32(0.1), "0.1");
        assert_eq!(go_float32(16_777_217.0), "1.6777216e+07");
    }

    #[test]
    fn json_floats_take_an_exponent_only_at_the_ends() {
        for (value, wanted) in
            [(1e20, "100000000000000000000"), (1e21, "1e+21"), (1e-7, "1e-7"), (1.5e-10, "1.5e-10")]
        {
            assert_eq!(json_float(value), wanted);
        }
        assert_eq!(json_float(-0.0), "-0");
    }
}
