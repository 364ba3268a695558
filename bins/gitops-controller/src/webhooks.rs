//! The web hooks of Receivers over HTTP.

use std::sync::Arc;

use bytes::Bytes;
use gitops_controllers::notification::{Hook, HookAnswer};
use gitops_controllers::{Context, World};
use http::{Method, Request, Response, StatusCode};
use tokio::net::TcpListener;

use crate::serve::{plain, serve};

/// Answers the calls of web hooks that come to a listener, until the future is dropped.
///
/// Bounds of size and time are those of [`serve`]. Who calls learns a status alone; why stands in the log.
pub async fn serve_webhooks<W: World>(listener: TcpListener, context: Arc<Context<W>>) {
    serve(listener, move |request| {
        let context = Arc::clone(&context);
        async move { call(request, &context).await }
    })
    .await;
}

async fn call<W: World>(request: Request<Bytes>, context: &Context<W>) -> Response<Bytes> {
    if *request.method() != Method::POST {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "web hooks are called with POST\n");
    }
    let (head, body) = request.into_parts();
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let hook = Hook {
        path: head.uri.path().to_owned(),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: body.to_vec(),
    };
    let (answer, why) = context.receive(&hook).await;
    // The path is a secret, so it is not logged.
    match answer {
        HookAnswer::Accepted => tracing::info!("web hook: {why}"),
        _ => tracing::warn!(status = answer.status(), "web hook: {why}"),
    }
    let status = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    plain(status, "")
}
