//! What a release may be called.

use crate::{Error, ErrorKind};

const LONGEST: usize = 53;

/// Refuses names that objects could not be named after: lower-case letters, digits, `-` and `.`, at most 53.
///
/// # Errors
/// `no name provided` or `invalid release name, …`.
///
/// ```
/// assert!(helm_rs::release::check_name("web-1").is_ok());
/// assert!(helm_rs::release::check_name("../web").is_err());
/// ```
pub fn check_name(name: &str) -> Result<(), Error> {
    if name.is_empty() {
        return Err(Error::new(ErrorKind::Release, "no name provided"));
    }
    if name.len() <= LONGEST && name.split('.').all(is_label) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Release,
        "invalid release name, must match regex ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be longer than 53",
    ))
}

fn is_label(text: &str) -> bool {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.bytes().all(|b| letter(b) || b == b'-')
        && text.bytes().next().is_some_and(letter)
        && text.bytes().next_back().is_some_and(letter)
}
