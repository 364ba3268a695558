//! Where notifications go: what a Provider and its Secrets say, read.

use std::collections::BTreeMap;

use gitops_core::ports::Secret;

/// An address with all that is needed to write to it. Addresses of web hooks are secrets, and are never shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// The URL.
    pub address: Secret,
    /// The channel, room or chat.
    pub channel: String,
    /// A user's name, or the name that messages are sent under.
    pub username: String,
    /// The user's password.
    pub password: Secret,
    /// A token.
    pub token: Secret,
    /// Headers of the `generic` kinds.
    pub headers: BTreeMap<String, Secret>,
    /// What a commit's status is called.
    pub commit_status: String,
    /// The Provider's uid.
    pub uid: String,
}

impl Endpoint {
    /// Returns the address, whose use is worded by `what`.
    pub(super) fn url(&self, what: &str) -> Result<&str, String> {
        let address = self.address.reveal();
        let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
        if rest.is_some_and(|rest| !rest.starts_with(['/', ':', '?', '#']) && !rest.is_empty())
            && !address.contains(|c: char| c.is_whitespace() || c.is_control())
        {
            return Ok(address);
        }
        Err(format!(
            "invalid {what}: the address is no URL with http:// or https://; in a Secret, write it in clear under \
             stringData, or in base64 under data"
        ))
    }

    /// Takes out of a text what must not be shown: an answer may quote the request.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in [&self.token, &self.password, &self.address].into_iter().chain(self.headers.values()) {
            let hidden = secret.reveal();
            if hidden.len() > 3 {
                text = text.replace(hidden, "***");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_urls_and_never_shown() {
        let of = |address: &str| Endpoint { address: Secret::new(address), ..Endpoint::default() };
        assert!(of("https://hooks.example/T0/B0").url("x").is_ok());
        for wrong in ["changeme", "https://", "ftp://a/b", "https:// a", "http://?a"] {
            let error = of(wrong).url("Slack hook URL").unwrap_err();
            assert!(error.starts_with("invalid Slack hook URL: ") && !error.contains("changeme"), "{error}");
        }
        let endpoint = of("https://hooks.example/key");
        assert_eq!(endpoint.mask("POST https://hooks.example/key: no"), "POST ***: no");
        assert!(!format!("{endpoint:?}").contains("key"));
    }
}
