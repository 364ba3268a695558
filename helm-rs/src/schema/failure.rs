//! What is wrong with a value: a tree of reasons, printed as Helm's validator prints it.

use crate::go::quoted;
use crate::values::Value;

/// A reason, with the reasons behind it.
#[derive(Debug)]
pub(super) struct Failure {
    /// Where in the values, as keys and indices.
    pub(super) at: Vec<String>,
    pub(super) kind: Kind,
    pub(super) causes: Vec<Failure>,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// Several reasons for one value.
    Group,
    /// A reference; with one reason behind it, it is not shown.
    Reference,
    /// A reason, worded.
    Plain(String),
    /// The schema itself is wrong, or costs too much: everything ends.
    Broken(String),
}

impl Failure {
    pub(super) fn broken(why: impl Into<String>) -> Self {
        Self { at: Vec::new(), kind: Kind::Broken(why.into()), causes: Vec::new() }
    }

    pub(super) fn is_broken(&self) -> bool {
        matches!(self.kind, Kind::Broken(_))
    }

    /// Visits where the last reasons stand.
    pub(super) fn leaves(&self, visit: &mut impl FnMut(&[String])) {
        if self.causes.is_empty() {
            visit(&self.at);
        }
        self.causes.iter().for_each(|cause| cause.leaves(visit));
    }

    /// Prints the reasons, a line each.
    pub(super) fn list(&self) -> String {
        let mut lines = String::new();
        if matches!(self.kind, Kind::Group) {
            self.causes.iter().for_each(|cause| cause.show(&mut lines, 0));
        } else {
            self.show(&mut lines, 0);
        }
        lines
    }

    fn show(&self, lines: &mut String, indent: usize) {
        let hidden = matches!(self.kind, Kind::Reference) && self.causes.len() == 1;
        let mut indent = indent;
        if !hidden {
            let why = match &self.kind {
                Kind::Group | Kind::Reference => "validation failed",
                Kind::Plain(why) | Kind::Broken(why) => why,
            };
            let pointer: String =
                self.at.iter().map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1"))).collect();
            let pointer = single_quoted(&pointer);
            lines.push_str(&format!("{}- at {pointer}: {why}\n", "  ".repeat(indent)));
            indent += 1;
        }
        self.causes.iter().for_each(|cause| cause.show(lines, indent));
    }
}

/// Quotes a text with single quotes.
pub(super) fn single_quoted(text: &str) -> String {
    let quoted = quoted(text);
    let inner = &quoted[1..quoted.len() - 1];
    format!("'{}'", inner.replace("\\\"", "\"").replace('\'', "\\'"))
}

/// Quotes texts and joins them with commas.
pub(super) fn all_quoted<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = texts.into_iter().map(single_quoted).collect();
    quoted.join(", ")
}

/// Prints a value that is no collection.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => single_quoted(text),
        Value::List(_) | Value::Table(_) => "value".to_owned(),
        Value::Float(number) => gitops_yaml::go_float(*number),
        other => crate::values::printed(other),
    }
}

/// Prints a number as English does: digits in groups of three, large and tiny ones as a power of ten.
pub(super) fn english(number: f64) -> String {
    let text = gitops_yaml::go_float(number);
    if let Some((digits, exponent)) = text.split_once('e') {
        let raised: String = exponent
            .chars()
            .filter_map(|c| match c {
                '-' => Some('⁻'),
                c => c.to_digit(10).and_then(|digit| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(digit as usize)),
            })
            .collect();
        return format!("{digits}×10{raised}");
    }
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match fraction {
        Some(fraction) => format!("{sign}{grouped}.{fraction}"),
        None => format!("{sign}{grouped}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_in_english() {
        let cases = [
            (65535.0, "65,535"),
            (0.3, "0.3"),
            (1e6, "1×10⁰⁶"),
            (0.00001, "1×10⁻⁰⁵"),
            (-70000.25, "-70,000.25"),
        ];
        for (number, wanted) in cases {
            assert_eq!(english(number), wanted);
        }
    }
}
