//! Reads the head of a document that is written as nearly all templates print theirs, without building a tree.
//!
//! The reader knows a part of YAML that can be checked line by line: block mappings and sequences, plain and quoted scalars
//! and flow collections on one line, literal and folded blocks. Whatever else it meets (an anchor, a tag, a scalar over
//! several lines, a mistake) makes it give up, and the document goes to the full reader, which knows what is wrong.

use super::sort::Head;

/// Reads the head; `None` where the document needs the full reader.
pub(crate) fn plain_head(document: &str) -> Option<Head> {
    if !is_printed(document.as_bytes()) {
        return None;
    }
    let mut reader = Reader {
        open: Vec::with_capacity(8),
        pending: false,
        head: Head::default(),
        seen: [false; 4],
        section: Section::Other,
    };
    let mut lines = Lines { rest: document.as_bytes() };
    while let Some(line) = lines.next() {
        reader.line(line, &mut lines)?;
    }
    Some(reader.head)
}

/// The lines of a text, without their breaks.
struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Lines<'a> {
    fn peek(&self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', self.rest).unwrap_or(self.rest.len());
        Some(&self.rest[..end])
    }

    fn next(&mut self) -> Option<&'a [u8]> {
        let line = self.peek()?;
        self.rest = self.rest.get(line.len() + 1..).unwrap_or_default();
        Some(line)
    }
}

/// How deep collections may nest here.
const DEPTH: usize = 200;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Map,
    Sequence,
}

/// Which part of a head the keys at hand belong to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Metadata,
    Annotations,
    Other,
}

struct Reader {
    /// The collections that are open, with their columns, the innermost last.
    open: Vec<(usize, Kind)>,
    /// The last line was a key without a value: a collection may follow.
    pending: bool,
    head: Head,
    /// Which fields of the head were met; twice is for the full reader.
    seen: [bool; 4],
    section: Section,
}

impl Reader {
    fn line(&mut self, line: &[u8], lines: &mut Lines<'_>) -> Option<()> {
        if self.open.len() > DEPTH {
            return None;
        }
        let column = indent(line);
        let content = trim_end(&line[column..]);
        match content {
            [] | [b'#', ..] => Some(()),
            [b'-', b' ', rest @ ..] => self.item(column, rest, lines),
            _ => match key_length(content) {
                Some(length) => {
                    self.enter_map(column)?;
                    self.key(column, content, length, lines)
                }
                None => self.value_below(column, content),
            },
        }
    }

    /// A value on the line after its key, as `toYaml | nindent` prints empty collections.
    fn value_below(&mut self, column: usize, content: &[u8]) -> Option<()> {
        let (at, kind) = *self.open.last()?;
        if !self.pending || kind != Kind::Map || column <= at {
            return None;
        }
        match scalar(content)? {
            Scalar::EmptyMap => {}
            Scalar::None | Scalar::Block => return None,
            _ if self.is_in_head() => return None,
            _ => {}
        }
        self.pending = false;
        Some(())
    }

    /// Whether the key at hand is `metadata` or its `annotations`, whose values must be mappings.
    fn is_in_head(&self) -> bool {
        match self.section {
            Section::Metadata => self.open.len() == 1,
            Section::Annotations => self.open.len() == 2,
            Section::Other => false,
        }
    }

    /// An item of a sequence: a scalar, or a mapping that begins on the same line.
    fn item(&mut self, column: usize, rest: &[u8], lines: &mut Lines<'_>) -> Option<()> {
        self.close(column);
        match *self.open.last()? {
            (at, Kind::Sequence) if at == column => {}
            // A sequence may stand in the column of the key that it belongs to.
            _ if self.pending => {
                if self.is_in_head() {
                    return None;
                }
                self.open.push((column, Kind::Sequence));
            }
            _ => return None,
        }
        self.pending = false;
        let blanks = indent(rest);
        let content = &rest[blanks..];
        let inner = column + 2 + blanks;
        if let Some(length) = key_length(content) {
            self.open.push((inner, Kind::Map));
            return self.key(inner, content, length, lines);
        }
        match scalar(content)? {
            Scalar::Block => block(column, lines),
            Scalar::None => None,
            _ => Some(()),
        }
    }

    /// Closes what a key in this column ends, or opens the mapping that it begins.
    fn enter_map(&mut self, column: usize) -> Option<()> {
        let Some(_) = self.open.last() else {
            self.open.push((column, Kind::Map));
            return (column == 0).then_some(());
        };
        self.close(column);
        match *self.open.last()? {
            (at, Kind::Map) if at == column => Some(()),
            (at, Kind::Sequence) if at == column => {
                self.open.pop();
                (*self.open.last()? == (column, Kind::Map)).then_some(())
            }
            (_, Kind::Map) if self.pending => {
                self.open.push((column, Kind::Map));
                Some(())
            }
            _ => None,
        }
    }

    /// Closes the collections right of a column.
    fn close(&mut self, column: usize) {
        while self.open.last().is_some_and(|(at, _)| *at > column) {
            self.open.pop();
            // What waited for its value was within.
            self.pending = false;
        }
    }

    fn key(&mut self, column: usize, content: &[u8], length: usize, lines: &mut Lines<'_>) -> Option<()> {
        let key = unquoted(&content[..length]);
        if is_null(key) {
            return None;
        }
        let rest = &content[length + 1..];
        let value = scalar(&rest[indent(rest)..])?;
        self.pending = matches!(value, Scalar::None);
        match self.open.len() {
            1 => {
                self.section = Section::Other;
                self.top(key, &value)?;
            }
            2 if matches!(self.section, Section::Metadata | Section::Annotations) => {
                self.section = Section::Metadata;
                self.metadata(key, &value)?;
            }
            3 if self.section == Section::Annotations => {
                self.head.annotations.insert(text(key)?.into(), value.text()?.into());
            }
            _ => {}
        }
        if matches!(value, Scalar::Block) { block(column, lines) } else { Some(()) }
    }

    fn top(&mut self, key: &[u8], value: &Scalar<'_>) -> Option<()> {
        if key.eq_ignore_ascii_case(b"apiVersion") {
            self.once(0, key == b"apiVersion")?;
            self.head.api_version = value.text()?.into();
        } else if key.eq_ignore_ascii_case(b"kind") {
            self.once(1, key == b"kind")?;
            self.head.kind = value.text()?.into();
        } else if key.eq_ignore_ascii_case(b"metadata") {
            self.once(2, key == b"metadata" && matches!(value, Scalar::None))?;
            self.section = Section::Metadata;
        }
        Some(())
    }

    fn metadata(&mut self, key: &[u8], value: &Scalar<'_>) -> Option<()> {
        if key.eq_ignore_ascii_case(b"name") {
            // One flag is left for two fields: a second name is told by the first.
            if key != b"name" || !self.head.name.is_empty() {
                return None;
            }
            self.head.name = value.text()?.into();
        } else if key.eq_ignore_ascii_case(b"annotations") {
            self.once(3, key == b"annotations" && matches!(value, Scalar::None | Scalar::EmptyMap))?;
            if matches!(value, Scalar::None) {
                self.section = Section::Annotations;
            }
        }
        Some(())
    }

    fn once(&mut self, field: usize, is_plain: bool) -> Option<()> {
        let before = std::mem::replace(&mut self.seen[field], true);
        (is_plain && !before).then_some(())
    }
}

/// What stands after a key or a dash.
enum Scalar<'a> {
    /// Nothing, or a comment alone.
    None,
    Plain(&'a [u8]),
    /// The text between quotes, nothing in it escaped.
    Quoted(&'a [u8]),
    /// Quoted, with escapes.
    Escaped,
    EmptyMap,
    /// A flow collection that is no empty mapping.
    Flow,
    Block,
}

impl<'a> Scalar<'a> {
    /// Returns the text of a scalar that is certainly a string.
    fn text(&self) -> Option<&'a str> {
        match self {
            Self::Quoted(quoted) => text(quoted),
            Self::Plain(plain) => {
                let is_word = plain.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'/');
                (is_word && !is_null(plain) && !is_bool(plain)).then(|| text(plain))?
            }
            _ => None,
        }
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn scalar(text: &[u8]) -> Option<Scalar<'_>> {
    match text {
        [] | [b'#', ..] => Some(Scalar::None),
        b"{}" => Some(Scalar::EmptyMap),
        b"|" | b"|-" | b"|+" | b">" | b">-" | b">+" => Some(Scalar::Block),
        [b'"', rest @ ..] => {
            let (scalar, rest) = double_quoted(rest)?;
            ends(rest).map(|()| scalar)
        }
        [b'\'', rest @ ..] => {
            let (scalar, rest) = single_quoted(rest)?;
            ends(rest).map(|()| scalar)
        }
        [b'[' | b'{', ..] => ends(flow(text, 0)?).map(|()| Scalar::Flow),
        _ => (begins_plain(text) && is_plain(text)).then_some(Scalar::Plain(text)),
    }
}

/// Whether a text begins as a plain scalar and nothing else can.
fn begins_plain(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"--").or_else(|| text.strip_prefix(b"-")).unwrap_or(text);
    match text {
        [first, ..] => first.is_ascii_alphanumeric() || matches!(first, b'/' | b'_' | b'$' | b'('),
        [] => false,
    }
}

/// Whether a text that begins well is one plain scalar to its end, and no number that JSON can't hold.
fn is_plain(text: &[u8]) -> bool {
    let is_end = |at: usize| match text[at] {
        b':' => matches!(text.get(at + 1), None | Some(b' ')),
        b'#' => at > 0 && text[at - 1] == b' ',
        b'\t' => true,
        _ => false,
    };
    !(0..text.len()).any(is_end) && !is_doubtful_number(text)
}

fn is_doubtful_number(text: &[u8]) -> bool {
    let is_of_number =
        |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'e' | b'E' | b'+' | b'-' | b'.' | b'_' | b':');
    let may_be_number = !text[0].is_ascii_alphabetic() && text.iter().all(is_of_number);
    may_be_number && (text.len() > 300 || memchr::memchr2(b'e', b'E', text).is_some())
}

/// How deep flow collections may nest here.
const FLOW_DEPTH: usize = 8;

/// Reads a flow collection on one line, and returns what follows it.
fn flow(text: &[u8], depth: usize) -> Option<&[u8]> {
    let (close, is_map) = match text.first()? {
        b'[' => (b']', false),
        _ => (b'}', true),
    };
    if depth > FLOW_DEPTH {
        return None;
    }
    let mut rest = skip_blanks(&text[1..]);
    loop {
        if *rest.first()? == close {
            return Some(&rest[1..]);
        }
        if is_map {
            let length = key_length(rest)?;
            if is_null(&rest[..length]) || rest.get(length + 1) != Some(&b' ') {
                return None;
            }
            rest = skip_blanks(&rest[length + 1..]);
        }
        rest = skip_blanks(match rest {
            [b'"', inner @ ..] => double_quoted(inner)?.1,
            [b'\'', inner @ ..] => single_quoted(inner)?.1,
            [b'[' | b'{', ..] => flow(rest, depth + 1)?,
            _ => {
                let length = rest.iter().position(|byte| !IN_WORD[usize::from(*byte)])?;
                let (word, after) = rest.split_at(length);
                if !word.first()?.is_ascii_alphanumeric() || is_doubtful_number(word) {
                    return None;
                }
                after
            }
        });
        rest = match *rest.first()? {
            b',' => skip_blanks(&rest[1..]),
            byte if byte == close => rest,
            _ => return None,
        };
    }
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    &text[indent(text)..]
}

/// Reads what stands behind an opening quote, and returns what follows the closing one.
fn double_quoted(rest: &[u8]) -> Option<(Scalar<'_>, &[u8])> {
    let mut at = 0;
    let mut is_escaped = false;
    loop {
        at += memchr::memchr3(b'"', b'\\', b'\t', rest.get(at..)?)?;
        match rest[at] {
            b'"' => break,
            b'\\' if matches!(rest.get(at + 1)?, b'n' | b't' | b'r' | b'"' | b'\\') => {
                is_escaped = true;
                at += 2;
            }
            _ => return None,
        }
    }
    let scalar = if is_escaped { Scalar::Escaped } else { Scalar::Quoted(&rest[..at]) };
    Some((scalar, &rest[at + 1..]))
}

fn single_quoted(rest: &[u8]) -> Option<(Scalar<'_>, &[u8])> {
    let mut at = 0;
    let mut is_escaped = false;
    loop {
        at += memchr::memchr2(b'\'', b'\t', rest.get(at..)?)?;
        match rest[at] {
            b'\'' if rest.get(at + 1) == Some(&b'\'') => {
                is_escaped = true;
                at += 2;
            }
            b'\'' => break,
            _ => return None,
        }
    }
    let scalar = if is_escaped { Scalar::Escaped } else { Scalar::Quoted(&rest[..at]) };
    Some((scalar, &rest[at + 1..]))
}

/// Nothing may follow a quoted scalar or a flow collection but a comment.
fn ends(rest: &[u8]) -> Option<()> {
    let comment = &rest[indent(rest)..];
    (comment.is_empty() || comment.starts_with(b"#") && comment.len() < rest.len()).then_some(())
}

/// Passes the lines of a literal or folded block below a key or dash in this column.
fn block(column: usize, lines: &mut Lines<'_>) -> Option<()> {
    let mut inner = None;
    let mut widest_blank = 0;
    while let Some(line) = lines.peek() {
        let blanks = indent(line);
        if blanks == line.len() {
            widest_blank = widest_blank.max(blanks);
        } else {
            if blanks <= column {
                return Some(());
            }
            // A tab may not stand where the first line's indentation is looked for.
            if inner.is_none() && line[blanks] == b'\t' {
                return None;
            }
            let inner = *inner.get_or_insert(blanks);
            // Blank lines above the first one may not be indented deeper.
            if blanks < inner || widest_blank > inner && widest_blank != 0 {
                return None;
            }
        }
        lines.next();
        if inner.is_some() {
            widest_blank = 0;
        }
    }
    Some(())
}

/// The characters of keys.
const IN_KEY: [bool; 256] = table(b"_./-");

/// The characters of plain words within flow collections.
const IN_WORD: [bool; 256] = table(b"_./-+*$()");

/// Letters, digits and the characters that are named.
const fn table(others: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    table
}

/// Returns how long the key at a text's start is, with its quotes; `None` where there is none.
fn key_length(text: &[u8]) -> Option<usize> {
    let (quotes, inner) = match text {
        [b'"', inner @ ..] => (1, inner),
        _ => (0, text),
    };
    let length = inner.iter().position(|byte| !IN_KEY[usize::from(*byte)])?;
    let begins = inner[0].is_ascii_alphabetic() || inner[0] == b'_';
    if quotes == 1 && inner[length] != b'"' {
        return None;
    }
    let end = length + 2 * quotes;
    let ends = text.get(end) == Some(&b':') && matches!(text.get(end + 1), None | Some(b' '));
    (begins && ends && length <= 128).then_some(end)
}

/// Returns a key without its quotes.
fn unquoted(key: &[u8]) -> &[u8] {
    match key {
        [b'"', inner @ .., b'"'] => inner,
        _ => key,
    }
}

fn is_null(text: &[u8]) -> bool {
    matches!(text, b"null" | b"Null" | b"NULL")
}

fn is_bool(text: &[u8]) -> bool {
    const BOOLEANS: [&[u8]; 8] = [b"y", b"n", b"yes", b"no", b"on", b"off", b"true", b"false"];
    BOOLEANS.iter().any(|boolean| text.eq_ignore_ascii_case(boolean))
}

/// Whether a text holds nothing that YAML could refuse, and no other break than `\n`; made to run over many bytes at once.
fn is_printed(text: &[u8]) -> bool {
    let is_bad = |byte: &u8| !matches!(byte, b' '..=b'~' | b'\t' | b'\n');
    text.chunks(64).all(|chunk| !chunk.iter().fold(false, |bad, byte| bad | is_bad(byte)))
}

fn indent(line: &[u8]) -> usize {
    line.iter().position(|byte| *byte != b' ').unwrap_or(line.len())
}

fn trim_end(line: &[u8]) -> &[u8] {
    if line.last().is_some_and(|byte| *byte != b' ') {
        return line;
    }
    let end = line.iter().rposition(|byte| *byte != b' ').map_or(0, |at| at + 1);
    &line[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENTS: [&str; 5] = [
        "# Source: web\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  labels:\n    app: \"x\"\n  \
         annotations:\n    a/b: \"1\"\n    c: d\nspec:\n  list:\n  - a: 1\n    b:\n      - x\n      - \"y\"\n  - c: {}\n  \
         text: |-\n    one\n\n      two\n  last: 'it''s'\n",
        "kind: ConfigMap\nmetadata:\n  name: \"q\"\n  annotations: {}\ndata:\n  k: >-\n   folded\n   text\n  e: \"a\\nb\"\n  z:\n",
        "apiVersion: v1\nkind: List\nitems:\n- |\n  a\n- b\n# c\n- d: e\n  f: g # h\nmetadata: {name: x}\n",
        "kind: Pod\nmetadata:\n  name: x\n  annotations:\n    \"helm.sh/hook\": test\n    p: /metrics\nspec:\n  args: [ \"a\", 'b', c-1, ]\n  \
         list:\n  - --flag=$(X)\n  - {a: 1, b: [x, {}], c: \"y\"} # z\n  resources:\n    {}\n  words:\n    - a: []\n      b:\n        text\n  last: 1\n",
        "a:\n    b:\n      - c: 1\n        d:\n        - e\n    f: null\ny: off\nkind: Secret\n",
    ];

    #[track_caller]
    fn check(document: &str) -> bool {
        let Some(head) = plain_head(document) else { return false };
        let read = Head::read_tree(document, 1);
        let read = read.unwrap_or_else(|error| panic!("{error:?} in\n{document}"));
        assert_eq!(head, read, "\n{document}");
        true
    }

    #[test]
    fn plain_documents_need_no_tree() {
        let is_plain = DOCUMENTS.map(check);
        assert_eq!(is_plain, [true, true, false, true, true]);
        let head = plain_head(DOCUMENTS[0]).unwrap_or_default();
        assert_eq!((&*head.api_version, &*head.kind, &*head.name), ("apps/v1", "Deployment", "web"));
        assert_eq!(head.annotations.len(), 2);
    }

    #[test]
    fn mistakes_go_to_the_full_reader() {
        for document in [
            "a:\n  b:\n- c\n",
            "a:\n    b:\n  c: 1\n",
            "a: b: c\n",
            "a: 1\n  b: 2\n",
            "a: \"x\n",
            "metadata:\n- a\n",
            "metadata:\n  annotations:\n    a:\n      b: c\n",
            "a: .inf\n",
            "null: 1\n",
            "a:\n\t- b\n",
            "a: |\n    \n  x\n",
            "kind: 5\n",
            "a: [b, c\n",
            "a: [b c: d]\n",
            "a: {b c}\n",
            "a: [b]c\n",
            "a: [*b]\n",
            "metadata:\n  x\n",
            "metadata:\n  annotations:\n    []\n",
            "a:\n  {}\n  b: c\n",
            "a:\n  {}\n  {}\n",
            "a:\nb\n",
        ] {
            assert!(plain_head(document).is_none(), "{document}");
        }
    }

    #[test]
    fn what_is_read_without_a_tree_is_what_the_tree_says() {
        const PIECES: &[&str] = &[
            "\n",
            "\n  ",
            "\n    ",
            "\n- ",
            " ",
            ":",
            ": ",
            "-",
            "#",
            " #",
            "|",
            ">",
            "\"",
            "'",
            "{}",
            "[",
            "]",
            "{",
            "}",
            ", ",
            "--",
            "\n    {}",
            "a",
            "1e9",
            ".",
            "\t",
            "&a ",
            "*a",
            "!",
            "%",
            "name: x\n",
            "metadata:\n",
            "\\",
            "~",
            "null",
            "\u{85}",
        ];
        let mut seed = 0x2545_F491_4F6C_DD1D_u64;
        let mut next = |below: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            usize::try_from(seed >> 33).unwrap_or(0) % below
        };
        let mut plain = 0;
        for turn in 0..20_000 {
            let mut text = DOCUMENTS[turn % DOCUMENTS.len()].to_owned();
            for _ in 0..=next(3) {
                let at = next(text.len() + 1);
                if !text.is_char_boundary(at) {
                    continue;
                }
                let end = (at + next(4)).min(text.len());
                if text.is_char_boundary(end) {
                    text.replace_range(at..end, PIECES[next(PIECES.len())]);
                }
            }
            plain += usize::from(check(&text));
        }
        assert!(plain > 1_000, "{plain}");
    }
}
