//! Certificates of one authority for tests, and the server's side of TLS with them.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::net::TcpStream;
use std::sync::Arc;

/// The authority that made all the others.
pub(crate) const AUTHORITY: &str = include_str!("tls/ca.crt");
/// A server's certificate.
pub(crate) const GOOD: &str = include_str!("tls/server.crt");
/// A server's certificate whose time is over.
pub(crate) const EXPIRED: &str = include_str!("tls/expired.crt");
/// A client's certificate.
pub(crate) const CLIENT: &str = include_str!("tls/client.crt");
/// The key of the client's certificate.
pub(crate) const CLIENT_KEY: &str = include_str!("tls/client.key");

/// Whether a server lets in who shows no certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "each test uses what it needs")]
pub(crate) enum Clients {
    Anyone,
    WithCertificate,
}

/// Returns what puts a server's connections behind a certificate.
pub(crate) fn wrap(
    certificate: &str,
    clients: Clients,
) -> impl Fn(TcpStream) -> std::io::Result<StreamOwned<ServerConnection, TcpStream>> + Clone + Send + Sync + 'static
{
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        Clients::Anyone => builder.with_no_client_auth(),
        Clients::WithCertificate => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(AUTHORITY.as_bytes()).unwrap()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
    };
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/server.key")).unwrap();
    let config = Arc::new(builder.with_single_cert(chain, key).unwrap());
    move |stream| {
        let connection = ServerConnection::new(Arc::clone(&config)).map_err(std::io::Error::other)?;
        Ok(StreamOwned::new(connection, stream))
    }
}
