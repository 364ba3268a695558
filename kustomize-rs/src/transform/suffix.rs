//! Puts `nameSuffix` behind names.

use gitops_yaml::{Node, Str};

use super::affix::rename;
use super::set::set_scalar;
use super::{Context, Transformer};
use crate::error::Error;
use crate::field_spec::FieldSpec;
use crate::resource_map::ResourceMap;

/// Puts text behind the names that its specs lead to.
#[derive(Clone, Debug, Default)]
pub(crate) struct SuffixTransformer {
    pub(crate) suffix: Str,
    pub(crate) fields: Vec<FieldSpec>,
}

impl Transformer for SuffixTransformer {
    fn transform(&self, resources: &mut ResourceMap, context: &Context<'_>) -> Result<(), Error> {
        context.take_for_each(resources, self.suffix.len())?;
        let mut set = |node: &mut Node| {
            let name = format!("{}{}", node.as_str().unwrap_or_default(), self.suffix);
            set_scalar(node, name)
        };
        rename(resources, &self.suffix, &self.fields, |history| &mut history.suffixes, &mut set)
    }
}
