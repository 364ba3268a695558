//! The hash of a ConfigMap's or Secret's content that ends its name.
//!
//! It is taken over JSON with sorted keys, so that neither the order of keys nor style matters; neither do labels,
//! annotations or the name, which upstream means to include and never finds.

use gitops_yaml::{Dialect, HtmlEscape, JsonPrinter, Node, to_json};
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind};
use crate::node_json::node_json;
use crate::resource::Resource;

/// Returns the ten characters that are appended to a resource's name.
///
/// # Errors
/// When its content is nothing that JSON can hold.
pub(crate) fn content_hash(resource: &Resource) -> Result<String, Error> {
    let text = match resource.kind() {
        "ConfigMap" => content(&resource.node, "binaryData", "ConfigMap")?,
        "Secret" => content(&resource.node, "stringData", "Secret")?,
        _ => node_json(&resource.with_adopted_annotations()),
    };
    Ok(encode(&Sha256::digest(text.as_bytes())))
}

/// Writes the part of the object that counts.
fn content(node: &Node, second: &str, kind: &str) -> Result<String, Error> {
    let data = field(node, "data")?.unwrap_or_else(|| "\"\"".to_owned());
    let mut text = String::new();
    let mut add = |key: &str, value: &str| {
        text.push(if text.is_empty() { '{' } else { ',' });
        text.push_str(&format!("\"{key}\":{value}"));
    };
    let second_data = match node.get(second) {
        Some(value) if !value.is_scalar() => field(node, second)?,
        _ => None,
    };
    if let ("binaryData", Some(value)) = (second, &second_data) {
        add("binaryData", value);
    }
    add("data", &data);
    add("kind", &format!("\"{kind}\""));
    add("name", "\"\"");
    if let ("stringData", Some(value)) = (second, &second_data) {
        add("stringData", value);
    }
    if kind == "Secret" {
        add("type", &field(node, "type")?.unwrap_or_else(|| "\"\"".to_owned()));
    }
    text.push('}');
    Ok(text)
}

/// Returns a field as JSON: mappings as such, scalars as strings.
fn field(node: &Node, name: &str) -> Result<Option<String>, Error> {
    let Some(value) = node.get(name) else { return Ok(None) };
    if let Some(text) = value.as_str() {
        let mut printer = JsonPrinter::new(HtmlEscape::Yes);
        printer.str(text);
        return printer.finish().map(Some).map_err(|error| refuse(&error));
    }
    // Upstream reads the JSON back into a map, and a sequence leaves that nil.
    if value.is_sequence() {
        return Ok(Some("null".to_owned()));
    }
    to_json(value, Dialect::V3).map(Some).map_err(|error| refuse(&error))
}

fn refuse(error: &gitops_yaml::Error) -> Error {
    Error::new(ErrorKind::Resource, error.to_string()).at(error.place())
}

/// Writes the first 40 bits in hexadecimal, with letters that don't spell words.
fn encode(digest: &[u8]) -> String {
    let nibbles = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]).take(10);
    nibbles.map(|nibble| char::from(b"gh2k456789mbcdtf"[usize::from(nibble)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_upstreams() {
        assert_eq!(encode(&[0x01, 0x23, 0x45, 0x67, 0x89, 0xab]), "gh2k456789");
        assert_eq!(encode(&[0xab, 0xcd, 0xef, 0, 0]), "mbcdtfgggg");
    }
}
