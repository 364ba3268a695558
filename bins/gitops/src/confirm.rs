//! A question before something that can't be undone.

use crate::Failure;
use std::io::{BufRead, Write};

/// Asks a question on stderr; returns whether the answer is yes. No answer is none.
pub(crate) fn confirm(question: &str) -> Result<bool, Failure> {
    let mut screen = std::io::stderr();
    write!(screen, "? {question}? [y/N] ")?;
    screen.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
