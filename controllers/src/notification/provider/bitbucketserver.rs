//! Bitbucket Server and Data Center: a commit's build status.

use gitops_core::ports::Request;
use serde_json::{Value, json};

use super::bitbucket::{key, name, state};
use super::commit_status::{CommitStatus, Wanted};
use super::{Endpoint, Exchange, Notice, basic, bearer, header, messages, post};

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let commits = commits(endpoint)?;
    let (token, password) = (endpoint.token.reveal(), endpoint.password.reveal());
    if token.is_empty() && (endpoint.username.is_empty() || password.is_empty()) {
        return Err("invalid credentials, expected to be one of username/password or API Token".into());
    }
    if notice.is_progress() {
        return Ok(messages(Vec::new()));
    }
    let wanted = Wanted::of(endpoint, notice, state(notice)?)?;
    let url = format!("{commits}/{}/builds", wanted.commit);
    let list = Request {
        method: "GET".into(),
        url: format!("{url}?key={}", key(&wanted.name)),
        ..Request::default()
    };
    let create = post(
        url,
        &json!({
            "description": wanted.description,
            "key": key(&wanted.name),
            // The description is not shown beside the build.
            "name": format!("{} [{}]", name(notice), wanted.description),
            "state": wanted.state,
            "url": endpoint.address.reveal(),
        }),
    );
    let known = |request: Request| {
        let request = match token {
            "" => basic(request, &endpoint.username, password),
            token => bearer(request, token),
        };
        let request = header(request, "X-Atlassian-Token", "no-check");
        header(request, "X-Requested-With", "XMLHttpRequest")
    };
    Ok(Exchange::Status(Box::new(CommitStatus { list: known(list), create: known(create), stands, wanted })))
}

fn stands(wanted: &Wanted, known: &[Value]) -> bool {
    let key = key(&wanted.name);
    known.first().is_some_and(|one| {
        let is = |field: &str, value: &str| one.get(field).and_then(Value::as_str) == Some(value);
        is("key", &key) && is("state", wanted.state) && is("description", &wanted.description)
    })
}

/// Where the API has the commits of a repository that is cloned from `https://host/context/scm/project/repository.git`.
fn commits(endpoint: &Endpoint) -> Result<String, String> {
    let address = endpoint.url("git address")?;
    let refused = || {
        "could not parse git address: supplied provider address is not http(s) git clone url; it would be like \
         https://host/scm/project/repository.git"
            .to_owned()
    };
    let address = address.split(['?', '#']).next().unwrap_or_default();
    let address = address.strip_suffix(".git").unwrap_or(address);
    let (server, repository) = address.rsplit_once("/scm/").ok_or_else(refused)?;
    let (project, repository) = repository.split_once('/').ok_or_else(refused)?;
    if project.is_empty() || repository.is_empty() || repository.contains('/') {
        return Err(refused());
    }
    Ok(format!("{server}/rest/api/latest/projects/{project}/repos/{repository}/commits"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::ports::Secret;

    #[test]
    fn servers_below_a_path_are_found() {
        let of = |address: &str| Endpoint { address: Secret::new(address), ..Endpoint::default() };
        let check = |address: &str, wanted: &str| assert_eq!(commits(&of(address)).unwrap(), wanted);
        check(
            "https://git.example/scm/proj/repo.git",
            "https://git.example/rest/api/latest/projects/proj/repos/repo/commits",
        );
        check(
            "http://git.example:7990/a/scm/b/scm/proj/repo",
            "http://git.example:7990/a/scm/b/rest/api/latest/projects/proj/repos/repo/commits",
        );
        for wrong in ["ssh://git@git.example/scm/a/b", "https://git.example/a/b.git", "https://g/scm/a/b/c"] {
            assert!(commits(&of(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_status_names_what_stands() {
        let endpoint = Endpoint {
            address: Secret::new("https://git.example/scm/proj/repo.git"),
            username: "me".into(),
            password: Secret::new("pass"),
            commit_status: "kustomization/apps/b1f6".into(),
            ..Endpoint::default()
        };
        let notice = super::super::samples::notice("info", "ReconciliationSucceeded");
        let Exchange::Status(status) = word(&endpoint, &notice).unwrap() else { panic!() };
        let mut body: Value = serde_json::from_slice(&status.create.body).unwrap();
        assert_eq!(body["name"], "kustomization/apps [reconciliation succeeded]");
        assert_eq!((&body["state"], &body["url"]), (&json!("SUCCESSFUL"), &json!(endpoint.address.reveal())));
        assert!(status.stands(&status.create.body));
        body["state"] = "FAILED".into();
        assert!(!status.stands(body.to_string().as_bytes()));
        assert!(status.list.url.contains("/builds?key="));
        let has =
            |value: &str| status.create.headers.contains(&("Authorization".to_owned(), value.to_owned()));
        assert!(has("Basic bWU6cGFzcw=="));
        let nobody = Endpoint { username: String::new(), ..endpoint };
        assert!(word(&nobody, &notice).unwrap_err().starts_with("invalid credentials"));
    }
}
