//! `patchesStrategicMerge`, the form of strategic merge patches before `patches`.

use super::strategic::apply_to_all;
use super::{Context, Transformer};
use crate::error::Error;
use crate::resource::Resource;
use crate::resource_map::ResourceMap;

/// Strategic merge patches, each for the one resource of its own id.
#[derive(Clone, Debug, Default)]
pub(crate) struct PatchStrategicMergeTransformer {
    pub(crate) patches: Vec<Resource>,
}

impl Transformer for PatchStrategicMergeTransformer {
    fn transform(&self, resources: &mut ResourceMap, context: &Context<'_>) -> Result<(), Error> {
        for patch in &self.patches {
            let id = resources.original_id(patch);
            let position = resources.target_of_patch(&id).map_err(|error| error.at(patch.place()))?;
            apply_to_all(resources, &[position], patch, context)?;
        }
        Ok(())
    }
}
