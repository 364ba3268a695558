//! The values of variables, and replacing in a text.

use super::eval::{lossy, render};
use super::parse::parse;
use gitops_yaml::Node;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// What a variable without a value means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// An error, unless a default is given. Flux since 2.9.
    #[default]
    Strict,
    /// An empty text. Flux before 2.9.
    Lenient,
}

/// The values of variables by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<String, String>);

/// A text that can't be rendered, in Flux's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubstituteError(Cow<'static, str>);

impl SubstituteError {
    pub(super) const fn new(message: &'static str) -> Self {
        Self(Cow::Borrowed(message))
    }

    pub(super) fn message(message: String) -> Self {
        Self(Cow::Owned(message))
    }

    pub(super) fn unset(name: &str) -> Self {
        Self::message(format!("variable not set (strict mode): {name:?}"))
    }
}

impl fmt::Display for SubstituteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SubstituteError {}

impl Variables {
    /// Sets a variable; line breaks in its value are dropped, as Flux does.
    pub fn set(&mut self, name: impl Into<String>, value: &str) {
        self.0.insert(name.into(), value.replace('\n', ""));
    }

    /// Returns a variable's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Returns whether there is no variable.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lists names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Checks that every name is one that a text can refer to: letters, digits and `_`, no digit first.
    ///
    /// # Errors
    /// `'a-b' var name is invalid, must match …` for the first that is not.
    pub fn check_names(&self) -> Result<(), SubstituteError> {
        let is_name = |name: &str| {
            !name.starts_with(|c: char| c.is_ascii_digit())
                && !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        match self.0.keys().find(|name| !is_name(name)) {
            None => Ok(()),
            Some(name) => Err(SubstituteError::message(format!(
                "'{name}' var name is invalid, must match '^[_[:alpha:]][_[:alpha:][:digit:]]*$'"
            ))),
        }
    }

    /// Replaces the variables in a text. Where a substring cuts a character in two, its bytes become `U+FFFD`.
    ///
    /// # Errors
    /// Where `${…}` is malformed, in Flux's words: `missing closing brace`, `bad substitution` …; and where a variable has
    /// no value and that is not allowed: `variable not set (strict mode): "name"`.
    pub fn replace_in(&self, text: &str, strictness: Strictness) -> Result<String, SubstituteError> {
        if !text.contains('$') {
            return Ok(text.to_owned());
        }
        let parts = parse(text)?;
        let bytes = render(&parts, self, strictness)?;
        Ok(String::from_utf8(bytes).unwrap_or_else(|error| lossy(error.as_bytes())))
    }
}

impl<N: Into<String>, V: AsRef<str>> FromIterator<(N, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut variables = Self::default();
        variables.extend(pairs);
        variables
    }
}

/// Sets variables; later ones win.
impl<N: Into<String>, V: AsRef<str>> Extend<(N, V)> for Variables {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, pairs: I) {
        for (name, value) in pairs {
            self.set(name, value.as_ref());
        }
    }
}

/// Returns whether an object asks not to be touched: a label or annotation `kustomize.toolkit.fluxcd.io/substitute` that is
/// exactly `disabled`.
#[must_use]
pub fn is_disabled(object: &Node) -> bool {
    ["labels", "annotations"].iter().any(|part| {
        let value = object.at_path(&["metadata", part, "kustomize.toolkit.fluxcd.io/substitute"]);
        value.and_then(Node::as_str) == Some("disabled")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_no_text_can_hold_are_refused() {
        let bad: Variables = [("a", "1"), ("b-c", "2")].into_iter().collect();
        assert!(bad.check_names().unwrap_err().to_string().starts_with("'b-c' var name is invalid"));
        let good: Variables = [("_a1", "1")].into_iter().collect();
        assert_eq!(good.check_names(), Ok(()));
    }

    #[test]
    fn deep_nesting_ends_in_an_error() {
        let text = "${a:=".repeat(100_000);
        assert!(Variables::default().replace_in(&text, Strictness::Lenient).is_err());
    }

    #[test]
    fn a_negative_length_is_an_error_and_no_panic() {
        let one: Variables = [("a", "abcdef")].into_iter().collect();
        assert!(one.replace_in("${a:3:-2}", Strictness::Strict).is_err());
    }
}
