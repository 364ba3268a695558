//! Keys without `?`: a token may turn out to be one when a `:` follows on the same line.

use crate::Error;

use super::{Mark, Scanner, SimpleKey, index};

/// How far behind its start the `:` of a key may stand, in characters.
pub(super) const MAX_SIMPLE_KEY: usize = 1024;

impl Scanner<'_> {
    /// Returns whether the key that may have begun at this level may still become one: on one line, within 1024
    /// characters.
    pub(super) fn simple_key_is_valid(&mut self, level: usize) -> Result<bool, Error> {
        let Some(&key) = self.simple_keys.get(level) else { return Ok(false) };
        if !key.is_possible {
            return Ok(false);
        }
        if key.mark.line >= self.line && !self.is_too_far(key.mark.index as usize) {
            return Ok(true);
        }
        if key.is_required {
            return Err(self.fail("while scanning a simple key", key.mark, "could not find expected ':'"));
        }
        if let Some(key) = self.simple_keys.get_mut(level) {
            key.is_possible = false;
        }
        Ok(false)
    }

    fn is_too_far(&self, start: usize) -> bool {
        // A character has at most four bytes.
        let bytes = self.pos - start;
        bytes > MAX_SIMPLE_KEY
            && (self.is_ascii
                || bytes > 4 * MAX_SIMPLE_KEY
                || self.slice(start, self.pos).chars().count() > MAX_SIMPLE_KEY)
    }

    /// Notes that a simple key may begin here, and returns the slot for its token.
    #[inline]
    pub(super) fn save_simple_key(&mut self, mark: Mark) -> Result<u32, Error> {
        if !self.simple_key_allowed {
            return Ok(0);
        }
        self.remove_simple_key()?;
        let level = self.simple_keys.len();
        let key = SimpleKey {
            is_possible: true,
            is_required: self.flow_level == 0 && self.indent == i64::from(mark.column),
            token_number: self.taken + self.tokens.len(),
            mark,
        };
        if let Some(last) = self.simple_keys.last_mut() {
            *last = key;
        }
        Ok(index(level))
    }

    /// Gives up the possible key of this level.
    #[inline]
    pub(super) fn remove_simple_key(&mut self) -> Result<(), Error> {
        let Some(key) = self.simple_keys.last_mut() else { return Ok(()) };
        if key.is_possible {
            if key.is_required {
                let mark = key.mark;
                return Err(self.fail("while scanning a simple key", mark, "could not find expected ':'"));
            }
            key.is_possible = false;
            let number = key.token_number;
            self.do_not_await(number);
        }
        Ok(())
    }

    /// Lets a token pass at the head of the queue before it is known whether it begins a key.
    ///
    /// Which tokens are awaited follows Go's bookkeeping, not sense: `[]` and `{}` are let pass although they may be
    /// keys (so v2 refuses `[]: x`), and a scalar that is too late to be a key is held as long as another key may
    /// begin on its level. Both move errors.
    #[inline]
    pub(super) fn do_not_await(&mut self, token_number: usize) {
        let at = token_number.checked_sub(self.taken);
        if let Some(token) = at.and_then(|at| self.tokens.get_mut(at)) {
            token.key_slot = 0;
        }
    }
}
