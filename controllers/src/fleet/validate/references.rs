//! Names of objects that nothing in the fleet makes.

use std::collections::{BTreeSet, HashMap};

use gitops_yaml::{Node, Str, did_you_mean};

use super::super::flux::{api_version, is_true, kind, namespace_of, text};
use super::super::render::Rendered;
use super::workloads::{containers, pod_spec, title};
use super::{Checked, Report};

/// The names of a kind in a namespace of a cluster.
#[derive(Default)]
struct Names(HashMap<(usize, &'static str, Str), BTreeSet<Str>>);

const KINDS: [&str; 8] = [
    "ConfigMap",
    "Secret",
    "Service",
    "ServiceAccount",
    "PersistentVolumeClaim",
    "Provider",
    "ImageRepository",
    "ImagePolicy",
];

pub(super) fn check(checked: &[Checked<'_>], rendered: &Rendered, report: &mut Report) {
    let mut names = Names::default();
    for one in checked {
        if let Some(known) = KINDS.iter().find(|known| **known == kind(one.node)) {
            let key = (one.cluster, *known, namespace_of(one.node));
            names.0.entry(key).or_default().insert(text(one.node, &["metadata", "name"]));
        }
    }
    // Where a chart was not rendered, anything may be in it.
    let unsure: BTreeSet<(usize, Str)> = rendered
        .apps
        .iter()
        .filter(|app| app.objects.is_empty() && app.id.kind == super::super::app::AppKind::HelmRelease)
        .map(|app| (app.cluster, app.id.namespace.clone()))
        .collect();
    for one in checked.iter().filter(|one| one.cluster != usize::MAX) {
        let check =
            Check { one, names: &names, is_unsure: unsure.contains(&(one.cluster, namespace_of(one.node))) };
        check.pod(report);
        check.ingress(report);
        check.flux(report);
    }
}

struct Check<'c> {
    one: &'c Checked<'c>,
    names: &'c Names,
    is_unsure: bool,
}

impl Check<'_> {
    fn pod(&self, report: &mut Report) {
        let Some(pod) = pod_spec(self.one.node) else { return };
        for container in containers(pod) {
            for source in container.get("envFrom").and_then(Node::items).unwrap_or_default() {
                self.optional("ConfigMap", source.get("configMapRef"), "name", report);
                self.optional("Secret", source.get("secretRef"), "name", report);
            }
            for variable in container.get("env").and_then(Node::items).unwrap_or_default() {
                let from = |kind| variable.at_path(&["valueFrom", kind]);
                self.optional("ConfigMap", from("configMapKeyRef"), "name", report);
                self.optional("Secret", from("secretKeyRef"), "name", report);
            }
        }
        for volume in pod.get("volumes").and_then(Node::items).unwrap_or_default() {
            self.optional("ConfigMap", volume.get("configMap"), "name", report);
            self.optional("Secret", volume.get("secret"), "secretName", report);
            self.optional("PersistentVolumeClaim", volume.get("persistentVolumeClaim"), "claimName", report);
        }
        if pod.get("serviceAccountName").and_then(Node::as_str).is_some_and(|name| name != "default") {
            self.optional("ServiceAccount", Some(pod), "serviceAccountName", report);
        }
    }

    fn ingress(&self, report: &mut Report) {
        if kind(self.one.node) != "Ingress" {
            return;
        }
        let Some(spec) = self.one.node.get("spec") else { return };
        for rule in spec.get("rules").and_then(Node::items).unwrap_or_default() {
            for path in rule.at_path(&["http", "paths"]).and_then(Node::items).unwrap_or_default() {
                self.optional("Service", path.at_path(&["backend", "service"]), "name", report);
            }
        }
        // Certificates are often made in the cluster.
        let annotations = self.one.node.at_path(&["metadata", "annotations"]).and_then(Node::entries);
        let is_issued = annotations
            .unwrap_or_default()
            .iter()
            .any(|entry| entry.key.as_str().is_some_and(|key| key.starts_with("cert-manager.io/")));
        for tls in spec.get("tls").and_then(Node::items).unwrap_or_default() {
            if !is_issued && let Some(name) = tls.get("secretName") {
                let Some(wanted) = name.scalar() else { continue };
                if !self.has("Secret", &namespace_of(self.one.node), wanted) {
                    let message =
                        format!("{}: nothing here makes the TLS Secret {wanted}", title(self.one.node));
                    let help = "it must exist in the cluster, or be issued there";
                    report.note("missing-reference", self.one, self.one.show(name), message, help);
                }
            }
        }
    }

    fn flux(&self, report: &mut Report) {
        let node = self.one.node;
        let (name, path): (&'static str, &[&str]) = match kind(node) {
            "Alert" if api_version(node).contains("toolkit.fluxcd.io") => {
                ("Provider", &["spec", "providerRef"])
            }
            "ImagePolicy" => ("ImageRepository", &["spec", "imageRepositoryRef"]),
            "Provider" | "GitRepository" | "HelmRepository" | "OCIRepository" | "Bucket" | "Receiver"
            | "ImageRepository" => ("Secret", &["spec", "secretRef"]),
            _ => return,
        };
        self.optional(name, node.at_path(path), "name", report);
    }

    fn has(&self, kind: &'static str, namespace: &str, name: &str) -> bool {
        let key = (self.one.cluster, kind, Str::from(namespace));
        self.names.0.get(&key).is_some_and(|names| names.contains(name))
    }

    /// Checks one reference, where there is one and it must lead somewhere.
    fn optional(&self, kind: &'static str, holder: Option<&Node>, field: &str, report: &mut Report) {
        let Some(holder) = holder.filter(|holder| !is_true(holder, &["optional"])) else { return };
        let Some(reference) = holder.get(field) else { return };
        let Some(name) = reference.scalar() else { return };
        let own = text(holder, &["namespace"]);
        let namespace = if own.is_empty() { namespace_of(self.one.node) } else { own };
        if name.is_empty() || name.contains("${") || self.has(kind, &namespace, name) {
            return;
        }
        let key = (self.one.cluster, kind, namespace.clone());
        let known = self.names.0.get(&key).into_iter().flatten().map(Str::as_str);
        let message =
            format!("{}: no {kind} {name} in namespace {namespace} of this repository", title(self.one.node));
        let place = self.one.show(reference);
        match did_you_mean(name, known) {
            Some(near) => {
                report.error("missing-reference", self.one, place, message, &format!("did you mean {near}?"));
            }
            None if self.is_unsure || kind == "Secret" => {
                report.note("missing-reference", self.one, place, message, "it must exist in the cluster");
            }
            None => {
                report.warn("missing-reference", self.one, place, message, "it must exist in the cluster");
            }
        }
    }
}
