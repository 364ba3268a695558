//! Sets labels: on objects, and where asked for in selectors and templates.

use std::collections::BTreeMap;

use gitops_yaml::Str;

use super::set::set_entries;
use super::{Context, Transformer};
use crate::error::Error;
use crate::field_spec::{FieldSpec, merge_all, merge_one};
use crate::field_specs::FieldSpecs;
use crate::kustomization::Label;
use crate::resource_map::ResourceMap;

/// Sets labels in the fields that its specs name.
#[derive(Clone, Debug, Default)]
pub(crate) struct LabelTransformer {
    pub(crate) labels: BTreeMap<Str, Str>,
    pub(crate) fields: Vec<FieldSpec>,
}

impl LabelTransformer {
    /// Makes the transformer of one entry of `labels`.
    ///
    /// # Errors
    /// When the entry's own fields and those of the configuration say otherwise about making a field.
    pub(crate) fn of_entry(label: &Label, specs: &FieldSpecs) -> Result<Self, Error> {
        let mut fields = label.fields.clone();
        let failed = |error: Error| error.within("failed to merge labels");
        merge_all(&mut fields, &specs.labels).map_err(failed)?;
        if label.include_selectors {
            merge_all(&mut fields, &specs.common_labels).map_err(failed)?;
        } else {
            if label.include_templates {
                merge_all(&mut fields, &specs.template_labels)
                    .map_err(|error| error.within("failed to merge template fieldSpec"))?;
            }
            if label.include_volume_claim_templates {
                merge_all(&mut fields, &specs.volume_claim_template_labels)
                    .map_err(|error| error.within("failed to merge volumeClaimTemplate fieldSpec"))?;
            }
            merge_one(&mut fields, FieldSpec::everywhere("metadata/labels", true)).map_err(failed)?;
        }
        Ok(Self { labels: label.pairs.clone(), fields })
    }
}

impl Transformer for LabelTransformer {
    fn transform(&self, resources: &mut ResourceMap, _: &Context<'_>) -> Result<(), Error> {
        if self.labels.is_empty() {
            return Ok(());
        }
        for resource in resources.iter_mut() {
            set_entries(resource, &self.fields, &self.labels)?;
        }
        Ok(())
    }
}
