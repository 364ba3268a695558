//! Path patterns of `.Files.Glob`: `*` and `?` stop at slashes, `**` does not, `[a-z]`, `[!abc]` and `{a,b}` choose.
//!
//! A pattern becomes a graph of steps that is walked with a set of places, so that no pattern takes more than pattern ×
//! path steps.

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct Glob {
    steps: Vec<Step>,
    start: usize,
}

#[derive(Debug)]
enum Step {
    /// The whole path was matched.
    Done,
    One(Accepts, usize),
    /// Goes on at any of these, without a character.
    Any(Vec<usize>),
}

#[derive(Debug)]
enum Accepts {
    Char(char),
    /// Anything but a slash.
    Name,
    Anything,
    Class(bool, Vec<(char, char)>),
}

/// The parsed pattern, before it is laid out.
#[derive(Debug)]
enum Part {
    One(fn() -> Accepts),
    Char(char),
    Class(bool, Vec<(char, char)>),
    /// Any number of these.
    Many(fn() -> Accepts),
    Either(Vec<Vec<Part>>),
}

impl Glob {
    /// Compiles a pattern; `None` when it is malformed.
    pub(crate) fn compile(pattern: &str) -> Option<Self> {
        let mut parser = Parser { rest: pattern.chars().collect::<Vec<_>>(), at: 0, depth: 0 };
        let (parts, _) = parser.parts(false)?;
        let mut glob = Self { steps: vec![Step::Done], start: 0 };
        glob.start = glob.lay_out(parts, 0);
        Some(glob)
    }

    /// Lays steps out from the last to the first; returns where they start.
    fn lay_out(&mut self, parts: Vec<Part>, next: usize) -> usize {
        parts.into_iter().rev().fold(next, |next, part| match part {
            Part::One(accepts) => self.push(Step::One(accepts(), next)),
            Part::Char(c) => self.push(Step::One(Accepts::Char(c), next)),
            Part::Class(negated, ranges) => self.push(Step::One(Accepts::Class(negated, ranges), next)),
            Part::Many(accepts) => {
                let fork = self.push(Step::Any(vec![next]));
                let one = self.push(Step::One(accepts(), fork));
                if let Some(Step::Any(ways)) = self.steps.get_mut(fork) {
                    ways.push(one);
                }
                fork
            }
            Part::Either(choices) => {
                let ways = choices.into_iter().map(|choice| self.lay_out(choice, next)).collect();
                self.push(Step::Any(ways))
            }
        })
    }

    fn push(&mut self, step: Step) -> usize {
        self.steps.push(step);
        self.steps.len() - 1
    }

    /// Returns how many places the pattern has, which are tried for each character of a path.
    pub(crate) fn len(&self) -> usize {
        self.steps.len()
    }

    /// Returns whether the whole path matches.
    pub(crate) fn matches(&self, path: &str) -> bool {
        let mut places = vec![false; self.steps.len()];
        self.enter(self.start, &mut places);
        for c in path.chars() {
            let mut next = vec![false; self.steps.len()];
            for (index, step) in self.steps.iter().enumerate() {
                if let Step::One(accepts, then) = step
                    && places[index]
                    && accepts.accepts(c)
                {
                    self.enter(*then, &mut next);
                }
            }
            places = next;
        }
        places[0]
    }

    /// Marks a place, and all that it leads to without a character.
    fn enter(&self, place: usize, places: &mut [bool]) {
        let mut open = vec![place];
        while let Some(place) = open.pop() {
            if std::mem::replace(&mut places[place], true) {
                continue;
            }
            if let Step::Any(ways) = &self.steps[place] {
                open.extend(ways);
            }
        }
    }
}

impl Accepts {
    fn accepts(&self, c: char) -> bool {
        match self {
            Self::Char(wanted) => *wanted == c,
            Self::Name => c != '/',
            Self::Anything => true,
            Self::Class(negated, ranges) => {
                ranges.iter().any(|(low, high)| *low <= c && c <= *high) != *negated
            }
        }
    }
}

struct Parser {
    rest: Vec<char>,
    at: usize,
    depth: usize,
}

/// How deep braces may nest.
const DEPTH: usize = 100;

impl Parser {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.get(self.at).copied();
        self.at += 1;
        c
    }

    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    /// Reads to the end, or within braces to `,` or `}`, which is returned as well.
    fn parts(&mut self, in_braces: bool) -> Option<(Vec<Part>, Option<char>)> {
        let mut parts = Vec::new();
        while let Some(c) = self.next() {
            match c {
                ',' | '}' if in_braces => return Some((parts, Some(c))),
                '{' => parts.push(self.braces()?),
                '[' => parts.push(self.class()?),
                '?' => parts.push(Part::One(|| Accepts::Name)),
                '*' if self.peek() == Some('*') => {
                    self.at += 1;
                    parts.push(Part::Many(|| Accepts::Anything));
                }
                '*' => parts.push(Part::Many(|| Accepts::Name)),
                '\\' => parts.push(Part::Char(self.next()?)),
                c => parts.push(Part::Char(c)),
            }
        }
        Some((parts, None))
    }

    fn braces(&mut self) -> Option<Part> {
        self.depth += 1;
        if self.depth > DEPTH {
            return None;
        }
        let mut choices = Vec::new();
        loop {
            let (choice, end) = self.parts(true)?;
            choices.push(choice);
            if end != Some(',') {
                self.depth -= 1;
                return Some(Part::Either(choices));
            }
        }
    }

    fn class(&mut self) -> Option<Part> {
        let negated = self.peek() == Some('!');
        if negated {
            self.at += 1;
        }
        let first = self.next()?;
        if self.peek() == Some('-') {
            self.at += 1;
            let last = self.next()?;
            let closes = self.next()? == ']';
            return (closes && first <= last).then(|| Part::Class(negated, vec![(first, last)]));
        }
        let mut chars = Vec::new();
        let mut c = first;
        while c != ']' {
            let c_or_escaped = if c == '\\' { self.next()? } else { c };
            chars.push((c_or_escaped, c_or_escaped));
            c = self.next()?;
        }
        if chars.is_empty() { None } else { Some(Part::Class(negated, chars)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, path: &str, wanted: bool) {
        assert_eq!(Glob::compile(pattern).is_some_and(|glob| glob.matches(path)), wanted, "{pattern} {path}");
    }

    #[test]
    fn stars_stop_at_slashes_and_double_stars_do_not() {
        check("conf/*", "conf/a.yaml", true);
        check("conf/*", "conf/sub/a.yaml", false);
        check("conf/**", "conf/sub/a.yaml", true);
        check("**.yaml", "a/b/c.yaml", true);
        check("*.{yaml,json}", "a.json", true);
        check("{a,b{c,d}}?", "bdx", true);
        check("[!a-c]x", "dx", true);
        check("[!a-c]x", "bx", false);
        check("\\*", "*", true);
        check("[a", "a", false);
        check("", "", true);
    }

    #[test]
    fn no_pattern_takes_long() {
        let pattern = "*a".repeat(200);
        check(&pattern, &"a".repeat(2_000), true);
        check(&"{**,*}".repeat(80), &"x/".repeat(500), true);
    }
}
