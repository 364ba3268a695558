//! `gitops export`: objects of a cluster as they would stand in a repository.

use crate::Failure;
use crate::cluster::{ClusterFlags, address, fetch, list, run as run_async, text, within, worded};
use crate::named::Named;
use gitops_core::api::GoDuration;
use gitops_core::object::Gvk;
use gitops_core::ports::{Cluster, ObjectRef};
use gitops_yaml::{Dialect, Entry, Node, print_sigs};
use std::process::ExitCode;

/// Print objects of a cluster as YAML, without what the cluster has added.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops export source git podinfo > source.yaml
  gitops export kustomization --all -n apps
  gitops export source helm --all --with-credentials")]
pub(crate) struct Args {
    /// All objects of the kind.
    #[arg(long, global = true)]
    all: bool,
    /// For sources: the Secrets with their credentials too.
    #[arg(long, global = true)]
    with_credentials: bool,
    #[command(flatten)]
    cluster: ClusterFlags,
    #[command(subcommand)]
    what: Named,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    run_async(within(args.cluster.timeout.0, export(args)))
}

async fn export(args: &Args) -> Result<ExitCode, Failure> {
    let (target, names) = args.what.target();
    let kind = target.info();
    let namespace = args.cluster.namespace();
    if !args.all && names.is_empty() {
        return Err("name is required".into());
    }
    let cluster = args.cluster.connect().await?;
    let objects = match names.first() {
        Some(name) if !args.all => vec![fetch(&cluster, &address(kind, &namespace, name)).await?],
        _ => list(&cluster, kind, Some(&namespace), "").await.map_err(worded)?,
    };
    if objects.is_empty() {
        return Err(format!("no objects found in {namespace} namespace").into());
    }
    for object in &objects {
        print(&tidy(object, kind.api_version))?;
        if args.with_credentials
            && let Some(secret) = credentials(&cluster, object).await?
        {
            print(&secret)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(object: &Node) -> Result<(), Failure> {
    anstream::print!("---\n{}", print_sigs(object, Dialect::V3)?);
    Ok(())
}

fn mapping(fields: Vec<(&str, Node)>) -> Node {
    let entry = |(key, value): (&str, Node)| Entry { key: Node::string(key.to_owned()), value };
    Node::mapping(fields.into_iter().map(entry).collect())
}

/// Leaves of an object what a user would have written.
fn tidy(object: &Node, api_version: &str) -> Node {
    let kept = ["name", "namespace", "labels", "annotations"];
    let metadata = kept
        .into_iter()
        .filter_map(|field| Some((field, object.at_path(&["metadata", field])?.clone())))
        .collect();
    let mut fields = vec![
        ("apiVersion", Node::string(api_version.to_owned())),
        ("kind", Node::string(text(object, &["kind"]).to_owned())),
        ("metadata", mapping(metadata)),
    ];
    if let Some(spec) = object.get("spec") {
        let mut spec = spec.clone();
        write_durations(&mut spec);
        leave_out_false(&mut spec);
        fields.push(("spec", spec));
    }
    mapping(fields)
}

/// Writes times as Go prints them: `5m` as `5m0s`. A release's values are the user's own.
fn write_durations(node: &mut Node) {
    for entry in node.entries_mut().into_iter().flatten() {
        let time = entry.value.as_str().and_then(|text| text.parse::<GoDuration>().ok());
        match entry.key.as_str() {
            Some("values") => {}
            Some("interval" | "timeout" | "retryInterval") => {
                if let Some(time) = time {
                    entry.value = Node::string(time.to_string());
                }
            }
            _ => write_durations(&mut entry.value),
        }
    }
}

/// Leaves out what is false, which a server may have filled in: Flux's types print no such field but `prune`.
fn leave_out_false(node: &mut Node) {
    let is_false = |value: &Node| {
        value.as_str() == Some("false") && value.kind(Dialect::V3) == gitops_yaml::Kind::Bool(false)
    };
    let keys: Vec<gitops_yaml::Str> = node
        .entries()
        .unwrap_or_default()
        .iter()
        .filter(|entry| entry.key.as_str() != Some("prune") && is_false(&entry.value))
        .filter_map(|entry| entry.key.scalar().cloned())
        .collect();
    for key in keys {
        node.remove(&key);
    }
    for entry in node.entries_mut().into_iter().flatten() {
        if entry.key.as_str() != Some("values") {
            leave_out_false(&mut entry.value);
        }
    }
}

/// The Secret that a source names.
async fn credentials<C: Cluster>(cluster: &C, source: &Node) -> Result<Option<Node>, Failure> {
    let name = text(source, &["spec", "secretRef", "name"]);
    if name.is_empty() {
        return Ok(None);
    }
    let namespace = text(source, &["metadata", "namespace"]);
    let target = ObjectRef { gvk: Gvk::new("v1", "Secret"), namespace: namespace.into(), name: name.into() };
    let secret = fetch(cluster, &target)
        .await
        .map_err(|why| format!("failed to retrieve secret {name}, error: {why}"))?;
    let mut fields = vec![
        ("apiVersion", Node::string("v1")),
        ("kind", Node::string("Secret")),
        (
            "metadata",
            mapping(vec![
                ("name", Node::string(name.to_owned())),
                ("namespace", Node::string(namespace.to_owned())),
            ]),
        ),
    ];
    for field in ["data", "type"] {
        fields.extend(secret.get(field).map(|value| (field, value.clone())));
    }
    Ok(Some(mapping(fields)))
}
