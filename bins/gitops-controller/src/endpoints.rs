//! What the controller answers over HTTP: whether it is well, its figures, and the artifacts of its sources.

use std::sync::Arc;

use bytes::Bytes;
use gitops_controller::{CONTENT_TYPE, Metrics, RealWorld, plain, serve, serve_webhooks};
use gitops_controllers::{Context, World};
use gitops_core::ports::ArtifactStore;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use tokio::net::TcpListener;

use crate::Problem;
use crate::args::Args;

/// Opens the addresses that the flags name.
///
/// # Errors
/// Where an address can't be had.
pub(crate) async fn open(
    args: &Args,
    context: &Arc<Context<RealWorld>>,
    metrics: &Arc<Metrics>,
) -> Result<(), Problem> {
    if let Some(address) = &args.health_addr {
        let listener = bind("--health-addr", address).await?;
        tokio::spawn(serve(listener, |request| async move { health(&request) }));
    }
    if let Some(address) = &args.metrics_addr {
        let listener = bind("--metrics-addr", address).await?;
        let metrics = Arc::clone(metrics);
        tokio::spawn(serve(listener, move |request| {
            let metrics = Arc::clone(&metrics);
            async move { figures(&request, &metrics) }
        }));
    }
    if let Some(address) = &args.storage_addr {
        let listener = bind("--storage-addr", address).await?;
        let context = Arc::clone(context);
        tokio::spawn(serve(listener, move |request| {
            let context = Arc::clone(&context);
            async move { artifact(&request, &context).await }
        }));
    }
    if let Some(address) = &args.receiver_addr {
        let listener = bind("--receiver-addr", address).await?;
        tokio::spawn(serve_webhooks(listener, Arc::clone(context)));
    }
    Ok(())
}

/// Listens on an address; `:8080` is that port on all of the machine's addresses.
async fn bind(flag: &str, address: &str) -> Result<TcpListener, Problem> {
    let whole = if address.starts_with(':') { format!("0.0.0.0{address}") } else { address.to_owned() };
    TcpListener::bind(&whole).await.map_err(|error| format!("{flag} {address}: {error}").into())
}

fn health(request: &Request<Bytes>) -> Response<Bytes> {
    match request.uri().path() {
        "/healthz" | "/readyz" => plain(StatusCode::OK, "ok\n"),
        _ => plain(StatusCode::NOT_FOUND, "not found\n"),
    }
}

fn figures(request: &Request<Bytes>, metrics: &Metrics) -> Response<Bytes> {
    if request.uri().path() != "/metrics" {
        return plain(StatusCode::NOT_FOUND, "not found\n");
    }
    let mut response = Response::new(Bytes::from(metrics.text()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    response
}

async fn artifact(request: &Request<Bytes>, context: &Context<RealWorld>) -> Response<Bytes> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "artifacts are only read\n");
    }
    match context.world.store().get(request.uri().path().trim_start_matches('/')).await {
        Ok(Some(content)) => {
            let mut response = Response::new(Bytes::from_owner(content));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/gzip"));
            response
        }
        Ok(None) => plain(StatusCode::NOT_FOUND, "not found\n"),
        Err(error) if error.can_retry() => {
            plain(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n")
        }
        Err(_) => plain(StatusCode::NOT_FOUND, "not found\n"),
    }
}
