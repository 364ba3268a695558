//! Directives, tags and anchors.

use crate::{Error, Str};

use super::class::{self, URI, WORD};
use super::{Mark, Scanner, Token, TokenKind, index};

impl<'a> Scanner<'a> {
    /// Reads `%YAML 1.1` or `%TAG ! prefix`.
    pub(super) fn scan_directive(&mut self) -> Result<Token, Error> {
        const CONTEXT: &str = "while scanning a directive";
        let start = self.mark();
        self.skip();
        let name = self.scan_word();
        if name.is_empty() {
            return Err(self.fail(CONTEXT, start, "could not find expected directive name"));
        }
        if !self.is_blankz(self.pos) {
            return Err(self.fail(CONTEXT, start, "found unexpected non-alphabetical character"));
        }
        let token = match name {
            "YAML" => self.scan_version(start)?,
            "TAG" => self.scan_tag_directive(start)?,
            _ => return Err(self.fail(CONTEXT, start, "found unknown directive name")),
        };
        self.skip_blanks();
        if self.here() == b'#' {
            self.pos = self.line_end(self.pos);
            self.newlines = 0;
        }
        if !self.is_breakz(self.pos) {
            return Err(self.fail(CONTEXT, start, "did not find expected comment or line break"));
        }
        self.skip_line();
        Ok(token)
    }

    fn scan_version(&mut self, start: Mark) -> Result<Token, Error> {
        self.skip_blanks();
        let major = self.scan_version_number(start)?;
        if self.here() != b'.' {
            return Err(self.fail(
                "while scanning a %YAML directive",
                start,
                "did not find expected digit or '.' character",
            ));
        }
        self.skip();
        let minor = self.scan_version_number(start)?;
        Ok(Token { extra: major * 256 + minor, ..Token::new(TokenKind::VersionDirective, start) })
    }

    fn scan_version_number(&mut self, start: Mark) -> Result<u32, Error> {
        const CONTEXT: &str = "while scanning a %YAML directive";
        let from = self.pos;
        let mut value = 0;
        while self.here().is_ascii_digit() {
            if self.pos - from >= 2 {
                return Err(self.fail(CONTEXT, start, "found extremely long version number"));
            }
            value = value * 10 + u32::from(self.here() - b'0');
            self.skip();
        }
        if self.pos == from {
            return Err(self.fail(CONTEXT, start, "did not find expected version number"));
        }
        Ok(value)
    }

    fn scan_tag_directive(&mut self, start: Mark) -> Result<Token, Error> {
        const CONTEXT: &str = "while scanning a %TAG directive";
        self.skip_blanks();
        let handle = self.scan_tag_handle(true, start)?;
        if !self.is_blank(self.pos) {
            return Err(self.fail(CONTEXT, start, "did not find expected whitespace"));
        }
        self.skip_blanks();
        let mut text = handle.to_owned();
        self.scan_tag_uri(true, false, &mut text, start)?;
        if !self.is_blankz(self.pos) {
            return Err(self.fail(CONTEXT, start, "did not find expected whitespace or line break"));
        }
        let text = self.keep(text.into());
        let token = Token::new(TokenKind::TagDirective, start).with_text(text, self.pos);
        Ok(Token { extra: index(handle.len()), ..token })
    }

    /// Reads `&name` or `*name`.
    pub(super) fn scan_anchor(&mut self, kind: TokenKind, start: Mark) -> Result<Token, Error> {
        self.skip();
        let from = self.pos;
        let name = self.scan_word();
        let is_ended = self.is_blankz(self.pos)
            || matches!(self.here(), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if name.is_empty() || !is_ended {
            let is_anchor = kind == TokenKind::Anchor;
            let context = if is_anchor { "while scanning an anchor" } else { "while scanning an alias" };
            return Err(self.fail(context, start, "did not find expected alphabetic or numeric character"));
        }
        Ok(Token::new(kind, start).with_text(self.source(from, self.pos), self.pos))
    }

    /// Reads `!suffix`, `!handle!suffix`, `!<uri>` or `!`.
    pub(super) fn scan_tag(&mut self, start: Mark) -> Result<Token, Error> {
        const CONTEXT: &str = "while scanning a tag";
        let mut text = String::new();
        let handle_len;
        if self.byte(self.pos + 1) == b'<' {
            self.pos += 2;
            self.newlines = 0;
            self.scan_tag_uri(false, false, &mut text, start)?;
            if self.here() != b'>' {
                return Err(self.fail(CONTEXT, start, "did not find the expected '>'"));
            }
            self.skip();
            handle_len = 0;
        } else {
            let handle = self.scan_tag_handle(false, start)?;
            text.push_str(handle);
            if handle.len() > 1 && handle.ends_with('!') {
                handle_len = handle.len();
                self.scan_tag_uri(false, false, &mut text, start)?;
            } else {
                // It was no handle but the beginning of the suffix; a lone `!` is a tag of its own.
                self.scan_tag_uri(false, true, &mut text, start)?;
                handle_len = usize::from(text.len() > 1);
            }
        }
        if !self.is_blankz(self.pos) {
            return Err(self.fail(CONTEXT, start, "did not find expected whitespace or line break"));
        }
        let text = self.keep(Str::from(text));
        let token = Token::new(TokenKind::Tag, start).with_text(text, self.pos);
        Ok(Token { extra: index(handle_len), ..token })
    }

    fn scan_tag_handle(&mut self, is_directive: bool, start: Mark) -> Result<&'a str, Error> {
        let from = self.pos;
        if self.here() != b'!' {
            return Err(self.fail(tag_context(is_directive), start, "did not find expected '!'"));
        }
        self.skip();
        self.scan_word();
        if self.here() == b'!' {
            self.skip();
        } else if is_directive && self.pos - from > 1 {
            return Err(self.fail(tag_context(is_directive), start, "did not find expected '!'"));
        }
        Ok(self.slice(from, self.pos))
    }

    /// Appends the characters of a URI, with `%xx` decoded. `has_head` says that some of it is already there.
    fn scan_tag_uri(
        &mut self,
        is_directive: bool,
        has_head: bool,
        text: &mut String,
        start: Mark,
    ) -> Result<(), Error> {
        let from = self.pos;
        while class::is(self.here(), WORD | URI) {
            if self.here() == b'%' {
                self.scan_uri_escape(is_directive, text, start)?;
            } else {
                text.push(char::from(self.here()));
                self.skip();
            }
        }
        if self.pos == from && !has_head {
            return Err(self.fail(tag_context(is_directive), start, "did not find expected tag URI"));
        }
        Ok(())
    }

    /// Decodes the `%xx` of one character.
    fn scan_uri_escape(&mut self, is_directive: bool, text: &mut String, start: Mark) -> Result<(), Error> {
        let context = tag_context(is_directive);
        let mut octets = Vec::with_capacity(4);
        let mut width = 1;
        while octets.len() < width {
            let digit = |at: usize| char::from(self.byte(at)).to_digit(16).and_then(|d| u8::try_from(d).ok());
            let (b'%', Some(high), Some(low)) = (self.here(), digit(self.pos + 1), digit(self.pos + 2))
            else {
                return Err(self.fail(context, start, "did not find URI escaped octet"));
            };
            let octet = high << 4 | low;
            if octets.is_empty() {
                width = match octet {
                    0..=0x7f => 1,
                    0xc0..=0xdf => 2,
                    0xe0..=0xef => 3,
                    0xf0..=0xf7 => 4,
                    _ => return Err(self.fail(context, start, "found an incorrect leading UTF-8 octet")),
                };
            } else if octet & 0xc0 != 0x80 {
                return Err(self.fail(context, start, "found an incorrect trailing UTF-8 octet"));
            }
            octets.push(octet);
            self.pos += 3;
            self.newlines = 0;
        }
        text.push_str(&String::from_utf8_lossy(&octets));
        Ok(())
    }

    fn scan_word(&mut self) -> &'a str {
        let from = self.pos;
        while class::is(self.here(), WORD) {
            self.skip();
        }
        self.slice(from, self.pos)
    }
}

fn tag_context(is_directive: bool) -> &'static str {
    if is_directive { "while parsing a %TAG directive" } else { "while parsing a tag" }
}
