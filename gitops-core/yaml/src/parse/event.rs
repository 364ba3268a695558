//! What the parser hands to the composer.

use crate::scan::{Mark, Text};
use crate::{Str, Style};

/// One step of the walk through a stream.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    pub(crate) kind: EventKind,
    pub(crate) style: Style,
    pub(crate) start: Mark,
    /// The bytes that a scalar covers, without its anchor and tag.
    pub(crate) span: (u32, u32),
    /// A scalar's value or the name that an alias refers to.
    pub(crate) text: Text<'a>,
    pub(crate) properties: Option<Box<Properties>>,
    pub(crate) comments: Option<Box<EventComments>>,
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

impl<'a> Event<'a> {
    #[inline]
    pub(crate) fn new(kind: EventKind, start: Mark) -> Self {
        Self {
            kind,
            style: Style::Default,
            start,
            span: (start.index, start.index),
            text: Text::EMPTY,
            properties: None,
            comments: None,
        }
    }
}
