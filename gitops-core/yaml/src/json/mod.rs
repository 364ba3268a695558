//! JSON as Go's encoding/json reads and prints it.

mod read;
mod through;
mod write;

pub use read::from_json;
pub(crate) use through::{
    binary_bytes, escaped_length, lossy_text, through_json, unsupported_float, unsupported_key,
};
pub use write::{HtmlEscape, JsonPrinter, to_json, to_json_with};
