//! Nodes and serde: any type that serde knows is read from YAML and printed as YAML, with errors that say where.

mod de;
mod error;
mod ser;

pub use de::{from_node, from_str};
pub use error::{DecodeError, UnknownField};
pub use ser::{to_node, to_string};
