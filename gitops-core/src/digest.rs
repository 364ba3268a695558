//! Content by its hash, as artifacts, charts and registries name it: `sha256:…`.

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The SHA-256 of content that comes in pieces.
///
/// ```
/// use gitops_core::digest::{Digester, sha256};
/// let mut digester = Digester::new();
/// digester.update(b"hello ");
/// digester.update(b"world");
/// assert_eq!(digester.finish(), sha256(b"hello world"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Digester(Sha256);

impl Digester {
    /// Starts with no content.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds content.
    pub fn update(&mut self, content: &[u8]) {
        self.0.update(content);
    }

    /// Returns the digest of all that was added: `sha256:` and 64 hexadecimal digits.
    #[must_use]
    pub fn finish(self) -> String {
        let mut text = String::with_capacity(71);
        text.push_str("sha256:");
        for byte in self.0.finalize() {
            // Writing to a String can't fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

/// Returns the digest of content: `sha256:` and 64 hexadecimal digits.
#[must_use]
pub fn sha256(content: &[u8]) -> String {
    let mut digester = Digester::new();
    digester.update(content);
    digester.finish()
}

/// Returns whether a text has the form of a digest that can be checked here: `sha256:` and 64 lower-case digits.
#[must_use]
pub fn is_sha256(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hash| {
        hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_content_has_the_known_digest() {
        let known = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(b""), known);
        assert!(is_sha256(known) && !is_sha256(&known.to_uppercase()) && !is_sha256("sha256:abc"));
    }
}
