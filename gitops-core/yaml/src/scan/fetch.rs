//! Fetches one kind of token each.

use crate::{Error, Style};

use super::simple_key::MAX_SIMPLE_KEY;
use super::{Mark, Scanner, SimpleKey, Token, TokenKind};

impl Scanner<'_> {
    pub(super) fn fetch_stream_end(&mut self) -> Result<(), Error> {
        if !self.is_at_line_start() {
            self.line += 1;
            self.line_start = self.pos;
            self.counted = (self.pos, 0);
        }
        self.end_blocks()?;
        let mark = self.mark();
        self.tokens.push_back(Token::new(TokenKind::StreamEnd, mark));
        Ok(())
    }

    /// Closes all block collections, as the end of a document does.
    pub(super) fn end_blocks(&mut self) -> Result<(), Error> {
        let mark = self.mark();
        self.unroll_indent(-1, mark);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        Ok(())
    }

    pub(super) fn fetch_document_indicator(&mut self, is_start: bool) -> Result<(), Error> {
        self.end_blocks()?;
        let mark = self.mark();
        self.pos += 3;
        self.newlines = 0;
        let kind = if is_start { TokenKind::DocumentStart } else { TokenKind::DocumentEnd };
        self.tokens.push_back(Token::new(kind, mark));
        Ok(())
    }

    pub(super) fn fetch_flow_start(&mut self, kind: TokenKind, mark: Mark) -> Result<(), Error> {
        let key_slot = self.save_simple_key(mark)?;
        self.simple_keys.push(SimpleKey {
            token_number: self.taken + self.tokens.len(),
            mark,
            ..SimpleKey::default()
        });
        self.flow_level += 1;
        if self.flow_level > self.max_depth {
            return Err(self.too_deep("while increasing flow level"));
        }
        self.simple_key_allowed = true;
        self.skip();
        self.tokens.push_back(Token { key_slot, ..Token::new(kind, mark) });
        Ok(())
    }

    pub(super) fn fetch_flow_end(&mut self, kind: TokenKind, mark: Mark) -> Result<(), Error> {
        self.remove_simple_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            let inner = self.simple_keys.pop().unwrap_or_default();
            self.do_not_await(inner.token_number);
        }
        self.simple_key_allowed = false;
        self.skip();
        self.tokens.push_back(Token::new(kind, mark));
        Ok(())
    }

    pub(super) fn fetch_flow_entry(&mut self, mark: Mark) -> Result<(), Error> {
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.skip();
        self.tokens.push_back(Token::new(TokenKind::FlowEntry, mark));
        Ok(())
    }

    pub(super) fn fetch_block_entry(&mut self, mark: Mark) -> Result<(), Error> {
        // In flow context the parser refuses it, because it can name the context.
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return Err(self.fail("", mark, "block sequence entries are not allowed in this context"));
            }
            self.roll_indent(mark.column, usize::MAX, TokenKind::BlockSequenceStart, mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.skip();
        self.tokens.push_back(Token::new(TokenKind::BlockEntry, mark));
        Ok(())
    }

    pub(super) fn fetch_key(&mut self, mark: Mark) -> Result<(), Error> {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return Err(self.fail("", mark, "mapping keys are not allowed in this context"));
            }
            self.roll_indent(mark.column, usize::MAX, TokenKind::BlockMappingStart, mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = self.flow_level == 0;
        self.skip();
        self.tokens.push_back(Token::new(TokenKind::Key, mark));
        Ok(())
    }

    pub(super) fn fetch_value(&mut self, mark: Mark) -> Result<(), Error> {
        let level = self.simple_keys.len() - 1;
        if self.simple_key_is_valid(level)? {
            let key = self.simple_keys.get(level).copied().unwrap_or_default();
            // A key whose token was not awaited is gone from the queue; Go appends then.
            let at = key.token_number.checked_sub(self.taken).unwrap_or(usize::MAX);
            self.do_not_await(key.token_number);
            self.tokens.insert(at.min(self.tokens.len()), Token::new(TokenKind::Key, key.mark));
            self.roll_indent(key.mark.column, at, TokenKind::BlockMappingStart, key.mark)?;
            if let Some(key) = self.simple_keys.last_mut() {
                key.is_possible = false;
            }
            self.simple_key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.simple_key_allowed {
                    return Err(self.fail("", mark, "mapping values are not allowed in this context"));
                }
                self.roll_indent(mark.column, usize::MAX, TokenKind::BlockMappingStart, mark)?;
            }
            self.simple_key_allowed = self.flow_level == 0;
        }
        self.skip();
        self.tokens.push_back(Token::new(TokenKind::Value, mark));
        Ok(())
    }

    pub(super) fn fetch_anchor(&mut self, kind: TokenKind, mark: Mark) -> Result<(), Error> {
        let key_slot = self.save_simple_key(mark)?;
        self.simple_key_allowed = false;
        let token = self.scan_anchor(kind, mark)?;
        self.tokens.push_back(Token { key_slot, ..token });
        Ok(())
    }

    pub(super) fn fetch_tag(&mut self, mark: Mark) -> Result<(), Error> {
        let key_slot = self.save_simple_key(mark)?;
        self.simple_key_allowed = false;
        let token = self.scan_tag(mark)?;
        self.tokens.push_back(Token { key_slot, ..token });
        Ok(())
    }

    pub(super) fn fetch_directive(&mut self) -> Result<(), Error> {
        self.end_blocks()?;
        let token = self.scan_directive()?;
        self.tokens.push_back(token);
        Ok(())
    }

    pub(super) fn fetch_block_scalar(&mut self, style: Style, mark: Mark) -> Result<(), Error> {
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        let token = self.scan_block_scalar(style, mark)?;
        self.tokens.push_back(token);
        Ok(())
    }

    pub(super) fn fetch_flow_scalar(&mut self, style: Style, mark: Mark) -> Result<(), Error> {
        let key_slot = self.save_simple_key(mark)?;
        self.simple_key_allowed = false;
        let token = self.scan_flow_scalar(style, mark)?;
        self.push_scalar(token, key_slot)
    }

    pub(super) fn fetch_plain_scalar(&mut self, mark: Mark) -> Result<(), Error> {
        let key_slot = self.save_simple_key(mark)?;
        self.simple_key_allowed = false;
        let token = self.scan_plain_scalar(mark)?;
        self.push_scalar(token, key_slot)
    }

    /// Queues a scalar; where a `:` follows at once, as a key, with the tokens around it, which spares the way over
    /// the table of possible keys.
    #[inline]
    fn push_scalar(&mut self, token: Token, key_slot: u32) -> Result<(), Error> {
        let start = token.start;
        let is_key = key_slot != 0
            && self.flow_level == 0
            && self.here() == b':'
            && start.line == self.line
            && self.pos - start.index as usize <= MAX_SIMPLE_KEY
            && token.end as usize == self.pos
            && self.is_blankz(self.pos + 1);
        if !is_key {
            self.tokens.push_back(Token { key_slot, ..token });
            return Ok(());
        }
        self.roll_indent(start.column, usize::MAX, TokenKind::BlockMappingStart, start)?;
        self.tokens.push_back(Token::new(TokenKind::Key, start));
        self.tokens.push_back(token);
        if let Some(key) = self.simple_keys.last_mut() {
            key.is_possible = false;
        }
        self.simple_key_allowed = false;
        let mark = self.mark();
        self.skip();
        self.tokens.push_back(Token::new(TokenKind::Value, mark));
        self.last_of_many = Some(start);
        self.fetch_value_on_line();
        Ok(())
    }

    /// Queues the plain or quoted value that follows a `:` on the same line; leaves all others for the next fetch.
    #[inline]
    fn fetch_value_on_line(&mut self) {
        if self.here() != b' ' {
            return;
        }
        let before = (self.pos, self.line, self.line_start, self.newlines, self.simple_key_allowed);
        self.skip_blanks();
        let mark = self.mark();
        let byte = self.here();
        let token = match byte {
            b'"' | b'\'' => {
                let style = if byte == b'"' { Style::DoubleQuoted } else { Style::SingleQuoted };
                self.scan_flow_scalar(style, mark)
            }
            // The indicators that go before this test elsewhere are no plain scalars either.
            b'-' | b'?' | b':' | b'&' | b'*' | b'!' | b'|' | b'>' | b'[' | b'{' | b'#' | 0 => {
                return self.go_back(before);
            }
            _ if self.may_start_plain_scalar(byte) && !self.is_break(self.pos) => {
                self.scan_plain_scalar(mark)
            }
            _ => return self.go_back(before),
        };
        match token {
            Ok(token) => {
                self.last_of_many = Some(mark);
                self.tokens.push_back(token);
            }
            // The error is found again when the token's turn has come: the parser may find another one before it.
            Err(_) => self.go_back(before),
        }
    }

    fn go_back(&mut self, before: (usize, u32, usize, u32, bool)) {
        (self.pos, self.line, self.line_start, self.newlines, self.simple_key_allowed) = before;
        self.counted = (self.line_start, 0);
    }
}
