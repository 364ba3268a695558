//! Certificates: of the server, of an authority of one's own, of the client.

use crate::bounds::quick;
use crate::certificates::{AUTHORITY, CLIENT, CLIENT_KEY, Clients, EXPIRED, GOOD, wrap};
use crate::server::{Reply, Server};
use gitops_core::ports::{Outlook, PortError, Secret};
use gitops_transport::{Call, Client, Options, Tls, Verification};

fn server(certificate: &str, clients: Clients) -> Server {
    Server::wrapped(|_| Reply::ok("secure"), wrap(certificate, clients))
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
    let server = server(GOOD, Clients::Anyone);
    assert_eq!(ask(&server, trusting()).await.unwrap(), "secure");
    let error = ask(&server, Tls::default()).await.unwrap_err();
    assert_eq!(error.outlook(), Outlook::Stalled, "{error}");
    assert!(error.to_string().contains("invalid peer certificate"), "{error}");
    let any = Tls { verification: Verification::Skipped, ..Tls::default() };
    assert_eq!(ask(&server, any).await.unwrap(), "secure");
}

#[tokio::test]
async fn an_expired_certificate_is_named() {
    let server = server(EXPIRED, Clients::Anyone);
    let error = ask(&server, trusting()).await.unwrap_err();
    assert_eq!(error.outlook(), Outlook::Stalled, "{error}");
    assert!(error.to_string().contains("certificate expired"), "{error}");
}

#[tokio::test]
async fn a_client_proves_itself() {
    let server = server(GOOD, Clients::WithCertificate);
    let named = Tls { certificate: Some(CLIENT.into()), key: Some(Secret::new(CLIENT_KEY)), ..trusting() };
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
