//! Texts that stay parsed: the same template in many charts, and the same chart rendered many times.

use crate::ast::{Callee, Parts, Source, Span, Tree};
use crate::function::Functions;
use gitops_yaml::Str;
use std::sync::Arc;

/// A text whose templates are parsed. Cloning shares it; [`Templates::add`](crate::Templates::add) puts it into a set, under
/// any name.
///
/// ```
/// use gitops_template::{Options, Templates, Value};
/// let mut templates = Templates::default();
/// let parsed = templates.parse_text("a", "{{.}}!")?;
/// let mut others = Templates::default();
/// assert!(others.add("b", &parsed));
/// assert_eq!(others.render("b", &Value::from("x"), &Options::default())?.text, "x!");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ParsedText {
    pub(crate) source: Arc<Source>,
    pub(crate) parts: Arc<Parts>,
    pub(crate) callees: Arc<[Callee]>,
    /// The templates in their order; the text itself has no name here.
    pub(crate) trees: Arc<[(Option<Str>, Span)]>,
    /// What the callees were found in.
    pub(crate) functions: Functions,
    pub(crate) is_merged: bool,
}

impl ParsedText {
    /// Returns the templates under the name that the text was parsed by.
    pub(crate) fn trees(&self) -> impl Iterator<Item = Tree> {
        self.trees.iter().map(|(name, root)| Tree {
            name: name.clone().unwrap_or_else(|| self.source.name.clone()),
            root: *root,
            source: Arc::clone(&self.source),
            parts: Arc::clone(&self.parts),
            callees: Arc::clone(&self.callees),
        })
    }

    /// Makes the text one of another name that calls these functions; `None` where it has to be parsed anew.
    pub(crate) fn moved(&self, name: Str, functions: &Functions) -> Option<Self> {
        if name == self.source.name && functions.is_same(&self.functions) {
            return Some(self.clone());
        }
        // A definition of the text's own name is part of the text.
        if self.is_merged || self.trees.iter().any(|(defined, _)| defined.as_ref() == Some(&name)) {
            return None;
        }
        let mut moved = self.clone();
        if !functions.is_same(&self.functions) {
            let names = self.parts.functions.iter().map(|name| self.source.piece(*name));
            moved.callees = names.map(|name| Callee::find(name, functions)).collect::<Option<_>>()?;
            moved.functions = functions.clone();
        }
        moved.source = Arc::new(Source { name, text: self.source.text.clone() });
        Some(moved)
    }
}
