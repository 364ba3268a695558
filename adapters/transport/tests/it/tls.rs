//! Certificates: of the server, of an authority of one's own, of the client.

use crate::bounds::quick;
use crate::server::{Reply, Server};
use gitops_core::ports::{Outlook, PortError, Secret};
use gitops_transport::{Call, Client, Options, Tls, Verification};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::sync::Arc;

const AUTHORITY: &str = include_str!("tls/ca.crt");

/// Starts a server with this certificate; it asks for a certificate of the client's where `clients` says so.
fn server(certificate: &str, clients: bool) -> Server {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = if clients {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(AUTHORITY.as_bytes()).unwrap()).unwrap();
        let verifier =
            rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        builder.with_client_cert_verifier(verifier.unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/server.key")).unwrap();
    let config = Arc::new(builder.with_single_cert(chain, key).unwrap());
    Server::wrapped(
        |_| Reply::ok("secure"),
        move |stream| {
            let connection = ServerConnection::new(Arc::clone(&config)).map_err(std::io::Error::other)?;
            Ok(StreamOwned::new(connection, stream))
        },
    )
}

async fn ask(server: &Server, tls: Tls) -> Result<String, PortError> {
    let mut options: Options = quick();
    options.tls = tls;
    let call = Call::get(&format!("https://{}/x", server.address))?;
    let answer = Client::new(options)?.call(&call).await?.success()?;
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}

fn trusting() -> Tls {
    Tls { authorities: Some(AUTHORITY.into()), ..Tls::default() }
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_when_named() {
    let server = server(include_str!("tls/server.crt"), false);
    assert_eq!(ask(&server, trusting()).await.unwrap(), "secure");
    let error = ask(&server, Tls::default()).await.unwrap_err();
    assert_eq!(error.outlook(), Outlook::Stalled, "{error}");
    assert!(error.to_string().contains("invalid peer certificate"), "{error}");
    let any = Tls { verification: Verification::Skipped, ..Tls::default() };
    assert_eq!(ask(&server, any).await.unwrap(), "secure");
}

#[tokio::test]
async fn an_expired_certificate_is_named() {
    let server = server(include_str!("tls/expired.crt"), false);
    let error = ask(&server, trusting()).await.unwrap_err();
    assert_eq!(error.outlook(), Outlook::Stalled, "{error}");
    assert!(error.to_string().contains("certificate expired"), "{error}");
}

#[tokio::test]
async fn a_client_proves_itself() {
    let server = server(include_str!("tls/server.crt"), true);
    let named = Tls {
        certificate: Some(include_bytes!("tls/client.crt").to_vec()),
        key: Some(Secret::new(include_str!("tls/client.key"))),
        ..trusting()
    };
    assert_eq!(ask(&server, named).await.unwrap(), "secure");
    assert!(ask(&server, trusting()).await.is_err());
}

#[test]
fn what_is_no_certificate_is_refused_before_any_request() {
    let refused = |tls: Tls| {
        let mut options = Options::default();
        options.tls = tls;
        Client::new(options).unwrap_err().to_string()
    };
    let wanted = "the authority's certificate is no PEM certificate";
    assert_eq!(refused(Tls { authorities: Some(b"hello".to_vec()), ..Tls::default() }), wanted);
    let half = Tls { key: Some(Secret::new("-----BEGIN hunter2")), ..Tls::default() };
    assert!(refused(half).contains("must be given together"));
    let broken = Tls { certificate: Some(Vec::new()), key: Some(Secret::new("hunter2")), ..Tls::default() };
    assert!(!refused(broken).contains("hunter2"));
}
