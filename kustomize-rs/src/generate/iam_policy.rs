//! Makes the ServiceAccount that a cloud provider's account is bound to.

use gitops_yaml::{Node, Str};

use crate::error::{Error, ErrorKind};
use crate::kustomization::decode::fields;
use crate::resource::Resource;

/// The configuration of an `IAMPolicyGenerator`.
#[derive(Clone, Debug, Default)]
pub(crate) struct IamPolicyArgs {
    cloud: Str,
    kubernetes_service: KubernetesService,
    service_account: ServiceAccount,
}

/// The account in the cluster.
#[derive(Clone, Debug, Default)]
struct KubernetesService {
    name: Str,
    namespace: Str,
}

/// The account of the cloud provider.
#[derive(Clone, Debug, Default)]
struct ServiceAccount {
    name: Str,
    project_id: Str,
}

fields!(IamPolicyArgs = "IAMPolicyGeneratorArgs" {
    cloud: "cloud", kubernetes_service: "kubernetesService", service_account: "serviceAccount",
});
fields!(KubernetesService = "KubernetesService" { name: "name", namespace: "namespace" });
fields!(ServiceAccount = "ServiceAccount" { name: "name", project_id: "projectId" });

/// Makes the account.
///
/// # Errors
/// When the provider is not Google's.
pub(crate) fn iam_policy(args: &IamPolicyArgs) -> Result<Resource, Error> {
    if args.cloud != "gke" {
        let message = format!("cloud provider {} not supported yet", args.cloud);
        return Err(Error::new(ErrorKind::Generator, message));
    }
    let account = &args.service_account;
    let mut annotations = Node::mapping(Vec::new());
    let address = format!("{}@{}.iam.gserviceaccount.com", account.name, account.project_id);
    annotations.set("iam.gke.io/gcp-service-account", Node::plain(address));
    let mut metadata = Node::mapping(Vec::new());
    metadata.set("annotations", annotations);
    metadata.set("name", Node::plain(args.kubernetes_service.name.clone()));
    if !args.kubernetes_service.namespace.is_empty() {
        metadata.set("namespace", Node::plain(args.kubernetes_service.namespace.clone()));
    }
    let mut node = Node::mapping(Vec::new());
    node.set("apiVersion", Node::string("v1"));
    node.set("kind", Node::string("ServiceAccount"));
    node.set("metadata", metadata);
    Ok(Resource::new(node))
}
