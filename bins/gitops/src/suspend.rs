//! `gitops suspend` and `gitops resume`: stop and start the controllers' work on objects.

pub(crate) mod resume;

use crate::Failure;
use crate::cluster::{
    ClusterFlags, KindInfo, Target, list, node, run as run_async, say, text, within, worded, writing,
};
use crate::named::Named;
use gitops_core::ports::{Cluster, ObjectRef, Patch};
use gitops_yaml::Node;
use serde_json::json;
use std::process::ExitCode;

/// Stop the controllers' work on objects; nothing is deleted.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops suspend kustomization podinfo frontend
  gitops suspend hr --all -n apps")]
pub(crate) struct Args {
    /// All objects of the kind in the namespace.
    #[arg(long, global = true)]
    all: bool,
    #[command(flatten)]
    cluster: ClusterFlags,
    #[command(subcommand)]
    what: Named,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    run_async(within(args.cluster.timeout.0, suspend(args)))
}

async fn suspend(args: &Args) -> Result<ExitCode, Failure> {
    let (target, names) = args.what.target();
    let kind = target.info();
    if names.is_empty() && !args.all {
        return Err(format!("{} name is required", kind.human).into());
    }
    let namespace = args.cluster.namespace();
    let cluster = args.cluster.connect().await?;
    let objects = list(&cluster, kind, Some(&namespace), "").await.map_err(worded)?;
    if names.is_empty() && objects.is_empty() {
        return Err("no objects found".into());
    }
    let mut failed = false;
    for (name, object) in chosen(&objects, names) {
        if object.is_none() {
            say::failure(format_args!("{} {name} not found in {namespace} namespace", kind.kind));
            failed = true;
            continue;
        }
        say::action(format_args!("suspending {} {name} in {namespace} namespace", kind.human));
        match set_suspended(&cluster, target, &namespace, name, true).await {
            Ok(_) => say::success(format_args!("{} suspended", kind.human)),
            Err(why) if names.is_empty() => return Err(why),
            Err(why) => {
                say::failure(format_args!(
                    "failed suspending {} {name} in {namespace} namespace: {why}",
                    kind.kind
                ));
                failed = true;
            }
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Pairs each name, once, with its object; without names all objects.
fn chosen<'a>(objects: &'a [Node], names: &'a [String]) -> Vec<(&'a str, Option<&'a Node>)> {
    let name_of = |object: &'a Node| text(object, &["metadata", "name"]);
    if names.is_empty() {
        return objects.iter().map(|object| (name_of(object), Some(object))).collect();
    }
    let mut chosen: Vec<(&str, Option<&Node>)> = Vec::new();
    for name in names {
        if chosen.iter().all(|(known, _)| known != name) {
            chosen.push((name, objects.iter().find(|object| name_of(object) == name)));
        }
    }
    chosen
}

/// Writes whether an object is suspended: a field, or an annotation of artifact generators.
async fn set_suspended<C: Cluster>(
    cluster: &C,
    target: Target,
    namespace: &str,
    name: &str,
    suspended: bool,
) -> Result<Node, Failure> {
    let kind: &KindInfo = target.info();
    let change = match (target, suspended) {
        (Target::Generator, true) => {
            json!({"metadata": {"annotations": {"source.extensions.fluxcd.io/reconcile": "Disabled"}}})
        }
        (Target::Generator, false) => {
            json!({"metadata": {"annotations": {"source.extensions.fluxcd.io/reconcile": null}}})
        }
        (_, true) => json!({"spec": {"suspend": true}}),
        (_, false) => json!({"spec": {"suspend": null}}),
    };
    let target = ObjectRef { gvk: kind.gvk(), namespace: namespace.into(), name: name.into() };
    cluster.patch(&target, &Patch::Merge(node(&change)?), &writing()).await.map_err(worded)
}
