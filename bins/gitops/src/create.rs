//! `gitops create`: objects of Flux's kinds from flags, printed or put into a cluster.

mod alert;
mod alert_provider;
mod helmrelease;
mod image_policy;
mod image_repository;
mod image_update;
mod key_pair;
mod kustomization;
mod manifest;
mod receiver;
mod secret;
mod source_bucket;
mod source_chart;
mod source_git;
mod source_helm;
mod source_oci;
mod tenant;
mod upsert;

pub(crate) use key_pair::{Keys, scanned, trusted};
pub(crate) use upsert::upsert;

use crate::Failure;
use crate::cluster::{ClusterFlags, run as run_async};
use crate::flags::{duration, is_object_name};
use clap::Subcommand;
use gitops_core::api::GoDuration;
use std::collections::BTreeMap;
use std::process::ExitCode;

/// Create sources, Kustomizations, releases, image objects, alerts, secrets and tenants.
///
/// With --export the object is printed and no cluster is asked; without, it is applied, and the command waits until it is
/// ready.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops create source git podinfo --url=https://github.com/stefanprodan/podinfo --branch=master --export
  gitops create kustomization podinfo --source=podinfo --path=./deploy --prune --interval=10m
  gitops create secret git podinfo-auth --url=https://github.com/org/podinfo -u git -p token")]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    cluster: ClusterFlags,
    #[command(subcommand)]
    what: What,
}

/// What every object takes.
#[derive(clap::Args, Clone, Debug)]
struct Common {
    /// How often the source is asked, 1m0s by default.
    #[arg(long, global = true, value_name = "TIME", value_parser = duration)]
    interval: Option<GoDuration>,
    /// Print the object as YAML and ask no cluster.
    #[arg(long, global = true)]
    export: bool,
    /// Labels of the object: NAME=VALUE (repeatable, comma-separated).
    #[arg(long, global = true, value_name = "NAME=VALUE", value_delimiter = ',')]
    label: Vec<String>,
}

#[derive(Subcommand, Debug)]
#[allow(clippy::large_enum_variant, reason = "parsed once")]
enum What {
    Alert(alert::Args),
    AlertProvider(alert_provider::Args),
    #[command(visible_alias = "hr")]
    Helmrelease(Box<helmrelease::Args>),
    /// Image repositories, policies and automations.
    #[command(subcommand)]
    Image(Image),
    #[command(visible_alias = "ks")]
    Kustomization(Box<kustomization::Args>),
    Receiver(receiver::Args),
    /// Secrets that the controllers read.
    #[command(subcommand)]
    Secret(secret::What),
    /// Sources.
    Source(SourceArgs),
    Tenant(tenant::Args),
}

#[derive(Subcommand, Debug)]
enum Image {
    Policy(image_policy::Args),
    Repository(image_repository::Args),
    Update(image_update::Args),
}

#[derive(clap::Args, Debug)]
struct SourceArgs {
    /// How long a fetch may take.
    #[arg(long, global = true, value_name = "TIME", value_parser = duration)]
    fetch_timeout: Option<GoDuration>,
    #[command(subcommand)]
    what: Source,
}

#[derive(Subcommand, Debug)]
#[allow(clippy::large_enum_variant, reason = "parsed once")]
enum Source {
    Bucket(source_bucket::Args),
    Chart(source_chart::Args),
    Git(Box<source_git::Args>),
    Helm(source_helm::Args),
    Oci(Box<source_oci::Args>),
}

/// The name that every object has.
#[derive(clap::Args, Clone, Debug)]
struct Name {
    /// The object's name.
    #[arg(value_name = "NAME")]
    name: Vec<String>,
}

/// What a command that creates something goes by.
struct Creation<'a> {
    name: &'a str,
    common: &'a Common,
    cluster: &'a ClusterFlags,
    fetch_timeout: Option<GoDuration>,
}

impl Creation<'_> {
    fn interval(&self) -> GoDuration {
        self.common.interval.unwrap_or(GoDuration::seconds(60))
    }

    fn namespace(&self) -> String {
        self.cluster.namespace()
    }

    /// Reads the labels, as Flux checks them.
    fn labels(&self) -> Result<BTreeMap<String, String>, Failure> {
        let mut labels = BTreeMap::new();
        for label in &self.common.label {
            let parts: Vec<&str> = label.split('=').collect();
            let [key, value] = parts[..] else {
                return Err(format!("invalid label format '{label}', must be key=value").into());
            };
            manifest::check_label_name(key).map_err(|why| format!("invalid label '{key}': [{why}]"))?;
            manifest::check_label_value(value)
                .map_err(|why| format!("invalid label value '{value}': [{why}]"))?;
            labels.insert(key.to_owned(), value.to_owned());
        }
        Ok(labels)
    }
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    run_async(async { create(args).await.map(|()| ExitCode::SUCCESS) })
}

async fn create(args: &Args) -> Result<(), Failure> {
    let fetch_timeout = match &args.what {
        What::Source(source) => source.fetch_timeout.filter(|time| !time.0.is_zero()),
        _ => None,
    };
    let name = args.what.name().first().ok_or("name is required")?;
    if !is_object_name(name) {
        return Err(format!(
            "name '{name}' is invalid, it should adhere to standard defined in RFC 1123, the name can only contain alphanumeric characters or '-'"
        )
        .into());
    }
    let creation = Creation { name, common: &args.common, cluster: &args.cluster, fetch_timeout };
    match &args.what {
        What::Alert(args) => alert::run(args, &creation).await,
        What::AlertProvider(args) => alert_provider::run(args, &creation).await,
        What::Helmrelease(args) => helmrelease::run(args, &creation).await,
        What::Image(Image::Policy(args)) => image_policy::run(args, &creation).await,
        What::Image(Image::Repository(args)) => image_repository::run(args, &creation).await,
        What::Image(Image::Update(args)) => image_update::run(args, &creation).await,
        What::Kustomization(args) => kustomization::run(args, &creation).await,
        What::Receiver(args) => receiver::run(args, &creation).await,
        What::Secret(what) => secret::run(what, &creation).await,
        What::Source(source) => match &source.what {
            Source::Bucket(args) => source_bucket::run(args, &creation).await,
            Source::Chart(args) => source_chart::run(args, &creation).await,
            Source::Git(args) => source_git::run(args, &creation).await,
            Source::Helm(args) => source_helm::run(args, &creation).await,
            Source::Oci(args) => source_oci::run(args, &creation).await,
        },
        What::Tenant(args) => tenant::run(args, &creation).await,
    }
}

impl What {
    fn name(&self) -> &[String] {
        let name = match self {
            Self::Alert(args) => &args.name,
            Self::AlertProvider(args) => &args.name,
            Self::Helmrelease(args) => &args.name,
            Self::Image(Image::Policy(args)) => &args.name,
            Self::Image(Image::Repository(args)) => &args.name,
            Self::Image(Image::Update(args)) => &args.name,
            Self::Kustomization(args) => &args.name,
            Self::Receiver(args) => &args.name,
            Self::Secret(what) => what.name(),
            Self::Source(source) => match &source.what {
                Source::Bucket(args) => &args.name,
                Source::Chart(args) => &args.name,
                Source::Git(args) => &args.name,
                Source::Helm(args) => &args.name,
                Source::Oci(args) => &args.name,
            },
            Self::Tenant(args) => &args.name,
        };
        &name.name
    }
}

/// The host of a URL, with its port.
pub(crate) fn host_of(url: &str) -> Result<String, Failure> {
    Ok(secret::git_url(url)?.host)
}
