//! `gitops install`, and what it leaves in a cluster.

use crate::cluster::{Embedded, nodes};
use gitops_conformance::{folder, read};
use gitops_core::ports::ObjectRef;
use gitops_yaml::{Dialect, Node, to_json};
use std::collections::HashMap;
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

/// The lines that an export with flags has more (`+`) and fewer (`-`) than one without.
fn changed(before: &str, flags: &[&str]) -> Vec<String> {
    fn counts(text: &str) -> HashMap<&str, usize> {
        let mut counts = HashMap::new();
        text.lines().for_each(|line| *counts.entry(line).or_default() += 1);
        counts
    }
    let after = export(flags);
    let (old, new) = (counts(before), counts(&after));
    let mut lines = Vec::new();
    for (mark, text, one, other) in [("-", before, &old, &new), ("+", &after, &new, &old)] {
        for line in text.lines().filter(|line| one.get(line) > other.get(line)) {
            lines.push(format!("{mark}{line}"));
        }
    }
    lines.dedup();
    lines
}

#[test]
fn each_flag_changes_what_it_says() {
    let version = env!("CARGO_PKG_VERSION");
    let image = |registry: &str| format!("        image: {registry}/gitops-controller:v{version}");
    let header = "# Components: gitops-controller in place of ";
    let default = "source-controller,kustomize-controller,helm-controller,notification-controller";
    let all = format!("-{header}{default}");
    let table: Vec<(&[&str], Vec<String>)> = vec![
        (&["--watch-all-namespaces"], vec![]),
        (&["--watch-all-namespaces=true", "--network-policy=true", "--log-level=info"], vec![]),
        (&["--cluster-domain=example.local"], vec![]),
        (&["--watch-all-namespaces=false"], vec!["+        - --watch-namespace=flux-system".into()]),
        (
            &["--log-level=debug"],
            vec!["-        - --log-level=info".into(), "+        - --log-level=debug".into()],
        ),
        (
            &["--registry=reg.local:5000/flux"],
            vec![format!("-{}", image("ghcr.io/gitops-rs")), format!("+{}", image("reg.local:5000/flux"))],
        ),
        (
            &["--components=source-controller,kustomize-controller"],
            vec![all.clone(), format!("+{header}source-controller,kustomize-controller")],
        ),
        (
            &["--components-extra=image-reflector-controller,image-automation-controller"],
            vec![
                all.clone(),
                format!("+{header}{default},image-reflector-controller,image-automation-controller"),
            ],
        ),
        (
            &["--image-pull-secret=regcred"],
            vec!["+      imagePullSecrets:".into(), "+      - name: regcred".into()],
        ),
        (
            // A text that YAML would read as a number or a mapping stays a text.
            &["--toleration-keys=dedicated,123"],
            vec![
                "+      tolerations:".into(),
                "+      - key: dedicated".into(),
                "+        operator: Exists".into(),
                "+      - key: \"123\"".into(),
                "+        operator: Exists".into(),
            ],
        ),
    ];
    let default_export = export(&[]);
    for (flags, wanted) in table {
        assert_eq!(changed(&default_export, flags), wanted, "{flags:?}");
    }

    // Without policies only they are gone.
    let kinds = |flags: &[&str]| -> Vec<String> {
        nodes(&export(flags)).iter().map(|object| ObjectRef::of(object).to_string()).collect()
    };
    let (with, without) = (kinds(&[]), kinds(&["--network-policy=false"]));
    let gone: Vec<&String> = with.iter().filter(|one| !without.contains(one)).collect();
    assert_eq!(gone.len(), 3);
    assert!(gone.iter().all(|one| one.starts_with("NetworkPolicy/")), "{gone:?}");
    assert_eq!(with.len(), without.len() + 3);

    // A login makes the Secret that the pull secret names.
    let text =
        export(&["--image-pull-secret=regcred", "--registry-creds=me:p4ss", "--registry=reg.local/flux"]);
    let objects = nodes(&text);
    let secret =
        objects.iter().find(|object| object.at_path(&["kind"]).and_then(Node::as_str) == Some("Secret"));
    let login =
        secret.and_then(|secret| secret.at_path(&["stringData", ".dockerconfigjson"])).and_then(Node::as_str);
    assert_eq!(
        login.map(|login| serde_json::from_str::<serde_json::Value>(login).unwrap()),
        Some(
            serde_json::json!({"auths": {"reg.local": {"username": "me", "password": "p4ss", "auth": "bWU6cDRzcw=="}}})
        )
    );

    // A namespace is everywhere where the default one was.
    let other = export(&["--namespace=gitops-rs"]);
    assert_eq!(other.replace("gitops-rs", "flux-system").matches("flux-system").count(), {
        default_export.replace("ghcr.io/gitops-rs", "ghcr.io/flux-system").matches("flux-system").count()
    });
    assert!(!other.contains("flux-system"), "{other}");
}

#[test]
fn flags_that_make_no_sense_are_refused() {
    for (flags, why) in [
        (&["--components-extra=image-reflector"][..], "component image-reflector is not available"),
        (&["--log-level=trace"], "trace"),
        (&["--registry-creds=me:p4ss"], "--registry-creds requires --image-pull-secret to be set"),
        (
            &["--registry-creds=me", "--image-pull-secret=x"],
            "invalid --registry-creds format, expected 'user:password'",
        ),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_gitops"))
            .args(["install", "--export"])
            .args(flags)
            .output()
            .unwrap();
        assert!(!output.status.success(), "{flags:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(why) && !said.contains("p4ss"), "{flags:?}: {said}");
    }
}
