//! Makes resources: ConfigMaps, Secrets, charts, accounts for cloud providers.

mod config_map;
mod helm;
mod iam_policy;
mod sources;

use gitops_yaml::{Dialect, Entry, FileId, Kind, Node, ReadOptions, Str, Style, read_document};

pub use helm::{ChartInflator, ChartRequest};

pub(crate) use config_map::{config_map, secret, string_data_as_data};
pub(crate) use helm::inflate;
pub(crate) use iam_policy::{IamPolicyArgs, iam_policy};

use crate::kustomization::GeneratorOptions;
use crate::resource::Resource;

/// Adds the options of all generators to those of one; its own labels and annotations win.
pub(crate) fn with_global_options(
    own: Option<&GeneratorOptions>,
    global: Option<&GeneratorOptions>,
) -> Option<GeneratorOptions> {
    let Some(global) = global else { return own.cloned() };
    let mut options = own.cloned().unwrap_or_default();
    for (key, value) in &global.labels {
        options.labels.entry(key.clone()).or_insert_with(|| value.clone());
    }
    for (key, value) in &global.annotations {
        options.annotations.entry(key.clone()).or_insert_with(|| value.clone());
    }
    options.disable_name_suffix_hash |= global.disable_name_suffix_hash;
    options.immutable |= global.immutable;
    Some(options)
}

/// Makes text that stands on several lines a literal block, as upstream does, and quotes what else would be no string.
///
/// The quotes matter when a patch merges another value: it takes over the style.
pub(crate) fn data_value(text: impl Into<Str>) -> Node {
    let text = text.into();
    let style = if text.contains('\n') {
        Style::Literal
    } else if is_no_string(&text) {
        Style::DoubleQuoted
    } else {
        Style::Default
    };
    Node::string(text).styled(style)
}

/// Returns whether a text of one line is YAML 1.1 for something other than a string.
fn is_no_string(text: &str) -> bool {
    // Words that are no keyword, the most part, need no parser.
    const LONGEST_KEYWORD: usize = 5;
    let is_word = text.bytes().all(|byte| byte.is_ascii_alphabetic());
    if text.is_empty() || (is_word && text.len() > LONGEST_KEYWORD) {
        return false;
    }
    match read_document(text.as_bytes(), FileId::NONE, &ReadOptions::yaml11()) {
        Err(_) => false,
        Ok(None) => true,
        Ok(Some(document)) => !matches!(
            document.root.kind(Dialect::Yaml11),
            Kind::Str | Kind::Timestamp | Kind::Merge | Kind::Binary
        ),
    }
}

/// Appends an entry whose key is written plain: upstream lets the text of a key decide its type.
pub(crate) fn push(mapping: &mut Node, key: &str, value: Node) {
    if let Some(entries) = mapping.entries_mut() {
        entries.push(Entry { key: Node::plain(key), value });
    }
}

/// Merges what a generator of an overlay made over the resource of a base: labels and annotations are united, the
/// base's name, namespace and history stay, and the hash only if both want it.
pub(crate) fn take_over_metadata(new: &mut Resource, old: &Resource) {
    unite(new, old, "labels");
    unite(new, old, "annotations");
    new.set_name(old.name());
    new.set_namespace(old.namespace());
    let needs_hash = new.history.needs_hash && old.history.needs_hash;
    let origin = new.history.origin.take();
    let transformations = std::mem::take(&mut new.history.transformations);
    new.history = old.history.clone();
    new.history.needs_hash = needs_hash;
    new.history.origin = origin.or_else(|| old.history.origin.clone());
    if !transformations.is_empty() {
        new.history.transformations = transformations;
    }
}

/// Merges the text fields of a mapping of the old resource into the new one's, which win.
pub(crate) fn unite_data(new: &mut Resource, old: &Resource, field: &str) {
    let pairs = united(new.node.get(field), old.node.get(field));
    new.node.remove(field);
    if !pairs.is_empty() {
        let mut mapping = Node::mapping(Vec::new());
        for (key, value) in pairs {
            push(&mut mapping, &key, data_value(value));
        }
        new.node.set(field, mapping);
    }
}

fn unite(new: &mut Resource, old: &Resource, field: &str) {
    let pairs = united(new.node.at_path(&["metadata", field]), old.node.at_path(&["metadata", field]));
    let Some(metadata) = new.node.get_mut("metadata") else { return };
    metadata.remove(field);
    if !pairs.is_empty() {
        let mut mapping = Node::mapping(Vec::new());
        for (key, value) in pairs {
            push(&mut mapping, &key, Node::string(value));
        }
        metadata.set(field, mapping);
    }
}

fn united(new: Option<&Node>, old: Option<&Node>) -> std::collections::BTreeMap<Str, Str> {
    let mut pairs = std::collections::BTreeMap::new();
    for mapping in [old, new].into_iter().flatten() {
        for entry in mapping.entries().unwrap_or_default() {
            let text = |node: &Node| node.scalar().filter(|_| !node.is_null()).cloned().unwrap_or_default();
            pairs.insert(text(&entry.key), text(&entry.value));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_where_yaml_1_1_reads_no_string() {
        for text in ["12", ".5", "1_000", "yes", "n", "~", "null", "0o7", "a: b", "- a", "# x", "1e3"] {
            assert_eq!(data_value(text).style, Style::DoubleQuoted, "{text}");
        }
        for text in ["", "x", "plain", "2001-01-01", "12:30", "=", "<<", "{", "*a", " x", "a#b"] {
            assert_eq!(data_value(text).style, Style::Default, "{text}");
        }
        assert_eq!(data_value("1\n2").style, Style::Literal);
    }
}
