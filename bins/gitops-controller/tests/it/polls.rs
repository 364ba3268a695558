//! What asking again costs: one small request, whoever asks.

use crate::server::{Reply, Server};
use gitops_controller::{AnyCluster, RealWorld};
use gitops_controllers::{HttpAccess, World};
use gitops_core::digest::sha256;
use gitops_core::ports::{ChartRepository, Registry, Secret};
use gitops_local_cluster::LocalCluster;

fn world() -> RealWorld {
    RealWorld::new(AnyCluster::Local(LocalCluster::new())).unwrap()
}

/// A registry that wants a token, for which a name and a password are wanted.
fn registry() -> Server {
    Server::start(|asked| match asked.path.split('?').next().unwrap_or_default() {
        "/token" if asked.header("authorization") == Some("Basic bWU6aHVudGVyMg==") => {
            Reply::ok(r#"{"token": "t0k", "expires_in": 300}"#)
        }
        "/token" => Reply::new(401, ""),
        _ if asked.header("authorization") == Some("Bearer t0k") => {
            Reply::ok("{}").with("Docker-Content-Digest", &sha256(b"{}"))
        }
        _ => {
            let host = asked.header("host").unwrap_or_default();
            let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"r\"");
            Reply::new(401, "").with("WWW-Authenticate", &challenge)
        }
    })
}

#[tokio::test]
async fn an_unchanged_registry_is_asked_one_small_question() {
    let server = registry();
    let world = world();
    let access = HttpAccess {
        username: Some("me".into()),
        password: Some(Secret::new("hunter2")),
        plain_http_hosts: vec![server.address.to_string()],
        ..HttpAccess::default()
    };
    let repository = format!("{}/org/app", server.address);
    world.registry(&access).unwrap().resolve(&repository, "v1").await.unwrap();
    assert_eq!(server.asked().len(), 3, "a question, a token, the question again");
    for _ in 0..3 {
        server.forget();
        // Another reconciliation, which reads its Secret anew.
        world.registry(&access.clone()).unwrap().resolve(&repository, "v1").await.unwrap();
        let asked = server.asked();
        assert_eq!((asked.len(), asked[0].method.as_str()), (1, "HEAD"));
        assert!(asked[0].bytes < 700, "{} bytes", asked[0].bytes);
    }
    // Whoever knows another password gets no use of that token.
    let other = HttpAccess { password: Some(Secret::new("wrong")), ..access };
    assert!(world.registry(&other).unwrap().resolve(&repository, "v1").await.is_err());
}

#[tokio::test]
async fn an_unchanged_index_is_asked_for_once_a_poll() {
    let server = Server::start(|asked| match asked.header("if-none-match") {
        Some("\"1\"") => Reply::new(304, ""),
        _ => Reply::ok("apiVersion: v1\n").with("ETag", &"\"1\""),
    });
    let world = world();
    let charts = || world.charts(&server.url(""), &HttpAccess::default()).unwrap();
    let (_, tag) = charts().index(None).await.unwrap().unwrap();
    server.forget();
    assert!(charts().index(tag.as_deref()).await.unwrap().is_none());
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_proxy_of_an_object_is_asked_instead_of_the_server() {
    let proxy = Server::start(|asked| {
        assert_eq!(asked.header("proxy-authorization"), Some("Basic bWU6cEBzcw=="));
        Reply::ok(format!("through a proxy: {}", asked.path))
    });
    let access = HttpAccess {
        proxy: Some(Secret::new(proxy.url("").replace("http://", "http://me:p%40ss@"))),
        ..HttpAccess::default()
    };
    let world = world();
    let charts = world.charts("http://charts.example.org/x", &access).unwrap();
    let (index, _) = charts.index(None).await.unwrap().unwrap();
    assert_eq!(&index[..], b"through a proxy: http://charts.example.org/x/index.yaml");
    let odd = HttpAccess { proxy: Some(Secret::new("hunter2")), ..HttpAccess::default() };
    let error = world.charts("http://charts.example.org", &odd).unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
