//! Label selectors in Kubernetes' syntax: `app=web,tier!=cache,env in (dev,test),!legacy`.

use std::collections::BTreeSet;
use std::fmt;

use gitops_yaml::Str;

use super::qualified_name::{check_key, check_value};

/// A selector over labels, or over annotations, which kustomize selects with the same syntax.
///
/// ```
/// use gitops_core::object::Selector;
/// let selector = Selector::parse("app=web,env in (dev, test),!legacy").unwrap();
/// let labels = [("app", "web"), ("env", "dev")];
/// assert!(selector.matches(|key| labels.iter().find(|label| label.0 == key).map(|label| label.1)));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: Str,
    operator: Operator,
    values: BTreeSet<Str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Exists,
    DoesNotExist,
    In,
    NotIn,
    GreaterThan,
    LessThan,
}

/// Why a text is no selector, in Kubernetes' words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectorError(String);

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SelectorError {}

impl Selector {
    /// Reads a selector; an empty one selects everything.
    ///
    /// # Errors
    /// In Kubernetes' words, such as `unable to parse requirement: found ',', expected: identifier`.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let mut parser = Parser { tokens: tokens(text), position: 0 };
        parser.selector().map_err(SelectorError)
    }

    /// Returns whether the selector selects everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Returns whether an object with these labels is selected.
    pub fn matches<'a>(&self, mut label: impl FnMut(&str) -> Option<&'a str>) -> bool {
        self.requirements.iter().all(|requirement| requirement.matches(label(&requirement.key)))
    }
}

impl Requirement {
    fn matches(&self, label: Option<&str>) -> bool {
        match (self.operator, label) {
            (Operator::Exists, label) => label.is_some(),
            (Operator::DoesNotExist, label) => label.is_none(),
            (Operator::In, label) => label.is_some_and(|label| self.values.contains(label)),
            (Operator::NotIn, label) => label.is_none_or(|label| !self.values.contains(label)),
            (Operator::GreaterThan | Operator::LessThan, None) => false,
            (operator, Some(label)) => {
                let wanted = self.values.first().and_then(|value| value.parse::<i64>().ok());
                let (Ok(found), Some(wanted)) = (label.parse::<i64>(), wanted) else { return false };
                if operator == Operator::GreaterThan { found > wanted } else { found < wanted }
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Symbol(&'static str),
    Identifier(Str),
    Error(String),
    End,
}

impl Token {
    fn literal(&self) -> &str {
        match self {
            Self::Symbol(text) => text,
            Self::Identifier(text) => text,
            Self::Error(text) => text,
            Self::End => "",
        }
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(self, Self::Symbol(text) if *text == symbol)
    }

    /// `in` and `notin` are values where values stand.
    fn as_identifier(&self) -> Option<Str> {
        match self {
            Self::Identifier(text) => Some(text.clone()),
            Self::Symbol(word @ ("in" | "notin")) => Some(Str::literal(word)),
            _ => None,
        }
    }
}

const SYMBOLS: [&str; 9] = ["==", "!=", ")", ",", "!", "=", ">", "<", "("];

fn tokens(text: &str) -> Vec<Token> {
    let is_special = |c: char| matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<');
    let is_blank = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(is_blank);
        if rest.is_empty() || rest.starts_with('\0') {
            found.push(Token::End);
            return found;
        }
        if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
            found.push(Token::Symbol(symbol));
            rest = &rest[symbol.len()..];
            continue;
        }
        let end = rest.find(|c| is_special(c) || is_blank(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        found.push(match word {
            "" => Token::Error(format!("error expected: keyword found '{rest}'")),
            "in" => Token::Symbol("in"),
            "notin" => Token::Symbol("notin"),
            word => Token::Identifier(word.into()),
        });
        rest = after;
    }
}

struct Parser {
    tokens: Vec<Token>,
    position: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.position).unwrap_or(&Token::End)
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.position += 1;
        token
    }

    fn selector(&mut self) -> Result<Selector, String> {
        let mut requirements = Vec::new();
        loop {
            match self.peek() {
                Token::End => return Ok(Selector { requirements }),
                token if token.is("!") || token.as_identifier().is_some() => {
                    let requirement =
                        self.requirement().map_err(|why| format!("unable to parse requirement: {why}"))?;
                    requirements.push(requirement);
                    match self.next() {
                        Token::End => return Ok(Selector { requirements }),
                        token if token.is(",") => {
                            let next = self.peek();
                            if !next.is("!") && next.as_identifier().is_none() {
                                return Err(format!(
                                    "found '{}', expected: identifier after ','",
                                    next.literal()
                                ));
                            }
                        }
                        token => {
                            return Err(format!(
                                "found '{}', expected: ',' or 'end of string'",
                                token.literal()
                            ));
                        }
                    }
                }
                token => {
                    return Err(format!(
                        "found '{}', expected: !, identifier, or 'end of string'",
                        token.literal()
                    ));
                }
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let mut token = self.next();
        let negated = token.is("!");
        if negated {
            token = self.next();
        }
        let Some(key) = token.as_identifier() else {
            return Err(format!("found '{}', expected: identifier", token.literal()));
        };
        check_key(&key)?;
        if negated || *self.peek() == Token::End || self.peek().is(",") {
            let operator = if negated { Operator::DoesNotExist } else { Operator::Exists };
            return Ok(Requirement { key, operator, values: BTreeSet::new() });
        }
        let token = self.next();
        let (operator, values) = match &token {
            Token::Symbol("in") => (Operator::In, self.values()?),
            Token::Symbol("notin") => (Operator::NotIn, self.values()?),
            Token::Symbol("=" | "==") => (Operator::In, self.value()?),
            Token::Symbol("!=") => (Operator::NotIn, self.value()?),
            Token::Symbol(">") => (Operator::GreaterThan, self.value()?),
            Token::Symbol("<") => (Operator::LessThan, self.value()?),
            other => {
                return Err(format!("found '{}', expected: '=', '!=', '==', 'in', notin'", other.literal()));
            }
        };
        let compares = matches!(operator, Operator::GreaterThan | Operator::LessThan);
        if compares && values.iter().any(|value| value.parse::<i64>().is_err()) {
            return Err("for 'Gt', 'Lt' operators, the value must be an integer".to_owned());
        }
        values.iter().try_for_each(|value| check_value(&key, value))?;
        Ok(Requirement { key, operator, values })
    }

    /// One value; nothing before a comma or the end is the empty one.
    fn value(&mut self) -> Result<BTreeSet<Str>, String> {
        if *self.peek() == Token::End || self.peek().is(",") {
            return Ok(BTreeSet::from([Str::EMPTY]));
        }
        let token = self.next();
        match token.as_identifier() {
            Some(value) => Ok(BTreeSet::from([value])),
            None => Err(format!("found '{}', expected: identifier", token.literal())),
        }
    }

    /// Values in parentheses, each perhaps empty.
    fn values(&mut self) -> Result<BTreeSet<Str>, String> {
        let token = self.next();
        if !token.is("(") {
            return Err(format!("found '{}' expected: '('", token.literal()));
        }
        let first = self.peek().clone();
        if first.is(")") {
            self.next();
            return Ok(BTreeSet::from([Str::EMPTY]));
        }
        if !first.is(",") && first.as_identifier().is_none() {
            return Err(format!("found '{}', expected: ',', ')' or identifier", first.literal()));
        }
        let mut values = BTreeSet::new();
        loop {
            let token = self.next();
            if let Some(value) = token.as_identifier() {
                values.insert(value);
                let next = self.peek();
                if next.is(")") {
                    break;
                }
                if !next.is(",") {
                    return Err(format!("found '{}', expected: ',' or ')'", next.literal()));
                }
            } else if token.is(",") {
                if values.is_empty() {
                    values.insert(Str::EMPTY);
                }
                if self.peek().is(")") {
                    values.insert(Str::EMPTY);
                    break;
                }
                if self.peek().is(",") {
                    self.next();
                    values.insert(Str::EMPTY);
                }
            } else {
                return Err(format!("found '{}', expected: ',', or identifier", token.literal()));
            }
        }
        self.next();
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(selector: &str, labels: &[(&str, &str)], wanted: bool) {
        let selector = Selector::parse(selector).unwrap();
        let matches = selector.matches(|key| labels.iter().find(|label| label.0 == key).map(|label| label.1));
        assert_eq!(matches, wanted);
    }

    #[test]
    fn selects_by_every_operator() {
        let labels = [("app", "web"), ("n", "5"), ("empty", "")];
        check("", &labels, true);
        check("app=web", &labels, true);
        check("app == web , n!=6", &labels, true);
        check("app in (web,db),n notin (6)", &labels, true);
        check("app,!gone", &labels, true);
        check("gone", &labels, false);
        check("gone!=x", &labels, true);
        check("n>4,n<6", &labels, true);
        check("n > 5", &labels, false);
        check("empty=", &labels, true);
        check("empty in (,x)", &labels, true);
        check("in in (in)", &[("in", "in")], true);
    }

    #[test]
    fn errors_are_worded_as_kubernetes_does() {
        let say = |text: &str| Selector::parse(text).unwrap_err().to_string();
        assert_eq!(say("a=b,"), "found '', expected: identifier after ','");
        assert_eq!(say("=b"), "found '=', expected: !, identifier, or 'end of string'");
        assert_eq!(
            say("a b"),
            "unable to parse requirement: found 'b', expected: '=', '!=', '==', 'in', notin'"
        );
        assert_eq!(
            say("a>x"),
            "unable to parse requirement: for 'Gt', 'Lt' operators, the value must be an integer"
        );
        assert!(
            say("a/b/c=1")
                .starts_with("unable to parse requirement: invalid label key \"a/b/c\": a qualified")
        );
    }
}
