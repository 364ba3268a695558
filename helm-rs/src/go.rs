//! Small things that Go does its own way: how `%q` quotes, how floats are printed, what a path's last element is.

use std::fmt::Write;

/// Quotes a text as `%q` does.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if is_printable(c) => out.push(c),
            c if (c as u32) < 0x80 => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c if (c as u32) < 0x1_0000 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => {
                let _ = write!(out, "\\U{:08x}", c as u32);
            }
        }
    }
    out.push('"');
    out
}

/// Returns whether Go's `unicode.IsPrint` holds: letters, marks, numbers, punctuation, symbols and the plain space.
pub(crate) fn is_printable(c: char) -> bool {
    match c {
        ' ' => true,
        c if c.is_control() || c.is_whitespace() => false,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}' => false,
        '\u{8e2}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' => false,
        '\u{2060}'..='\u{206f}' | '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' => false,
        '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..='\u{10ffff}' => false,
        _ => true,
    }
}

/// Prints a float as `strconv.FormatFloat(f, 'g', -1, 32)` does: the shortest digits of a 32-bit float, with an
/// exponent below 1e-4 and from 1e6.
pub(crate) fn float32_text(value: f64) -> String {
    #[allow(clippy::cast_possible_truncation, reason = "Go rounds to 32 bits as well")]
    let narrow = value as f32;
    if narrow == 0.0 {
        return if narrow.is_sign_negative() { "-0".to_owned() } else { "0".to_owned() };
    }
    let scientific = format!("{narrow:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{narrow}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// Returns a path's last element as `filepath.Base` does: `.` for nothing, `/` for slashes alone.
pub(crate) fn base_name(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() {
        return "/";
    }
    &trimmed[trimmed.rfind('/').map_or(0, |at| at + 1)..]
}

/// Returns a path's extension with its dot as `filepath.Ext` does.
pub(crate) fn extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rfind('.').and_then(|dot| name.get(dot..)).unwrap_or("")
}

/// Matches a name against a pattern as `filepath.Match` does on Unix: `*` and `?` stop at slashes, `[^a-z]` negates,
/// `\` escapes. `None` when the pattern is malformed, which is checked to its end as Go does since 1.16.
pub(crate) fn path_match(pattern: &str, name: &str) -> Option<bool> {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let parts = chunks(&pattern);
    let mut rest = name.as_slice();
    for (index, (star, chunk)) in parts.iter().enumerate() {
        let last = index + 1 == parts.len();
        if *star && chunk.is_empty() {
            return Some(!rest.contains(&'/'));
        }
        match match_chunk(chunk, rest)? {
            // The last chunk must use up the name, or a later start behind the star is tried.
            Some(after) if !last || after.is_empty() => {
                rest = after;
                continue;
            }
            _ => {}
        }
        let mut found = None;
        if *star {
            for start in 0..rest.len() {
                if rest[start] == '/' {
                    break;
                }
                if let Some(after) = match_chunk(chunk, &rest[start + 1..])? {
                    if last && !after.is_empty() {
                        continue;
                    }
                    found = Some(after);
                    break;
                }
            }
        }
        let Some(after) = found else {
            // The rest of the pattern is still checked for mistakes.
            for (_, chunk) in &parts[index + 1..] {
                match_chunk(chunk, &[])?;
            }
            return Some(false);
        };
        rest = after;
    }
    Some(rest.is_empty())
}

/// Cuts a pattern before its stars; each part says whether a star stands before it.
fn chunks(pattern: &[char]) -> Vec<(bool, &[char])> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while !rest.is_empty() {
        let stars = rest.iter().take_while(|c| **c == '*').count();
        rest = &rest[stars..];
        let (mut end, mut in_range) = (0, false);
        while end < rest.len() {
            match rest[end] {
                '\\' if end + 1 < rest.len() => end += 1,
                '[' => in_range = true,
                ']' => in_range = false,
                '*' if !in_range => break,
                _ => {}
            }
            end += 1;
        }
        parts.push((stars > 0, &rest[..end]));
        rest = &rest[end..];
    }
    parts
}

/// Matches a part without stars at the start of a name: `None` malformed, `Some(None)` no match.
fn match_chunk<'a>(mut chunk: &[char], mut name: &'a [char]) -> Option<Option<&'a [char]>> {
    let mut failed = false;
    while let Some((&first, after)) = chunk.split_first() {
        failed = failed || name.is_empty();
        match first {
            '[' => {
                let c = if failed {
                    None
                } else {
                    let (&c, rest) = name.split_first()?;
                    name = rest;
                    Some(c)
                };
                chunk = after;
                let negated = chunk.first() == Some(&'^');
                if negated {
                    chunk = &chunk[1..];
                }
                let (mut matched, mut ranges) = (false, 0);
                loop {
                    if chunk.first() == Some(&']') && ranges > 0 {
                        chunk = &chunk[1..];
                        break;
                    }
                    let (low, rest) = class_char(chunk)?;
                    chunk = rest;
                    let mut high = low;
                    if chunk.first() == Some(&'-') {
                        let (end, rest) = class_char(&chunk[1..])?;
                        high = end;
                        chunk = rest;
                    }
                    matched = matched || c.is_some_and(|c| low <= c && c <= high);
                    ranges += 1;
                }
                failed = failed || matched == negated;
            }
            '?' => {
                if !failed {
                    failed = name.first() == Some(&'/');
                    name = &name[1..];
                }
                chunk = after;
            }
            _ => {
                let (literal, rest) = if first == '\\' {
                    let (&literal, rest) = after.split_first()?;
                    (literal, rest)
                } else {
                    (first, after)
                };
                if !failed {
                    failed = name.first() != Some(&literal);
                    name = &name[1..];
                }
                chunk = rest;
            }
        }
    }
    Some(if failed { None } else { Some(name) })
}

/// Reads one character of a class; `None` when the class is malformed.
fn class_char(chunk: &[char]) -> Option<(char, &[char])> {
    let (&first, rest) = chunk.split_first()?;
    if first == '-' || first == ']' {
        return None;
    }
    let (c, rest) = if first == '\\' {
        let (&escaped, rest) = rest.split_first()?;
        (escaped, rest)
    } else {
        (first, rest)
    };
    if rest.is_empty() { None } else { Some((c, rest)) }
}

/// Reads bytes as text; each byte that is no UTF-8 becomes U+FFFD, one for one, as Go's JSON does.
pub(crate) fn utf8_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '\u{fffd}'));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_go() {
        assert_eq!(path_match("a*/b", "abc/b"), Some(true));
        assert_eq!(path_match("a*/b", "a/c/b"), Some(false));
        assert_eq!(path_match("*x", "xxx"), Some(true));
        assert_eq!(path_match("a*b?c*x", "abxbbxdbxebxczzx"), Some(true));
        assert_eq!(path_match("[!a]*", "xa"), Some(false));
        assert_eq!(path_match("[^a]*", "xa"), Some(true));
        assert_eq!(path_match("[]a]", "]"), None);
        assert_eq!(path_match("[-]", "-"), None);
        assert_eq!(path_match("a[", "a"), None);
        assert_eq!(path_match("a[", "x"), None);
        assert_eq!(path_match("\\*.txt", "*.txt"), Some(true));
    }

    #[test]
    fn floats_are_printed_with_32_bits() {
        assert_eq!(float32_text(1.2), "1.2");
        assert_eq!(float32_text(1000.0), "1000");
        assert_eq!(float32_text(1e6), "1e+06");
        assert_eq!(float32_text(1e-7), "1e-07");
    }

    #[test]
    fn base_names_are_those_of_filepath() {
        assert_eq!((base_name(""), base_name("/"), base_name("a/b/")), (".", "/", "b"));
        assert_eq!((extension("a.b/c"), extension("x.tar.gz")), ("", ".gz"));
    }
}
