//! What is installed in a cluster: the controllers, and whose they are.

use super::{list_of, text, worded};
use crate::Failure;
use gitops_core::object::Gvk;
use gitops_core::ports::{Cluster, ObjectRef};
use gitops_kube::KubeCluster;
use gitops_yaml::Node;

/// The label of all that belongs to Flux.
pub(crate) const PART_OF_FLUX: &str = "app.kubernetes.io/part-of=flux";

/// Who has installed the definitions.
pub(crate) struct Distribution {
    /// `flux-v2.9.4`; `None` where no label says it.
    pub(crate) name: Option<String>,
    /// Whether a Kustomization keeps them as a repository says.
    pub(crate) is_bootstrapped: bool,
    /// The program that looks after them; empty where no label says it.
    pub(crate) managed_by: String,
}

/// Reads from a definition's labels who has installed it; `None` where it is not there.
pub(crate) async fn distribution(cluster: &KubeCluster) -> Result<Option<Distribution>, Failure> {
    let gvk = Gvk::new("apiextensions.k8s.io/v1", "CustomResourceDefinition");
    let name = "gitrepositories.source.toolkit.fluxcd.io".into();
    let found = cluster.get(&ObjectRef { gvk, namespace: "".into(), name }).await.map_err(worded)?;
    Ok(found.map(|definition| {
        let label = |name: &str| text(&definition, &["metadata", "labels", name]).to_owned();
        let (part_of, version) = (label("app.kubernetes.io/part-of"), label("app.kubernetes.io/version"));
        let name = match part_of.as_str() {
            "" => version,
            part_of => format!("{part_of}-{version}"),
        };
        Distribution {
            name: Some(name).filter(|name| !name.is_empty()),
            managed_by: label("app.kubernetes.io/managed-by"),
            is_bootstrapped: !label("kustomize.toolkit.fluxcd.io/namespace").is_empty(),
        }
    }))
}

/// Lists the controllers' Deployments.
pub(crate) async fn deployments(cluster: &KubeCluster, namespace: &str) -> Result<Vec<Node>, Failure> {
    let gvk = Gvk::new("apps/v1", "Deployment");
    list_of(cluster, &gvk, Some(namespace), PART_OF_FLUX).await.map_err(worded)
}

/// The images of a Deployment's containers.
pub(crate) fn images(deployment: &Node) -> Vec<String> {
    let containers = deployment.at_path(&["spec", "template", "spec", "containers"]).and_then(Node::items);
    containers.unwrap_or_default().iter().map(|one| text(one, &["image"]).to_owned()).collect()
}

/// Whether a server is the embedded one, beside which the controller runs in the same process.
pub(crate) async fn is_embedded(cluster: &KubeCluster) -> Result<bool, Failure> {
    Ok(cluster.server_version().await.map_err(worded)?.ends_with("+local"))
}
