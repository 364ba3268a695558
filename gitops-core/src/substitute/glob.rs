//! Patterns as `${v#pattern}` takes them: `*` is any text, slashes too.

/// One step of a pattern.
enum Token {
    Star,
    Any,
    One(char),
    Class { ranges: Vec<(char, char)>, negated: bool },
}

/// Which of several prefixes that match is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefix {
    Shortest,
    Longest,
}

/// Returns the length in characters of the prefix that matches, 0 where none does or the pattern is malformed.
pub(super) fn prefix_length(pattern: &str, text: &[char], which: Prefix) -> usize {
    let Some(tokens) = tokens(pattern) else { return 0 };
    // Which tokens may come next; all prefixes are tried in one pass.
    let mut states = vec![false; tokens.len() + 1];
    states[0] = true;
    skip_stars(&tokens, &mut states);
    let mut found = 0;
    for (index, &c) in text.iter().enumerate() {
        let mut next = vec![false; states.len()];
        for (state, token) in tokens.iter().enumerate().filter(|(state, _)| states[*state]) {
            match token {
                Token::Star => next[state] = true,
                token if token.matches(c) => next[state + 1] = true,
                _ => {}
            }
        }
        states = next;
        skip_stars(&tokens, &mut states);
        if states.last() == Some(&true) {
            found = index + 1;
            if which == Prefix::Shortest {
                break;
            }
        }
        if !states.contains(&true) {
            break;
        }
    }
    found
}

fn skip_stars(tokens: &[Token], states: &mut [bool]) {
    for (state, token) in tokens.iter().enumerate() {
        if states[state] && matches!(token, Token::Star) {
            states[state + 1] = true;
        }
    }
}

impl Token {
    fn matches(&self, c: char) -> bool {
        match self {
            Self::Star => false,
            Self::Any => true,
            Self::One(wanted) => *wanted == c,
            Self::Class { ranges, negated } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
            }
        }
    }
}

/// Reads a pattern; `None` where it is malformed.
fn tokens(pattern: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        tokens.push(match c {
            '*' => Token::Star,
            '?' => Token::Any,
            '\\' => Token::One(chars.next()?),
            '[' => {
                let negated = chars.next_if_eq(&'^').is_some();
                let mut ranges = Vec::new();
                while ranges.is_empty() || chars.next_if_eq(&']').is_none() {
                    let low = class_character(&mut chars)?;
                    let high =
                        if chars.next_if_eq(&'-').is_some() { class_character(&mut chars)? } else { low };
                    ranges.push((low, high));
                }
                Token::Class { ranges, negated }
            }
            c => Token::One(c),
        });
    }
    Some(tokens)
}

/// A character of a class; something must follow it.
fn class_character(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    let c = match chars.next()? {
        '-' | ']' => return None,
        '\\' => chars.next()?,
        c => c,
    };
    chars.peek().map(|_| c)
}
