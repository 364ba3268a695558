//! The steps that change resources: one transformer a file.

mod affix;
pub(crate) mod annotations;
mod field_path;
pub(crate) mod images;
pub(crate) mod json_patch;
pub(crate) mod labels;
mod links;
pub(crate) mod namespace;
pub(crate) mod patch;
pub(crate) mod patch_json6902;
pub(crate) mod patch_strategic_merge;
mod pattern;
pub(crate) mod prefix;
pub(crate) mod replacement;
pub(crate) mod replicas;
mod select;
mod set;
mod strategic;
pub(crate) mod suffix;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod value_add;

use std::cell::RefCell;

use gitops_core::schema::Schema;
use gitops_yaml::Files;

use crate::build::Budget;
use crate::error::Error;
use crate::resource_map::ResourceMap;

/// What a transformer may know beside the resources.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Context<'a> {
    /// The names of the files that nodes were read from.
    pub files: &'a Files,
    /// What is known about kinds.
    pub schema: &'a Schema,
    /// Takes what is no error upstream and yet is probably a slip.
    pub(crate) notes: Option<&'a RefCell<Vec<String>>>,
    /// What may still be made; without one, anything.
    budget: Option<&'a Budget>,
}

impl<'a> Context<'a> {
    /// Makes a context.
    #[must_use]
    pub fn new(files: &'a Files, schema: &'a Schema) -> Self {
        Self { files, schema, notes: None, budget: None }
    }

    pub(crate) fn noting(self, notes: &'a RefCell<Vec<String>>) -> Self {
        Self { notes: Some(notes), ..self }
    }

    pub(crate) fn within(self, budget: &'a Budget) -> Self {
        Self { budget: Some(budget), ..self }
    }

    /// Counts bytes that a transformer puts into resources.
    pub(crate) fn take(&self, bytes: usize) -> Result<(), Error> {
        self.budget.map_or(Ok(()), |budget| budget.take(bytes))
    }

    /// Counts bytes that a transformer puts into each resource.
    pub(crate) fn take_for_each(&self, resources: &ResourceMap, bytes: usize) -> Result<(), Error> {
        self.take(bytes.saturating_mul(resources.len()))
    }

    /// Returns how many bytes may still be made.
    pub(crate) fn left(&self) -> usize {
        self.budget.map_or(usize::MAX, Budget::left)
    }

    pub(crate) fn note(&self, text: impl FnOnce() -> String) {
        if let Some(notes) = self.notes {
            notes.borrow_mut().push(text());
        }
    }
}

/// One step that changes resources: adds, removes, renames or edits them.
pub trait Transformer {
    /// Changes the resources.
    ///
    /// # Errors
    /// Returns an error where upstream's transformer of the same name refuses.
    fn transform(&self, resources: &mut ResourceMap, context: &Context<'_>) -> Result<(), Error>;
}
