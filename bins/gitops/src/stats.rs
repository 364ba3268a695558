//! `gitops stats`: how many objects of each kind there are, and how they fare.

use crate::Failure;
use crate::cluster::ready::condition;
use crate::cluster::{ClusterFlags, Target, list, run as run_async, table, text, within};
use gitops_yaml::Node;
use std::process::ExitCode;

/// Count objects by kind: running, failing, suspended, and what their artifacts take.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops stats
  gitops stats -A")]
pub(crate) struct Args {
    /// Of all namespaces.
    #[arg(long, short = 'A')]
    all_namespaces: bool,
    #[command(flatten)]
    cluster: ClusterFlags,
}

const KINDS: [Target; 13] = [
    Target::Git,
    Target::Oci,
    Target::Helm,
    Target::Chart,
    Target::Bucket,
    Target::Kustomization,
    Target::HelmRelease,
    Target::Alert,
    Target::AlertProvider,
    Target::Receiver,
    Target::ImageUpdate,
    Target::ImagePolicy,
    Target::ImageRepository,
];

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    run_async(within(args.cluster.timeout.0, async {
        let cluster = args.cluster.connect().await?;
        let namespace = args.cluster.namespace();
        let of = (!args.all_namespaces).then_some(namespace.as_str());
        let mut rows = Vec::new();
        for target in KINDS {
            // A kind that is not served has no objects.
            let objects = list(&cluster, target.info(), of, "").await.unwrap_or_default();
            let is_suspended =
                |object: &&Node| object.at_path(&["spec", "suspend"]).and_then(Node::as_str) == Some("true");
            let is_failing = |object: &&Node| {
                condition(object, "Ready").is_some_and(|ready| text(ready, &["status"]) == "False")
            };
            let size = |object: &Node| {
                let size = object.at_path(&["status", "artifact", "size"]).and_then(Node::as_str)?;
                size.parse::<u64>().ok()
            };
            let suspended = objects.iter().filter(is_suspended).count();
            rows.push(vec![
                target.info().kind.to_owned(),
                (objects.len() - suspended).to_string(),
                objects.iter().filter(is_failing).count().to_string(),
                suspended.to_string(),
                bytes(objects.iter().filter_map(size).sum()),
            ]);
        }
        let header = ["Reconcilers", "Running", "Failing", "Suspended", "Storage"];
        anstream::print!("{}", table::print(&header, &rows));
        Ok(ExitCode::SUCCESS)
    }))
}

/// `-`, `512 B`, `1.5 KiB`.
#[allow(clippy::cast_precision_loss, reason = "one digit is shown")]
fn bytes(count: u64) -> String {
    if count == 0 {
        return "-".to_owned();
    }
    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1024.0;
    let mut units = "KMGTPE".chars();
    let mut unit = units.next().unwrap_or('K');
    while value >= 1024.0
        && let Some(next) = units.next()
    {
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.1} {unit}iB")
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_are_short() {
        for (count, shown) in [(0, "-"), (512, "512 B"), (1536, "1.5 KiB"), (1 << 20, "1.0 MiB")] {
            assert_eq!(super::bytes(count), shown);
        }
    }
}
