//! Reads a text with `${…}` into parts.

use super::variables::SubstituteError;

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Text that stays.
    Text(String),
    /// What `${…}` holds.
    Expansion(Expansion),
}

/// A variable and what is done with its value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expansion {
    pub(super) variable: String,
    /// `:=`, `/`, `##` …; empty for the value itself.
    pub(super) operator: String,
    pub(super) arguments: Vec<Part>,
}

/// Expansions within expansions.
const MOST_NESTED: usize = 200;

const BAD: SubstituteError = SubstituteError::new("bad substitution");

/// Reads a whole text.
pub(super) fn parse(text: &str) -> Result<Vec<Part>, SubstituteError> {
    let mut scanner = Scanner { text, at: 0, depth: 0 };
    let mut parts = Vec::new();
    loop {
        let literal = scanner.literal(Escapes::Dollar, |_| true);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        if !scanner.opens() {
            return Ok(parts);
        }
        parts.push(Part::Expansion(scanner.expansion()?));
    }
}

/// What a doubled or slashed character means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escapes {
    None,
    /// `$$` is a dollar sign.
    Dollar,
    /// And `\/` a slash, `\\` a backslash.
    DollarAndBackslash,
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Scanner<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Takes a text if it stands here.
    fn take(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    /// Takes `${`.
    fn opens(&mut self) -> bool {
        self.take("${")
    }

    /// Takes `}`.
    fn close(&mut self) -> Result<(), SubstituteError> {
        if self.take("}") { Ok(()) } else { Err(BAD) }
    }

    /// Takes characters that are accepted, up to the next `${`.
    fn literal(&mut self, escapes: Escapes, accept: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(c) = self.peek() {
            let escaped = match c {
                '$' if escapes != Escapes::None => self.rest().starts_with("$$"),
                '\\' if escapes == Escapes::DollarAndBackslash => {
                    self.rest().starts_with(r"\/") || self.rest().starts_with(r"\\")
                }
                _ => false,
            };
            if escaped {
                self.at += 1;
                taken.extend(self.peek());
                self.at += 1;
                continue;
            }
            if self.rest().starts_with("${") || !accept(c) {
                break;
            }
            taken.push(c);
            self.at += c.len_utf8();
        }
        taken
    }

    /// Takes a variable's name.
    fn name(&mut self) -> String {
        let is_part = |c: char| c.is_alphabetic() || c.is_numeric() || c == '_';
        let length = self.rest().find(|c| !is_part(c)).unwrap_or(self.rest().len());
        let name = self.rest().get(..length).unwrap_or_default().to_owned();
        self.at += length;
        name
    }

    /// Reads what follows `${`, and `}`.
    fn expansion(&mut self) -> Result<Expansion, SubstituteError> {
        self.depth += 1;
        if self.depth > MOST_NESTED {
            return Err(SubstituteError::new("expansions are nested too deeply"));
        }
        let expansion = self.inner()?;
        self.depth -= 1;
        Ok(expansion)
    }

    fn inner(&mut self) -> Result<Expansion, SubstituteError> {
        if self.take("#") {
            let variable = self.name();
            if variable.is_empty() {
                return Err(BAD);
            }
            self.close()?;
            return Ok(Expansion { variable, operator: "#".to_owned(), arguments: Vec::new() });
        }
        let variable = self.name();
        if variable.is_empty() {
            return Err(SubstituteError::new("unable to parse variable name"));
        }
        let (operator, arguments) = match self.peek() {
            Some(':') => match self.rest().chars().nth(1) {
                Some('=' | '-' | '?' | '+') => self.default(2)?,
                _ => self.substring()?,
            },
            Some('=') => self.default(1)?,
            Some(c @ (',' | '^')) => (self.repeated(&[c, if c == ',' { '^' } else { ',' }]), Vec::new()),
            Some('/') => self.replacement()?,
            Some(c @ ('#' | '%')) => {
                let operator = self.repeated(&[c]);
                (operator, vec![self.parameter(Escapes::None, |c| c != '}')?])
            }
            Some('}') => {
                self.at += 1;
                return Ok(Expansion { variable, operator: String::new(), arguments: Vec::new() });
            }
            _ => return Err(SubstituteError::new("missing closing brace")),
        };
        self.close()?;
        Ok(Expansion { variable, operator, arguments })
    }

    /// Takes one or two of these characters.
    fn repeated(&mut self, accepted: &[char]) -> String {
        let operator: String = self.rest().chars().take(2).take_while(|c| accepted.contains(c)).collect();
        self.at += operator.len();
        operator
    }

    /// An argument: an expansion, or text up to what is not accepted. At least one character is taken.
    fn parameter(
        &mut self,
        escapes: Escapes,
        accept: impl Fn(char) -> bool,
    ) -> Result<Part, SubstituteError> {
        if self.opens() {
            return self.expansion().map(Part::Expansion);
        }
        let text = self.literal(escapes, accept);
        if text.is_empty() {
            return Err(SubstituteError::new("unable to parse substitution within function"));
        }
        Ok(Part::Text(text))
    }

    /// `:=word` and its likes: text and expansions up to the brace.
    fn default(&mut self, length: usize) -> Result<(String, Vec<Part>), SubstituteError> {
        let operator = self.rest().get(..length).unwrap_or_default().to_owned();
        self.at += length;
        let mut arguments = Vec::new();
        while self.peek() != Some('}') {
            arguments.push(self.parameter(Escapes::None, |c| c != '}')?);
        }
        Ok((operator, arguments))
    }

    /// `:offset` and `:offset:length`.
    fn substring(&mut self) -> Result<(String, Vec<Part>), SubstituteError> {
        self.at += 1;
        let mut arguments = vec![self.parameter(Escapes::None, |c| c != ':' && c != '}')?];
        match self.peek() {
            Some('}') => {}
            Some(':') => {
                let colons = self.rest().find(|c| c != ':').unwrap_or(self.rest().len());
                self.at += colons;
                arguments.push(self.parameter(Escapes::None, |c| c != '}')?);
            }
            _ => return Err(BAD),
        }
        Ok((":".to_owned(), arguments))
    }

    /// `/old/new`, `//old/new`, `/#old/new`, `/%old/new`.
    fn replacement(&mut self) -> Result<(String, Vec<Part>), SubstituteError> {
        let mut operator = "/".to_owned();
        self.at += 1;
        if let Some(second @ ('/' | '#' | '%')) = self.peek() {
            operator.push(second);
            self.at += 1;
        }
        let mut arguments = vec![self.parameter(Escapes::DollarAndBackslash, |c| c != '/')?];
        if !self.take("/") {
            return Err(BAD);
        }
        while self.take("/") {}
        if self.peek() != Some('}') {
            arguments.push(self.parameter(Escapes::DollarAndBackslash, |c| c != '}')?);
        }
        Ok((operator, arguments))
    }
}
