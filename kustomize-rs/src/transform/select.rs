//! Selects resources for patches and replacements by patterns and labels.

use gitops_core::object;
use gitops_yaml::{Place, Str};

use super::Context;
use super::pattern::Pattern;
use crate::candidates::Candidates;
use crate::error::{Error, ErrorKind};
use crate::id::{Gvk, ResourceId};
use crate::kustomization::Selector;
use crate::resource::Resource;
use crate::resource_map::ResourceMap;

/// A selector of a kustomization file, compiled.
#[derive(Clone, Debug)]
pub(super) struct ResourceSelector {
    group: Option<Pattern>,
    version: Option<Pattern>,
    kind: Option<Pattern>,
    name: Option<Pattern>,
    namespace: Option<Pattern>,
    // A malformed selector is an error only where a resource comes to be asked.
    labels: Result<object::Selector, String>,
    annotations: Result<object::Selector, String>,
    selects_by_text: bool,
    /// The kind and the name as they are written.
    written: (Str, Str),
}

impl ResourceSelector {
    pub(super) fn new(selector: &Selector) -> Result<Self, Error> {
        let pattern = |text: &Str| if text.is_empty() { Ok(None) } else { Pattern::whole(text).map(Some) };
        let labels = |text: &str| object::Selector::parse(text).map_err(|error| error.to_string());
        Ok(Self {
            group: pattern(&selector.group)?,
            version: pattern(&selector.version)?,
            kind: pattern(&selector.kind)?,
            name: pattern(&selector.name)?,
            namespace: pattern(&selector.namespace)?,
            labels: labels(&selector.label_selector),
            annotations: labels(&selector.annotation_selector),
            written: (selector.kind.clone(), selector.name.clone()),
            selects_by_text: !selector.label_selector.is_empty() || !selector.annotation_selector.is_empty(),
        })
    }

    /// Returns whether the selector names nothing of an id.
    pub(super) fn is_empty_of_id(&self) -> bool {
        [&self.group, &self.version, &self.kind, &self.name, &self.namespace]
            .iter()
            .all(|part| part.is_none())
    }

    /// Returns whether the selector has a label or annotation selector.
    pub(super) fn selects_by_text(&self) -> bool {
        self.selects_by_text
    }

    /// Returns the positions of all resources that are selected, by their original or their present name and namespace.
    pub(super) fn select(&self, resources: &mut ResourceMap) -> Result<Vec<usize>, Error> {
        let mut selected = Vec::new();
        for position in self.candidates(resources) {
            let Some(resource) = resources.get(position) else { continue };
            if self.matches_names(resources, resource)
                && self.matches_gvk(&resource.gvk())
                && self.matches_text(resource)?
            {
                selected.push(position);
            }
        }
        Ok(selected)
    }

    /// Takes note that a patch, named at `place`, selects nothing, and of what it could mean.
    pub(super) fn note_nothing_selected(&self, place: Place, resources: &ResourceMap, context: &Context<'_>) {
        let (kind, name) = &self.written;
        context.note(|| {
            let place = context.files.show(place);
            let place = if place.is_empty() { place } else { format!("{place}: ") };
            let instead = Candidates::like(resources, kind, name).show(context.files);
            format!("{place}the target of this patch selects nothing{instead}")
        });
    }

    /// Returns the positions of the resources that the name does not rule out.
    pub(super) fn candidates(&self, resources: &mut ResourceMap) -> Vec<usize> {
        match &self.name {
            Some(Pattern::Exactly(name)) => resources.with_any_name(name),
            _ => (0..resources.len()).collect(),
        }
    }

    /// Returns whether one of a resource's names, present or former, is selected.
    pub(super) fn may_be_named(&self, resource: &Resource) -> bool {
        self.name.as_ref().is_none_or(|name| {
            name.matches(&resource.name())
                || resource.history.previous.iter().any(|previous| name.matches(&previous.name))
        })
    }

    fn matches_names(&self, resources: &ResourceMap, resource: &Resource) -> bool {
        if let Some(name) = &self.name {
            let original = resource.history.previous.first().map(|previous| previous.name.as_str());
            if !original.is_some_and(|original| name.matches(original)) && !name.matches(&resource.name()) {
                return false;
            }
        }
        self.namespace.as_ref().is_none_or(|namespace| {
            namespace.matches(resources.original_id(resource).effective_namespace())
                || namespace.matches(resources.current_id(resource).effective_namespace())
        })
    }

    fn matches_gvk(&self, gvk: &Gvk) -> bool {
        let matches = |pattern: &Option<Pattern>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| pattern.matches(text))
        };
        matches(&self.kind, &gvk.kind)
            && matches(&self.group, &gvk.group)
            && matches(&self.version, &gvk.version)
    }

    /// Returns whether one id is selected; here namespaces count as they are written.
    pub(super) fn matches_id(&self, id: &ResourceId) -> bool {
        let matches = |pattern: &Option<Pattern>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| pattern.matches(text))
        };
        matches(&self.name, &id.name) && matches(&self.namespace, &id.namespace) && self.matches_gvk(&id.gvk)
    }

    /// Returns whether labels and annotations are selected.
    pub(super) fn matches_text(&self, resource: &Resource) -> Result<bool, Error> {
        let selector = |parsed: &'_ Result<object::Selector, String>| {
            parsed.clone().map_err(|why| Error::new(ErrorKind::Kustomization, why).at(resource.place()))
        };
        if !self.selects_by_text {
            return Ok(true);
        }
        let labels = selector(&self.labels)?;
        if !labels.matches(|key| resource.labels().find(|label| label.0 == key).map(|label| label.1)) {
            return Ok(false);
        }
        let annotations = selector(&self.annotations)?;
        Ok(annotations.matches(|key| {
            resource.annotations().find(|annotation| annotation.0 == key).map(|annotation| annotation.1)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::testing::map;

    fn selected(selector: &Selector) -> Vec<usize> {
        let mut map = map("{apiVersion: v1, kind: Pod, metadata: {name: web, labels: {a: b}}}\n---\n\
             {apiVersion: v1, kind: Pod, metadata: {name: web-2, namespace: x}}\n---\n\
             {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}}\n");
        ResourceSelector::new(selector).unwrap().select(&mut map).unwrap()
    }

    #[test]
    fn patterns_must_match_as_a_whole() {
        let named = |name: &str| Selector { name: name.into(), ..Selector::default() };
        assert_eq!(selected(&named("web")), [0, 2]);
        assert_eq!(selected(&named("web.*")), [0, 1, 2]);
        assert!(selected(&named("we")).is_empty());
        assert_eq!(selected(&Selector { group: "app.".into(), ..Selector::default() }), [2]);
        assert_eq!(selected(&Selector { namespace: "default".into(), ..Selector::default() }), [0, 2]);
        assert_eq!(selected(&Selector { label_selector: "a in (b)".into(), ..Selector::default() }), [0]);
    }
}
