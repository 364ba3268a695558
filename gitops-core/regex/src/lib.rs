//! Regular expressions as Go's `regexp` package reads, matches and refuses them.
//!
//! Go and Rust match alike, leftmost first and in linear time, but they read patterns differently: here `\d`, `\w` and
//! `\b` are ASCII, `[a&&b]` has no intersection, and what Go does not know, such as `(?!x)`, is refused with Go's words.

mod class;
mod error;
mod expand;
mod extract;
mod translate;

pub use error::Error;
pub use extract::Extractor;

use std::ops::Range;

/// A compiled regular expression.
///
/// ```
/// use gitops_regex::GoRegex;
/// let regex = GoRegex::new(r"^main-[a-f0-9]+-(?P<ts>\d+)$")?;
/// let captures = regex.captures("main-5ae1c-1700000001").unwrap();
/// assert_eq!(captures.expand("$ts"), "1700000001");
/// assert_eq!(
///     GoRegex::new("(?!main)").unwrap_err().to_string(),
///     "error parsing regexp: invalid or unsupported Perl syntax: `(?!`",
/// );
/// # Ok::<(), gitops_regex::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct GoRegex {
    pattern: String,
    regex: regex::Regex,
    /// The name of each group, the whole match included; empty where there is none.
    names: Vec<String>,
}

impl GoRegex {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// In Go's words where the pattern is wrong, or too large to be matched in bounded memory.
    pub fn new(pattern: &str) -> Result<Self, Error> {
        let (translated, names) = translate::translate(pattern)?;
        let regex = regex::RegexBuilder::new(&translated)
            .nest_limit(4 * translate::MAX_DEPTH)
            .build()
            .map_err(|_| Error::new("expression too large", pattern))?;
        Ok(Self { pattern: pattern.to_owned(), regex, names })
    }

    /// Returns the pattern.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// Returns whether the pattern matches anywhere in a text.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Returns the bytes of the first match.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Range<usize>> {
        self.regex.find(text).map(|found| found.range())
    }

    /// Returns the bytes of all matches that do not overlap, at most `limit` of them.
    #[must_use]
    pub fn find_all(&self, text: &str, limit: Option<usize>) -> Vec<Range<usize>> {
        self.regex.find_iter(text).take(limit.unwrap_or(usize::MAX)).map(|found| found.range()).collect()
    }

    /// Returns the first match with its groups.
    #[must_use]
    pub fn captures<'t>(&self, text: &'t str) -> Option<Captures<'_, 't>> {
        self.regex.captures(text).map(|captures| Captures { names: &self.names, captures })
    }

    /// Prepares to fill one template from the first matches of many texts.
    #[must_use]
    pub fn extractor<'r>(&'r self, template: &'r str) -> Extractor<'r> {
        Extractor::new(self, template)
    }

    /// Returns the names of the groups, the whole match first; a group without name has an empty one.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    pub(crate) fn groups_named(&self, name: &str) -> impl Iterator<Item = usize> {
        self.names.iter().enumerate().filter(move |(_, known)| *known == name).map(|(group, _)| group)
    }

    /// Replaces all matches by a template in which `$1`, `$name` and `${name}` stand for groups.
    #[must_use]
    pub fn replace_all(&self, text: &str, template: &str) -> String {
        self.replace(text, |captures, out| captures.expand_into(template, out))
    }

    /// Replaces all matches by a text that is taken as it is.
    #[must_use]
    pub fn replace_all_literal(&self, text: &str, replacement: &str) -> String {
        self.replace(text, |_, out| out.push_str(replacement))
    }

    fn replace(&self, text: &str, mut write: impl FnMut(&Captures<'_, '_>, &mut String)) -> String {
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for captures in self.regex.captures_iter(text) {
            let captures = Captures { names: &self.names, captures };
            let Some(whole) = captures.range(0) else { continue };
            out.push_str(&text[done..whole.start]);
            write(&captures, &mut out);
            done = whole.end;
        }
        out.push_str(&text[done..]);
        out
    }

    /// Splits a text at all matches, into at most `limit` parts; with a limit of 0 into none.
    #[must_use]
    pub fn split<'t>(&self, text: &'t str, limit: Option<usize>) -> Vec<&'t str> {
        if limit == Some(0) {
            return Vec::new();
        }
        if text.is_empty() && !self.pattern.is_empty() {
            return vec![""];
        }
        let mut parts = Vec::new();
        let (mut start, mut end) = (0, 0);
        for found in self.find_all(text, limit) {
            if limit.is_some_and(|limit| parts.len() + 1 >= limit) {
                break;
            }
            end = found.start;
            if found.end != 0 {
                parts.push(&text[start..end]);
            }
            start = found.end;
        }
        if end != text.len() {
            parts.push(&text[start..]);
        }
        parts
    }
}

/// One match and its groups.
#[derive(Debug)]
pub struct Captures<'r, 't> {
    names: &'r [String],
    captures: regex::Captures<'t>,
}

impl<'t> Captures<'_, 't> {
    /// Returns the text of a group; 0 is the whole match. `None` where the group has no part in the match.
    #[must_use]
    pub fn get(&self, group: usize) -> Option<&'t str> {
        self.captures.get(group).map(|found| found.as_str())
    }

    /// Returns the bytes of a group.
    #[must_use]
    pub fn range(&self, group: usize) -> Option<Range<usize>> {
        self.captures.get(group).map(|found| found.range())
    }

    /// Returns the text of the first group of this name that has part in the match.
    #[must_use]
    pub fn name(&self, name: &str) -> Option<&'t str> {
        let groups = self.names.iter().enumerate().filter(|(_, known)| *known == name);
        groups.into_iter().find_map(|(group, _)| self.get(group))
    }

    /// Fills a template in which `$1`, `$name` and `${name}` stand for groups and `$$` for a dollar. A name is as long
    /// as it can be: `$1x` is `${1x}`. A group that does not exist is empty.
    #[must_use]
    pub fn expand(&self, template: &str) -> String {
        let mut out = String::new();
        self.expand_into(template, &mut out);
        out
    }

    fn expand_into(&self, template: &str, out: &mut String) {
        expand::expand(template, out, |group| match group {
            expand::Group::Number(number) => self.get(number),
            expand::Group::Name(name) => self.name(name),
        });
    }
}
