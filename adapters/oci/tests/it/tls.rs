//! A registry behind TLS: an authority of its own, a client's certificate, a certificate that has expired.

use crate::certificates::{AUTHORITY, CLIENT, CLIENT_KEY, Clients, EXPIRED, GOOD, wrap};
use crate::registry::options;
use crate::server::{Reply, Server};
use gitops_core::digest::sha256;
use gitops_core::ports::{Outlook, PortError, Registry, Secret};
use gitops_oci::OciRegistry;
use gitops_transport::Tls;

/// Starts a registry that wants to know its clients.
fn server(certificate: &str) -> Server {
    Server::wrapped(
        |_| Reply::ok("{}").with("Docker-Content-Digest", &sha256(b"{}")),
        wrap(certificate, Clients::WithCertificate),
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
        authorities: Some(AUTHORITY.into()),
        certificate: Some(CLIENT.into()),
        key: Some(Secret::new(CLIENT_KEY)),
        ..Tls::default()
    };
    let good = server(GOOD);
    assert_eq!(resolve(&good, known.clone()).await.unwrap(), sha256(b"{}"));
    let stranger = Tls { certificate: None, key: None, ..known.clone() };
    assert!(resolve(&good, stranger).await.is_err(), "the registry wants a certificate");
    let error = resolve(&good, Tls { authorities: None, ..known.clone() }).await.unwrap_err();
    assert_eq!(error.outlook(), Outlook::Stalled, "{error}");
    let old = server(EXPIRED);
    let error = resolve(&old, known).await.unwrap_err();
    assert_eq!(error.outlook(), Outlook::Stalled, "{error}");
    assert!(error.to_string().contains("certificate expired"), "{error}");
}
