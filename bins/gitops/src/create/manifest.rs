//! An object put together from flags, and its text.

use super::Creation;
use crate::Failure;
use crate::cluster::{KindInfo, node};
use gitops_core::api::GoDuration;
use gitops_yaml::{Dialect, Node, print_sigs};
use serde_json::{Map, Value, json};

/// Fields of an object; empty ones are left out.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Sets a field, whatever its value.
    pub(super) fn put(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    /// Sets a text that is not empty.
    pub(super) fn text(self, key: &str, value: impl AsRef<str>) -> Self {
        let value = value.as_ref();
        if value.is_empty() { self } else { self.put(key, value) }
    }

    /// Sets a flag that is true.
    pub(super) fn flag(self, key: &str, value: bool) -> Self {
        if value { self.put(key, true) } else { self }
    }

    /// Sets a duration, where there is one.
    pub(super) fn time(self, key: &str, value: Option<GoDuration>) -> Self {
        match value {
            Some(time) if !time.0.is_zero() => self.put(key, time.to_string()),
            _ => self,
        }
    }

    /// Sets a reference by name, where there is a name.
    pub(super) fn named(self, key: &str, name: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        if name.is_empty() { self } else { self.put(key, json!({ "name": name })) }
    }

    /// Sets a list that is not empty.
    pub(super) fn list(self, key: &str, items: impl IntoIterator<Item = impl Into<Value>>) -> Self {
        let items: Vec<Value> = items.into_iter().map(Into::into).collect();
        if items.is_empty() { self } else { self.put(key, items) }
    }

    /// Sets nested fields, where there are any.
    pub(super) fn fields(self, key: &str, fields: Self) -> Self {
        if fields.0.is_empty() { self } else { self.put(key, fields) }
    }
}

impl From<Fields> for Value {
    fn from(fields: Fields) -> Self {
        Self::Object(fields.0)
    }
}

/// Makes an object of one of Flux's kinds.
pub(super) fn object(kind: &KindInfo, creation: &Creation<'_>, spec: Fields) -> Result<Node, Failure> {
    let labels = creation.labels()?;
    let metadata = Fields::new()
        .put("name", creation.name)
        .put("namespace", creation.namespace())
        .fields("labels", labels.into_iter().fold(Fields::new(), |all, (key, value)| all.put(&key, value)));
    let whole = Fields::new()
        .put("apiVersion", kind.api_version)
        .put("kind", kind.kind)
        .put("metadata", metadata)
        .put("spec", spec);
    node(&whole.into())
}

/// Prints an object as a document of a stream.
pub(super) fn print(object: &Node) -> Result<(), Failure> {
    anstream::print!("---\n{}", print_sigs(object, Dialect::V3)?);
    Ok(())
}

const LABEL_RULE: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE_RULE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const PREFIX_RULE: &str = "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// Checks a qualified name in the words of Kubernetes.
pub(super) fn check_label_name(name: &str) -> Result<(), String> {
    let (prefix, rest) = match name.split_once('/') {
        Some((prefix, rest)) => (Some(prefix), rest),
        None => (None, name),
    };
    if rest.contains('/') {
        return Err(format!(
            "a qualified name {LABEL_RULE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        ));
    }
    if let Some(prefix) = prefix {
        if prefix.is_empty() {
            return Err("prefix part must be non-empty".to_owned());
        }
        let is_label = |label: &str| {
            let edge = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            edge(label.bytes().next())
                && edge(label.bytes().last())
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        if prefix.len() > 253 || !prefix.split('.').all(is_label) {
            return Err(PREFIX_RULE.to_owned());
        }
    }
    if rest.is_empty() {
        return Err(format!("name part must be non-empty name part {LABEL_RULE}"));
    }
    if rest.len() > 63 {
        return Err("name part must be no more than 63 bytes".to_owned());
    }
    if is_label_text(rest) { Ok(()) } else { Err(format!("name part {LABEL_RULE}")) }
}

/// Checks a label's value in the words of Kubernetes.
pub(super) fn check_label_value(value: &str) -> Result<(), String> {
    if value.len() > 63 {
        return Err("must be no more than 63 bytes".to_owned());
    }
    if value.is_empty() || is_label_text(value) { Ok(()) } else { Err(VALUE_RULE.to_owned()) }
}

fn is_label_text(text: &str) -> bool {
    let edge = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric());
    edge(text.bytes().next())
        && edge(text.bytes().last())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}
