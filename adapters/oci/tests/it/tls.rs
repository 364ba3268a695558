//! A registry behind TLS: an authority of its own, a client's certificate, a certificate that has expired.

use crate::registry::options;
use crate::server::{Reply, Server};
use gitops_core::digest::sha256;
use gitops_core::ports::{Outlook, PortError, Registry, Secret};
use gitops_oci::OciRegistry;
use gitops_transport::Tls;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::sync::Arc;

const AUTHORITY: &[u8] = include_bytes!("../../../transport/tests/it/tls/ca.crt");

/// Starts a registry that wants to know its clients.
fn server(certificate: &[u8]) -> Server {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(AUTHORITY).unwrap()).unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let chain = vec![CertificateDer::from_pem_slice(certificate).unwrap()];
    let key = include_bytes!("../../../transport/tests/it/tls/server.key");
    let key = PrivateKeyDer::from_pem_slice(key).unwrap();
    let builder = builder.with_client_cert_verifier(clients.unwrap());
    let config = Arc::new(builder.with_single_cert(chain, key).unwrap());
    Server::wrapped(
        |_| Reply::ok("{}").with("Docker-Content-Digest", &sha256(b"{}")),
        move |stream| {
            let connection = ServerConnection::new(Arc::clone(&config)).map_err(std::io::Error::other)?;
            Ok(StreamOwned::new(connection, stream))
        },
    )
}

async fn resolve(server: &Server, tls: Tls) -> Result<String, PortError> {
    let mut options = options(&[]);
    options.transport.tls = tls;
    OciRegistry::new(options)?.resolve(&format!("{}/org/app", server.address), "v1").await
}

#[tokio::test]
async fn certificates_are_those_of_the_options() {
    let known = Tls {
        authorities: Some(AUTHORITY.to_vec()),
        certificate: Some(include_bytes!("../../../transport/tests/it/tls/client.crt").to_vec()),
        key: Some(Secret::new(include_str!("../../../transport/tests/it/tls/client.key"))),
        ..Tls::default()
    };
    let good = server(include_bytes!("../../../transport/tests/it/tls/server.crt"));
    assert_eq!(resolve(&good, known.clone()).await.unwrap(), sha256(b"{}"));
    let stranger = Tls { certificate: None, key: None, ..known.clone() };
    assert!(resolve(&good, stranger).await.is_err(), "the registry wants a certificate");
    let error = resolve(&good, Tls { authorities: None, ..known.clone() }).await.unwrap_err();
    assert_eq!(error.outlook(), Outlook::Stalled, "{error}");
    let old = server(include_bytes!("../../../transport/tests/it/tls/expired.crt"));
    let error = resolve(&old, known).await.unwrap_err();
    assert_eq!(error.outlook(), Outlook::Stalled, "{error}");
    assert!(error.to_string().contains("certificate expired"), "{error}");
}
