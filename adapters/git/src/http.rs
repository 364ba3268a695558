//! Git over HTTP: credentials, certificates, a proxy, redirects and deadlines.
//!
//! Credentials go to the host that they belong to: a redirect to another host drops them, one from https to http is refused,
//! and only the first request of a conversation may be redirected at all.

use crate::error::{Failure, from_status};
use crate::options::{Options, PlainHttp};
use crate::wire::{Channel, Service};
use base64::Engine as _;
use gitops_core::git_location::{Credentials, GitLocation, Transport};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, Url};
use std::io::{self, BufRead, Read};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How often an answer may send us elsewhere.
const REDIRECTS: usize = 5;
/// Asks for protocol 2, and is what a server's answer may depend on.
const PROTOCOL: HeaderName = HeaderName::from_static("git-protocol");

/// Makes a client for servers that want the same certificates.
pub(crate) fn client(credentials: &Credentials, options: &Options) -> Result<Client, Failure> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may install one at the same time; either serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let bad = |what: &str| Failure::Bad(format!("the {what} can't be read as PEM"));
    let mut client = Client::builder()
        .user_agent(concat!("git/gitops-rs-", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(options.timeout.min(options.stall))
        .read_timeout(options.stall);
    if let Some(ca) = &credentials.ca {
        let certificates = reqwest::Certificate::from_pem_bundle(ca.as_bytes());
        let certificates = certificates.map_err(|_| bad("certificate of the authority"))?;
        if certificates.is_empty() {
            return Err(bad("certificate of the authority"));
        }
        client = client.tls_certs_merge(certificates);
    }
    if let (Some(certificate), Some(key)) = (&credentials.client_certificate, &credentials.client_key) {
        let pem = format!("{certificate}\n{}", key.reveal());
        let identity = reqwest::Identity::from_pem(pem.as_bytes());
        client = client.identity(identity.map_err(|_| bad("client certificate or its key"))?);
    }
    if let Some(proxy) = &options.proxy {
        let made = reqwest::Proxy::all(&proxy.address);
        let mut made = made.map_err(|_| Failure::Bad("the proxy's address can't be read".into()))?;
        if let Some(username) = &proxy.username {
            made = made.basic_auth(username, proxy.password.as_ref().map_or("", |p| p.reveal()));
        }
        client = client.proxy(made);
    }
    client.build().map_err(|error| Failure::Bad(format!("no HTTP client: {}", innermost(&error))))
}

/// One repository over HTTP.
pub(crate) struct Http {
    client: Client,
    runtime: Handle,
    authorization: Option<HeaderValue>,
    /// Where the repository is: the location's address, or where the first answer sent us.
    base: String,
    deadline: Instant,
}

impl Http {
    /// `base` is the address that an earlier conversation was sent to.
    pub(crate) fn new(
        client: Client,
        location: &GitLocation,
        base: Option<String>,
        options: &Options,
        runtime: Handle,
        deadline: Instant,
    ) -> Result<Self, Failure> {
        let own = format!(
            "{}://{}{}",
            location.transport.name(),
            location.host,
            location.path.trim_end_matches('/')
        );
        let authorization = authorization(&location.credentials)?;
        let has_credentials = authorization.is_some() || location.credentials.client_key.is_some();
        if location.transport == Transport::Http
            && has_credentials
            && options.plain_http == PlainHttp::WithoutCredentials
        {
            return Err(Failure::Bad("credentials cannot be sent over HTTP".into()));
        }
        let base = base.unwrap_or_else(|| own.clone());
        let authorization = authorization.filter(|_| same_host(&own, &base));
        Ok(Self { client, runtime, authorization, base, deadline })
    }

    /// Returns where the repository is.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Sends a request, and once more where `may_repeat` and the connection broke: a kept one may have been closed meanwhile,
    /// or carry what the server made of an earlier question that it refused and left unread.
    fn send(&self, request: RequestBuilder, may_repeat: bool) -> Result<Response, Failure> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Failure::Passing("the time for the whole exchange is over".into()));
        }
        let mut request = request.timeout(left);
        if let Some(value) = &self.authorization {
            request = request.header(AUTHORIZATION, value.clone());
        }
        let again = request.try_clone().filter(|_| may_repeat);
        let mut sent = self.runtime.block_on(request.send());
        if let (Err(error), Some(again)) = (&sent, again)
            && !(error.is_timeout() || error.is_connect())
        {
            sent = self.runtime.block_on(again.send());
        }
        sent.map_err(sort)
    }

    fn body(&self, response: Response, kind: &str) -> Result<Box<dyn BufRead + '_>, Failure> {
        let status = response.status();
        if !status.is_success() {
            let wait =
                response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            return Err(from_status(status.as_u16(), wait.map(Duration::from_secs)));
        }
        let found = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if found.is_none_or(|found| !found.starts_with(kind)) {
            return Err(Failure::Bad(
                "the server does not speak git's smart HTTP: is this a repository's URL?".into(),
            ));
        }
        Ok(Box::new(Body { response, runtime: &self.runtime, chunk: Vec::new(), at: 0 }))
    }
}

impl Channel for Http {
    fn open(&mut self, service: Service) -> Result<Box<dyn BufRead + '_>, Failure> {
        let tail = format!("/info/refs?service={}", service.name());
        let kind = format!("application/x-{}-advertisement", service.name());
        for _ in 0..=REDIRECTS {
            let mut request = self.client.get(format!("{}{tail}", self.base));
            if service == Service::UploadPack {
                request = request.header(PROTOCOL, "version=2");
            }
            let response = self.send(request, true)?;
            let Some(next) = redirect(&response)? else { return self.body(response, &kind) };
            let next = next
                .strip_suffix(&tail)
                .ok_or_else(|| Failure::Bad("the server redirects to what is no repository".into()))?;
            if !same_host(&self.base, next) {
                self.authorization = None;
            }
            next.clone_into(&mut self.base);
        }
        Err(Failure::Bad("the server redirects in a circle".into()))
    }

    fn ask(&mut self, service: Service, question: Vec<u8>) -> Result<Box<dyn BufRead + '_>, Failure> {
        let name = service.name();
        let mut request = self
            .client
            .post(format!("{}/{name}", self.base))
            .header(CONTENT_TYPE, format!("application/x-{name}-request"))
            .header(ACCEPT, format!("application/x-{name}-result"))
            .body(question);
        if service == Service::UploadPack {
            request = request.header(PROTOCOL, "version=2");
        }
        let response = self.send(request, service == Service::UploadPack)?;
        if response.status().is_redirection() {
            return Err(Failure::Bad("the server redirects in the middle of a conversation".into()));
        }
        self.body(response, &format!("application/x-{name}-result"))
    }
}

/// The `Authorization` header; marked so that it is never printed.
fn authorization(credentials: &Credentials) -> Result<Option<HeaderValue>, Failure> {
    let text = match (&credentials.bearer_token, &credentials.username, &credentials.password) {
        (Some(token), _, _) => format!("Bearer {}", token.reveal()),
        (None, Some(user), password) => {
            let pair = format!("{user}:{}", password.as_ref().map_or("", |p| p.reveal()));
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
        }
        _ => return Ok(None),
    };
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| Failure::Bad("the token has characters that no HTTP header may have".into()))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// Where a redirect leads, if it may be followed.
fn redirect(response: &Response) -> Result<Option<String>, Failure> {
    if !response.status().is_redirection() {
        return Ok(None);
    }
    let refused = |why: &str| Failure::Bad(why.to_owned());
    let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
    let to = to.ok_or_else(|| refused("the server redirects to nowhere"))?;
    let from = response.url();
    let to = from.join(to).map_err(|_| refused("the server redirects to what is no URL"))?;
    if !to.username().is_empty() || to.password().is_some() {
        return Err(refused("the server redirects to an address with credentials"));
    }
    match (from.scheme(), to.scheme()) {
        (_, "https") | ("http", "http") => Ok(Some(to.to_string())),
        _ => Err(refused("the server redirects from https to an unprotected address")),
    }
}

/// Returns whether credentials for one address may go to another: same scheme or better, same host and port.
fn same_host(own: &str, other: &str) -> bool {
    let (Ok(own), Ok(other)) = (Url::parse(own), Url::parse(other)) else { return false };
    let is_upgrade =
        own.scheme() == "http" && other.scheme() == "https" && own.port().is_none() && other.port().is_none();
    own.host_str() == other.host_str()
        && (is_upgrade
            || (own.scheme() == other.scheme()
                && own.port_or_known_default() == other.port_or_known_default()))
}

/// The reason at the end of the chain: a refused connection, an expired certificate.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

fn sort(error: reqwest::Error) -> Failure {
    if error.is_timeout() {
        return Failure::Passing("the server did not answer in time".into());
    }
    let error = error.without_url();
    let why = innermost(&error);
    if why.contains("certificate") {
        return Failure::Bad(format!("the server's certificate is refused: {why}"));
    }
    if error.is_builder() {
        return Failure::Bad(why);
    }
    Failure::Passing(why)
}

/// An answer's body, read as it arrives.
struct Body<'a> {
    response: Response,
    runtime: &'a Handle,
    chunk: Vec<u8>,
    at: usize,
}

impl BufRead for Body<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at >= self.chunk.len() {
            let next = self.runtime.block_on(self.response.chunk()).map_err(|error| {
                let kind = if error.is_timeout() {
                    io::ErrorKind::TimedOut
                } else {
                    io::ErrorKind::ConnectionAborted
                };
                io::Error::new(kind, innermost(&error.without_url()))
            })?;
            let Some(next) = next else { return Ok(&[]) };
            self.chunk.clear();
            self.chunk.extend_from_slice(&next);
            self.at = 0;
        }
        Ok(&self.chunk[self.at..])
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.fill_buf()?;
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_stay_with_their_host() {
        assert!(same_host("https://a/r", "https://a/other"));
        assert!(same_host("http://a/r", "https://a/r"));
        for other in ["https://b/r", "http://a/r", "https://a:444/r", "https://a.b/r"] {
            assert!(!same_host("https://a/r", other), "{other}");
        }
        assert!(!same_host("http://a:8080/r", "https://a/r"));
    }
}
