//! Who owns which field: sets of field paths, and the merging that server-side apply is made of.

mod compare;
mod managers;
mod merge;
mod prune;
mod set;
mod shape;
mod step;
mod to_set;
mod v1;
mod validate;

pub(crate) use managers::{FieldChange, Identity, ManagedEntry, Managers, Operation, Versions};

pub(crate) use set::FieldSet;
pub(crate) use step::Step;

pub(crate) use validate::{Duplicates, validate};
