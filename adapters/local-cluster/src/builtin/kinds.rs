//! Names and scopes of the kinds that every cluster serves.

use crate::kinds::{Origin, Resource, ServedVersion};
use crate::types::{TypeId, Types};
use gitops_yaml::Str;
use std::sync::{Arc, LazyLock};

/// Every built-in type, read once.
static TYPES: LazyLock<Arc<Types>> = LazyLock::new(|| Arc::new(Types::read(TABLE)));

/// The table of types.
pub(super) static TABLE: &str = include_str!("kubernetes-1.37.txt");

/// Returns the built-in types, and the one of a kind.
pub(crate) fn type_of(api_version: &str, kind: &str) -> (&'static Types, TypeId) {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    // Options of deletions come in the version of what is deleted.
    let name = match kind {
        "DeleteOptions" => "meta.v1.DeleteOptions".to_owned(),
        _ => format!("{}.{version}.{kind}", package(group)),
    };
    (&TYPES, TYPES.named(&name))
}

/// `rbac.authorization.k8s.io` stands in the table of types as `rbac`.
fn package(group: &str) -> &str {
    match group {
        "" => "core",
        "events.k8s.io" => "events",
        other => other.split('.').next().unwrap_or(other),
    }
}

/// Returns the built-in resources.
pub(crate) fn resources() -> Vec<Resource> {
    KINDS.lines().filter_map(|line| resource(line.trim())).collect()
}

/// `group version plural Kind short,names|- categories|- flags`; flags: `n` namespaced, `s` status, `c` scale.
fn resource(line: &str) -> Option<Resource> {
    let mut words = line.split_ascii_whitespace();
    let mut word = || words.next();
    let (group, version, plural, kind) = (word()?, word()?, word()?, word()?);
    let (short, categories, flags) = (word()?, word()?, word()?);
    let group = if group == "core" { "" } else { group };
    let list = |text: &str| -> Vec<Str> {
        if text == "-" { Vec::new() } else { text.split(',').map(Str::from).collect() }
    };
    let types = TYPES.clone();
    let root = types.named(&format!("{}.{version}.{kind}", package(group)));
    let version = ServedVersion {
        name: version.into(),
        served: true,
        storage: true,
        status: flags.contains('s'),
        scale: flags.contains('c').then(crate::kinds::Scale::workload),
        types,
        root,
        custom: None,
        columns: Vec::new(),
        selectable: Vec::new(),
    };
    Some(Resource {
        group: group.into(),
        plural: plural.into(),
        singular: kind.to_lowercase().into(),
        kind: kind.into(),
        list_kind: format!("{kind}List").into(),
        short_names: list(short),
        categories: list(categories),
        namespaced: flags.contains('n'),
        versions: vec![version],
        origin: Origin::BuiltIn,
    })
}

static KINDS: &str = "
core v1 configmaps ConfigMap cm - n
core v1 endpoints Endpoints ep - n
core v1 events Event ev - n
core v1 limitranges LimitRange limits - n
core v1 namespaces Namespace ns - s
core v1 nodes Node no - s
core v1 persistentvolumeclaims PersistentVolumeClaim pvc - ns
core v1 persistentvolumes PersistentVolume pv - s
core v1 pods Pod po all ns
core v1 podtemplates PodTemplate - - n
core v1 replicationcontrollers ReplicationController rc all nsc
core v1 resourcequotas ResourceQuota quota - ns
core v1 secrets Secret - - n
core v1 serviceaccounts ServiceAccount sa - n
core v1 services Service svc all ns
admissionregistration.k8s.io v1 mutatingadmissionpolicies MutatingAdmissionPolicy - api-extensions -
admissionregistration.k8s.io v1 mutatingadmissionpolicybindings MutatingAdmissionPolicyBinding - api-extensions -
admissionregistration.k8s.io v1 mutatingwebhookconfigurations MutatingWebhookConfiguration - api-extensions -
admissionregistration.k8s.io v1 validatingadmissionpolicies ValidatingAdmissionPolicy - api-extensions s
admissionregistration.k8s.io v1 validatingadmissionpolicybindings ValidatingAdmissionPolicyBinding - api-extensions -
admissionregistration.k8s.io v1 validatingwebhookconfigurations ValidatingWebhookConfiguration - api-extensions -
apiextensions.k8s.io v1 customresourcedefinitions CustomResourceDefinition crd,crds api-extensions s
apiregistration.k8s.io v1 apiservices APIService - api-extensions s
apps v1 controllerrevisions ControllerRevision - - n
apps v1 daemonsets DaemonSet ds all ns
apps v1 deployments Deployment deploy all nsc
apps v1 replicasets ReplicaSet rs all nsc
apps v1 statefulsets StatefulSet sts all nsc
autoscaling v2 horizontalpodautoscalers HorizontalPodAutoscaler hpa all ns
batch v1 cronjobs CronJob cj all ns
batch v1 jobs Job - all ns
certificates.k8s.io v1 certificatesigningrequests CertificateSigningRequest csr - s
coordination.k8s.io v1 leases Lease - - n
discovery.k8s.io v1 endpointslices EndpointSlice - - n
events.k8s.io v1 events Event ev - n
flowcontrol.apiserver.k8s.io v1 flowschemas FlowSchema - - s
flowcontrol.apiserver.k8s.io v1 prioritylevelconfigurations PriorityLevelConfiguration - - s
networking.k8s.io v1 ingressclasses IngressClass - - -
networking.k8s.io v1 ingresses Ingress ing - ns
networking.k8s.io v1 ipaddresses IPAddress ip - -
networking.k8s.io v1 networkpolicies NetworkPolicy netpol - n
networking.k8s.io v1 servicecidrs ServiceCIDR - - s
node.k8s.io v1 runtimeclasses RuntimeClass - - -
policy v1 poddisruptionbudgets PodDisruptionBudget pdb - ns
rbac.authorization.k8s.io v1 clusterrolebindings ClusterRoleBinding - - -
rbac.authorization.k8s.io v1 clusterroles ClusterRole - - -
rbac.authorization.k8s.io v1 rolebindings RoleBinding - - n
rbac.authorization.k8s.io v1 roles Role - - n
resource.k8s.io v1 deviceclasses DeviceClass - - -
resource.k8s.io v1 resourceclaims ResourceClaim - - ns
resource.k8s.io v1 resourceclaimtemplates ResourceClaimTemplate - - n
resource.k8s.io v1 resourceslices ResourceSlice - - -
scheduling.k8s.io v1 priorityclasses PriorityClass pc - -
storage.k8s.io v1 csidrivers CSIDriver - - -
storage.k8s.io v1 csinodes CSINode - - -
storage.k8s.io v1 csistoragecapacities CSIStorageCapacity - - n
storage.k8s.io v1 storageclasses StorageClass sc - -
storage.k8s.io v1 volumeattachments VolumeAttachment - - s
storage.k8s.io v1 volumeattributesclasses VolumeAttributesClass vac - -
";
