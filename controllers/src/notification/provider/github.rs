//! GitHub: a commit's status, of github.com or of an enterprise's own server.

use gitops_core::ports::Request;
use serde_json::{Value, json};

use super::commit_status::{CommitStatus, Wanted, owner_and_name};
use super::{Endpoint, Exchange, Notice, bearer, header, messages, post};

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let (host, repository) = owner_and_name(endpoint)?;
    let token = token(endpoint)?;
    if notice.is_progress() {
        return Ok(messages(Vec::new()));
    }
    let state = match notice.severity.as_str() {
        "info" => "success",
        "error" => "failure",
        _ => return Err("can't convert to github state".into()),
    };
    let wanted = Wanted::of(endpoint, notice, state)?;
    let api = api(&host);
    let commit = &wanted.commit;
    let list = Request {
        method: "GET".into(),
        url: format!("{api}/repos/{repository}/commits/{commit}/statuses?per_page=50"),
        ..Request::default()
    };
    let create = post(
        format!("{api}/repos/{repository}/statuses/{commit}"),
        &json!({"state": state, "description": wanted.description, "context": wanted.name}),
    );
    Ok(Exchange::Status(Box::new(CommitStatus {
        list: known(list, token),
        create: known(create, token),
        stands,
        wanted,
    })))
}

pub(super) fn token(endpoint: &Endpoint) -> Result<&str, String> {
    let token = match endpoint.token.reveal() {
        "" => endpoint.password.reveal(),
        token => token,
    };
    match token {
        "" => {
            Err("github token must be specified: the secret's 'token' (GitHub apps are not supported)".into())
        }
        token => Ok(token),
    }
}

/// Where the API of github.com, or of an enterprise's own server, is.
pub(super) fn api(host: &str) -> String {
    match host {
        "https://github.com" => "https://api.github.com".to_owned(),
        _ => format!("{host}/api/v3"),
    }
}

/// Tells who asks.
pub(super) fn known(request: Request, token: &str) -> Request {
    bearer(header(request, "Accept", "application/vnd.github.v3+json"), token)
}

fn stands(wanted: &Wanted, known: &[Value]) -> bool {
    wanted.is_newest(known, "state")
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::ports::Secret;

    pub(crate) fn notice() -> Notice {
        let revision = "main@sha1:731f7eaddfb6af01cb2173e18f0f75b0ba780ef1".to_owned();
        Notice {
            severity: "error".into(),
            reason: "BuildFailed".into(),
            metadata: [("revision".to_owned(), revision)].into(),
            ..Notice::default()
        }
    }

    #[test]
    fn a_status_is_written_once() {
        let endpoint = Endpoint {
            address: Secret::new("https://github.com/org/repo"),
            token: Secret::new("t0ken"),
            commit_status: "kustomization/apps/b1f6".into(),
            ..Endpoint::default()
        };
        let Exchange::Status(status) = word(&endpoint, &notice()).unwrap() else { panic!() };
        let commit = "731f7eaddfb6af01cb2173e18f0f75b0ba780ef1";
        let api = "https://api.github.com/repos/org/repo";
        assert_eq!(status.list.url, format!("{api}/commits/{commit}/statuses?per_page=50"));
        assert_eq!(status.create.url, format!("{api}/statuses/{commit}"));
        let body = String::from_utf8_lossy(&status.create.body).into_owned();
        assert_eq!(
            body,
            r#"{"state":"failure","description":"build failed","context":"kustomization/apps/b1f6"}"#
        );
        let stands = |state: &str| {
            let text = format!(
                r#"[{{"context":"other"}},{{"context":"kustomization/apps/b1f6","state":"{state}","description":"build failed"}}]"#
            );
            status.stands(text.as_bytes())
        };
        assert!(stands("failure") && !stands("success") && !status.stands(b"<html>"));
        let enterprise = Endpoint { address: Secret::new("ssh://git@ghe.corp/org/repo.git"), ..endpoint };
        let Exchange::Status(status) = word(&enterprise, &notice()).unwrap() else { panic!() };
        assert!(status.create.url.starts_with("https://ghe.corp/api/v3/repos/org/repo/statuses/"));
        assert!(word(&Endpoint { token: Secret::default(), ..enterprise }, &notice()).is_err());
    }
}
