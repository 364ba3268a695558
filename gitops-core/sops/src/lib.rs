//! Documents that SOPS encrypted, read with age keys.
//!
//! YAML, JSON, dotenv and binary documents are read as SOPS v3 writes them: each value is sealed with AES-256-GCM under a
//! data key, and the data key is sealed for age recipients. Documents for PGP, clouds' keys, Vault, or several key groups
//! are refused by name. No key and no value that was decrypted reaches an error or a debug print.
//!
//! ```
//! use gitops_sops::{AgeKeys, Format};
//! let mut keys = AgeKeys::default();
//! assert!(keys.add("AGE-SECRET-KEY-1NOPE").unwrap_err().to_string().contains("line 1"));
//! let plain = b"a: 1";
//! assert!(!Format::Yaml.is_encrypted(plain));
//! let error = gitops_sops::decrypt(plain, Format::Yaml, Format::Yaml, &keys).unwrap_err();
//! assert_eq!(error.to_string(), "sops metadata not found");
//! ```

mod age;
mod cipher;
mod document;
mod metadata;
mod redact;
#[cfg(test)]
mod sealing;
mod tree;

pub use age::AgeKeys;
pub use document::{Format, Integrity, decrypt, decrypt_node};
pub use redact::{PLACEHOLDER, redact, redact_node};

use std::fmt;

/// Why a document could not be decrypted; never quotes a value or a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SopsError {
    message: String,
    is_locked: bool,
}

impl SopsError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_locked: false }
    }

    pub(crate) fn locked(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_locked: true }
    }

    /// Returns whether the document may be sound, and only the key that opens it is missing.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.is_locked
    }
}

impl fmt::Display for SopsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SopsError {}
