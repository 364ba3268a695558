//! Makes requests.

use crate::call::{Redirects, same_host};
use crate::fault::unanswered;
use crate::retry::{may_pass, retry_after};
use crate::{Answer, Call, Options, Verification};
use bytes::{Bytes, BytesMut};
use gitops_core::ports::{Outlook, PortError};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::{Method, Response, Url};
use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::time::timeout;

/// Makes requests, and keeps its connections.
pub struct Client {
    options: Options,
    /// For http: no certificates are loaded for it.
    plain: OnceLock<reqwest::Client>,
    secure: OnceLock<reqwest::Client>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// Makes a client.
    ///
    /// # Errors
    /// Where a certificate, a key or the proxy's address can't be read.
    pub fn new(options: Options) -> Result<Self, PortError> {
        let client = Self { options, plain: OnceLock::new(), secure: OnceLock::new() };
        let tls = &client.options.tls;
        if tls.authorities.is_some() || tls.certificate.is_some() || tls.key.is_some() {
            client.kept(&client.secure, Self::secure)?;
        }
        Ok(client)
    }

    fn builder(&self) -> Result<reqwest::ClientBuilder, PortError> {
        let mut builder = reqwest::Client::builder()
            .user_agent(&self.options.user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .gzip(false)
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(self.options.connect);
        if let Some(proxy) = &self.options.proxy {
            let mut made = reqwest::Proxy::all(&proxy.address)
                .map_err(|_| PortError::stalled("the proxy's address can't be read"))?;
            if !proxy.username.is_empty() {
                made = made.basic_auth(&proxy.username, proxy.password.reveal());
            }
            builder = builder.proxy(made);
        }
        Ok(builder)
    }

    fn plain(&self) -> Result<reqwest::Client, PortError> {
        self.builder()?.tls_certs_only([]).build().map_err(unbuilt)
    }

    fn secure(&self) -> Result<reqwest::Client, PortError> {
        let tls = &self.options.tls;
        let mut builder = self.builder()?;
        if let Some(pem) = &tls.authorities {
            let read = reqwest::Certificate::from_pem_bundle(pem);
            let authorities = read.ok().filter(|read| !read.is_empty());
            let authorities = authorities
                .ok_or_else(|| PortError::stalled("the authority's certificate is no PEM certificate"))?;
            builder = builder.tls_certs_merge(authorities);
        }
        match (&tls.certificate, &tls.key) {
            (None, None) => {}
            (Some(certificate), Some(key)) => {
                let mut pem = certificate.clone();
                pem.push(b'\n');
                pem.extend_from_slice(key.reveal().as_bytes());
                let identity = reqwest::Identity::from_pem(&pem).map_err(|_| {
                    PortError::stalled("the client's certificate or key can't be read as PEM")
                })?;
                builder = builder.identity(identity);
            }
            _ => {
                return Err(PortError::stalled("a client's certificate and its key must be given together"));
            }
        }
        builder
            .tls_danger_accept_invalid_certs(tls.verification == Verification::Skipped)
            .build()
            .map_err(unbuilt)
    }

    fn kept<'c>(
        &self,
        slot: &'c OnceLock<reqwest::Client>,
        make: impl FnOnce(&Self) -> Result<reqwest::Client, PortError>,
    ) -> Result<&'c reqwest::Client, PortError> {
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        // The provider that the program installed counts; ring where it installed none.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let made = make(self)?;
        Ok(slot.get_or_init(|| made))
    }

    /// Makes a request and reads the answer, whatever its status.
    ///
    /// # Errors
    /// Where no answer came in time, the answer is larger than the call's limit, or a redirect must not be followed.
    pub async fn call(&self, call: &Call) -> Result<Answer, PortError> {
        let total = self.options.total;
        match timeout(total, self.with_retries(call)).await {
            Ok(result) => result,
            Err(_) => Err(late(&call.describe(&call.url), total)),
        }
    }

    async fn with_retries(&self, call: &Call) -> Result<Answer, PortError> {
        for attempt in 0.. {
            let result = self.redirected(call).await;
            let asked = match &result {
                Ok(answer) if may_pass(answer.status.as_u16()) => retry_after(&answer.headers),
                Err(error) => match error.outlook() {
                    Outlook::Retry { after } => after,
                    _ => return result,
                },
                Ok(_) => return result,
            };
            match self.options.retries.wait(attempt, asked) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return result,
            }
        }
        Err(PortError::retry(call.describe(&call.url)))
    }

    async fn redirected(&self, call: &Call) -> Result<Answer, PortError> {
        let mut url = call.url.clone();
        let mut method = call.method.clone();
        let mut body = call.body.clone();
        // Once a redirect has left the host, nothing of the caller's goes along any more, not even back.
        let mut trusted = true;
        for _ in 0..=self.options.redirects {
            let response = self.send(call, &method, &url, &body, trusted).await?;
            let described = call.describe(&url);
            let to = match response.status().as_u16() {
                301 | 302 | 303 | 307 | 308 => location(&url, &response, &described)?,
                _ => None,
            };
            let Some(to) = to.filter(|to| call.redirects != Redirects::SameHost || same_host(&url, to))
            else {
                return self.read(call, response, url).await;
            };
            if url.scheme() == "https" && to.scheme() != "https" {
                return Err(PortError::stalled(format!(
                    "{described}: redirected from https to an unprotected address"
                )));
            }
            trusted &= same_host(&url, &to) || call.redirects == Redirects::WithCredentials;
            if !matches!(method, Method::GET | Method::HEAD)
                && matches!(response.status().as_u16(), 301..=303)
            {
                method = Method::GET;
                body = Bytes::new();
            }
            url = to;
        }
        Err(PortError::stalled(format!(
            "{}: stopped after {} redirects",
            call.describe(&call.url),
            self.options.redirects
        )))
    }

    async fn send(
        &self,
        call: &Call,
        method: &Method,
        url: &Url,
        body: &Bytes,
        trusted: bool,
    ) -> Result<Response, PortError> {
        let client = match url.scheme() {
            "https" => self.kept(&self.secure, Self::secure)?,
            _ => self.kept(&self.plain, Self::plain)?,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in &call.headers {
            if trusted || matches!(*name, ACCEPT | CONTENT_TYPE) {
                headers.append(name, value.clone());
            }
        }
        if let Some(authorization) = call.authorization.as_ref().filter(|_| trusted) {
            headers.insert(AUTHORIZATION, authorization.header()?);
        }
        let mut request = client.request(method.clone(), url.clone()).headers(headers);
        if !body.is_empty() {
            request = request.body(body.clone());
        } else if matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
            request = request.header(CONTENT_LENGTH, "0");
        }
        // A server is rightly silent while it is sent much.
        let silent = if body.len() > 1 << 16 { self.options.total } else { self.options.stall };
        let described = call.describe(url);
        match timeout(silent.saturating_add(self.options.connect), request.send()).await {
            Ok(sent) => sent.map_err(|error| unanswered(&described, error)),
            Err(_) => Err(late(&described, silent)),
        }
    }

    async fn read(&self, call: &Call, mut response: Response, url: Url) -> Result<Answer, PortError> {
        let described = call.describe(&url);
        let too_large = |found: u64| {
            PortError::stalled(format!("{described}: {found} bytes or more, the limit is {}", call.limit))
        };
        let status = response.status();
        let announced = response.content_length().unwrap_or_default();
        if announced > call.limit && call.method != Method::HEAD && status.is_success() && !call.cut {
            return Err(too_large(announced));
        }
        let headers = response.headers().clone();
        // What is announced is not touched before it comes.
        let most = call.limit.min(64 << 20);
        let mut body = BytesMut::with_capacity(usize::try_from(announced.min(most)).unwrap_or_default());
        loop {
            let chunk = match timeout(self.options.stall, response.chunk()).await {
                Ok(chunk) => chunk.map_err(|error| unanswered(&described, error))?,
                Err(_) => {
                    let stall = self.options.stall;
                    let read = body.len();
                    return Err(PortError::retry(format!(
                        "{described}: the server stalled for {stall:?} after {read} bytes"
                    )));
                }
            };
            let Some(chunk) = chunk else { break };
            if (body.len() as u64).saturating_add(chunk.len() as u64) > call.limit {
                // An error's page may be cut; what was asked for may not.
                if status.is_success() && !call.cut {
                    return Err(too_large(call.limit));
                }
                let left = usize::try_from(call.limit.saturating_sub(body.len() as u64)).unwrap_or_default();
                body.extend_from_slice(chunk.get(..left).unwrap_or_default());
                break;
            }
            body.extend_from_slice(&chunk);
        }
        let secrets = call.authorization.as_ref().map(crate::Authorization::secrets).unwrap_or_default();
        Ok(Answer { status, headers, body: body.freeze(), url, described, secrets })
    }
}

fn location(url: &Url, response: &Response, described: &str) -> Result<Option<Url>, PortError> {
    let Some(to) = response.headers().get(LOCATION) else { return Ok(None) };
    let to = to.to_str().ok().and_then(|to| url.join(to).ok());
    let mut to = to
        .filter(|to| matches!(to.scheme(), "http" | "https") && to.has_host())
        .ok_or_else(|| PortError::stalled(format!("{described}: redirected to what is no address")))?;
    // A server does not choose who we are.
    let _ = to.set_username("");
    let _ = to.set_password(None);
    Ok(Some(to))
}

fn late(described: &str, limit: Duration) -> PortError {
    PortError::retry(format!("{described}: no answer within {limit:?}"))
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn unbuilt(error: reqwest::Error) -> PortError {
    PortError::stalled(format!("no HTTP client can be made: {}", error.without_url()))
}
