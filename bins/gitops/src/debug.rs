//! `gitops debug`: what a Kustomization or a release is really built with, and how it has fared.

use crate::Failure;
use crate::cluster::{ClusterFlags, Target, address, fetch, run as run_async, text, within, worded};
use clap::Subcommand;
use gitops_controllers::helm_release::{Form, ReleaseValues};
use gitops_controllers::secret::secret_data;
use gitops_core::object::Gvk;
use gitops_core::ports::{Cluster, ObjectRef};
use gitops_core::substitute::Variables;
use gitops_kube::KubeCluster;
use gitops_yaml::{Dialect, Node, print_sigs};
use helm_rs::values::Value;
use std::process::ExitCode;

/// Show what a Kustomization or a release is built with, and how it has fared.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops debug kustomization podinfo --show-vars
  gitops debug helmrelease podinfo --show-values")]
pub(crate) struct Args {
    #[command(flatten)]
    cluster: ClusterFlags,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    #[command(visible_alias = "hr")]
    Helmrelease(Release),
    #[command(visible_alias = "ks")]
    Kustomization(Kustomization),
}

/// Show the status, the values or the history of a Helm release.
///
/// What Secrets hold is printed where the release refers to them.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops debug hr podinfo --show-status
  gitops debug hr podinfo --show-values > values.yaml
  gitops debug hr podinfo --show-history")]
struct Release {
    /// The release's name.
    #[arg(value_name = "NAME")]
    name: String,
    /// Its status.
    #[arg(long)]
    show_status: bool,
    /// Its values, with what references bring.
    #[arg(long)]
    show_values: bool,
    /// What was installed and upgraded.
    #[arg(long)]
    show_history: bool,
}

/// Show the status, the variables or the history of a Kustomization.
///
/// What Secrets hold is printed where the Kustomization refers to them.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops debug ks podinfo --show-status
  gitops debug ks podinfo --show-vars > vars.env
  gitops debug ks podinfo --show-history")]
struct Kustomization {
    /// The Kustomization's name.
    #[arg(value_name = "NAME")]
    name: String,
    /// Its status.
    #[arg(long)]
    show_status: bool,
    /// Its variables, with what references bring, one NAME=VALUE a line.
    #[arg(long)]
    show_vars: bool,
    /// What was applied.
    #[arg(long)]
    show_history: bool,
}

const DOCUMENTATION: &str = "https://fluxcd.io/flux/components";

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let (target, name, third, wishes) = match &args.what {
        What::Helmrelease(one) => (
            Target::HelmRelease,
            &one.name,
            "--show-values",
            [one.show_status, one.show_values, one.show_history],
        ),
        What::Kustomization(one) => (
            Target::Kustomization,
            &one.name,
            "--show-vars",
            [one.show_status, one.show_vars, one.show_history],
        ),
    };
    if wishes.into_iter().filter(|wish| *wish).count() != 1 {
        return Err(format!("exactly one of --show-status, {third}, or --show-history must be set").into());
    }
    let [status, inner, _] = wishes;
    run_async(within(args.cluster.timeout.0, async {
        let namespace = args.cluster.namespace();
        let cluster = args.cluster.connect().await?;
        let object = fetch(&cluster, &address(target.info(), &namespace, name)).await?;
        let text = match target {
            _ if status => status_of(target, &object)?,
            _ if !inner => history_of(target, &object)?,
            Target::Kustomization => variables(&cluster, &object).await?,
            _ => values(&cluster, &object).await?,
        };
        anstream::print!("{text}");
        Ok(ExitCode::SUCCESS)
    }))
}

fn page(target: Target) -> &'static str {
    match target {
        Target::Kustomization => "kustomize/kustomizations",
        _ => "helm/helmreleases",
    }
}

fn status_of(target: Target, object: &Node) -> Result<String, Failure> {
    let printed = match object.get("status") {
        Some(status) => print_sigs(status, Dialect::V3)?,
        None => "{}\n".to_owned(),
    };
    let kind = target.info().kind.to_lowercase();
    Ok(format!("# Status documentation: {DOCUMENTATION}/{}/#{kind}-status\n{printed}", page(target)))
}

fn history_of(target: Target, object: &Node) -> Result<String, Failure> {
    let mut history =
        object.at_path(&["status", "history"]).cloned().unwrap_or_else(|| Node::sequence(Vec::new()));
    if target == Target::HelmRelease {
        for snapshot in history.items_mut().into_iter().flatten() {
            // Flux prints this field of what is not deleted too.
            if snapshot.get("deleted").is_none() {
                snapshot.set("deleted", Node::null());
            }
        }
    }
    let printed = print_sigs(&history, Dialect::V3)?;
    Ok(format!("# History documentation: {DOCUMENTATION}/{}/#history\n{printed}", page(target)))
}

/// Reads a ConfigMap or a Secret that a reference names, as names and texts; `None` where it may be missing.
async fn referenced(
    cluster: &KubeCluster,
    namespace: &str,
    reference: &Node,
) -> Result<Option<Vec<(String, String)>>, Failure> {
    let (kind, name) = (text(reference, &["kind"]), text(reference, &["name"]));
    if !matches!(kind, "ConfigMap" | "Secret") {
        return Err(format!("{kind}/{name}: the kind must be ConfigMap or Secret").into());
    }
    let target = ObjectRef { gvk: Gvk::new("v1", kind), namespace: namespace.into(), name: name.into() };
    let Some(found) = cluster.get(&target).await.map_err(worded)? else {
        return match is_optional(reference) {
            true => Ok(None),
            false => Err(format!("{kind} '{namespace}/{name}' not found").into()),
        };
    };
    if kind == "Secret" {
        let data = secret_data(&found).map_err(|why| format!("Secret '{namespace}/{name}': {why}"))?;
        let text = |(key, value): (String, Vec<u8>)| (key, String::from_utf8_lossy(&value).into_owned());
        return Ok(Some(data.into_iter().map(text).collect()));
    }
    let data = found.get("data").and_then(Node::entries).unwrap_or_default();
    let pair = |(key, value): (Option<&str>, Option<&str>)| Some((key?.to_owned(), value?.to_owned()));
    Ok(Some(data.iter().filter_map(|entry| pair((entry.key.as_str(), entry.value.as_str()))).collect()))
}

fn is_optional(reference: &Node) -> bool {
    reference.get("optional").and_then(Node::scalar).is_some_and(|value| &**value == "true")
}

async fn variables(cluster: &KubeCluster, object: &Node) -> Result<String, Failure> {
    let post_build = object.at_path(&["spec", "postBuild"]).ok_or("no post build substitutions found")?;
    let mut variables = Variables::default();
    let namespace = text(object, &["metadata", "namespace"]);
    for reference in post_build.get("substituteFrom").and_then(Node::items).unwrap_or_default() {
        for (name, value) in referenced(cluster, namespace, reference).await?.unwrap_or_default() {
            variables.set(name, &value);
        }
    }
    for entry in post_build.get("substitute").and_then(Node::entries).unwrap_or_default() {
        if let (Some(name), Some(value)) = (entry.key.as_str(), entry.value.as_str()) {
            variables.set(name, value);
        }
    }
    Ok(variables.iter().map(|(name, value)| format!("{name}={value}\n")).collect())
}

async fn values(cluster: &KubeCluster, object: &Node) -> Result<String, Failure> {
    let namespace = text(object, &["metadata", "namespace"]);
    let inline = object.at_path(&["spec", "values"]).map(Value::from_node);
    let mut all = ReleaseValues::new(inline.as_ref().and_then(Value::as_table).cloned().unwrap_or_default());
    let references = object.at_path(&["spec", "valuesFrom"]).and_then(Node::items);
    for reference in references.unwrap_or_default() {
        let field = |name| Some(text(reference, &[name])).filter(|text| !text.is_empty());
        let key = field("valuesKey").unwrap_or("values.yaml");
        let (kind, name) = (text(reference, &["kind"]), text(reference, &["name"]));
        let failed = |why: &dyn std::fmt::Display| {
            format!(
                "could not resolve {kind} chart values reference '{namespace}/{name}' with key '{key}': {why}"
            )
        };
        let found = referenced(cluster, namespace, reference).await.map_err(|why| failed(&why))?;
        let Some(data) = found else { continue };
        let Some((_, content)) = data.iter().find(|(known, _)| known == key) else {
            if is_optional(reference) {
                continue;
            }
            return Err(failed(&format_args!("key not found")).into());
        };
        let literal = reference.get("literal").and_then(Node::scalar).is_some_and(|value| &**value == "true");
        all.lay(content, Form::of(field("targetPath"), literal)).map_err(|why| failed(&why))?;
    }
    Ok(print_sigs(&Value::table(all.finish()).to_node(), Dialect::V3)?)
}
