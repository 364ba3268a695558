//! Create, show, suspend, resume, reconcile, export, delete.

use super::{Embedded, nodes, options};
use gitops_conformance::{folder, read, same_text};
use gitops_core::object::Gvk;
use gitops_core::ports::{Cluster, ObjectRef, Part, Patch, WriteOptions};
use gitops_yaml::Node;

const SOURCE: &str = "apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: podinfo, namespace: apps, generation: 1, labels: {team: a}}
spec: {interval: 1m0s, url: 'https://example.com/podinfo', ref: {branch: main}}
status:
  observedGeneration: 1
  artifact: {revision: 'main@sha1:0123456789abcdef0123456789abcdef01234567', path: p, url: u, lastUpdateTime: '2026-01-01T00:00:00Z', digest: 'sha256:0'}
  conditions:
  - {type: Ready, status: 'True', reason: Succeeded, message: stored artifact, observedGeneration: 1, lastTransitionTime: '2026-01-01T00:00:00Z'}
";

#[test]
fn an_alert_is_created_updated_shown_exported_and_deleted() {
    let embedded = Embedded::start("alert");
    embedded.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: apps}\n");
    embedded.ok("create alert a1 --event-source=Kustomization/* --provider-ref=slack -n apps --label=team=a");
    let line =
        ["create", "alert", "a1", "--event-source=GitRepository/x", "--provider-ref=slack", "-n", "apps"];
    let again = embedded.run(&line);
    assert!(String::from_utf8_lossy(&again.stderr).contains("✔ Alert updated\n"), "{again:?}");
    assert_eq!(
        embedded.ok("get alerts -n apps"),
        "NAME\tSUSPENDED\tREADY\tMESSAGE        \na1  \tFalse    \tTrue \tAlert is Ready\t\n"
    );
    let exported = embedded.ok("export alert a1 -n apps");
    assert!(
        exported.ends_with(
            "  eventSources:\n  - kind: GitRepository\n    name: x\n  providerRef:\n    name: slack\n"
        ),
        "{exported}"
    );
    // Nobody says yes.
    assert!(embedded.refused("delete alert a1 -n apps").ends_with("✗ aborting\n"));
    embedded.ok("delete alert a1 -n apps --silent");
    assert!(embedded.refused("export alert a1 -n apps").contains("\"a1\" not found"));
}

#[test]
fn suspended_objects_are_not_reconciled() {
    let embedded = Embedded::start("suspend");
    embedded.apply(SOURCE);
    embedded.ok("suspend source git podinfo -n apps");
    let table = embedded.ok("get sources git -n apps --no-header");
    assert_eq!(table, "podinfo\tmain@sha1:01234567\tTrue\tTrue\tstored artifact\t\n");
    assert_eq!(embedded.refused("reconcile source git podinfo -n apps"), "✗ resource is suspended\n");
    embedded.ok("resume source git --all -n apps");
    assert!(embedded.ok("-n apps get sources git").contains("\tFalse    \tTrue "));
    assert!(embedded.refused("resume source git -n apps").contains("source git name is required"));
}

#[test]
fn a_reconciliation_is_asked_for_and_awaited() {
    let embedded = Embedded::start("reconcile");
    embedded.apply(SOURCE);
    let waiting = embedded.command(&["reconcile", "source", "git", "podinfo", "-n", "apps", "--timeout=60s"]);
    let waiting = std::thread::spawn(move || {
        let mut waiting = waiting;
        waiting.output().unwrap()
    });
    // Plays the controller: what is asked for is noted as done.
    let asked = loop {
        let object = embedded.get("source.toolkit.fluxcd.io/v1", "GitRepository", "apps", "podinfo").unwrap();
        let note = object.at_path(&["metadata", "annotations", "reconcile.fluxcd.io/requestedAt"]);
        if let Some(note) = note.and_then(gitops_yaml::Node::as_str) {
            break note.to_owned();
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    embedded.apply(&format!("{SOURCE}  lastHandledReconcileAt: '{asked}'\n"));
    let done = waiting.join().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success(), "{said}");
    let end = "✔ fetched revision main@sha1:0123456789abcdef0123456789abcdef01234567\n";
    assert!(
        said.starts_with("► annotating GitRepository podinfo in apps namespace\n") && said.ends_with(end),
        "{said}"
    );
}

#[test]
fn tables_are_fluxs() {
    let Some(folder) = folder("flux") else { return };
    let golden = folder.join("trees/flux-cli/get");
    for (objects, commands) in [
        (
            "objects.yaml",
            &[
                ("get.golden", "get sources git"),
                ("get_label_one.golden", "get sources git -l sharding.fluxcd.io/key=shard1"),
                (
                    "get_label_two.golden",
                    "get sources git -l sharding.fluxcd.io/key!=shard1,sharding.fluxcd.io/key!=shard2",
                ),
            ][..],
        ),
        (
            "status_objects.yaml",
            &[
                ("get_status_ready_true.golden", "get sources git --status-selector Ready=True"),
                ("get_status_ready_false.golden", "get sources git --status-selector Ready=False"),
                ("get_status_ready_not_true.golden", "get sources git --status-selector Ready!=True"),
            ],
        ),
    ] {
        let embedded = Embedded::start(objects);
        embedded.apply(&read(&golden.join(objects)).replace("{{ .fluxns }}", "flux-system"));
        for (file, command) in commands {
            same_text(&read(&golden.join(file)), &embedded.ok(command)).unwrap();
        }
    }
}

#[test]
fn exports_are_fluxs() {
    let Some(folder) = folder("flux") else { return };
    let golden = folder.join("trees/flux-cli/export");
    let embedded = Embedded::start("export");
    embedded.apply(&read(&golden.join("objects.yaml")).replace("{{ .fluxns }}", "flux-system"));
    for (file, command) in [
        ("alert.yaml", "export alert flux-system"),
        ("bucket.yaml", "export source bucket flux-system"),
        ("external-artifact.yaml", "export source external flux-system"),
        ("git-repo.yaml", "export source git flux-system"),
        ("helm-chart.yaml", "export source chart flux-system"),
        ("helm-release.yaml", "export hr flux-system"),
        ("helm-repo.yaml", "export source helm flux-system"),
        ("image-policy.yaml", "export image policy flux-system"),
        ("image-repo.yaml", "export image repository flux-system"),
        ("ks.yaml", "export ks flux-system"),
        ("provider.yaml", "export alert-provider slack"),
        ("receiver.yaml", "export receiver flux-system"),
    ] {
        let wanted = read(&golden.join(file)).replace("{{ .fluxns }}", "flux-system");
        same_text(&wanted, &embedded.ok(command)).unwrap_or_else(|why| panic!("{command}: {why}"));
    }
}

#[test]
fn objects_are_stored_anew_only_where_an_older_version_was() {
    let embedded = Embedded::start("migrate");
    embedded.apply(SOURCE);
    let name = "gitrepositories.source.toolkit.fluxcd.io";
    let target = ObjectRef {
        gvk: Gvk::new("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        name: name.into(),
        ..ObjectRef::default()
    };
    let versions = || {
        let definition =
            embedded.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", name).unwrap();
        let stored =
            definition.at_path(&["status", "storedVersions"]).and_then(Node::items).unwrap_or_default();
        stored.iter().filter_map(|version| version.as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let status = nodes("{status: {storedVersions: [v1beta2, v1]}}").remove(0);
    let options = WriteOptions { part: Part::Status, ..options() };
    let patch = Patch::Merge(status);
    embedded.runtime.block_on(embedded.cluster.patch(&target, &patch, &options)).unwrap();
    let told = |line: &[&str]| {
        let done = embedded.run(line);
        assert!(done.status.success());
        String::from_utf8(done.stderr).unwrap()
    };
    let tried = told(&["migrate", "--dry-run"]);
    assert!(tried.contains(&format!("{name} migrated to storage version v1")), "{tried}");
    assert_eq!(versions(), ["v1beta2", "v1"]);
    let done = told(&["migrate", "--yes"]);
    assert!(done.contains("GitRepository/apps/podinfo migrated to version v1"), "{done}");
    assert_eq!(versions(), ["v1"]);
    let again = told(&["migrate", "--yes"]);
    assert!(
        again.contains(&format!("{name} is stored as v1 alone")) && !again.contains("migrated"),
        "{again}"
    );
}
