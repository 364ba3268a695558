//! Puts one value into fields of many resources, whole or as a part of a file path.

use gitops_yaml::{Node, Str};

use super::namespace::NamespaceTransformer;
use super::select::ResourceSelector;
use super::set::wrong_kind;
use super::{Context, Transformer};
use crate::error::{Error, ErrorKind};
use crate::field_spec::split_path;
use crate::kustomization::Selector;
use crate::kustomization::decode::fields;
use crate::resource_map::ResourceMap;

/// The value, and where it goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct ValueAddTransformer {
    pub(crate) value: Str,
    pub(crate) targets: Vec<ValueAddTarget>,
}

/// One field of the resources that are selected.
#[derive(Clone, Debug, Default)]
pub(crate) struct ValueAddTarget {
    pub(crate) selector: Option<Selector>,
    pub(crate) field_path: Str,
    /// Where in the field's file path the value is put, counted from 1; 0 replaces the field.
    pub(crate) file_path_position: i64,
}

fields!(ValueAddTarget = "Target" {
    selector: "selector", field_path: "fieldPath", file_path_position: "filePathPosition",
});

impl ValueAddTransformer {
    /// Checks what was read.
    ///
    /// # Errors
    /// When there is no target, a target has no path or a negative position.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let wrong = |message: String| Err(Error::new(ErrorKind::Kustomization, message));
        if self.targets.is_empty() {
            return wrong("must specify at least one target".to_owned());
        }
        for target in &self.targets {
            if target.field_path.is_empty() {
                return wrong("fieldPath cannot be empty".to_owned());
            }
            if target.file_path_position < 0 {
                let position = target.file_path_position;
                return wrong(format!("value of FilePathPosition ({position}) cannot be negative"));
            }
        }
        Ok(())
    }
}

impl Transformer for ValueAddTransformer {
    fn transform(&self, resources: &mut ResourceMap, context: &Context<'_>) -> Result<(), Error> {
        for target in &self.targets {
            context.take_for_each(resources, self.value.len())?;
            let selected = match &target.selector {
                None => (0..resources.len()).collect(),
                Some(selector) => ResourceSelector::new(selector)?.select(resources)?,
            };
            let namespace =
                NamespaceTransformer { namespace: self.value.clone(), ..NamespaceTransformer::default() };
            let steps = split_path(&target.field_path);
            for position in selected {
                let Some(resource) = resources.get(position) else { continue };
                let cluster_scoped = resources.scopes().is_cluster_scoped(&resource.gvk());
                let Some(resource) = resources.get_mut(position) else { continue };
                if target.field_path == "metadata/namespace" {
                    namespace.apply(resource, cluster_scoped)?;
                } else {
                    add(&mut resource.node, &steps, &self.value, target.file_path_position)?;
                }
            }
        }
        Ok(())
    }
}

fn add(node: &mut Node, steps: &[Str], value: &Str, position: i64) -> Result<(), Error> {
    let Some((step, rest)) = steps.split_first() else {
        let old = if node.is_scalar() { node.as_str().unwrap_or_default() } else { "" };
        if !node.is_scalar() {
            return Err(wrong_kind("ScalarNode", node));
        }
        let index = usize::try_from(position.saturating_sub(1)).ok();
        let text = index.map_or_else(|| value.to_string(), |index| insert_part(old, index, value));
        *node = Node::plain(text).styled(node.style).at(node.place);
        return Ok(());
    };
    if node.is_null() {
        return Ok(());
    }
    if !node.is_mapping() {
        return Err(wrong_kind("MappingNode", node));
    }
    if node.get(step).is_none() {
        let new = if rest.is_empty() { Node::plain("") } else { Node::mapping(Vec::new()) };
        node.set(step.clone(), new);
    }
    match node.get_mut(step) {
        Some(field) => add(field, rest, value, position),
        None => Ok(()),
    }
}

/// Inserts a part into a file path; a leading slash stays in front, positions behind the end append.
fn insert_part(path: &str, index: usize, part: &str) -> String {
    let (slash, rest) = match path.strip_prefix('/') {
        Some(rest) => ("/", rest),
        None => ("", path),
    };
    let mut parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
    parts.insert(index.min(parts.len()), part);
    format!("{slash}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_inserted_into_file_paths() {
        assert_eq!(insert_part("", 3, "PEACH"), "PEACH");
        assert_eq!(insert_part("/", 3, "PEACH"), "/PEACH");
        assert_eq!(insert_part("/pie", 0, "PEACH"), "/PEACH/pie");
        assert_eq!(insert_part("raw", 1, "PEACH"), "raw/PEACH");
        assert_eq!(insert_part("a/nice/warm/pie", 3, "PEACH"), "a/nice/warm/PEACH/pie");
    }
}
