//! Logins over HTTP: tokens, passwords, certificates of both sides, a proxy between.

use crate::certificates::{AUTHORITY, CLIENT, CLIENT_KEY, Clients, EXPIRED, GOOD, wrap};
use crate::repository::{Repository, location};
use crate::server::{Answer, Server};
use gitops_core::git_location::GitLocation;
use gitops_core::ports::{Checkout, FetchRequest, GitReference, GitRemote, PortError, Secret};
use gitops_git::{Git, Options, PlainHttp, Proxy};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

async fn fetch(options: Options, to: GitLocation) -> Result<Checkout, PortError> {
    let main = GitReference { branch: Some("main".into()), ..GitReference::default() };
    Git::new(options).fetch(&FetchRequest::new(to, main)).await
}

/// Serves a repository behind a certificate.
fn secure(repository: &Repository, certificate: &str, clients: Clients) -> Server {
    let wrap = wrap(certificate, clients);
    Server::wrapped(&repository.root, |_| None, move |stream| wrap(stream).ok())
}

fn secure_url(server: &Server) -> String {
    server.url().replace("http://", "https://")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_or_a_password_is_sent_and_over_plain_http_only_where_that_is_allowed() {
    let repository = Repository::with(&[("a", "1")]);
    let server = Server::of(&repository.root);
    let mut options = Options::default();
    options.plain_http = PlainHttp::WithCredentials;
    for (secret, sent) in [
        (&[("username", "bot"), ("password", "hunter2")][..], "Basic Ym90Omh1bnRlcjI="),
        (&[("bearerToken", "hunter2")], "Bearer hunter2"),
    ] {
        let to = location(&server.url(), secret);
        let error = fetch(Options::default(), to.clone()).await.unwrap_err();
        assert!(!error.can_retry() && !format!("{error:?}").contains("hunter2"), "{error}");
        assert!(server.take().is_empty());
        fetch(options.clone(), to).await.unwrap();
        let seen = server.take();
        assert!(!seen.is_empty());
        assert!(seen.iter().all(|seen| seen.authorization.as_deref() == Some(sent)), "{seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_servers_certificate_must_be_good() {
    let repository = Repository::with(&[("a", "1")]);
    let good = secure(&repository, GOOD, Clients::Anyone);
    assert!(fetch(Options::default(), location(&secure_url(&good), &[("ca.crt", AUTHORITY)])).await.is_ok());
    let stranger = fetch(Options::default(), location(&secure_url(&good), &[])).await.unwrap_err();
    assert!(stranger.to_string().contains("certificate") && !stranger.can_retry(), "{stranger}");
    let old = secure(&repository, EXPIRED, Clients::Anyone);
    let to = location(&secure_url(&old), &[("ca.crt", AUTHORITY)]);
    let error = fetch(Options::default(), to).await.unwrap_err();
    assert!(error.to_string().contains("expired") && !error.can_retry(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_shows_its_certificate() {
    let repository = Repository::with(&[("a", "1")]);
    let server = secure(&repository, GOOD, Clients::WithCertificate);
    let url = secure_url(&server);
    let with = [("ca.crt", AUTHORITY), ("tls.crt", CLIENT), ("tls.key", CLIENT_KEY)];
    assert!(fetch(Options::default(), location(&url, &with)).await.is_ok());
    let error = fetch(Options::default(), location(&url, &with[..1])).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("PRIVATE KEY"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_asked_and_logged_in_to() {
    let repository = Repository::with(&[("a", "1")]);
    let proxy = Server::with(&repository.root, |seen| {
        let is_right = seen.target.starts_with("http://git.example.org/repo.git/")
            && seen.proxy_authorization.as_deref() == Some("Basic Ym90Omh1bnRlcjI=");
        Some(Answer::new(if is_right { 407 } else { 500 }, &[], b""))
    });
    let mut options = Options::default();
    options.proxy = Some(Proxy {
        address: proxy.address.clone(),
        username: Some("bot".into()),
        password: Some(Secret::new("hunter2")),
    });
    let to = location("http://git.example.org/repo.git", &[]);
    let error = fetch(options, to).await.unwrap_err();
    assert!(error.to_string().contains("407") && !error.can_retry(), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    assert_eq!(proxy.take().len(), 1);
}

/// A server may refuse a question before it has read it, and take the rest of the question for a new one.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_refused_question_leaves_behind_does_not_spoil_the_next() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                let answers =
                    [&b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"[..], b"<html>bad request\r\n\r\n"];
                for answer in answers {
                    let mut line = String::new();
                    while line != "\r\n" {
                        line.clear();
                        if reader.read_line(&mut line).unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    reader.get_mut().write_all(answer).unwrap();
                }
            });
        }
    });
    let main = GitReference { branch: Some("main".into()), ..GitReference::default() };
    let remote = Git::new(Options::default());
    for _ in 0..3 {
        let to = location(&format!("http://{address}/repo.git"), &[]);
        let error = remote.fetch(&FetchRequest::new(to, main.clone())).await.unwrap_err();
        assert!(error.to_string().contains("authentication required"), "{error}");
    }
}
