//! Texts of strangers on a terminal: names and messages come from files, which must not move the cursor.

use std::fmt::{self, Display, Write};

/// Prints a text with its control characters, and those that turn the direction of writing, as escapes.
pub(crate) struct Printable<T>(pub(crate) T);

impl<T: Display> Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'f, 'a>(&'f mut fmt::Formatter<'a>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut done = 0;
        for (at, bad) in text.char_indices().filter(|(_, c)| is_unprintable(*c)) {
            self.0.write_str(text.get(done..at).unwrap_or_default())?;
            write!(self.0, "{}", bad.escape_default())?;
            done = at + bad.len_utf8();
        }
        self.0.write_str(text.get(done..).unwrap_or_default())
    }
}

fn is_unprintable(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || (c.is_control() && !matches!(c, '\n' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        let shown = Printable("a\u{1b}[31mb\u{7}\u{202e}c\n\td é").to_string();
        assert_eq!(shown, "a\\u{1b}[31mb\\u{7}\\u{202e}c\n\td é");
    }
}
