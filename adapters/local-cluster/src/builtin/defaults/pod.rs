//! Defaults of pods and pod templates.

use super::{each, fill_text, protocol, put, within};
use crate::value::{Map, Value};

/// Fills in a pod's specification.
pub(super) fn spec(spec: &mut Map) {
    fill_text(spec, "dnsPolicy", "ClusterFirst");
    fill_text(spec, "restartPolicy", "Always");
    fill_text(spec, "schedulerName", "default-scheduler");
    put(spec, "terminationGracePeriodSeconds", 30);
    put(spec, "securityContext", Value::map());
    // The old name of the field is kept in step.
    let account = spec.text("serviceAccountName").to_owned();
    if account.is_empty() {
        let old = spec.text("serviceAccount").to_owned();
        if !old.is_empty() {
            spec.insert("serviceAccountName", old.into());
        }
    } else {
        spec.insert("serviceAccount", account.into());
    }
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        each(spec, list, container);
    }
    each(spec, "volumes", volume);
}

/// Gives the ports of a pod on its node's network to the node; templates are left as they are.
pub(super) fn host_ports(spec: &mut Map) {
    if spec.get("hostNetwork").and_then(Value::as_bool) != Some(true) {
        return;
    }
    for list in ["containers", "initContainers"] {
        each(spec, list, |container| {
            each(container, "ports", |port| {
                if let Some(number) = port.get("containerPort").cloned() {
                    put(port, "hostPort", number);
                }
            });
        });
    }
}

fn container(container: &mut Map) {
    fill_text(container, "terminationMessagePath", "/dev/termination-log");
    fill_text(container, "terminationMessagePolicy", "File");
    let image = container.text("image").to_owned();
    let name = image.rsplit('/').next().unwrap_or_default();
    let always = !image.contains('@') && name.rsplit_once(':').is_none_or(|(_, tag)| tag == "latest");
    fill_text(container, "imagePullPolicy", if always { "Always" } else { "IfNotPresent" });
    each(container, "ports", protocol);
    each(container, "env", |variable| {
        within(variable, "valueFrom", |from| {
            within(from, "fieldRef", |field| fill_text(field, "apiVersion", "v1"));
            within(from, "resourceFieldRef", |field| fill_text(field, "divisor", "0"));
        });
    });
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        within(container, name, |probe| {
            for (field, value) in [
                ("timeoutSeconds", 1),
                ("periodSeconds", 10),
                ("successThreshold", 1),
                ("failureThreshold", 3),
            ] {
                put(probe, field, value);
            }
            within(probe, "httpGet", http_get);
            within(probe, "grpc", |grpc| put(grpc, "service", ""));
        });
    }
    within(container, "lifecycle", |lifecycle| {
        for hook in ["postStart", "preStop"] {
            within(lifecycle, hook, |hook| within(hook, "httpGet", http_get));
        }
    });
    within(container, "securityContext", |context| {
        let _ = context;
    });
}

fn http_get(get: &mut Map) {
    fill_text(get, "path", "/");
    fill_text(get, "scheme", "HTTP");
}

fn volume(volume: &mut Map) {
    let sources = volume.iter().filter(|(name, _)| name.as_str() != "name").count();
    if sources == 0 {
        volume.insert("emptyDir", Value::map());
    }
    for source in ["configMap", "secret", "downwardAPI"] {
        within(volume, source, |source| put(source, "defaultMode", 420));
    }
    within(volume, "hostPath", |path| put(path, "type", ""));
    within(volume, "projected", |projected| {
        put(projected, "defaultMode", 420);
        each(projected, "sources", |source| {
            within(source, "serviceAccountToken", |token| put(token, "expirationSeconds", 3_600));
            within(source, "downwardAPI", items);
        });
    });
    within(volume, "downwardAPI", items);
    within(volume, "rbd", |rbd| {
        fill_text(rbd, "pool", "rbd");
        fill_text(rbd, "user", "admin");
        fill_text(rbd, "keyring", "/etc/ceph/keyring");
    });
    within(volume, "iscsi", |iscsi| fill_text(iscsi, "iscsiInterface", "default"));
    within(volume, "ephemeral", |ephemeral| {
        within(ephemeral, "volumeClaimTemplate", |claim| {
            within(claim, "spec", |spec| fill_text(spec, "volumeMode", "Filesystem"));
        });
    });
}

fn items(source: &mut Map) {
    each(source, "items", |item| {
        within(item, "fieldRef", |field| fill_text(field, "apiVersion", "v1"));
    });
}
