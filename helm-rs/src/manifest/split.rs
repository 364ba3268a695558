//! Cuts rendered text into documents, with Helm's leniency.

/// Cuts a text wherever a line starts with `---`. The rest of that line belongs to the document that follows, so that
/// `---kind: X` works; white space at a document's start is dropped, and documents of nothing but white space are.
///
/// ```
/// assert_eq!(helm_rs::manifest::split_manifests("a: 1\n---b: 2\n---\n"), ["a: 1\n", "b: 2\n"]);
/// ```
#[must_use]
pub fn split_manifests(text: &str) -> Vec<&str> {
    split_with_lines(text).into_iter().map(|(_, document)| document).collect()
}

/// As [`split_manifests`]; each document comes with the line it begins on, counted from 1.
pub(crate) fn split_with_lines(text: &str) -> Vec<(u32, &str)> {
    let mut found = Vec::new();
    let trimmed = text.trim_start();
    let mut line = 1 + breaks(&text[..text.len() - trimmed.len()]);
    let mut rest = trimmed;
    loop {
        let (document, next) = match separator(rest) {
            Some(at) => (&rest[..at], Some(&rest[at + 3..])),
            None => (rest, None),
        };
        let content = document.trim_start();
        if !content.is_empty() {
            found.push((line + breaks(&document[..document.len() - content.len()]), content));
        }
        line += breaks(document);
        match next {
            Some(after) => rest = after.trim_start_matches([' ', '\t']),
            None => return found,
        }
    }
}

/// Finds the next `---` at the start of a line.
fn separator(text: &str) -> Option<usize> {
    if text.starts_with("---") {
        return Some(0);
    }
    memchr::memmem::find(text.as_bytes(), b"\n---").map(|at| at + 1)
}

fn breaks(text: &str) -> u32 {
    u32::try_from(memchr::memchr_iter(b'\n', text.as_bytes()).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_know_the_line_they_begin_on() {
        let found = split_with_lines("\n\n---\na: 1\nb: 2\n---\n\n# x\nc: 3\n--- d: 4\n");
        assert_eq!(found, [(4, "a: 1\nb: 2\n"), (8, "# x\nc: 3\n"), (10, "d: 4\n")]);
    }
}
