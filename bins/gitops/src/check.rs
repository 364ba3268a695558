//! `gitops check`: whether a cluster will do, and whether what is installed there is well.

use crate::Failure;
use crate::cluster::{ClusterFlags, installed, list_of, run as run_async, say, text, within, worded};
use crate::flags::duration;
use gitops_core::api::GoDuration;
use gitops_core::health::{self, State};
use gitops_core::object::Gvk;
use gitops_kube::KubeCluster;
use gitops_semver::{Constraint, Version};
use gitops_yaml::Node;
use std::process::ExitCode;

/// Check that a cluster fits, and that what is installed in it is well.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  # Before an installation
  gitops check --pre

  # After it
  gitops check --context staging

Exit codes: 0 all is well, 1 something is not")]
pub(crate) struct Args {
    /// Only what an installation needs.
    #[arg(long)]
    pre: bool,
    /// Accepted for scripts: whatever is installed is checked.
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    components: Vec<String>,
    /// Accepted for scripts, as above.
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    components_extra: Vec<String>,
    /// How often a controller that is not ready yet is looked at.
    #[arg(long, default_value = "5s", value_name = "TIME", value_parser = duration)]
    poll_interval: GoDuration,
    #[command(flatten)]
    cluster: ClusterFlags,
}

/// What Kubernetes must be.
const WANTED: &str = ">=1.33.0-0";

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    run_async(async {
        say::action("checking prerequisites");
        let cluster = args.cluster.connect().await?;
        let mut is_well = within(args.cluster.timeout.0, fits(&cluster)).await?;
        if args.pre {
            if is_well {
                say::success("prerequisites checks passed");
            }
            return Ok(code(is_well));
        }
        say::action("checking version in cluster");
        is_well &= within(args.cluster.timeout.0, version(&cluster)).await?;
        say::action("checking controllers");
        is_well &= controllers(args, &cluster).await?;
        say::action("checking crds");
        is_well &= within(args.cluster.timeout.0, definitions(&cluster)).await?;
        if is_well {
            say::success("all checks passed");
        } else {
            say::failure("check failed");
        }
        Ok(code(is_well))
    })
}

fn code(is_well: bool) -> ExitCode {
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn fits(cluster: &KubeCluster) -> Result<bool, Failure> {
    let said = match cluster.server_version().await {
        Ok(said) => said,
        Err(why) => {
            say::failure(format_args!("Kubernetes API call failed: {why}"));
            return Ok(false);
        }
    };
    let Ok(version) = Version::parse(&said) else {
        say::failure("Kubernetes version can't be determined");
        return Ok(false);
    };
    if Constraint::parse(WANTED)?.check(&version) {
        say::success(format_args!("Kubernetes {} {WANTED}", said.trim_start_matches('v')));
        Ok(true)
    } else {
        say::failure(format_args!("Kubernetes version {said} does not match {WANTED}"));
        Ok(false)
    }
}

async fn version(cluster: &KubeCluster) -> Result<bool, Failure> {
    let Some(found) = installed::distribution(cluster).await? else {
        say::failure(
            "checking failed: customresourcedefinitions.apiextensions.k8s.io \"gitrepositories.source.toolkit.fluxcd.io\" not found",
        );
        return Ok(false);
    };
    if let Some(name) = found.name {
        say::success(format_args!("distribution: {name}"));
    }
    say::success(format_args!("bootstrapped: {}", found.is_bootstrapped));
    Ok(true)
}

/// Waits until every controller is ready, or the time is over.
async fn controllers(args: &Args, cluster: &KubeCluster) -> Result<bool, Failure> {
    let namespace = args.cluster.namespace();
    let end = tokio::time::Instant::now() + args.cluster.timeout.0;
    loop {
        let found = installed::deployments(cluster, &namespace).await?;
        if found.is_empty() {
            if installed::is_embedded(cluster).await? {
                say::success("the controller runs in the process of the embedded cluster");
                return Ok(true);
            }
            say::failure(format_args!(
                "no controllers found in the '{namespace}' namespace with the label selector '{}'",
                installed::PART_OF_FLUX
            ));
            return Ok(false);
        }
        let is_ready = |deployment: &Node| health::status(deployment).state == State::Current;
        let are_ready = found.iter().all(is_ready);
        if are_ready || tokio::time::Instant::now() >= end {
            for deployment in &found {
                let name = text(deployment, &["metadata", "name"]);
                match is_ready(deployment) {
                    true => say::success(format_args!("{name}: deployment ready")),
                    false => say::failure(format_args!("{name}: deployment not ready")),
                }
                installed::images(deployment).iter().for_each(say::action);
            }
            return Ok(are_ready);
        }
        tokio::time::sleep(args.poll_interval.0.min(end - tokio::time::Instant::now())).await;
    }
}

async fn definitions(cluster: &KubeCluster) -> Result<bool, Failure> {
    let gvk = Gvk::new("apiextensions.k8s.io/v1", "CustomResourceDefinition");
    let found = list_of(cluster, &gvk, None, installed::PART_OF_FLUX).await.map_err(worded)?;
    if found.is_empty() {
        say::failure(format_args!("no crds found with the label selector '{}'", installed::PART_OF_FLUX));
        return Ok(false);
    }
    let mut is_well = true;
    for definition in &found {
        let name = text(definition, &["metadata", "name"]);
        let stored = definition.at_path(&["status", "storedVersions"]).and_then(Node::items);
        match stored.and_then(<[Node]>::last).and_then(Node::as_str) {
            Some(version) => say::success(format_args!("{name}/{version}")),
            None => {
                is_well = false;
                say::failure(format_args!("no stored versions for {name}"));
            }
        }
    }
    Ok(is_well)
}
