//! What the API server fills in where a field of a built-in kind is not set.

use crate::kinds::Resource;
use crate::value::Value;

/// Fills in an object.
pub(crate) fn fill(resource: &Resource, object: &mut Value) {
    let _ = (resource, object);
}

/// Sets what a new object starts with.
pub(crate) fn initial(resource: &Resource, object: &mut Value) {
    let _ = (resource, object);
}

/// Gives out addresses and ports.
pub(crate) fn allocate(resource: &Resource, object: &mut Value, world: &mut dyn crate::store::Surroundings) {
    let _ = (resource, object, world);
}

/// Keeps what was given out.
pub(crate) fn keep_allocated(resource: &Resource, before: &Value, object: &mut Value) {
    let _ = (resource, before, object);
}
