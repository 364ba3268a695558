//! Commits' statuses: where a git server's API lies, and when a status stands already.

use gitops_core::ports::Request;
use gitops_core::revision::Revision;

use super::{Endpoint, Notice};

/// A commit's status on its way: what stands is asked for first, and nothing is written where it is the same.
#[derive(Clone, Debug)]
pub struct CommitStatus {
    /// Asks for the statuses of the commit.
    pub list: Request,
    /// Writes the status.
    pub create: Request,
    pub(super) stands: fn(&Wanted, &[serde_json::Value]) -> bool,
    pub(super) wanted: Wanted,
}

impl CommitStatus {
    /// Returns whether the status stands already, by the body of the answer to [`CommitStatus::list`].
    #[must_use]
    pub fn stands(&self, body: &[u8]) -> bool {
        let known = match serde_json::from_slice(body).unwrap_or_default() {
            serde_json::Value::Array(all) => all,
            // Bitbucket answers with the one status, and Azure with a list inside of an object.
            one => vec![one],
        };
        (self.stands)(&self.wanted, &known)
    }
}

/// What a status says.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// What it is called.
    pub(super) name: String,
    /// Whose statuses it is one of, for servers that group them: `fluxcd`.
    pub(super) group: String,
    /// `success`, `failure` …
    pub(super) state: &'static str,
    /// The reason in words.
    pub(super) description: String,
    /// The commit.
    pub(super) commit: String,
}

impl Wanted {
    pub(super) fn of(endpoint: &Endpoint, notice: &Notice, state: &'static str) -> Result<Self, String> {
        if endpoint.commit_status.is_empty() {
            return Err("commit status cannot be empty".into());
        }
        let text = notice.revision().ok_or("missing revision metadata")?;
        let revision: Option<Revision> = text.parse().ok();
        let commit = match revision.filter(|revision| !revision.is_empty()) {
            Some(revision) => revision.hash().to_owned(),
            // A person may name a commit alone.
            None if is_commit(text) => text.to_owned(),
            None => return Err(format!("failed to extract commit hash from '{text}' revision")),
        };
        Ok(Self {
            name: endpoint.commit_status.clone(),
            group: "fluxcd".into(),
            state,
            description: notice.reason_in_words(),
            commit,
        })
    }

    /// Whether the newest status of this name says the same: how GitHub and Gitea list them.
    pub(super) fn is_newest(&self, known: &[serde_json::Value], state: &str) -> bool {
        let text = |one: &serde_json::Value, field: &str| {
            one.get(field).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
        };
        let newest = known.iter().find(|one| {
            text(one, "context") == self.name
                && !text(one, state).is_empty()
                && one.get("description").is_some_and(serde_json::Value::is_string)
        });
        newest
            .is_some_and(|one| text(one, state) == self.state && text(one, "description") == self.description)
    }
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A repository: its server with `https://` where the address is one of SSH, and its path.
pub(super) fn repository(endpoint: &Endpoint) -> Result<(String, String), String> {
    let address = endpoint.address.reveal();
    let refused = || "failed parsing the address: it would be like https://host/owner/repository".to_owned();
    let (scheme, rest) = match address.split_once("://") {
        Some(("http", rest)) => ("http", rest),
        Some(("https" | "ssh", rest)) => ("https", rest),
        Some(_) => return Err(refused()),
        // git@host:owner/repository
        None => return scp(address).ok_or_else(refused),
    };
    let (host, path) = rest.split_once('/').ok_or_else(refused)?;
    let host = host.rsplit('@').next().unwrap_or(host);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    named(scheme, host, path).ok_or_else(refused)
}

fn scp(address: &str) -> Option<(String, String)> {
    let (host, path) = address.split_once(':')?;
    named("https", host.rsplit('@').next()?, path)
}

fn named(scheme: &str, host: &str, path: &str) -> Option<(String, String)> {
    let path = path.trim_start_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    (!host.is_empty() && !path.is_empty()).then(|| (format!("{scheme}://{host}"), path.to_owned()))
}

/// As [`repository`], of an owner and a name.
pub(super) fn owner_and_name(endpoint: &Endpoint) -> Result<(String, String), String> {
    let (host, path) = repository(endpoint)?;
    match path.split('/').count() {
        2 => Ok((host, path)),
        _ => Err(format!("invalid repository id: '{path}'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::ports::Secret;

    #[test]
    fn repositories_are_read_from_addresses() {
        let check = |address: &str, wanted: (&str, &str)| {
            let endpoint = Endpoint { address: Secret::new(address), ..Endpoint::default() };
            let (host, path) = repository(&endpoint).unwrap();
            assert_eq!((host.as_str(), path.as_str()), wanted, "{address}");
        };
        check("https://github.com/org/repo.git", ("https://github.com", "org/repo"));
        check("ssh://git@git.example:2222/org/repo", ("https://git.example:2222", "org/repo"));
        check("git@gitlab.com:org/group/repo.git", ("https://gitlab.com", "org/group/repo"));
        check("http://gitea:3000/org/repo", ("http://gitea:3000", "org/repo"));
        let none = Endpoint { address: Secret::new("changeme"), ..Endpoint::default() };
        assert!(!repository(&none).unwrap_err().contains("changeme"));
    }
}
