//! Responses.

use crate::failure::{Failure, go_quoted};
use crate::value::Value;
use bytes::Bytes;
use futures::Stream;
use http::{Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use serde::Serialize;
use std::convert::Infallible;

/// The body of a response: whole, or a stream of events.
pub type ApiBody = UnsyncBoxBody<Bytes, Infallible>;

fn of(status: u16, kind: &'static str, body: ApiBody) -> Response<ApiBody> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

pub(super) fn json<T: Serialize>(status: u16, body: &T) -> Response<ApiBody> {
    typed(status, "application/json", body)
}

pub(super) fn typed<T: Serialize>(status: u16, kind: &'static str, body: &T) -> Response<ApiBody> {
    match serde_json::to_vec(body) {
        Ok(bytes) => of(status, kind, Full::new(Bytes::from(bytes)).boxed_unsync()),
        Err(why) => failure(&Failure::internal(why)),
    }
}

pub(super) fn text(body: &'static str) -> Response<ApiBody> {
    of(200, "text/plain; charset=utf-8", Full::new(Bytes::from_static(body.as_bytes())).boxed_unsync())
}

pub(super) fn stream(events: impl Stream<Item = Bytes> + Send + 'static) -> Response<ApiBody> {
    use futures::StreamExt;
    let frames = events.map(|bytes| Ok::<_, Infallible>(Frame::data(bytes)));
    of(200, "application/json", StreamBody::new(frames).boxed_unsync())
}

/// The reason of refusals that are no `Status`: nothing at all is served there.
pub(super) const PAGE: &str = "404 page not found\n";

pub(super) fn failure(failure: &Failure) -> Response<ApiBody> {
    if failure.reason == PAGE {
        return of(
            404,
            "text/plain; charset=utf-8",
            Full::new(Bytes::from_static(PAGE.as_bytes())).boxed_unsync(),
        );
    }
    let mut response = json(failure.code, &failure.to_status());
    let wait = failure.details.as_ref().and_then(|details| details.retry_after);
    if let Some(wait) = wait.and_then(|wait| header::HeaderValue::from_str(&wait.to_string()).ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    response
}

/// Adds what the client should know.
pub(super) fn warned(mut response: Response<ApiBody>, warnings: &[String]) -> Response<ApiBody> {
    for warning in warnings {
        let text = format!("299 - {}", go_quoted(warning));
        if let Ok(value) = header::HeaderValue::from_str(&text) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
    response
}

/// A path that nothing is served at.
pub(super) fn nowhere() -> Failure {
    let mut failure = Failure::new(404, "NotFound", "the server could not find the requested resource");
    failure.details = Some(crate::failure::Details::default());
    failure
}

/// What a deletion answers.
pub(super) fn success(group: &str, plural: &str, name: &str, uid: &str) -> Value {
    let mut details = Value::from([("name", name.into()), ("kind", plural.into()), ("uid", uid.into())]);
    if !group.is_empty() {
        details.set("group", group.into());
    }
    Value::from([
        ("kind", "Status".into()),
        ("apiVersion", "v1".into()),
        ("metadata", Value::map()),
        ("status", "Success".into()),
        ("details", details),
    ])
}
