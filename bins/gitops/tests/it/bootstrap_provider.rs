//! `gitops bootstrap github|gitlab|gitea` against fakes of their interfaces, which hold git's own server too.

use crate::bootstrap::{Repository, git, played};
use crate::cluster::Embedded;
use crate::git_server::{Answer, Seen, Server};
use crate::sshd::Sshd;
use gitops_yaml::Node;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Output;
use std::sync::{Arc, Mutex};

/// What a fake keeps.
#[derive(Debug, Default)]
struct State {
    /// The repository, once it is made.
    repository: Option<Value>,
    keys: Vec<Value>,
    tokens: Vec<Value>,
    shared: Vec<Value>,
    next: u64,
}

/// A fake server of one provider, with a folder of repositories.
struct Fake {
    server: Server,
    state: Arc<Mutex<State>>,
    repository: Repository,
}

type Api = fn(&mut State, &Path, &str, &str, Value) -> Option<(u16, Value)>;

impl Fake {
    /// Starts one whose interface is below `base` and whose token is `t0ken`.
    fn start(name: &str, base: &'static str, api: Api) -> Self {
        let state = Arc::new(Mutex::new(State { next: 1, ..State::default() }));
        let repository = Repository::new(name);
        let (kept, root) = (Arc::clone(&state), repository.0.clone());
        let server = Server::with(&repository.0, move |seen: &Seen| {
            let Some(path) = seen.target.strip_prefix(base) else {
                let is_in = seen.authorization.as_deref().is_some_and(|text| text.starts_with("Basic "));
                return (!is_in)
                    .then(|| Answer::new(401, &[("WWW-Authenticate", "Basic realm=\"git\"")], b""));
            };
            if seen.authorization.as_deref() != Some("Bearer t0ken") {
                return Some(Answer::new(401, &[], br#"{"message":"Bad credentials"}"#));
            }
            let body = serde_json::from_slice(&seen.body).unwrap_or(Value::Null);
            let (path, query) = path.split_once('?').unwrap_or((path, ""));
            // Lists have one page.
            if query.contains("page=") && !query.ends_with("page=1") {
                return Some(Answer::new(200, &[], b"[]"));
            }
            let mut state = kept.lock().unwrap();
            let answer = api(&mut state, &root, &seen.method, path, body);
            let (status, body) = answer.unwrap_or((404, json!({"message": "Not Found"})));
            let body = if body.is_null() { String::new() } else { body.to_string() };
            Some(Answer::new(status, &[("Content-Type", "application/json")], body.as_bytes()))
        });
        Self { server, state, repository }
    }

    /// Runs a bootstrap with the right token.
    fn run(&self, embedded: &Embedded, provider: &str, more: &[&str]) -> Output {
        self.run_with("t0ken", embedded, provider, more)
    }

    fn run_with(&self, token: &str, embedded: &Embedded, provider: &str, more: &[&str]) -> Output {
        let host = format!("--hostname={}", self.server.address);
        let mut words =
            vec!["bootstrap", provider, &host, "--allow-insecure-http", "--path=clusters/a", "--timeout=40s"];
        words.extend(more);
        let mut command = embedded.command(&words);
        command.env(format!("{}_TOKEN", provider.to_uppercase()), token);
        played(embedded, &self.repository, command)
    }

    /// What was written by the interface: method, path, body.
    fn written(&self, base: &str) -> Vec<String> {
        let line = |seen: &Seen| {
            let path = seen.target.strip_prefix(base)?;
            let body = serde_json::from_slice(&seen.body).map_or_else(|_| String::new(), sorted);
            (seen.method != "GET").then(|| format!("{} {path} {body}", seen.method).trim().to_owned())
        };
        self.server.take().iter().filter_map(line).collect()
    }
}

/// An object with its fields in alphabetical order.
fn sorted(object: Value) -> String {
    let fields: std::collections::BTreeMap<String, Value> = serde_json::from_value(object).unwrap();
    serde_json::to_string(&fields).unwrap()
}

/// Makes the repository at the path that git asks for; it is the one that [`Repository`] looks at.
fn make(root: &Path, path: &str) {
    let full = root.join(format!("{path}.git"));
    std::fs::create_dir_all(full.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(root.join("repo.git"), full).unwrap();
    git(&root.join("repo.git"), &["rev-parse", "--is-bare-repository"]);
}

#[track_caller]
fn succeeded(done: &Output) -> String {
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{said}");
    assert!(!said.contains("t0ken"), "{said}");
    said
}

/// As GitHub documents it; Gitea has the same but for teams.
fn github(state: &mut State, root: &Path, method: &str, path: &str, body: Value) -> Option<(u16, Value)> {
    let words: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (method, words.as_slice()) {
        ("GET", ["user"]) => Some((200, json!({"login": "Me"}))),
        ("POST", ["user", "repos"]) => Some(created(state, root, "me", body)),
        ("POST", ["orgs", owner, "repos"]) => Some(created(state, root, owner, body)),
        ("GET", ["repos", _, _]) => state.repository.clone().map(|found| (200, found)),
        ("PATCH", ["repos", _, _]) => {
            state.repository = Some(body.clone());
            Some((200, body))
        }
        ("GET", ["repos", _, _, "keys"]) => Some((200, state.keys.clone().into())),
        ("POST", ["repos", _, _, "keys"]) => Some(added(state, body)),
        ("DELETE", ["repos", _, _, "keys", id]) => {
            state.keys.retain(|key| key["id"].as_u64() != id.parse().ok());
            Some((204, Value::Null))
        }
        ("GET", ["repos", _, _, "teams"]) => Some((200, state.shared.clone().into())),
        ("GET", ["orgs", _, "teams", team, "repos", _, _]) => {
            state.shared.iter().any(|found| found["slug"] == **team).then_some((204, Value::Null))
        }
        ("PUT", ["orgs", _, "teams", "nobody", "repos", ..]) => None,
        ("PUT", ["orgs", _, "teams", team, "repos", _, _]) => {
            state.shared.retain(|found| found["slug"] != **team);
            state.shared.push(json!({"slug": team, "permission": body["permission"]}));
            Some((204, Value::Null))
        }
        // Gitea's
        ("GET", ["repos", _, _, "teams", team]) => {
            state.shared.iter().find(|found| found["name"] == **team).map(|found| (200, found.clone()))
        }
        ("PUT", ["repos", _, _, "teams", team]) => {
            state.shared.push(json!({"name": team, "permission": "write"}));
            Some((204, Value::Null))
        }
        _ => None,
    }
}

fn created(state: &mut State, root: &Path, owner: &str, body: Value) -> (u16, Value) {
    make(root, &format!("{owner}/{}", body["name"].as_str().unwrap()));
    state.repository = Some(body.clone());
    (201, body)
}

fn added(state: &mut State, mut body: Value) -> (u16, Value) {
    if state.keys.iter().any(|found| found["key"] == body["key"]) {
        let errors = json!([{"resource": "PublicKey", "field": "key", "message": "key is already in use"}]);
        return (422, json!({"message": "Validation Failed", "errors": errors}));
    }
    body["id"] = state.next.into();
    state.next += 1;
    state.keys.push(body.clone());
    (201, body)
}

/// As GitLab documents it.
fn gitlab(state: &mut State, root: &Path, method: &str, path: &str, mut body: Value) -> Option<(u16, Value)> {
    let words: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (method, words.as_slice()) {
        ("GET", ["user"]) => Some((200, json!({"username": "me"}))),
        ("GET", ["groups", "group%2Fplatform"]) => Some((200, json!({"id": 7}))),
        ("GET", ["groups", "apps"]) => Some((200, json!({"id": 8}))),
        ("POST", ["projects"]) => {
            let owner = if body["namespace_id"] == 7 { "group/platform" } else { "me" };
            Some(created(state, root, owner, body))
        }
        ("GET", ["projects", _]) => state.repository.clone().map(|mut found| {
            found["shared_with_groups"] = state.shared.clone().into();
            (200, found)
        }),
        ("PUT", ["projects", _]) => {
            state.repository.as_mut().unwrap()["visibility"] = body["visibility"].clone();
            Some((200, body))
        }
        ("GET", ["projects", _, "deploy_keys"]) => Some((200, state.keys.clone().into())),
        ("POST", ["projects", _, "deploy_keys"]) => Some(added(state, body)),
        ("DELETE", ["projects", _, "deploy_keys", id]) => {
            state.keys.retain(|key| key["id"].as_u64() != id.parse().ok());
            Some((204, Value::Null))
        }
        ("GET", ["projects", _, "deploy_tokens"]) => Some((200, state.tokens.clone().into())),
        ("POST", ["projects", _, "deploy_tokens"]) => {
            let id = state.next;
            state.next += 1;
            state.tokens.push(json!({"id": id, "name": body["name"]}));
            body["username"] = format!("gitlab+deploy-token-{id}").into();
            body["token"] = "made".into();
            Some((201, body))
        }
        ("DELETE", ["projects", _, "deploy_tokens", id]) => {
            state.tokens.retain(|token| token["id"].as_u64() != id.parse().ok());
            Some((204, Value::Null))
        }
        ("POST", ["projects", _, "share"]) => {
            state
                .shared
                .push(json!({"group_id": body["group_id"], "group_access_level": body["group_access"]}));
            Some((201, body))
        }
        ("DELETE", ["projects", _, "share", id]) => {
            state.shared.retain(|found| found["group_id"].as_u64() != id.parse().ok());
            Some((204, Value::Null))
        }
        _ => None,
    }
}

#[test]
fn github_makes_the_repository_and_the_deploy_key() {
    let Some(ssh) = Sshd::start() else { return };
    let embedded = Embedded::start("bootstrap-github");
    let fake = Fake::start("github", "/api/v3", github);
    let ssh = format!("--ssh-hostname=127.0.0.1:{}", ssh.port);
    let flags = ["--owner=org", "--repository=fleet", &ssh, "--team=platform:admin,apps,nobody"];
    let said = succeeded(&fake.run(&embedded, "github", &flags));
    for line in [
        "► connecting to 127.0.0.1\n✔ repository \"org/fleet\" created\n",
        "✔ granted \"admin\" permissions to \"platform\"\n✔ granted \"maintain\" permissions to \"apps\"\n",
        "✗ failed to grant \"maintain\" permissions to \"nobody\": ",
        "✔ configured deploy key \"flux-system-main-flux-system-./clusters/a\" for \"org/fleet\"\n",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let key = said.lines().find_map(|line| line.strip_prefix("✔ public key: ")).unwrap();
    let body = json!({"title": "flux-system-main-flux-system-./clusters/a", "key": key, "read_only": true});
    assert_eq!(
        fake.written("/api/v3"),
        [
            "POST /orgs/org/repos {\"name\":\"fleet\",\"private\":true}".to_owned(),
            "PUT /orgs/org/teams/platform/repos/org/fleet {\"permission\":\"admin\"}".to_owned(),
            "PUT /orgs/org/teams/apps/repos/org/fleet {\"permission\":\"maintain\"}".to_owned(),
            "PUT /orgs/org/teams/nobody/repos/org/fleet {\"permission\":\"maintain\"}".to_owned(),
            format!("POST /repos/org/fleet/keys {}", sorted(body)),
        ]
    );
    let sync = fake.repository.git(&["show", "main:clusters/a/flux-system/gotk-sync.yaml"]);
    assert!(
        sync.contains(&format!("  url: ssh://git@{}/org/fleet\n", &ssh["--ssh-hostname=".len()..])),
        "{sync}"
    );

    // A second run writes nothing; another visibility and a key that may write are set where it is asked for.
    let head = fake.repository.head();
    let flags = ["--owner=org", "--repository=fleet", &ssh, "--team=platform:push", "--private=false"];
    succeeded(&fake.run(&embedded, "github", &flags));
    assert_eq!(fake.written("/api/v3"), [""; 0]);
    assert_eq!(fake.repository.head(), head);
    let said = succeeded(&fake.run(&embedded, "github", &[&flags[..], &["--reconcile"]].concat()));
    assert!(said.contains("✔ repository \"org/fleet\" reconciled\n"), "{said}");
    assert_eq!(
        fake.written("/api/v3"),
        [
            "PATCH /repos/org/fleet {\"private\":false}",
            "PUT /orgs/org/teams/platform/repos/org/fleet {\"permission\":\"push\"}"
        ]
    );
    // A key that is lost with its Secret takes the place of the old one, which goes.
    let flags = ["--owner=org", "--repository=fleet", &ssh, "--read-write-key"];
    embedded.remove("v1", "Secret", "flux-system", "flux-system");
    succeeded(&fake.run(&embedded, "github", &flags));
    let written = fake.written("/api/v3");
    assert_eq!(written[0], "DELETE /repos/org/fleet/keys/1");
    assert!(
        written[1].starts_with("POST /repos/org/fleet/keys {") && written[1].contains("\"read_only\":false"),
        "{written:?}"
    );
    assert_eq!(fake.state.lock().unwrap().keys.len(), 1);
}

#[test]
fn a_repository_of_ones_own_is_read_with_the_token() {
    for provider in ["github", "gitea"] {
        let embedded = Embedded::start(&format!("bootstrap-own-{provider}"));
        let base = if provider == "github" { "/api/v3" } else { "/api/v1" };
        let fake = Fake::start(&format!("own-{provider}"), base, github);
        let flags = ["--owner=me", "--repository=fleet", "--personal", "--token-auth", "--private=false"];
        succeeded(&fake.run(&embedded, provider, &flags));
        let more = if provider == "gitea" { "\"default_branch\":\"main\"," } else { "" };
        assert_eq!(
            fake.written(base),
            [format!("POST /user/repos {{{more}\"name\":\"fleet\",\"private\":false}}")]
        );
        let sync = fake.repository.git(&["show", "main:clusters/a/flux-system/gotk-sync.yaml"]);
        assert!(sync.contains(&format!("  url: {}/me/fleet.git\n", fake.server.address)), "{sync}");
        let secret = embedded.get("v1", "Secret", "flux-system", "flux-system").unwrap();
        for (name, wanted) in [("username", "git"), ("password", "t0ken")] {
            let found = secret.at_path(&["data", name]).and_then(Node::as_str);
            assert_eq!(found, Some(crate::bootstrap::encoded(wanted).as_str()));
        }
    }
}

#[test]
fn gitea_gives_teams_their_access() {
    let embedded = Embedded::start("bootstrap-gitea");
    let fake = Fake::start("gitea", "/api/v1", github);
    let flags = ["--owner=org", "--repository=fleet", "--token-auth", "--team=apps"];
    succeeded(&fake.run(&embedded, "gitea", &flags));
    let created = "POST /orgs/org/repos {\"default_branch\":\"main\",\"name\":\"fleet\",\"private\":true}";
    assert_eq!(fake.written("/api/v1"), [created, "PUT /repos/org/fleet/teams/apps"]);
    succeeded(&fake.run(&embedded, "gitea", &flags));
    assert_eq!(fake.written("/api/v1"), [""; 0]);
}

#[test]
fn gitlab_makes_projects_in_groups_with_keys_or_tokens() {
    let Some(ssh) = Sshd::start() else { return };
    let embedded = Embedded::start("bootstrap-gitlab");
    let fake = Fake::start("gitlab", "/api/v4", gitlab);
    let ssh = format!("--ssh-hostname=127.0.0.1:{}", ssh.port);
    let flags = ["--owner=group", "--repository=platform/fleet", "--team=apps:push"];
    let with_key = [&flags[..], &[&ssh, "--visibility=internal"]].concat();
    let said = succeeded(&fake.run(&embedded, "gitlab", &with_key));
    let key = said.lines().find_map(|line| line.strip_prefix("✔ public key: ")).unwrap();
    let body = json!({"can_push": false, "key": key, "title": "flux-system-main-flux-system-./clusters/a"});
    let project = "/projects/group%2Fplatform%2Ffleet";
    assert_eq!(
        fake.written("/api/v4"),
        [
            "POST /projects {\"name\":\"fleet\",\"namespace_id\":7,\"path\":\"fleet\",\"visibility\":\"internal\"}".to_owned(),
            format!("POST {project}/share {{\"group_access\":30,\"group_id\":8}}"),
            format!("POST {project}/deploy_keys {}", sorted(body)),
        ]
    );
    succeeded(&fake.run(&embedded, "gitlab", &with_key));
    assert_eq!(fake.written("/api/v4"), [""; 0]);

    // Each run makes a token anew: a token that is there is never told again.
    let with_token = [
        "--owner=group",
        "--repository=platform/fleet",
        "--team=apps:maintain",
        "--deploy-token-auth",
        "--reconcile",
    ];
    succeeded(&fake.run(&embedded, "gitlab", &with_token));
    let made = format!(
        "POST {project}/deploy_tokens {{\"name\":\"flux-system-main-flux-system-./clusters/a\",\"scopes\":[\"read_repository\"]}}"
    );
    assert_eq!(
        fake.written("/api/v4"),
        [
            format!("PUT {project} {{\"visibility\":\"private\"}}"),
            format!("DELETE {project}/share/8"),
            format!("POST {project}/share {{\"group_access\":40,\"group_id\":8}}"),
            made.clone(),
        ]
    );
    succeeded(&fake.run(&embedded, "gitlab", &with_token));
    assert_eq!(fake.written("/api/v4"), [format!("DELETE {project}/deploy_tokens/2"), made]);
    let secret = embedded.get("v1", "Secret", "flux-system", "flux-system").unwrap();
    let username = secret.at_path(&["data", "username"]).and_then(Node::as_str).unwrap();
    assert_eq!(username, crate::bootstrap::encoded("gitlab+deploy-token-3"));
    let sync = fake.repository.git(&["show", "main:clusters/a/flux-system/gotk-sync.yaml"]);
    assert!(sync.contains(&format!("  url: {}/group/platform/fleet.git\n", fake.server.address)), "{sync}");
}

#[test]
fn what_a_provider_refuses_is_said() {
    let embedded = Embedded::start("bootstrap-provider-refused");
    let hub = Fake::start("refusing-hub", "/api/v3", github);
    let lab = Fake::start("refusing-lab", "/api/v4", gitlab);
    let own = ["--owner=me", "--repository=fleet"];
    let said = |done: &Output| {
        assert_eq!(done.status.code(), Some(1));
        String::from_utf8_lossy(&done.stderr).into_owned()
    };
    let wrong = said(&hub.run_with("hunter2", &embedded, "github", &own));
    assert!(wrong.contains("✗ failed to get Git repository \"me/fleet\": "), "{wrong}");
    assert!(
        wrong.contains("401 Unauthorized: Bad credentials; the token of GITHUB_TOKEN is not accepted"),
        "{wrong}"
    );
    assert!(!wrong.contains("hunter2"), "{wrong}");
    for (fake, provider, flags, wanted) in [
        (
            &hub,
            "github",
            &["--owner=you", "--repository=fleet", "--personal"][..],
            "the specified owner 'you' doesn't match the identity associated with the given token, 'Me'",
        ),
        (&hub, "github", &["--repository=fleet"], "✗ --owner is required"),
        (&hub, "github", &["--owner=me"], "✗ --repository is required"),
        (
            &hub,
            "github",
            &["--owner=o", "--repository=r", "--team=a:owner"],
            "✗ invalid permission \"owner\" for team \"a\", use one of: pull, triage, push, maintain, admin",
        ),
        (
            &hub,
            "github",
            &["--owner=o", "--repository=r", "--private-key-file=k", "--ssh-signing-reuse-private-key"],
            "is not supported by 'bootstrap github'",
        ),
        (&lab, "gitlab", &["--owner=g", "--repository=-r"], "✗ -r is an invalid project name for gitlab"),
        (
            &lab,
            "gitlab",
            &["--owner=g", "--repository=r", "--token-auth", "--deploy-token-auth"],
            "cannot be set both",
        ),
        (
            &lab,
            "gitlab",
            &["--owner=none", "--repository=r"],
            "✗ failed to create new Git repository \"none/r\": there is no group \"none\"",
        ),
    ] {
        let said = said(&fake.run(&embedded, provider, flags));
        assert!(said.contains(wanted), "{flags:?}: {said}");
    }
    // Without --allow-insecure-http no token goes over http.
    hub.server.take();
    let mut command = embedded.command(&[
        "bootstrap",
        "github",
        "--owner=me",
        "--repository=r",
        "--hostname",
        &hub.server.address,
    ]);
    let done = command.env("GITHUB_TOKEN", "t0ken").output().unwrap();
    assert!(said(&done).contains("✗ scheme http is insecure, pass --allow-insecure-http=true"));
    let mut command = embedded.command(&["bootstrap", "github", "--owner=me", "--repository=r"]);
    let done = command.env_remove("GITHUB_TOKEN").output().unwrap();
    assert!(said(&done).contains("could not read token: set GITHUB_TOKEN"));
    assert!(hub.server.take().is_empty());
}
