//! What every alias of a tree names, found in one pass when the first alias is met.

use std::collections::HashMap;
use std::ptr;

use super::Tree;
use crate::{Data, Error, ErrorKind, Node};

/// The targets of a tree's aliases, by the address of the alias.
#[derive(Debug, Default)]
pub(crate) struct Anchors<'a> {
    targets: HashMap<*const Node, &'a Node>,
}

impl<'a> Anchors<'a> {
    /// Finds all targets and refuses anchors that contain themselves and trees that grow without bound, as go-yaml
    /// does when it decodes.
    pub(crate) fn of(tree: Tree<'a>) -> Result<Self, Error> {
        let mut names: HashMap<&str, &'a Node> = HashMap::new();
        for (name, node) in tree.earlier {
            names.insert(name.as_str(), node);
        }
        let mut anchors = Self::default();
        for (_, node) in tree.earlier {
            anchors.collect(node, &mut names)?;
        }
        anchors.collect(tree.root, &mut names)?;
        Budget::default().count(tree.root, &anchors)?;
        Ok(anchors)
    }

    /// Returns what an alias of the tree names.
    pub(crate) fn target(&self, alias: &Node) -> Option<&'a Node> {
        self.targets.get(&ptr::from_ref(alias)).copied()
    }

    fn collect(&mut self, node: &'a Node, names: &mut HashMap<&'a str, &'a Node>) -> Result<(), Error> {
        if let Some(anchor) = node.anchor() {
            names.insert(anchor.as_str(), node);
        }
        match &node.data {
            Data::Scalar(_) => {}
            Data::Sequence(items) => {
                for item in items {
                    self.collect(item, names)?;
                }
            }
            Data::Mapping(entries) => {
                for entry in entries {
                    self.collect(&entry.key, names)?;
                    self.collect(&entry.value, names)?;
                }
            }
            Data::Alias(name) => {
                let Some(target) = names.get(name.as_str()) else {
                    let message = format!("unknown anchor '{name}' referenced");
                    return Err(Error::new(ErrorKind::Alias, node.place, message));
                };
                self.targets.insert(ptr::from_ref(node), target);
            }
        }
        Ok(())
    }
}

/// Counts what go-yaml would decode, to refuse what aliases blow up.
#[derive(Default)]
struct Budget<'n> {
    decoded: u64,
    from_aliases: u64,
    /// Bytes of text that aliases repeat.
    bytes: usize,
    alias_depth: u32,
    depth: usize,
    open: Vec<&'n Node>,
}

/// Below this many decoded nodes nearly all of them may come from aliases.
const SMALL: u64 = 400_000;
/// From this many on, a tenth of them may.
const LARGE: u64 = 4_000_000;
/// How many bytes of text aliases may repeat. go-yaml knows no such bound and prints what then fills the memory.
const MAX_BYTES: usize = 256 << 20;
/// Collections within collections, aliases followed.
pub(super) const MAX_DEPTH: usize = 1_000;

impl<'n> Budget<'n> {
    #[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    fn count(&mut self, node: &'n Node, anchors: &Anchors<'n>) -> Result<(), Error> {
        self.decoded += 1;
        self.from_aliases += u64::from(self.alias_depth > 0);
        if self.from_aliases > 100 && self.decoded > 1000 {
            let allowed = match self.decoded {
                0..=SMALL => 0.99,
                LARGE.. => 0.10,
                between => 0.99 - 0.89 * ((between - SMALL) as f64 / (LARGE - SMALL) as f64),
            };
            if self.from_aliases as f64 / self.decoded as f64 > allowed {
                return Err(Error::new(ErrorKind::Limit, node.place, "document contains excessive aliasing"));
            }
        }
        if self.depth > MAX_DEPTH {
            return Err(too_deep(node));
        }
        self.depth += 1;
        match &node.data {
            Data::Scalar(text) if self.alias_depth > 0 => {
                self.bytes = self.bytes.saturating_add(text.len());
                if self.bytes > MAX_BYTES {
                    return Err(Error::new(
                        ErrorKind::Limit,
                        node.place,
                        "document contains excessive aliasing",
                    ));
                }
            }
            Data::Scalar(_) => {}
            Data::Sequence(items) => {
                for item in items {
                    self.count(item, anchors)?;
                }
            }
            Data::Mapping(entries) => {
                for entry in entries {
                    self.count(&entry.key, anchors)?;
                    self.count(&entry.value, anchors)?;
                }
            }
            Data::Alias(name) => {
                if self.open.iter().any(|open| ptr::eq(*open, node)) {
                    let message = format!("anchor '{name}' value contains itself");
                    return Err(Error::new(ErrorKind::Alias, node.place, message));
                }
                if let Some(target) = anchors.target(node) {
                    self.open.push(node);
                    self.alias_depth += 1;
                    self.count(target, anchors)?;
                    self.alias_depth -= 1;
                    self.open.pop();
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }
}

/// Refuses a tree that recursion on a small stack could not bear.
pub(super) fn too_deep(node: &Node) -> Error {
    Error::new(ErrorKind::Limit, node.place, format!("exceeded max depth of {MAX_DEPTH}"))
}

#[cfg(test)]
mod tests {
    use crate::{Dialect, FileId, Node, ReadOptions, print_sigs, read_document};

    #[track_caller]
    fn refused(text: &str) -> String {
        let document = read_document(text.as_bytes(), FileId::NONE, &ReadOptions::v3()).unwrap().unwrap();
        print_sigs(&document, Dialect::V3).unwrap_err().to_string()
    }

    #[test]
    fn aliases_may_not_blow_up() {
        let mut bomb = "a0: &a0 [x, x]\n".to_owned();
        for level in 1..30 {
            let below = level - 1;
            bomb.push_str(&format!("a{level}: &a{level} [*a{below}, *a{below}, *a{below}]\n"));
        }
        assert_eq!(refused(&bomb), "yaml: document contains excessive aliasing");
        let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), "*a,".repeat(300));
        assert_eq!(refused(&long), "yaml: document contains excessive aliasing");
    }

    #[test]
    fn an_alias_that_a_program_made_needs_its_anchor() {
        let error = print_sigs(&Node::alias("x"), Dialect::V3).unwrap_err();
        assert_eq!(error.to_string(), "yaml: unknown anchor 'x' referenced");
    }
}
