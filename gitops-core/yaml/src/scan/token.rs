//! What the scanner hands to the parser.

use std::borrow::Cow;

use crate::{Str, Style};

/// A position in the text; all three count from 0, the column in characters and the index in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) index: u32,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    StreamStart,
    StreamEnd,
    VersionDirective,
    TagDirective,
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias,
    Anchor,
    Tag,
    Scalar,
}

/// Where a token's text is: a slice of the source wherever it stands there as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextAt {
    Source(u32, u32),
    /// The scanner put it together and keeps it until the token is taken.
    Made,
}

/// A text that was taken from the scanner.
#[derive(Clone, Debug)]
pub(crate) enum Text<'a> {
    Source(&'a str),
    Made(Str),
}

impl Text<'_> {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Source(text) => text,
            Self::Made(text) => text,
        }
    }

    #[inline]
    pub(crate) fn into_str(self) -> Str {
        match self {
            Self::Source(text) => Str::from(text),
            Self::Made(text) => text,
        }
    }
}

/// Small and without a destructor, because every line of a text moves four of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) start: Mark,
    /// Where a scalar's bytes end.
    pub(crate) end: u32,
    /// The simple key that this token may begin, as one more than its level; 0 if it begins none.
    pub(crate) key_slot: u32,
    /// Of tags and `%TAG` directives the length of the handle, of `%YAML` 256 × major + minor.
    pub(crate) extra: u32,
    /// A scalar's value, a name, or a tag's handle and what follows it.
    pub(crate) text: TextAt,
    pub(crate) kind: TokenKind,
    pub(crate) style: Style,
}

impl Token {
    #[inline]
    pub(crate) fn new(kind: TokenKind, start: Mark) -> Self {
        let (end, text) = (start.index, TextAt::Source(0, 0));
        Self { start, end, key_slot: 0, extra: 0, text, kind, style: Style::Default }
    }

    #[inline]
    pub(crate) fn with_text(self, text: TextAt, end: usize) -> Self {
        Self { text, end: index(end), ..self }
    }
}

/// Narrows an index; texts of more than 4 GiB are refused before they are scanned.
pub(crate) fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommentKind {
    Head,
    Line,
    Foot,
}

/// A comment that waits for the token that it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Comment<'a> {
    /// Where the scan that found it began.
    pub(crate) scan: Mark,
    /// It belongs to the first token that starts here or later.
    pub(crate) token: Mark,
    pub(crate) start: Mark,
    /// Where the blank space behind it ends; 0 for comments at the end of a line.
    pub(crate) end: Mark,
    pub(crate) kind: CommentKind,
    pub(crate) text: Cow<'a, str>,
}
