//! `Str`: a string that is cheap to share. Up to 23 bytes stand inline, longer ones behind a shared count.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::ops::Deref;

/// An immutable string; cloning it never copies more than 24 bytes.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Str(smol_str::SmolStr);

impl Str {
    /// The empty string.
    pub const EMPTY: Self = Self(smol_str::SmolStr::new_static(""));

    /// Wraps a literal without allocating, however long it is.
    #[must_use]
    pub const fn literal(text: &'static str) -> Self {
        Self(smol_str::SmolStr::new_static(text))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Deref for Str {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Str {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Str {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for Str {
    fn from(text: &str) -> Self {
        Self(smol_str::SmolStr::new(text))
    }
}

impl From<String> for Str {
    fn from(text: String) -> Self {
        Self(smol_str::SmolStr::from(text))
    }
}

impl From<&String> for Str {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<std::sync::Arc<str>> for Str {
    /// Shares the text.
    fn from(text: std::sync::Arc<str>) -> Self {
        Self(smol_str::SmolStr::from(text))
    }
}

impl From<Cow<'_, str>> for Str {
    fn from(text: Cow<'_, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Self::from(text),
            Cow::Owned(text) => Self::from(text),
        }
    }
}

impl From<char> for Str {
    fn from(one: char) -> Self {
        Self::from(&*one.encode_utf8(&mut [0; 4]))
    }
}

impl From<Str> for String {
    fn from(text: Str) -> Self {
        text.0.into()
    }
}

impl PartialEq<str> for Str {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Str {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}
