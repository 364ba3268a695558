//! Gitea and Forgejo: a commit's status.

use gitops_core::ports::Request;
use serde_json::{Value, json};

use super::commit_status::{CommitStatus, Wanted, owner_and_name};
use super::{Endpoint, Exchange, Notice, header, post};

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let token = endpoint.token.reveal();
    if token.is_empty() {
        return Err("gitea token cannot be empty".into());
    }
    let (host, repository) = owner_and_name(endpoint)?;
    let state = match notice.severity.as_str() {
        _ if notice.is_progress() => "pending",
        "info" => "success",
        "error" => "failure",
        _ => return Err("can't convert to gitea state".into()),
    };
    let wanted = Wanted::of(endpoint, notice, state)?;
    let api = format!("{host}/api/v1/repos/{repository}");
    let list = Request {
        method: "GET".into(),
        url: format!("{api}/commits/{}/statuses?limit=50&page=1", wanted.commit),
        ..Request::default()
    };
    let create = post(
        format!("{api}/statuses/{}", wanted.commit),
        &json!({
            "state": state,
            "target_url": "",
            "description": wanted.description,
            "context": wanted.name,
        }),
    );
    let known = |request: Request| header(request, "Authorization", format!("token {token}"));
    Ok(Exchange::Status(Box::new(CommitStatus { list: known(list), create: known(create), stands, wanted })))
}

fn stands(wanted: &Wanted, known: &[Value]) -> bool {
    wanted.is_newest(known, "status")
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::ports::Secret;

    #[test]
    fn progress_is_pending() {
        let endpoint = Endpoint {
            address: Secret::new("http://gitea:3000/org/repo"),
            token: Secret::new("t0ken"),
            commit_status: "c".into(),
            ..Endpoint::default()
        };
        let notice = Notice {
            severity: "info".into(),
            reason: "Progressing".into(),
            metadata: [("commit".to_owned(), "a".repeat(40))].into(),
            ..Notice::default()
        };
        let Exchange::Status(status) = word(&endpoint, &notice).unwrap() else { panic!() };
        assert!(String::from_utf8_lossy(&status.create.body).contains(r#""state":"pending""#));
        assert!(status.stands(br#"[{"context":"c","status":"pending","description":"progressing"}]"#));
    }
}
