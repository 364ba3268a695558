//! What the parser hands to the composer.

use crate::scan::Mark;
use crate::{Str, Style};

/// One step of the walk through a stream. Small, because every node costs one: its text, anchor, tag and comments stay
/// with the parser until they are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) kind: EventKind,
    pub(crate) style: Style,
    pub(crate) start: Mark,
    /// The bytes that a scalar covers, without its anchor and tag.
    pub(crate) span: (u32, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventKind {
    StreamEnd,
    DocumentStart { is_explicit: bool },
    DocumentEnd { is_explicit: bool },
    Alias,
    Scalar,
    SequenceStart,
    SequenceEnd,
    MappingStart,
    MappingEnd,
}

/// A node's anchor and tag; the tag is a whole URI.
#[derive(Debug, Default)]
pub(crate) struct Properties {
    pub(crate) anchor: Str,
    pub(crate) tag: Str,
}

/// The comments that were waiting when the event was made.
#[derive(Debug, Default)]
pub(crate) struct EventComments {
    pub(crate) head: String,
    pub(crate) line: String,
    pub(crate) foot: String,
}

impl Event {
    #[inline]
    pub(crate) fn new(kind: EventKind, start: Mark) -> Self {
        Self { kind, style: Style::Default, start, span: (start.index, start.index) }
    }
}
