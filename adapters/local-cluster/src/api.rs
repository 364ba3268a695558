//! The cluster as an HTTP API: requests in, responses out, with or without a socket between.

mod discovery;
mod list;
mod openapi;
mod protobuf;
mod request;
mod resource;
mod respond;
mod scale;
mod serve;
mod table;
mod watch;

pub use respond::ApiBody;
pub use serve::ApiServer;

use crate::cluster::LocalCluster;
use crate::failure::Failure;
use bytes::Buf;
use http::request::Parts;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Body;
use request::Call;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Requests with greater bodies are refused.
const BODY_BYTES: usize = 8 << 20;

/// The API of a cluster as a service: what a kube client calls in place of a connection.
#[derive(Clone, Debug)]
pub struct ApiService {
    cluster: LocalCluster,
    /// What a client must know; nothing in process.
    token: Option<Arc<str>>,
}

impl LocalCluster {
    /// Returns the cluster's HTTP API as a service, which needs no socket.
    #[must_use]
    pub fn service(&self) -> ApiService {
        ApiService { cluster: self.clone(), token: None }
    }
}

impl<B> tower::Service<Request<B>> for ApiService
where
    B: Body + Send + 'static,
    B::Data: Buf + Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<ApiBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let cluster = self.cluster.clone();
        let token = self.token.clone();
        Box::pin(async move {
            let (mut head, body) = request.into_parts();
            if token.is_some_and(|token| !admit(&mut head, &token)) {
                return Ok(respond::failure(&Failure::new(401, "Unauthorized", "Unauthorized")));
            }
            let body = match Limited::new(body, BODY_BYTES).collect().await {
                Ok(body) => body.to_bytes(),
                Err(_) => {
                    let message = format!("Request entity too large: limit is {BODY_BYTES}");
                    return Ok(respond::failure(&Failure::new(413, "RequestEntityTooLarge", message)));
                }
            };
            let call = Call::read(&head, body);
            let answered = answer(&cluster, &call);
            let answered = match answered {
                Ok(response) if call.method != Method::GET => cluster.settled().await.map(|()| response),
                other => other,
            };
            Ok(answered.unwrap_or_else(|failure| respond::failure(&failure)))
        })
    }
}

/// Whether a request knows the token, as the first part of its path, which is taken off, or as a bearer token.
///
/// Clients send bearer tokens over TLS alone; a path they keep to, and no web page can guess it.
fn admit(head: &mut Parts, token: &str) -> bool {
    let bearer =
        head.headers.get(header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    if bearer.is_some_and(|found| same(found, token)) {
        return true;
    }
    let target = head.uri.path_and_query().map(http::uri::PathAndQuery::as_str).unwrap_or_default();
    let (found, rest) = target.strip_prefix('/').unwrap_or(target).split_once('/').unwrap_or((target, ""));
    let is_known = same(found.as_bytes(), token);
    let Ok(uri) = format!("/{rest}").parse() else { return false };
    if is_known {
        head.uri = uri;
    }
    is_known
}

/// Compares all of a token, whatever differs first.
fn same(found: &[u8], token: &str) -> bool {
    found.len() == token.len() && found.iter().zip(token.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

fn answer(cluster: &LocalCluster, call: &Call) -> Result<Response<ApiBody>, Failure> {
    let segments: Vec<&str> = call.path.split('/').filter(|segment| !segment.is_empty()).collect();
    match segments.as_slice() {
        ["healthz" | "livez" | "readyz", ..] => Ok(respond::text("ok")),
        ["version"] => Ok(respond::json(200, &discovery::version())),
        ["api"] => Ok(discovery::core_versions(cluster, call)),
        ["apis"] => Ok(discovery::groups(cluster, call)),
        ["apis", group] => discovery::group(cluster, group),
        ["openapi", "v3"] => Ok(respond::json(200, &openapi::root(cluster))),
        ["openapi", "v3", "api", version] => openapi::group_version(cluster, "", version),
        ["openapi", "v3", "apis", group, version] => openapi::group_version(cluster, group, version),
        ["api", version] => discovery::resources(cluster, "", version),
        ["apis", group, version] => discovery::resources(cluster, group, version),
        ["api", version, rest @ ..] => resource::answer(cluster, call, "", version, rest),
        ["apis", group, version, rest @ ..] => resource::answer(cluster, call, group, version, rest),
        [] => Ok(respond::json(200, &discovery::paths())),
        _ => Err(respond::nowhere()),
    }
}
