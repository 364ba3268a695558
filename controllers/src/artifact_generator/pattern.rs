//! Patterns of paths: `*`, `?`, `[a-z]`, `{a,b}`, and `**` for any number of directories.

/// Returns whether a path is a pattern.
pub(super) fn has_wildcard(path: &str) -> bool {
    path.contains(['*', '?', '[', ']'])
}

/// Returns whether a path matches one of the patterns; one without a slash matches names at any depth.
pub(super) fn is_any_of(patterns: &[String], path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_name = |pattern: &&String| !pattern.contains('/');
    is_path_of(patterns, path)
        || patterns.iter().filter(is_name).any(|pattern| is_path_of(std::slice::from_ref(pattern), name))
}

/// Returns whether a whole path matches one of the patterns.
pub(super) fn is_path_of(patterns: &[String], path: &str) -> bool {
    let path: Vec<&str> = path.split('/').collect();
    let matches = |pattern: &String| matches_path(&pattern.split('/').collect::<Vec<_>>(), &path);
    patterns.iter().flat_map(|pattern| alternatives(pattern)).any(|pattern| matches(&pattern))
}

/// At most this many texts are made of one with braces.
const ALTERNATIVES: usize = 256;

/// Writes out `{a,b}`.
fn alternatives(pattern: &str) -> Vec<String> {
    let mut open = vec![pattern.to_owned()];
    let mut done = Vec::new();
    while let Some(text) = open.pop() {
        let braces = text.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
        match braces {
            Some((before, (list, after))) if open.len() + done.len() < ALTERNATIVES => {
                open.extend(list.split(',').map(|one| format!("{before}{one}{after}")));
            }
            _ => done.push(text),
        }
    }
    done
}

/// Looks at each pair of a part of the pattern and a name once, however many `**` there are.
fn matches_path(pattern: &[&str], path: &[&str]) -> bool {
    // Which beginnings of the path the parts so far match.
    let mut reached = vec![false; path.len() + 1];
    reached.splice(..1, [true]);
    for part in pattern {
        let mut next = vec![false; path.len() + 1];
        let mut is_within = false;
        for (at, is_reached) in reached.iter().enumerate() {
            if *part == "**" {
                is_within |= is_reached;
                next.splice(at..=at, [is_within]);
            } else if *is_reached && path.get(at).is_some_and(|name| matches_segment(part, name)) {
                next.splice(at + 1..=at + 1, [true]);
            }
        }
        reached = next;
    }
    reached.last() == Some(&true)
}

/// Returns whether a name matches a pattern without slashes.
pub(super) fn matches_segment(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut seen) = (0, 0);
    // Where the last star stands, and how much of the name it has taken.
    let mut star: Option<(usize, usize)> = None;
    while seen < name.len() {
        let taken = match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
                continue;
            }
            Some(_) => {
                one(pattern.get(at..).unwrap_or_default(), name.get(seen).copied().unwrap_or_default())
            }
            None => None,
        };
        match (taken, star) {
            (Some(length), _) => (at, seen) = (at + length, seen + 1),
            (None, Some((stands, begun))) => {
                star = Some((stands, begun + 1));
                (at, seen) = (stands + 1, begun + 1);
            }
            (None, None) => return false,
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|c| *c == '*')
}

/// Matches one character; returns how many characters of the pattern say so.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['\\', wanted, ..] => (*wanted == c).then_some(2),
        ['[', rest @ ..] => {
            let (is_negated, class) = match rest {
                ['^' | '!', class @ ..] => (true, class),
                class => (false, class),
            };
            let end = 1 + class.iter().skip(1).position(|c| *c == ']')?;
            let inside = class.get(..end)?;
            let mut is_in = false;
            let mut left = inside;
            while let [first, more @ ..] = left {
                left = match more {
                    ['-', last, after @ ..] => {
                        is_in |= (*first..=*last).contains(&c);
                        after
                    }
                    after => {
                        is_in |= *first == c;
                        after
                    }
                };
            }
            (is_in != is_negated).then_some(end + 2 + usize::from(is_negated))
        }
        [wanted, ..] => (*wanted == c).then_some(1),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, path: &str, wanted: bool) {
        assert_eq!(is_path_of(&[pattern.to_owned()], path), wanted, "{pattern} {path}");
    }

    #[test]
    fn patterns_match_as_shells_match() {
        check("*.md", "a.md", true);
        check("*.md", "a/b.md", false);
        check("**/*.md", "a.md", true);
        check("**/*.md", "a/b/c.md", true);
        check("a/**", "a/b/c", true);
        check("a/**", "a", true);
        check("a/**/z", "a/b/c/z", true);
        check("a/**/z", "a/b/c", false);
        check("a?c", "abc", true);
        check("[a-c]x", "bx", true);
        check("[!a-c]x", "bx", false);
        check("[!a-c]x", "dx", true);
        check("*a*b", "xaxxb", true);
        check("*a*b", "xaxx", false);
        check("\\*", "*", true);
        check("\\*", "a", false);
        check("{a,b}/x", "b/x", true);
        check("{a,b}/x", "c/x", false);
        check("[", "[", false);
        assert!(is_any_of(&["*.md".to_owned()], "deep/er/a.md"));
    }
}
