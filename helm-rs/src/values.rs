//! Values: the tree that templates read, how it is read from files and `--set`, and how a user's values and the
//! defaults of all charts become one.

mod coalesce;
mod dependencies;
mod set;
mod user;
mod value;
mod yaml;

pub use coalesce::{Nulls, coalesce, coalesce_tables};
pub use dependencies::process_dependencies;
pub(crate) use set::json_mistake;
pub use set::{SetKind, set};
pub use user::UserValues;
pub(crate) use value::printed;
pub use value::{Table, Value};
pub(crate) use yaml::{kubernetes_documents, read_values_document};
pub use yaml::{load_values, merge_tables};
