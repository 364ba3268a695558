//! Names, labels and annotations as the API allows them, and names that it makes up.

use crate::failure::Wrong;
use crate::value::Value;
use gitops_yaml::Str;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

fn is_label(text: &str) -> bool {
    let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.first().copied().is_some_and(inner)
        && bytes.last().copied().is_some_and(inner)
        && bytes.iter().all(|c| inner(*c) || *c == b'-')
}

fn is_qualified(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
}

/// What is wrong with a DNS subdomain.
pub(crate) fn subdomain(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 253 {
        wrong.push("must be no more than 253 bytes".to_owned());
    }
    if !text.split('.').all(is_label) {
        wrong.push(SUBDOMAIN.to_owned());
    }
    wrong
}

/// What is wrong with a DNS label.
pub(crate) fn label(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 63 {
        wrong.push("must be no more than 63 bytes".to_owned());
    }
    if text.contains('.') {
        wrong.push("must not contain dots".to_owned());
    } else if !is_label(text) {
        wrong.push(LABEL.to_owned());
    }
    wrong
}

/// What is wrong with a part of a path.
pub(crate) fn path_segment(text: &str) -> Vec<String> {
    if text == "." || text == ".." {
        return vec![format!("may not be '{text}'")];
    }
    ['/', '%'].iter().filter(|c| text.contains(**c)).map(|c| format!("may not contain '{c}'")).collect()
}

/// What is wrong with a key of labels or annotations.
pub(crate) fn qualified(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let name = match text.split_once('/') {
        None => text,
        Some((_, name)) if name.contains('/') => {
            return vec![
                "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')".to_owned(),
            ];
        }
        Some((prefix, name)) => {
            if prefix.is_empty() {
                wrong.push("prefix part must be non-empty".to_owned());
            } else {
                wrong.extend(subdomain(prefix).into_iter().map(|why| format!("prefix part {why}")));
            }
            name
        }
    };
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        wrong.push("name part must be no more than 63 bytes".to_owned());
    }
    if !is_qualified(name) {
        wrong.push(QUALIFIED.to_owned());
    }
    wrong
}

/// What is wrong with a label's value.
pub(crate) fn label_value(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 63 {
        wrong.push("must be no more than 63 bytes".to_owned());
    }
    if !text.is_empty() && !is_qualified(text) {
        wrong.push(LABEL_VALUE.to_owned());
    }
    wrong
}

/// Checks a map of labels.
pub(crate) fn check_labels(labels: Option<&Value>, field: &str, wrong: &mut Vec<Wrong>) {
    for (key, value) in labels.and_then(Value::as_map).into_iter().flat_map(crate::value::Map::iter) {
        let why = qualified(key).into_iter().map(|why| why.replace("a qualified name", "a valid label key"));
        wrong.extend(why.map(|why| Wrong::invalid(field, &Value::text(key.clone()), why)));
        let text = value.as_str().unwrap_or_default();
        wrong.extend(label_value(text).into_iter().map(|why| Wrong::invalid(field, value, why)));
    }
}

const ANNOTATION_BYTES: usize = 256 * 1024;

/// Checks a map of annotations.
pub(crate) fn check_annotations(annotations: Option<&Value>, field: &str, wrong: &mut Vec<Wrong>) {
    let mut size = 0;
    for (key, value) in annotations.and_then(Value::as_map).into_iter().flat_map(crate::value::Map::iter) {
        let lower = key.to_lowercase();
        wrong.extend(
            qualified(&lower).into_iter().map(|why| Wrong::invalid(field, &Value::text(key.clone()), why)),
        );
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > ANNOTATION_BYTES {
        wrong.push(Wrong::too_long(field, ANNOTATION_BYTES));
    }
}

/// Makes a uid of a random number, as RFC 9562's version 4.
pub(crate) fn uid(random: u128) -> Str {
    let bits = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)).into()
}

/// Adds five random letters to a prefix.
pub(crate) fn generated(prefix: &str, mut random: u128) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut name: String = prefix.chars().take(58).collect();
    for _ in 0..5 {
        let index = usize::try_from(random % LETTERS.len() as u128).unwrap_or(0);
        name.push(char::from(LETTERS[index]));
        random /= LETTERS.len() as u128;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_as_the_api_does() {
        assert!(subdomain("a.b-c.d").is_empty());
        assert_eq!(subdomain("A").len(), 1);
        assert_eq!(subdomain(&"a".repeat(254)), ["must be no more than 253 bytes"]);
        assert!(qualified("app.kubernetes.io/name").is_empty());
        assert!(!qualified("/name").is_empty());
        assert!(label_value("").is_empty() && !label_value("-").is_empty());
        assert_eq!(uid(0).as_str(), "00000000-0000-4000-8000-000000000000");
        assert_eq!(generated("web-", 1).len(), 9);
    }
}
