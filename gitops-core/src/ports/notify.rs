//! Sending a notification over HTTP.

use super::PortError;
use std::future::Future;
use std::sync::Arc;

/// A request to send, complete: an engine words it, an adapter carries it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `POST`, `PUT` …
    pub method: String,
    /// Where to.
    pub url: String,
    /// Header names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Arc<[u8]>,
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status: 200, 404 …
    pub status: u16,
    /// The body, cut at the adapter's limit.
    pub body: Arc<[u8]>,
}

/// Sends requests.
pub trait Notify: Send + Sync {
    /// Sends one request and returns the answer, whatever its status.
    ///
    /// # Errors
    /// Where no answer came.
    fn send(&self, request: &Request) -> impl Future<Output = Result<Response, PortError>> + Send;
}

/// A sender that several share.
impl<N: Notify> Notify for Arc<N> {
    async fn send(&self, request: &Request) -> Result<Response, PortError> {
        (**self).send(request).await
    }
}
