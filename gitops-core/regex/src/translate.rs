//! Reads a pattern as Go does and writes it as Rust's engine understands it.

use crate::class;
use crate::error::{
    ESCAPE, Error, MISSING_ARGUMENT, MISSING_PAREN, NAMED_CAPTURE, NESTING, PERL_OPERATOR, REPEAT_OPERATOR,
    REPEAT_SIZE, UNEXPECTED_PAREN,
};

/// How deep groups may nest. Go allows about 1,000, on a stack that grows.
pub(crate) const MAX_DEPTH: u32 = 250;

/// How often the innermost part may be repeated by all counted repetitions together.
const MAX_REPEAT: u64 = 1000;

/// What `(?imsU)` sets.
#[derive(Clone, Copy, Default)]
struct Flags {
    ignore_case: bool,
    multi_line: bool,
    dot_matches_break: bool,
    swap_greed: bool,
}

/// A part of a pattern that a repetition may follow.
struct Part {
    text: String,
    /// How often its innermost part is repeated.
    weight: u64,
}

/// A group that is not closed yet.
struct Frame {
    opening: &'static str,
    outer_flags: Flags,
    /// Finished alternatives, joined by bars.
    alternatives: String,
    parts: Vec<Part>,
    weight: u64,
}

impl Frame {
    fn new(opening: &'static str, outer_flags: Flags) -> Self {
        Self { opening, outer_flags, alternatives: String::new(), parts: Vec::new(), weight: 1 }
    }

    fn end_alternative(&mut self) {
        for part in self.parts.drain(..) {
            self.alternatives.push_str(&part.text);
            self.weight = self.weight.max(part.weight);
        }
    }
}

/// Returns the translated pattern and the names of its groups.
pub(crate) fn translate(pattern: &str) -> Result<(String, Vec<String>), Error> {
    let mut reader = Reader {
        pattern,
        flags: Flags::default(),
        frames: Vec::new(),
        top: Frame::new("", Flags::default()),
        names: vec![String::new()],
    };
    reader.read()?;
    if !reader.frames.is_empty() {
        return Err(Error::new(MISSING_PAREN, pattern));
    }
    reader.top.end_alternative();
    Ok((reader.top.alternatives, reader.names))
}

struct Reader<'p> {
    pattern: &'p str,
    flags: Flags,
    /// The groups around the innermost one.
    frames: Vec<Frame>,
    top: Frame,
    names: Vec<String>,
}

impl<'p> Reader<'p> {
    fn read(&mut self) -> Result<(), Error> {
        let mut rest = self.pattern;
        // Where the repetition starts that stands right before, if one does.
        let mut last_repeat: Option<&str> = None;
        while let Some(first) = rest.chars().next() {
            let mut repeat = None;
            let after = &rest[first.len_utf8()..];
            rest = match first {
                '(' if after.starts_with('?') => self.perl_group(rest)?,
                '(' => {
                    self.open("(", Some(""))?;
                    after
                }
                '|' => {
                    self.top.end_alternative();
                    self.top.alternatives.push('|');
                    after
                }
                ')' => {
                    self.close()?;
                    after
                }
                '^' => self.push(if self.flags.multi_line { "(?m:^)" } else { r"\A" }, after),
                '$' => self.push(if self.flags.multi_line { "(?m:$)" } else { r"\z" }, after),
                '.' => self.push(if self.flags.dot_matches_break { "(?s:.)" } else { r"[^\n]" }, after),
                '[' => {
                    let (class, after) = class::bracketed(rest)?;
                    self.push_folded(&class);
                    after
                }
                '*' | '+' | '?' => {
                    repeat = Some(rest);
                    self.repeat(Count::Sign(first), rest, after, last_repeat)?
                }
                '{' => match repeat_count(after) {
                    None => {
                        self.literal(u32::from('{'));
                        after
                    }
                    Some((count, after)) => {
                        repeat = Some(rest);
                        self.counted(count, rest, after, last_repeat)?
                    }
                },
                '\\' => self.escape(rest)?,
                _ => {
                    self.literal(u32::from(first));
                    after
                }
            };
            last_repeat = repeat;
        }
        Ok(())
    }

    fn push(&mut self, text: &str, rest: &'p str) -> &'p str {
        self.top.parts.push(Part { text: text.to_owned(), weight: 1 });
        rest
    }

    fn push_folded(&mut self, class: &str) {
        let text = if self.flags.ignore_case { format!("(?i:{class})") } else { class.to_owned() };
        self.top.parts.push(Part { text, weight: 1 });
    }

    fn literal(&mut self, code: u32) {
        match char::from_u32(code) {
            Some(c) if c.is_ascii_alphanumeric() && !self.flags.ignore_case => {
                self.top.parts.push(Part { text: c.to_string(), weight: 1 });
            }
            Some(_) => self.push_folded(&format!(r"\x{{{code:x}}}")),
            // A surrogate, which no text holds.
            None => self.push_folded(r"[^\x{0}-\x{10ffff}]"),
        }
    }

    fn escape(&mut self, rest: &'p str) -> Result<&'p str, Error> {
        let second = rest[1..].chars().next();
        let after = second.map_or("", |c| &rest[1 + c.len_utf8()..]);
        Ok(match second {
            Some('A') => self.push(r"\A", after),
            Some('z') => self.push(r"\z", after),
            Some('b') => self.push(r"(?-u:\b)", after),
            Some('B') => self.push(r"(?-u:\B)", after),
            Some('C') => return Err(Error::new(ESCAPE, &rest[..2])),
            Some('Q') => {
                let (quoted, after) = after.split_once(r"\E").unwrap_or((after, ""));
                quoted.chars().for_each(|c| self.literal(u32::from(c)));
                after
            }
            _ => {
                let class = match class::unicode(rest)? {
                    Some(class) => Some(class),
                    None => class::perl(rest),
                };
                if let Some((class, after)) = class {
                    self.push_folded(&class);
                    return Ok(after);
                }
                let (code, after) = class::escape(rest)?;
                self.literal(code);
                after
            }
        })
    }

    /// Opens a group; one with a name, which may be empty, captures.
    fn open(&mut self, opening: &'static str, name: Option<&str>) -> Result<(), Error> {
        if self.frames.len() >= MAX_DEPTH as usize {
            return Err(Error::new(NESTING, self.pattern));
        }
        if let Some(name) = name {
            self.names.push(name.to_owned());
        }
        let outer = std::mem::replace(&mut self.top, Frame::new(opening, self.flags));
        self.frames.push(outer);
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        let Some(outer) = self.frames.pop() else {
            return Err(Error::new(UNEXPECTED_PAREN, self.pattern));
        };
        let mut closed = std::mem::replace(&mut self.top, outer);
        closed.end_alternative();
        self.flags = closed.outer_flags;
        let text = format!("{}{})", closed.opening, closed.alternatives);
        self.top.parts.push(Part { text, weight: closed.weight });
        Ok(())
    }

    /// Reads `(?P<name>`, `(?<name>`, `(?flags)` and `(?flags:`.
    fn perl_group(&mut self, rest: &'p str) -> Result<&'p str, Error> {
        for (prefix, length) in [("(?P<", 5), ("(?<", 4)] {
            if let Some(inner) = rest.strip_prefix(prefix)
                && rest.len() >= length
            {
                let Some(end) = inner.find('>') else { return Err(Error::new(NAMED_CAPTURE, rest)) };
                let name = &inner[..end];
                let after = &inner[end + 1..];
                if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                    return Err(Error::new(NAMED_CAPTURE, &rest[..rest.len() - after.len()]));
                }
                self.open("(", Some(name))?;
                return Ok(after);
            }
        }
        let mut flags = self.flags;
        let (mut value, mut any) = (true, false);
        let mut chars = rest[2..].chars();
        while let Some(c) = chars.next() {
            match c {
                'i' => (flags.ignore_case, any) = (value, true),
                'm' => (flags.multi_line, any) = (value, true),
                's' => (flags.dot_matches_break, any) = (value, true),
                'U' => (flags.swap_greed, any) = (value, true),
                '-' if value => (value, any) = (false, false),
                ':' | ')' if value || any => {
                    if c == ':' {
                        self.open("(?:", None)?;
                    }
                    self.flags = flags;
                    return Ok(chars.as_str());
                }
                _ => break,
            }
        }
        Err(Error::new(PERL_OPERATOR, &rest[..rest.len() - chars.as_str().len()]))
    }

    fn counted(
        &mut self,
        count: (u64, Option<u64>),
        before: &'p str,
        after: &'p str,
        last_repeat: Option<&str>,
    ) -> Result<&'p str, Error> {
        let (min, max) = count;
        if min > MAX_REPEAT || max.is_some_and(|max| max > MAX_REPEAT || min > max) {
            return Err(Error::new(REPEAT_SIZE, &before[..before.len() - after.len()]));
        }
        self.repeat(Count::Numbers(min, max), before, after, last_repeat)
    }

    fn repeat(
        &mut self,
        count: Count,
        before: &'p str,
        mut after: &'p str,
        last_repeat: Option<&str>,
    ) -> Result<&'p str, Error> {
        let mut is_lazy = self.flags.swap_greed;
        if let Some(rest) = after.strip_prefix('?') {
            after = rest;
            is_lazy = !is_lazy;
        }
        if let Some(last) = last_repeat {
            return Err(Error::new(REPEAT_OPERATOR, &last[..last.len() - after.len()]));
        }
        let here = &before[..before.len() - after.len()];
        let Some(part) = self.top.parts.last_mut() else { return Err(Error::new(MISSING_ARGUMENT, here)) };
        let sign = match count {
            Count::Sign(sign) => sign.to_string(),
            Count::Numbers(min, None) => format!("{{{min},}}"),
            Count::Numbers(min, Some(max)) => format!("{{{min},{max}}}"),
        };
        if let Count::Numbers(min, max) = count {
            part.weight = match max.unwrap_or(min) {
                0 if max == Some(0) => 1,
                0 => part.weight,
                times => part.weight.saturating_mul(times),
            };
            if (min >= 2 || max.is_some_and(|max| max >= 2)) && part.weight > MAX_REPEAT {
                return Err(Error::new(REPEAT_SIZE, here));
            }
        }
        part.text = format!("(?:{}){sign}{}", part.text, if is_lazy { "?" } else { "" });
        Ok(after)
    }
}

#[derive(Clone, Copy)]
enum Count {
    Sign(char),
    Numbers(u64, Option<u64>),
}

/// Reads `2}`, `2,}` or `2,3}`; `None` where the text has another form, and the brace is a literal.
fn repeat_count(text: &str) -> Option<((u64, Option<u64>), &str)> {
    let (min, rest) = number(text)?;
    let Some(rest) = rest.strip_prefix(',') else {
        return Some(((min, Some(min)), rest.strip_prefix('}')?));
    };
    if let Some(rest) = rest.strip_prefix('}') {
        return Some(((min, None), rest));
    }
    let (max, rest) = number(rest)?;
    Some(((min, Some(max)), rest.strip_prefix('}')?))
}

/// Reads a number without leading zeros.
fn number(text: &str) -> Option<(u64, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(length);
    if digits.is_empty() || digits.len() > 1 && digits.starts_with('0') {
        return None;
    }
    Some((digits.parse().unwrap_or(u64::MAX), rest))
}
