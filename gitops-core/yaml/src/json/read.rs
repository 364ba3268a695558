//! Reads JSON into nodes that know their places.

use crate::{Entry, Error, ErrorKind, FileId, Limits, Node, Place, Style, Tag};

/// Reads a JSON text, strictly: no comments, no trailing commas, one value.
///
/// Strings become double-quoted scalars, numbers plain ones with their text kept, so that nothing is lost; an object's
/// keys keep their order, and of a repeated key the last value wins as in Go.
///
/// ```
/// use gitops_yaml::{Dialect, FileId, from_json, print_sigs};
/// let node = from_json(r#"{"b": [1, 2.50], "a": "\u00e9"}"#, FileId::NONE).unwrap();
/// assert_eq!(print_sigs(&node, Dialect::V3).unwrap(), "a: é\nb:\n- 1\n- 2.5\n");
/// ```
///
/// # Errors
/// In encoding/json's words, such as `invalid character '}' looking for beginning of value`, with the place.
pub fn from_json(text: &str, file: FileId) -> Result<Node, Error> {
    let mut reader = Reader { text, at: 0, line: 1, counted: 0, column: 0, file, depth: 0 };
    let node = reader.value()?;
    reader.skip_space();
    if reader.at < text.len() {
        return Err(reader.unexpected("after top-level value"));
    }
    Ok(node)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    line: u32,
    /// Up to which byte the characters of the current line were counted, and how many there are: a text of one line, as servers
    /// write it, is counted once and not for each value.
    counted: usize,
    column: usize,
    file: FileId,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\n' | b'\r')) = self.peek() {
            self.at += 1;
            if byte == b'\n' {
                self.line += 1;
                (self.counted, self.column) = (self.at, 0);
            }
        }
    }

    /// The place at hand, and from here on the beginning of what is counted next.
    fn mark(&mut self) -> Place {
        let place = self.place();
        (self.counted, self.column) = (self.at, self.columns());
        place
    }

    fn place(&self) -> Place {
        let column = u32::try_from(self.columns()).unwrap_or(u32::MAX - 1) + 1;
        Place { file: self.file, line: self.line, column }
    }

    /// How many characters of the line come before.
    fn columns(&self) -> usize {
        self.column + self.text.get(self.counted..self.at).map_or(0, |before| before.chars().count())
    }

    fn error(&self, message: String) -> Error {
        Error::new(ErrorKind::Json, self.place(), message)
    }

    /// Refuses the character at hand, or the end of the text.
    fn unexpected(&self, context: &str) -> Error {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            None => self.error("unexpected end of JSON input".to_owned()),
            Some('\'') => self.error(format!("invalid character '\\'' {context}")),
            Some(c) if c.is_control() => {
                self.error(format!("invalid character '{}' {context}", c.escape_debug()))
            }
            Some(c) => self.error(format!("invalid character '{c}' {context}")),
        }
    }

    fn value(&mut self) -> Result<Node, Error> {
        self.skip_space();
        let place = self.mark();
        let node = match self.peek() {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::array)?,
            Some(b'"') => Node::string(self.string()?).styled(Style::DoubleQuoted),
            Some(b't') => self.word("true").map(|()| Node::bool(true))?,
            Some(b'f') => self.word("false").map(|()| Node::bool(false))?,
            Some(b'n') => self.word("null").map(|()| Node::null())?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => return Err(self.unexpected("looking for beginning of value")),
        };
        Ok(node.at(place))
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Result<Node, Error>) -> Result<Node, Error> {
        self.depth += 1;
        let limit = Limits::default().depth;
        if self.depth > limit {
            return Err(self.error(format!("exceeded max depth of {limit}")));
        }
        self.at += 1;
        let node = read(self)?;
        self.depth -= 1;
        Ok(node)
    }

    fn object(&mut self) -> Result<Node, Error> {
        let mut entries: Vec<Entry> = Vec::new();
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Node::mapping(entries).styled(Style::Flow));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("looking for beginning of object key string"));
            }
            let place = self.mark();
            let key = Node::string(self.string()?).styled(Style::DoubleQuoted).at(place);
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("after object key"));
            }
            self.at += 1;
            let value = self.value()?;
            entries.push(Entry { key, value });
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.unexpected("after object key:value pair")),
            }
        }
        self.at += 1;
        keep_last(&mut entries);
        Ok(Node::mapping(entries).styled(Style::Flow))
    }

    fn array(&mut self) -> Result<Node, Error> {
        let mut items = Vec::new();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Node::sequence(items).styled(Style::Flow));
        }
        loop {
            items.push(self.value()?);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.unexpected("after array element")),
            }
        }
        self.at += 1;
        Ok(Node::sequence(items).styled(Style::Flow))
    }

    fn word(&mut self, word: &str) -> Result<(), Error> {
        for (index, wanted) in word.bytes().enumerate() {
            if self.peek() != Some(wanted) {
                let wanted = char::from(wanted);
                debug_assert!(index > 0, "the first letter chose the word");
                return Err(self.unexpected(&format!("in literal {word} (expecting '{wanted}')")));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Node, Error> {
        let start = self.at;
        let mut tag = Tag::Int;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.unexpected("in numeric literal")),
        }
        if self.peek() == Some(b'.') {
            tag = Tag::Float;
            self.at += 1;
            self.at_least_one_digit("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            tag = Tag::Float;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.at_least_one_digit("in exponent of numeric literal")?;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        // Integers beyond 64 bits are floats, as YAML reads them.
        if tag == Tag::Int && text.parse::<i64>().is_err() && text.parse::<u64>().is_err() {
            tag = Tag::Float;
        }
        Ok(Node::plain(text).tagged(tag))
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }

    fn at_least_one_digit(&mut self, context: &str) -> Result<(), Error> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.unexpected(context));
        }
        self.digits();
        Ok(())
    }

    fn string(&mut self) -> Result<String, Error> {
        self.at += 1;
        let mut value = String::new();
        loop {
            let start = self.at;
            while self.peek().is_some_and(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
                self.at += 1;
            }
            value.push_str(self.text.get(start..self.at).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(value);
                }
                Some(b'\\') => {
                    self.at += 1;
                    let c = self.escape()?;
                    value.push(c);
                }
                _ => return Err(self.unexpected("in string literal")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Error> {
        let c = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode_escape();
            }
            _ => return Err(self.unexpected("in string escape code")),
        };
        self.at += 1;
        Ok(c)
    }

    /// Reads four digits, and a second escape where the first is half of a surrogate pair; halves alone become U+FFFD.
    fn unicode_escape(&mut self) -> Result<char, Error> {
        let first = self.four_hex_digits()?;
        if (0xd800..0xdc00).contains(&first) && self.text.as_bytes()[self.at..].starts_with(b"\\u") {
            let before = self.at;
            self.at += 2;
            let second = self.four_hex_digits()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or('\u{fffd}'));
            }
            self.at = before;
        }
        Ok(char::from_u32(first).unwrap_or('\u{fffd}'))
    }

    fn four_hex_digits(&mut self) -> Result<u32, Error> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.unexpected("in \\u hexadecimal character escape"));
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }
}

/// Drops entries whose key is written again later.
fn keep_last(entries: &mut Vec<Entry>) {
    if !repeats(entries) {
        return;
    }
    let mut seen = std::collections::HashSet::new();
    let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries.drain(..).rev() {
        if seen.insert(entry.key.as_str().unwrap_or_default().to_owned()) {
            kept.push(entry);
        }
    }
    kept.reverse();
    *entries = kept;
}

fn repeats(entries: &[Entry]) -> bool {
    if entries.len() > 16 {
        let mut seen = std::collections::HashSet::new();
        return entries.iter().any(|entry| !seen.insert(entry.key.as_str()));
    }
    // Most objects have few keys, which are compared sooner than hashed.
    let same = |a: &Entry, b: &Entry| a.key.as_str() == b.key.as_str();
    entries.iter().enumerate().any(|(index, one)| entries.iter().take(index).any(|other| same(one, other)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dialect, to_json};

    #[track_caller]
    fn check(text: &str, wanted: &str) {
        let got = match from_json(text, FileId::NONE) {
            Ok(node) => to_json(&node, Dialect::Yaml11).unwrap(),
            Err(error) => error.to_string(),
        };
        assert_eq!(got, wanted, "{text}");
    }

    #[test]
    fn values_come_back() {
        check(
            r#" {"b":[1,-2.5e3,true,null,"x\n\u00e9\ud83c\udf89"],"a":{},"a":[]} "#,
            "{\"a\":[],\"b\":[1,-2500,true,null,\"x\\né🎉\"]}",
        );
        check("18446744073709551616", "18446744073709552000");
    }

    #[test]
    fn a_text_of_one_line_knows_its_places() {
        let item = r#"{"é": [1, "ü", 2]}, "#;
        let text = format!("[{}null\n, 3]", item.repeat(100_000));
        let node = from_json(&text, FileId::NONE).unwrap();
        let items = node.items().unwrap();
        let place = |node: &Node| (node.place.line, node.place.column);
        // Two bytes are one character.
        let inner = |index: usize| place(&items[index].get("é").unwrap().items().unwrap()[2]);
        assert_eq!((inner(0), inner(99_999)), ((1, 17), (1, 17 + 99_999 * 20)));
        assert_eq!(place(&items[100_001]), (2, 3));
        let error = from_json(&text.replace("null", "nul"), FileId::NONE).unwrap_err();
        assert_eq!(error.place().column, 100_000 * 20 + 5);
    }

    #[test]
    fn errors_are_worded_as_in_go() {
        check("{\"a\":}", "invalid character '}' looking for beginning of value");
        check("[1,]", "invalid character ']' looking for beginning of value");
        check("{\"a\" 1}", "invalid character '1' after object key");
        check("tru", "unexpected end of JSON input");
        check("1 2", "invalid character '2' after top-level value");
        check("{a:1}", "invalid character 'a' looking for beginning of object key string");
        check("nul!", "invalid character '!' in literal null (expecting 'l')");
        check("01", "invalid character '1' after top-level value");
    }
}
