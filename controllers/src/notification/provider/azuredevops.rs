//! Azure DevOps: a commit's status.

use gitops_core::ports::Request;
use serde_json::{Value, json};

use super::commit_status::{CommitStatus, Wanted, repository};
use super::{Endpoint, Exchange, Notice, basic, messages, post};

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let token = endpoint.token.reveal();
    if token.is_empty() {
        return Err(
            "azure devops token cannot be empty: the secret's 'token' (managed identities are not supported)"
                .into(),
        );
    }
    let (host, path) = repository(endpoint)?;
    let parts: Vec<&str> = path.split('/').collect();
    let [organisation, project, _, name] = parts.as_slice() else {
        return Err(format!("invalid repository id \"{path}\""));
    };
    if notice.is_progress() {
        return Ok(messages(Vec::new()));
    }
    let state = match notice.severity.as_str() {
        "info" => "succeeded",
        "error" => "error",
        _ => return Err("can't convert to azure devops state".into()),
    };
    let mut wanted = Wanted::of(endpoint, notice, state)?;
    if let Some(summary) = notice.metadata.get("summary") {
        wanted.group = format!("{}:{summary}", wanted.group);
    }
    let url = format!(
        "{host}/{organisation}/{project}/_apis/git/repositories/{name}/commits/{}/statuses?api-version=6.0",
        wanted.commit
    );
    let list = Request { method: "GET".into(), url: url.clone(), ..Request::default() };
    let create = post(
        url,
        &json!({
            "context": {"genre": wanted.group, "name": wanted.name},
            "description": wanted.description,
            "state": state,
        }),
    );
    let known = |request: Request| basic(request, "", token);
    Ok(Exchange::Status(Box::new(CommitStatus { list: known(list), create: known(create), stands, wanted })))
}

fn stands(wanted: &Wanted, known: &[Value]) -> bool {
    let known = known.first().and_then(|answer| answer.get("value")).and_then(Value::as_array);
    let is = |one: &Value, path: &str, value: &str| one.pointer(path).and_then(Value::as_str) == Some(value);
    let newest = known.into_iter().flatten().find(|one| {
        is(one, "/context/name", &wanted.name)
            && is(one, "/context/genre", &wanted.group)
            && one.get("description").is_some_and(Value::is_string)
            && one.get("state").is_some_and(Value::is_string)
    });
    newest.is_some_and(|one| is(one, "/state", wanted.state) && is(one, "/description", &wanted.description))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::ports::Secret;

    #[test]
    fn the_newest_status_of_the_same_name_counts() {
        let endpoint = Endpoint {
            address: Secret::new("https://dev.azure.com/org/proj/_git/repo"),
            token: Secret::new("t0ken"),
            commit_status: "kustomization/apps/b1f6".into(),
            ..Endpoint::default()
        };
        let mut notice = super::super::samples::notice("error", "BuildFailed");
        notice.metadata.insert("summary".into(), "production".into());
        let Exchange::Status(status) = word(&endpoint, &notice).unwrap() else { panic!() };
        let commit = "731f7eaddfb6af01cb2173e18f0f75b0ba780ef1";
        assert_eq!(
            status.create.url,
            format!(
                "https://dev.azure.com/org/proj/_apis/git/repositories/repo/commits/{commit}/statuses?api-version=6.0"
            )
        );
        let body: Value = serde_json::from_slice(&status.create.body).unwrap();
        assert_eq!(body["context"], json!({"genre": "fluxcd:production", "name": "kustomization/apps/b1f6"}));
        let mut passed = body.clone();
        passed["state"] = "succeeded".into();
        let other = json!({"state": "error"});
        let answer = |all: &[&Value]| json!({"count": all.len(), "value": all}).to_string();
        assert!(status.stands(answer(&[&other, &body, &passed]).as_bytes()));
        assert!(!status.stands(answer(&[&passed, &body]).as_bytes()));
        assert!(!status.stands(b"{}"));
        let short = Endpoint { address: Secret::new("https://dev.azure.com/org/repo"), ..endpoint };
        assert!(word(&short, &notice).unwrap_err().contains("invalid repository id"));
    }
}
