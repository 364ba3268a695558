//! Custom resource definitions: the kinds that they add, and the schemas that their objects obey.

mod check;
mod definition;
mod format;
mod schema;
mod shape;

pub(crate) use check::check;
pub(crate) use definition::{FINALIZER, is_definition};
pub use schema::Structural;
pub(crate) use shape::read;
