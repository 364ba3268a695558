//! Credentials by registry, as docker's configuration holds them.

use base64::Engine as _;
use base64::engine::GeneralPurposeConfig;
use base64::engine::{DecodePaddingMode, GeneralPurpose};
use gitops_core::ports::{PortError, Secret};
use gitops_transport::Authorization;
use serde_json::Value;

/// Which credential belongs to which registry, or to which path of one.
///
/// ```
/// use gitops_oci::Keychain;
/// let keychain = Keychain::from_docker_config(br#"{"auths": {"ghcr.io/org": {"username": "me", "password": "x"}}}"#)?;
/// assert!(keychain.find("ghcr.io/org/app").is_some());
/// assert!(keychain.find("ghcr.io/other/app").is_none());
/// # Ok::<(), gitops_core::ports::PortError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Keychain {
    entries: Vec<(String, Credential)>,
    helpers: Vec<Helper>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    Plain(Authorization),
    /// An identity token: exchanged for an access token where the registry says.
    Identity(Secret),
}

/// A program that docker's configuration names to ask for a credential. It is never run here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Helper {
    /// The registry; empty for all others.
    pub registry: String,
    /// The program's name behind `docker-credential-`.
    pub name: String,
}

impl Keychain {
    /// Adds a credential for a registry, `ghcr.io`, or for a path of it, `ghcr.io/org`; an empty scope is every registry that has
    /// no credential of its own.
    #[must_use]
    pub fn with(mut self, scope: &str, credential: Authorization) -> Self {
        self.entries.push((normalized(scope), Credential::Plain(credential)));
        self
    }

    /// Reads docker's `config.json`, which is what a Secret of the type `kubernetes.io/dockerconfigjson` holds.
    ///
    /// # Errors
    /// Where it is no such file. The error never shows what stands in it.
    pub fn from_docker_config(json: &[u8]) -> Result<Self, PortError> {
        let refused = |why: &str| PortError::stalled(format!("docker's configuration can't be read: {why}"));
        let config: Value = serde_json::from_slice(json).map_err(|error| {
            refused(&format!("no valid JSON at line {}, column {}", error.line(), error.column()))
        })?;
        let config = config.as_object().ok_or_else(|| refused("it is no object"))?;
        let mut keychain = Self::default();
        // The old `.dockercfg` has the registries at its top.
        let auths = match config.get("auths") {
            Some(auths) => auths.as_object(),
            None if config.values().all(|value| value.get("auth").is_some()) => Some(config),
            None => None,
        };
        // A nameless registry would be every one.
        for (registry, entry) in auths.into_iter().flatten().filter(|(name, _)| !name.trim().is_empty()) {
            let text = |field: &str| entry.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
            let credential = if let Some(token) = text("registrytoken") {
                Credential::Plain(Authorization::bearer(token))
            } else if let Some(token) = text("identitytoken") {
                Credential::Identity(Secret::new(token))
            } else if let Some(encoded) = text("auth") {
                let (username, password) = decoded(encoded).ok_or_else(|| {
                    refused(&format!("the field auth of {registry:?} is no name and password in base64"))
                })?;
                Credential::Plain(Authorization::basic(username, password))
            } else if let Some(username) = text("username") {
                Credential::Plain(Authorization::basic(username, text("password").unwrap_or_default()))
            } else {
                continue;
            };
            keychain.entries.push((normalized(registry), credential));
        }
        let stores = config.get("credHelpers").and_then(Value::as_object).into_iter().flatten();
        for (registry, name) in stores.filter_map(|(registry, name)| Some((registry, name.as_str()?))) {
            keychain.helpers.push(Helper { registry: normalized(registry), name: name.to_owned() });
        }
        if let Some(name) = config.get("credsStore").and_then(Value::as_str).filter(|name| !name.is_empty()) {
            keychain.helpers.push(Helper { registry: String::new(), name: name.to_owned() });
        }
        Ok(keychain)
    }

    /// Returns the programs that the configuration names. Who wants them run runs them, and adds what they say with
    /// [`Keychain::with`].
    #[must_use]
    pub fn helpers(&self) -> &[Helper] {
        &self.helpers
    }

    /// Returns the credential of a repository: that of the longest path that leads to it.
    #[must_use]
    pub fn find(&self, repository: &str) -> Option<&Authorization> {
        match self.credential(repository)? {
            Credential::Plain(authorization) => Some(authorization),
            Credential::Identity(_) => None,
        }
    }

    pub(crate) fn credential(&self, repository: &str) -> Option<&Credential> {
        let repository = normalized(repository);
        let leads = |scope: &str| {
            scope.is_empty()
                || repository.strip_prefix(scope).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                || scope.strip_prefix("*.").is_some_and(|domain| {
                    let host = repository.split('/').next().unwrap_or_default();
                    host.split_once('.').is_some_and(|(_, parent)| parent == domain)
                })
        };
        let found = self.entries.iter().filter(|(scope, _)| leads(scope));
        found
            .max_by_key(|(scope, _)| (!scope.is_empty(), !scope.starts_with('*'), scope.len()))
            .map(|(_, credential)| credential)
    }
}

/// Brings `https://index.docker.io/v1/` and its kin to `host/path`.
fn normalized(scope: &str) -> String {
    let bare = scope.strip_prefix("https://").or_else(|| scope.strip_prefix("http://")).unwrap_or(scope);
    let bare = bare.trim_end_matches('/');
    let bare = bare.strip_suffix("/v1").or_else(|| bare.strip_suffix("/v2")).unwrap_or(bare);
    let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
    let host = match host.to_ascii_lowercase().as_str() {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        host => host.to_owned(),
    };
    if path.is_empty() { host } else { format!("{host}/{path}") }
}

fn decoded(encoded: &str) -> Option<(String, String)> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(&base64::alphabet::STANDARD, config);
    let text = String::from_utf8(engine.decode(encoded.trim()).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    Some((username.to_owned(), password.trim_end_matches('\0').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_path_counts_and_no_other_host_matches() {
        let keychain = Keychain::default()
            .with("ghcr.io", Authorization::bearer("host"))
            .with("ghcr.io/org", Authorization::bearer("org"))
            .with("https://index.docker.io/v1/", Authorization::bearer("hub"))
            .with("*.example.org", Authorization::bearer("any"));
        let found = |repository: &str| match keychain.find(repository) {
            Some(Authorization::Bearer(token)) => token.reveal().to_owned(),
            _ => String::new(),
        };
        assert_eq!(found("ghcr.io/org/app"), "org");
        assert_eq!(found("ghcr.io/organisation/app"), "host");
        assert_eq!(found("ghcr.io.evil.org/org/app"), "");
        assert_eq!(found("docker.io/library/nginx"), "hub");
        let everywhere = keychain.clone().with("", Authorization::bearer("every"));
        let of = |repository: &str| everywhere.find(repository).cloned();
        assert_eq!(of("h.io/x"), Some(Authorization::bearer("every")));
        assert_eq!(of("a.example.org/x"), Some(Authorization::bearer("any")));
        assert_eq!((found("a.example.org/x"), found("example.org/x")), ("any".to_owned(), String::new()));
    }

    #[test]
    fn docker_writes_credentials_in_many_ways() {
        let keychain = Keychain::from_docker_config(
            br#"{"auths": {"a.io": {"auth": "bWU6c2VjcmV0"}, "b.io": {"identitytoken": "t"}, "c.io": {}},
                "credHelpers": {"gcr.io": "gcloud"}, "credsStore": "desktop"}"#,
        )
        .unwrap();
        assert_eq!(keychain.find("a.io/x"), Some(&Authorization::basic("me", "secret")));
        assert_eq!(keychain.credential("b.io/x"), Some(&Credential::Identity(Secret::new("t"))));
        assert_eq!(keychain.credential("c.io/x"), None);
        assert_eq!(keychain.helpers().len(), 2);
        let old = Keychain::from_docker_config(br#"{"a.io": {"auth": "bWU6c2VjcmV0"}}"#).unwrap();
        assert!(old.find("a.io/x").is_some());
        let nameless = Keychain::from_docker_config(br#"{"auths": {"": {"auth": "bWU6c2VjcmV0"}}}"#).unwrap();
        assert_eq!(nameless.find("a.io/x"), None);
        let error =
            Keychain::from_docker_config(br#"{"auths": {"a.io": {"auth": "hunter2!"}}}"#).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert!(Keychain::from_docker_config(b"[]").is_err() && Keychain::from_docker_config(b"{").is_err());
    }
}
