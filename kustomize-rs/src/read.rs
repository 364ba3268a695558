//! Reads a file of manifests into resources.

use gitops_yaml::{FileId, Limits, MergeRule, Node, ReadOptions, read_document};

use crate::error::{Error, ErrorKind};
use crate::resource::{Resource, is_null_or_empty};

/// Reads every object of a text, lists taken apart, in upstream's order.
///
/// # Errors
/// When the text is no YAML, or an object has no kind or name. The messages of the former begin with upstream's
/// `MalformedYAMLError`.
pub(crate) fn read_resources(text: &[u8], file: FileId) -> Result<Vec<Resource>, Error> {
    read_resources_from(text, file, 1)
}

/// Reads resources of a text that begins on a line of its file: a patch within a kustomization.
///
/// # Errors
/// As [`read_resources`].
pub(crate) fn read_resources_from(
    text: &[u8],
    file: FileId,
    first_line: u32,
) -> Result<Vec<Resource>, Error> {
    let documents = read_documents(text, file, first_line)?;
    let mut queue = std::collections::VecDeque::with_capacity(documents.len());
    for node in unwrap_list(documents) {
        enqueue(&mut queue, node)?;
    }
    let mut resources = Vec::with_capacity(queue.len());
    while let Some(mut node) = queue.pop_front() {
        let is_list = node.get("kind").and_then(Node::as_str).is_some_and(|kind| kind.ends_with("List"));
        match node.get_mut("items").filter(|_| is_list) {
            None => resources.push(Resource::new(node)),
            Some(items) => {
                // The items of a list go behind everything else of the file, as upstream has it.
                let place = items.place;
                match std::mem::replace(items, Node::null()) {
                    items if items.is_null() => {}
                    mut items => match items.items_mut() {
                        Some(items) => {
                            for item in items.drain(..) {
                                enqueue(&mut queue, item)?;
                            }
                        }
                        None => {
                            return Err(Error::new(ErrorKind::Resource, "expected array in items of a list")
                                .at(place));
                        }
                    },
                }
            }
        }
    }
    Ok(resources)
}

/// Reads the first document of a configuration file by the rules of YAML 1.1, aliases expanded.
///
/// # Errors
/// When the text is no YAML.
pub(crate) fn read_config(text: &[u8], file: FileId) -> Result<Option<Node>, Error> {
    let refuse =
        |error: gitops_yaml::Error| Error::new(ErrorKind::Syntax, error.to_string()).at(error.place());
    let Some(mut document) = read_document(text, file, &ReadOptions::yaml11()).map_err(refuse)? else {
        return Ok(None);
    };
    document.expand_merge_keys(MergeRule::LastWins, &Limits::default()).map_err(refuse)?;
    let root = document.root;
    Ok((!root.is_null()).then_some(root))
}

/// How many nodes an object may have; no API server takes a tenth of it.
const MOST_NODES: usize = 2_000_000;

/// Splits a text at its `---` lines and reads every part by itself, since upstream's reader does and anchors therefore
/// don't reach beyond a document.
fn read_documents(text: &[u8], file: FileId, text_line: u32) -> Result<Vec<Node>, Error> {
    let without_returns;
    let text = if memchr::memmem::find(text, b"\r\n").is_some() {
        without_returns = remove_returns(text);
        &without_returns
    } else {
        text
    };
    let parts = split_documents(text).map_err(|(line, message)| {
        let place = gitops_yaml::Place { file, line: line.saturating_add(text_line) - 1, column: 1 };
        Error::new(ErrorKind::Resource, message).at(place)
    })?;
    let mut nodes = Vec::with_capacity(parts.len());
    for (first_line, part) in parts {
        let refuse = |error: gitops_yaml::Error| {
            Error::new(ErrorKind::Syntax, format!("MalformedYAMLError: {error}")).at(error.place())
        };
        let limits = Limits { nodes: MOST_NODES, ..Limits::default() };
        let options =
            ReadOptions::v3().starting_at_line(first_line.saturating_add(text_line) - 1).with_limits(limits);
        let Some(mut document) = read_document(part, file, &options).map_err(refuse)? else { continue };
        if may_have_aliases(part) {
            document
                .expand_merge_keys(MergeRule::OwnKeysWin, &Limits::default())
                .map_err(|error| Error::new(ErrorKind::Resource, error.to_string()).at(error.place()))?;
        }
        if !document.root.is_null() {
            nodes.push(document.root);
        }
    }
    Ok(nodes)
}

/// Returns whether a text may hold anchors, aliases or merge keys; few do.
fn may_have_aliases(text: &[u8]) -> bool {
    memchr::memchr2(b'&', b'*', text).is_some() || memchr::memmem::find(text, b"<<").is_some()
}

fn remove_returns(text: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(text.len());
    let mut bytes = text.iter().peekable();
    while let Some(&byte) = bytes.next() {
        if byte != b'\r' || bytes.peek() != Some(&&b'\n') {
            kept.push(byte);
        }
    }
    kept
}

/// Returns the parts of a text with the lines on which they begin, counted from 1.
type Parts<'t> = Vec<(u32, &'t [u8])>;

/// Splits a text at lines that begin with `---`; only a comment may follow there. As upstream's, it wants the line
/// ended, and does not see a separator on the very first line or directly after another.
fn split_documents(text: &[u8]) -> Result<Parts<'_>, (u32, String)> {
    let mut parts = Vec::new();
    let (mut start, mut start_line) = (0, 1);
    let (mut at, mut line) = (0, 1);
    while let Some(found) = memchr::memmem::find(&text[at..], b"\n---").map(|found| at + found) {
        line += count_lines(&text[at..found]);
        let Some(length) = memchr::memchr(b'\n', &text[found + 1..]) else { break };
        let end = found + 1 + length;
        let rest = text[found + 4..end].trim_ascii();
        if !rest.is_empty() && rest[0] != b'#' {
            let separator = String::from_utf8_lossy(text[found + 1..end].trim_ascii());
            return Err((line + 1, format!("invalid document separator: {separator}")));
        }
        // The part keeps its final line break, which matters to block scalars.
        parts.push((start_line, &text[start..=found]));
        (start, start_line) = (end + 1, line + 2);
        (at, line) = (start, start_line);
    }
    parts.push((start_line, &text[start..]));
    Ok(parts)
}

fn count_lines(text: &[u8]) -> u32 {
    u32::try_from(memchr::memchr_iter(b'\n', text).count()).unwrap_or(u32::MAX / 2)
}

/// Takes the items out of a `List` that is a text's only document.
fn unwrap_list(mut documents: Vec<Node>) -> Vec<Node> {
    if let [document] = &mut documents[..] {
        let kind = document.get("kind").and_then(Node::as_str);
        let is_list = matches!(kind, Some("List" | "ResourceList"));
        if is_list && let Some(items) = document.get_mut("items").and_then(Node::items_mut) {
            return std::mem::take(items);
        }
    }
    documents
}

/// Adds a node that is an object, or nothing at all, to the queue.
fn enqueue(queue: &mut std::collections::VecDeque<Node>, node: Node) -> Result<(), Error> {
    if is_null_or_empty(&node) {
        return Ok(());
    }
    check_object(&node)?;
    queue.push_back(node);
    Ok(())
}

/// Checks that an object says what it is.
///
/// # Errors
/// When it has no kind or no name; lists need no name.
pub(crate) fn check_object(node: &Node) -> Result<(), Error> {
    let refuse = |message: String| Err(Error::new(ErrorKind::Resource, message).at(node.place));
    let text = |value: Option<&Node>| {
        value.filter(|value| !is_null_or_empty(value)).and_then(Node::as_str).unwrap_or_default().to_owned()
    };
    let kind = text(node.get("kind"));
    let metadata = node.get("metadata");
    let name = text(metadata.and_then(|metadata| metadata.get("name")));
    if kind.is_empty() {
        let api_version = text(node.get("apiVersion"));
        if !node.is_mapping() || (api_version.is_empty() && metadata.is_none_or(is_null_or_empty)) {
            return refuse("missing Resource metadata".to_owned());
        }
        return refuse(format!("missing kind in object {{{{{api_version} }} {{{{{name} }} map[] map[]}}}}"));
    }
    if name.is_empty() && !kind.ends_with("List") {
        let api_version = text(node.get("apiVersion"));
        let mut message =
            format!("missing metadata.name in object {{{{{api_version} {kind}}} {{{{ }} map[] map[]}}}}");
        if metadata.is_some_and(|metadata| metadata.get("generateName").is_some()) {
            message.push_str(" (generateName is not supported: the build needs names to refer to)");
        }
        return refuse(message);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<(u32, &str)> {
        let parts = split_documents(text.as_bytes()).unwrap();
        parts.into_iter().map(|(line, part)| (line, std::str::from_utf8(part).unwrap())).collect()
    }

    #[test]
    fn parts_know_their_first_line() {
        assert_eq!(split("a: 1\n--- # x\nb: 2\n\n---\nc: 3"), [(1, "a: 1\n"), (3, "b: 2\n\n"), (6, "c: 3")]);
        assert_eq!(split("---\na: 1\n---"), [(1, "---\na: 1\n---")]);
    }

    #[test]
    fn text_after_a_separator_is_refused() {
        let (line, message) = split_documents(b"a: 1\n--- b: 2\nc: 3\n").unwrap_err();
        assert_eq!((line, message.as_str()), (2, "invalid document separator: --- b: 2"));
    }
}
