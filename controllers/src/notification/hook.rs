//! Web hooks that come in: where each lies, and whether a request is what it claims to be.

use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

/// A request to a web hook.
#[derive(Clone, Debug, Default)]
pub struct Hook {
    /// The path: `/hook/…`.
    pub path: String,
    /// Header names, in any case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Hook {
    /// Returns a header's value; empty where it is not sent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value.as_str())
    }
}

/// Returns the path of a Receiver's web hook, which nobody can guess who does not know the token.
///
/// ```
/// assert_eq!(
///     gitops_controllers::notification::webhook_path(b"token", "test", "default"),
///     "/hook/7e951ee64a4d6fb90c13dc8bd1f1077d28f51c55b08b273900ca03659d9c682b",
/// );
/// ```
#[must_use]
pub fn webhook_path(token: &[u8], name: &str, namespace: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(token);
    hash.update(name);
    hash.update(namespace);
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("/hook/{hex}")
}

/// A kind of Receiver that is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiverKind {
    /// Anything at all: the path is the secret.
    Generic,
    /// Anything that is signed.
    GenericHmac,
    /// GitHub.
    GitHub,
    /// GitLab.
    GitLab,
    /// Bitbucket's server.
    Bitbucket,
    /// Harbor.
    Harbor,
    /// Docker Hub.
    DockerHub,
    /// Quay.
    Quay,
    /// Sonatype Nexus.
    Nexus,
    /// Azure's registry.
    Acr,
    /// Whatever tells events of delivery in the words of cdevents.dev.
    CdEvents,
}

const KINDS: [(&str, ReceiverKind); 11] = [
    ("generic", ReceiverKind::Generic),
    ("generic-hmac", ReceiverKind::GenericHmac),
    ("github", ReceiverKind::GitHub),
    ("gitlab", ReceiverKind::GitLab),
    ("bitbucket", ReceiverKind::Bitbucket),
    ("harbor", ReceiverKind::Harbor),
    ("dockerhub", ReceiverKind::DockerHub),
    ("quay", ReceiverKind::Quay),
    ("nexus", ReceiverKind::Nexus),
    ("acr", ReceiverKind::Acr),
    ("cdevents", ReceiverKind::CdEvents),
];
/// What Flux has beside them.
const NOT_BUILT: [&str; 2] = ["gcr", "generic-oidc"];

impl ReceiverKind {
    /// Returns the kind of this name.
    ///
    /// # Errors
    /// That it is not supported.
    pub fn named(name: &str) -> Result<Self, String> {
        if let Some((_, kind)) = KINDS.into_iter().find(|(known, _)| *known == name) {
            return Ok(kind);
        }
        Err(match NOT_BUILT.contains(&name) {
            true => format!("receiver type \"{name}\" not supported: Flux has it, this controller has not"),
            false => format!("receiver type \"{name}\" not supported"),
        })
    }

    /// Checks that a request comes from who knows the token, and is about one of the events; all events where there are none.
    /// Secrets are compared in a time that does not depend on where they differ.
    ///
    /// # Errors
    /// What is wrong with it, in Flux's words and without the token.
    pub fn check(self, hook: &Hook, token: &[u8], events: &[String]) -> Result<(), String> {
        let json = |what: &str| match serde_json::from_slice::<serde_json::Value>(&hook.body) {
            Ok(serde_json::Value::Object(_)) => Ok(()),
            _ => Err(format!("cannot decode {what} webhook payload")),
        };
        match self {
            Self::Generic => Ok(()),
            Self::GenericHmac => signed(hook.header("X-Signature"), &hook.body, token)
                .map_err(|why| format!("unable to validate HMAC signature: {why}")),
            Self::GitHub => {
                github(hook, token)
                    .map_err(|why| format!("the GitHub signature header is invalid, err: {why}"))?;
                wanted("GitHub event", hook.header("X-GitHub-Event"), events)
            }
            Self::Bitbucket => {
                github(hook, token)
                    .map_err(|why| format!("the Bitbucket server signature header is invalid, err: {why}"))?;
                wanted("Bitbucket server event", hook.header("X-Event-Key"), events)
            }
            Self::GitLab => {
                if !same(hook.header("X-Gitlab-Token").as_bytes(), token) {
                    return Err("the X-Gitlab-Token header value does not match the receiver token".into());
                }
                wanted("GitLab event", hook.header("X-Gitlab-Event"), events)
            }
            Self::Harbor if same(hook.header("Authorization").as_bytes(), token) => Ok(()),
            Self::Harbor => {
                Err("the Harbor Authorization header value does not match the receiver token".into())
            }
            Self::DockerHub => json("DockerHub"),
            Self::Quay => json("Quay"),
            Self::Acr => json("ACR"),
            Self::CdEvents => {
                cdevent(&hook.body).map_err(|why| format!("unable to validate CDEvent event: {why}"))?;
                wanted("CDEvent", hook.header("Ce-Type"), events)
            }
            Self::Nexus => {
                let signature = hook.header("X-Nexus-Webhook-Signature");
                if signature.is_empty() {
                    return Err("the Nexus signature is missing from header".into());
                }
                if !mac::<Hmac<Sha1>>(token, &hook.body, signature) {
                    return Err("invalid Nexus signature".into());
                }
                json("Nexus")
            }
        }
    }
}

fn wanted(what: &str, event: &str, events: &[String]) -> Result<(), String> {
    if events.is_empty() || events.iter().any(|one| one.eq_ignore_ascii_case(event)) {
        return Ok(());
    }
    Err(format!("the {what} \"{event}\" is not authorised"))
}

/// What every event of cdevents.dev has: a context that says what happened, and a subject that it happened to.
fn cdevent(body: &[u8]) -> Result<(), String> {
    let event: serde_json::Value = serde_json::from_slice(body).map_err(|_| "the body is no JSON")?;
    let text = |path: &str| event.pointer(path).and_then(serde_json::Value::as_str).unwrap_or_default();
    for path in ["/context/id", "/context/source", "/context/type", "/context/timestamp", "/subject/id"] {
        if text(path).is_empty() {
            return Err(format!("{} is missing", path.trim_start_matches('/').replace('/', ".")));
        }
    }
    let name = text("/context/type");
    // dev.cdevents.artifact.published.0.2.0, or dev.cdeventsx.tool-subject.predicate.0.1.0.
    let parts: Vec<&str> = name.split('-').next().unwrap_or_default().split('.').collect();
    let known =
        matches!(parts.as_slice(), ["dev", "cdevents", _, _, _, _, _]) || name.starts_with("dev.cdeventsx.");
    match known && name.split('.').all(|part| !part.is_empty()) {
        true => Ok(()),
        false => Err(format!("unknown event type \"{name}\"")),
    }
}

/// GitHub's rule: JSON, plain or in a form, signed in one of two headers.
fn github(hook: &Hook, token: &[u8]) -> Result<(), String> {
    let content = hook.header("Content-Type");
    let kind = content.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json")
        && !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
    {
        return Err(format!("webhook request has unsupported Content-Type \"{kind}\""));
    }
    let signature = match hook.header("X-Hub-Signature-256") {
        "" => hook.header("X-Hub-Signature"),
        signature => signature,
    };
    signed(signature, &hook.body, token)
}

/// Checks `sha256=HEX` and its like.
fn signed(signature: &str, body: &[u8], token: &[u8]) -> Result<(), String> {
    if signature.is_empty() {
        return Err("missing signature".into());
    }
    let (algorithm, hex) = signature.split_once('=').ok_or("error parsing signature")?;
    let valid = match algorithm {
        "sha1" => mac::<Hmac<Sha1>>(token, body, hex),
        "sha256" => mac::<Hmac<Sha256>>(token, body, hex),
        "sha512" => mac::<Hmac<Sha512>>(token, body, hex),
        _ => return Err(format!("unknown hash type prefix: \"{algorithm}\"")),
    };
    if valid { Ok(()) } else { Err("payload signature check failed".into()) }
}

fn mac<M: Mac + KeyInit>(token: &[u8], body: &[u8], hex: &str) -> bool {
    let Ok(mut mac) = <M as Mac>::new_from_slice(token) else { return false };
    mac.update(body);
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: Option<Vec<u8>> = hex
        .as_bytes()
        .chunks(2)
        .map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?))
        .collect();
    bytes.is_some_and(|bytes| mac.verify_slice(&bytes).is_ok())
}

/// Compares two texts by their hashes, so that the time tells nothing of either.
fn same(a: &[u8], b: &[u8]) -> bool {
    let (a, b) = (Sha256::digest(a), Sha256::digest(b));
    a.iter().zip(b.iter()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(headers: &[(&str, &str)], body: &str) -> Hook {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Hook { path: String::new(), headers, body: body.into() }
    }

    #[test]
    fn who_does_not_know_the_token_is_refused() {
        let refused = |kind: ReceiverKind, headers: &[(&str, &str)], wanted: &str| {
            let error = kind.check(&hook(headers, "{}"), b"token", &[]).unwrap_err();
            assert!(error.contains(wanted) && !error.contains("token\""), "{kind:?}: {error}");
        };
        refused(ReceiverKind::GenericHmac, &[], "missing signature");
        refused(ReceiverKind::GenericHmac, &[("X-Signature", "md5=00")], "unknown hash type prefix");
        refused(ReceiverKind::GenericHmac, &[("X-Signature", "sha256=0g")], "check failed");
        refused(ReceiverKind::GenericHmac, &[("X-Signature", "sha256=é")], "check failed");
        refused(ReceiverKind::GitHub, &[("Content-Type", "text/plain")], "unsupported Content-Type");
        refused(ReceiverKind::GitLab, &[("X-Gitlab-Token", "toke")], "does not match");
        refused(ReceiverKind::Harbor, &[], "does not match");
        refused(ReceiverKind::Nexus, &[], "missing from header");
    }

    #[test]
    fn events_that_are_not_named_are_refused() {
        let push = hook(&[("x-gitlab-token", "t"), ("X-Gitlab-Event", "Push Hook")], "");
        let check = |events: &[&str]| {
            let events: Vec<String> = events.iter().map(|one| (*one).to_owned()).collect();
            ReceiverKind::GitLab.check(&push, b"t", &events)
        };
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&["push hook"]), Ok(()));
        assert_eq!(check(&["Tag Push Hook"]), Err("the GitLab event \"Push Hook\" is not authorised".into()));
    }

    #[test]
    fn events_of_delivery_are_whole() {
        let body = |name: &str| {
            serde_json::json!({
                "context": {"id": "1", "source": "/ci", "type": name, "timestamp": "2024-05-01T12:00:00Z"},
                "subject": {"id": "pkg:oci/app", "content": {}},
            })
            .to_string()
        };
        let name = "dev.cdevents.artifact.published.0.2.0";
        let check = |body: &str, events: &[&str]| {
            let events: Vec<String> = events.iter().map(|one| (*one).to_owned()).collect();
            ReceiverKind::named("cdevents").unwrap().check(&hook(&[("ce-type", name)], body), b"t", &events)
        };
        assert_eq!(check(&body(name), &[]), Ok(()));
        assert_eq!(check(&body("dev.cdevents.artifact.published.0.2.0-draft"), &[name]), Ok(()));
        assert_eq!(check(&body("dev.cdeventsx.tool-thing.done.0.1.0"), &[]), Ok(()));
        assert_eq!(
            check(&body(name), &["dev.cdevents.change.merged.0.2.0"]),
            Err(format!("the CDEvent \"{name}\" is not authorised"))
        );
        assert!(check(&body("push"), &[]).unwrap_err().contains("unknown event type"));
        assert!(check("{}", &[]).unwrap_err().ends_with("context.id is missing"));
        assert!(check("hello", &[]).is_err());
    }

    #[test]
    fn registries_send_json() {
        assert!(ReceiverKind::DockerHub.check(&hook(&[], r#"{"push_data":{}}"#), b"t", &[]).is_ok());
        assert!(ReceiverKind::DockerHub.check(&hook(&[], "nothing"), b"t", &[]).is_err());
        assert!(ReceiverKind::named("gcr").unwrap_err().contains("Flux has it"));
    }
}
