//! Patterns of file names, as Go's `filepath` has them: `*`, `?`, `[a-z]`, `[^a]`, `\` before a character meant as it is.

use gitops_core::tree::{Source, join};

use crate::error::{Error, ErrorKind};

/// Returns whether a path is matched by a pattern as a whole; no part of a pattern matches a slash.
///
/// # Errors
/// When the pattern is malformed.
pub(super) fn matches(pattern: &str, path: &str) -> Result<bool, Error> {
    let (pattern, path): (Vec<char>, Vec<char>) = (pattern.chars().collect(), path.chars().collect());
    check(&pattern)?;
    // The last star, and how much of the path it took: a mismatch lets it take one more character.
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, n));
            p += 1;
            continue;
        }
        if p == pattern.len() && n == path.len() {
            return Ok(true);
        }
        let step = path.get(n).and_then(|&found| one(&pattern, p, found));
        match (step, star) {
            (Some(next), _) => (p, n) = (next, n + 1),
            (None, Some((at, taken))) if path.get(taken).is_some_and(|&c| c != '/') => {
                star = Some((at, taken + 1));
                (p, n) = (at + 1, taken + 1);
            }
            _ => return Ok(false),
        }
    }
}

/// Matches one character; returns where the pattern goes on.
fn one(pattern: &[char], at: usize, found: char) -> Option<usize> {
    match pattern.get(at)? {
        '?' => (found != '/').then_some(at + 1),
        '[' => {
            let (mut i, mut hit) = (at + 1, false);
            let negated = pattern.get(i) == Some(&'^');
            i += usize::from(negated);
            let mut is_first = true;
            while is_first || pattern.get(i) != Some(&']') {
                is_first = false;
                let (low, next) = class_char(pattern, i)?;
                let (high, next) = match pattern.get(next) {
                    Some('-') => class_char(pattern, next + 1)?,
                    _ => (low, next),
                };
                hit |= (low..=high).contains(&found);
                i = next;
            }
            (hit != negated && found != '/').then_some(i + 1)
        }
        '\\' => (pattern.get(at + 1) == Some(&found)).then_some(at + 2),
        c => (*c == found).then_some(at + 1),
    }
}

fn class_char(pattern: &[char], at: usize) -> Option<(char, usize)> {
    match pattern.get(at)? {
        '-' | ']' => None,
        '\\' => Some((*pattern.get(at + 1)?, at + 2)),
        c => Some((*c, at + 1)),
    }
}

fn check(pattern: &[char]) -> Result<(), Error> {
    let refuse = || Err(Error::new(ErrorKind::Kustomization, "syntax error in pattern"));
    let mut at = 0;
    while let Some(c) = pattern.get(at) {
        at = match c {
            '\\' if at + 1 == pattern.len() => return refuse(),
            '\\' => at + 2,
            '[' => {
                let mut i = at + 1 + usize::from(pattern.get(at + 1) == Some(&'^'));
                let mut is_first = true;
                while is_first || pattern.get(i) != Some(&']') {
                    is_first = false;
                    let Some((_, mut next)) = class_char(pattern, i) else { return refuse() };
                    if pattern.get(next) == Some(&'-') {
                        let Some((_, after)) = class_char(pattern, next + 1) else { return refuse() };
                        next = after;
                    }
                    i = next;
                }
                i + 1
            }
            _ => at + 1,
        };
    }
    Ok(())
}

/// Returns the paths that a pattern matches, seen from a directory of the tree, sorted; a pattern without wildcards
/// matches what is there. Hidden names are matched only by a pattern whose last name is hidden.
///
/// # Errors
/// When the pattern is malformed.
pub(super) fn glob(source: &dyn Source, directory: &str, pattern: &str) -> Result<Vec<String>, Error> {
    let mut found = vec![String::new()];
    let absolute = pattern.starts_with('/');
    let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
    let at = |path: &str| if absolute { Ok(format!("/{path}")) } else { join(directory, path) };
    for (n, part) in parts.iter().enumerate() {
        check(&part.chars().collect::<Vec<_>>())?;
        let below =
            |path: &str, name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        let mut next = Vec::new();
        for path in found {
            if !part.contains(['*', '?', '[', '\\']) {
                next.push(below(&path, part));
                continue;
            }
            let here = if path.is_empty() { "." } else { &path };
            for name in at(here).ok().and_then(|here| source.list(&here).ok()).unwrap_or_default() {
                let is_last = n + 1 == parts.len();
                let is_hidden = is_last && name.starts_with('.') && !part.starts_with('.');
                if !is_hidden && matches(part, &name)? {
                    next.push(below(&path, &name));
                }
            }
        }
        found = next;
    }
    found.retain(|path| !path.is_empty() && at(path).is_ok_and(|path| source.kind(&path).is_ok()));
    Ok(if absolute { found.into_iter().map(|path| format!("/{path}")).collect() } else { found })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::tree::MemTree;

    #[test]
    fn patterns_match_as_go_s_do() {
        for (pattern, path, wanted) in [
            ("*.yaml", "a.yaml", true),
            ("*.yaml", "a/b.yaml", false),
            ("a/*.y?ml", "a/b.yaml", true),
            ("[a-c]*[^x]", "bz", true),
            ("[^a-c]*", "bz", false),
            ("\\*", "*", true),
            ("a*b*c", "aXbYbZc", true),
            ("*", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, path).unwrap(), wanted, "{pattern} {path}");
        }
        for pattern in ["[", "[a", "[]a]", "a\\", "[a-]"] {
            assert!(matches(pattern, "a").is_err(), "{pattern}");
        }
        assert!(!matches(&"*a".repeat(2_000), &"a".repeat(1_999)).unwrap(), "and end in time");
    }

    #[test]
    fn files_are_found_below_the_directory_and_beside_it() {
        let mut tree = MemTree::new();
        for path in ["app/b.yaml", "app/a.yaml", "app/.hidden.yaml", "app/sub/c.yaml", "base/k.yaml"] {
            tree.add_file(path, "").unwrap();
        }
        let found = |pattern: &str| glob(&tree, "app", pattern).unwrap();
        assert_eq!(found("*.yaml"), ["a.yaml", "b.yaml"]);
        assert_eq!(found("*/*.yaml"), ["sub/c.yaml"]);
        assert_eq!(found("../base"), ["../base"]);
        assert_eq!(found(".*.yaml"), [".hidden.yaml"]);
        assert!(found("none*").is_empty() && found("none").is_empty());
    }
}
