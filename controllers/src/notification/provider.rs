//! The kinds of Provider: one file words each kind's payload, this one lists them.

mod alertmanager;
mod azuredevops;
mod bitbucket;
mod bitbucketserver;
mod commit_status;
mod datadog;
mod discord;
mod generic;
mod gitea;
mod github;
mod githubdispatch;
mod gitlab;
mod googlechat;
mod grafana;
mod incidentio;
mod lark;
mod matrix;
mod msteams;
mod opsgenie;
mod pagerduty;
mod rocket;
mod sentry;
mod slack;
mod telegram;
mod webex;
mod zoom;
mod zulip;

use gitops_core::ports::{Request, Response};
use serde_json::Value;

use super::endpoint::Endpoint;
use super::notice::{Notice, json};

pub use commit_status::CommitStatus;

/// What is sent for one notice.
#[derive(Clone, Debug)]
pub enum Exchange {
    /// Requests, one after the other; none where the kind does not want the notice.
    Messages {
        /// The requests.
        requests: Vec<Request>,
        /// Whether an answer is a good one.
        verdict: fn(&Response) -> Result<(), String>,
    },
    /// A commit's status, which is written only where it differs from what stands.
    Status(Box<CommitStatus>),
}

type Word = fn(&Endpoint, &Notice) -> Result<Exchange, String>;

/// A kind of Provider that is built.
///
/// ```
/// use gitops_controllers::notification::{Endpoint, Exchange, Notice, ProviderKind};
/// use gitops_core::ports::Secret;
/// let endpoint = Endpoint { address: Secret::new("https://hooks.example/T0"), ..Endpoint::default() };
/// let notice = Notice { message: "all is well".into(), ..Notice::default() };
/// let Exchange::Messages { requests, .. } = ProviderKind::named("slack")?.exchange(&endpoint, &notice)? else {
///     unreachable!("Slack gets messages");
/// };
/// assert!(String::from_utf8_lossy(&requests[0].body).contains(r#""text":"all is well""#));
/// assert!(ProviderKind::named("nats").unwrap_err().contains("provider nats not supported"));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ProviderKind {
    name: &'static str,
    word: Word,
}

const fn kind(name: &'static str, word: Word) -> ProviderKind {
    ProviderKind { name, word }
}

const KINDS: [ProviderKind; 27] = [
    kind("generic", generic::plain),
    kind("generic-hmac", generic::signed),
    kind("slack", slack::word),
    kind("discord", discord::word),
    kind("rocket", rocket::word),
    kind("msteams", msteams::word),
    kind("googlechat", googlechat::word),
    kind("webex", webex::word),
    kind("telegram", telegram::word),
    kind("lark", lark::word),
    kind("matrix", matrix::word),
    kind("zulip", zulip::word),
    kind("zoom", zoom::word),
    kind("opsgenie", opsgenie::word),
    kind("pagerduty", pagerduty::word),
    kind("incidentio", incidentio::word),
    kind("alertmanager", alertmanager::word),
    kind("grafana", grafana::word),
    kind("github", github::word),
    kind("gitlab", gitlab::word),
    kind("gitea", gitea::word),
    kind("bitbucket", bitbucket::word),
    kind("bitbucketserver", bitbucketserver::word),
    kind("azuredevops", azuredevops::word),
    kind("githubdispatch", githubdispatch::word),
    kind("datadog", datadog::word),
    kind("sentry", sentry::word),
];

/// The kinds that Flux has and that are not built.
const NOT_BUILT: [&str; 7] = [
    "azureeventhub",
    "giteapullrequestcomment",
    "githubpullrequestcomment",
    "gitlabmergerequestcomment",
    "googlepubsub",
    "nats",
    "otel",
];

impl ProviderKind {
    /// Returns the kind of this name.
    ///
    /// # Errors
    /// That it is not supported; where Flux has it and this project does not, or a name is near, the text says so.
    pub fn named(name: &str) -> Result<Self, String> {
        if let Some(kind) = KINDS.into_iter().find(|kind| kind.name == name) {
            return Ok(kind);
        }
        if NOT_BUILT.contains(&name) {
            return Err(format!(
                "provider {name} not supported: Flux has it, this controller has not; 'generic' sends the event as it is"
            ));
        }
        let plain = |text: &str| text.replace(['-', '_', ' '], "").to_lowercase();
        let near = KINDS.iter().find(|kind| plain(kind.name) == plain(name));
        Err(match near {
            Some(near) => format!("provider {name} not supported; did you mean {}?", near.name),
            None => format!("provider {name} not supported"),
        })
    }

    /// Returns its name: `slack`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Returns whether it writes commits' statuses.
    #[must_use]
    pub fn is_commit_status(self) -> bool {
        matches!(self.name, "github" | "gitlab" | "gitea" | "bitbucket" | "bitbucketserver" | "azuredevops")
    }

    /// Returns whether it hands events on as they are.
    #[must_use]
    pub fn is_generic(self) -> bool {
        matches!(self.name, "generic" | "generic-hmac")
    }

    /// Words what is sent for a notice.
    ///
    /// # Errors
    /// Where the address, the token or the channel is missing or malformed, in Flux's words and without the secret.
    pub fn exchange(self, endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
        (self.word)(endpoint, notice)
    }
}

/// A POST of JSON.
fn post(url: impl Into<String>, payload: &Value) -> Request {
    Request {
        method: "POST".into(),
        url: url.into(),
        headers: vec![("Content-Type".into(), "application/json".into())],
        body: json(payload).into(),
    }
}

/// Sets a header.
fn header(mut request: Request, name: &str, value: impl Into<String>) -> Request {
    request.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    request.headers.push((name.to_owned(), value.into()));
    request
}

/// Sets the header of basic authorization.
fn basic(request: Request, username: &str, password: &str) -> Request {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(format!("{username}:{password}"));
    header(request, "Authorization", format!("Basic {text}"))
}

/// Sets the header of a bearer's token.
fn bearer(request: Request, token: &str) -> Request {
    header(request, "Authorization", format!("Bearer {token}"))
}

fn messages(requests: Vec<Request>) -> Exchange {
    Exchange::Messages { requests, verdict: any_success }
}

/// Takes any answer from 200 to 299.
fn any_success(response: &Response) -> Result<(), String> {
    if (200..300).contains(&response.status) {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&response.body);
    let said: String = said.chars().take(500).collect();
    Err(format!("request failed with status code {}: {said}", response.status)
        .trim_end_matches([' ', ':'])
        .into())
}

/// Writes a text for the query of a URL or a form.
fn form(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            _ if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod samples {
    use super::Notice;
    use crate::notification::Involved;

    /// What became of a Kustomization at a commit.
    pub(super) fn notice(severity: &str, reason: &str) -> Notice {
        let revision = "main@sha1:731f7eaddfb6af01cb2173e18f0f75b0ba780ef1".to_owned();
        Notice {
            involved_object: Involved {
                kind: "Kustomization".into(),
                namespace: "flux-system".into(),
                name: "apps".into(),
                ..Involved::default()
            },
            severity: severity.into(),
            timestamp: "2024-05-01T12:00:00Z".into(),
            message: "it broke".into(),
            reason: reason.into(),
            metadata: [("revision".to_owned(), revision)].into(),
            reporting_controller: "kustomize-controller".into(),
            ..Notice::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_built_is_refused_by_name() {
        for name in NOT_BUILT {
            assert!(ProviderKind::named(name).unwrap_err().contains(name));
        }
        assert!(ProviderKind::named("ms-teams").unwrap_err().contains("did you mean msteams?"));
        assert!(ProviderKind::named("fax").unwrap_err().ends_with("provider fax not supported"));
    }

    #[test]
    fn a_bad_answer_is_told() {
        let answer = |status, text: &str| any_success(&Response { status, body: text.as_bytes().into() });
        assert_eq!(answer(204, ""), Ok(()));
        assert_eq!(answer(404, "no_team"), Err("request failed with status code 404: no_team".into()));
        assert_eq!(answer(500, ""), Err("request failed with status code 500".into()));
    }
}
