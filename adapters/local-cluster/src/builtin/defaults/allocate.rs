//! What only the cluster gives: addresses, ports, the first status.

use super::{each, fill_text, job_labels, put, within};
use crate::kinds::Resource;
use crate::store::Surroundings;
use crate::value::{Map, Value};
use gitops_yaml::Str;

/// Sets what a new object starts with.
pub(crate) fn initial(resource: &Resource, object: &mut Value) {
    let Value::Map(root) = object else { return };
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("apiextensions.k8s.io", "customresourcedefinitions") => {
            let versions = root.get("spec").and_then(|spec| spec.get("versions")).and_then(Value::as_list);
            let stored = versions
                .unwrap_or_default()
                .iter()
                .filter(|version| version.get("storage").and_then(Value::as_bool) == Some(true))
                .map(|version| Value::from(version.text_at(&["name"])));
            let stored = stored.collect();
            let status = root.entry_or_null("status").ensure(&[]);
            status.insert("storedVersions", Value::List(stored));
        }
        ("apps", "daemonsets") => {
            let metadata = root.entry_or_null("metadata");
            metadata.ensure(&["annotations"]).insert(TEMPLATE_GENERATION, "1".into());
        }
        _ => {}
    }
}

const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

/// Counts the changes of a DaemonSet's template.
pub(crate) fn revise(resource: &Resource, before: &Value, object: &mut Value) {
    if (resource.group.as_str(), resource.plural.as_str()) != ("apps", "daemonsets") {
        return;
    }
    let count: i64 = before.text_at(&["metadata", "annotations", TEMPLATE_GENERATION]).parse().unwrap_or(1);
    let template = ["spec", "template"];
    let changed = i64::from(before.at(&template) != object.at(&template));
    let annotations = object.ensure(&["metadata", "annotations"]);
    annotations.insert(TEMPLATE_GENERATION, (count.saturating_add(changed)).to_string().into());
}

/// Gives out addresses and ports, and what controllers would set at once.
pub(crate) fn allocate(resource: &Resource, object: &mut Value, world: &mut dyn Surroundings) {
    let uid = object.text_at(&["metadata", "uid"]).to_owned();
    let name = object.text_at(&["metadata", "name"]).to_owned();
    let Value::Map(root) = object else { return };
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "services") => within(root, "spec", |spec| service(spec, world)),
        ("", "namespaces") => {
            let finalizers = root.entry_or_null("spec").ensure(&[]).entry_or_null("finalizers");
            if finalizers.as_list().is_none_or(<[Value]>::is_empty) {
                *finalizers = Value::List(vec!["kubernetes".into()]);
            }
        }
        ("", "pods") => {
            within(root, "spec", pod);
            let class = quality(root);
            let status = root.entry_or_null("status").ensure(&[]);
            fill_text(status, "phase", "Pending");
            fill_text(status, "qosClass", class);
        }
        ("batch", "jobs") => {
            within(root, "spec", |spec| job(spec, &uid, &name));
            job_labels(root);
        }
        ("", "persistentvolumeclaims") => protect(root, PVC_PROTECTION),
        ("", "persistentvolumes") => protect(root, PV_PROTECTION),
        _ => {}
    }
}

/// What keeps claims and volumes while they are used.
pub(crate) const PVC_PROTECTION: &str = "kubernetes.io/pvc-protection";
pub(crate) const PV_PROTECTION: &str = "kubernetes.io/pv-protection";

fn protect(root: &mut Map, finalizer: &str) {
    let list = root.entry_or_null("metadata").ensure(&[]).entry_or_null("finalizers");
    if !matches!(list, Value::List(_)) {
        *list = Value::List(Vec::new());
    }
    if let Value::List(items) = list
        && !items.iter().any(|known| known.as_str() == Some(finalizer))
    {
        items.push(finalizer.into());
    }
}

/// Keeps what was given out, and what a Secret's type was.
pub(crate) fn keep_allocated(resource: &Resource, before: &Value, object: &mut Value) {
    let Value::Map(root) = object else { return };
    let old = |path: &[&str]| before.at(path).cloned();
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "services") => within(root, "spec", |spec| {
            if spec.text("type") == "ExternalName" {
                return;
            }
            for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                if let Some(value) = old(&["spec", field])
                    && spec.get(field).is_none_or(|found| found.is_null() || found.as_str() == Some(""))
                {
                    spec.insert(field, value);
                }
            }
            let known = before.at(&["spec", "ports"]).and_then(Value::as_list).unwrap_or_default().to_vec();
            if matches!(spec.text("type"), "NodePort" | "LoadBalancer") {
                each(spec, "ports", |port| {
                    let same = known.iter().find(|one| {
                        one.get("port") == port.get("port") && one.get("protocol") == port.get("protocol")
                    });
                    if let Some(node) = same.and_then(|one| one.get("nodePort")) {
                        put(port, "nodePort", node.clone());
                    }
                });
            }
        }),
        ("", "namespaces") => {
            if let Some(finalizers) = old(&["spec", "finalizers"]) {
                put(root.entry_or_null("spec").ensure(&[]), "finalizers", finalizers);
            }
        }
        ("", "pods") => within(root, "spec", pod),
        ("batch", "jobs") => within(root, "spec", |spec| {
            if let Some(selector) = old(&["spec", "selector"]) {
                put(spec, "selector", selector);
            }
            let labels = before.at(&["spec", "template", "metadata", "labels"]).cloned().unwrap_or_default();
            for (key, value) in labels.as_map().into_iter().flat_map(Map::iter) {
                if key.contains("controller-uid") || key.contains("job-name") {
                    put(spec.entry_or_null("template").ensure(&["metadata", "labels"]), key, value.clone());
                }
            }
        }),
        _ => {}
    }
}

fn service(spec: &mut Map, world: &mut dyn Surroundings) {
    let kind = spec.text("type").to_owned();
    if kind == "ExternalName" {
        return;
    }
    let mut random = world.random();
    if spec.text("clusterIP").is_empty() {
        let address = format!("10.96.{}.{}", random % 256, random / 256 % 254 + 1);
        spec.insert("clusterIP", address.into());
    }
    let address: Str = spec.text("clusterIP").into();
    put(spec, "clusterIPs", Value::List(vec![Value::Text(address)]));
    // Without a selector nothing tells of which family the addresses behind it are.
    let is_open = spec.text("clusterIP") == "None"
        && spec.get("selector").and_then(Value::as_map).is_none_or(Map::is_empty)
        && spec.get("ipFamilies").is_none_or(Value::is_null)
        && spec.text("ipFamilyPolicy").is_empty();
    if is_open {
        put(spec, "ipFamilies", Value::List(vec!["IPv4".into(), "IPv6".into()]));
        put(spec, "ipFamilyPolicy", "RequireDualStack");
    }
    put(spec, "ipFamilies", Value::List(vec!["IPv4".into()]));
    put(spec, "ipFamilyPolicy", "SingleStack");
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
        each(spec, "ports", |port| {
            random /= 2_768;
            put(port, "nodePort", Value::Int(30_000 + i64::try_from(random % 2_768).unwrap_or(0)));
        });
    }
}

fn pod(spec: &mut Map) {
    fill_text(spec, "serviceAccountName", "default");
    let account: Str = spec.text("serviceAccountName").into();
    spec.insert("serviceAccount", Value::Text(account));
    put(spec, "priority", 0);
    put(spec, "preemptionPolicy", "PreemptLowerPriority");
    let tolerations = spec.entry_or_null("tolerations");
    if !matches!(tolerations, Value::List(_)) {
        *tolerations = Value::List(Vec::new());
    }
    let Value::List(list) = tolerations else { return };
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        if !list.iter().any(|one| one.text_at(&["key"]) == key) {
            list.push(Value::from([
                ("key", key.into()),
                ("operator", "Exists".into()),
                ("effect", "NoExecute".into()),
                ("tolerationSeconds", 300.into()),
            ]));
        }
    }
}

/// The class of quality of service.
fn quality(root: &Map) -> &'static str {
    let containers = root.get("spec").and_then(|spec| spec.get("containers")).and_then(Value::as_list);
    let (mut any, mut all) = (false, true);
    for container in containers.unwrap_or_default() {
        let of = |name: &str| container.at(&["resources", name]).and_then(Value::as_map);
        for resource in ["cpu", "memory"] {
            let limit = of("limits").and_then(|map| map.get(resource));
            let request = of("requests").and_then(|map| map.get(resource));
            any |= limit.is_some() || request.is_some();
            all &= limit.is_some() && request.is_none_or(|request| Some(request) == limit);
        }
    }
    match (any, all) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

fn job(spec: &mut Map, uid: &str, name: &str) {
    if spec.get("manualSelector").and_then(Value::as_bool) == Some(true) {
        return;
    }
    let labels = spec.entry_or_null("template").ensure(&["metadata", "labels"]);
    for prefix in ["", "batch.kubernetes.io/"] {
        put(labels, &format!("{prefix}controller-uid"), uid);
        put(labels, &format!("{prefix}job-name"), name);
    }
    let own = Value::from([("batch.kubernetes.io/controller-uid", uid.into())]);
    put(spec, "selector", Value::from([("matchLabels", own)]));
}
