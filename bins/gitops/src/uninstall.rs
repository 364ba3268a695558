//! `gitops uninstall`: takes the controller, its rights and the definitions out of a cluster; what was applied stays.

use crate::Failure;
use crate::cluster::{ClusterFlags, Target, list, node, run as run_async, say, within, worded, writing};
use crate::confirm::confirm;
use gitops_core::object::Gvk;
use gitops_core::ports::{Cluster, DeleteOptions, ListOptions, ObjectRef, Patch, WriteMode, WriteOptions};
use gitops_kube::KubeCluster;
use serde_json::json;
use std::process::ExitCode;

/// Remove the controller, its rights and the definitions of Flux's kinds from a cluster.
///
/// What Kustomizations and releases have applied is not deleted.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops uninstall --dry-run
  gitops uninstall --namespace=flux-system --silent --keep-namespace")]
pub(crate) struct Args {
    /// Say what would be deleted, and delete nothing.
    #[arg(long)]
    dry_run: bool,
    /// Keep the namespace.
    #[arg(long)]
    keep_namespace: bool,
    /// Do not ask.
    #[arg(long, short)]
    silent: bool,
    #[command(flatten)]
    cluster: ClusterFlags,
}

const NAMESPACED: [(&str, &str); 6] = [
    ("apps/v1", "Deployment"),
    ("v1", "Service"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("v1", "ServiceAccount"),
    ("v1", "ResourceQuota"),
    ("v1", "Secret"),
];
const RBAC: &str = "rbac.authorization.k8s.io/v1";

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    run_async(async {
        let namespace = args.cluster.namespace();
        let cluster = args.cluster.connect().await?;
        let question = "Are you sure you want to delete Flux and its custom resource definitions";
        if !args.dry_run && !args.silent && !confirm(question)? {
            return Err("aborting".into());
        }
        let failed = within(args.cluster.timeout.0, uninstall(&cluster, &namespace, args)).await?;
        if failed > 0 {
            return Err(format!("{failed} objects could not be deleted").into());
        }
        say::success("uninstall finished");
        Ok(ExitCode::SUCCESS)
    })
}

/// Returns how many deletions failed.
async fn uninstall(cluster: &KubeCluster, namespace: &str, args: &Args) -> Result<usize, Failure> {
    let remover = Remover { cluster, is_tried: args.dry_run };
    let mut failed = 0;
    say::action(format_args!("deleting components in {namespace} namespace"));
    for (version, kind) in NAMESPACED {
        failed += remover.all(version, kind, Some(namespace)).await;
    }
    for kind in ["ClusterRole", "ClusterRoleBinding"] {
        failed += remover.all(RBAC, kind, None).await;
    }
    say::action("deleting toolkit.fluxcd.io finalizers in all namespaces");
    for target in Target::ALL {
        for object in list(cluster, target.info(), None, "").await.unwrap_or_default() {
            let at = ObjectRef::of(&object);
            if object.at_path(&["metadata", "finalizers"]).is_some() {
                let options = WriteOptions { mode: remover.mode(), ..writing() };
                let none = node(&json!({"metadata": {"finalizers": null}}))?;
                cluster.patch(&at, &Patch::Merge(none), &options).await.map_err(worded)?;
                say::success(format_args!("{at} finalizers deleted{}", remover.tried()));
            }
        }
    }
    say::action("deleting toolkit.fluxcd.io custom resource definitions");
    failed += remover.all("apiextensions.k8s.io/v1", "CustomResourceDefinition", None).await;
    if !args.keep_namespace {
        let at =
            ObjectRef { gvk: Gvk::new("v1", "Namespace"), name: namespace.into(), ..ObjectRef::default() };
        failed += remover.one(&at).await;
    }
    Ok(failed)
}

struct Remover<'a> {
    cluster: &'a KubeCluster,
    is_tried: bool,
}

impl Remover<'_> {
    fn mode(&self) -> WriteMode {
        if self.is_tried { WriteMode::DryRun } else { WriteMode::Real }
    }

    fn tried(&self) -> &'static str {
        if self.is_tried { " (dry run)" } else { "" }
    }

    /// Deletes the objects of a kind that are part of an installation.
    async fn all(&self, version: &str, kind: &str, namespace: Option<&str>) -> usize {
        let options = ListOptions {
            namespace: namespace.map(Into::into),
            labels: "app.kubernetes.io/part-of=flux".to_owned(),
            ..ListOptions::default()
        };
        let gvk = Gvk::new(version, kind);
        let mut failed = 0;
        // A kind that is not served has no objects.
        for object in self.cluster.list(&gvk, &options).await.map(|list| list.items).unwrap_or_default() {
            failed += self.one(&ObjectRef::of(&object)).await;
        }
        failed
    }

    async fn one(&self, at: &ObjectRef) -> usize {
        let options = DeleteOptions { mode: self.mode(), ..DeleteOptions::default() };
        match self.cluster.delete(at, &options).await {
            Ok(_) => {
                say::success(format_args!("{at} deleted{}", self.tried()));
                0
            }
            Err(why) => {
                say::failure(format_args!("{at} deletion failed: {why}"));
                1
            }
        }
    }
}
