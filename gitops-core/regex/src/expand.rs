//! Templates of replacements: `$1`, `$name`, `${name}`.

/// A group that a template names.
pub(crate) enum Group<'t> {
    Number(usize),
    Name(&'t str),
}

/// Fills a template. A `$` that names nothing stays.
pub(crate) fn expand<'v>(mut template: &str, out: &mut String, value: impl Fn(Group<'_>) -> Option<&'v str>) {
    while let Some((before, after)) = template.split_once('$') {
        out.push_str(before);
        if let Some(rest) = after.strip_prefix('$') {
            out.push('$');
            template = rest;
        } else if let Some((name, rest)) = take_name(after) {
            out.push_str(value(group(name)).unwrap_or_default());
            template = rest;
        } else {
            out.push('$');
            template = after;
        }
    }
    out.push_str(template);
}

/// Returns the group of a template that is one reference and nothing else.
pub(crate) fn only_group(template: &str) -> Option<Group<'_>> {
    let (name, rest) = take_name(template.strip_prefix('$')?)?;
    rest.is_empty().then(|| group(name))
}

fn take_name(text: &str) -> Option<(&str, &str)> {
    let (is_braced, text) = text.strip_prefix('{').map_or((false, text), |rest| (true, rest));
    let end = text.find(|c: char| !is_letter_or_digit(c) && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return None;
    }
    if is_braced { Some((name, rest.strip_prefix('}')?)) } else { Some((name, rest)) }
}

/// Go's `IsDigit` knows decimal digits alone, Rust's `is_numeric` fractions and the like too.
fn is_letter_or_digit(c: char) -> bool {
    c.is_ascii_alphanumeric() || !c.is_ascii() && (c.is_alphabetic() || c.is_numeric())
}

/// A number without leading zeros is the number of a group, everything else a name.
fn group(name: &str) -> Group<'_> {
    let is_number =
        name.bytes().all(|byte| byte.is_ascii_digit()) && (name.len() == 1 || !name.starts_with('0'));
    match name.parse() {
        Ok(number) if is_number => Group::Number(number),
        _ => Group::Name(name),
    }
}
