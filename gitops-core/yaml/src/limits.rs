//! How much of a text that comes from strangers a reader takes in before it refuses.

/// Bounds on what one read may cost. The defaults let every real manifest pass.
///
/// ```
/// use gitops_yaml::{FileId, Limits, ReadOptions, read_stream};
/// let options = ReadOptions::v3().with_limits(Limits { depth: 3, ..Limits::default() });
/// let error = read_stream(b"[[[[]]]]", FileId::NONE, &options).unwrap_err();
/// assert_eq!(error.to_string(), "yaml: exceeded max depth of 3");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How deep collections may nest; 1,000 by default. Go's libraries refuse at 10,000, which Go's growing stack
    /// bears; here the default is lower because trees are walked by recursion on stacks of a fixed size.
    pub depth: usize,
    /// How long a text may be, in bytes; 1 GiB by default.
    pub bytes: usize,
    /// How many nodes one text may hold, before aliases are expanded; 50,000,000 by default.
    pub nodes: usize,
    /// How many nodes the expansion of aliases may add to one document; 1,000,000 by default. Go's rule, that only a
    /// share of all nodes may come from aliases, holds besides.
    pub alias_nodes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 1_000, bytes: 1 << 30, nodes: 50_000_000, alias_nodes: 1_000_000 }
    }
}
