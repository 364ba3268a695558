//! What prefixes and suffixes of names have in common: whom they skip and what they remember.

use gitops_yaml::{Node, Str};

use super::set::for_each_field;
use crate::error::Error;
use crate::field_spec::{FieldSpec, NewField};
use crate::id::Gvk;
use crate::resource::History;
use crate::resource_map::ResourceMap;

/// Changes the names that the specs lead to. `remember` notes the affix itself in the history of whoever is renamed.
pub(super) fn rename(
    resources: &mut ResourceMap,
    affix: &Str,
    fields: &[FieldSpec],
    remember: fn(&mut History) -> &mut Vec<Str>,
    set: &mut dyn FnMut(&mut Node) -> Result<(), Error>,
) -> Result<(), Error> {
    for position in 0..resources.len() {
        let Some(resource) = resources.get(position) else { continue };
        let original = resources.original_id(resource).gvk;
        if keeps_its_name(&original) {
            continue;
        }
        for spec in fields.iter().filter(|spec| spec.selects(&original)) {
            if spec.path == "metadata/name" && !affix.is_empty() {
                resources.store_previous_id(position);
                if let Some(resource) = resources.get_mut(position) {
                    remember(&mut resource.history).push(affix.clone());
                }
            }
            if let Some(resource) = resources.get_mut(position) {
                for_each_field(resource, std::slice::from_ref(spec), NewField::Scalar, set)?;
            }
        }
    }
    Ok(())
}

/// Names of these kinds mean something by themselves.
fn keeps_its_name(gvk: &Gvk) -> bool {
    match gvk.kind.as_str() {
        "CustomResourceDefinition" | "Namespace" => true,
        "APIService" => gvk.group == "apiregistration.k8s.io",
        _ => false,
    }
}
