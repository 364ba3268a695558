//! `.sourceignore`: which files of a source stay out of its artifact, by Flux's rules.
//!
//! The patterns are git's with go-git's differences: the last pattern that matches decides, and `!` brings a file back even
//! where its directory is left out. Files of git itself are always out unless a pattern brings them back; images,
//! archives and the configuration of CI services are out only where nobody wrote a pattern.

use super::{EntryKind, Source, TreeError, join};

/// The name of the file of patterns, read in every directory.
pub const IGNORE_FILE: &str = ".sourceignore";

const VCS: [&str; 4] = [".git/", ".gitignore", ".gitmodules", ".gitattributes"];

const DEFAULTS: [&str; 20] = [
    "*.jpg",
    "*.jpeg",
    "*.gif",
    "*.png",
    "*.wmv",
    "*.flv",
    "*.tar.gz",
    "*.zip",
    ".github/",
    ".circleci/",
    ".travis.yml",
    ".gitlab-ci.yml",
    "appveyor.yml",
    ".drone.yml",
    "cloudbuild.yaml",
    "codeship-services.yml",
    "codeship-steps.yml",
    "**/.goreleaser.yml",
    "**/.sops.yaml",
    "**/.flux.yaml",
];

/// Patterns in the order in which they count; the last one that matches decides.
///
/// ```
/// use gitops_core::tree::{EntryKind, IgnoreRules};
/// let rules = IgnoreRules::of("/*\n!/deploy\n");
/// assert!(rules.ignores("README.md", EntryKind::File));
/// assert!(!rules.ignores("deploy/app.yaml", EntryKind::File));
/// ```
#[derive(Clone, Debug)]
pub struct IgnoreRules {
    patterns: Vec<Pattern>,
}

impl IgnoreRules {
    /// Makes the rules of a source whose `spec.ignore` this is and that holds no file of patterns.
    #[must_use]
    pub fn of(spec: &str) -> Self {
        let mut patterns = Vec::new();
        read(spec, &[], &mut patterns);
        Self::from_patterns(patterns)
    }

    /// Reads the files of patterns of a source, and then its `spec.ignore`.
    ///
    /// # Errors
    /// When a directory can't be listed or a file of patterns can't be read.
    pub fn load(source: &dyn Source, spec: Option<&str>) -> Result<Self, TreeError> {
        let mut patterns = Vec::new();
        load(source, ".", &mut Vec::new(), &mut patterns)?;
        read(spec.unwrap_or_default(), &[], &mut patterns);
        Ok(Self::from_patterns(patterns))
    }

    fn from_patterns(written: Vec<Pattern>) -> Self {
        let builtin = |texts: &[&str]| texts.iter().map(|text| Pattern::parse(text, &[])).collect::<Vec<_>>();
        let mut patterns = builtin(&VCS);
        if written.is_empty() {
            patterns.extend(builtin(&DEFAULTS));
        }
        patterns.extend(written);
        Self { patterns }
    }

    /// Returns whether an entry at a cleaned path is left out. Each entry is asked for by itself: files of a directory
    /// that is left out may come back.
    #[must_use]
    pub fn ignores(&self, path: &str, kind: EntryKind) -> bool {
        let path: Vec<&str> = path.split('/').collect();
        let is_directory = kind == EntryKind::Directory;
        let decides = |pattern: &&Pattern| pattern.matches(&path, is_directory);
        self.patterns.iter().rev().find(decides).is_some_and(|pattern| !pattern.includes)
    }
}

/// Directories nested deeper than this are not looked into.
const DEPTH: usize = 256;

fn load(
    source: &dyn Source,
    directory: &str,
    domain: &mut Vec<String>,
    patterns: &mut Vec<Pattern>,
) -> Result<(), TreeError> {
    let names = source.list(directory)?;
    if names.iter().any(|name| name == IGNORE_FILE) {
        let file = join(directory, IGNORE_FILE)?;
        if source.is_file(&file) {
            let text = source.read(&file)?;
            read(&String::from_utf8_lossy(&text), domain, patterns);
        }
    }
    for name in names {
        let path = join(directory, &name)?;
        // A link to a directory is no directory here: its own path resolves to another one.
        let is_link = || source.resolve(&path).is_ok_and(|resolved| resolved != path);
        if name == ".git" || domain.len() >= DEPTH || !source.is_directory(&path) || is_link() {
            continue;
        }
        domain.push(name);
        load(source, &path, domain, patterns)?;
        domain.pop();
    }
    Ok(())
}

fn read(text: &str, domain: &[String], patterns: &mut Vec<Pattern>) {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    patterns.extend(lines.map(|line| Pattern::parse(line, domain)));
}

#[derive(Clone, Debug)]
struct Pattern {
    /// The directory of the file that holds the pattern.
    domain: Vec<String>,
    /// One for each step of a path; a single one matches a name at any depth.
    steps: Vec<String>,
    includes: bool,
    only_directories: bool,
}

impl Pattern {
    fn parse(text: &str, domain: &[String]) -> Self {
        let (includes, text) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let text = if text.ends_with("\\ ") { text } else { text.trim_end_matches(' ') };
        let (only_directories, text) = match text.strip_suffix('/') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let steps = text.split('/').map(str::to_owned).collect();
        Self { domain: domain.to_vec(), steps, includes, only_directories }
    }

    fn matches(&self, path: &[&str], is_directory: bool) -> bool {
        if path.len() <= self.domain.len() || self.domain.iter().zip(path).any(|(a, b)| a != b) {
            return false;
        }
        let path = path.get(self.domain.len()..).unwrap_or_default();
        match &self.steps[..] {
            [name] => self.matches_name(name, path, is_directory),
            steps => self.matches_steps(steps, path, is_directory),
        }
    }

    fn matches_name(&self, name: &str, path: &[&str], is_directory: bool) -> bool {
        match path.iter().position(|step| matches_step(name, step)) {
            Some(index) => !self.only_directories || is_directory || index + 1 < path.len(),
            None => false,
        }
    }

    fn matches_steps(&self, steps: &[String], path: &[&str], is_directory: bool) -> bool {
        let mut path = path;
        let mut matched = false;
        let mut anywhere = false;
        for (index, step) in steps.iter().enumerate() {
            let is_last = index + 1 == steps.len();
            match step.as_str() {
                "" => {
                    anywhere = false;
                    continue;
                }
                "**" if is_last => {
                    matched = !path.is_empty() || is_directory;
                    break;
                }
                "**" => {
                    anywhere = true;
                    continue;
                }
                _ => {}
            }
            if path.is_empty() {
                return false;
            }
            if anywhere {
                anywhere = false;
                let Some(found) = path.iter().position(|name| matches_step(step, name)) else { return false };
                matched = true;
                path = path.get(found + 1..).unwrap_or_default();
            } else {
                let Some((name, rest)) = path.split_first() else { return false };
                if !matches_step(step, name) {
                    return false;
                }
                path = rest;
                // A file can't be the directory that the pattern still goes into.
                matched = !path.is_empty() || is_last;
            }
        }
        matched && !(self.only_directories && !is_directory && path.is_empty())
    }
}

/// Matches one name: `*` any characters, `?` one, `[a-z]` and `[^a-z]` one of a set, `\` takes the next as it is. A
/// malformed pattern matches nothing.
fn matches_step(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // Where to go on when what follows the last star does not match.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&'*') {
            p += 1;
            retry = Some((p, n));
            continue;
        }
        let one = match (pattern.get(p), name.get(n)) {
            (None, None) => return true,
            (Some(_), Some(&found)) => one_of(&pattern, p, found),
            _ => Some((p, false)),
        };
        match one {
            None => return false,
            Some((after, true)) => (p, n) = (after, n + 1),
            Some((_, false)) => match retry {
                Some((star, from)) if from < name.len() => {
                    retry = Some((star, from + 1));
                    (p, n) = (star, from + 1);
                }
                _ => return false,
            },
        }
    }
}

/// Matches the part of a pattern that stands for one character; returns where it ends, `None` where it is malformed.
fn one_of(pattern: &[char], at: usize, found: char) -> Option<(usize, bool)> {
    match *pattern.get(at)? {
        '?' => Some((at + 1, true)),
        '\\' => Some((at + 2, *pattern.get(at + 1)? == found)),
        '[' => {
            let mut at = at + 1;
            let negated = pattern.get(at) == Some(&'^');
            at += usize::from(negated);
            let mut matched = false;
            let mut first = true;
            while first || pattern.get(at) != Some(&']') {
                first = false;
                let low = class_character(pattern, &mut at)?;
                let mut high = low;
                if pattern.get(at) == Some(&'-') {
                    at += 1;
                    high = class_character(pattern, &mut at)?;
                }
                matched |= (low..=high).contains(&found);
            }
            Some((at + 1, matched != negated))
        }
        character => Some((at + 1, character == found)),
    }
}

fn class_character(pattern: &[char], at: &mut usize) -> Option<char> {
    let mut character = *pattern.get(*at)?;
    if matches!(character, '-' | ']') {
        return None;
    }
    if character == '\\' {
        *at += 1;
        character = *pattern.get(*at)?;
    }
    *at += 1;
    Some(character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::MemTree;

    #[test]
    fn names_match_with_stars_and_sets() {
        assert!(matches_step("*.tar.gz", "a.tar.gz") && matches_step("a*c*e", "abcde"));
        assert!(matches_step("[a-c]?", "bx") && !matches_step("[^a-c]?", "bx"));
        assert!(matches_step("\\!x", "!x") && !matches_step("[", "["));
        assert!(!matches_step("*a", "b") && matches_step("*", ""));
    }

    #[test]
    fn files_of_patterns_are_anchored_where_they_stand() {
        let mut tree = MemTree::new();
        tree.add_file("k8s/.sourceignore", "/a.yaml\n").unwrap();
        tree.add_file("k8s/sub/a.yaml", "").unwrap();
        let rules = IgnoreRules::load(&tree, None).unwrap();
        assert!(rules.ignores("k8s/a.yaml", EntryKind::File));
        assert!(!rules.ignores("a.yaml", EntryKind::File));
        assert!(!rules.ignores("k8s/sub/a.yaml", EntryKind::File));
        assert!(!rules.ignores(".github", EntryKind::Directory), "any pattern replaces the defaults");
        assert!(rules.ignores(".git", EntryKind::Directory));
    }
}
