//! Redirects, and what goes along.

use crate::bounds::quick;
use crate::server::{Reply, Server};
use gitops_transport::{Authorization, Call, Client, Method, Redirects};

async fn follow(redirects: Redirects, to: impl Fn(&Server) -> String) -> (String, Vec<crate::server::Asked>) {
    let target = Server::start(|_| Reply::ok("reached"));
    let location = to(&target);
    let server = Server::start(move |asked| match asked.path.as_str() {
        "/x" => Reply::new(307, "").with("Location", &location),
        _ => Reply::ok("stayed"),
    });
    let call = Call::get(&server.url("/x")).unwrap().redirects(redirects).header("X-Token", "t").unwrap();
    let call = call.authorization(Some(Authorization::bearer("secret")));
    let client = Client::new(quick()).unwrap();
    let answer = client.call(&call).await.unwrap();
    (
        String::from_utf8_lossy(&answer.body).into_owned(),
        target.asked().into_iter().chain(server.asked()).collect(),
    )
}

#[tokio::test]
async fn another_host_gets_no_credential() {
    let (body, asked) = follow(Redirects::Followed, |target| target.url("/y")).await;
    assert_eq!(body, "reached");
    assert_eq!((asked[0].header("authorization"), asked[0].header("x-token")), (None, None));
    assert_eq!(asked[1].header("authorization"), Some("Bearer secret"));
}

#[tokio::test]
async fn the_same_host_gets_it() {
    let (body, asked) = follow(Redirects::Followed, |_| "/y".to_owned()).await;
    assert_eq!(body, "stayed");
    assert!(asked.iter().all(|asked| asked.header("authorization") == Some("Bearer secret")));
}

#[tokio::test]
async fn another_host_gets_it_where_the_user_says_so() {
    let (_, asked) = follow(Redirects::WithCredentials, |target| target.url("/y")).await;
    assert_eq!(asked[0].header("authorization"), Some("Bearer secret"));
}

#[tokio::test]
async fn a_redirect_can_be_kept_at_the_host() {
    let (body, asked) = follow(Redirects::SameHost, |target| target.url("/y")).await;
    assert_eq!((body.as_str(), asked.len()), ("", 1));
}

#[tokio::test]
async fn circles_and_odd_places_end() {
    let client = Client::new(quick()).unwrap();
    for (location, wanted) in [
        ("/x", "stopped after 5 redirects"),
        ("file:///etc/passwd", "redirected to what is no address"),
        ("javascript:alert(1)", "redirected to what is no address"),
    ] {
        let server = Server::start(move |_| Reply::new(302, "").with("Location", &location));
        let error = client.call(&Call::get(&server.url("/x")).unwrap()).await.unwrap_err();
        assert!(!error.can_retry() && error.to_string().ends_with(wanted), "{error}");
    }
}

#[tokio::test]
async fn a_post_that_is_redirected_with_302_becomes_a_get_without_its_body() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/x" => Reply::new(302, "").with("Location", &"/y"),
        _ => Reply::ok(""),
    });
    let call = Call::new(Method::POST, &server.url("/x")).unwrap().body("secret");
    Client::new(quick()).unwrap().call(&call).await.unwrap();
    let asked = server.asked();
    assert_eq!((asked[1].method.as_str(), asked[1].body.len()), ("GET", 0));
}
