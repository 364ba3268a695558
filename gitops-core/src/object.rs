//! What Kubernetes objects have in common: labels and the selectors over them.

mod qualified_name;
mod selector;

pub use selector::{Selector, SelectorError};
