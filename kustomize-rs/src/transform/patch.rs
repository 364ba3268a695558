//! `patches`: strategic merge or JSON patches, told apart by what they parse as.

use gitops_core::merge::JsonPatch;
use gitops_yaml::Place;

use super::json_patch::{self, Annotations};
use super::select::ResourceSelector;
use super::strategic::apply;
use super::{Context, Transformer};
use crate::error::{Error, ErrorKind};
use crate::kustomization::{PatchOptions, Selector};
use crate::resource::Resource;
use crate::resource_map::ResourceMap;

/// One entry of `patches`, read and told apart.
#[derive(Clone, Debug)]
pub(crate) struct PatchTransformer {
    /// Where the patch came from, as errors name it.
    source: String,
    patch: Kind,
    target: Option<ResourceSelector>,
    /// Where the kustomization names the patch.
    place: Place,
}

#[derive(Clone, Debug)]
enum Kind {
    Strategic(Vec<Resource>),
    Json(JsonPatch),
}

impl PatchTransformer {
    /// Tells what a patch is. `source` names it in errors, `[path: "p.yaml"]` or `[patch: "…"]`; `resources` is what its
    /// text reads as resources, `operations` what it reads as a JSON patch.
    ///
    /// # Errors
    /// When the text is neither or both, or the target's patterns are malformed.
    pub(crate) fn new(
        source: String,
        resources: Result<Vec<Resource>, Error>,
        operations: Result<JsonPatch, Error>,
        target: Option<&Selector>,
        options: PatchOptions,
    ) -> Result<Self, Error> {
        let is_some = |patch: &JsonPatch| !patch.is_empty();
        if resources.as_ref().is_ok_and(|resources| !resources.is_empty())
            && operations.as_ref().is_ok_and(is_some)
        {
            let message = format!("illegally qualifies as both an SM and JSON patch: {source}");
            return Err(Error::new(ErrorKind::Patch, message));
        }
        let patch = match (resources, operations) {
            (Ok(mut resources), _) => {
                for resource in &mut resources {
                    resource.history.allow_name_change |= options.allow_name_change;
                    resource.history.allow_kind_change |= options.allow_kind_change;
                }
                Kind::Strategic(resources)
            }
            (Err(_), Ok(operations)) => Kind::Json(operations),
            // Broken JSON is named as such, and so is what is too large.
            (Err(strategic), Err(json)) => {
                let is_limit = json.kind() == ErrorKind::Limit;
                let error = if json.suggestion().is_empty() && !is_limit { strategic } else { json };
                return Err(error.within(format!("unable to parse SM or JSON patch from {source}")));
            }
        };
        let target = target.map(ResourceSelector::new).transpose()?;
        Ok(Self { source, patch, target, place: Place::NONE })
    }

    /// Says where the kustomization names the patch.
    pub(crate) fn named_at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    fn merge(
        &self,
        patches: &[Resource],
        resources: &mut ResourceMap,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        let Some(target) = &self.target else {
            for patch in patches {
                let id = resources.original_id(patch);
                let position = resources.target_of_patch(&id).map_err(|error| {
                    let circumstance = format!("no resource matches strategic merge patch \"{id}\"");
                    error.at(patch.place()).within(circumstance)
                })?;
                apply(resources, position, patch, context)?;
            }
            return Ok(());
        };
        let [patch] = patches else {
            if patches.is_empty() {
                return Ok(());
            }
            let message = format!(
                "Multiple Strategic-Merge Patches in one `patches` entry is not allowed to set `patches.target` field: {}",
                self.source
            );
            return Err(Error::new(ErrorKind::Patch, message));
        };
        let selected = target.select(resources)?;
        if selected.is_empty() {
            target.note_nothing_selected(self.place, resources, context);
        }
        super::strategic::apply_to_all(resources, &selected, patch, context)
    }
}

impl Transformer for PatchTransformer {
    fn transform(&self, resources: &mut ResourceMap, context: &Context<'_>) -> Result<(), Error> {
        match (&self.patch, &self.target) {
            (Kind::Strategic(patches), _) => self.merge(patches, resources, context),
            (Kind::Json(_), None) => {
                let message = format!("must specify a target for JSON patch {}", self.source);
                Err(Error::new(ErrorKind::Patch, message))
            }
            (Kind::Json(patch), Some(target)) => {
                let selected = target.select(resources)?;
                if selected.is_empty() {
                    target.note_nothing_selected(self.place, resources, context);
                }
                for position in selected {
                    resources.store_previous_id(position);
                    if let Some(resource) = resources.get_mut(position) {
                        // Upstream has just written the id into annotations, so that there always are some.
                        json_patch::apply(resource, patch, Annotations::Exist, context)?;
                    }
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::testing::{check, map, run};

    use crate::transform::testing::resources;
    use gitops_yaml::{FileId, Str};

    const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 1\n";

    fn transformer(
        text: &str,
        target: Option<&Selector>,
        options: PatchOptions,
    ) -> Result<PatchTransformer, Error> {
        let operations = json_patch::read(text, FileId::NONE, 1);
        let is_resource = text.contains("kind");
        let read =
            if is_resource { Ok(resources(text)) } else { Err(Error::new(ErrorKind::Resource, "no kind")) };
        PatchTransformer::new("[patch: x]".to_owned(), read, operations, target, options)
    }

    fn target(name: &str) -> Option<Selector> {
        Some(Selector { name: name.into(), ..Selector::default() })
    }

    #[test]
    fn a_target_keeps_its_name_and_kind_unless_allowed_otherwise() {
        let patch = "{apiVersion: v1, kind: Other, metadata: {name: new}, spec: {replicas: 3}}";
        let kept = WEB.replace(": 1\n", ": 3\n");
        check(&transformer(patch, target("w.b").as_ref(), PatchOptions::default()).unwrap(), WEB, &kept);
        let options = PatchOptions { allow_name_change: true, allow_kind_change: true };
        let renamed = kept.replace("web", "new").replace("Deployment", "Other");
        check(&transformer(patch, target("web").as_ref(), options).unwrap(), WEB, &renamed);
    }

    #[test]
    fn a_patch_without_a_target_must_match_by_its_id() {
        let patch = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: gone}}";
        check(
            &transformer(patch, None, PatchOptions::default()).unwrap(),
            WEB,
            "no resource matches strategic merge patch \"Deployment.v1.apps/gone.[noNs]\": no matches for Id \
             Deployment.v1.apps/gone.[noNs]; failed to find unique target for patch Deployment.v1.apps/gone.[noNs]",
        );
    }

    #[test]
    fn json_patches_are_told_by_what_they_are() {
        let patch = "- {op: replace, path: /spec/replicas, value: 5}\n- {op: add, path: /metadata/annotations/a, value: b}";
        let mut map = map(WEB);
        run(&transformer(patch, target("web").as_ref(), PatchOptions::default()).unwrap(), &mut map).unwrap();
        let web = map.get(0).unwrap();
        assert_eq!(web.node.at_path(&["spec", "replicas"]).unwrap().as_str(), Some("5"));
        assert_eq!(web.annotation("a"), Some("b"));
        assert_eq!(web.history.previous[0].name, Str::from("web"));
        check(
            &transformer(patch, None, PatchOptions::default()).unwrap(),
            WEB,
            "must specify a target for JSON patch [patch: x]",
        );
        let error = transformer("nonsense", None, PatchOptions::default()).unwrap_err();
        assert!(error.to_string().starts_with("unable to parse SM or JSON patch from [patch: x]"), "{error}");
    }
}
