//! Puts `namePrefix` before names.

use gitops_yaml::{Node, Str};

use super::affix::rename;
use super::set::set_scalar;
use super::{Context, Transformer};
use crate::error::Error;
use crate::field_spec::FieldSpec;
use crate::resource_map::ResourceMap;

/// Puts text before the names that its specs lead to.
#[derive(Clone, Debug, Default)]
pub(crate) struct PrefixTransformer {
    pub(crate) prefix: Str,
    pub(crate) fields: Vec<FieldSpec>,
}

impl Transformer for PrefixTransformer {
    fn transform(&self, resources: &mut ResourceMap, context: &Context<'_>) -> Result<(), Error> {
        context.take_for_each(resources, self.prefix.len())?;
        let mut set = |node: &mut Node| {
            let name = format!("{}{}", self.prefix, node.as_str().unwrap_or_default());
            set_scalar(node, name)
        };
        rename(resources, &self.prefix, &self.fields, |history| &mut history.prefixes, &mut set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::testing::{map, run};

    #[test]
    fn names_of_some_kinds_stay() {
        let fields = crate::field_specs::FieldSpecs::builtin().name_prefix;
        let transformer = PrefixTransformer { prefix: "p-".into(), fields };
        let mut map = map(
            "{apiVersion: v1, kind: Pod, metadata: {name: a}}\n---\n{apiVersion: v1, kind: Namespace, metadata: {name: n}}\n",
        );
        run(&transformer, &mut map).unwrap();
        let names: Vec<_> = map.iter().map(crate::resource::Resource::name).collect();
        assert_eq!(names, ["p-a", "n"]);
        let history = &map.get(0).unwrap().history;
        assert_eq!(
            (history.prefixes.as_slice(), history.previous[0].name.as_str()),
            (&[Str::from("p-")][..], "a")
        );
    }
}
