//! `gitops create source helm`.

use super::manifest::{Fields, object};
use super::upsert::{Wording, fetched, finish, finish_on, upsert};
use super::{Creation, Name, secret};
use crate::Failure;
use crate::cluster::{KindInfo, Readiness, Target, say};
use std::path::PathBuf;

/// Create or update a `HelmRepository`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops create source helm podinfo --url=https://stefanprodan.github.io/podinfo --interval=10m
  gitops create source helm podinfo --url=oci://ghcr.io/stefanprodan/charts --secret-ref=ghcr --export")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) name: Name,
    /// The repository's URL: https, http or oci.
    #[arg(long, default_value = "", hide_default_value = true)]
    url: String,
    /// The user for basic authentication.
    #[arg(long, short, default_value = "", hide_default_value = true)]
    username: String,
    /// The password for basic authentication.
    #[arg(long, short, default_value = "", hide_default_value = true)]
    password: String,
    /// A client certificate's file.
    #[arg(long, value_name = "FILE")]
    cert_file: Option<PathBuf>,
    /// A client key's file.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// A file with the certificates that the server's is signed by.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// A Secret that exists, with credentials.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    secret_ref: String,
    /// Whose login is used for oci.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "PROVIDER")]
    oci_provider: String,
    /// Send credentials to other hosts too.
    #[arg(long)]
    pass_credentials: bool,
}

pub(super) async fn run(args: &Args, creation: &Creation<'_>) -> Result<(), Failure> {
    if args.url.is_empty() {
        return Err("url is required".into());
    }
    creation.labels()?;
    let url = secret::parse_url(&args.url).map_err(|why| format!("url parse failed: {why}"))?;
    if !["http", "https", "oci"].contains(&url.scheme.as_str()) {
        return Err(format!("url scheme '{}' not supported, can be: http, https and oci", url.scheme).into());
    }
    if url.host.is_empty() {
        return Err("url host is required".into());
    }
    let is_oci = url.scheme == "oci";
    let mut spec = Fields::new()
        .put("url", &*args.url)
        .put("interval", creation.interval().to_string())
        .time("timeout", creation.fetch_timeout);
    if is_oci {
        spec = spec.put("type", "oci").text("provider", &args.oci_provider);
    }
    if !args.secret_ref.is_empty() {
        spec = spec.named("secretRef", &args.secret_ref).flag("passCredentials", args.pass_credentials);
    }
    let known = Target::Helm.info();
    // Of an OCI repository nobody writes a status.
    let readiness = if is_oci { Readiness::Static } else { Readiness::Dynamic };
    let kind = &KindInfo { readiness, ..*known };
    let wording = Wording { stored: "source", ..Wording::of("HelmRepository source") };
    let ready = if creation.common.export {
        finish(creation, kind, &object(kind, creation, spec)?, &wording).await?
    } else {
        let cluster = creation.cluster.connect().await?;
        say::generate("generating HelmRepository source");
        if args.secret_ref.is_empty() {
            let certificates = secret::Certificates {
                tls_crt_file: args.cert_file.clone(),
                tls_key_file: args.key_file.clone(),
                ca_crt_file: args.ca_file.clone(),
            };
            let (data, form) = secret::helm_data(&args.username, &args.password, &certificates)?;
            if let Some(data) = data {
                let name = format!("helm-{}", creation.name);
                say::action("applying secret with repository credentials");
                upsert(&cluster, &secret::object(creation, &name, data, form)?).await?;
                spec = spec.named("secretRef", name).flag("passCredentials", args.pass_credentials);
                say::success("authentication configured");
            }
        }
        Some(finish_on(&cluster, creation, kind, &object(kind, creation, spec)?, &wording).await?)
    };
    match ready {
        Some(ready) if !is_oci => {
            fetched(&ready, "HelmRepository source reconciliation completed but no artifact was found")
        }
        _ => Ok(()),
    }
}
