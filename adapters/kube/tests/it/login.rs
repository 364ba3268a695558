//! Who asks, how often, and with which token.

use crate::server::Server;
use gitops_core::object::Gvk;
use gitops_core::ports::{Cluster, ClusterFault, ListOptions, ObjectRef, Secret};
use gitops_kube::{Connection, Impersonation, KubeCluster, Limits, Login, Rate, Trust, Verification};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const MAP: &str = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"n"}}"#;

fn map_ref() -> ObjectRef {
    ObjectRef { gvk: Gvk::new("v1", "ConfigMap"), namespace: "n".into(), name: "a".into() }
}

fn limits(per_second: f32, burst: u32) -> Limits {
    let mut limits = Limits::default();
    limits.rate = Rate::new(per_second, burst);
    limits
}

#[tokio::test(start_paused = true)]
async fn requests_go_no_faster_than_they_may() {
    let server = Server::new();
    let cluster = server.cluster().with_limits(limits(10.0, 4));
    for _ in 0..32 {
        server.answer(200, MAP);
    }
    let begun = tokio::time::Instant::now();
    // Two requests ask for the kinds; of four at once two are left, and somebody else's count too.
    let jane = cluster.impersonating(&Impersonation::user("jane", []).unwrap()).unwrap();
    for _ in 0..6 {
        cluster.get(&map_ref()).await.unwrap();
        jane.get(&map_ref()).await.unwrap();
    }
    // The clock of the test stands but for waits, which are whole milliseconds.
    assert!((1_000..1_015).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    let begun = tokio::time::Instant::now();
    let cluster = server.cluster();
    for _ in 0..12 {
        cluster.get(&map_ref()).await.unwrap();
    }
    assert_eq!(begun.elapsed(), Duration::ZERO, "no bound is the default");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_shares_its_time_itself_ends_the_bound() {
    let server = Server::new();
    let cluster = server.cluster().with_limits(limits(1.0, 3));
    server.answer_with(200, vec![("x-kubernetes-pf-flowschema-uid", "u")], MAP);
    for _ in 0..20 {
        server.answer(200, MAP);
    }
    let begun = tokio::time::Instant::now();
    for _ in 0..20 {
        cluster.get(&map_ref()).await.unwrap();
    }
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn requests_that_are_made_again_wait_for_their_turn_too() {
    let server = Server::new();
    let cluster = server.cluster().with_limits(limits(0.1, 3));
    server.answer(503, "").answer(200, MAP);
    let begun = tokio::time::Instant::now();
    cluster.get(&map_ref()).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(9), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_impersonated_user_is_sent_whole() {
    let server = Server::new();
    server.answer(200, MAP);
    let jane = Impersonation::user("jane", ["dev".to_owned(), "ops".to_owned()])
        .and_then(|jane| jane.with_uid("u-1"))
        .and_then(|jane| jane.with_extra("example.org/scopes", ["read".to_owned()]))
        .unwrap();
    server.cluster().impersonating(&jane).unwrap().get(&map_ref()).await.unwrap();
    let seen = &server.seen()[0];
    let groups: Vec<_> = seen.headers.get_all("impersonate-group").iter().collect();
    assert_eq!(groups, ["dev", "ops"]);
    assert_eq!(seen.header("impersonate-user"), "jane");
    assert_eq!(seen.header("impersonate-uid"), "u-1");
    assert_eq!(seen.header("impersonate-extra-example.org%2fscopes"), "read");
}

/// A server that takes one token alone and counts the requests with any other.
struct Door {
    address: std::net::SocketAddr,
    taken: Arc<Mutex<String>>,
    refused: Arc<Mutex<Vec<String>>>,
}

impl Door {
    async fn open(token: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let door = Self {
            address: listener.local_addr().unwrap(),
            taken: Arc::new(Mutex::new(token.to_owned())),
            refused: Arc::default(),
        };
        let (taken, refused) = (Arc::clone(&door.taken), Arc::clone(&door.refused));
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let (taken, refused) = (Arc::clone(&taken), Arc::clone(&refused));
                tokio::spawn(async move {
                    let mut read = Vec::new();
                    while !read.ends_with(b"\r\n\r\n") {
                        match socket.read_u8().await {
                            Ok(byte) => read.push(byte),
                            Err(_) => return,
                        }
                    }
                    let head = String::from_utf8(read).unwrap();
                    let token = head
                        .lines()
                        .find_map(|line| line.strip_prefix("authorization: Bearer "))
                        .unwrap_or_default();
                    let (status, body) = match head.split(' ').nth(1).unwrap() {
                        _ if token != *taken.lock().unwrap() => {
                            refused.lock().unwrap().push(token.to_owned());
                            ("401 Unauthorized", r#"{"kind":"Status","message":"Unauthorized","code":401}"#)
                        }
                        "/api" => ("200 OK", crate::server::CORE),
                        "/apis" => ("200 OK", crate::server::GROUPS),
                        path if path.contains("watch=true") => ("200 OK", ""),
                        _ => ("200 OK", MAP),
                    };
                    let answer = format!(
                        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                        body.len()
                    );
                    let _ = socket.write_all(answer.as_bytes()).await;
                });
            }
        });
        door
    }

    async fn enter(&self, user: &str) -> KubeCluster {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- name: c\n  context: {{cluster: k, user: u}}\nclusters:\n- name: k\n  cluster: {{server: 'http://{}'}}\nusers:\n- name: u\n  user: {{{user}}}\n",
            self.address
        );
        let connection = Connection::from_text(&text, None, Trust::User).await.unwrap();
        KubeCluster::connect(connection).unwrap()
    }

    fn expire(&self, token_file: &Path, next: &str) {
        *self.taken.lock().unwrap() = next.to_owned();
        std::fs::write(token_file, next).unwrap();
    }

    fn refused(&self) -> Vec<String> {
        std::mem::take(&mut self.refused.lock().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_expires_in_between_is_renewed_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "first").unwrap();
    let door = Door::open("first").await;
    let cluster = door.enter(&format!("tokenFile: {}", file.display())).await;
    cluster.get(&map_ref()).await.unwrap();
    assert!(door.refused().is_empty());
    door.expire(&file, "second");
    cluster.get(&map_ref()).await.unwrap();
    assert_eq!(door.refused(), ["first"]);
    door.expire(&file, "third");
    let maps = Gvk::new("v1", "ConfigMap");
    cluster.watch(&maps, &ListOptions::default(), "1").await.unwrap();
    assert_eq!(door.refused(), ["second"]);
    // Many at once share what one has learnt.
    door.expire(&file, "fourth");
    let calls = (0..8).map(|_| {
        let cluster = cluster.clone();
        tokio::spawn(async move { cluster.get(&map_ref()).await.map(drop) })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert!(door.refused().iter().all(|token| token == "third"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_not_taken_is_told_and_tried_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "hunter2").unwrap();
    let door = Door::open("other").await;
    let cluster = door.enter(&format!("tokenFile: {}", file.display())).await;
    let error = cluster.get(&map_ref()).await.unwrap_err();
    assert_eq!((error.fault, error.status), (ClusterFault::Unauthorized, 401));
    assert!(matches!(error.outlook(), gitops_core::ports::Outlook::Retry { .. }));
    assert_eq!(door.refused().len(), 2, "once more with what the file says now");
    assert!(!format!("{error} {error:?} {cluster:?}").contains("hunter2"));
    // A token that stands in the kubeconfig stays what it is.
    let error = door.enter("token: hunter2").await.get(&map_ref()).await.unwrap_err();
    assert_eq!((error.fault, door.refused().len()), (ClusterFault::Unauthorized, 1));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_program_is_asked_again_and_never_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let credential = |token: &str| {
        format!(
            r#"{{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{{"token":"{token}"}}}}"#
        )
    };
    std::fs::write(&file, credential("first")).unwrap();
    let door = Door::open("first").await;
    let user = |command: &str, argument: &str| {
        format!(
            "exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: {command}, args: ['{argument}']}}"
        )
    };
    let cluster = door.enter(&user("cat", &file.display().to_string())).await;
    cluster.get(&map_ref()).await.unwrap();
    door.expire(&file, "second");
    std::fs::write(&file, credential("second")).unwrap();
    cluster.get(&map_ref()).await.unwrap();
    assert_eq!(door.refused(), ["first"]);
    // One that fails, or says something else, may have said a password.
    let script = folder.path().join("login");
    for (line, said) in [("exit 3", "the login program"), ("exit 0", "can not be read")] {
        std::fs::write(&script, format!("echo hunter2; {line}\n")).unwrap();
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- name: c\n  context: {{cluster: k, user: u}}\nclusters:\n- name: k\n  cluster: {{server: 'http://127.0.0.1:1'}}\nusers:\n- name: u\n  user: {{{}}}\n",
            user("sh", &script.display().to_string())
        );
        let connection = Connection::from_text(&text, None, Trust::User).await.unwrap();
        let error = KubeCluster::connect(connection).unwrap_err().to_string();
        assert!(error.contains(said) && !error.contains("hunter2"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flags_are_laid_over_the_kubeconfig() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    let text = "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- name: c\n  context: {cluster: k, user: u, namespace: n}\nclusters:\n- name: k\n  cluster: {server: 'https://example.org:6443'}\nusers:\n- name: u\n  user: {tokenFile: /nonexistent}\n";
    std::fs::write(&file, text).unwrap();
    let door = Door::open("mine").await;
    let server = Some(format!("http://{}", door.address));
    let login = Login {
        kubeconfig: Some(file),
        server: server.clone(),
        token: Some(Secret::new("mine")),
        ..Login::default()
    };
    assert_eq!(login.namespace().as_deref(), Some("n"));
    assert!(!format!("{login:?}").contains("mine"));
    let get = |login: Login| async move {
        let connection = Connection::from_login(&login).await.map_err(|error| error.to_string())?;
        let cluster = KubeCluster::connect(connection).map_err(|error| error.to_string())?;
        cluster.get(&map_ref()).await.map(drop).map_err(|error| error.to_string())
    };
    get(login.clone()).await.unwrap();
    // A server and a token are enough without any kubeconfig.
    let alone = Login { server, token: login.token.clone(), ..Login::default() };
    get(alone).await.unwrap();
    let refused = |login: Login| async move { get(login).await.unwrap_err() };
    let wrong = refused(Login { token: Some(Secret::new("hunter2")), ..login.clone() }).await;
    assert!(wrong.contains("Unauthorized") && !wrong.contains("hunter2"), "{wrong}");
    let both = Login {
        certificate_authority: Some("ca.pem".into()),
        verification: Verification::Skipped,
        ..login.clone()
    };
    assert!(refused(both).await.contains("root certificates file with the insecure flag"));
    let missing = Login { certificate_authority: Some("no-such-file.pem".into()), ..login.clone() };
    assert!(refused(missing).await.contains("no-such-file.pem"));
    assert!(
        refused(Login { cluster: Some("x".to_owned()), server: None, ..login.clone() }).await.contains('x')
    );
    assert!(refused(Login { server: Some("a b".to_owned()), ..login }).await.contains("is not a URL"));
}
