//! How much one render may do: templates come from strangers.

/// Default of [`Limits::output_bytes`].
pub(crate) const OUTPUT_BYTES: usize = 100 << 20;

/// Bounds of one render, each with a safe default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How deep `{{template}}` may nest; 100,000 by default, as Go's text/template.
    pub template_depth: usize,
    /// How deep `include` and `tpl` may nest; 1,000 by default, as Helm's limit for one name.
    pub include_depth: usize,
    /// Bytes of the output, and of every string a function makes; 100 MiB by default, as much as Helm takes for a whole chart.
    pub output_bytes: usize,
    /// Actions, calls and turns of loops, where a text that `include` or `tpl` renders counts as many; 100 million by
    /// default, some seconds of work.
    pub steps: usize,
    /// Bytes of one template's text; 64 MiB by default.
    pub source_bytes: usize,
    /// How deep parentheses may nest; 10,000 by default, as Go.
    pub parentheses: usize,
    /// How deep `if`, `range` and `with` may nest; 10,000 by default.
    pub blocks: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            template_depth: 100_000,
            include_depth: 1_000,
            output_bytes: OUTPUT_BYTES,
            steps: 100_000_000,
            source_bytes: 64 << 20,
            parentheses: 10_000,
            blocks: 10_000,
        }
    }
}
