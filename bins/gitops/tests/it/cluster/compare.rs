//! `gitops diff --cluster` on the embedded cluster.

use super::{Embedded, nodes};
use crate::remote::folder;
use gitops_core::ports::{Cluster, FieldConflicts, ObjectRef, Part, Patch, WriteOptions};
use gitops_yaml::Node;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

const FLUX: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: NAME, namespace: flux-system}\n\
                    spec: {interval: 5m, prune: true, path: PATH, sourceRef: {kind: GitRepository, name: flux-system}}\n";
const OBJECTS: &str = "apiVersion: v1
kind: Namespace
metadata: {name: web}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: 'web:1.0', ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Secret
metadata: {name: login, namespace: web}
stringData: {password: hunter2}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: old, namespace: web}
data: {a: b}
";

struct Compared {
    embedded: Embedded,
    folder: PathBuf,
}

impl Compared {
    /// A cluster that has what the folder says, as the controller would have applied it.
    fn new(name: &str) -> Self {
        let made = Self {
            embedded: Embedded::start(&format!("compare-{name}")),
            folder: folder(&format!("compare-{name}")),
        };
        fs::create_dir_all(made.folder.join(".git")).unwrap();
        let root = FLUX.replace("NAME", "flux-system").replace("PATH", "./cluster");
        made.write("cluster/flux.yaml", &root);
        made.write("cluster/web.yaml", &FLUX.replace("NAME", "web").replace("PATH", "./web"));
        made.write("web/objects.yaml", OBJECTS);
        made.embedded.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: flux-system}\n");
        let rendered = made.run(&["render"], false);
        let manager = WriteOptions {
            manager: "kustomize-controller".into(),
            conflicts: FieldConflicts::TakenOver,
            ..WriteOptions::default()
        };
        for mut object in nodes(&String::from_utf8(rendered.stdout).unwrap()) {
            // The controller applies a Secret's clear values in base64.
            if object.remove("stringData").is_some() {
                object.set("data", nodes("password: aHVudGVyMg==\n").remove(0));
            }
            made.embedded.runtime.block_on(made.embedded.cluster.apply(&object, &manager)).unwrap();
        }
        made.inventory(
            "flux-system",
            &[
                "flux-system_flux-system_kustomize.toolkit.fluxcd.io_Kustomization v1",
                "flux-system_web_kustomize.toolkit.fluxcd.io_Kustomization v1",
            ],
        );
        made.inventory(
            "web",
            &[
                "_web__Namespace v1",
                "web_web_apps_Deployment v1",
                "web_login__Secret v1",
                "web_old__ConfigMap v1",
            ],
        );
        made
    }

    fn inventory(&self, name: &str, entries: &[&str]) {
        let entries: Vec<Value> = entries
            .iter()
            .filter_map(|entry| entry.split_once(' '))
            .map(|(id, version)| json!({"id": id, "v": version}))
            .collect();
        let status = json!({"status": {"inventory": {"entries": entries}}}).to_string();
        let patch = Patch::Merge(nodes(&status).remove(0));
        let target = nodes(&FLUX.replace("NAME", name)).remove(0);
        let options = WriteOptions { part: Part::Status, ..super::options() };
        let cluster = &self.embedded.cluster;
        self.embedded.runtime.block_on(cluster.patch(&ObjectRef::of(&target), &patch, &options)).unwrap();
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn change(&self, from: &str, to: &str) {
        let path = self.folder.join("web/objects.yaml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from));
        fs::write(path, text.replace(from, to)).unwrap();
    }

    fn run(&self, line: &[&str], with_cluster: bool) -> Output {
        let mut command = if with_cluster {
            self.embedded.command(line)
        } else {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_gitops"));
            command.args(line);
            command
        };
        command.current_dir(&self.folder).output().unwrap()
    }

    #[track_caller]
    fn diff(&self, arguments: &[&str], code: i32) -> String {
        let done = self.run(&[&["diff", "--cluster"], arguments].concat(), true);
        let (out, err) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
        assert_eq!(done.status.code(), Some(code), "{out}{err}");
        out
    }
}

#[test]
fn what_is_as_wanted_is_no_change() {
    let compared = Compared::new("same");
    assert_eq!(compared.diff(&[], 0), "no changes\n");
    // What others have set, and the server has filled in, is no change either.
    let scaled = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: web, annotations: {seen-by: other}}\n";
    compared.embedded.apply(scaled);
    assert_eq!(compared.diff(&[], 0), "no changes\n");
}

#[test]
fn fields_that_differ_are_shown_with_their_place() {
    let compared = Compared::new("field");
    compared.change("replicas: 1", "replicas: 3");
    compared.change("web:1.0", "web:1.1");
    let text = compared.diff(&[], 1);
    assert!(text.contains("spec.replicas: 1 -> 3") && text.contains("web/objects.yaml:9:13"), "{text}");
    assert!(text.contains("containers[name=web].image: web:1.0 -> web:1.1"), "{text}");
    assert!(text.ends_with("1 changed, 0 added, 0 removed in 1 app\n"), "{text}");
    let json: Value = serde_json::from_str(&compared.diff(&["-o", "json"], 1)).unwrap();
    assert!(json.to_string().contains("spec.replicas"), "{json}");
    assert!(compared.diff(&["-o", "unified"], 1).contains("-  replicas: 1\n+  replicas: 3\n"));
    assert!(compared.diff(&["-o", "markdown"], 1).contains("spec.replicas"));
    // Nothing was written.
    let live = compared.embedded.get("apps/v1", "Deployment", "web", "web").unwrap();
    assert_eq!(live.at_path(&["spec", "replicas"]).and_then(Node::as_str), Some("1"));
}

#[test]
fn what_is_wanted_no_more_is_removed_and_what_is_new_added() {
    let compared = Compared::new("prune");
    compared.change("metadata: {name: old, namespace: web}", "metadata: {name: new, namespace: fresh}");
    compared.change("kind: Namespace\nmetadata: {name: web}\n", "kind: Namespace\nmetadata: {name: web}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: fresh}\n");
    let text = compared.diff(&[], 1);
    assert!(text.contains("- ConfigMap/web/old") && text.contains("+ ConfigMap/fresh/new"), "{text}");
    assert!(text.contains("+ Namespace/fresh"), "{text}");
    // A Kustomization that goes takes along what it has applied.
    fs::remove_file(compared.folder.join("cluster/web.yaml")).unwrap();
    let text = compared.diff(&[], 1);
    assert!(
        text.contains("- Kustomization/flux-system/web") && text.contains("- Deployment/web/web"),
        "{text}"
    );
    // What can't be rendered prunes nothing.
    compared.write("cluster/web.yaml", &FLUX.replace("NAME", "web").replace("PATH", "./webb"));
    let text = compared.diff(&[], 2);
    assert!(!text.contains("- Deployment"), "{text}");
}

#[test]
fn values_of_secrets_are_not_shown() {
    let compared = Compared::new("secret");
    compared.change("hunter2", "hunter3");
    for output in ["text", "unified", "markdown", "json"] {
        let text = compared.diff(&["-o", output], 1);
        let told = ["hunter", "aHVudGVy"].iter().any(|value| text.contains(value));
        assert!(text.contains("***") && !told, "{text}");
    }
}

#[test]
fn encrypted_values_without_a_key_are_no_change() {
    let compared = Compared::new("sops");
    let sealed = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../controllers/tests/it/sops/secret.yaml"),
    );
    let sealed = sealed
        .unwrap()
        .replace("name: db", "name: login")
        .replace("namespace: flux-system", "namespace: web");
    compared.change("apiVersion: v1\nkind: Secret\nmetadata: {name: login, namespace: web}\nstringData: {password: hunter2}\n", &sealed);
    let flux = FLUX.replace("NAME", "web").replace("PATH", "./web");
    compared
        .write("cluster/web.yaml", &flux.replace("prune: true", "prune: true, decryption: {provider: sops}"));
    let text = compared.diff(&[], 1);
    assert!(
        text.contains("spec.decryption") && text.ends_with("1 changed, 0 added, 0 removed in 1 app\n"),
        "{text}"
    );
}

#[test]
fn refusals_of_the_server_are_problems() {
    let compared = Compared::new("refused");
    compared.change("replicas: 1", "replicas: many");
    let text = compared.diff(&[], 2);
    assert!(
        text.contains("web/objects.yaml:5:1") && text.contains("Deployment/web/web dry-run failed"),
        "{text}"
    );
}
