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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::testing::check;

    use crate::transform::testing::resources;

    #[test]
    fn a_patch_may_delete_its_target() {
        let patches = resources("{apiVersion: v1, kind: Pod, metadata: {name: a}, $patch: delete}");
        check(
            &PatchStrategicMergeTransformer { patches },
            "{apiVersion: v1, kind: Pod, metadata: {name: a}}\n---\n{apiVersion: v1, kind: Pod, metadata: {name: b}}\n",
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: b\n",
        );
    }
}
