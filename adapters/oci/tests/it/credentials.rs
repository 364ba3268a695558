//! Credentials: which, when, and to whom.

use crate::registry::{options, repository};
use crate::server::{Asked, Reply, Server};
use gitops_core::digest::sha256;
use gitops_core::ports::{Blob, Outlook, Registry};
use gitops_oci::{Keychain, OciOptions, OciRegistry};
use gitops_transport::Authorization;

const HEAD_DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn found() -> Reply {
    Reply::ok("").with("Docker-Content-Digest", &HEAD_DIGEST)
}

fn with(server: &Server, authorization: Authorization) -> OciOptions {
    let mut options = options(&[server]);
    options.keychain = Keychain::default().with(&server.address.to_string(), authorization);
    options
}

/// A registry that hands out tokens at a path of its own.
fn token_registry() -> Server {
    Server::start(|asked: &Asked| {
        let host = asked.header("host").unwrap();
        if asked.path.starts_with("/token?") {
            return match asked.header("authorization") {
                Some("Basic bWU6aHVudGVyMg==") => Reply::ok(r#"{"token":"tok-private","expires_in":300}"#),
                None => Reply::ok(r#"{"access_token":"tok-public"}"#),
                Some(_) => Reply::new(401, r#"{"details":"incorrect username or password"}"#),
            };
        }
        let challenge =
            format!(r#"Bearer realm="http://{host}/token",service="reg",scope="repository:org/app:pull""#);
        match asked.header("authorization") {
            Some("Bearer tok-private" | "Bearer tok-public") => found(),
            _ => {
                Reply::new(401, r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#)
                    .with("WWW-Authenticate", &challenge)
            }
        }
    })
}

#[tokio::test]
async fn a_token_is_fetched_once_and_then_one_request_is_enough() {
    for (authorization, token) in
        [(None, "Bearer tok-public"), (Some(Authorization::basic("me", "hunter2")), "Bearer tok-private")]
    {
        let server = token_registry();
        let options = match authorization {
            Some(authorization) => with(&server, authorization),
            None => options(&[&server]),
        };
        let registry = OciRegistry::new(options).unwrap();
        assert_eq!(registry.resolve(&repository(&server), "v1").await.unwrap(), HEAD_DIGEST);
        let paths: Vec<String> = server.asked().into_iter().map(|asked| asked.path).collect();
        let token_path = "/token?service=reg&scope=repository%3Aorg%2Fapp%3Apull";
        assert_eq!(paths, ["/v2/org/app/manifests/v1", token_path, "/v2/org/app/manifests/v1"]);
        server.forget();
        registry.resolve(&repository(&server), "v1").await.unwrap();
        let asked = server.asked();
        assert_eq!((asked.len(), asked[0].header("authorization")), (1, Some(token)));
    }
}

#[tokio::test]
async fn a_wrong_password_stalls_and_is_not_shown() {
    let server = token_registry();
    let registry = OciRegistry::new(with(&server, Authorization::basic("me", "wr0ng-pass"))).unwrap();
    let error = registry.resolve(&repository(&server), "v1").await.unwrap_err();
    assert_eq!(error.outlook(), Outlook::Stalled);
    let text = error.to_string();
    assert!(text.contains("incorrect username or password") && !text.contains("wr0ng-pass"), "{text}");
    assert!(!format!("{error:?} {registry:?}").contains("wr0ng-pass"));
}

#[tokio::test]
async fn a_name_and_password_are_sent_when_the_registry_asks() {
    let server = Server::start(|asked| match asked.header("authorization") {
        Some("Basic bWU6aHVudGVyMg==") => found(),
        _ => Reply::new(401, "").with("WWW-Authenticate", &"Basic realm=\"r\""),
    });
    let registry = OciRegistry::new(with(&server, Authorization::basic("me", "hunter2"))).unwrap();
    registry.resolve(&repository(&server), "v1").await.unwrap();
    server.forget();
    registry.resolve(&repository(&server), "v1").await.unwrap();
    assert_eq!(server.asked().len(), 1, "it is known how the registry wants to be asked");
    let wrong = OciRegistry::new(with(&server, Authorization::basic("me", "wr0ng-pass"))).unwrap();
    let error = wrong.resolve(&repository(&server), "v1").await.unwrap_err();
    assert_eq!(error.outlook(), Outlook::Stalled);
    assert!(error.to_string().contains("refuses the credentials") && !error.to_string().contains("wr0ng"));
    let nobody = OciRegistry::new(options(&[&server])).unwrap();
    let error = nobody.resolve(&repository(&server), "v1").await.unwrap_err();
    assert!(error.to_string().contains("wants credentials, and none are given"), "{error}");
}

#[tokio::test]
async fn a_credential_is_not_sent_to_a_strangers_token_server() {
    let thief = Server::start(|_| Reply::ok(r#"{"token":"x"}"#));
    let realm = format!(r#"Bearer realm="{}",service="reg""#, thief.other_name("/token"));
    let server = Server::start(move |asked| match asked.header("authorization") {
        None => Reply::new(401, "").with("WWW-Authenticate", &realm),
        Some(_) => found(),
    });
    let registry = OciRegistry::new(with(&server, Authorization::basic("me", "hunter2"))).unwrap();
    let error = registry.resolve(&repository(&server), "v1").await.unwrap_err();
    assert!(error.to_string().contains("another domain, localhost"), "{error}");
    assert!(thief.asked().is_empty());
    let mut trusting = with(&server, Authorization::basic("me", "hunter2"));
    trusting.token_hosts.push("localhost".to_owned());
    OciRegistry::new(trusting).unwrap().resolve(&repository(&server), "v1").await.unwrap();
    assert_eq!(thief.asked().len(), 1);
}

#[tokio::test]
async fn a_layers_redirect_to_a_store_carries_no_token() {
    let store = Server::start(|_| Reply::ok("12345"));
    let location = store.other_name("/bucket?signature=s3cret");
    let server = Server::start(move |asked| match asked.header("authorization") {
        None => Reply::new(401, "").with("WWW-Authenticate", &"Basic"),
        Some(_) => Reply::new(307, "").with("Location", &location),
    });
    let registry = OciRegistry::new(with(&server, Authorization::basic("me", "hunter2"))).unwrap();
    let blob = Blob { media_type: String::new(), digest: sha256(b"12345"), size: 5 };
    registry.blob(&repository(&server), &blob).await.unwrap();
    assert_eq!(store.asked()[0].header("authorization"), None);
    let wrong = Blob { digest: sha256(b"x"), ..blob };
    let error = registry.blob(&repository(&server), &wrong).await.unwrap_err();
    assert!(!error.to_string().contains("s3cret"), "{error}");
}

#[tokio::test]
async fn another_registry_gets_nothing_of_it() {
    let server = Server::start(|asked| match asked.header("authorization") {
        None => Reply::new(401, "").with("WWW-Authenticate", &"Basic"),
        Some(_) => found(),
    });
    let mut options = options(&[&server]);
    options.keychain = Keychain::default().with("ghcr.io", Authorization::basic("me", "hunter2"));
    let error = OciRegistry::new(options).unwrap().resolve(&repository(&server), "v1").await.unwrap_err();
    assert_eq!(error.outlook(), Outlook::Stalled);
    assert!(server.asked().iter().all(|asked| asked.header("authorization").is_none()));
}

#[tokio::test]
async fn an_identity_token_is_exchanged_in_a_form() {
    let server = Server::start(|asked| {
        let host = asked.header("host").unwrap();
        match (asked.method.as_str(), asked.header("authorization")) {
            ("POST", _) => Reply::ok(r#"{"access_token":"tok"}"#),
            (_, Some("Bearer tok")) => found(),
            _ => Reply::new(401, "").with(
                "WWW-Authenticate",
                &format!(r#"Bearer realm="http://{host}/oauth2/token",service="r""#),
            ),
        }
    });
    let mut options = options(&[&server]);
    let config = format!(r#"{{"auths":{{"{}":{{"identitytoken":"refresh&me"}}}}}}"#, server.address);
    options.keychain = Keychain::from_docker_config(config.as_bytes()).unwrap();
    OciRegistry::new(options).unwrap().resolve(&repository(&server), "v1").await.unwrap();
    let form = String::from_utf8(server.asked()[1].body.clone()).unwrap();
    assert!(
        form.ends_with("&refresh_token=refresh%26me") && form.contains("grant_type=refresh_token"),
        "{form}"
    );
}

#[tokio::test]
async fn an_expired_token_is_renewed() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let issued = AtomicUsize::new(0);
    let server = Server::start(move |asked| {
        let host = asked.header("host").unwrap();
        if asked.path.starts_with("/token") {
            let number = issued.fetch_add(1, Ordering::SeqCst);
            return Reply::ok(format!(r#"{{"token":"tok{number}","expires_in":300}}"#));
        }
        let valid = format!("Bearer tok{}", issued.load(Ordering::SeqCst).wrapping_sub(1));
        // The second tag finds the first token revoked.
        let revoked = asked.path.ends_with("/v2") && valid == "Bearer tok0";
        match asked.header("authorization") {
            Some(given) if given == valid && !revoked => found(),
            _ => Reply::new(401, "")
                .with("WWW-Authenticate", &format!(r#"Bearer realm="http://{host}/token""#)),
        }
    });
    let registry = OciRegistry::new(options(&[&server])).unwrap();
    registry.resolve(&repository(&server), "v1").await.unwrap();
    registry.resolve(&repository(&server), "v2").await.unwrap();
    let tokens = server.asked().iter().filter(|asked| asked.path.starts_with("/token")).count();
    assert_eq!(tokens, 2);
}
