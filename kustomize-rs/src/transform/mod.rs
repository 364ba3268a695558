//! The steps that change resources: one transformer a file.

use gitops_core::schema::Schema;
use gitops_yaml::Files;

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
}

impl<'a> Context<'a> {
    /// Makes a context.
    #[must_use]
    pub fn new(files: &'a Files, schema: &'a Schema) -> Self {
        Self { files, schema }
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
