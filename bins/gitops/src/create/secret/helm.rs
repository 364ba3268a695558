//! `gitops create secret helm`.

use super::{Made, read_file};
use crate::Failure;
use crate::create::Name;
use crate::create::manifest::Fields;
use std::path::PathBuf;

/// Create or update a Secret with credentials for a chart repository.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops create secret helm repo-auth --username=me --password=secret --export
  gitops create secret helm repo-auth --tls-crt-file=./client.crt --tls-key-file=./client.key --ca-crt-file=./ca.crt")]
pub(in crate::create) struct Args {
    #[command(flatten)]
    pub(super) name: Name,
    /// The user for basic authentication.
    #[arg(long, short, default_value = "", hide_default_value = true)]
    username: String,
    /// The password for basic authentication.
    #[arg(long, short, default_value = "", hide_default_value = true)]
    password: String,
    #[command(flatten)]
    certificates: Certificates,
}

/// Files of certificates.
#[derive(clap::Args, Clone, Debug)]
pub(in crate::create) struct Certificates {
    /// A client certificate's file.
    #[arg(long, value_name = "FILE")]
    pub(in crate::create) tls_crt_file: Option<PathBuf>,
    /// A client key's file.
    #[arg(long, value_name = "FILE")]
    pub(in crate::create) tls_key_file: Option<PathBuf>,
    /// A file with the certificates that the server's is signed by.
    #[arg(long, value_name = "FILE")]
    pub(in crate::create) ca_crt_file: Option<PathBuf>,
}

impl Certificates {
    /// Reads the files: certificate, key, authority; empty where not named.
    pub(super) fn read(&self) -> Result<[String; 3], Failure> {
        let read = |path: &Option<PathBuf>, failed| {
            path.as_ref().map_or_else(|| Ok(String::new()), |path| read_file(path, failed))
        };
        let authority = read(&self.ca_crt_file, "unable to read TLS CA file")?;
        let certificate = read(&self.tls_crt_file, "failed to read cert file")?;
        let key = read(&self.tls_key_file, "failed to read key file")?;
        if certificate.is_empty() != key.is_empty() {
            return Err("both tls.crt and tls.key must be provided".into());
        }
        Ok([certificate, key, authority])
    }
}

/// Makes the data: a client certificate before a login before an authority alone; `None` where nothing is given.
pub(in crate::create) fn data(
    username: &str,
    password: &str,
    certificates: &Certificates,
) -> Result<(Option<Fields>, Option<&'static str>), Failure> {
    let [certificate, key, authority] = certificates.read()?;
    if !certificate.is_empty() {
        let data = Fields::new().put("tls.crt", certificate).put("tls.key", key).text("ca.crt", authority);
        return Ok((Some(data), Some("kubernetes.io/tls")));
    }
    if !username.is_empty() || !password.is_empty() {
        for (value, name) in [(username, "username"), (password, "password")] {
            if value.is_empty() {
                return Err(format!("{name} is required").into());
            }
        }
        let data =
            Fields::new().put("username", username).put("password", password).text("ca.crt", authority);
        return Ok((Some(data), Some("kubernetes.io/basic-auth")));
    }
    if authority.is_empty() {
        return Ok((None, None));
    }
    Ok((Some(Fields::new().put("ca.crt", authority)), Some("Opaque")))
}

pub(super) fn make(args: &Args) -> Result<Made, Failure> {
    let (data, form) = data(&args.username, &args.password, &args.certificates)?;
    Ok(Made::of(data.unwrap_or_default(), form))
}
