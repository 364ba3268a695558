//! `gitops version`: what this binary is, and what runs in a cluster.

use crate::Failure;
use crate::cluster::{ClusterFlags, installed, run as run_async, say, within};
use clap::ValueEnum;
use std::collections::BTreeMap;
use std::process::ExitCode;

/// Print the version of this binary, and of the controllers in a cluster.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # This binary alone
  gitops version --client

  # And what runs in the cluster
  gitops version
  gitops version -o json --context staging")]
pub(crate) struct Args {
    /// This binary alone, without asking a cluster.
    #[arg(long)]
    client: bool,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = Format::Yaml)]
    output: Format,
    #[command(flatten)]
    cluster: ClusterFlags,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Json,
    #[value(alias = "text")]
    Yaml,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let mut told = vec![("gitops".to_owned(), concat!("v", env!("CARGO_PKG_VERSION")).to_owned())];
    if !args.client {
        run_async(within(args.cluster.timeout.0, async {
            told.extend(of_cluster(&args.cluster).await?);
            Ok(ExitCode::SUCCESS)
        }))?;
    }
    match args.output {
        Format::Json => {
            let told: BTreeMap<String, String> = told.into_iter().collect();
            println!("{}", serde_json::to_string_pretty(&told)?);
        }
        Format::Yaml => told.iter().for_each(|(name, version)| println!("{name}: {version}")),
    }
    Ok(ExitCode::SUCCESS)
}

/// The distribution, and each controller with its image's tag.
async fn of_cluster(flags: &ClusterFlags) -> Result<Vec<(String, String)>, Failure> {
    let namespace = flags.namespace();
    let cluster = match flags.connect().await {
        Ok(cluster) => cluster,
        // Who names no cluster may have none.
        Err(why) if flags.context.is_none() && flags.kubeconfig.is_none() => {
            say::warning(why);
            return Ok(Vec::new());
        }
        Err(why) => return Err(why),
    };
    let mut told = Vec::new();
    if let Some(distribution) = installed::distribution(&cluster).await?.and_then(|found| found.name) {
        told.push(("distribution".to_owned(), distribution));
    }
    let deployments = installed::deployments(&cluster, &namespace).await?;
    if deployments.is_empty() && !installed::is_embedded(&cluster).await? {
        return Err(format!("no deployments found in {namespace} namespace").into());
    }
    let mut controllers = BTreeMap::new();
    for deployment in &deployments {
        for image in installed::images(deployment) {
            let (name, tag) = split_image(&image)?;
            controllers.insert(name, tag);
        }
    }
    if deployments.is_empty() {
        told.push(("kubernetes".to_owned(), cluster.server_version().await.map_err(crate::cluster::worded)?));
    }
    told.extend(controllers);
    Ok(told)
}

/// `registry:5000/path/name:tag` into the name and the tag, which may have a digest behind it.
fn split_image(image: &str) -> Result<(String, String), Failure> {
    let last = image.rsplit('/').next().unwrap_or(image);
    let (name, tag) = last.split_once(':').ok_or_else(|| format!("missing image tag in image {image}"))?;
    Ok((name.to_owned(), tag.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::split_image;

    #[test]
    fn images_have_a_name_and_a_tag() {
        let split = |image| split_image(image).ok();
        let of = |name: &str, tag: &str| Some((name.to_owned(), tag.to_owned()));
        assert_eq!(split("ghcr.io/fluxcd/source-controller:v1.9.4"), of("source-controller", "v1.9.4"));
        assert_eq!(split("local:5000/a/b:v1@sha256:00"), of("b", "v1@sha256:00"));
        assert_eq!(split("local:5000/a/b"), None);
    }
}
