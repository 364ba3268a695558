//! What the API server fills in where a field of a built-in kind is not set.

mod allocate;
mod pod;

pub(crate) use allocate::{PV_PROTECTION, PVC_PROTECTION, allocate, initial, keep_allocated, revise};

use crate::kinds::Resource;
use crate::value::{Map, Value};

/// Sets a field that is not set.
fn put(map: &mut Map, field: &str, value: impl Into<Value>) {
    let found = map.entry_or_null(field);
    if found.is_null() {
        *found = value.into();
    }
}

/// Sets a field that is not set or empty.
fn fill_text(map: &mut Map, field: &str, value: &str) {
    let found = map.entry_or_null(field);
    if found.is_null() || found.as_str() == Some("") {
        *found = value.into();
    }
}

/// Calls with every map of a list.
fn each(map: &mut Map, field: &str, mut change: impl FnMut(&mut Map)) {
    if let Some(Value::List(items)) = map.get_mut(field) {
        for item in items {
            if let Value::Map(item) = item {
                change(item);
            }
        }
    }
}

/// Calls with a map that is set.
fn within(map: &mut Map, field: &str, change: impl FnOnce(&mut Map)) {
    if let Some(Value::Map(found)) = map.get_mut(field) {
        change(found);
    }
}

/// Fills in an object.
pub(crate) fn fill(resource: &Resource, object: &mut Value) {
    let Value::Map(root) = object else { return };
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "namespaces") => namespace(root),
        ("", "pods") => within(root, "spec", |spec| {
            pod::spec(spec);
            pod::host_ports(spec);
            put(spec, "enableServiceLinks", true);
        }),
        ("", "podtemplates") => within(root, "template", |template| within(template, "spec", pod::spec)),
        ("", "secrets") => secret(root),
        ("", "services") => within(root, "spec", service),
        ("", "persistentvolumeclaims") => {
            within(root, "spec", |spec| fill_text(spec, "volumeMode", "Filesystem"));
            within(root, "status", |status| fill_text(status, "phase", "Pending"));
        }
        ("", "persistentvolumes") => {
            within(root, "spec", |spec| {
                fill_text(spec, "persistentVolumeReclaimPolicy", "Retain");
                fill_text(spec, "volumeMode", "Filesystem");
            });
            within(root, "status", |status| fill_text(status, "phase", "Pending"));
        }
        ("", "endpoints") => each(root, "subsets", |subset| each(subset, "ports", protocol)),
        ("", "limitranges") => within(root, "spec", |spec| each(spec, "limits", limit)),
        ("", "replicationcontrollers") => within(root, "spec", |spec| {
            put(spec, "replicas", 1);
            template(spec);
        }),
        ("apps", plural) => within(root, "spec", |spec| workload(plural, spec)),
        ("batch", "jobs") => {
            within(root, "spec", job);
            job_labels(root);
        }
        ("batch", "cronjobs") => within(root, "spec", cron_job),
        ("autoscaling", "horizontalpodautoscalers") => within(root, "spec", autoscaler),
        ("networking.k8s.io", "networkpolicies") => within(root, "spec", network_policy),
        ("networking.k8s.io", "ingressclasses") => within(root, "spec", |spec| {
            within(spec, "parameters", |parameters| fill_text(parameters, "scope", "Cluster"));
        }),
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => binding(root),
        ("scheduling.k8s.io", "priorityclasses") => {
            fill_text(root, "preemptionPolicy", "PreemptLowerPriority");
        }
        ("storage.k8s.io", "storageclasses") => {
            fill_text(root, "reclaimPolicy", "Delete");
            fill_text(root, "volumeBindingMode", "Immediate");
        }
        ("storage.k8s.io", "csidrivers") => within(root, "spec", csi_driver),
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations") => webhooks(root, true),
        ("admissionregistration.k8s.io", "validatingwebhookconfigurations") => webhooks(root, false),
        ("discovery.k8s.io", "endpointslices") => each(root, "ports", |port| {
            put(port, "name", "");
            put(port, "protocol", "TCP");
        }),
        ("apiextensions.k8s.io", "customresourcedefinitions") => definition(root),
        _ => {}
    }
}

fn namespace(root: &mut Map) {
    let name =
        root.get("metadata").map(|metadata| metadata.text_at(&["name"]).to_owned()).unwrap_or_default();
    if !name.is_empty() {
        let metadata = root.entry_or_null("metadata");
        metadata.ensure(&["labels"]).insert("kubernetes.io/metadata.name", name.into());
    }
    within(root, "status", |status| fill_text(status, "phase", "Active"));
}

fn secret(root: &mut Map) {
    if let Some(Value::Map(texts)) = root.remove("stringData") {
        let data = root.entry_or_null("data");
        for (key, text) in texts {
            let bytes = crate::base64::encode(text.as_str().unwrap_or_default().as_bytes());
            data.ensure(&[]).insert(key, bytes.into());
        }
    }
    fill_text(root, "type", "Opaque");
}

/// A container's default limit is its greatest, its default request its default limit, or its least.
fn limit(item: &mut Map) {
    if item.text("type") != "Container" {
        return;
    }
    for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
        let known = item.get(from).and_then(Value::as_map).cloned().unwrap_or_default();
        for (name, amount) in known {
            put(item.entry_or_null(to).ensure(&[]), &name, amount);
        }
    }
}

fn protocol(port: &mut Map) {
    fill_text(port, "protocol", "TCP");
}

fn service(spec: &mut Map) {
    fill_text(spec, "sessionAffinity", "None");
    fill_text(spec, "type", "ClusterIP");
    let kind = spec.text("type").to_owned();
    if spec.text("sessionAffinity") == "ClientIP" && !spec.contains("sessionAffinityConfig") {
        let seconds = Value::from([("clientIP", Value::from([("timeoutSeconds", 10_800.into())]))]);
        spec.insert("sessionAffinityConfig", seconds);
    }
    each(spec, "ports", |port| {
        protocol(port);
        let number = port.get("port").cloned().unwrap_or(Value::Int(0));
        let target = port.entry_or_null("targetPort");
        if target.is_null() || target.as_int() == Some(0) || target.as_str() == Some("") {
            *target = number;
        }
    });
    if kind != "ExternalName" {
        fill_text(spec, "internalTrafficPolicy", "Cluster");
    }
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
        fill_text(spec, "externalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        put(spec, "allocateLoadBalancerNodePorts", true);
    }
}

fn template(spec: &mut Map) {
    within(spec, "template", |template| within(template, "spec", pod::spec));
}

fn workload(plural: &str, spec: &mut Map) {
    template(spec);
    match plural {
        "deployments" => {
            put(spec, "replicas", 1);
            put(spec, "revisionHistoryLimit", 10);
            put(spec, "progressDeadlineSeconds", 600);
            let strategy = spec.entry_or_null("strategy").ensure(&[]);
            fill_text(strategy, "type", "RollingUpdate");
            if strategy.text("type") == "RollingUpdate" {
                let update = strategy.entry_or_null("rollingUpdate").ensure(&[]);
                put(update, "maxUnavailable", "25%");
                put(update, "maxSurge", "25%");
            }
        }
        "statefulsets" => {
            put(spec, "replicas", 1);
            put(spec, "revisionHistoryLimit", 10);
            fill_text(spec, "podManagementPolicy", "OrderedReady");
            let strategy = spec.entry_or_null("updateStrategy").ensure(&[]);
            fill_text(strategy, "type", "RollingUpdate");
            if strategy.text("type") == "RollingUpdate" {
                let update = strategy.entry_or_null("rollingUpdate").ensure(&[]);
                put(update, "partition", 0);
                put(update, "maxUnavailable", 1);
            }
            let retention = spec.entry_or_null("persistentVolumeClaimRetentionPolicy").ensure(&[]);
            fill_text(retention, "whenDeleted", "Retain");
            fill_text(retention, "whenScaled", "Retain");
            each(spec, "volumeClaimTemplates", |claim| {
                fill_text(claim, "apiVersion", "v1");
                fill_text(claim, "kind", "PersistentVolumeClaim");
                within(claim, "spec", |spec| fill_text(spec, "volumeMode", "Filesystem"));
                within(claim, "status", |status| fill_text(status, "phase", "Pending"));
            });
        }
        "daemonsets" => {
            put(spec, "revisionHistoryLimit", 10);
            let strategy = spec.entry_or_null("updateStrategy").ensure(&[]);
            fill_text(strategy, "type", "RollingUpdate");
            if strategy.text("type") == "RollingUpdate" {
                let update = strategy.entry_or_null("rollingUpdate").ensure(&[]);
                put(update, "maxUnavailable", 1);
                put(update, "maxSurge", 0);
            }
        }
        "replicasets" => put(spec, "replicas", 1),
        _ => {}
    }
}

fn job(spec: &mut Map) {
    template(spec);
    if !spec.contains("completions") && !spec.contains("parallelism") {
        put(spec, "completions", 1);
    }
    put(spec, "parallelism", 1);
    put(spec, "backoffLimit", 6);
    put(spec, "completionMode", "NonIndexed");
    put(spec, "suspend", false);
    put(spec, "manualSelector", false);
    put(
        spec,
        "podReplacementPolicy",
        if spec.contains("podFailurePolicy") { "Failed" } else { "TerminatingOrFailed" },
    );
}

/// A job without labels has those of its pods.
fn job_labels(root: &mut Map) {
    let path = ["template", "metadata", "labels"];
    let labels = root.get("spec").and_then(|spec| spec.at(&path)).cloned();
    let metadata = root.entry_or_null("metadata").ensure(&[]);
    if let Some(labels) = labels
        && metadata.get("labels").and_then(Value::as_map).is_none_or(Map::is_empty)
    {
        metadata.insert("labels", labels);
    }
}

fn cron_job(spec: &mut Map) {
    fill_text(spec, "concurrencyPolicy", "Allow");
    put(spec, "suspend", false);
    put(spec, "successfulJobsHistoryLimit", 3);
    put(spec, "failedJobsHistoryLimit", 1);
    within(spec, "jobTemplate", |job| within(job, "spec", template));
}

fn autoscaler(spec: &mut Map) {
    put(spec, "minReplicas", 1);
    if spec.get("metrics").and_then(Value::as_list).is_none_or(<[Value]>::is_empty) {
        let target = Value::from([("type", "Utilization".into()), ("averageUtilization", 80.into())]);
        let metric = Value::from([
            ("type", "Resource".into()),
            ("resource", Value::from([("name", "cpu".into()), ("target", target)])),
        ]);
        spec.insert("metrics", Value::List(vec![metric]));
    }
}

fn network_policy(spec: &mut Map) {
    for direction in ["ingress", "egress"] {
        each(spec, direction, |rule| each(rule, "ports", protocol));
    }
    if spec.get("policyTypes").and_then(Value::as_list).is_none_or(<[Value]>::is_empty) {
        let mut types = vec!["Ingress".into()];
        if spec.get("egress").and_then(Value::as_list).is_some_and(|rules| !rules.is_empty()) {
            types.push("Egress".into());
        }
        spec.insert("policyTypes", Value::List(types));
    }
}

fn binding(root: &mut Map) {
    within(root, "roleRef", |role| fill_text(role, "apiGroup", "rbac.authorization.k8s.io"));
    each(root, "subjects", |subject| {
        if matches!(subject.text("kind"), "User" | "Group") {
            fill_text(subject, "apiGroup", "rbac.authorization.k8s.io");
        }
    });
}

fn csi_driver(spec: &mut Map) {
    put(spec, "attachRequired", true);
    put(spec, "podInfoOnMount", false);
    put(spec, "storageCapacity", false);
    put(spec, "fsGroupPolicy", "ReadWriteOnceWithFSType");
    put(spec, "requiresRepublish", false);
    put(spec, "seLinuxMount", false);
    put(spec, "volumeLifecycleModes", Value::List(vec!["Persistent".into()]));
}

fn webhooks(root: &mut Map, mutating: bool) {
    each(root, "webhooks", |hook| {
        put(hook, "failurePolicy", "Fail");
        put(hook, "matchPolicy", "Equivalent");
        put(hook, "namespaceSelector", Value::map());
        put(hook, "objectSelector", Value::map());
        put(hook, "timeoutSeconds", 10);
        if mutating {
            put(hook, "reinvocationPolicy", "Never");
        }
        each(hook, "rules", |rule| put(rule, "scope", "*"));
        within(hook, "clientConfig", |config| within(config, "service", |service| put(service, "port", 443)));
    });
}

fn definition(root: &mut Map) {
    within(root, "spec", |spec| {
        within(spec, "names", |names| {
            let kind = names.text("kind").to_owned();
            fill_text(names, "singular", &kind.to_lowercase());
            if !kind.is_empty() {
                fill_text(names, "listKind", &format!("{kind}List"));
            }
        });
        put(spec, "conversion", Value::from([("strategy", "None".into())]));
    });
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Int(i64::from(number))
    }
}
