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
    uid: Option<String>,
    /// Keys in small letters, as the server reads them.
    extra: Vec<(String, Vec<String>)>,
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
        let made = Self { user: user.into(), groups: groups.into_iter().collect(), ..Self::default() };
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

    /// Adds the user's uid.
    ///
    /// # Errors
    /// Where it is empty or can't stand in a header.
    pub fn with_uid(mut self, uid: impl Into<String>) -> Result<Self, ImpersonationError> {
        let uid = uid.into();
        if uid.trim().is_empty() {
            return Err(ImpersonationError("the uid is empty"));
        }
        self.uid = Some(uid);
        self.headers()?;
        Ok(self)
    }

    /// Adds one of the user's extra fields, such as `scopes`. The server reads keys in small letters.
    ///
    /// # Errors
    /// Where the key is empty, or a value can't stand in a header.
    pub fn with_extra(
        mut self,
        key: &str,
        values: impl IntoIterator<Item = String>,
    ) -> Result<Self, ImpersonationError> {
        if key.trim().is_empty() {
            return Err(ImpersonationError("the key of an extra field is empty"));
        }
        self.extra.push((key.to_lowercase(), values.into_iter().collect()));
        self.headers()?;
        Ok(self)
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
        if let Some(uid) = &self.uid {
            headers.insert(HeaderName::from_static("impersonate-uid"), value(uid)?);
        }
        for (key, values) in &self.extra {
            let name = HeaderName::try_from(format!("impersonate-extra-{}", escaped(key)))
                .map_err(|_| ImpersonationError("the key of an extra field can not stand in a header"))?;
            for one in values {
                headers.append(name.clone(), value(one)?);
            }
        }
        Ok(headers)
    }
}

/// Writes a key so that it can be a header's name; the server undoes percent signs.
fn escaped(key: &str) -> String {
    let mut out = String::new();
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&'*+-.^_`|~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02x}"));
        }
    }
    out
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
    fn uid_and_extra_fields_stand_in_headers() {
        let jane = Impersonation::user("jane", []).unwrap();
        assert!(jane.clone().with_uid(" ").is_err() && jane.clone().with_extra("", []).is_err());
        assert!(jane.clone().with_uid("a\nb").is_err());
        let made = jane
            .with_uid("u-1")
            .and_then(|made| made.with_extra("Acme.com/Project", ["a".to_owned(), "b".to_owned()]))
            .unwrap();
        let headers = made.headers().unwrap();
        assert_eq!(headers["impersonate-uid"], "u-1");
        let values: Vec<_> = headers.get_all("impersonate-extra-acme.com%2fproject").iter().collect();
        assert_eq!(values, ["a", "b"]);
    }

    #[test]
    fn a_service_account_is_named_in_full() {
        let made = Impersonation::service_account("apps", "deployer").unwrap();
        assert_eq!(made.name(), "system:serviceaccount:apps:deployer");
        assert_eq!(made.headers().unwrap()["impersonate-user"], "system:serviceaccount:apps:deployer");
    }
}
