//! Makes ConfigMaps and Secrets of literals and files.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gitops_yaml::{Node, Str, Style};

use super::sources::{Pair, pairs};
use super::{data_value, push};
use crate::error::{Error, ErrorKind};
use crate::kustomization::GeneratorArgs;
use crate::load::Loader;
use crate::resource::{Behavior, Resource};

/// Makes the ConfigMap of an entry of `configMapGenerator`.
///
/// # Errors
/// When a source is missing or malformed, or two give one key.
pub(crate) fn config_map(loader: &Loader<'_, '_>, args: &GeneratorArgs) -> Result<Resource, Error> {
    let mut node = base("ConfigMap", args)?;
    let (mut data, mut binary) = (Node::mapping(Vec::new()), Node::mapping(Vec::new()));
    for (key, value) in unique(loader, args)? {
        match String::from_utf8(value) {
            Ok(text) => push(&mut data, &key, data_value(text)),
            Err(error) => push(&mut binary, &key, data_value(encode_base64(error.as_bytes()))),
        }
    }
    for (field, mapping) in [("data", data), ("binaryData", binary)] {
        if mapping.entries().is_some_and(|entries| !entries.is_empty()) {
            node.set(field, mapping);
        }
    }
    Ok(finish(node, args))
}

/// Makes the Secret of an entry of `secretGenerator`.
///
/// # Errors
/// As [`config_map`].
pub(crate) fn secret(loader: &Loader<'_, '_>, args: &GeneratorArgs) -> Result<Resource, Error> {
    let mut node = base("Secret", args)?;
    let secret_type =
        if args.secret_type.is_empty() { Str::literal("Opaque") } else { args.secret_type.clone() };
    node.set("type", Node::string(secret_type));
    let mut data = Node::mapping(Vec::new());
    for (key, value) in unique(loader, args)? {
        push(&mut data, &key, data_value(encode_base64(&value)));
    }
    node.set("data", data);
    Ok(finish(node, args))
}

fn base(kind: &'static str, args: &GeneratorArgs) -> Result<Node, Error> {
    if args.name.is_empty() {
        // Upstream says so of Secrets as well.
        return Err(Error::new(ErrorKind::Generator, "a configmap must have a name").at(args.name.place));
    }
    let mut metadata = Node::mapping(Vec::new());
    metadata.set("name", Node::string(args.name.text.clone()).at(args.name.place));
    if !args.namespace.is_empty() {
        metadata.set("namespace", Node::string(args.namespace.clone()));
    }
    let mut node = Node::mapping(Vec::new()).at(args.name.place);
    node.set("apiVersion", Node::string("v1"));
    node.set("kind", Node::string(Str::literal(kind)));
    node.set("metadata", metadata);
    Ok(node)
}

fn unique(loader: &Loader<'_, '_>, args: &GeneratorArgs) -> Result<BTreeMap<Str, Vec<u8>>, Error> {
    let mut data = BTreeMap::new();
    for Pair { key, value, place } in pairs(loader, args).map_err(|error| error.within("loading KV pairs"))? {
        if data.contains_key(&key) {
            let message = format!("configmap {} illegally repeats the key `{key}`", &*args.name);
            return Err(Error::new(ErrorKind::Generator, message).at(place));
        }
        data.insert(key, value);
    }
    Ok(data)
}

fn finish(mut node: Node, args: &GeneratorArgs) -> Resource {
    let options = args.options.clone().unwrap_or_default();
    if let Some(metadata) = node.get_mut("metadata") {
        for (field, pairs) in [("labels", &options.labels), ("annotations", &options.annotations)] {
            if pairs.is_empty() {
                continue;
            }
            let mut mapping = Node::mapping(Vec::new());
            for (key, value) in pairs {
                push(&mut mapping, key, Node::string(value.clone()).styled(Style::SingleQuoted));
            }
            metadata.set(field, mapping);
        }
    }
    if options.immutable {
        node.set("immutable", Node::bool(true));
    }
    let mut resource = Resource::new(node);
    resource.history.needs_hash = !options.disable_name_suffix_hash;
    resource.history.behavior = Behavior::parse(&args.behavior);
    resource
}

/// Encodes bytes, broken into lines of 70 characters, each ended, where there is more than one.
pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    const LINE: usize = 70;
    let encoded = STANDARD.encode(bytes);
    if encoded.len() < LINE {
        return encoded;
    }
    let mut broken = String::with_capacity(encoded.len() + encoded.len() / LINE + 1);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        broken.push_str(line);
        broken.push('\n');
        rest = after;
    }
    broken
}

/// Writes a Secret's `stringData` into its `data` as the API server would, so that an overlay can merge over it.
pub(crate) fn string_data_as_data(old: &Resource) -> Result<Resource, Error> {
    let mut normalized = old.clone();
    let Some(string_data) = normalized.node.remove("stringData") else { return Ok(normalized) };
    if normalized.node.get("data").is_none_or(|data| !data.is_mapping()) {
        normalized.node.set("data", Node::mapping(Vec::new()));
    }
    for entry in string_data.entries().unwrap_or_default() {
        let (Some(key), Some(value)) = (entry.key.as_str(), entry.value.as_str()) else {
            let key = entry.key.as_str().unwrap_or_default();
            let message = format!("read stringData: stringData value for key {key:?} must be a scalar");
            return Err(Error::new(ErrorKind::Resource, message).at(entry.value.place));
        };
        if let Some(data) = normalized.node.get_mut("data") {
            data.set(key, data_value(encode_base64(value.as_bytes())));
        }
    }
    Ok(normalized)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_base64_is_broken_at_70() {
        assert_eq!(encode_base64(b"abc"), "YWJj");
        assert_eq!(encode_base64(&[0; 51]).len(), 68);
        let encoded = encode_base64(&[0; 54]);
        assert_eq!(encoded.lines().map(str::len).collect::<Vec<_>>(), [70, 2]);
        assert!(encoded.ends_with('\n'));
    }
}
