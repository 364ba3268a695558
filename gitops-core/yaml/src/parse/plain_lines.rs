//! What the fast way over plain lines needs of the parser: to know and to change which block collection is open.

use crate::Error;
use crate::lines::{LineStart, Lines};
use crate::scan::Mark;

use super::{Parser, State};

/// The innermost block collection, between two of its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    Mapping,
    Sequence,
    /// A sequence in the column of the key that holds it.
    IndentlessSequence,
}

impl<'a> Parser<'a> {
    /// Returns where the next entry of a block mapping begins, if it begins with a plain key and no comment is near.
    #[inline]
    pub(crate) fn plain_lines(&mut self) -> Result<Option<(Lines<'a>, LineStart)>, Error> {
        if self.state != State::BlockMappingKey || !self.scanner.may_have_plain_lines() {
            return Ok(None);
        }
        self.peek().map_err(|error| self.scanner.prefer_refusal(error))?;
        if self.has_comments || self.scanner.has_comments() {
            return Ok(None);
        }
        Ok(self.scanner.queued_entry())
    }

    /// Forgets the queued tokens; [`Parser::resume_at`] says where to go on.
    pub(crate) fn drop_queue(&mut self) {
        self.scanner.drop_queue();
    }

    /// Goes on with tokens from the content of a line.
    pub(crate) fn resume_at(&mut self, at: LineStart) {
        self.scanner.resume_at(at);
    }

    /// Returns the innermost collection; `None` where it is no block collection or not between entries.
    #[inline]
    pub(crate) fn block(&self) -> Option<Block> {
        match self.state {
            State::BlockMappingKey => Some(Block::Mapping),
            State::BlockSequenceEntry => Some(Block::Sequence),
            State::IndentlessSequenceEntry => Some(Block::IndentlessSequence),
            _ => None,
        }
    }

    /// Returns whether the innermost collection's entries begin in this column.
    #[inline]
    pub(crate) fn is_block_at(&self, column: usize) -> bool {
        self.scanner.is_indented_by(column)
    }

    /// Returns whether any open collection's entries begin in this column.
    #[inline]
    pub(crate) fn has_block_at(&self, column: usize) -> bool {
        self.scanner.has_indent(column)
    }

    /// Begins a collection as the value or item that comes next.
    pub(crate) fn open_block(&mut self, block: Block, mark: Mark) {
        self.states.push(self.state);
        self.state = match block {
            Block::Mapping => State::BlockMappingKey,
            Block::Sequence => State::BlockSequenceEntry,
            Block::IndentlessSequence => State::IndentlessSequenceEntry,
        };
        if block != Block::IndentlessSequence {
            self.marks.push(mark);
            self.scanner.push_indent(mark.column);
        }
    }

    /// Ends the innermost collection. Returns whether there was one to end.
    pub(crate) fn close_block(&mut self) -> bool {
        let Some(block) = self.block() else { return false };
        self.pop_state();
        if block != Block::IndentlessSequence {
            self.marks.pop();
            self.scanner.pop_indent();
        }
        true
    }
}
