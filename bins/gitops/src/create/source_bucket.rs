//! `gitops create source bucket`.

use super::manifest::{Fields, object};
use super::upsert::{Wording, fetched, finish, finish_on, upsert};
use super::{Creation, Name, secret};
use crate::Failure;
use crate::cluster::{Target, say};
use crate::flags::one_of;

/// Create or update a `Bucket`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops create source bucket podinfo --bucket-name=podinfo --endpoint=minio.local --access-key=me --secret-key=key
  gitops create source bucket podinfo --bucket-name=podinfo --provider=aws --endpoint=s3.amazonaws.com --region=us-east-1 --export")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) name: Name,
    /// The bucket.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    bucket_name: String,
    /// The server's address.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "HOST")]
    endpoint: String,
    /// The access key.
    #[arg(long, default_value = "", hide_default_value = true)]
    access_key: String,
    /// The secret key.
    #[arg(long, default_value = "", hide_default_value = true)]
    secret_key: String,
    /// The region.
    #[arg(long, default_value = "", hide_default_value = true)]
    region: String,
    /// Whose store it is: generic, aws, azure or gcp.
    #[arg(long, default_value = "generic", value_parser = one_of("source bucket provider", &["generic", "aws", "azure", "gcp"]))]
    provider: String,
    /// A Secret that exists, with credentials.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    secret_ref: String,
    /// A Secret that exists, with a proxy's address and credentials.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    proxy_secret_ref: String,
    /// Paths to leave out (comma-separated).
    #[arg(long, value_delimiter = ',', value_name = "PATTERN")]
    ignore_paths: Vec<String>,
    /// Speak HTTP.
    #[arg(long)]
    insecure: bool,
}

pub(super) async fn run(args: &Args, creation: &Creation<'_>) -> Result<(), Failure> {
    if args.bucket_name.is_empty() {
        return Err("bucket-name is required".into());
    }
    if args.endpoint.is_empty() {
        return Err("endpoint is required".into());
    }
    let mut spec = Fields::new()
        .put("bucketName", &*args.bucket_name)
        .put("provider", &*args.provider)
        .flag("insecure", args.insecure)
        .put("endpoint", &*args.endpoint)
        .text("region", &args.region)
        .put("interval", creation.interval().to_string())
        .text("ignore", args.ignore_paths.join("\n"))
        .time("timeout", creation.fetch_timeout)
        .named("secretRef", &args.secret_ref)
        .named("proxySecretRef", &args.proxy_secret_ref);
    let kind = Target::Bucket.info();
    let wording = Wording::of("Bucket source");
    let has_keys = !args.access_key.is_empty() && !args.secret_key.is_empty();
    let ready = if creation.common.export || !args.secret_ref.is_empty() || !has_keys {
        let made = object(kind, creation, spec)?;
        if !creation.common.export {
            say::generate("generating Bucket source");
        }
        finish(creation, kind, &made, &wording).await?
    } else {
        let cluster = creation.cluster.connect().await?;
        say::generate("generating Bucket source");
        let name = format!("bucket-{}", creation.name);
        let data = Fields::new().put("accesskey", &*args.access_key).put("secretkey", &*args.secret_key);
        say::action("applying secret with the bucket credentials");
        upsert(&cluster, &secret::object(creation, &name, data, None)?).await?;
        say::success("authentication configured");
        spec = spec.named("secretRef", name);
        Some(finish_on(&cluster, creation, kind, &object(kind, creation, spec)?, &wording).await?)
    };
    ready.map_or(Ok(()), |ready| fetched(&ready, "Bucket source reconciliation but no artifact was found"))
}
