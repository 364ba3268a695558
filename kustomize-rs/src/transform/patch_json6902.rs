//! `patchesJson6902`, the form of JSON patches before `patches`.

use gitops_core::merge::JsonPatch;
use gitops_yaml::Place;

use super::json_patch::{self, Annotations};
use super::select::ResourceSelector;
use super::{Context, Transformer};
use crate::error::{Error, ErrorKind};
use crate::kustomization::Selector;
use crate::resource_map::ResourceMap;

/// One JSON patch and what it applies to.
#[derive(Clone, Debug)]
pub(crate) struct PatchJson6902Transformer {
    target: ResourceSelector,
    patch: JsonPatch,
    /// Where the kustomization names the patch.
    place: Place,
}

impl PatchJson6902Transformer {
    /// Makes the transformer.
    ///
    /// # Errors
    /// When the target has no name or malformed patterns.
    pub(crate) fn new(target: &Selector, patch: JsonPatch, place: Place) -> Result<Self, Error> {
        if target.name.is_empty() {
            return Err(Error::new(ErrorKind::Kustomization, "must specify the target name"));
        }
        Ok(Self { target: ResourceSelector::new(target)?, patch, place })
    }
}

impl Transformer for PatchJson6902Transformer {
    fn transform(&self, resources: &mut ResourceMap, context: &Context<'_>) -> Result<(), Error> {
        let selected = self.target.select(resources)?;
        if selected.is_empty() {
            self.target.note_nothing_selected(self.place, resources, context);
        }
        for position in selected {
            if let Some(resource) = resources.get_mut(position) {
                let annotations = if resource.has_internal_annotations() {
                    Annotations::Exist
                } else {
                    Annotations::AsWritten
                };
                json_patch::apply(resource, &self.patch, annotations, context)?;
            }
        }
        Ok(())
    }
}
