//! Bitbucket Cloud: a commit's build status.

use gitops_core::ports::Request;
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

use super::commit_status::{CommitStatus, Wanted, owner_and_name};
use super::{Endpoint, Exchange, Notice, basic, messages, post};

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let token = endpoint.token.reveal();
    if token.is_empty() {
        return Err("bitbucket token cannot be empty".into());
    }
    let (_, repository) = owner_and_name(endpoint)?;
    let user = token.split_once(':').filter(|(_, password)| !password.contains(':'));
    let (username, password) = user.ok_or("invalid token format, expected to be <user>:<password>")?;
    if notice.is_progress() {
        return Ok(messages(Vec::new()));
    }
    let wanted = Wanted::of(endpoint, notice, state(notice)?)?;
    let url = format!(
        "https://api.bitbucket.org/2.0/repositories/{repository}/commit/{}/statuses/build",
        wanted.commit
    );
    let key = key(&wanted.name);
    let list = Request { method: "GET".into(), url: format!("{url}/{key}"), ..Request::default() };
    let create = post(
        url,
        &json!({
            "key": key,
            "url": "https://bitbucket.org",
            "state": wanted.state,
            "name": name(notice),
            "description": wanted.description,
        }),
    );
    let known = |request: Request| basic(request, username, password);
    Ok(Exchange::Status(Box::new(CommitStatus { list: known(list), create: known(create), stands, wanted })))
}

fn stands(wanted: &Wanted, known: &[Value]) -> bool {
    known.first().is_some_and(|one| {
        let is = |field: &str, value: &str| one.get(field).and_then(Value::as_str) == Some(value);
        is("state", wanted.state) && is("description", &wanted.description)
    })
}

/// The state that both of Bitbucket's products know.
pub(super) fn state(notice: &Notice) -> Result<&'static str, String> {
    match notice.severity.as_str() {
        "info" => Ok("SUCCESSFUL"),
        "error" => Ok("FAILED"),
        _ => Err("can't convert to bitbucket state".into()),
    }
}

/// The object as people read it: `kustomization/apps`.
pub(super) fn name(notice: &Notice) -> String {
    format!("{}/{}", notice.involved_object.kind, notice.involved_object.name).to_lowercase()
}

/// A status's key may have 40 characters and no more.
pub(super) fn key(name: &str) -> String {
    Sha1::digest(name).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::ports::Secret;

    #[test]
    fn a_status_is_known_by_the_hash_of_its_name() {
        let endpoint = Endpoint {
            address: Secret::new("ssh://git@bitbucket.org/org/repo.git"),
            token: Secret::new("me:pass"),
            commit_status: "kustomization/apps/b1f6".into(),
            ..Endpoint::default()
        };
        let mut notice = super::super::samples::notice("error", "BuildFailed");
        let Exchange::Status(status) = word(&endpoint, &notice).unwrap() else { panic!() };
        let url = "https://api.bitbucket.org/2.0/repositories/org/repo/commit/731f7eaddfb6af01cb2173e18f0f75b0ba780ef1/statuses/build";
        assert_eq!(status.create.url, url);
        assert_eq!(status.list.url, format!("{url}/cd2a8261c8e11bda7727456dadfbd4f38f8897ed"));
        let authorization = ("Authorization".to_owned(), "Basic bWU6cGFzcw==".to_owned());
        assert!(
            status.list.headers.contains(&authorization) && status.create.headers.contains(&authorization)
        );
        let body: Value = serde_json::from_slice(&status.create.body).unwrap();
        assert_eq!((&body["state"], &body["name"]), (&json!("FAILED"), &json!("kustomization/apps")));
        assert!(status.stands(br#"{"state":"FAILED","description":"build failed"}"#));
        assert!(!status.stands(br#"{"state":"SUCCESSFUL","description":"build failed"}"#));
        assert!(!status.stands(br#"{"type":"error"}"#));
        notice.reason = "Progressing".into();
        let Exchange::Messages { requests, .. } = word(&endpoint, &notice).unwrap() else { panic!() };
        assert!(requests.is_empty());
        for token in ["", "pass", "a:b:c"] {
            assert!(word(&Endpoint { token: Secret::new(token), ..endpoint.clone() }, &notice).is_err());
        }
    }
}
