//! `.helmignore`: which files of a directory are no part of the chart.
//!
//! Not git's rules: a pattern without a slash is matched against the last name alone, `**` is refused, and a negated
//! rule ignores everything that does *not* match it. The built-in rule `templates/.?*` comes last.

use crate::go::{base_name, path_match};
use crate::{Error, ErrorKind, Site};

/// The rules of a `.helmignore` file and Helm's own.
///
/// ```
/// use helm_rs::chart::{EntryType, IgnoreRules};
/// let rules = IgnoreRules::parse("*.md\ndocs/\n")?;
/// assert!(rules.ignores("guide/a.md", EntryType::File));
/// assert!(rules.ignores("docs", EntryType::Directory));
/// assert!(!rules.ignores("docs", EntryType::File));
/// # Ok::<(), helm_rs::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct IgnoreRules(Vec<Rule>);

/// Whether a path is a file or a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryType {
    /// A file.
    File,
    /// A directory; where it is ignored, all beneath it is.
    Directory,
}

#[derive(Clone, Debug)]
struct Rule {
    pattern: Pattern,
    negated: bool,
    directories_only: bool,
    part: Part,
}

/// A pattern of Go's `filepath.Match`. Most files are told apart by how it begins and ends.
#[derive(Clone, Debug)]
struct Pattern {
    text: String,
    /// How many bytes stand for themselves before the first special character.
    prefix: usize,
    /// Where the bytes that stand for themselves behind the last special character begin.
    suffix: usize,
}

impl Pattern {
    fn new(text: &str) -> Self {
        const SPECIAL: [char; 5] = ['*', '?', '[', ']', '\\'];
        let prefix = text.find(SPECIAL).unwrap_or(text.len());
        // What follows a backslash is one character that stands for itself.
        let suffix = text.rfind(SPECIAL).map_or(0, |at| at + 1);
        Self { text: text.to_owned(), prefix, suffix }
    }

    fn fits(&self, name: &str) -> bool {
        if self.prefix == self.text.len() {
            return self.text == name;
        }
        name.starts_with(&self.text[..self.prefix])
            && name.ends_with(&self.text[self.suffix..])
            && path_match(&self.text, name).unwrap_or(false)
    }
}

/// What of a path a pattern is matched against.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    WholePath,
    LastName,
}

impl Default for IgnoreRules {
    fn default() -> Self {
        let mut rules = Self(Vec::new());
        rules.add("templates/.?*", 0).expect("the built-in rule is well-formed");
        rules
    }
}

impl IgnoreRules {
    /// Reads a `.helmignore` file; the built-in rule is added at its end.
    ///
    /// # Errors
    /// When a pattern is malformed or holds `**`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut rules = Self(Vec::new());
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (index, line) in text.lines().enumerate() {
            rules.add(line, index + 1)?;
        }
        rules.0.extend(Self::default().0);
        Ok(rules)
    }

    fn add(&mut self, line: &str, number: usize) -> Result<(), Error> {
        let rule = line.trim();
        if rule.is_empty() || rule.starts_with('#') {
            return Ok(());
        }
        let refused = |message: &str| {
            let site = Site {
                file: ".helmignore".to_owned(),
                line: u32::try_from(number).unwrap_or(u32::MAX),
                source_line: Some(line.to_owned()),
                ..Site::default()
            };
            Error::new(ErrorKind::Chart, message).at(site)
        };
        if rule.contains("**") {
            return Err(refused("double-star (**) syntax is not supported"));
        }
        if path_match(rule, "abc").is_none() {
            return Err(refused("syntax error in pattern"));
        }
        let (negated, rule) = rule.strip_prefix('!').map_or((false, rule), |rest| (true, rest));
        let (directories_only, rule) = rule.strip_suffix('/').map_or((false, rule), |rest| (true, rest));
        let (part, pattern) = match rule.strip_prefix('/') {
            Some(rest) => (Part::WholePath, rest),
            None if rule.contains('/') => (Part::WholePath, rule),
            None => (Part::LastName, rule),
        };
        self.0.push(Rule { pattern: Pattern::new(pattern), negated, directories_only, part });
        Ok(())
    }

    /// Returns whether a path, seen from the chart's root, is left out.
    #[must_use]
    pub fn ignores(&self, path: &str, entry: EntryType) -> bool {
        if matches!(path, "" | "." | "./") {
            return false;
        }
        let is_directory = entry == EntryType::Directory;
        let last = base_name(path);
        for rule in &self.0 {
            let name = if rule.part == Part::LastName { last } else { path };
            let fits = (is_directory || !rule.directories_only) && rule.pattern.fits(name);
            if fits != rule.negated {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_what_the_whole_match_says() {
        let patterns = [
            "a", "a.b", "*.b", "a*", "*", "a?b", "[ab].b", "a\\*b", "a\\", "x/*.b", "[a", "a[b]", "?", "",
            "*a*b",
        ];
        let names = [
            "a", "b", "a.b", ".b", "b.b", "a*b", "axb", "x/a.b", "x/y/a.b", "ab", "a\\", "[a", "", "aab",
            "aabb",
        ];
        for pattern in patterns {
            for name in names {
                let expected = path_match(pattern, name).unwrap_or(false);
                assert_eq!(Pattern::new(pattern).fits(name), expected, "{pattern} {name}");
            }
        }
    }
}
