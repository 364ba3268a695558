//! What objects of a kind may be called, in the words of Kubernetes.

use crate::go::quoted;

/// Says why an object of this kind may not have this name.
pub(super) fn name_mistake(kind: &str, name: &str) -> Option<String> {
    let reasons = match kind.to_lowercase().as_str() {
        "service" => label(name, LabelRule::StartsWithLetter),
        "namespace" => label(name, LabelRule::Any),
        "certificatesigningrequest" => Vec::new(),
        "role" | "clusterrole" | "rolebinding" | "clusterrolebinding" => path_segment(name),
        _ => subdomain(name),
    };
    let shown = quoted(name);
    let reasons: Vec<String> = reasons
        .into_iter()
        .map(|reason| format!("metadata.name: Invalid value: {shown}: {reason}"))
        .collect();
    let all = match reasons.as_slice() {
        [] => return None,
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    };
    Some(format!("object name does not conform to Kubernetes naming requirements: {shown}: {all}"))
}

#[derive(Clone, Copy, PartialEq)]
enum LabelRule {
    Any,
    StartsWithLetter,
}

fn is_label(text: &str, rule: LabelRule) -> bool {
    let bytes = text.as_bytes();
    let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
    let starts = |b: &u8| b.is_ascii_lowercase() || (rule == LabelRule::Any && b.is_ascii_digit());
    bytes.first().is_some_and(starts) && bytes.iter().all(inner) && bytes.last() != Some(&b'-')
}

fn label(name: &str, rule: LabelRule) -> Vec<String> {
    let mut reasons = Vec::new();
    if name.len() > 63 {
        reasons.push("must be no more than 63 bytes".to_owned());
    }
    if !is_label(name, rule) {
        reasons.push(
            match rule {
                LabelRule::Any => "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
                LabelRule::StartsWithLetter => "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
            }
            .to_owned(),
        );
    }
    reasons
}

fn subdomain(name: &str) -> Vec<String> {
    let mut reasons = Vec::new();
    if name.len() > 253 {
        reasons.push("must be no more than 253 bytes".to_owned());
    }
    if !name.split('.').all(|part| is_label(part, LabelRule::Any)) {
        reasons.push("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')".to_owned());
    }
    reasons
}

fn path_segment(name: &str) -> Vec<String> {
    if name == "." || name == ".." {
        return vec![format!("may not be '{name}'")];
    }
    ["/", "%"]
        .iter()
        .filter(|bad| name.contains(**bad))
        .map(|bad| format!("may not contain '{bad}'"))
        .collect()
}
