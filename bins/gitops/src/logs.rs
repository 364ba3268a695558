//! `gitops logs`: what the controllers of a cluster have logged about objects of Flux's kinds.

use crate::Failure;
use crate::cluster::{ClusterFlags, installed, list_of, run as run_async, text, worded};
use crate::flags::{duration, one_of};
use gitops_controllers::time::parse_rfc3339;
use gitops_core::api::GoDuration;
use gitops_core::object::Gvk;
use gitops_kube::{KubeCluster, LogOptions};
use gitops_yaml::Node;
use serde_json::Value;
use std::io::Write;
use std::process::ExitCode;

/// Show what the controllers have logged, one line an event.
///
/// Both what Flux's controllers write is read, and what `gitops-controller` does.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  # Of all objects, the last two minutes
  gitops logs --all-namespaces --since=2m

  # Errors as they come
  gitops logs --follow --level=error --all-namespaces

  # Of one object
  gitops logs --kind=Kustomization --name=podinfo --namespace=default

  # Where the controllers run elsewhere
  gitops logs --flux-namespace=my-namespace")]
pub(crate) struct Args {
    /// About objects in all namespaces.
    #[arg(long, short = 'A')]
    all_namespaces: bool,
    /// Go on showing new ones.
    #[arg(long, short)]
    follow: bool,
    /// Only of this level: debug, info or error.
    #[arg(long, value_parser = one_of("log level", &["debug", "info", "error"]))]
    level: Option<String>,
    /// Only about objects of this kind.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Only about objects of this name.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The namespace that the controllers run in.
    #[arg(long, default_value = "flux-system", value_name = "NAME")]
    flux_namespace: String,
    /// Only what is newer than this.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    since: Option<GoDuration>,
    /// Only what is newer than this date (RFC 3339).
    #[arg(long, value_name = "DATE")]
    since_time: Option<String>,
    /// So many of the last lines of each controller; -1 for all.
    #[arg(long, default_value_t = -1, value_name = "COUNT", allow_negative_numbers = true)]
    tail: i64,
    #[command(flatten)]
    cluster: ClusterFlags,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    if args.since.is_some() && args.since_time.is_some() {
        return Err("at most one of `sinceTime` or `sinceDuration` may be specified".into());
    }
    if let Some(time) = args.since_time.as_ref().filter(|time| parse_rfc3339(time).is_none()) {
        return Err(format!("{time} is not a valid (RFC3339) time").into());
    }
    run_async(async {
        // What is followed has no end.
        match args.follow {
            true => logs(args).await,
            false => crate::cluster::within(args.cluster.timeout.0, logs(args)).await,
        }
    })
}

async fn logs(args: &Args) -> Result<ExitCode, Failure> {
    let namespace = args.cluster.namespace();
    let cluster = args.cluster.connect().await?;
    let pods = pods(&cluster, &args.flux_namespace).await?;
    if pods.is_empty() {
        let hint = match installed::is_embedded(&cluster).await? {
            true => ": the controller of an embedded cluster logs where `gitops up` runs",
            false => "",
        };
        return Err(format!("no Flux pods found in namespace {:?}{hint}", args.flux_namespace).into());
    }
    let (lines, mut told) = tokio::sync::mpsc::channel::<Result<String, String>>(64);
    let readers = pods.into_iter().map(|pod| {
        let (cluster, lines) = (cluster.clone(), lines.clone());
        let (namespace, options) = (args.flux_namespace.clone(), options(args, &pod));
        async move {
            let failed = |why: &dyn std::fmt::Display| format!("failed getting logs: {why}");
            let mut log = match cluster.pod_log(&namespace, text(&pod, &["metadata", "name"]), &options).await
            {
                Ok(log) => log,
                Err(why) => return drop(lines.send(Err(failed(&why))).await),
            };
            while let Some(line) = log.line().await {
                if lines.send(line.map_err(|why| failed(&why))).await.is_err() {
                    return;
                }
            }
        }
    });
    let mut tasks = tokio::task::JoinSet::new();
    if args.follow {
        readers.for_each(|reader| drop(tasks.spawn(reader)));
    } else {
        // One after the other, so that each controller's lines stay together.
        let all: Vec<_> = readers.collect();
        tasks.spawn(async move {
            for reader in all {
                reader.await;
            }
        });
    }
    drop(lines);
    let mut code = ExitCode::SUCCESS;
    let mut out = std::io::stdout().lock();
    while let Some(line) = told.recv().await {
        match line {
            Err(why) => {
                anstream::eprintln!("{why}");
                code = ExitCode::FAILURE;
            }
            Ok(line) => {
                if let Some(entry) = Entry::read(&line).filter(|entry| entry.is_wanted(args, &namespace)) {
                    match writeln!(out, "{}", entry.show()) {
                        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => break,
                        result => result?,
                    }
                }
            }
        }
    }
    Ok(code)
}

fn options(args: &Args, pod: &Node) -> LogOptions {
    let containers = pod.at_path(&["spec", "containers"]).and_then(Node::items).unwrap_or_default();
    LogOptions {
        container: (containers.len() > 1).then(|| "manager".to_owned()),
        follow: args.follow,
        tail: u64::try_from(args.tail).ok(),
        since: args.since.map(|time| time.0),
        since_time: args.since_time.clone(),
    }
}

/// One pod of each controller: a running one where there is one.
async fn pods(cluster: &KubeCluster, namespace: &str) -> Result<Vec<Node>, Failure> {
    let mut found = Vec::new();
    for deployment in installed::deployments(cluster, namespace).await? {
        let labels = deployment.at_path(&["spec", "template", "metadata", "labels"]).and_then(Node::entries);
        let pair = |(key, value): (Option<&str>, Option<&str>)| Some(format!("{}={}", key?, value?));
        let labels: Vec<String> = labels
            .unwrap_or_default()
            .iter()
            .filter_map(|entry| pair((entry.key.as_str(), entry.value.as_str())))
            .collect();
        let gvk = Gvk::new("v1", "Pod");
        let mut pods = list_of(cluster, &gvk, Some(namespace), &labels.join(",")).await.map_err(worded)?;
        pods.sort_by_key(|pod| text(pod, &["status", "phase"]) != "Running");
        found.extend(pods.into_iter().next());
    }
    Ok(found)
}

/// A line of a log.
#[derive(Debug, Default, PartialEq, Eq)]
struct Entry {
    time: String,
    level: String,
    kind: String,
    name: String,
    namespace: String,
    message: String,
    error: String,
}

impl Entry {
    /// Reads a line; `None` where it is no entry.
    fn read(line: &str) -> Option<Self> {
        let entry: Value = serde_json::from_str(line).ok().filter(Value::is_object)?;
        let of = |entry: &Value, field: &str| {
            entry.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let Some(fields) = entry.get("fields") else {
            let kind = match of(&entry, "reconciler kind") {
                kind if kind.is_empty() => of(&entry, "controllerKind"),
                kind => kind,
            };
            return Some(Self {
                time: of(&entry, "ts"),
                level: of(&entry, "level"),
                kind,
                name: of(&entry, "name"),
                namespace: of(&entry, "namespace"),
                message: of(&entry, "msg"),
                error: of(&entry, "error"),
            });
        };
        // As gitops-controller writes it: the object is `Kind/namespace/name`.
        let object = of(fields, "object");
        let mut parts = object.splitn(3, '/').map(str::to_owned);
        let mut part = || parts.next().unwrap_or_default();
        let (kind, namespace, name) = (part(), part(), part());
        Some(Self {
            time: of(&entry, "timestamp"),
            level: of(&entry, "level").to_lowercase(),
            kind,
            name,
            namespace,
            message: of(fields, "message"),
            error: of(fields, "error"),
        })
    }

    fn is_wanted(&self, args: &Args, namespace: &str) -> bool {
        let is = |wanted: &Option<String>, value: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(value))
        };
        is(&args.level, &self.level)
            && is(&args.kind, &self.kind)
            && is(&args.name, &self.name)
            && (args.all_namespaces || self.namespace.eq_ignore_ascii_case(namespace))
    }

    fn show(&self) -> String {
        let Self { time, level, kind, name, namespace, message, error } = self;
        let object = if name.is_empty() { String::new() } else { format!("/{name}.{namespace}") };
        format!("{time} {level} {kind}{object} - {message} {error}")
    }
}

#[cfg(test)]
mod tests {
    use super::Entry;

    #[test]
    fn lines_of_both_controllers_are_read() {
        for (line, shown) in [
            (
                r#"{"level":"info","ts":"2022-08-02T12:55:34.419Z","msg":"no changes","controllerKind":"GitRepository","name":"podinfo","namespace":"default"}"#,
                Some("2022-08-02T12:55:34.419Z info GitRepository/podinfo.default - no changes "),
            ),
            (
                r#"{"level":"error","ts":"t","msg":"m","error":"why","reconciler kind":"Kustomization","controllerKind":"X","name":"a","namespace":"b"}"#,
                Some("t error Kustomization/a.b - m why"),
            ),
            (
                r#"{"timestamp":"t","level":"ERROR","fields":{"message":"build failed","object":"Kustomization/apps/web","reason":"BuildFailed"},"target":"x"}"#,
                Some("t error Kustomization/web.apps - build failed "),
            ),
            (
                r#"{"timestamp":"t","level":"INFO","fields":{"message":"started"},"target":"x"}"#,
                Some("t info  - started "),
            ),
            ("plain text", None),
        ] {
            assert_eq!(Entry::read(line).map(|entry| entry.show()).as_deref(), shown, "{line}");
        }
    }
}
