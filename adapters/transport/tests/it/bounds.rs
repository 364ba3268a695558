//! Limits, deadlines, retries.

use crate::server::{Reply, Server};
use gitops_core::ports::Outlook;
use gitops_transport::{Authorization, Call, Client, Method, Options, Retries};
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub(crate) fn quick() -> Options {
    let mut options = Options::default();
    options.stall = Duration::from_millis(200);
    options.retries =
        Retries { attempts: 3, first: Duration::from_millis(1), longest: Duration::from_secs(1) };
    options
}

fn client() -> Client {
    Client::new(quick()).unwrap()
}

#[tokio::test]
async fn a_busy_server_is_asked_again_when_it_said() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::new(429, "slow down").with("Retry-After", &1),
        1 => Reply::new(503, ""),
        _ => Reply::ok("done"),
    });
    let before = std::time::Instant::now();
    let answer = client().call(&Call::get(&server.url("/x")).unwrap()).await.unwrap();
    assert_eq!(&answer.body[..], b"done");
    assert_eq!(server.asked().len(), 3);
    assert!(before.elapsed() >= Duration::from_secs(1), "the server's second was waited for");
}

#[tokio::test]
async fn a_long_retry_after_is_handed_to_the_caller() {
    let server = Server::start(|_| Reply::new(429, "").with("Retry-After", &120));
    let answer = client().call(&Call::get(&server.url("/x")).unwrap()).await.unwrap();
    let error = answer.success().unwrap_err();
    assert_eq!(error.outlook(), Outlook::Retry { after: Some(Duration::from_secs(120)) });
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_refusal_is_not_tried_again_and_shows_no_credential() {
    // A server that repeats what it was told.
    let server = Server::start(|asked| Reply::new(401, asked.header("authorization").unwrap_or("")));
    let call = Call::get(&server.url("/x?token=hunter2")).unwrap();
    let call = call.authorization(Some(Authorization::basic("me", "hunter2")));
    let answer = client().call(&call).await.unwrap();
    let said = format!("hunter2 {}", String::from_utf8_lossy(&answer.body));
    let error = answer.failure(Some(&said));
    assert_eq!(error.outlook(), Outlook::Stalled);
    let wanted = format!("GET {}: 401 Unauthorized: *** Basic ***", server.url("/x"));
    assert_eq!(error.to_string(), wanted);
    assert!(!format!("{error:?} {call:?} {answer:?}").contains("hunter2"));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_body_that_stalls_ends() {
    let server = Server::start(|_| Reply { stall_after: Some(3), ..Reply::ok("a whole body") });
    let error = client().call(&Call::get(&server.url("/x")).unwrap()).await.unwrap_err();
    assert!(error.can_retry());
    let wanted = format!("GET {}: the server stalled for 200ms after 3 bytes", server.url("/x"));
    assert_eq!(error.to_string(), wanted);
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn a_call_ends_in_its_time_whatever_the_server_does() {
    let mut options = quick();
    options.total = Duration::from_millis(300);
    options.retries.attempts = 1_000_000;
    let server = Server::start(|_| Reply::new(503, ""));
    let client = Client::new(options).unwrap();
    let error = client.call(&Call::get(&server.url("/x")).unwrap()).await.unwrap_err();
    assert!(error.can_retry() && error.to_string().ends_with("no answer within 300ms"), "{error}");
}

#[tokio::test]
async fn more_than_the_limit_is_refused_announced_or_not() {
    for unannounced in [false, true] {
        let server = Server::start(move |_| Reply { unannounced, ..Reply::ok(vec![b'x'; 5_000]) });
        let call = Call::get(&server.url("/x")).unwrap().limit(4_999);
        let error = client().call(&call).await.unwrap_err();
        assert_eq!(error.outlook(), Outlook::Stalled);
        assert!(error.to_string().ends_with("the limit is 4999"), "{error}");
        assert_eq!(client().call(&call.limit(5_000)).await.unwrap().body.len(), 5_000);
    }
}

#[tokio::test]
async fn a_compressed_body_has_the_limit_of_a_plain_one() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![b'x'; 1 << 20]).unwrap();
    let packed = encoder.finish().unwrap();
    let server = Server::start(move |_| Reply::ok(&packed).with("Content-Encoding", &"gzip"));
    let answer = client().call(&Call::get(&server.url("/x")).unwrap()).await.unwrap();
    assert_eq!(answer.decoded(1 << 20).unwrap().len(), 1 << 20);
    assert!(answer.decoded((1 << 20) - 1).is_err());
}

#[tokio::test]
async fn nobody_at_the_address_may_pass() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = client().call(&Call::get(&format!("http://{free}/x")).unwrap()).await.unwrap_err();
    assert!(error.can_retry() && error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn an_empty_body_has_a_length() {
    let server = Server::start(|_| Reply::ok(""));
    client().call(&Call::new(Method::POST, &server.url("/x")).unwrap()).await.unwrap();
    assert_eq!(server.asked()[0].header("content-length"), Some("0"));
}
