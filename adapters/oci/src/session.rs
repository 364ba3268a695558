//! Requests to a registry: where it is, how it wants to be asked, and what it says when it refuses.

use crate::OciOptions;
use crate::challenge::Challenge;
use crate::keychain::Credential;
use gitops_core::ports::{PortError, Secret};
use gitops_transport::{Answer, Authorization, Call, Client, Method, Url, same_host};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One place that holds a repository: the registry itself or a mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The registry's name and the repository, by which its credential is found.
    pub repository: String,
    /// The repository's path at the registry.
    pub path: String,
    /// `https://registry-1.docker.io/v2/`.
    pub base: Url,
}

impl Place {
    /// Returns the address of something of the repository: `manifests/1.0`.
    pub(crate) fn url(&self, rest: &str) -> Result<Url, PortError> {
        let url = self.base.join(&format!("{}/{rest}", self.path));
        url.map_err(|error| PortError::stalled(format!("{}: {error}", self.repository)))
    }
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Access {
    Pull,
    Push,
}

/// Requests with the credentials they need.
pub(crate) struct Session {
    pub(crate) options: OciOptions,
    client: Client,
    known: Mutex<HashMap<(String, Access), Known>>,
}

/// What was learned of a repository: how it wants to be asked, and the token that it gave.
#[derive(Clone)]
struct Known {
    challenge: Challenge,
    token: Option<(Secret, Instant)>,
}

/// Repositories that are remembered; beyond, all are learned anew.
const REMEMBERED: usize = 10_000;
/// Bytes of a token's answer.
const TOKEN_BYTES: u64 = 1 << 20;
/// How long a token lives that does not say, as the protocol has it.
const TOKEN_SECONDS: u64 = 60;

impl Session {
    pub(crate) fn new(options: OciOptions) -> Result<Self, PortError> {
        let client = Client::new(options.transport.clone())?;
        Ok(Self { options, client, known: Mutex::default() })
    }

    /// Returns the registry itself.
    pub(crate) fn origin(&self, repository: &str) -> Result<Place, PortError> {
        let reference: crate::Reference = repository
            .parse()
            .map_err(|error: crate::ReferenceError| PortError::stalled(error.to_string()))?;
        let host = match reference.host() {
            "docker.io" => "registry-1.docker.io",
            host => host,
        };
        let is_plain = self.options.plain_http.iter().any(|plain| plain == reference.host() || plain == host);
        let scheme = if is_plain { "http" } else { "https" };
        let base = Url::parse(&format!("{scheme}://{host}/v2/"))
            .map_err(|error| PortError::stalled(format!("{repository}: {error}")))?;
        Ok(Place { repository: reference.repository().to_owned(), path: reference.path().to_owned(), base })
    }

    /// Returns where a repository can be read, in the order to try.
    pub(crate) fn places(&self, repository: &str) -> Result<Vec<Place>, PortError> {
        let origin = self.origin(repository)?;
        let host = origin.repository.split('/').next().unwrap_or_default();
        let mirrors = self.options.mirrors.iter().filter(|mirror| mirror.of == host);
        let mut places = mirrors
            .map(|mirror| {
                let (at, is_plain) = mirror.place(&origin.path);
                let mut place = self.origin(&at)?;
                if is_plain {
                    // One of https can always become one of http.
                    let _ = place.base.set_scheme("http");
                }
                Ok(place)
            })
            .collect::<Result<Vec<_>, PortError>>()?;
        places.push(origin);
        Ok(places)
    }

    /// Makes a request with the credential that it needs; the answer may still be a refusal.
    pub(crate) async fn ask(&self, place: &Place, access: Access, call: Call) -> Result<Answer, PortError> {
        // A credential goes to the registry alone, wherever the registry sends us to upload.
        if !same_host(&place.base, call.url()) {
            return self.client.call(&call).await;
        }
        let before = self.authorization(place, access).await?;
        let answer = self.client.call(&call.clone().authorization(before.clone())).await?;
        if answer.status.as_u16() != 401 {
            return Ok(answer);
        }
        let Some(challenge) = Challenge::of(&answer.headers) else {
            return Err(self.refusal(place, &answer));
        };
        self.learn(place, access, Known { challenge, token: None });
        let again = self.authorization(place, access).await?;
        if again.is_none() || (again == before && matches!(again, Some(Authorization::Basic { .. }))) {
            return Err(self.refusal(place, &answer));
        }
        let answer = self.client.call(&call.authorization(again)).await?;
        if answer.status.as_u16() == 401 {
            self.known().remove(&(place.repository.clone(), access));
            return Err(self.refusal(place, &answer));
        }
        Ok(answer)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<(String, Access), Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, place: &Place, access: Access, known: Known) {
        let mut all = self.known();
        if all.len() >= REMEMBERED {
            all.clear();
        }
        all.insert((place.repository.clone(), access), known);
    }

    /// Returns what to send, by what the registry was heard to want; nothing where it was not heard yet.
    async fn authorization(&self, place: &Place, access: Access) -> Result<Option<Authorization>, PortError> {
        let known = self.known().get(&(place.repository.clone(), access)).cloned();
        let Some(known) = known else { return Ok(None) };
        let credential = self.options.keychain.credential(&place.repository);
        let Challenge::Bearer { realm, service, scope } = &known.challenge else {
            return Ok(match credential {
                Some(Credential::Plain(authorization)) => Some(authorization.clone()),
                _ => None,
            });
        };
        if let Some(Credential::Plain(token @ Authorization::Bearer(_))) = credential {
            return Ok(Some(token.clone()));
        }
        if let Some((token, until)) = known.token
            && until > Instant::now()
        {
            return Ok(Some(Authorization::Bearer(token)));
        }
        let scope = match (access, scope) {
            (Access::Pull, Some(scope)) => scope.clone(),
            (Access::Pull, None) => format!("repository:{}:pull", place.path),
            (Access::Push, _) => format!("repository:{}:pull,push", place.path),
        };
        let realm = self.checked_realm(place, realm, credential.is_some())?;
        let (token, life) = self.token(realm, service.as_deref(), &scope, credential).await?;
        let token = Secret::new(token);
        let challenge = known.challenge;
        self.learn(place, access, Known { challenge, token: Some((token.clone(), Instant::now() + life)) });
        Ok(Some(Authorization::Bearer(token)))
    }

    /// Checks where a registry wants a token to be fetched: not unprotected, and no credential to strangers.
    fn checked_realm(&self, place: &Place, realm: &str, with_credential: bool) -> Result<Url, PortError> {
        let registry = place.base.host_str().unwrap_or_default();
        let refused = |why: String| PortError::stalled(format!("{}: {why}", place.repository));
        let url = Url::parse(realm)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| refused("the registry names no valid place for tokens".to_owned()))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        if url.scheme() == "http" && place.base.scheme() == "https" {
            return Err(refused(format!(
                "the registry wants a token fetched unprotected, from http://{host}"
            )));
        }
        let is_allowed = related(registry, &host) || self.options.token_hosts.contains(&host);
        if with_credential && !is_allowed {
            let why = format!(
                "the registry wants its credential sent to another domain, {host}, which is not allowed"
            );
            return Err(refused(why));
        }
        Ok(url)
    }

    async fn token(
        &self,
        mut realm: Url,
        service: Option<&str>,
        scope: &str,
        credential: Option<&Credential>,
    ) -> Result<(String, Duration), PortError> {
        let call = if let Some(Credential::Identity(refresh)) = credential {
            let mut form =
                Url::parse("http://form/").map_err(|error| PortError::stalled(error.to_string()))?;
            form.query_pairs_mut()
                .append_pair("grant_type", "refresh_token")
                .append_pair("service", service.unwrap_or_default())
                .append_pair("client_id", "gitops-rs")
                .append_pair("scope", scope)
                .append_pair("refresh_token", refresh.reveal());
            let body = form.query().unwrap_or_default().to_owned();
            Call::to(Method::POST, realm)?
                .header("content-type", "application/x-www-form-urlencoded")?
                .body(body)
        } else {
            if let Some(service) = service {
                realm.query_pairs_mut().append_pair("service", service);
            }
            // Several scopes stand in one text, but are asked for one by one.
            for scope in scope.split(' ') {
                realm.query_pairs_mut().append_pair("scope", scope);
            }
            let authorization = match credential {
                Some(Credential::Plain(authorization)) => Some(authorization.clone()),
                _ => None,
            };
            Call::to(Method::GET, realm)?.authorization(authorization)
        };
        let answer = self.client.call(&call.limit(TOKEN_BYTES)).await?;
        if !answer.status.is_success() {
            let said = said(&answer);
            return Err(answer.failure(said.as_deref()).while_doing("no token"));
        }
        let value: Value = serde_json::from_slice(&answer.body)
            .map_err(|_| answer.refused("the token's answer is no JSON"))?;
        let token = ["token", "access_token"].iter().find_map(|field| value.get(*field)?.as_str());
        let token = token.filter(|token| !token.is_empty()).ok_or_else(|| answer.refused("no token came"))?;
        let seconds = value.get("expires_in").and_then(Value::as_u64).unwrap_or(TOKEN_SECONDS);
        // A token that ends on its way is of no use.
        let life = Duration::from_secs(seconds.min(24 * 3600).saturating_sub(10));
        Ok((token.to_owned(), life))
    }

    /// Words an answer that is no success.
    pub(crate) fn refusal(&self, place: &Place, answer: &Answer) -> PortError {
        let said = said(answer);
        let error = answer.failure(said.as_deref());
        if !matches!(answer.status.as_u16(), 401 | 403) {
            return error;
        }
        let host = place.repository.split('/').next().unwrap_or_default();
        error.while_doing(match self.options.keychain.credential(&place.repository) {
            Some(_) => format!("{host} refuses the credentials"),
            None => format!("{host} wants credentials, and none are given for {}", place.repository),
        })
    }
}

/// Reads the errors that a registry sends: `MANIFEST_UNKNOWN: manifest unknown`.
fn said(answer: &Answer) -> Option<String> {
    let value: Value = serde_json::from_slice(&answer.body).ok()?;
    let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
    let errors = value.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let errors: Vec<String> = errors
        .iter()
        .take(3)
        .filter_map(|error| match (text(error, "code"), text(error, "message")) {
            (Some(code), Some(message)) => Some(format!("{code}: {message}")),
            (code, message) => code.or(message),
        })
        .collect();
    if errors.is_empty() {
        text(&value, "details").or_else(|| text(&value, "message"))
    } else {
        Some(errors.join("; "))
    }
}

/// Returns whether two hosts are of one owner: the same, one above the other, or beside each other.
fn related(registry: &str, other: &str) -> bool {
    if registry == other {
        return true;
    }
    let is_address = |host: &str| host.starts_with('[') || host.parse::<std::net::IpAddr>().is_ok();
    if is_address(registry) || is_address(other) {
        return false;
    }
    let parent = |host: &str| host.split_once('.').map_or(String::new(), |(_, parent)| parent.to_owned());
    let (above, beside) = (parent(registry), parent(other));
    // `co.uk` and its kin belong to nobody.
    let owned = |domain: &str| {
        let labels: Vec<&str> = domain.split('.').collect();
        match labels[..] {
            [second, top] => !(top.len() == 2 && second.len() <= 3),
            _ => labels.len() > 2,
        }
    };
    (above == other && owned(&above))
        || (registry == beside && owned(registry))
        || (above == beside && owned(&above))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_from_the_registrys_own_domain() {
        assert!(related("registry-1.docker.io", "auth.docker.io"));
        assert!(related("registry.gitlab.com", "gitlab.com"));
        assert!(related("ghcr.io", "ghcr.io") && related("quay.io", "auth.quay.io"));
        assert!(!related("ghcr.io", "evil.io"));
        assert!(!related("reg.co.uk", "evil.co.uk"));
        assert!(!related("10.0.0.1", "10.0.0.2") && !related("1.2.3.4", "2.3.4"));
        assert!(!related("docker.io.evil.org", "docker.io"));
    }
}
