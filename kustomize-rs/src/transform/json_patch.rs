//! Applies JSON patches to resources.

use gitops_core::merge::{JsonPatch, MergeError};
use gitops_yaml::{Dialect, FileId, ReadOptions, from_json, read_document};

use super::Context;
use super::set::{add_annotations, remove_empty_annotations, shown_id};
use crate::error::{Error, ErrorKind};
use crate::resource::Resource;

/// How large a patch may be, in bytes. No API server takes an object that is half of it.
const LARGEST: usize = 8 << 20;

/// Reads a JSON patch written as JSON or YAML.
///
/// # Errors
/// When the text is neither, or no list of operations.
pub(crate) fn read(text: &str, file: FileId, first_line: u32) -> Result<JsonPatch, Error> {
    let syntax =
        |error: gitops_yaml::Error| Error::new(ErrorKind::Syntax, error.to_string()).at(error.place());
    let wrong = |error: MergeError| Error::new(ErrorKind::Patch, error.message()).at(error.place());
    if text.is_empty() {
        return Err(Error::new(ErrorKind::Patch, "empty json patch operations"));
    }
    if text.len() > LARGEST {
        return Err(Error::new(ErrorKind::Limit, format!("the patch is larger than {LARGEST} bytes")));
    }
    if text.starts_with('[') {
        let node = from_json(text, file).map_err(|error| {
            let hint = "a patch that begins with '[' is read as JSON: quote its keys and texts, or write a list of YAML";
            Error::new(ErrorKind::Syntax, error.to_string()).hinting(hint)
        })?;
        return JsonPatch::read(&node, Dialect::V3).map_err(wrong);
    }
    let options = ReadOptions::yaml11().starting_at_line(first_line);
    match read_document(text.as_bytes(), file, &options).map_err(syntax)? {
        Some(document) => JsonPatch::read(&document.root, Dialect::Yaml11).map_err(wrong),
        None => Ok(JsonPatch::default()),
    }
}

/// Whether a patch finds `metadata.annotations` where the manifest has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Annotations {
    /// They are there, because upstream keeps a resource's history in them.
    Exist,
    /// They are not.
    AsWritten,
}

/// Patches a resource.
pub(super) fn apply(
    resource: &mut Resource,
    patch: &JsonPatch,
    annotations: Annotations,
    context: &Context<'_>,
) -> Result<(), Error> {
    let added = annotations == Annotations::Exist && add_annotations(&mut resource.node);
    let before = context.left();
    let mut left = before;
    let outcome = patch.apply_within(&mut resource.node, &mut left);
    context.take(before - left)?;
    if added {
        remove_empty_annotations(&mut resource.node);
    }
    outcome.map_err(|error| {
        let message = format!("{} (in {})", error.message(), shown_id(resource));
        Error::new(ErrorKind::Patch, message).at(error.place())
    })
}
