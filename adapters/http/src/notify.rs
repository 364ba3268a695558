//! Sends notifications. The addresses of webhooks are secrets: errors name the host alone.

use gitops_core::ports::{Notify, PortError, Request, Response};
use gitops_transport::{Call, Client, Method, Options, Redirects, Shown};
use std::fmt;
use std::sync::Arc;

/// Bytes of an answer that are kept.
const ANSWER_BYTES: u64 = 64 << 10;

/// Sends requests as they are worded, and again where the server is busy.
///
/// A redirect to another host is not followed: body and headers may hold a key that belongs to the first.
///
/// ```
/// # async fn example() -> Result<(), gitops_core::ports::PortError> {
/// use gitops_core::ports::{Notify, Request};
/// let sender = gitops_http::HttpNotify::new(Default::default())?;
/// let request = Request {
///     method: "POST".into(),
///     url: "https://hooks.example.org/T000/B000/key".into(),
///     headers: vec![("Content-Type".into(), "application/json".into())],
///     body: b"{}"[..].into(),
/// };
/// let response = sender.send(&request).await?;
/// println!("{}", response.status);
/// # Ok(()) }
/// ```
pub struct HttpNotify {
    client: Client,
}

impl fmt::Debug for HttpNotify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpNotify").finish_non_exhaustive()
    }
}

impl HttpNotify {
    /// Makes a sender.
    ///
    /// # Errors
    /// Where a certificate, a key or the proxy's address can't be read.
    pub fn new(options: Options) -> Result<Self, PortError> {
        Ok(Self { client: Client::new(options)? })
    }
}

impl Notify for HttpNotify {
    async fn send(&self, request: &Request) -> Result<Response, PortError> {
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|_| PortError::stalled("the notification's method is none of HTTP's"))?;
        let mut call = Call::new(method, &request.url)?
            .shown(Shown::Host)
            .redirects(Redirects::SameHost)
            .limit(ANSWER_BYTES)
            .cut()
            .body(request.body.to_vec());
        for (name, value) in &request.headers {
            call = call.header(name, value)?;
        }
        let answer = self.client.call(&call).await?;
        Ok(Response { status: answer.status.as_u16(), body: Arc::from(&answer.body[..]) })
    }
}
