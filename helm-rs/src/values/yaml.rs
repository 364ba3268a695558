//! Values from YAML: `values.yaml` and the files of `-f`.

use std::sync::Arc;

use gitops_yaml::Place;

use super::{Table, Value};
use crate::decode::{self, Field};
use crate::{Error, ErrorKind};

/// Reads values: the documents of a text, each laid over those before it.
///
/// `file` is named in the report of an error; the message itself is Helm's and names no file.
///
/// # Errors
/// When a document is not YAML or no table, in Helm's words.
///
/// ```
/// use helm_rs::values::load_values;
/// let values = load_values(b"a: {b: 1, c: 2}\n---\na: {b: 3}\n", "values.yaml")?;
/// assert_eq!(values["a"].to_string(), "{\"b\":3,\"c\":2}");
/// # Ok::<(), helm_rs::Error>(())
/// ```
pub fn load_values(text: &[u8], file: &str) -> Result<Table, Error> {
    let mut values = Table::new();
    for (first_line, document) in documents(text, file)? {
        let read = decode::parse_from_line(document, first_line).and_then(|node| {
            Ok(decode::object(&node, &Field::ROOT, GO_TYPE)?.map(|_| Value::from_node(&node)))
        });
        let read = read.map_err(|error| {
            error.into_error(ErrorKind::Values, file, text).within("cannot unmarshal yaml document")
        })?;
        if let Some(Value::Table(table)) = read {
            if values.is_empty() {
                values = Arc::unwrap_or_clone(table);
            } else {
                merge_tables(&mut values, &table);
            }
        }
    }
    Ok(values)
}

const GO_TYPE: &str = "map[string]interface {}";

/// Reads the first document of a text as values, for the type that Go's errors name.
pub(crate) fn read_values_document(text: &[u8], go_type: &str) -> Result<Table, String> {
    let node = decode::parse(text).map_err(|error| error.message)?;
    decode::object(&node, &Field::ROOT, go_type).map_err(|error| error.message)?;
    Ok(Value::from_node(&node).as_table().cloned().unwrap_or_default())
}

fn documents<'a>(text: &'a [u8], file: &str) -> Result<Vec<(u32, &'a [u8])>, Error> {
    let (found, mistake) = kubernetes_documents(text);
    let Some((line, separator)) = mistake else { return Ok(found) };
    let place = Place { line, column: 1, ..Place::NONE };
    let message = format!("error reading yaml document: invalid Yaml document separator: {separator}");
    Err(Error::new(ErrorKind::Values, message).at(decode::site(file, place, text)))
}

/// A document and the line it begins on.
type Numbered<'a> = (u32, &'a [u8]);

/// Cuts a text at its lines `---`, as Kubernetes' readers do; each document comes with the line it begins on. Such a line
/// may hold nothing else but a comment; the first that does ends the reading and is returned as well.
pub(crate) fn kubernetes_documents(text: &[u8]) -> (Vec<Numbered<'_>>, Option<(u32, String)>) {
    let mut found = Vec::new();
    let (mut start, mut first_line) = (0, 1);
    let (mut at, mut line_number) = (0, 1);
    while at < text.len() {
        let end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |length| at + length + 1);
        if let Some(rest) = text[at..end].strip_prefix(b"---") {
            let rest = rest.trim_ascii();
            if !rest.is_empty() && !rest.starts_with(b"#") {
                return (found, Some((line_number, String::from_utf8_lossy(rest).into_owned())));
            }
            // A separator above all content is part of the document that it begins.
            if at > start {
                found.push((first_line, &text[start..at]));
                (start, first_line) = (end, line_number + 1);
            }
        }
        line_number += 1;
        at = end;
    }
    if start < text.len() {
        found.push((first_line, &text[start..]));
    }
    (found, None)
}

/// Lays a table over another one: tables are merged, everything else is replaced, by nulls too.
pub fn merge_tables(under: &mut Table, over: &Table) {
    for (key, value) in over {
        if let (Some(Value::Table(under)), Value::Table(over)) = (under.get_mut(key), value) {
            merge_tables(Arc::make_mut(under), over);
        } else {
            under.insert(key.clone(), value.clone());
        }
    }
}
