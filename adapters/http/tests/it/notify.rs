//! Notifications.

use crate::repository::quick;
use crate::server::{Reply, Server};
use gitops_core::ports::{Notify, Request};
use gitops_http::HttpNotify;
use std::sync::atomic::{AtomicUsize, Ordering};

fn request(url: String) -> Request {
    let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    Request { method: "POST".to_owned(), url, headers, body: b"{\"key\":\"s3cret\"}"[..].into() }
}

#[tokio::test]
async fn a_request_is_sent_as_it_is_worded_and_again_to_a_busy_server() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::new(503, "busy"),
        _ => Reply::ok(vec![b'x'; 1 << 20]),
    });
    let response =
        HttpNotify::new(quick()).unwrap().send(&request(server.url("/T0/B0/key?x=1"))).await.unwrap();
    assert_eq!((response.status, response.body.len()), (200, 64 << 10), "a long answer is cut");
    let asked = server.asked();
    assert_eq!((asked.len(), asked[1].path.as_str()), (2, "/T0/B0/key?x=1"));
    assert_eq!(asked[1].body, b"{\"key\":\"s3cret\"}");
    assert_eq!(asked[1].header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn a_refusal_is_an_answer() {
    let server = Server::start(|_| Reply::new(404, "no_team"));
    let response = HttpNotify::new(quick()).unwrap().send(&request(server.url("/x"))).await.unwrap();
    assert_eq!((response.status, &response.body[..]), (404, &b"no_team"[..]));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn errors_name_the_host_alone() {
    let server = Server::start(|_| Reply { stall_after: Some(0), ..Reply::ok("x") });
    let url = server.url("/T0/s3cret-path?token=s3cret-query").replace("http://", "http://u:s3cret-word@");
    let error = HttpNotify::new(quick()).unwrap().send(&request(url)).await.unwrap_err();
    assert!(error.can_retry());
    let wanted = format!("POST {}: the server stalled for 500ms after 0 bytes", server.url(""));
    assert_eq!(error.to_string(), wanted);
    assert!(!format!("{error:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_redirect_to_another_host_gets_nothing() {
    let other = Server::start(|_| Reply::ok(""));
    let location = other.other_name("/x");
    let server = Server::start(move |_| Reply::new(307, "").with("Location", &location));
    let response = HttpNotify::new(quick()).unwrap().send(&request(server.url("/x"))).await.unwrap();
    assert_eq!(response.status, 307);
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn what_is_no_request_is_refused_without_showing_it() {
    let sender = HttpNotify::new(quick()).unwrap();
    let mut odd = request("http://127.0.0.1:1/x".to_owned());
    odd.headers.push(("X-Key".to_owned(), "s3cret\nX-Other: 1".to_owned()));
    let error = sender.send(&odd).await.unwrap_err();
    assert!(!error.can_retry() && !error.to_string().contains("s3cret"), "{error}");
    let error = sender.send(&request("gopher://127.0.0.1/s3cret".to_owned())).await.unwrap_err();
    assert!(!error.can_retry() && !error.to_string().contains("s3cret"), "{error}");
}
