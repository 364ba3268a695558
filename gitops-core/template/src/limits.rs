//! How much a render may do: templates come from strangers.

/// Default of [`Limits::output_bytes`].
pub(crate) const OUTPUT_BYTES: usize = 100 << 20;

/// How many bytes an item of a list or an entry of a map takes at least, with what holds it.
pub(crate) const ITEM_BYTES: usize = 64;

/// Bounds of a render, each with a safe default. Steps and bytes that are made count for all that one
/// [`Renderer`](crate::Renderer) renders, a chart's templates together; the others for each template by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How deep `{{template}}` may nest; 100,000 by default, as Go's text/template.
    pub template_depth: usize,
    /// How deep `include` may nest for one name, and `tpl`; 1,000 by default, as Helm's limit. Both together may nest three
    /// times as deep.
    pub include_depth: usize,
    /// Bytes of the output, and of every string a function makes; 100 MiB by default, as much as Helm takes for a whole chart.
    pub output_bytes: usize,
    /// Actions, calls and turns of loops, where a text that `include` or `tpl` renders counts as many, and large arguments,
    /// results, keys and passwords as the work that they take; 100 million by default, some seconds of work.
    pub steps: usize,
    /// Bytes of the lists, maps and texts that functions make and of the output, also of those that are dropped again;
    /// 512 MiB by default.
    pub made_bytes: usize,
    /// Bytes of one template's text; 16 MiB by default.
    pub source_bytes: usize,
    /// Bytes that all templates of a set take parsed, counted roughly; 256 MiB by default.
    pub parsed_bytes: usize,
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
            made_bytes: 512 << 20,
            source_bytes: 16 << 20,
            parsed_bytes: 256 << 20,
            parentheses: 10_000,
            blocks: 10_000,
        }
    }
}
