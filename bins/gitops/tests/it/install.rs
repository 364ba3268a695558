//! `gitops install`, and what it leaves in a cluster.

use crate::cluster::{Embedded, nodes};
use gitops_conformance::{folder, read};
use gitops_core::ports::ObjectRef;
use gitops_yaml::{Dialect, Node, to_json};
use std::process::Command;

fn export(flags: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_gitops"))
        .args(["install", "--export"])
        .args(flags)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn exports_a_namespace_and_every_definition() {
    let text = export(&["--namespace", "gitops", "--crds-only"]);
    let objects = nodes(&text);
    assert_eq!(objects.len(), 16);
    assert_eq!(ObjectRef::of(&objects[0]).to_string(), "Namespace/gitops");
    assert_eq!(text.matches("storage: true").count(), 15);
    assert!(!text.contains("deprecated: true"));
    assert!(export(&["--all-versions"]).contains("deprecated: true"));
}

#[test]
fn a_kubeconfig_that_is_not_there_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_gitops"))
        .args(["install", "--kubeconfig", "/nonexistent/kubeconfig"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nonexistent/kubeconfig"));
}

/// Policies, quota and roles are Flux's, but for the controllers' names; six controllers are one.
#[test]
fn what_is_installed_has_the_shape_of_fluxs() {
    let Some(flux) = folder("flux/install") else { return };
    let custom = "--namespace=gitops --components=source-controller,kustomize-controller --network-policy=false --watch-all-namespaces=false --log-level=debug --registry=reg.local/flux --image-pull-secret=regcred --toleration-keys=dedicated,gpu";
    let seed = "--watch-all-namespaces --namespace=flux-system --components-extra=image-reflector-controller,image-automation-controller";
    for (file, flags) in [("default.yaml", ""), ("seed-image-components.yaml", seed), ("custom.yaml", custom)]
    {
        let theirs = nodes(&read(&flux.join(file)));
        let flags: Vec<&str> = flags.split(' ').filter(|flag| !flag.is_empty()).collect();
        let ours = nodes(&export(&flags));
        let one_each = ["Deployment", "ServiceAccount", "Service", "CustomResourceDefinition", "Namespace"];
        for object in &theirs {
            let at = ObjectRef::of(object);
            if one_each.contains(&&*at.gvk.kind) {
                continue;
            }
            let found = ours.iter().find(|ours| ObjectRef::of(ours) == at);
            let found = found.unwrap_or_else(|| panic!("{file}: {at} is missing"));
            for part in ["rules", "roleRef", "spec"] {
                let json = |node: &Node| node.get(part).map(|part| to_json(part, Dialect::V3).unwrap());
                if &*at.name != "allow-webhooks" {
                    assert_eq!(sorted(json(object)), sorted(json(found)), "{file}: {at} {part}");
                }
            }
        }
        let deployments: Vec<&Node> =
            ours.iter().filter(|object| &*ObjectRef::of(object).gvk.kind == "Deployment").collect();
        assert_eq!(deployments.len(), 1, "{file}");
        let has_policies = ours.iter().any(|object| &*ObjectRef::of(object).gvk.kind == "NetworkPolicy");
        assert_eq!(has_policies, file != "custom.yaml");
        if file == "custom.yaml" {
            let text = to_json(deployments[0], Dialect::V3).unwrap();
            for wanted in [
                "reg.local/flux/gitops-controller:v",
                "--watch-namespace=gitops",
                "--log-level=debug",
                "regcred",
                "\"key\":\"dedicated\"",
                "\"key\":\"gpu\"",
            ] {
                assert!(text.contains(wanted), "{wanted}: {text}");
            }
        }
    }
}

fn sorted(json: Option<String>) -> Option<serde_json::Value> {
    json.map(|text| serde_json::from_str(&text).unwrap())
}

#[test]
fn definitions_are_installed_and_taken_out_again() {
    let embedded = Embedded::start("install");
    let said = embedded.ok("install --crds-only --force");
    assert!(said.contains("Namespace/flux-system created\n"), "{said}");
    let definition =
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "alerts.notification.toolkit.fluxcd.io");
    let is_there = || embedded.get(definition.0, definition.1, "", definition.2).is_some();
    embedded.ok("uninstall --dry-run");
    assert!(is_there());
    assert!(embedded.refused("uninstall").ends_with("✗ aborting\n"));
    embedded.ok("uninstall --silent --keep-namespace");
    assert!(!is_there());
}
