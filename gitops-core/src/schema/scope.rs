//! Whether objects of a kind live in a namespace.

/// Where objects of a kind live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Each in a namespace.
    Namespaced,
    /// In the cluster as a whole.
    Cluster,
}

/// Looks a kind up among those that kustomize has compiled in.
pub(super) fn compiled(api_version: &str, kind: &str) -> Option<Scope> {
    let index = COMPILED.binary_search_by(|entry| (entry.0, entry.1).cmp(&(api_version, kind))).ok()?;
    COMPILED.get(index).map(|entry| entry.2)
}

/// Sorted by `apiVersion` and kind.
static COMPILED: &[(&str, &str, Scope)] = &[
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", Scope::Cluster),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", Scope::Cluster),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", Scope::Cluster),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", Scope::Cluster),
    ("admissionregistration.k8s.io/v1beta1", "MutatingWebhookConfiguration", Scope::Cluster),
    ("admissionregistration.k8s.io/v1beta1", "ValidatingWebhookConfiguration", Scope::Cluster),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", Scope::Cluster),
    ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition", Scope::Cluster),
    ("apiregistration.k8s.io/v1", "APIService", Scope::Cluster),
    ("apiregistration.k8s.io/v1beta1", "APIService", Scope::Cluster),
    ("apps/v1", "ControllerRevision", Scope::Namespaced),
    ("apps/v1", "DaemonSet", Scope::Namespaced),
    ("apps/v1", "Deployment", Scope::Namespaced),
    ("apps/v1", "ReplicaSet", Scope::Namespaced),
    ("apps/v1", "StatefulSet", Scope::Namespaced),
    ("autoscaling/v1", "HorizontalPodAutoscaler", Scope::Namespaced),
    ("autoscaling/v1", "Scale", Scope::Namespaced),
    ("autoscaling/v2beta1", "HorizontalPodAutoscaler", Scope::Namespaced),
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler", Scope::Namespaced),
    ("batch/v1", "CronJob", Scope::Namespaced),
    ("batch/v1", "Job", Scope::Namespaced),
    ("batch/v1beta1", "CronJob", Scope::Namespaced),
    ("certificates.k8s.io/v1", "CertificateSigningRequest", Scope::Cluster),
    ("certificates.k8s.io/v1beta1", "CertificateSigningRequest", Scope::Cluster),
    ("coordination.k8s.io/v1", "Lease", Scope::Namespaced),
    ("coordination.k8s.io/v1beta1", "Lease", Scope::Namespaced),
    ("discovery.k8s.io/v1", "EndpointSlice", Scope::Namespaced),
    ("discovery.k8s.io/v1beta1", "EndpointSlice", Scope::Namespaced),
    ("events.k8s.io/v1", "Event", Scope::Namespaced),
    ("events.k8s.io/v1beta1", "Event", Scope::Namespaced),
    ("extensions/v1beta1", "Ingress", Scope::Namespaced),
    ("flowcontrol.apiserver.k8s.io/v1beta1", "FlowSchema", Scope::Cluster),
    ("flowcontrol.apiserver.k8s.io/v1beta1", "PriorityLevelConfiguration", Scope::Cluster),
    ("networking.k8s.io/v1", "Ingress", Scope::Namespaced),
    ("networking.k8s.io/v1", "IngressClass", Scope::Cluster),
    ("networking.k8s.io/v1", "NetworkPolicy", Scope::Namespaced),
    ("networking.k8s.io/v1beta1", "Ingress", Scope::Namespaced),
    ("networking.k8s.io/v1beta1", "IngressClass", Scope::Cluster),
    ("node.k8s.io/v1", "RuntimeClass", Scope::Cluster),
    ("node.k8s.io/v1beta1", "RuntimeClass", Scope::Cluster),
    ("policy/v1", "PodDisruptionBudget", Scope::Namespaced),
    ("policy/v1beta1", "PodDisruptionBudget", Scope::Namespaced),
    ("policy/v1beta1", "PodSecurityPolicy", Scope::Cluster),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", Scope::Cluster),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", Scope::Cluster),
    ("rbac.authorization.k8s.io/v1", "Role", Scope::Namespaced),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", Scope::Namespaced),
    ("rbac.authorization.k8s.io/v1beta1", "ClusterRole", Scope::Cluster),
    ("rbac.authorization.k8s.io/v1beta1", "ClusterRoleBinding", Scope::Cluster),
    ("rbac.authorization.k8s.io/v1beta1", "Role", Scope::Namespaced),
    ("rbac.authorization.k8s.io/v1beta1", "RoleBinding", Scope::Namespaced),
    ("scheduling.k8s.io/v1", "PriorityClass", Scope::Cluster),
    ("scheduling.k8s.io/v1beta1", "PriorityClass", Scope::Cluster),
    ("storage.k8s.io/v1", "CSIDriver", Scope::Cluster),
    ("storage.k8s.io/v1", "CSINode", Scope::Cluster),
    ("storage.k8s.io/v1", "StorageClass", Scope::Cluster),
    ("storage.k8s.io/v1", "VolumeAttachment", Scope::Cluster),
    ("storage.k8s.io/v1beta1", "CSIDriver", Scope::Cluster),
    ("storage.k8s.io/v1beta1", "CSINode", Scope::Cluster),
    ("storage.k8s.io/v1beta1", "CSIStorageCapacity", Scope::Namespaced),
    ("storage.k8s.io/v1beta1", "StorageClass", Scope::Cluster),
    ("storage.k8s.io/v1beta1", "VolumeAttachment", Scope::Cluster),
    ("v1", "ComponentStatus", Scope::Cluster),
    ("v1", "ConfigMap", Scope::Namespaced),
    ("v1", "Endpoints", Scope::Namespaced),
    ("v1", "Event", Scope::Namespaced),
    ("v1", "LimitRange", Scope::Namespaced),
    ("v1", "Namespace", Scope::Cluster),
    ("v1", "Node", Scope::Cluster),
    ("v1", "NodeProxyOptions", Scope::Cluster),
    ("v1", "PersistentVolume", Scope::Cluster),
    ("v1", "PersistentVolumeClaim", Scope::Namespaced),
    ("v1", "Pod", Scope::Namespaced),
    ("v1", "PodAttachOptions", Scope::Namespaced),
    ("v1", "PodExecOptions", Scope::Namespaced),
    ("v1", "PodPortForwardOptions", Scope::Namespaced),
    ("v1", "PodProxyOptions", Scope::Namespaced),
    ("v1", "PodTemplate", Scope::Namespaced),
    ("v1", "ReplicationController", Scope::Namespaced),
    ("v1", "ResourceQuota", Scope::Namespaced),
    ("v1", "Secret", Scope::Namespaced),
    ("v1", "Service", Scope::Namespaced),
    ("v1", "ServiceAccount", Scope::Namespaced),
    ("v1", "ServiceProxyOptions", Scope::Namespaced),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(COMPILED.is_sorted_by_key(|entry| (entry.0, entry.1)));
        assert_eq!(compiled("v1", "Namespace"), Some(Scope::Cluster));
        assert_eq!(compiled("apps/v1", "Deployment"), Some(Scope::Namespaced));
        assert_eq!(compiled("example.com/v1", "Deployment"), None);
    }
}
