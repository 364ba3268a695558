//! Custom resource definitions: the kinds that they add, and the schemas that their objects obey.

mod check;
mod definition;
mod format;
mod schema;
mod shape;

pub(crate) use check::{check, check_scale};
pub(crate) use definition::{FINALIZER, is_definition, terminate};
pub use schema::Structural;
pub(crate) use shape::read;
