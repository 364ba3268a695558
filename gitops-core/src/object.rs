//! What Kubernetes objects have in common: identity, labels and the selectors over them, the order of applying.

mod id;
mod order;
mod qualified_name;
mod selector;
mod value;

pub use id::{Gvk, ObjectId};
pub use order::{ApplyStage, apply_order};
pub use selector::{Selector, SelectorError};
pub use value::same_value;
