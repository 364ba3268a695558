//! Sets labels: on objects, and where asked for in selectors and templates.

use std::collections::BTreeMap;

use gitops_yaml::Str;

use super::set::{set_entries, weight_of};
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
    fn transform(&self, resources: &mut ResourceMap, context: &Context<'_>) -> Result<(), Error> {
        if self.labels.is_empty() {
            return Ok(());
        }
        context.take_for_each(resources, weight_of(&self.labels))?;
        for resource in resources.iter_mut() {
            set_entries(resource, &self.fields, &self.labels)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::testing::{check, map, run, show};

    #[test]
    fn labels_reach_selectors_and_templates_where_asked_for() {
        let pairs = BTreeMap::from([(Str::from("app"), Str::from("yes"))]);
        let label = Label { pairs, include_selectors: true, ..Label::default() };
        let transformer = LabelTransformer::of_entry(&label, &FieldSpecs::builtin()).unwrap();
        check(
            &transformer,
            "{apiVersion: v1, kind: Service, metadata: {name: s, labels: {app: 'no', b: c}}}",
            "apiVersion: v1\nkind: Service\nmetadata:\n  labels:\n    app: \"yes\"\n    b: c\n  name: s\nspec:\n  selector:\n    app: \"yes\"\n",
        );
    }

    #[test]
    fn labels_stay_on_the_object_otherwise() {
        let pairs = BTreeMap::from([(Str::from("a"), Str::from("1"))]);
        let label = Label { pairs, ..Label::default() };
        let transformer = LabelTransformer::of_entry(&label, &FieldSpecs::builtin()).unwrap();
        check(
            &transformer,
            "{apiVersion: v1, kind: Service, metadata: {name: s}}",
            "apiVersion: v1\nkind: Service\nmetadata:\n  labels:\n    a: \"1\"\n  name: s\n",
        );
    }

    #[test]
    fn copies_of_an_added_label_follow_a_later_one() {
        let transformer = |value: &str, include_selectors| {
            let pairs = BTreeMap::from([(Str::from("app"), Str::from(value))]);
            let label = Label { pairs, include_selectors, ..Label::default() };
            LabelTransformer::of_entry(&label, &FieldSpecs::builtin()).unwrap()
        };
        let mut map = map("{apiVersion: v1, kind: Service, metadata: {name: s}}");
        run(&transformer("one", true), &mut map).unwrap();
        run(&transformer("two", false), &mut map).unwrap();
        assert_eq!(
            show(&map),
            "apiVersion: v1\nkind: Service\nmetadata:\n  labels:\n    app: two\n  name: s\nspec:\n  selector:\n    app: two\n"
        );
    }
}
