//! Acting as somebody else, with that one's rights and no more.

use http::HeaderValue;
use http::header::{HeaderMap, HeaderName};
use std::fmt;

/// The one that requests are made as.
///
/// An empty name is an error and never "nobody", which the API server would take as the caller itself with all its rights.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Impersonation {
    user: String,
    groups: Vec<String>,
}

/// Why an identity can't be acted as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImpersonationError(&'static str);

impl fmt::Display for ImpersonationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "can not impersonate: {}", self.0)
    }
}

impl std::error::Error for ImpersonationError {}

impl Impersonation {
    /// Acts as a user.
    ///
    /// # Errors
    /// Where the name, or one of the groups, is empty or can't stand in a header.
    pub fn user(
        user: impl Into<String>,
        groups: impl IntoIterator<Item = String>,
    ) -> Result<Self, ImpersonationError> {
        let made = Self { user: user.into(), groups: groups.into_iter().collect() };
        if made.user.trim().is_empty() {
            return Err(ImpersonationError("the user is empty"));
        }
        if made.groups.iter().any(|group| group.trim().is_empty()) {
            return Err(ImpersonationError("a group is empty"));
        }
        made.headers()?;
        Ok(made)
    }

    /// Acts as a service account; its groups are the server's to add.
    ///
    /// # Errors
    /// Where one of the names is empty or not a name.
    pub fn service_account(namespace: &str, name: &str) -> Result<Self, ImpersonationError> {
        let is_name = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte))
        };
        if namespace.is_empty() || name.is_empty() {
            return Err(ImpersonationError("the service account or its namespace is empty"));
        }
        if !is_name(namespace) || !is_name(name) {
            return Err(ImpersonationError("the service account or its namespace is not a name"));
        }
        Self::user(format!("system:serviceaccount:{namespace}:{name}"), [])
    }

    /// Returns whom requests are made as.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.user
    }

    pub(crate) fn headers(&self) -> Result<HeaderMap, ImpersonationError> {
        let value = |text: &str| {
            HeaderValue::from_str(text).map_err(|_| ImpersonationError("a name can not stand in a header"))
        };
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static("impersonate-user"), value(&self.user)?);
        for group in &self.groups {
            headers.append(HeaderName::from_static("impersonate-group"), value(group)?);
        }
        Ok(headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_identity_is_an_error_and_never_no_impersonation() {
        for made in [
            Impersonation::user("", []),
            Impersonation::user(" ", []),
            Impersonation::user("a", [String::new()]),
            Impersonation::service_account("", "a"),
            Impersonation::service_account("ns", ""),
            Impersonation::service_account("ns:other", "a"),
            Impersonation::user("a\nImpersonate-Group: system:masters", []),
        ] {
            assert!(made.is_err(), "{made:?}");
        }
    }

    #[test]
    fn a_service_account_is_named_in_full() {
        let made = Impersonation::service_account("apps", "deployer").unwrap();
        assert_eq!(made.name(), "system:serviceaccount:apps:deployer");
        assert_eq!(made.headers().unwrap()["impersonate-user"], "system:serviceaccount:apps:deployer");
    }
}
