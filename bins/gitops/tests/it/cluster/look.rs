//! Check, trace, debug, tree, version, and what needs no cluster: envsubst, trigger.

use super::Embedded;
use gitops_conformance::{folder, read, same_text};
use std::io::{Read, Write};
use std::process::{Command, Stdio};

fn filled(text: &str) -> String {
    text.replace("{{ .fluxns }}", "flux-system").replace("{{ .ns }}", "apps")
}

#[test]
fn objects_are_traced_as_flux_prints_it() {
    let Some(flux) = folder("flux/trees/flux-cli/trace") else { return };
    for (name, command) in [
        ("deployment", "trace podinfo --kind deployment --api-version=apps/v1 -n apps"),
        ("deployment-hr-ocirepo", "trace podinfo --kind deployment --api-version=apps/v1 -n apps"),
        ("helmrelease", "trace hr podinfo -n apps"),
        ("helmrelease-oci", "trace helmreleases/podinfo -n apps"),
    ] {
        let embedded = Embedded::start(&format!("trace-{name}"));
        let objects = filled(&read(&flux.join(format!("{name}.yaml"))));
        // Fields of older versions.
        let gone = ["checksum:", "lastAppliedRevision: 6", "lastAttemptedValuesChecksum:"];
        let is_known = |line: &&str| !gone.iter().any(|field| line.trim_start().starts_with(field));
        embedded.apply(&objects.lines().filter(is_known).map(|line| format!("{line}\n")).collect::<String>());
        let said = embedded.ok(command);
        // The kind is shown as the API has it, and times are those of the objects.
        let golden =
            filled(&read(&flux.join(format!("{name}.golden")))).replace("deployment/", "Deployment/");
        let plain = |text: &str| -> String {
            let time = |line: &str| line.split(" at ").next().unwrap_or(line).to_owned() + "\n";
            text.lines().map(time).collect()
        };
        same_text(&plain(&golden), &plain(&said)).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert!(
            said.contains("Last reconciled at 2021-07-16 15:42:20 +0000 UTC\n") || name.starts_with("helm"),
            "{said}"
        );
    }
}

#[test]
fn what_can_not_be_traced_says_why() {
    let embedded = Embedded::start("untraced");
    embedded.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: own, namespace: apps}\n");
    assert_eq!(
        embedded.refused("trace cm own -n apps"),
        "✗ failed to trace ConfigMap/own in namespace apps: object not managed by Flux\n"
    );
    assert_eq!(embedded.refused("trace cm/none -n apps"), "✗ configmaps \"none\" not found\n");
    assert_eq!(
        embedded.refused("trace deploymnt x -n apps"),
        "✗ the server doesn't have a resource type \"deploymnt\", did you mean \"deployment\"?\n"
    );
}

#[test]
fn values_and_history_of_releases_are_fluxs() {
    let Some(flux) = folder("flux/trees/flux-cli/debug_helmrelease") else { return };
    let embedded = Embedded::start("debug-hr");
    embedded.apply(&filled(&read(&flux.join("objects.yaml"))));
    for (golden, command) in [
        ("values-inline", "debug hr test-values-inline --show-values"),
        ("values-from", "debug hr test-values-from --show-values --show-status=false"),
        ("history", "debug hr test-with-history --show-history"),
        ("history-empty", "debug hr test-values-inline --show-history"),
    ] {
        let golden = filled(&read(&flux.join(format!("{golden}.golden.yaml"))));
        same_text(&golden, &embedded.ok(command)).unwrap_or_else(|why| panic!("{command}: {why}"));
    }
    let said = embedded.ok("debug hr test-with-history --show-status");
    assert!(said.contains("\nobservedGeneration: 1\n"), "{said}");
    assert!(embedded.refused("debug hr x --show-status --show-history").contains("exactly one of"));
}

#[test]
fn variables_come_from_references_and_what_stands_inline() {
    let embedded = Embedded::start("debug-ks");
    embedded.apply(
        "apiVersion: v1
kind: ConfigMap
metadata: {name: c, namespace: apps}
data: {region: eu, zone: a}
---
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: apps}
data: {zone: Yg==}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: web, namespace: apps}
spec:
  interval: 1m
  prune: true
  sourceRef: {kind: GitRepository, name: x}
  postBuild:
    substitute: {name: web}
    substituteFrom: [{kind: ConfigMap, name: c}, {kind: Secret, name: s}, {kind: Secret, name: none, optional: true}]
",
    );
    assert_eq!(embedded.ok("debug ks web -n apps --show-vars"), "name=web\nregion=eu\nzone=b\n");
}

#[test]
fn inventories_are_drawn_as_flux_draws_them() {
    let Some(flux) = folder("flux/trees/flux-cli/tree") else { return };
    let embedded = Embedded::start("tree");
    embedded.apply(&filled(&read(&flux.join("kustomizations.yaml"))));
    for (golden, command) in [
        ("tree.golden", "tree kustomization flux-system"),
        ("tree-compact.golden", "tree ks flux-system --compact"),
        ("tree-empty.golden", "tree kustomization empty"),
    ] {
        same_text(&filled(&read(&flux.join(golden))), &embedded.ok(command)).unwrap();
    }
    let json = embedded.ok("tree ks flux-system --compact -o json");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["resources"][0]["resources"][0]["resource"]["GroupKind"]["Kind"], "HelmRepository");
}

#[test]
fn a_cluster_is_checked_before_and_after_an_installation() {
    let embedded = Embedded::start("check");
    let said = |line: &[&str]| {
        let done = embedded.run(line);
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    };
    let (code, pre) = said(&["check", "--pre"]);
    assert_eq!(code, Some(0), "{pre}");
    assert!(pre.starts_with("► checking prerequisites\n✔ Kubernetes 1."), "{pre}");
    assert!(pre.ends_with(" >=1.33.0-0\n✔ prerequisites checks passed\n"), "{pre}");
    let (code, before) = said(&["check"]);
    assert_eq!(code, Some(1), "{before}");
    assert!(before.contains(
        "✗ no crds found with the label selector 'app.kubernetes.io/part-of=flux'\n✗ check failed\n"
    ));
    embedded.ok("install --crds-only --force");
    let (code, after) = said(&["check"]);
    assert_eq!(code, Some(0), "{after}");
    assert!(after.contains("✔ distribution: flux-v") && after.contains("✔ bootstrapped: false\n"), "{after}");
    assert!(after.contains("✔ gitrepositories.source.toolkit.fluxcd.io/v1\n"), "{after}");
    let version = embedded.ok("version");
    assert!(version.starts_with("gitops: v") && version.contains("\ndistribution: flux-v"), "{version}");
    let json: serde_json::Value = serde_json::from_str(&embedded.ok("version --client -o json")).unwrap();
    assert_eq!(json.as_object().unwrap().len(), 1);
    assert!(
        embedded
            .refused("logs -A")
            .starts_with("✗ no Flux pods found in namespace \"flux-system\": the controller")
    );
}

#[test]
fn variables_of_the_environment_are_put_into_what_is_piped_in() {
    let run = |text: &str, flags: &[&str]| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gitops"))
            .arg("envsubst")
            .args(flags)
            .env("REPO_NAME", "test")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    if let Some(flux) = folder("flux/trees/flux-cli/envsubst") {
        let done = run(&read(&flux.join("file.yaml")), &["--strict"]);
        same_text(&read(&flux.join("file.gold")), std::str::from_utf8(&done.stdout).unwrap()).unwrap();
    }
    assert_eq!(run("a: ${NOT_SET_HERE}\n", &[]).stdout, b"a: \n");
    let refused = run("x\na: ${NOT_SET_HERE}\n", &["--strict"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("line 2: "), "{refused:?}");
}

#[test]
fn a_receivers_web_hook_is_called_with_its_signature() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let mut seen = Vec::new();
        // Busy at first.
        for answer in ["503 Service Unavailable", "200 OK"] {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            while !request.ends_with(b"{\"a\":1}") {
                let count = stream.read(&mut buffer).unwrap();
                request.extend_from_slice(&buffer[..count]);
            }
            write!(stream, "HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
            seen.push(String::from_utf8(request).unwrap());
        }
        seen
    });
    let done = Command::new(env!("CARGO_BIN_EXE_gitops"))
        .args(["trigger", "receiver", "test", "-n", "default", "--token=token", "--type=generic-hmac"])
        .args(["--payload={\"a\":1}", "--retry-delay=1ms", &format!("--url=http://{address}/base/")])
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    let seen = server.join().unwrap();
    let path = "POST /base/hook/7e951ee64a4d6fb90c13dc8bd1f1077d28f51c55b08b273900ca03659d9c682b ";
    for request in &seen {
        assert!(request.starts_with(path), "{request}");
        let signature = "x-signature: sha256=";
        let found = request.lines().find_map(|line| line.strip_prefix(signature));
        // HMAC-SHA256 of the payload with the token.
        assert_eq!(found.map(str::len), Some(64), "{request}");
    }
}
