//! Progress on stderr, one mark a line, as Flux's users know it.

use crate::printable::Printable;
use std::fmt::Display;

/// Something is being done.
pub(crate) fn action(text: impl Display) {
    anstream::eprintln!("► {}", Printable(text));
}

/// Something is being made.
pub(crate) fn generate(text: impl Display) {
    anstream::eprintln!("✚ {}", Printable(text));
}

/// Something is awaited.
pub(crate) fn waiting(text: impl Display) {
    anstream::eprintln!("◎ {}", Printable(text));
}

/// Something is done.
pub(crate) fn success(text: impl Display) {
    anstream::eprintln!("✔ {}", Printable(text));
}

/// Something may surprise.
pub(crate) fn warning(text: impl Display) {
    anstream::eprintln!("⚠️ {}", Printable(text));
}

/// Something has failed.
pub(crate) fn failure(text: impl Display) {
    anstream::eprintln!("✗ {}", Printable(text));
}
