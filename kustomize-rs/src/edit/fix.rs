//! `fix`: moves deprecated fields to the ones that took their place.

use gitops_core::tree::{Source, join};
use gitops_yaml::Node;

use super::shape::{KUSTOMIZATION, text};
use super::{KustomizationFile, put, refuse, sequence_of};
use crate::error::Error;

impl KustomizationFile {
    /// Moves `patchesJson6902` and `patchesStrategicMerge` to `patches` and `commonLabels` to `labels`. An entry that
    /// names a file of the directory becomes a path, any other a patch in place.
    ///
    /// # Errors
    /// When `commonLabels` and `labels` share a name.
    pub fn fix(&mut self, source: &dyn Source, directory: &str) -> Result<(), Error> {
        let mut patches = self.items("patches");
        patches.extend(self.items("patchesJson6902"));
        for patch in self.texts("patchesStrategicMerge") {
            let is_file =
                !patch.contains('\n') && join(directory, &patch).is_ok_and(|path| source.is_file(&path));
            let mut entry = Node::mapping(Vec::new());
            put(&mut entry, if is_file { "path" } else { "patch" }, text(patch));
            patches.push(entry);
        }
        self.put_items("patches", patches);
        self.put_items("patchesJson6902", Vec::new());
        self.put("patchesStrategicMerge", sequence_of(Vec::new()));
        let Some(common) = self.data.remove("commonLabels") else { return Ok(()) };
        let mut labels = self.items("labels");
        for key in common.entries().unwrap_or_default().iter().filter_map(|entry| entry.key.as_str()) {
            if labels.iter().any(|entry| entry.get("pairs").is_some_and(|pairs| pairs.get(key).is_some())) {
                return Err(refuse(format!("label name '{key}' exists in both commonLabels and labels")));
            }
        }
        let mut entry = Node::mapping(Vec::new());
        entry.set("includeSelectors", Node::bool(true));
        entry.set("pairs", common);
        labels.push(entry);
        self.put_items("labels", labels);
        self.data = KUSTOMIZATION.canonical(Some(&self.data));
        Ok(())
    }
}
