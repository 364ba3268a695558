//! `patchesJson6902`, the form of JSON patches before `patches`.

use gitops_core::merge::JsonPatch;

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
}

impl PatchJson6902Transformer {
    /// Makes the transformer.
    ///
    /// # Errors
    /// When the target has no name or malformed patterns.
    pub(crate) fn new(target: &Selector, patch: JsonPatch) -> Result<Self, Error> {
        if target.name.is_empty() {
            return Err(Error::new(ErrorKind::Kustomization, "must specify the target name"));
        }
        Ok(Self { target: ResourceSelector::new(target)?, patch })
    }
}

impl Transformer for PatchJson6902Transformer {
    fn transform(&self, resources: &mut ResourceMap, _: &Context<'_>) -> Result<(), Error> {
        for position in self.target.select(resources)? {
            if let Some(resource) = resources.get_mut(position) {
                let annotations = if resource.has_internal_annotations() {
                    Annotations::Exist
                } else {
                    Annotations::AsWritten
                };
                json_patch::apply(resource, &self.patch, annotations)?;
            }
        }
        Ok(())
    }
}
