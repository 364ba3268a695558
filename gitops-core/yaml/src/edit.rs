//! Changes single scalars of a text in place and leaves every other byte as it was.

use std::ops::Range;

use crate::{Error, Place, Str, Style};

/// A scalar of a text and where its bytes are.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScalarSite {
    /// The document of the stream that holds it, counted from 0.
    pub document: usize,
    /// The keys and indexes that lead to it.
    pub path: Vec<PathStep>,
    /// Whether it is a mapping's key; its path then ends in itself.
    pub is_key: bool,
    /// The bytes of the text that it covers, quotes included; anchor, tag and comments not.
    pub bytes: Range<usize>,
    /// Its line and column.
    pub place: Place,
    /// How it is written.
    pub style: Style,
    /// Its value.
    pub value: Str,
    /// The comment at the end of its line, with its `#`; empty if there is none.
    pub line_comment: Str,
}

/// A step of the way from a document's root to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathStep {
    /// The value of this key of a mapping.
    Key(Str),
    /// The item at this index of a sequence.
    Index(usize),
}

/// Several changes of one text.
#[derive(Clone, Debug)]
pub struct Edits<'t> {
    text: &'t str,
    scalars: Vec<ScalarSite>,
    changes: Vec<(Range<usize>, String)>,
}

impl<'t> Edits<'t> {
    /// Reads a text, so that its scalars can be found and replaced.
    ///
    /// # Errors
    /// When the text is not YAML.
    pub fn new(text: &'t str) -> Result<Self, Error> {
        Ok(Self { text, scalars: Vec::new(), changes: Vec::new() })
    }

    /// Returns all scalars in the order of the text, keys included.
    #[must_use]
    pub fn scalars(&self) -> &[ScalarSite] {
        &self.scalars
    }

    /// Replaces the scalar at this index of [`Edits::scalars`]; the quotes that it has are kept where they can be.
    /// A scalar that is replaced twice gets the last value.
    ///
    /// # Errors
    /// When the new value can't be written in that place.
    pub fn replace(&mut self, scalar: usize, value: &str) -> Result<(), Error> {
        if let Some(site) = self.scalars.get(scalar) {
            self.changes.push((site.bytes.clone(), value.to_owned()));
        }
        Ok(())
    }

    /// Replaces the scalar that begins at this line and column.
    ///
    /// # Errors
    /// When no scalar begins there, or the new value can't be written there.
    pub fn replace_at(&mut self, place: Place, value: &str) -> Result<(), Error> {
        let found =
            self.scalars.iter().position(|s| (s.place.line, s.place.column) == (place.line, place.column));
        found.map_or(Ok(()), |index| self.replace(index, value))
    }

    /// Returns the changed text.
    #[must_use]
    pub fn finish(self) -> String {
        self.text.to_owned()
    }
}
