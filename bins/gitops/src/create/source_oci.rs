//! `gitops create source oci`.

use super::manifest::{Fields, object};
use super::upsert::{Wording, fetched, finish};
use super::{Creation, Name};
use crate::Failure;
use crate::cluster::Target;
use crate::flags::one_of;

/// Create or update an `OCIRepository`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops create source oci podinfo --url=oci://ghcr.io/stefanprodan/manifests/podinfo --tag=6.6.2 --interval=10m
  gitops create source oci podinfo --url=oci://ghcr.io/org/podinfo --tag-semver='6.x' --verify-provider=cosign --export")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) name: Name,
    /// The artifact's repository: oci://HOST/PATH.
    #[arg(long, default_value = "", hide_default_value = true)]
    url: String,
    /// The tag.
    #[arg(long, default_value = "", hide_default_value = true)]
    tag: String,
    /// The range that the newest tag is taken from.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "RANGE")]
    tag_semver: String,
    /// The digest.
    #[arg(long, default_value = "", hide_default_value = true)]
    digest: String,
    /// A pull secret that exists.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    secret_ref: String,
    /// A Secret that exists, with a proxy's address and credentials.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    proxy_secret_ref: String,
    /// The service account whose pull secrets are used.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    service_account: String,
    /// A Secret that exists, with certificates.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    cert_ref: String,
    /// Whose login is used: generic, aws, azure or gcp.
    #[arg(long, default_value = "generic", value_parser = one_of("source OCI provider", &["generic", "aws", "azure", "gcp"]))]
    provider: String,
    /// Which layer is taken, and how: MEDIA-TYPE:extract or MEDIA-TYPE:copy.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TYPE:OPERATION")]
    layer_selector: String,
    #[command(flatten)]
    verify: Verify,
    /// Paths to leave out (comma-separated).
    #[arg(long, value_delimiter = ',', value_name = "PATTERN")]
    ignore_paths: Vec<String>,
    /// Speak HTTP, or take any certificate.
    #[arg(long)]
    insecure: bool,
}

/// How signatures are checked.
#[derive(clap::Args, Debug)]
pub(super) struct Verify {
    /// Who checks signatures: cosign.
    #[arg(long, value_parser = one_of("source OCI verify provider", &["cosign"]), value_name = "PROVIDER")]
    verify_provider: Option<String>,
    /// A Secret that exists, with public keys.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    verify_secret_ref: String,
    /// The pattern of the signer's identity.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "REGEX")]
    verify_subject: String,
    /// The pattern of who vouches for the signer.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "REGEX")]
    verify_issuer: String,
}

impl Verify {
    /// Makes `spec.verify`.
    pub(super) fn fields(&self) -> Result<Fields, Failure> {
        let Some(provider) = &self.verify_provider else {
            if !self.verify_secret_ref.is_empty() {
                return Err("a verification provider must be specified when a secret is specified".into());
            }
            if !self.verify_issuer.is_empty() || !self.verify_subject.is_empty() {
                return Err(
                    "a verification provider must be specified when OIDC issuer/subject is specified".into(),
                );
            }
            return Ok(Fields::new());
        };
        let mut fields =
            Fields::new().put("provider", &**provider).named("secretRef", &self.verify_secret_ref);
        if !self.verify_issuer.is_empty() || !self.verify_subject.is_empty() {
            let one = Fields::new().put("issuer", &*self.verify_issuer).put("subject", &*self.verify_subject);
            fields = fields.list("matchOIDCIdentity", [one]);
        }
        Ok(fields)
    }
}

pub(super) async fn run(args: &Args, creation: &Creation<'_>) -> Result<(), Failure> {
    if args.url.is_empty() {
        return Err("url is required".into());
    }
    if args.tag_semver.is_empty() && args.tag.is_empty() && args.digest.is_empty() {
        return Err("--tag, --tag-semver or --digest is required".into());
    }
    let layer = layer_selector(&args.layer_selector)?;
    creation.labels()?;
    let spec = Fields::new()
        .put("provider", &*args.provider)
        .put("url", &*args.url)
        .flag("insecure", args.insecure)
        .put("interval", creation.interval().to_string())
        .put(
            "ref",
            Fields::new()
                .text("digest", &args.digest)
                .text("semver", &args.tag_semver)
                .text("tag", &args.tag),
        )
        .text("ignore", args.ignore_paths.join("\n"))
        .fields("layerSelector", layer)
        .time("timeout", creation.fetch_timeout)
        .text("serviceAccountName", &args.service_account)
        .named("secretRef", &args.secret_ref)
        .named("proxySecretRef", &args.proxy_secret_ref)
        .named("certSecretRef", &args.cert_ref)
        .fields("verify", args.verify.fields()?);
    let kind = Target::Oci.info();
    let made = object(kind, creation, spec)?;
    let ready = finish(creation, kind, &made, &Wording::of("OCIRepository")).await?;
    ready.map_or(Ok(()), |ready| fetched(&ready, "no artifact was found"))
}

fn layer_selector(text: &str) -> Result<Fields, Failure> {
    if text.is_empty() {
        return Ok(Fields::new());
    }
    let parts = text.split_once(':').filter(|(kind, operation)| !kind.is_empty() && !operation.is_empty());
    let Some((media_type, operation)) = parts else {
        return Err(format!(
            "invalid --layer-selector {text:?}: must be in the format '<media-type>:<operation>'"
        )
        .into());
    };
    if !["extract", "copy"].contains(&operation) {
        return Err(
            format!("invalid --layer-selector {text:?}: operation must be \"extract\" or \"copy\"").into()
        );
    }
    Ok(Fields::new().put("mediaType", media_type).put("operation", operation))
}
