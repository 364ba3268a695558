//! The columns of built-in kinds.

use crate::kinds::Resource;
use crate::store::Object;
use crate::value::Value;

type Heads = &'static [(&'static str, &'static str)];

/// Returns names and types of a kind's columns.
pub(super) fn columns(resource: &Resource) -> Heads {
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "pods") => &[
            ("Name", "string"),
            ("Ready", "string"),
            ("Status", "string"),
            ("Restarts", "string"),
            ("Age", "string"),
        ],
        ("", "services") => &[
            ("Name", "string"),
            ("Type", "string"),
            ("Cluster-IP", "string"),
            ("External-IP", "string"),
            ("Port(s)", "string"),
            ("Age", "string"),
        ],
        ("", "configmaps") => &[("Name", "string"), ("Data", "string"), ("Age", "string")],
        ("", "secrets") => &[("Name", "string"), ("Type", "string"), ("Data", "string"), ("Age", "string")],
        ("", "namespaces") => &[("Name", "string"), ("Status", "string"), ("Age", "string")],
        ("", "persistentvolumeclaims") => &[
            ("Name", "string"),
            ("Status", "string"),
            ("Volume", "string"),
            ("Capacity", "string"),
            ("Access Modes", "string"),
            ("StorageClass", "string"),
            ("VolumeAttributesClass", "string"),
            ("Age", "string"),
        ],
        ("" | "events.k8s.io", "events") => &[
            ("Last Seen", "string"),
            ("Type", "string"),
            ("Reason", "string"),
            ("Object", "string"),
            ("Message", "string"),
        ],
        ("apps", "deployments") => &[
            ("Name", "string"),
            ("Ready", "string"),
            ("Up-to-date", "string"),
            ("Available", "string"),
            ("Age", "string"),
        ],
        ("apps", "statefulsets") => &[("Name", "string"), ("Ready", "string"), ("Age", "string")],
        ("apps", "daemonsets" | "replicasets") => &[
            ("Name", "string"),
            ("Desired", "integer"),
            ("Current", "integer"),
            ("Ready", "integer"),
            ("Age", "string"),
        ],
        ("batch", "jobs") => {
            &[("Name", "string"), ("Status", "string"), ("Completions", "string"), ("Age", "string")]
        }
        ("batch", "cronjobs") => {
            &[("Name", "string"), ("Schedule", "string"), ("Suspend", "boolean"), ("Age", "string")]
        }
        ("networking.k8s.io", "ingresses") => &[
            ("Name", "string"),
            ("Class", "string"),
            ("Hosts", "string"),
            ("Address", "string"),
            ("Ports", "string"),
            ("Age", "string"),
        ],
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => {
            &[("Name", "string"), ("Role", "string"), ("Age", "string")]
        }
        ("policy", "poddisruptionbudgets") => &[
            ("Name", "string"),
            ("Min Available", "string"),
            ("Max Unavailable", "string"),
            ("Allowed Disruptions", "integer"),
            ("Age", "string"),
        ],
        ("networking.k8s.io", "networkpolicies") => {
            &[("Name", "string"), ("Pod-Selector", "string"), ("Age", "string")]
        }
        ("coordination.k8s.io", "leases") => &[("Name", "string"), ("Holder", "string"), ("Age", "string")],
        ("", "limitranges")
        | ("rbac.authorization.k8s.io", "roles" | "clusterroles")
        | ("apiextensions.k8s.io", "customresourcedefinitions") => {
            &[("Name", "string"), ("Created At", "date")]
        }
        _ => &[("Name", "string"), ("Age", "string")],
    }
}

/// Returns the names of the columns that only wide output has.
pub(super) fn wide(resource: &Resource) -> &'static [&'static str] {
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "pods") => &["IP", "Node", "Nominated Node", "Readiness Gates"],
        ("", "services") => &["Selector"],
        ("", "persistentvolumeclaims") => &["VolumeMode"],
        ("apps", "deployments" | "daemonsets" | "replicasets") => &["Containers", "Images", "Selector"],
        ("apps", "statefulsets") => &["Containers", "Images"],
        ("batch", "jobs") => &["Containers", "Images", "Selector"],
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => {
            &["Users", "Groups", "ServiceAccounts"]
        }
        _ => &[],
    }
}

/// Returns an object's cells.
pub(super) fn of(resource: &Resource, object: &Object, now: i64) -> Vec<Value> {
    let body = object.body();
    let text = |path: &[&str]| Value::text(body.text_at(path));
    let number = |path: &[&str]| body.at(path).and_then(Value::as_int).unwrap_or(0);
    let count = |field: &str| body.get(field).and_then(Value::as_map).map_or(0, crate::value::Map::len);
    let or_none = |value: String| Value::from(if value.is_empty() { "<none>".to_owned() } else { value });
    let ratio = |have: &[&str], want: i64| Value::from(format!("{}/{want}", number(have)));
    let wanted = body.at(&["spec", "replicas"]).and_then(Value::as_int).unwrap_or(1);
    let listed = columns(resource).iter().map(|(column, _)| *column);
    listed
        .chain(wide(resource).iter().copied())
        .map(|column| match (column, resource.plural.as_str()) {
            ("Name", _) => object.name().into(),
            ("Age", _) => age(object, now),
            ("Created At", _) => text(&["metadata", "creationTimestamp"]),
            ("Status", "jobs") => job_status(body),
            ("Status", "persistentvolumeclaims") => or_none(body.text_at(&["status", "phase"]).to_owned()),
            ("Status", _) => text(&["status", "phase"]),
            ("Type", "services") => text(&["spec", "type"]),
            ("Type", _) => text(&["type"]),
            ("Data", _) => i64::try_from(count("data") + count("binaryData")).unwrap_or(0).into(),
            ("Cluster-IP", _) => or_none(body.text_at(&["spec", "clusterIP"]).to_owned()),
            ("External-IP", _) => match body.text_at(&["spec", "externalName"]) {
                "" if body.text_at(&["spec", "type"]) == "LoadBalancer" => {
                    let address = addresses(body);
                    if address.is_empty() { "<pending>".into() } else { address.into() }
                }
                name => or_none(name.to_owned()),
            },
            ("Port(s)", _) => or_none(ports(body)),
            ("Ready", "pods") => pod_ready(body),
            ("Ready", "deployments" | "statefulsets") => ratio(&["status", "readyReplicas"], wanted),
            ("Ready", "daemonsets") => number(&["status", "numberReady"]).into(),
            ("Ready", _) => number(&["status", "readyReplicas"]).into(),
            ("Desired", "daemonsets") => number(&["status", "desiredNumberScheduled"]).into(),
            ("Desired", _) => wanted.into(),
            ("Current", "daemonsets") => number(&["status", "currentNumberScheduled"]).into(),
            ("Current", _) => number(&["status", "replicas"]).into(),
            ("Up-to-date", _) => number(&["status", "updatedReplicas"]).to_string().into(),
            ("Available", _) => number(&["status", "availableReplicas"]).to_string().into(),
            ("Restarts", _) => "0".into(),
            ("Volume", _) => text(&["spec", "volumeName"]),
            ("Completions", _) => ratio(
                &["status", "succeeded"],
                body.at(&["spec", "completions"]).and_then(Value::as_int).unwrap_or(1),
            ),
            ("Schedule", _) => text(&["spec", "schedule"]),
            ("Suspend", _) => (body.at(&["spec", "suspend"]).and_then(Value::as_bool) == Some(true)).into(),
            ("Class", _) => or_none(body.text_at(&["spec", "ingressClassName"]).to_owned()),
            ("Hosts", _) => hosts(body),
            ("Address", _) => addresses(body).into(),
            ("Containers", _) => containers(body, "name").into(),
            ("Images", _) => containers(body, "image").into(),
            ("Selector", _) => or_none(crate::api::scale::selector(body.at(&["spec", "selector"]))),
            ("VolumeMode", _) => text(&["spec", "volumeMode"]),
            // What a claim has, and not what it asks for.
            ("Capacity", _) => text(&["status", "capacity", "storage"]),
            ("Access Modes", _) => access_modes(body).into(),
            ("StorageClass", _) => text(&["spec", "storageClassName"]),
            ("VolumeAttributesClass", _) => match body.text_at(&["spec", "volumeAttributesClassName"]) {
                "" => "<unset>".into(),
                name => name.into(),
            },
            ("Role", _) => {
                let [kind, name] = ["kind", "name"].map(|field| body.text_at(&["roleRef", field]));
                format!("{kind}/{name}").into()
            }
            ("Users", _) => subjects(body, "User").into(),
            ("Groups", _) => subjects(body, "Group").into(),
            ("ServiceAccounts", _) => subjects(body, "ServiceAccount").into(),
            ("Min Available", _) => or_not_applicable(body.at(&["spec", "minAvailable"])),
            ("Max Unavailable", _) => or_not_applicable(body.at(&["spec", "maxUnavailable"])),
            ("Allowed Disruptions", _) => number(&["status", "disruptionsAllowed"]).into(),
            ("Pod-Selector", _) => or_none(crate::api::scale::selector(body.at(&["spec", "podSelector"]))),
            ("Holder", _) => text(&["spec", "holderIdentity"]),
            ("IP", _) => or_none(body.text_at(&["status", "podIP"]).to_owned()),
            ("Node", _) => or_none(body.text_at(&["spec", "nodeName"]).to_owned()),
            ("Nominated Node" | "Readiness Gates", _) => "<none>".into(),
            ("Ports", _) => if body.at(&["spec", "tls"]).is_some() { "80, 443" } else { "80" }.into(),
            ("Last Seen", _) => {
                let last = body.text_at(&["lastTimestamp"]);
                let last = if last.is_empty() { body.text_at(&["eventTime"]) } else { last };
                since(last, now)
            }
            ("Reason", _) => text(&["reason"]),
            ("Message", _) => text(&["message"]),
            ("Object", _) => {
                let of = if body.get("involvedObject").is_some() { "involvedObject" } else { "regarding" };
                let kind = body.text_at(&[of, "kind"]).to_lowercase();
                format!("{kind}/{}", body.text_at(&[of, "name"])).into()
            }
            _ => Value::Null,
        })
        .collect()
}

fn or_not_applicable(value: Option<&Value>) -> Value {
    match value {
        Some(Value::Text(text)) => Value::Text(text.clone()),
        Some(value) if !value.is_null() => value.to_json().into(),
        _ => "N/A".into(),
    }
}

/// The subjects of a binding that are of one kind.
fn subjects(body: &Value, kind: &str) -> String {
    let all = body.get("subjects").and_then(Value::as_list).unwrap_or_default();
    let of_kind = all.iter().filter(|one| one.text_at(&["kind"]) == kind);
    let shown = of_kind.map(|one| match (kind, one.text_at(&["namespace"]), one.text_at(&["name"])) {
        ("ServiceAccount", namespace, name) => format!("{namespace}/{name}"),
        (_, _, name) => name.to_owned(),
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// How a claim's volume may be used, in kubectl's letters.
fn access_modes(body: &Value) -> String {
    let modes = body.at(&["status", "accessModes"]).and_then(Value::as_list).unwrap_or_default();
    let letters = modes.iter().filter_map(|mode| match mode.as_str()? {
        "ReadWriteOnce" => Some("RWO"),
        "ReadOnlyMany" => Some("ROX"),
        "ReadWriteMany" => Some("RWX"),
        "ReadWriteOncePod" => Some("RWOP"),
        _ => None,
    });
    letters.collect::<Vec<_>>().join(",")
}

/// The addresses of a load balancer.
fn addresses(body: &Value) -> String {
    let ingress = body.at(&["status", "loadBalancer", "ingress"]).and_then(Value::as_list);
    let shown = ingress.unwrap_or_default().iter().map(|one| match one.text_at(&["ip"]) {
        "" => one.text_at(&["hostname"]),
        ip => ip,
    });
    shown.collect::<Vec<_>>().join(",")
}

/// A field of all containers of a template.
fn containers(body: &Value, field: &str) -> String {
    let list = body.at(&["spec", "template", "spec", "containers"]).and_then(Value::as_list);
    list.unwrap_or_default().iter().map(|one| one.text_at(&[field])).collect::<Vec<_>>().join(",")
}

fn job_status(body: &Value) -> Value {
    let conditions = body.at(&["status", "conditions"]).and_then(Value::as_list).unwrap_or_default();
    let holds = |kind: &str| {
        conditions.iter().any(|one| one.text_at(&["type"]) == kind && one.text_at(&["status"]) == "True")
    };
    if holds("Complete") {
        "Complete".into()
    } else if holds("Failed") {
        "Failed".into()
    } else {
        "Running".into()
    }
}

fn pod_ready(body: &Value) -> Value {
    let containers = body.at(&["spec", "containers"]).and_then(Value::as_list).map_or(0, <[Value]>::len);
    let states = body.at(&["status", "containerStatuses"]).and_then(Value::as_list).unwrap_or_default();
    let ready = states.iter().filter(|one| one.get("ready").and_then(Value::as_bool) == Some(true)).count();
    format!("{ready}/{containers}").into()
}

fn ports(body: &Value) -> String {
    let ports = body.at(&["spec", "ports"]).and_then(Value::as_list).unwrap_or_default();
    let shown = ports.iter().map(|port| {
        let number = port.get("port").and_then(Value::as_int).unwrap_or(0);
        let protocol = port.text_at(&["protocol"]);
        match port.get("nodePort").and_then(Value::as_int) {
            Some(node) if node > 0 => format!("{number}:{node}/{protocol}"),
            _ => format!("{number}/{protocol}"),
        }
    });
    shown.collect::<Vec<_>>().join(",")
}

fn hosts(body: &Value) -> Value {
    let rules = body.at(&["spec", "rules"]).and_then(Value::as_list).unwrap_or_default();
    let hosts: Vec<&str> =
        rules.iter().map(|rule| rule.text_at(&["host"])).filter(|host| !host.is_empty()).collect();
    if hosts.is_empty() { "*".into() } else { hosts.join(",").into() }
}

/// How old an object is.
pub(super) fn age(object: &Object, now: i64) -> Value {
    since(object.body().text_at(&["metadata", "creationTimestamp"]), now)
}

/// How long ago a time was: `5m`, `3d4h`.
pub(super) fn since(time: &str, now: i64) -> Value {
    let Some(then) = crate::time::read(time) else { return "<unknown>".into() };
    let seconds = now.saturating_sub(then).max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let two = |large: i64, unit: &str, small: i64, below: &str| {
        if small == 0 { format!("{large}{unit}") } else { format!("{large}{unit}{small}{below}") }
    };
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        _ if days < 730 => format!("{days}d"),
        _ if days < 2_920 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
    .into()
}
