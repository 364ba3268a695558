//! Sets annotations on objects and on the templates of their pods.

use std::collections::BTreeMap;

use gitops_yaml::Str;

use super::set::set_entries;
use super::{Context, Transformer};
use crate::error::Error;
use crate::field_spec::FieldSpec;
use crate::resource_map::ResourceMap;

/// Sets annotations in the fields that its specs name.
#[derive(Clone, Debug, Default)]
pub(crate) struct AnnotationsTransformer {
    pub(crate) annotations: BTreeMap<Str, Str>,
    pub(crate) fields: Vec<FieldSpec>,
}

impl Transformer for AnnotationsTransformer {
    fn transform(&self, resources: &mut ResourceMap, _: &Context<'_>) -> Result<(), Error> {
        if self.annotations.is_empty() {
            return Ok(());
        }
        for resource in resources.iter_mut() {
            set_entries(resource, &self.fields, &self.annotations)?;
        }
        Ok(())
    }
}
