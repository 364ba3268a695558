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
    fn transform(&self, resources: &mut ResourceMap, _: &Context<'_>) -> Result<(), Error> {
        let mut set = |node: &mut Node| {
            let name = format!("{}{}", self.prefix, node.as_str().unwrap_or_default());
            set_scalar(node, name)
        };
        rename(resources, &self.prefix, &self.fields, |history| &mut history.prefixes, &mut set)
    }
}
