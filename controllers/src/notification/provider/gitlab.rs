//! GitLab: a commit's status.

use gitops_core::ports::Request;
use serde_json::{Value, json};

use super::commit_status::{CommitStatus, Wanted, repository};
use super::{Endpoint, Exchange, Notice, form, header, messages, post};

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let token = match endpoint.token.reveal() {
        "" => endpoint.password.reveal(),
        token => token,
    };
    if token.is_empty() {
        return Err("gitlab token cannot be empty".into());
    }
    let (host, project) = repository(endpoint)?;
    if notice.is_progress() {
        return Ok(messages(Vec::new()));
    }
    let state = match notice.severity.as_str() {
        "info" => "success",
        "error" => "failed",
        _ => return Err("can't convert to gitlab state".into()),
    };
    let wanted = Wanted::of(endpoint, notice, state)?;
    let api = format!("{host}/api/v4/projects/{}", form(&project).replace('.', "%2E"));
    let list = Request {
        method: "GET".into(),
        url: format!("{api}/repository/commits/{}/statuses?name={}", wanted.commit, form(&wanted.name)),
        ..Request::default()
    };
    let create = post(
        format!("{api}/statuses/{}", wanted.commit),
        &json!({"state": state, "name": wanted.name, "description": wanted.description}),
    );
    let known = |request: Request| header(request, "PRIVATE-TOKEN", token);
    Ok(Exchange::Status(Box::new(CommitStatus { list: known(list), create: known(create), stands, wanted })))
}

fn stands(wanted: &Wanted, known: &[Value]) -> bool {
    known.iter().any(|one| {
        let is = |field: &str, value: &str| one.get(field).and_then(Value::as_str) == Some(value);
        is("sha", &wanted.commit)
            && is("status", wanted.state)
            && is("description", &wanted.description)
            && is("name", &wanted.name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::ports::Secret;

    #[test]
    fn projects_of_groups_are_named_in_one_part() {
        let endpoint = Endpoint {
            address: Secret::new("https://gitlab.example/a/b/c.d"),
            token: Secret::new("t0ken"),
            commit_status: "kustomization/apps/b1f6".into(),
            ..Endpoint::default()
        };
        let commit = "731f7eaddfb6af01cb2173e18f0f75b0ba780ef1";
        let notice = Notice {
            severity: "info".into(),
            reason: "ReconciliationSucceeded".into(),
            metadata: [("revision".to_owned(), format!("main@sha1:{commit}"))].into(),
            ..Notice::default()
        };
        let Exchange::Status(status) = word(&endpoint, &notice).unwrap() else { panic!() };
        let api = "https://gitlab.example/api/v4/projects/a%2Fb%2Fc%2Ed";
        assert_eq!(status.create.url, format!("{api}/statuses/{commit}"));
        let known = format!(
            r#"[{{"sha":"{commit}","status":"success","description":"reconciliation succeeded","name":"kustomization/apps/b1f6"}}]"#
        );
        assert!(status.stands(known.as_bytes()) && !status.stands(b"[]"));
    }
}
