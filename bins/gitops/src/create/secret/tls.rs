//! `gitops create secret tls`.

use super::Made;
use super::helm::Certificates;
use crate::Failure;
use crate::create::Name;
use crate::create::manifest::Fields;

/// Create or update a Secret with certificates.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops create secret tls certs --tls-crt-file=./client.crt --tls-key-file=./client.key --ca-crt-file=./ca.crt --export")]
pub(in crate::create) struct Args {
    #[command(flatten)]
    pub(super) name: Name,
    #[command(flatten)]
    certificates: Certificates,
}

pub(super) fn make(args: &Args) -> Result<Made, Failure> {
    let [certificate, key, authority] = args.certificates.read()?;
    if certificate.is_empty() && authority.is_empty() {
        return Err("no CA certificate or client certificate pair found".into());
    }
    let form = if certificate.is_empty() { "Opaque" } else { "kubernetes.io/tls" };
    let data = Fields::new().text("tls.crt", certificate).text("tls.key", key).text("ca.crt", authority);
    Ok(Made::of(data, Some(form)))
}
