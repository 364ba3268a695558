//! The texts of versions and ranges, cut into their parts. What upstream writes as regular expressions, by hand.

/// Whether a byte may stand in a pre-release or in metadata.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

/// Whether a byte is a blank for Go's `\s`.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c)
}

/// The parts of a version; those that are not written are empty. No part holds its mark (`.`, `-`, `+`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LooseParts<'t> {
    pub(crate) major: &'t str,
    pub(crate) minor: &'t str,
    pub(crate) patch: &'t str,
    pub(crate) pre: &'t str,
    pub(crate) metadata: &'t str,
}

/// Reads a whole text as a version.
pub(crate) fn loose_version(text: &str) -> Option<LooseParts<'_>> {
    let (parts, rest) = version_with(text, |byte| byte.is_ascii_digit())?;
    rest.is_empty().then_some(parts)
}

/// Reads the version of a range, in which numbers may be wildcards, from the start of a text.
fn range_version(text: &str) -> Option<(LooseParts<'_>, &str)> {
    // Upstream's character class holds the bars that were meant to separate its members.
    version_with(text, |byte| byte.is_ascii_digit() || matches!(byte, b'x' | b'X' | b'*' | b'|'))
}

fn version_with(text: &str, is_number: impl Fn(u8) -> bool) -> Option<(LooseParts<'_>, &str)> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (major, rest) = span(text, &is_number);
    if major.is_empty() {
        return None;
    }
    let (minor, rest) = marked(rest, '.', |text| span(text, &is_number));
    let (patch, rest) =
        if minor.is_empty() { ("", rest) } else { marked(rest, '.', |text| span(text, &is_number)) };
    let (pre, rest) = marked(rest, '-', dotted);
    let (metadata, rest) = marked(rest, '+', dotted);
    Some((LooseParts { major, minor, patch, pre, metadata }, rest))
}

/// Cuts a text behind the bytes of a kind; all kinds here are ASCII.
fn span(text: &str, is_member: impl Fn(u8) -> bool) -> (&str, &str) {
    text.split_at(text.bytes().take_while(|&byte| is_member(byte)).count())
}

/// Takes a mark and what follows it, or nothing at all.
fn marked<'t>(
    text: &'t str,
    mark: char,
    take: impl FnOnce(&'t str) -> (&'t str, &'t str),
) -> (&'t str, &'t str) {
    match text.strip_prefix(mark).map(take) {
        Some((part, rest)) if !part.is_empty() => (part, rest),
        _ => ("", text),
    }
}

/// Cuts a text behind words with dots between them.
fn dotted(text: &str) -> (&str, &str) {
    let mut end = span(text, is_word).0.len();
    while end > 0
        && let Some(after) = text[end..].strip_prefix('.')
    {
        match span(after, is_word).0.len() {
            0 => break,
            word => end += 1 + word,
        }
    }
    text.split_at(end)
}

/// An operator and its version, as they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Comparison<'t> {
    pub(crate) operator: &'t str,
    pub(crate) written: &'t str,
    pub(crate) parts: LooseParts<'t>,
}

/// Longer ones first, where one begins with another.
const OPERATORS: [&str; 11] = ["!=", ">=", "=>", "<=", "=<", "~>", "=", ">", "<", "~", "^"];

/// Reads comparisons with blanks or commas between them; `None` where anything else is there, or nothing.
pub(crate) fn comparisons(text: &str) -> Option<Vec<Comparison<'_>>> {
    let mut found = Vec::new();
    let mut rest = skip_blanks(text);
    loop {
        let operator = OPERATORS.into_iter().find(|operator| rest.starts_with(operator)).unwrap_or("");
        let after = skip_blanks(&rest[operator.len()..]);
        let (parts, behind) = range_version(after)?;
        found.push(Comparison {
            operator: &rest[..operator.len()],
            written: &after[..after.len() - behind.len()],
            parts,
        });
        let next = skip_blanks(behind);
        if next.is_empty() {
            return Some(found);
        }
        rest = match next.strip_prefix(',') {
            Some(next) => skip_blanks(next),
            None if next.len() < behind.len() => next,
            None => return None,
        };
    }
}

fn skip_blanks(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_ascii() && is_blank(c as u8))
}

/// Rewrites each `1.2 - 2.3` as `>= 1.2, <= 2.3 `.
pub(crate) fn rewrite_hyphens(text: &str) -> String {
    let mut out = text.to_owned();
    let mut at = 0;
    while at < text.len() {
        match text.get(at..).and_then(hyphen_range) {
            Some((low, high, length)) => {
                out = out.replacen(&text[at..at + length], &format!(">= {low}, <= {high} "), 1);
                at += length;
            }
            None => at += 1,
        }
    }
    out
}

/// Reads a hyphen range with the blanks around it from the start of a text.
fn hyphen_range(text: &str) -> Option<(&str, &str, usize)> {
    let start = skip_blanks(text);
    let (_, after_low) = range_version(start)?;
    let hyphen = skip_blanks(after_low);
    let after_hyphen = hyphen.strip_prefix('-').filter(|_| hyphen.len() < after_low.len())?;
    let high = skip_blanks(after_hyphen);
    if high.len() == after_hyphen.len() {
        return None;
    }
    let (_, after_high) = range_version(high)?;
    let rest = skip_blanks(after_high);
    let low = &start[..start.len() - after_low.len()];
    Some((low, &high[..high.len() - after_high.len()], text.len() - rest.len()))
}
