//! The cluster as an HTTP API: requests in, responses out, with or without a socket between.

mod discovery;
mod openapi;
mod request;
mod resource;
mod respond;
mod scale;
mod serve;
mod table;
mod watch;

pub use respond::ApiBody;
pub use serve::{ApiServer, kubeconfig};

use crate::cluster::LocalCluster;
use crate::failure::Failure;
use bytes::Buf;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::Body;
use request::Call;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Requests with greater bodies are refused.
const BODY_BYTES: usize = 8 << 20;

/// The API of a cluster as a service: what a kube client calls in place of a connection.
#[derive(Clone, Debug)]
pub struct ApiService {
    cluster: LocalCluster,
}

impl LocalCluster {
    /// Returns the cluster's HTTP API as a service, which needs no socket.
    #[must_use]
    pub fn service(&self) -> ApiService {
        ApiService { cluster: self.clone() }
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
        Box::pin(async move {
            let (head, body) = request.into_parts();
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
