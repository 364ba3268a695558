//! Which texts may be label keys and values.

/// Returns what is wrong with a label key, in Kubernetes' words.
pub(super) fn check_key(key: &str) -> Result<(), String> {
    let mut wrong = Vec::new();
    let parts: Vec<&str> = key.split('/').collect();
    let name = match parts[..] {
        [name] => name,
        [prefix, name] => {
            if prefix.is_empty() {
                wrong.push("prefix part must be non-empty".to_owned());
            } else {
                if prefix.len() > 253 {
                    wrong.push("prefix part must be no more than 253 characters".to_owned());
                }
                if !is_subdomain(prefix) {
                    wrong.push(
                        "prefix part a DNS-1123 subdomain must consist of lower case alphanumeric characters, '-' or \
                         '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used \
                         for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
                            .to_owned(),
                    );
                }
            }
            name
        }
        _ => {
            return Err(format!(
                "invalid label key {}: a qualified name {NAME_RULE} with an optional DNS subdomain prefix and '/' \
                 (e.g. 'example.com/MyName')",
                quoted(key)
            ));
        }
    };
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        wrong.push("name part must be no more than 63 characters".to_owned());
    }
    if !is_name(name) {
        wrong.push(format!("name part {NAME_RULE}"));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("invalid label key {}: {}", quoted(key), wrong.join("; ")))
}

/// Returns what is wrong with a label value, in Kubernetes' words.
pub(super) fn check_value(key: &str, value: &str) -> Result<(), String> {
    let mut wrong = Vec::new();
    if value.len() > 63 {
        wrong.push("must be no more than 63 characters".to_owned());
    }
    if !value.is_empty() && !is_name(value) {
        wrong.push(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
             start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used \
             for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
                .to_owned(),
        );
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("invalid label value: {}: at key: {}: {}", quoted(value), quoted(key), wrong.join("; ")))
}

const NAME_RULE: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                         alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation \
                         is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    ends.into_iter().all(|end| end.is_some_and(u8::is_ascii_alphanumeric))
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn is_subdomain(text: &str) -> bool {
    let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    text.split('.').all(|label| {
        !label.is_empty()
            && label.as_bytes().iter().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

/// Go's `%q` for the texts that occur here.
fn quoted(text: &str) -> String {
    format!("{text:?}")
}
