//! Sets annotations on objects and on the templates of their pods.

use std::collections::BTreeMap;

use gitops_yaml::Str;

use super::set::{set_entries, weight_of};
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
    fn transform(&self, resources: &mut ResourceMap, context: &Context<'_>) -> Result<(), Error> {
        if self.annotations.is_empty() {
            return Ok(());
        }
        context.take_for_each(resources, weight_of(&self.annotations))?;
        for resource in resources.iter_mut() {
            set_entries(resource, &self.fields, &self.annotations)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::testing::check;

    #[test]
    fn annotations_are_strings_in_objects_and_templates() {
        let transformer = AnnotationsTransformer {
            annotations: BTreeMap::from([(Str::from("on"), Str::from("true"))]),
            fields: crate::field_specs::FieldSpecs::builtin().common_annotations,
        };
        check(
            &transformer,
            "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: d, annotations: null}}",
            "apiVersion: apps/v1\nkind: DaemonSet\nmetadata:\n  annotations:\n    \"on\": \"true\"\n  name: d\nspec:\n  \
             template:\n    metadata:\n      annotations:\n        \"on\": \"true\"\n",
        );
    }
}
